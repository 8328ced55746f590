/**
 * The documents and folders that somebody is looking at: each fetched once, however many tabs and pictures ask for it.
 *
 * Shape   open(uri) -> Held. Up to GATEWAY_WHOLE_BYTES_MAX it is read whole into memory, a folder with all its files; of a larger document only the head
 *         is kept and each reader has its own transfer of its own range; of a larger folder only the list, its files being opened one by one.
 * Unit    bytes kept in all: GATEWAY_KEPT_BYTES_MAX. What nobody looked at for UNWATCHED_MS while it is fetched is stopped.
 * Errors  LocalError busy when all places are in use; what a fetch says comes through `opened` and `until`.
 * Why     a page and its forty pictures are one fetch over one set of circuits: faster, and neither exits nor holders of blocks learn which
 *         of the pages was read. It is kept in memory alone and for minutes, because what stays is a record of what was read.
 * Source  ux § 3.5; design § 10.
 * @module
 */
import type { Client, FetchedMetadata, TransferProgress } from '../../client/client-types.ts';
import type { QueueEntry, TransferQueue } from '../../client/queue-types.ts';
import { LocalError } from '../../errors.ts';
import type { TrafficClass } from '../../ids.ts';
import { GATEWAY_DOCUMENTS_MAX, GATEWAY_KEPT_BYTES_MAX, GATEWAY_WHOLE_BYTES_MAX } from '../../limits.ts';
import type { Clock, Timer } from '../../ports.ts';

export const UNWATCHED_MS = 60_000;
const SWEEP_MS = 5_000;
/** A failure is told to all who waited for it, and then forgotten: whoever asks again, tries again. */
const FAILURE_KEPT_MS = 3_000;
const IDLE_KEPT_MS = 600_000;
/** Enough for every magic number. */
export const HEAD_BYTES = 4_100;

export interface DocumentsDeps {
  readonly client: Pick<Client, 'fetch' | 'cancel' | 'transfers'>;
  readonly queue?: TransferQueue | undefined;
  readonly clock: Clock;
  readonly trafficClass: TrafficClass;
}

interface Span {
  readonly offset: number;
  readonly sizeBytes: number;
}

export class Documents {
  readonly #deps: DocumentsDeps;
  readonly #held = new Map<string, Held>();
  #sweeping: Timer | undefined;

  constructor(deps: DocumentsDeps) {
    this.#deps = deps;
  }

