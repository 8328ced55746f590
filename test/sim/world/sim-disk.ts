/**
 * A sparse disk in memory that forgets what was not flushed, tears writes, rots and fills up.
 *
 * Shape   pages of 4 KiB in a Map, absent ones zero. Behind the live bytes stands an undo log of writes since the last flush: a crash
 *         goes back through it, then lets each lost write have happened, not happened, or happened for its first sectors only.
 *         Like a system's cache, writes older than WRITEBACK_MS are durable even without a flush. Records are durable when they return.
 * Unit    a torn write keeps whole sectors of 512 bytes.
 * Errors  LocalError `disk_full` while the disk is full, for writes that need new pages; `disk_failed` outside the file.
 * Why     copying whole images at each flush costs a thousand nodes minutes; the undo log costs what was written.
 * Source  reliability.md § 4 rows 7 to 9.
 * @module
 */
import { LocalError } from '../../../daemon/errors.ts';
import type { BlockStorage, Clock, Disk, Records } from '../../../daemon/ports.ts';
import type { SimRandom } from './fast-random.ts';
import type { FaultCounters } from './fault-counters.ts';

const PAGE_BYTES = 4_096;
const SECTOR_BYTES = 512;
const WRITEBACK_MS = 30_000;

interface Undo {
  readonly atMs: number;
  readonly offset: number;
  readonly before: Uint8Array;
  readonly after: Uint8Array;
}

interface Image {
  sizeBytes: number;
  readonly pages: Map<number, Uint8Array>;
  undo: Undo[];
}

export interface SimDiskFaults {
  /** Flushes take this long, so that a crash can fall between write and flush. 0: at once. */
  flushMs: number;
  isFull: boolean;
}

export class SimDisk implements Disk {
  readonly faults: SimDiskFaults = { flushMs: 0, isFull: false };
  readonly #clock: Clock;
  readonly #counters: FaultCounters;
  readonly #random: SimRandom;
  readonly #images = new Map<string, Image>();
  readonly #tables = new Map<string, Map<string, Map<string, Uint8Array>>>();
  /** Rises with each crash: handles of an earlier life hang for ever, as their process does. */
  #life = 0;

  constructor(clock: Clock, random: SimRandom, counters: FaultCounters) {
    this.#clock = clock;
    this.#random = random;
    this.#counters = counters;
  }

