/**
 * The persistent queue: which entries there are, which of them run, and what becomes of those that stop.
 *
 * Shape   `createQueue` reads the rows of the last run; `start` lets them go on. At most QUEUE_RUNNING_MAX run at once, by priority and then in
 *         the order they came; a more urgent one takes the place of the least urgent, which goes on later where it was.
 * Errors  LocalError unknown_transfer, busy, bad_uri, usage, exists from the calls; what a run ends with stands in its entry.
 * Why     one owner of all that outlives its asker. An entry is durable before its id is given out, and a run that is cut off anywhere is
 *         the same run afterwards. A fetch of what is being fetched waits for that and takes a copy: asking twice would show the
 *         network twice who wants it.
 * Source  design § 10; ux § 2 "Resume"; queue-types.ts.
 * @module
 */
import { LocalError } from '../../errors.ts';
import { hexKey } from '../../ids.ts';
import { DIRECTORY_ENTRIES_MAX, QUEUE_RUNNING_MAX, QUEUE_SPOOL_BYTES_MAX, QUEUE_TAG_BYTES_MAX } from '../../limits.ts';
import type { Clock, Crypto, Files, Log, Random, Records, Timer } from '../../ports.ts';
import { BEGINNING } from '../assembly.ts';
import { decodeKeyText, encodeKeyText } from '../base64.ts';
import type { FetchedMetadata, TransferProgress } from '../client-types.ts';
import { SourceChanged } from '../publish-outlet.ts';
import type { FetchRequest, Priority, PublishRequest, QueuedFile, QueueEntry, TransferQueue } from '../queue-types.ts';
import type { ResumableClient } from '../resume-types.ts';
import { parseUri } from '../uri.ts';
import {
  type Entry,
  type EntryBase,
  type FetchEntry,
  type PublishEntry,
  restingProgress,
  type TreeFile,
} from './entry.ts';
import { EntryTable } from './entry-table.ts';
import { type FetchRunDeps, runFetch } from './fetch-run.ts';
import { openOutput, partOf } from './output.ts';
import { type PublishRunDeps, runPublish } from './publish-run.ts';
import { isFinal, isWithoutNetwork, retryDelayMs } from './retry.ts';
import { SealedFile } from './sealed-file.ts';
import { createSpoolFiles, type SpoolFiles } from './spool-files.ts';

export interface QueueDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly crypto: Crypto;
  readonly log: Log;
  readonly records: Records;
  readonly files: Files;
  readonly client: ResumableClient;
  /** Seals the rows: of this home, and of its passphrase if it has one. */
  readonly key: Uint8Array;
  readonly spoolBytesMax?: number;
}

export interface PersistentQueue extends TransferQueue {
  /** Lets what is queued begin. */
  start(): Promise<void>;
  /** Cuts off what runs, to go on in the next life. */
  stop(): Promise<void>;
}

type Stop = 'paused' | 'queued' | 'removed';

interface Run {
  readonly abort: AbortController;
  stop: Stop | undefined;
  ended: Promise<void>;
}

interface Intake {
  /** @returns the bytes received; on failure nothing is left of them */
  take(work: (add: (bytes: AsyncIterable<Uint8Array>) => Promise<number>) => Promise<unknown>): Promise<number>;
}

/** What nobody asks about any more is forgotten: entries that no surface has marked as its own. */
const FORGOTTEN_AFTER_MS = 7 * 86_400_000;
const HOUR_MS = 3_600_000;
const KEY_BYTES = 32;

export function createQueue(deps: QueueDeps): PersistentQueue {
  return new Queue(deps);
}

class Queue implements PersistentQueue {
  readonly #deps: QueueDeps;
  readonly #table: EntryTable;
  readonly #spool: SpoolFiles;
  readonly #runDeps: FetchRunDeps & PublishRunDeps;
  readonly #spoolBytesMax: number;
  readonly #runs = new Map<string, Run>();
  /** Follower -> the fetch whose bytes it waits for. */
  readonly #following = new Map<string, string>();
  readonly #waiting = new Map<string, { readonly timer: Timer; readonly atMs: number }>();
  readonly #listeners = new Set<(entry: QueueEntry, change: 'added' | 'changed' | 'removed') => void>();
  #receivingBytes = 0;
  #isStarted = false;
  #hourly: Timer | undefined;
  readonly #stopListening: () => void;