  /** @throws LocalError busy */
  open(uri: string): Held {
    const found = this.#held.get(uri);
    if (found !== undefined) {
      this.#held.delete(uri);
      this.#held.set(uri, found); // newest last: the order of eviction
      return found;
    }
    if (this.#held.size >= GATEWAY_DOCUMENTS_MAX && !this.#evictOne()) {
      throw new LocalError('busy', `${GATEWAY_DOCUMENTS_MAX} documents are open`);
    }
    const held = new Held(this.#deps, uri, (bytes) => this.#reserve(bytes));
    this.#held.set(uri, held);
    this.#sweeping ??= this.#deps.clock.setTimer(SWEEP_MS, () => this.#sweep());
    return held;
  }

  find(uri: string): Held | undefined {
    return this.#held.get(uri);
  }

  /** The same under a second name: a newest edition under its number. */
  alias(uri: string, held: Held): void {
    if (!this.#held.has(uri)) this.#held.set(uri, held);
  }

  forget(uri: string): void {
    this.#held.get(uri)?.stop();
    this.#held.delete(uri);
  }

  list(): readonly Held[] {
    return [...new Set(this.#held.values())];
  }

  get keptBytes(): number {
    return this.list().reduce((sum, held) => sum + held.keptBytes, 0);
  }

  close(): void {
    this.#sweeping?.cancel();
    for (const held of this.#held.values()) held.stop();
    this.#held.clear();
  }

  #reserve(bytes: number): boolean {
    while (this.keptBytes + bytes > GATEWAY_KEPT_BYTES_MAX) if (!this.#evictOne()) return false;
    return true;
  }

  /** The one not looked at for longest, of those that wait for nothing. */
  #evictOne(): boolean {
    for (const [uri, held] of this.#held) {
      if (held.watchers > 0 || held.isRunning) continue;
      held.stop();
      this.#held.delete(uri);
      return true;
    }
    return false;
  }

  #sweep(): void {
    const nowMs = this.#deps.clock.nowMs();
    for (const [uri, held] of this.#held) {
      const idleMs = held.watchers > 0 ? 0 : nowMs - held.watchedAtMs;
      const limitMs = held.failure !== undefined ? FAILURE_KEPT_MS : held.isRunning ? UNWATCHED_MS : IDLE_KEPT_MS;
      if (idleMs < limitMs) {
        if (idleMs >= UNWATCHED_MS) held.letGo();
        continue;
      }
      held.stop();
      this.#held.delete(uri);
    }
    this.#sweeping = this.#held.size === 0 ? undefined : this.#deps.clock.setTimer(SWEEP_MS, () => this.#sweep());
  }
}

/** One key that is, or was, being fetched. */
export class Held {
  readonly uri: string;
  readonly startedAtMs: number;
  readonly opened: Promise<FetchedMetadata>;
  metadata: FetchedMetadata | undefined;
  failure: LocalError | undefined;
  watchers = 0;
  watchedAtMs: number;
  readonly #deps: DocumentsDeps;
  readonly #reserve: (bytes: number) => boolean;
  readonly #abort = new AbortController();
  #transferId: string | undefined;
  #spans: Map<string, Span> | undefined;
  /** Read whole: all bytes of it, of which the first `filled` are there. */
  #bytes: Uint8Array | undefined;
  #filled = 0;
  /** Read by range: the first bytes, and the transfer they came from, which waits for a reader. */
  #head: Uint8Array | undefined;
  #rest: { readonly first: readonly Uint8Array[]; readonly iterator: AsyncIterator<Uint8Array> } | undefined;
  #listOnly = false;
  #waiting: (() => void)[] = [];
  #isDone = false;

  constructor(deps: DocumentsDeps, uri: string, reserve: (bytes: number) => boolean) {
    this.#deps = deps;
    this.#reserve = reserve;
    this.uri = uri;
    this.startedAtMs = deps.clock.nowMs();
    this.watchedAtMs = this.startedAtMs;
    const { promise, resolve, reject } = Promise.withResolvers<FetchedMetadata>();
    this.opened = promise;
    promise.catch(() => {});
    this.#run(resolve).catch((error: unknown) => {
      this.failure = error instanceof LocalError ? error : new LocalError('internal', undefined, { cause: error });
      this.watchedAtMs = deps.clock.nowMs();
      this.#isDone = true;
      reject(this.failure);
      this.#tell();
    });
  }

  get isRunning(): boolean {
    return !this.#isDone;
  }

  get keptBytes(): number {
    return (this.#bytes?.length ?? 0) + (this.#head?.length ?? 0);
  }

  get progress(): TransferProgress | undefined {
    return this.#deps.client.transfers().find(({ id }) => id === this.#transferId);
  }

  get transferId(): string | undefined {
    return this.#transferId;
  }

  /** A folder of which only the list is known: its files are documents of their own. */
  get isListOnly(): boolean {
    return this.#listOnly;
  }

  /** The key by which its parts are fetched: what an SSK or USK led to need not be looked up again. */
  get canonicalUri(): string {
    return this.metadata?.uri ?? this.uri;
  }

  /** Call the returned function when the request has ended. */
  watch(): () => void {
    this.watchers++;
    let watching = true;
    return () => {
      if (watching) this.watchers--;
      watching = false;
      this.watchedAtMs = this.#deps.clock.nowMs();
    };
  }

  touch(): void {
    this.watchedAtMs = this.#deps.clock.nowMs();
  }

  /** Where a file of the folder stands in its content; undefined when there is none of that path. */
  span(path: string): Span | undefined {
    const files = this.metadata?.directory?.files;
    if (files === undefined) return undefined;
    if (this.#spans === undefined) {
      this.#spans = new Map();
      let offset = 0;
      for (const { path: name, sizeBytes } of files) {
        this.#spans.set(name, { offset, sizeBytes });
        offset += sizeBytes;
      }
    }
    return this.#spans.get(path);
  }

  /** Resolves when bytes up to `to` can be read at once, as far as they are ever kept; rejects with what the fetch says. */
  async until(to: number, signal: AbortSignal): Promise<void> {
    while (!this.has(to)) {
      if (this.failure !== undefined) throw this.failure;
      signal.throwIfAborted();
      await new Promise<void>((resolve) => {
        const done = (): void => {
          signal.removeEventListener('abort', done);
          resolve();
        };
        this.#waiting.push(done);
        signal.addEventListener('abort', done, { once: true });
      });
      signal.throwIfAborted();
    }
  }

  has(to: number): boolean {
    if (this.#bytes !== undefined) return this.#filled >= Math.min(to, this.#bytes.length);
    return this.#head !== undefined || (this.#listOnly && this.metadata !== undefined);
  }

  /** What is in memory of [from, to): all of it after `until`, for what is kept whole; else what the head has. */
  slice(from: number, to: number): Uint8Array {
    return (this.#bytes ?? this.#head ?? new Uint8Array()).subarray(from, to);
  }

  get isWhole(): boolean {
    return this.#bytes !== undefined;
  }

  /** Bytes [from, to) as they come; at most one segment of the network's is ahead of the reader. */
  async *read(from: number, to: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    if (this.#bytes !== undefined) {
      for (let at = from; at < to; ) {
        await this.until(at + 1, signal);
        const until = Math.min(to, this.#filled);
        yield this.#bytes.subarray(at, until);
        at = until;
      }
      return;
    }
    if (from === to) return;
    const rest = this.#rest;
    this.#rest = undefined;
    if (rest !== undefined && from === 0) yield* this.#continued(rest, to, signal);
    else {
      rest?.iterator.return?.().catch(() => {});
      yield* this.#ranged(from, to, signal);
    }
  }

  /** Gives up the transfer that waits for a reader; what is in memory stays. */
  letGo(): void {
    this.#rest?.iterator.return?.().catch(() => {});
    this.#rest = undefined;
  }

  stop(): void {
    this.letGo();
    this.#abort.abort(new LocalError('cancelled'));
  }

  async *#continued(
    rest: { readonly first: readonly Uint8Array[]; readonly iterator: AsyncIterator<Uint8Array> },
    to: number,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    const end = (): void => {
      if (this.#transferId !== undefined) this.#deps.client.cancel(this.#transferId);
    };
    signal.addEventListener('abort', end, { once: true });
    try {
      let left = to;
      for (const chunk of rest.first) {
        yield chunk.subarray(0, left);
        left -= Math.min(left, chunk.length);
      }
      while (left > 0) {
        const next = await rest.iterator.next();
        if (next.done === true) throw new LocalError('incomplete');
        yield next.value.subarray(0, left);
        left -= Math.min(left, next.value.length);
      }
    } finally {
      signal.removeEventListener('abort', end);
      rest.iterator.return?.().catch(() => {});
    }
  }

  async *#ranged(from: number, to: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const entry = kept(this.#deps.queue, this.uri);
    if (entry !== undefined) {
      yield* cut(this.#deps.queue!.content(entry.id), from, to);
      return;
    }
    const { client, trafficClass } = this.#deps;
    yield* client.fetch(this.canonicalUri, { trafficClass, range: { from, to } }, signal).content;
  }

  async #run(opened: (metadata: FetchedMetadata) => void): Promise<void> {
    const { client, queue, trafficClass } = this.#deps;
    const entry = kept(queue, this.uri);
    let content: AsyncIterable<Uint8Array>;
    if (entry?.metadata !== undefined) {
      this.metadata = entry.metadata;
      content = queue!.content(entry.id);
    } else {
      const transfer = client.fetch(this.uri, { trafficClass }, this.#abort.signal);
      this.#transferId = transfer.id;
      this.metadata = await transfer.metadata;
      content = transfer.content;
    }
    const { sizeBytes, directory } = this.metadata;
    const isWhole = sizeBytes <= GATEWAY_WHOLE_BYTES_MAX && this.#reserve(sizeBytes);
    if (isWhole) this.#bytes = new Uint8Array(sizeBytes);
    this.#listOnly = !isWhole && directory !== undefined;
    opened(this.metadata);
    this.#tell();
    const iterator = content[Symbol.asyncIterator]();
    // Nothing was taken from the content yet, so that closing it would not reach the transfer.
    if (this.#listOnly && this.#transferId !== undefined) client.cancel(this.#transferId);
    else if (isWhole) await this.#fill(iterator);
    else if (!this.#listOnly) await this.#readHead(iterator);
    this.#isDone = true;
    this.#tell();
  }

  async #fill(iterator: AsyncIterator<Uint8Array>): Promise<void> {
    const bytes = this.#bytes!;
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
      if (this.#filled + next.value.length > bytes.length) throw new LocalError('bad_manifest');
      bytes.set(next.value, this.#filled);
      this.#filled += next.value.length;
      this.#tell();
    }
    if (this.#filled !== bytes.length) throw new LocalError('incomplete');
  }

  async #readHead(iterator: AsyncIterator<Uint8Array>): Promise<void> {
    const first: Uint8Array[] = [];
    let length = 0;
    while (length < HEAD_BYTES) {
      const next = await iterator.next();
      if (next.done === true) throw new LocalError('incomplete');
      first.push(next.value);
      length += next.value.length;
    }
    this.#head = new Uint8Array(Buffer.concat(first).subarray(0, HEAD_BYTES));
    this.#rest = { first, iterator };
    this.touch();
  }

  #tell(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}

/** A finished background fetch of the same key. */
function kept(queue: TransferQueue | undefined, uri: string): QueueEntry | undefined {
  return background(queue, uri, (entry) => entry.state === 'done' && entry.metadata !== undefined);
}

/** The background fetch of a key, finished or not. */
export function background(
  queue: TransferQueue | undefined,
  uri: string,
  wanted: (entry: QueueEntry) => boolean = () => true,
): QueueEntry | undefined {
  return queue
    ?.entries()
    .find((entry) => entry.kind === 'fetch' && entry.place.type === 'spool' && entry.uri === uri && wanted(entry));
}

async function* cut(content: AsyncIterable<Uint8Array>, from: number, to: number): AsyncGenerator<Uint8Array> {
  let at = 0;
  for await (const chunk of content) {
    if (at + chunk.length > from) yield chunk.subarray(Math.max(0, from - at), to - at);
    at += chunk.length;
    if (at >= to) return;
  }
}