  /** Bytes of memory this disk really takes. */
  get heldBytes(): number {
    let pages = 0;
    for (const image of this.#images.values()) pages += image.pages.size;
    return pages * PAGE_BYTES;
  }

  /** Power is cut: unflushed writes are lost, torn or kept, each by a coin of its own. */
  crash(): void {
    this.#life++;
    for (const image of this.#images.values()) {
      const lost = image.undo.filter((write) => this.#clock.nowMs() - write.atMs < WRITEBACK_MS);
      for (const write of lost.toReversed()) put(image, write.offset, write.before);
      for (const write of lost) {
        const fate = this.#random.unit();
        if (fate < 0.4) {
          put(image, write.offset, write.after);
        } else if (fate < 0.7 && write.after.length > SECTOR_BYTES) {
          const sectors = 1 + this.#random.below(Math.floor(write.after.length / SECTOR_BYTES));
          put(image, write.offset, write.after.subarray(0, sectors * SECTOR_BYTES));
          this.#counters.tornWrite++;
        } else {
          this.#counters.unsyncedWriteLost++;
        }
      }
      image.undo = [];
    }
  }

  /** The process ends in good order; the next life may open the same files. */
  release(): void {
    this.#life++;
  }

  /** Flips one bit in each of `count` written pages of one file. */
  rot(name: string, count: number): number {
    const image = this.#images.get(name);
    if (image === undefined || image.pages.size === 0) return 0;
    const pages = [...image.pages.keys()];
    for (let i = 0; i < count; i++) {
      const page = image.pages.get(pages[this.#random.below(pages.length)]!)!;
      page[this.#random.below(PAGE_BYTES)]! ^= 1 << this.#random.below(8);
      this.#counters.bitRot++;
    }
    return count;
  }

  async openBlocks(name: string): Promise<BlockStorage> {
    const image: Image = this.#images.get(name) ?? { sizeBytes: 0, pages: new Map(), undo: [] };
    this.#images.set(name, image);
    const life = this.#life;
    /** A dead process waits for ever; what it awaits is collected with it. */
    const alive = async <T>(work: () => T | Promise<T>): Promise<T> =>
      life === this.#life ? work() : new Promise<T>(() => {});
    return {
      sizeBytes: () => image.sizeBytes,
      resize: (sizeBytes) =>
        alive(() => {
          for (const page of [...image.pages.keys()]) if (page * PAGE_BYTES >= sizeBytes) image.pages.delete(page);
          image.undo = image.undo.filter(({ offset, after }) => offset + after.length <= sizeBytes);
          image.sizeBytes = sizeBytes;
        }),
      read: (offset, length) =>
        alive(() => {
          if (offset + length > image.sizeBytes) throw new LocalError('disk_failed', 'read past the end');
          return get(image, offset, length);
        }),
      write: (offset, bytes) =>
        alive(() => {
          if (offset + bytes.length > image.sizeBytes) throw new LocalError('disk_failed', 'write past the end');
          if (this.faults.isFull) {
            this.#counters.diskFull++;
            throw new LocalError('disk_full', 'simulated');
          }
          this.#writeBack(image);
          const before = get(image, offset, bytes.length);
          image.undo.push({ atMs: this.#clock.nowMs(), offset, before, after: bytes.slice() });
          put(image, offset, bytes);
        }),
      flush: () =>
        alive(async () => {
          const covered = new Set(image.undo);
          if (covered.size === 0) return;
          if (this.faults.flushMs > 0) await this.#sleep(this.faults.flushMs);
          if (life !== this.#life) return new Promise<void>(() => {});
          image.undo = image.undo.filter((write) => !covered.has(write));
        }),
      close: () => alive(() => {}),
    };
  }

  async openRecords(name: string): Promise<Records> {
    const tables = this.#tables.get(name) ?? new Map<string, Map<string, Uint8Array>>();
    this.#tables.set(name, tables);
    const table = (given: string): Map<string, Uint8Array> => {
      const found = tables.get(given) ?? new Map<string, Uint8Array>();
      tables.set(given, found);
      return found;
    };
    /** Old values of rows changed in the transaction under way. */
    let journal: (() => void)[] | undefined;
    const change = (given: string, key: string, apply: (rows: Map<string, Uint8Array>) => void): void => {
      const rows = table(given);
      const old = rows.get(key);
      journal?.push(() => (old === undefined ? rows.delete(key) : rows.set(key, old)));
      apply(rows);
    };
    return {
      get: (given, key) => table(given).get(key)?.slice(),
      put: (given, key, value) => {
        if (this.faults.isFull) {
          this.#counters.diskFull++;
          throw new LocalError('disk_full', 'simulated');
        }
        change(given, key, (rows) => rows.set(key, value.slice()));
      },
      delete: (given, key) => change(given, key, (rows) => rows.delete(key)),
      entries: (given) =>
        [...table(given)].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([key, value]) => [key, value.slice()]),
      transaction: (work) => {
        journal = [];
        try {
          work();
        } catch (error) {
          for (const undo of journal.toReversed()) undo();
          throw error;
        } finally {
          journal = undefined;
        }
      },
      close: () => {},
    };
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.#clock.setTimer(ms, resolve));
  }

  #writeBack(image: Image): void {
    const limitMs = this.#clock.nowMs() - WRITEBACK_MS;
    let old = 0;
    while (old < image.undo.length && image.undo[old]!.atMs < limitMs) old++;
    if (old > 0) image.undo.splice(0, old);
  }
}

function get(image: Image, offset: number, length: number): Uint8Array {
  const out = new Uint8Array(length);
  for (let at = 0; at < length; ) {
    const inPage = (offset + at) % PAGE_BYTES;
    const part = Math.min(PAGE_BYTES - inPage, length - at);
    const page = image.pages.get((offset + at - inPage) / PAGE_BYTES);
    if (page !== undefined) out.set(page.subarray(inPage, inPage + part), at);
    at += part;
  }
  return out;
}

function put(image: Image, offset: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) {
    const inPage = (offset + at) % PAGE_BYTES;
    const part = Math.min(PAGE_BYTES - inPage, bytes.length - at);
    const number = (offset + at - inPage) / PAGE_BYTES;
    let page = image.pages.get(number);
    if (page === undefined) {
      page = new Uint8Array(PAGE_BYTES);
      image.pages.set(number, page);
    }
    page.set(bytes.subarray(at, at + part), inPage);
    at += part;
  }
}