  constructor(deps: QueueDeps) {
    this.#deps = deps;
    this.#table = new EntryTable(deps.crypto, deps.records, deps.log, deps.key);
    this.#spool = createSpoolFiles(deps.crypto, deps.files);
    const repeatKey = deps.crypto.hkdf(deps.key, '', 'holloway repeatable', KEY_BYTES);
    this.#runDeps = { ...deps, spool: this.#spool, repeatKey };
    this.#spoolBytesMax = deps.spoolBytesMax ?? QUEUE_SPOOL_BYTES_MAX;
    for (const entry of this.#table.all()) {
      if (entry.state === 'running' || entry.state === 'waiting') entry.state = 'queued';
    }
    this.#stopListening = deps.client.onProgress((progress) => this.#progressed(progress));
  }

  async start(): Promise<void> {
    await this.#spool
      .removeOthers((id) => this.#table.get(id) !== undefined)
      .catch(() => this.#deps.log.write('warn', 'queue', 'the spool could not be cleaned up'));
    this.#isStarted = true;
    this.#forgetOld();
    this.#schedule();
  }

  async stop(): Promise<void> {
    this.#isStarted = false;
    this.#hourly?.cancel();
    for (const { timer } of this.#waiting.values()) timer.cancel();
    this.#waiting.clear();
    await Promise.all([...this.#runs.keys()].map((id) => this.#halt(id, 'queued')));
    for (const entry of this.#table.all()) if (entry.persistence !== 'forever') await this.#clearSpool(entry);
    this.#stopListening();
  }

  async fetch(request: FetchRequest): Promise<string> {
    const { uri, options, to } = request;
    parseUri(uri);
    const common = this.#newEntry(request);
    const entry: FetchEntry = {
      ...common,
      kind: 'fetch',
      uri,
      options,
      to,
      start: BEGINNING,
      pinned: undefined,
      isWhole: false,
      metadata: undefined,
    };
    if (to.type === 'disk') {
      const same = this.#unfinishedAt('fetch', to.path);
      if (same?.kind === 'fetch') {
        if (shareName(same) !== shareName(entry) || !isUnmarked(same, entry))
          throw new LocalError('exists', partOf(to.path));
        return this.#goOn(same, request.priority);
      }
      const taken = to.replace === true ? undefined : await this.#deps.files.facts(to.path);
      if (taken !== undefined) {
        const done = this.#doneAt(entry, to.path, taken.sizeBytes);
        if (done === undefined) throw new LocalError('exists', to.path);
        return done.id;
      }
    }
    return this.#add(entry);
  }

  async publish(request: PublishRequest): Promise<string> {
    const { from } = request;
    const common = this.#newEntry(request);
    if (from.type === 'disk') {
      const same = this.#unfinishedAt('publish', from.path);
      const entry = await this.#publishEntry(common, request);
      if (same?.kind === 'publish' && isUnmarked(same, entry) && sameWish(same, entry)) {
        return this.#goOn(same, request.priority);
      }
      return this.#add(entry);
    }
    const entry = await this.#publishEntry(common, request);
    try {
      return this.#add(entry);
    } catch (error) {
      await this.#clearSpool(entry);
      throw error;
    }
  }

  async plan(request: PublishRequest): Promise<string> {
    const entry = await this.#publishEntry(this.#newEntry(request), request);
    try {
      return await runPublish(this.#runDeps, entry, { planned() {} }, new AbortController().signal, true);
    } finally {
      await this.#clearSpool(entry);
    }
  }

  entries(): readonly QueueEntry[] {
    return this.#table.all().map((entry) => this.#view(entry));
  }

  entry(id: string): QueueEntry | undefined {
    const entry = this.#table.get(id);
    return entry === undefined ? undefined : this.#view(entry);
  }

  async pause(id: string): Promise<void> {
    const entry = this.#known(id);
    if (this.#runs.has(id)) await this.#halt(id, 'paused');
    else if (entry.state === 'queued' || entry.state === 'waiting' || entry.state === 'running') {
      this.#unfollow(id);
      this.#setState(entry, 'paused');
    }
    this.#schedule();
  }

  async resume(id: string): Promise<void> {
    const entry = this.#known(id);
    if (entry.state === 'paused') this.#requeue(entry);
  }

  async retry(id: string): Promise<void> {
    const entry = this.#known(id);
    if (entry.state === 'failed' || entry.state === 'waiting' || entry.state === 'cancelled') this.#requeue(entry);
  }

  async prioritise(id: string, priority: Priority): Promise<void> {
    const entry = this.#known(id);
    entry.priority = checkPriority(priority);
    this.#table.save(entry);
    this.#tell(entry, 'changed');
    this.#schedule();
  }

  async retag(id: string, tag: Uint8Array): Promise<void> {
    const entry = this.#known(id);
    entry.tag = checkTag(tag);
    this.#table.save(entry);
    this.#tell(entry, 'changed');
  }

  async remove(id: string): Promise<void> {
    const entry = this.#known(id);
    await this.#halt(id, 'removed');
    await this.#forget(entry);
    this.#schedule();
  }

  async *content(id: string): AsyncGenerator<Uint8Array> {
    const entry = this.#known(id);
    const isThere = entry.kind === 'fetch' && entry.to.type === 'spool' && entry.state === 'done';
    if (!isThere || entry.metadata === undefined) throw new LocalError('usage', 'nothing is kept of this transfer');
    const { crypto, files } = this.#deps;
    const file = await files.open(this.#spool.path(id, 'content'), 'read');
    const key = this.#spool.keyOf(entry, 'content');
    const sealed = await SealedFile.open(crypto, file, key, entry.metadata.contentBytes);
    try {
      yield* sealed.read();
    } finally {
      await sealed.close();
    }
  }

  onChange(listener: (entry: QueueEntry, change: 'added' | 'changed' | 'removed') => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  #known(id: string): Entry {
    const entry = this.#table.get(id);
    if (entry === undefined) throw new LocalError('unknown_transfer');
    return entry;
  }

  #newEntry({ priority, persistence, retries, tag }: FetchRequest | PublishRequest): EntryBase {
    const { crypto, random, clock } = this.#deps;
    if (!Number.isInteger(retries) || retries < -1) throw new LocalError('usage', 'retries is -1 or more');
    return {
      id: hexKey(random.bytes(8)),
      order: this.#table.nextOrder(),
      priority: checkPriority(priority),
      persistence,
      retries,
      state: 'queued',
      attempts: 0,
      isInterrupted: false,
      tag: tag === undefined ? undefined : checkTag(tag),
      fileKey: encodeKeyText(crypto.randomBytes(KEY_BYTES)),
      changedMs: clock.wallMs(),
      progress: undefined,
      error: undefined,
    };
  }

  /** What is handed over is in the spool when it resolves. */
  async #publishEntry(base: EntryBase, { options, repeatable = false, from }: PublishRequest): Promise<PublishEntry> {
    const entry = {
      ...base,
      kind: 'publish' as const,
      options,
      repeatable,
      isPlanned: from.type === 'redirect',
      uri: undefined,
      tree: undefined,
    };
    switch (from.type) {
      case 'disk': {
        const facts = await this.#deps.files.facts(from.path);
        if (facts === undefined || facts.kind === 'other') throw new LocalError('no_file', from.path);
        return { ...entry, from };
      }
      case 'redirect':
        if (parseUri(from.uri).type !== 'CHK') throw new LocalError('bad_uri', 'a name can only lead to a CHK@ key');
        return { ...entry, from };
      case 'spool': {
        const intake = await this.#intake(base);
        return { ...entry, from: { type: 'spool', sizeBytes: await intake.take(async (add) => add(from.bytes)) } };
      }
      default: {
        const { files, defaultPath } = from;
        const tree: TreeFile[] = [];
        const intake = await this.#intake(base);
        const sizeBytes = await intake.take((add) => receiveTree(files, tree, add));
        const kept = { type: from.type, sizeBytes, ...(defaultPath === undefined ? {} : { defaultPath }) };
        return { ...entry, from: kept, tree };
      }
    }
  }

  #add(entry: Entry): string {
    const gone = this.#table.add(entry);
    if (entry.kind === 'publish' && entry.tree !== undefined) this.#table.saveDetails(entry);
    if (gone !== undefined) {
      void this.#clearSpool(gone);
      this.#tell(gone, 'removed');
    }
    this.#tell(entry, 'added');
    this.#schedule();
    return entry.id;
  }

  /** The same was asked for before: that one goes on. */
  #goOn(entry: Entry, priority: Priority): string {
    entry.priority = Math.min(entry.priority, priority) as Priority;
    if (entry.state !== 'running' && entry.state !== 'queued') this.#requeue(entry);
    return entry.id;
  }

  /** The same wish, fulfilled while nobody looked, whose file is still as long as it was. */
  #doneAt(wish: FetchEntry, path: string, sizeBytes: number): Entry | undefined {
    return this.#table.all().find((entry) => {
      if (entry.kind !== 'fetch' || entry.state !== 'done' || !isUnmarked(entry, wish)) return false;
      const isThere = entry.to.type === 'disk' && entry.to.path === path && entry.metadata?.contentBytes === sizeBytes;
      return isThere && shareName(entry) === shareName(wish);
    });
  }

  #unfinishedAt(kind: Entry['kind'], path: string): Entry | undefined {
    return this.#table.all().find((entry) => {
      const place = entry.kind === 'fetch' ? entry.to : entry.from;
      return entry.kind === kind && place.type === 'disk' && place.path === path && entry.state !== 'done';
    });
  }

  /** Where the bytes of a publish are taken over. */
  async #intake(base: EntryBase): Promise<Intake> {
    const { crypto, files } = this.#deps;
    const file = await files.open(this.#spool.path(base.id, 'content'), 'private');
    const sealed = await SealedFile.open(crypto, file, this.#spool.keyOf(base, 'content'), 0);
    let received = 0;
    const add = async (bytes: AsyncIterable<Uint8Array>): Promise<number> => {
      const before = received;
      for await (const part of bytes) {
        this.#receivingBytes += part.length;
        received += part.length;
        this.#requireRoom(0);
        await sealed.append(part);
      }
      return received - before;
    };
    return {
      take: async (work) => {
        try {
          await work(add);
          await sealed.save();
          return received;
        } catch (error) {
          await this.#spool.remove(base.id, 'content').catch(() => {});
          if (error instanceof LocalError) throw error;
          throw new LocalError('cancelled', 'the input could not be read to its end', { cause: error });
        } finally {
          this.#receivingBytes -= received;
          await sealed.close();
        }
      },
    };
  }

  /** @throws LocalError busy */
  #requireRoom(moreBytes: number): void {
    let used = this.#receivingBytes + moreBytes;
    for (const entry of this.#table.all()) {
      if (entry.kind === 'publish')
        used += 'sizeBytes' in entry.from && entry.state !== 'done' ? entry.from.sizeBytes : 0;
      else if (entry.to.type !== 'disk') used += entry.metadata?.contentBytes ?? 0;
    }
    if (used > this.#spoolBytesMax) throw new LocalError('busy', `the spool may hold ${this.#spoolBytesMax} bytes`);
  }

  #schedule(): void {
    if (!this.#isStarted) return;
    const queued = this.#table
      .all()
      .filter(({ state }) => state === 'queued')
      .sort(byUrgency);
    for (const entry of queued) {
      if (this.#follow(entry)) continue;
      if (this.#runs.size < QUEUE_RUNNING_MAX) {
        this.#begin(entry);
        continue;
      }
      const last = [...this.#runs.keys()]
        .map((id) => this.#known(id))
        .sort(byUrgency)
        .at(-1)!;
      // It stops at once but for its files; the place is given when it has ended.
      if (last.priority > entry.priority && this.#runs.get(last.id)?.stop === undefined)
        void this.#halt(last.id, 'queued');
      return;
    }
  }

  /** Waits for a fetch of the same thing, if one runs. */
  #follow(entry: Entry): boolean {
    if (entry.kind !== 'fetch') return false;
    for (const [id, run] of this.#runs) {
      const other = this.#table.get(id);
      if (other?.kind !== 'fetch' || run.stop !== undefined || shareName(other) !== shareName(entry)) continue;
      this.#following.set(entry.id, id);
      this.#setState(entry, 'running');
      return true;
    }
    return false;
  }

  #unfollow(id: string): void {
    this.#following.delete(id);
  }

  #followersOf(id: string): FetchEntry[] {
    return [...this.#following]
      .filter(([, leader]) => leader === id)
      .flatMap(([follower]) => this.#table.get(follower) ?? [])
      .filter((entry) => entry.kind === 'fetch');
  }

  #begin(entry: Entry): void {
    this.#cancelWait(entry.id);
    if (!entry.isInterrupted) entry.attempts++;
    entry.isInterrupted = true;
    entry.error = undefined;
    const run: Run = { abort: new AbortController(), stop: undefined, ended: Promise.resolve() };
    this.#runs.set(entry.id, run);
    this.#setState(entry, 'running');
    run.ended = this.#run(entry, run);
  }

  async #run(entry: Entry, run: Run): Promise<void> {
    let failure: unknown;
    try {
      if (entry.kind === 'fetch') await this.#runFetch(entry, run.abort.signal);
      else await this.#runPublish(entry, run.abort.signal);
    } catch (error) {
      failure = error ?? new LocalError('internal');
    }
    this.#runs.delete(entry.id);
    if (run.stop === undefined || failure === undefined) await this.#ended(entry, failure);
    else if (run.stop !== 'removed') this.#setState(entry, run.stop);
    // Who waited for these bytes has to get them by itself now.
    for (const follower of this.#followersOf(entry.id)) {
      this.#unfollow(follower.id);
      this.#requeue(follower);
    }
    this.#schedule();
  }

  async #ended(entry: Entry, failure: unknown): Promise<void> {
    entry.isInterrupted = false;
    if (failure === undefined) {
      entry.error = undefined;
      this.#setState(entry, 'done');
      // Of a fetch into the spool the content stays, to be read.
      const parts = entry.kind === 'publish' || entry.to.type === 'none' ? (['content', 'journal'] as const) : [];
      await this.#spool.remove(entry.id, ...parts).catch(() => {});
      return;
    }
    const error = this.#asLocal(failure);
    entry.error = { code: error.code, detail: error.detail };
    if (failure instanceof SourceChanged) await this.#startOver(entry);
    if (error.code === 'verify_failed' && entry.kind === 'fetch' && entry.start.contentBytes > 0) {
      await this.#startOver(entry); // what was kept may be what is wrong
      this.#setState(entry, 'queued');
      return;
    }
    if (error.code === 'cancelled') return this.#setState(entry, 'cancelled');
    const mayRetry = entry.retries === -1 || entry.attempts <= entry.retries;
    if (isFinal(error.code) || !mayRetry) return this.#setState(entry, 'failed');
    if (isWithoutNetwork(error.code) && entry.attempts > 1) entry.attempts--;
    this.#wait(entry);
  }

  async #runFetch(entry: FetchEntry, signal: AbortSignal): Promise<void> {
    await runFetch(
      this.#runDeps,
      entry,
      {
        metadata: (metadata) => this.#foundMetadata(entry, metadata),
        marked: (mark, pinned) => {
          entry.start = mark;
          entry.pinned = pinned;
          this.#table.save(entry);
        },
        whole: async (metadata, read) => {
          entry.isWhole = true;
          this.#table.save(entry);
          for (const follower of this.#followersOf(entry.id)) await this.#copyTo(follower, metadata, read);
        },
      },
      signal,
    );
  }

  async #runPublish(entry: PublishEntry, signal: AbortSignal): Promise<void> {
    const planned = (uri: string): void => {
      entry.uri = uri;
      entry.isPlanned = true;
      this.#table.save(entry);
      this.#tell(entry, 'changed');
    };
    entry.uri = await runPublish(this.#runDeps, entry, { planned }, signal);
  }

  #foundMetadata(entry: FetchEntry, metadata: FetchedMetadata): void {
    if (entry.to.type !== 'disk' && entry.metadata === undefined) this.#requireRoom(metadata.contentBytes);
    entry.metadata = metadata;
    this.#table.saveDetails(entry);
    this.#tell(entry, 'changed');
    for (const follower of this.#followersOf(entry.id)) {
      follower.metadata = metadata;
      this.#tell(follower, 'changed');
    }
  }

  /** Gives a follower what its leader has. */
  async #copyTo(entry: FetchEntry, metadata: FetchedMetadata, read: () => AsyncIterable<Uint8Array>): Promise<void> {
    this.#unfollow(entry.id);
    let failure: unknown;
    try {
      const { maxBytes } = entry.options;
      if (maxBytes !== undefined && metadata.contentBytes > maxBytes) throw new LocalError('too_large');
      if (entry.to.type !== 'disk') this.#requireRoom(metadata.contentBytes);
      entry.metadata = metadata;
      this.#table.saveDetails(entry);
      const { crypto, files } = this.#deps;
      const sealedPath = this.#spool.path(entry.id, 'content');
      const place = { to: entry.to, sealedPath, key: this.#spool.keyOf(entry, 'content') };
      const output = await openOutput(crypto, files, place, 0);
      try {
        for await (const bytes of read()) await output?.append(bytes);
        await output?.finish();
      } finally {
        await output?.close();
      }
    } catch (error) {
      failure = error;
    }
    entry.attempts++;
    await this.#ended(entry, failure);
  }

  /** Ends a run if there is one, and resolves when it has let go of everything. */
  async #halt(id: string, stop: Stop): Promise<void> {
    this.#cancelWait(id);
    this.#unfollow(id);
    const run = this.#runs.get(id);
    if (run === undefined) return;
    run.stop = stop;
    run.abort.abort(new LocalError('cancelled'));
    await run.ended;
  }

  #requeue(entry: Entry): void {
    this.#cancelWait(entry.id);
    entry.error = undefined;
    this.#setState(entry, 'queued');
    this.#schedule();
  }

  #wait(entry: Entry): void {
    const delayMs = retryDelayMs(this.#deps.random, entry.attempts);
    const timer = this.#deps.clock.setTimer(delayMs, () => {
      this.#waiting.delete(entry.id);
      this.#requeue(entry);
    });
    this.#waiting.set(entry.id, { timer, atMs: this.#deps.clock.nowMs() + delayMs });
    this.#setState(entry, 'waiting');
  }

  #cancelWait(id: string): void {
    this.#waiting.get(id)?.timer.cancel();
    this.#waiting.delete(id);
  }

  /** The next run begins from nothing, with keys of its own. */
  async #startOver(entry: Entry): Promise<void> {
    if (entry.kind === 'fetch') {
      entry.start = BEGINNING;
      entry.pinned = undefined;
      entry.isWhole = false;
      await this.#spool.remove(entry.id, 'blocks').catch(() => {});
    } else {
      entry.isPlanned = false;
      entry.uri = undefined;
      await this.#spool.remove(entry.id, 'journal');
    }
    this.#table.save(entry);
  }

  async #forget(entry: Entry): Promise<void> {
    this.#cancelWait(entry.id);
    this.#table.delete(entry.id);
    await this.#clearSpool(entry);
    if (entry.kind === 'fetch' && entry.to.type === 'disk' && entry.state !== 'done' && entry.attempts > 0) {
      await this.#deps.files.remove(partOf(entry.to.path)).catch(() => {});
    }
    this.#tell(entry, 'removed');
  }

  async #clearSpool(entry: Entry): Promise<void> {
    await this.#spool.remove(entry.id, 'blocks', 'content', 'journal').catch(() => {});
  }

  #forgetOld(): void {
    const before = this.#deps.clock.wallMs() - FORGOTTEN_AFTER_MS;
    for (const entry of this.#table.all()) {
      const isResting = !this.#runs.has(entry.id) && entry.state !== 'queued' && entry.state !== 'waiting';
      if (isResting && entry.tag === undefined && entry.changedMs < before) void this.#forget(entry);
    }
    this.#hourly = this.#deps.clock.setTimer(HOUR_MS, () => this.#forgetOld());
  }

  #setState(entry: Entry, state: Entry['state']): void {
    entry.state = state;
    entry.changedMs = this.#deps.clock.wallMs();
    try {
      this.#table.save(entry);
    } catch {
      // The disk refuses: what is kept is older than what is true, and the next life does a part again.
      this.#deps.log.write('warn', 'queue', 'the state of an entry could not be saved');
    }
    this.#tell(entry, 'changed');
  }

  #progressed(progress: TransferProgress): void {
    const entry = this.#table.get(progress.id);
    const run = this.#runs.get(progress.id);
    if (entry === undefined || run === undefined || run.stop !== undefined) return;
    entry.progress = progress;
    this.#tell(entry, 'changed');
    for (const follower of this.#followersOf(entry.id)) {
      follower.progress = { ...progress, id: follower.id };
      this.#tell(follower, 'changed');
    }
  }

  #view(entry: Entry): QueueEntry {
    const { id, kind, state, priority, persistence, attempts, tag, error } = entry;
    const isMoving = state !== 'queued' && state !== 'paused' && state !== 'waiting';
    const place = kind === 'fetch' ? entry.to : entry.from;
    return {
      id,
      kind,
      state,
      priority,
      persistence,
      attempts,
      nextAttemptAtMs: this.#waiting.get(id)?.atMs,
      progress: (isMoving ? entry.progress : undefined) ?? restingProgress(entry, this.#deps.clock.nowMs()),
      uri: entry.uri,
      metadata: kind === 'fetch' ? entry.metadata : undefined,
      place:
        place.type === 'disk' ? { type: 'disk', path: place.path } : { type: place.type === 'none' ? 'none' : 'spool' },
      tag: tag === undefined ? undefined : decodeKeyText(tag),
      error,
    };
  }

  #tell(entry: Entry, change: 'added' | 'changed' | 'removed'): void {
    if (this.#listeners.size === 0) return;
    const view = this.#view(entry);
    for (const listener of this.#listeners) {
      try {
        listener(view, change);
      } catch {
        this.#listeners.delete(listener); // whoever shows the queue must not be able to stop it
        this.#deps.log.write('error', 'queue', 'a listener to the queue failed and is no longer told');
      }
    }
  }

  #asLocal(error: unknown): LocalError {
    if (error instanceof LocalError) return error;
    const kind = error instanceof Error ? error.name : typeof error;
    this.#deps.log.write('error', 'queue', `a run failed on a fault of ours: ${kind}`);
    return new LocalError('internal', undefined, { cause: error });
  }
}

