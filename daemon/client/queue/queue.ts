/**
 * The persistent queue: which entries there are, and what is asked of them.
 *
 * Shape   `createQueue` reads the rows of the last run; `start` lets them go on (scheduler.ts). A fetch to the user's disk needs nothing of ours: where
 *         the rows cannot be written it is kept in memory, until the daemon ends.
 * Errors  LocalError unknown_transfer, busy, bad_uri, usage, exists from the calls; what a run ends with stands in its entry.
 * Why     one owner of all that outlives its asker. An entry is durable before its id is given out, unless it says `reboot`.
 * Source  design § 10; ux § 2 "Resume"; queue-types.ts.
 * @module
 */
import { LocalError, type UserErrorCode } from '../../errors.ts';
import { hexKey } from '../../ids.ts';
import { QUEUE_SPOOL_BYTES_MAX } from '../../limits.ts';
import type { Clock, Crypto, Files, Log, Random, Records, Timer } from '../../ports.ts';
import { BEGINNING } from '../assembly.ts';
import { encodeKeyText } from '../base64.ts';
import type { FetchRequest, Priority, PublishRequest, QueueEntry, TransferQueue } from '../queue-types.ts';
import type { ResumableClient } from '../resume-types.ts';
import { parseUri } from '../uri.ts';
import type { Entry, EntryBase, FetchEntry, PublishEntry, TreeFile } from './entry.ts';
import { EntryTable } from './entry-table.ts';
import { Intake, receiveTree } from './intake.ts';
import { partOf } from './output.ts';
import { runPublish } from './publish-run.ts';
import { type EntryListener, Rows } from './rows.ts';
import { Scheduler, type SchedulerDeps } from './scheduler.ts';
import { SealedFile } from './sealed-file.ts';
import { createSpoolFiles, type SpoolFiles } from './spool-files.ts';
import { checkPriority, checkTag, isUnmarked, sameWish, shareName } from './wishes.ts';

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

/** What nobody asks about any more is forgotten: entries that no surface has marked as its own. */
const FORGOTTEN_AFTER_MS = 7 * 86_400_000;
const HOUR_MS = 3_600_000;
const KEY_BYTES = 32;
/** What a disk says that takes nothing. */
const DISK_REFUSALS: readonly UserErrorCode[] = ['disk_full', 'disk_read_only', 'disk_failed'];

export function createQueue(deps: QueueDeps): PersistentQueue {
  return new Queue(deps);
}

class Queue implements PersistentQueue {
  readonly #deps: QueueDeps;
  readonly #table: EntryTable;
  readonly #spool: SpoolFiles;
  readonly #rows: Rows;
  readonly #intake: Intake;
  readonly #runDeps: SchedulerDeps;
  readonly #scheduler: Scheduler;
  #hourly: Timer | undefined;
  readonly #stopListening: () => void;

  constructor(deps: QueueDeps) {
    const { crypto, files, clock, log, spoolBytesMax = QUEUE_SPOOL_BYTES_MAX } = deps;
    this.#deps = deps;
    this.#table = new EntryTable(crypto, deps.records, log, deps.key);
    this.#spool = createSpoolFiles(crypto, files);
    this.#rows = new Rows(this.#table, clock, log);
    this.#intake = new Intake(crypto, files, this.#spool, this.#table, spoolBytesMax);
    const repeatKey = crypto.hkdf(deps.key, '', 'holloway repeatable', KEY_BYTES);
    this.#runDeps = { ...deps, spool: this.#spool, repeatKey };
    this.#scheduler = new Scheduler(this.#runDeps, this.#rows, this.#intake);
    for (const entry of this.#table.all()) {
      if (entry.state === 'running' || entry.state === 'waiting') entry.state = 'queued';
    }
    this.#stopListening = deps.client.onProgress((progress) => this.#scheduler.progressed(progress));
  }

