/**
 * The client layer's front: publish and fetch documents as transfers.
 *
 * Shape   `createClient(deps, options)`; the network is seen only as the circuits of one document at a time.
 * Errors  LocalError busy is thrown at once; all others come through `result`, `metadata` and `content`. None of them crashes the process when nobody looks.
 * Why     no port in `deps` leads to the router: what we want can only leave through a circuit.
 * Source  design § 10.
 * @module
 */
import type { Crypto } from '../../crypto/provider.ts';
import { LocalError } from '../errors.ts';
import type { TrafficClass } from '../ids.ts';
import type { CircuitSource } from '../onion/onion-types.ts';
import type { Clock, Compute, Log, Random, Records } from '../ports.ts';
import type { FetchedMetadata, FetchOptions, FetchTransfer, PublishOptions, PublishTransfer } from './client-types.ts';
import { type FetchDeps, fetchDocument } from './fetch.ts';
import { Handoff } from './handoff.ts';
import { fetchableUri, generateKeyPair } from './named-documents.ts';
import { createNames } from './names.ts';
import { type PublishDeps, type PublishNotes, publishDocument } from './publish.ts';
import { publishDirectory } from './publish-directory.ts';
import type { FetchResume, PublishResume, PublishSource, ResumableClient } from './resume-types.ts';
import { createSeenEditions } from './seen-editions.ts';
import { createSites } from './site.ts';
import { closeUnread, type Watchdog } from './timing.ts';
import { type Transfer, TransferTable } from './transfers.ts';

export interface ClientDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly crypto: Crypto;
  readonly compute: Compute;
  readonly log: Log;
  readonly circuits: CircuitSource;
  /** Where the newest editions seen are kept; absent: in memory. */
  readonly records?: Records;
  /** Days since 1970, by the network's clock: what keyword records are dated with. */
  readonly networkDay?: () => number;
  /** From the node's identity: what is kept here of keys in use is kept under it. */
  readonly homeKey?: Uint8Array;
}

export interface ClientOptions {
  /** Owners wanted for a block that stands at one location. */
  readonly owners: number;
  /** Owners wanted at each location of a replicated block. */
  readonly ownersReplicated: number;
}

export function createClient(deps: ClientDeps, options: ClientOptions): ResumableClient {
  const random = deps.random.fork('documents');
  const table = new TransferTable(deps.clock, deps.random.fork('transfer ids'), deps.log);
  const publishDeps: PublishDeps = { ...deps, random, ...options };
  const homeKey = deps.homeKey ?? deps.crypto.randomBytes(32);
  const seen = createSeenEditions(deps.crypto, deps.crypto.hmac(homeKey, 'holloway seen'), deps.records);
  const sites = createSites(deps.crypto, homeKey, deps.records);
  const names = createNames({ ...deps, ...options, random, seen, nowDay: deps.networkDay ?? (() => 0) });
  return {
    publish: (source, wishes, signal) =>
      publish(table, source, wishes.trafficClass, signal, (transfer, watchdog) =>
        names.publishAs(wishes, transfer, watchdog, () =>
          publishDocument(publishDeps, source, wishes, transfer, watchdog),
        ),
      ),
    publishDirectory: (files, wishes, signal) =>
      publish(table, files, wishes.trafficClass, signal, (transfer, watchdog) =>
        names.publishAs(wishes, transfer, watchdog, () =>
          publishDirectory(publishDeps, files, wishes, transfer, watchdog, undefined, sites.reuseFor(wishes.as)),
        ),
      ),
    fetch: (uri, wishes, signal, resume) =>
      fetch({ ...deps, ...options, random, seen }, table, uri, wishes, signal, resume),
    newestEdition: (uri, wishes, signal) => names.newestEdition(uri, wishes.trafficClass, signal),
    search: (words, wishes, signal) => names.search(words, wishes.trafficClass, signal),
    generateKeys: () => generateKeyPair(deps.crypto),
    resumePublish: (source, wishes, signal, resume) =>
      publish(
        table,
        NOTHING,
        wishes.trafficClass,
        signal,
        (transfer, watchdog) => {
          const work = () => passes(publishDeps, source, wishes, transfer, watchdog, resume);
          return resume.plan?.isAll === true ? work() : names.publishAs(wishes, transfer, watchdog, work);
        },
        resume.id,
      ),
    cancel: (id) => table.cancel(id),
    transfers: () => table.list(),
    blockMap: (id) => table.blockMap(id),
    onProgress: (listener) => table.onProgress(listener),
  };
}

