/**
 * A queue entry as FCP messages: what it is, how far it is, how it ended.
 *
 * Shape   each message with the verbosity bit a client must have asked for, 0 for those that always come. `persistentMessage` says what the
 *         request is; `stateMessages` all that can be said now, in the order clients expect: live, only what is new of it is sent.
 * Source  FCPv2 ClientPut, ClientGet; the order in which clients depend on them.
 * @module
 */
import type { QueueEntry } from '../../client/queue-types.ts';
import { parseUri, printUri } from '../../client/uri.ts';
import { failureOf } from './fcp-error.ts';
import { VERBOSITY } from './fields.ts';
import { typeOfName } from './mime.ts';
import type { OutFields } from './output.ts';
import type { RequestMeta } from './request-record.ts';

export interface StateMessage {
  readonly name: string;
  readonly fields: OutFields;
  readonly verbosity: number;
}

const NAMES = { get: 'PersistentGet', put: 'PersistentPut', putDir: 'PersistentPutDir' } as const;

export function persistentMessage(meta: RequestMeta, entry: QueueEntry): StateMessage {
  const fields = {
    ...common(meta),
    ...meta.shown,
    Verbosity: meta.verbosity,
    PriorityClass: entry.priority,
    Persistence: entry.persistence,
    ClientToken: meta.clientToken,
    Started: entry.state !== 'queued',
  };
  return { name: NAMES[meta.type], fields, verbosity: 0 };
}

/**
 * @param wallMinusNow to turn the monotonic times of an entry into Unix milliseconds
 * @param movedAtMs Unix milliseconds of the last block
 */
export function stateMessages(
  meta: RequestMeta,
  entry: QueueEntry,
  wallMinusNow: number,
  movedAtMs: number,
): StateMessage[] {
  const times = {
    movedAtMs,
    StartupTime: Math.round(entry.progress.startedAtMs + wallMinusNow),
    CompletionTime: Math.round((entry.progress.endedAtMs ?? entry.progress.startedAtMs) + wallMinusNow),
  };
  return meta.type === 'get' ? getStates(meta, entry, times) : putStates(meta, entry, times);
}

interface Times {
  readonly movedAtMs: number;
  readonly StartupTime: number;
  readonly CompletionTime: number;
}

function putStates(meta: RequestMeta, entry: QueueEntry, times: Times): StateMessage[] {
  const uri = putUri(meta, entry);
  const states: StateMessage[] = [simpleProgress(meta, entry, times.movedAtMs)];
  if (uri !== undefined) states.push(always(meta, 'URIGenerated', { URI: uri }));
  if (entry.state === 'done' && uri !== undefined) {
    states.push({ ...always(meta, 'PutFetchable', { URI: uri }), verbosity: VERBOSITY.putFetchable });
    states.push(always(meta, 'PutSuccessful', { URI: uri, ...startAndEnd(times) }));
  } else if (hasFailed(entry)) {
    states.push(always(meta, 'PutFailed', { ...failure('put', entry), ExpectedURI: uri }));
  }
  return states;
}

/** Of a name the key under which readers will ask; of a site only when its edition is decided. */
function putUri(meta: RequestMeta, entry: QueueEntry): string | undefined {
  if (entry.uri === undefined) return undefined;
  if (meta.shown.PrivateURI === undefined) return withName(entry.uri, meta.fileName);
  if (entry.state === 'done') return entry.uri;
  const named = String(meta.shown.URI);
  return named.startsWith('USK@') ? undefined : named;
}

function getStates(meta: RequestMeta, entry: QueueEntry, times: Times): StateMessage[] {
  const { metadata } = entry;
  const states: StateMessage[] = [];
  const expected = metadata === undefined ? {} : { ...typeFields(meta, entry), DataLength: metadata.sizeBytes };
  if (metadata !== undefined) {
    states.push({ ...always(meta, 'ExpectedMIME', typeFields(meta, entry)), verbosity: VERBOSITY.expectedMime });
    const length = always(meta, 'ExpectedDataLength', { DataLength: metadata.sizeBytes });
    states.push({ ...length, verbosity: VERBOSITY.expectedDataLength });
  }
  states.push(simpleProgress(meta, entry, times.movedAtMs));
  if (entry.state === 'waiting') {
    const wakeup = Math.round((entry.nextAttemptAtMs ?? 0) - entry.progress.startedAtMs + times.StartupTime);
    states.push({
      ...always(meta, 'EnterFiniteCooldown', { WakeupTime: wakeup }),
      verbosity: VERBOSITY.finiteCooldown,
    });
  }
  if (entry.state === 'done') states.push(always(meta, 'DataFound', { ...expected, ...startAndEnd(times) }));
  else if (hasFailed(entry)) states.push(getFailed(meta, entry));
  return states;
}

export function getFailed(meta: RequestMeta, entry: QueueEntry, extra: OutFields = {}): StateMessage {
  const { metadata } = entry;
  return always(meta, 'GetFailed', {
    ...failure('get', entry),
    ExpectedDataLength: metadata?.sizeBytes,
    'ExpectedMetadata.ContentType': metadata === undefined ? undefined : contentTypeOf(meta, entry),
    FinalizedExpected: metadata === undefined ? undefined : true,
    ...extra,
  });
}

/** What the answer says of its type; without one of its own, by the name it is asked under. */
export function contentTypeOf(meta: RequestMeta, entry: QueueEntry): string {
  const { metadata } = entry;
  const asked = String(meta.shown.URI ?? '');
  return metadata?.contentType ?? typeOfName(metadata?.name ?? asked.slice(asked.lastIndexOf('/') + 1));
}

function startAndEnd({ StartupTime, CompletionTime }: Times): OutFields {
  return { StartupTime, CompletionTime };
}

function typeFields(meta: RequestMeta, entry: QueueEntry): OutFields {
  return { 'Metadata.ContentType': contentTypeOf(meta, entry) };
}

function hasFailed(entry: QueueEntry): boolean {
  return entry.state === 'failed' || entry.state === 'cancelled';
}

function failure(operation: 'get' | 'put', entry: QueueEntry): OutFields {
  const { code, detail } = entry.error ?? { code: 'cancelled' as const, detail: undefined };
  return { ...failureOf(operation, code, detail) };
}

function simpleProgress(meta: RequestMeta, entry: QueueEntry, movedAtMs: number): StateMessage {
  const { blocksHave, blocksNeeded, blocksMissed } = entry.progress;
  const total = Math.max(blocksNeeded ?? 0, blocksHave);
  return {
    name: 'SimpleProgress',
    fields: {
      ...common(meta),
      Total: total,
      Required: total,
      Failed: blocksMissed,
      FatallyFailed: 0,
      Succeeded: blocksHave,
      LastProgress: Math.round(movedAtMs),
      FinalizedTotal: blocksNeeded !== undefined,
      MinSuccessFetchBlocks: meta.type === 'get' ? undefined : total,
    },
    verbosity: VERBOSITY.simpleProgress,
  };
}

/** Clients read the last part of a USK as its edition: no name is hung on anything but CHK. */
function withName(uri: string, name: string | undefined): string {
  if (name === undefined || !uri.startsWith('CHK@')) return uri;
  const parsed = parseUri(uri);
  return parsed.type === 'CHK' ? printUri({ ...parsed, path: [name] }) : uri;
}

function always(meta: RequestMeta, name: string, fields: OutFields): StateMessage {
  return { name, fields: { ...common(meta), ...fields }, verbosity: 0 };
}

function common(meta: RequestMeta): OutFields {
  return { Identifier: meta.identifier, Global: meta.global };
}
