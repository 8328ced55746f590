/**
 * Publishing and fetching over HTTP: bytes stream through, and memory stays bounded by the sockets' own buffers.
 *
 * Shape   publish: request body -> Client.publish; fetch: Client's content -> response body, once. Ids are the client's.
 * Errors  LocalError as ApiErrorBody; after the first byte of content a failure destroys the connection, never a short 200.
 * Why     whoever goes away takes its transfer along: an upload cut in the middle is not a document, and a download that nobody
 *         takes would hold circuits and memory. A publish whose upload is complete goes on without its asker.
 * @module
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type {
  Client,
  FetchedMetadata,
  FetchTransfer,
  PublishTransfer,
  TransferProgress,
} from '../client/client-types.ts';
import type { KeyRing } from '../client/key-ring.ts';
import { pathFault } from '../client/listing.ts';
import { LocalError } from '../errors.ts';
import { TRANSFERS_MAX } from '../limits.ts';
import type { Clock, Timer } from '../ports.ts';
import type { NodeSettings } from '../settings.ts';
import { errorBody, errorBodyOf, openEventStream, readJson, sendError, sendJson } from './http.ts';
import type { FetchMetadata, TransferResult } from './schema.ts';
import type { StatusSource } from './status.ts';
import { checkClass, checkFlag, checkMaxBytes, checkRange, readPublishOptions } from './transfer-options.ts';
import { readTree } from './tree-body.ts';

/** A fetch whose content nobody asks for ends after this. */
const UNCLAIMED_MS = 60_000;
/** Progress events of one transfer: at most ten a second. */
const PROGRESS_MS = 100;

export interface TransferDeps {
  readonly client: Client;
  readonly keys: KeyRing;
  readonly settings: NodeSettings;
  readonly clock: Clock;
  readonly status: StatusSource;
}

export interface Transfers {
  publish(request: IncomingMessage, response: ServerResponse, query: URLSearchParams): void;
  publishTree(request: IncomingMessage, response: ServerResponse, query: URLSearchParams): void;
  fetch(request: IncomingMessage, response: ServerResponse): Promise<void>;
  events(response: ServerResponse, id: string): void;
  metadata(response: ServerResponse, id: string): Promise<void>;
  content(response: ServerResponse, id: string): Promise<void>;
  cancel(response: ServerResponse, id: string): void;
}

interface Kept {
  /** Settled: the URI of a publish, or why it failed. */
  uri?: string;
  failure?: unknown;
  fetch?: FetchTransfer;
  metadata?: Awaited<FetchTransfer['metadata']>;
  claimed: boolean;
  unclaimed?: Timer;
}