/** A source that is opened when it is read, so that there is nothing to close before. */
const NOTHING: AsyncIterable<never> = {
  [Symbol.asyncIterator]: () => ({ next: async () => ({ done: true, value: undefined }) }),
};

/** All passes of a publish that keeps notes, or only the last when the others have been made. */
async function passes(
  deps: PublishDeps,
  source: PublishSource,
  wishes: PublishOptions,
  transfer: Transfer,
  watchdog: Watchdog,
  resume: PublishResume,
): Promise<string> {
  const run = (pass: PublishNotes['pass']): Promise<string> => {
    const notes = { resume, pass };
    if (source.type === 'file') return publishDocument(deps, source.open(), wishes, transfer, watchdog, notes);
    if (source.type === 'name') return Promise.resolve(source.uri);
    const { defaultPath } = source;
    const options = { ...wishes, ...(defaultPath === undefined ? {} : { defaultPath }) };
    return publishDirectory(deps, source.open(), options, transfer, watchdog, notes);
  };
  if (resume.plan !== undefined) {
    if (wishes.convergent || resume.repeatKey !== undefined) await run('digest');
    const uri = await run('plan');
    await resume.plan.done(uri);
    if (resume.plan.isAll === true) return uri;
  }
  return run('insert');
}

function publish(
  table: TransferTable,
  source: AsyncIterable<unknown>,
  trafficClass: TrafficClass,
  signal: AbortSignal | undefined,
  work: (transfer: Transfer, watchdog: Watchdog) => Promise<string>,
  id?: string,
): PublishTransfer {
  let transfer: Transfer;
  try {
    transfer = table.open('publish', trafficClass, id);
  } catch (error) {
    closeUnread(source);
    throw error;
  }
  // Between requests only the source is waited for, and a slow source is no stall.
  const idle = (): boolean => transfer.progress.blocksInFlight === 0;
  let begun = false;
  const result = table.run(
    transfer,
    signal,
    (watchdog) => {
      begun = true;
      return work(transfer, watchdog);
    },
    idle,
  );
  result.catch(() => {
    if (!begun) closeUnread(source); // cancelled while it waited for its turn
  });
  return { id: transfer.id, result: quiet(result) };
}

function fetch(
  deps: FetchDeps,
  table: TransferTable,
  text: string,
  options: FetchOptions,
  signal: AbortSignal | undefined,
  resume: FetchResume | undefined,
): FetchTransfer {
  const segments = new Handoff<readonly Uint8Array[]>();
  const transfer = table.open('fetch', options.trafficClass, resume?.id);
  const { promise, resolve, reject } = Promise.withResolvers<FetchedMetadata>();
  const sink = { metadata: resolve, segments };
  // A reader must not wait for a transfer that was aborted between two segments.
  transfer.signal.addEventListener('abort', () => segments.fail(transfer.signal.reason), { once: true });
  table
    .run(transfer, signal, async (watchdog) => {
      await fetchDocument(deps, fetchableUri(text), options, transfer, watchdog, sink, resume);
    })
    .then(
      () => segments.end(),
      (error: unknown) => {
        segments.fail(error);
        reject(error);
      },
    );
  return {
    id: transfer.id,
    metadata: quiet(promise),
    content: read(segments, () => transfer.abort(new LocalError('cancelled'))),
  };
}

/** @param stop called when the reader leaves, early or not */
async function* read(segments: Handoff<readonly Uint8Array[]>, stop: () => void): AsyncGenerator<Uint8Array> {
  try {
    for (let chunks = await segments.take(); chunks !== undefined; chunks = await segments.take()) {
      for (const chunk of chunks) if (chunk.length > 0) yield chunk;
    }
  } finally {
    stop();
  }
}

/** The promise itself, with its rejection already looked at: nobody has to wait for it. */
function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}