/** @param add takes bytes over, and says how many they were */
async function receiveTree(
  files: AsyncIterable<QueuedFile>,
  tree: TreeFile[],
  add: (bytes: AsyncIterable<Uint8Array>) => Promise<number>,
): Promise<void> {
  let offset = 0;
  for await (const file of files) {
    const { path } = file;
    if (tree.length >= DIRECTORY_ENTRIES_MAX) {
      throw new LocalError('too_large', `a folder may have ${DIRECTORY_ENTRIES_MAX} files`);
    }
    if (file.from === 'disk') tree.push({ path, from: 'disk', diskPath: file.diskPath });
    else if (file.from === 'key') tree.push({ path, from: 'key', uri: file.uri, sizeBytes: file.sizeBytes });
    else {
      const sizeBytes = await add(file.content);
      if (sizeBytes !== file.sizeBytes) throw new LocalError('usage', 'a file is not as long as was said');
      tree.push({ path, from: 'spool', offset, sizeBytes });
      offset += sizeBytes;
    }
  }
}

/** The most urgent first; of two the older one. */
function byUrgency(a: Entry, b: Entry): number {
  return a.priority - b.priority || a.order - b.order;
}

/** Fetches with one name bring the same bytes. */
function shareName({ uri, options: { range, trafficClass, listOnly } }: FetchEntry): string {
  return JSON.stringify([uri, range ?? null, trafficClass, listOnly === true]);
}

function sameWish(a: PublishEntry, b: PublishEntry): boolean {
  return JSON.stringify([a.options, a.from]) === JSON.stringify([b.options, b.from]);
}

/** An entry that a surface marked as its own belongs to one request of that surface, and to no other. */
function isUnmarked(a: Entry, b: Entry): boolean {
  return a.tag === undefined && b.tag === undefined;
}

function checkPriority(priority: Priority): Priority {
  if (Number.isInteger(priority) && priority >= 0 && priority <= 6) return priority;
  throw new LocalError('usage', 'priority is 0 (first) to 6');
}

function checkTag(tag: Uint8Array): string {
  if (tag.length > QUEUE_TAG_BYTES_MAX) throw new LocalError('usage', `a tag may have ${QUEUE_TAG_BYTES_MAX} bytes`);
  return encodeKeyText(tag);
}