export function createTransfers(deps: TransferDeps): Transfers {
  const { client, keys, settings, clock, status } = deps;
  const kept = new Map<string, Kept>();

  function keep(id: string, entry: Kept): void {
    kept.set(id, entry);
    if (kept.size <= TRANSFERS_MAX) return;
    const known = new Set(client.transfers().map((progress) => progress.id));
    for (const old of kept.keys()) if (!known.has(old)) kept.delete(old);
  }

  function progressOf(id: string): TransferProgress {
    const found = client.transfers().find((progress) => progress.id === id);
    if (found === undefined) throw new LocalError('usage', 'no transfer has this id');
    return found;
  }

  function publish(request: IncomingMessage, response: ServerResponse, query: URLSearchParams): void {
    const options = readPublishOptions(query, settings, keys);
    accept(request, response, (signal) => client.publish(bodyOf(request), options, signal));
  }

  function publishTree(request: IncomingMessage, response: ServerResponse, query: URLSearchParams): void {
    const defaultPath = query.get('default') ?? undefined;
    if (defaultPath !== undefined && pathFault(defaultPath) !== undefined) {
      throw new LocalError('usage', 'default is a path inside the folder');
    }
    const withHashes = checkFlag(query, 'hashes');
    const options = {
      ...readPublishOptions(query, settings, keys),
      ...(defaultPath === undefined ? {} : { defaultPath }),
    };
    accept(request, response, (signal) =>
      client.publishDirectory(readTree(bodyOf(request), signal, withHashes), options, signal),
    );
  }

  /** Starts a publish from the request's body, and answers with its id while the body is being read. */
  function accept(
    request: IncomingMessage,
    response: ServerResponse,
    start: (signal: AbortSignal) => PublishTransfer,
  ): void {
    const abort = new AbortController();
    const transfer = start(abort.signal);
    const entry: Kept = { claimed: true };
    keep(transfer.id, entry);
    transfer.result.then(
      (uri) => {
        entry.uri = uri;
      },
      (error: unknown) => {
        entry.failure = error;
        request.resume(); // what is left of the body is read away, so that the answer below can end
      },
    );
    response.writeHead(202, { 'content-type': 'application/json', location: `/v1/transfers/${transfer.id}` });
    response.write(`${JSON.stringify({ v: 1, id: transfer.id })}\n`);
    // The id goes out at once; the answer ends when the body has been read, so that a keep-alive connection stays in step.
    request.on('end', () => response.end());
    response.on('close', () => {
      if (!request.complete) abort.abort(new LocalError('cancelled', 'the upload was cut off'));
    });
  }

  async function fetch(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readJson(request);
    const unknown = Object.keys(body).find((key) => !FETCH_FIELDS.includes(key));
    if (unknown !== undefined) throw new LocalError('usage', `the body may hold ${FETCH_FIELDS.join(', ')}`);
    if (typeof body.uri !== 'string') throw new LocalError('bad_uri', 'the body names no uri');
    const transfer = client.fetch(body.uri, {
      trafficClass: checkClass(body.class) ?? settings.fetchClass,
      ...checkMaxBytes(body.maxBytes),
      ...checkRange(body.range),
      ...(body.listOnly === true ? { listOnly: true } : {}),
    });
    const entry: Kept = { fetch: transfer, claimed: false };
    keep(transfer.id, entry);
    entry.unclaimed = clock.setTimer(UNCLAIMED_MS, () => client.cancel(transfer.id));
    transfer.metadata.then(
      (metadata) => {
        entry.metadata = metadata;
      },
      (error: unknown) => {
        entry.failure = error;
      },
    );
    sendJson(response, 202, { v: 1, id: transfer.id });
  }

  async function metadata(response: ServerResponse, id: string): Promise<void> {
    const entry = kept.get(id);
    if (entry?.fetch === undefined) throw new LocalError('usage', 'no fetch has this id');
    // Whoever waits here will claim the content, if it stays.
    if (!entry.claimed) entry.unclaimed?.cancel();
    let gone = false;
    response.on('close', () => {
      gone = true;
      if (!response.writableFinished && !entry.claimed) client.cancel(id);
    });
    const found = await entry.fetch.metadata;
    if (gone) return;
    if (!entry.claimed) entry.unclaimed = clock.setTimer(UNCLAIMED_MS, () => client.cancel(id));
    sendJson(response, 200, metadataDocument(found));
  }

  async function content(response: ServerResponse, id: string): Promise<void> {
    const entry = kept.get(id);
    if (entry?.fetch === undefined) throw new LocalError('usage', 'no fetch has this id');
    if (entry.claimed) throw new LocalError('usage', 'the content of a fetch is given once');
    entry.claimed = true;
    entry.unclaimed?.cancel();
    let gone = false;
    response.on('close', () => {
      gone = true;
      if (!response.writableFinished) client.cancel(id);
    });
    try {
      const metadata = await entry.fetch.metadata;
      if (gone) return;
      response.writeHead(200, {
        'content-type': 'application/octet-stream',
        'content-length': metadata.contentBytes,
        'cache-control': 'no-store',
      });
      response.flushHeaders();
      for await (const bytes of entry.fetch.content) {
        if (gone) return;
        if (!response.write(bytes)) await drained(response);
      }
      response.end();
    } catch (error) {
      entry.failure ??= error;
      if (!gone) sendError(response, error);
    }
  }

  function resultOf(progress: TransferProgress, entry: Kept | undefined): TransferResult {
    return {
      v: 1,
      id: progress.id,
      kind: progress.kind,
      ...(entry?.uri === undefined ? {} : { uri: entry.uri }),
      sizeBytes: progress.totalBytes ?? progress.bytes,
      contentType: entry?.metadata?.contentType ?? progress.contentType ?? null,
      name: entry?.metadata?.name ?? null,
      blocks: progress.blocksNeeded ?? progress.blocksHave,
      ...(progress.blocksAsked === undefined ? {} : { blocksAsked: progress.blocksAsked }),
      exits: progress.exits,
      trafficClass: progress.trafficClass,
      copiesMin: progress.copiesMin ?? null,
      ...(progress.verified === undefined ? {} : { verified: progress.verified }),
      ...(progress.files === undefined ? {} : { files: progress.files }),
      tookMs: Math.round((progress.endedAtMs ?? clock.nowMs()) - progress.startedAtMs),
    };
  }

  function events(response: ServerResponse, id: string): void {
    progressOf(id); // before the head goes out, so that an unknown id is a typed error
    const stream = openEventStream(response);
    let waiting: Timer | undefined;
    const close = (): void => {
      waiting?.cancel();
      stopListening();
    };
    const look = (): void => {
      waiting = undefined;
      const progress = client.transfers().find((candidate) => candidate.id === id);
      if (progress === undefined || !stream.open) {
        close();
        return;
      }
      const entry = kept.get(id);
      stream.send('progress', JSON.stringify(status.transfer(progress)));
      if (progress.endedAtMs === undefined) return;
      if (progress.stage !== 'done') {
        const body =
          progress.error === undefined
            ? errorBodyOf(entry?.failure ?? new LocalError('cancelled'))
            : errorBody(progress.error.code, progress.error.detail);
        stream.finish('error', JSON.stringify(body));
        close();
        return;
      }
      // The last progress comes just before the promise of the URI settles: look again in the next turn.
      if (progress.kind === 'publish' && entry !== undefined && entry.uri === undefined) {
        waiting = clock.setTimer(1, look);
        return;
      }
      stream.finish('result', JSON.stringify(resultOf(progress, entry)));
      close();
    };
    const stopListening = client.onProgress((progress) => {
      if (progress.id !== id) return;
      if (progress.endedAtMs === undefined) {
        waiting ??= clock.setTimer(PROGRESS_MS, look);
      } else {
        // The end is told at once, in the next turn: not from within the client's own notification.
        waiting?.cancel();
        waiting = clock.setTimer(0, look);
      }
    });
    response.on('close', close);
    look();
  }

  function cancel(response: ServerResponse, id: string): void {
    progressOf(id);
    sendJson(response, 200, { v: 1, cancelled: client.cancel(id) });
  }

  return { publish, publishTree, fetch, events, metadata, content, cancel };
}

const FETCH_FIELDS: readonly string[] = ['uri', 'class', 'maxBytes', 'range', 'listOnly'];

function metadataDocument(found: FetchedMetadata): FetchMetadata {
  const { sizeBytes, contentBytes, contentType, name, uri, edition, isForked, directory } = found;
  return {
    v: 1,
    sizeBytes,
    contentBytes,
    contentType: contentType ?? null,
    name: name ?? null,
    uri: uri ?? null,
    edition: edition ?? null,
    isForked: isForked ?? false,
    directory: directory === undefined ? null : { files: directory.files, defaultPath: directory.defaultPath ?? null },
  };
}

/** The body as the client reads it: paused while nobody asks, and an honest error when it is cut off. */
async function* bodyOf(request: IncomingMessage): AsyncGenerator<Uint8Array> {
  try {
    // Whoever stops reading early (a failed publish) must not destroy the connection: the rest is read away.
    for await (const part of request.iterator({ destroyOnReturn: false })) yield part as Buffer;
  } catch (error) {
    throw new LocalError('cancelled', 'the upload was cut off', { cause: error });
  }
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
  });
}