  async start(): Promise<void> {
    await this.#spool
      .removeOthers((id) => this.#table.get(id) !== undefined)
      .catch(() => this.#deps.log.write('warn', 'queue', 'the spool could not be cleaned up'));
    this.#forgetOld();
    this.#scheduler.start();
  }

  async stop(): Promise<void> {
    this.#hourly?.cancel();
    await this.#scheduler.stop();
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
        if (shareName(same) === shareName(entry) && isUnmarked(same, entry)) {
          same.to = to; // it may replace what has the name by now
          return this.#goOn(same, request.priority);
        }
        const isLeft = same.state !== 'running' && same.state !== 'queued';
        if (to.replace !== true || !isLeft || !isUnmarked(same, entry)) throw new LocalError('exists', partOf(to.path));
        await this.remove(same.id); // a part that nobody goes on with, and something else is wanted in its place
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
    return this.#table.all().map((entry) => this.#rows.view(entry));
  }

  entry(id: string): QueueEntry | undefined {
    const entry = this.#table.get(id);
    return entry === undefined ? undefined : this.#rows.view(entry);
  }

  async pause(id: string): Promise<void> {
    const entry = this.#table.known(id);
    if (this.#scheduler.isRunning(id)) await this.#scheduler.halt(id, 'paused');
    else if (entry.state === 'queued' || entry.state === 'waiting' || entry.state === 'running') {
      await this.#scheduler.halt(id, 'paused');
      this.#rows.setState(entry, 'paused');
    }
    this.#scheduler.schedule();
  }

  async resume(id: string): Promise<void> {
    const entry = this.#table.known(id);
    if (entry.state === 'paused') this.#scheduler.requeue(entry);
  }

  async retry(id: string): Promise<void> {
    const entry = this.#table.known(id);
    if (entry.state === 'failed' || entry.state === 'waiting' || entry.state === 'cancelled')
      this.#scheduler.requeue(entry);
  }

  async prioritise(id: string, priority: Priority): Promise<void> {
    const entry = this.#table.known(id);
    entry.priority = checkPriority(priority);
    this.#table.save(entry);
    this.#rows.tell(entry, 'changed');
    this.#scheduler.schedule();
  }

  async retag(id: string, tag: Uint8Array): Promise<void> {
    const entry = this.#table.known(id);
    entry.tag = checkTag(tag);
    this.#table.save(entry);
    this.#rows.tell(entry, 'changed');
  }

  async remove(id: string): Promise<void> {
    const entry = this.#table.known(id);
    await this.#scheduler.halt(id, 'removed');
    await this.#forget(entry);
    this.#scheduler.schedule();
  }

  async *content(id: string): AsyncGenerator<Uint8Array> {
    const entry = this.#table.known(id);
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

  onChange(listener: EntryListener): () => void {
    return this.#rows.onChange(listener);
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
        const intake = await this.#intake.begin(base);
        return { ...entry, from: { type: 'spool', sizeBytes: await intake.take(async (add) => add(from.bytes)) } };
      }
      default: {
        const { files, defaultPath } = from;
        const tree: TreeFile[] = [];
        const intake = await this.#intake.begin(base);
        const sizeBytes = await intake.take((add) => receiveTree(files, tree, add));
        const kept = { type: from.type, sizeBytes, ...(defaultPath === undefined ? {} : { defaultPath }) };
        return { ...entry, from: kept, tree };
      }
    }
  }

  #add(wanted: Entry): string {
    let entry = wanted;
    let gone: Entry | undefined;
    try {
      gone = this.#table.add(entry);
    } catch (error) {
      const isRefusal = error instanceof LocalError && DISK_REFUSALS.includes(error.code);
      if (!isRefusal || entry.kind !== 'fetch' || entry.to.type !== 'disk') throw error;
      entry = { ...entry, persistence: 'reboot' };
      gone = this.#table.add(entry);
      const text = 'the queue cannot be saved: a fetch is kept in memory, until the daemon ends';
      this.#deps.log.write('warn', 'queue', text);
    }
    if (entry.kind === 'publish' && entry.tree !== undefined) this.#table.saveDetails(entry);
    if (gone !== undefined) {
      void this.#clearSpool(gone);
      this.#rows.tell(gone, 'removed');
    }
    this.#rows.tell(entry, 'added');
    this.#scheduler.schedule();
    return entry.id;
  }

  /** The same was asked for before: that one goes on. */
  #goOn(entry: Entry, priority: Priority): string {
    entry.priority = Math.min(entry.priority, priority) as Priority;
    if (entry.state !== 'running' && entry.state !== 'queued') this.#scheduler.requeue(entry);
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

  async #forget(entry: Entry): Promise<void> {
    this.#table.delete(entry.id);
    await this.#clearSpool(entry);
    if (entry.kind === 'fetch' && entry.to.type === 'disk' && entry.state !== 'done' && entry.attempts > 0) {
      await this.#deps.files.remove(partOf(entry.to.path)).catch(() => {});
    }
    this.#rows.tell(entry, 'removed');
  }

  async #clearSpool(entry: Entry): Promise<void> {
    await this.#spool.remove(entry.id, 'blocks', 'content', 'journal').catch(() => {});
  }

  #forgetOld(): void {
    const before = this.#deps.clock.wallMs() - FORGOTTEN_AFTER_MS;
    for (const entry of this.#table.all()) {
      const isResting = !this.#scheduler.isRunning(entry.id) && entry.state !== 'queued' && entry.state !== 'waiting';
      if (isResting && entry.tag === undefined && entry.changedMs < before) {
        void this.#forget(entry).catch(() => {}); // a disk that refuses is asked again at the next start
      }
    }
    this.#hourly = this.#deps.clock.setTimer(HOUR_MS, () => this.#forgetOld());
  }
}
