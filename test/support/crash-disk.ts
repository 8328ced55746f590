/**
 * A disk whose power can be cut between any two steps: the image that such a cut leaves is forked off while the first goes on.
 *
 * Shape   every write, flush and resize is a boundary, told before and after. fork() makes another disk with what a cut at this moment
 *         leaves: what was flushed, and of each write since a coin's choice of nothing, all, or its first sectors. A file keeps its
 *         flushed length or its newest. Records are durable when they return, whole transactions or nothing.
 * Unit    a torn write keeps whole sectors of 512 bytes, or for smaller ones nothing or all.
 * Why     a script of n steps is run once and not n times, so every boundary of a long one can be looked at.
 * @module
 */
import { LocalError } from '../../daemon/errors.ts';
import type { BlockStorage, Disk, Random, Records } from '../../daemon/ports.ts';

const SECTOR_BYTES = 512;

interface Write {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

interface Image {
  live: Uint8Array;
  durable: Uint8Array;
  pending: Write[];
}

type Tables = Map<string, Map<string, Uint8Array>>;

/** What a write may do instead of landing where it should, each with its probability. */
export interface WriteFaults {
  readonly misdirected: number;
  readonly lost: number;
  /** One bit of the file flips. */
  readonly rot: number;
}

const NO_FAULTS: WriteFaults = { misdirected: 0, lost: 0, rot: 0 };

export interface CrashCounters {
  writesLost: number;
  writesTorn: number;
  writesKept: number;
  misdirected: number;
  droppedSilently: number;
  bitsRotten: number;
}

export class CrashDisk implements Disk {
  readonly counters: CrashCounters = {
    writesLost: 0,
    writesTorn: 0,
    writesKept: 0,
    misdirected: 0,
    droppedSilently: 0,
    bitsRotten: 0,
  };
  /** Called at each boundary, when set. */
  onBoundary: (() => void) | undefined;
  faults: WriteFaults = NO_FAULTS;
  readonly #random: Random;
  readonly #images: Map<string, Image>;
  readonly #records: Map<string, Tables>;

  constructor(random: Random, images = new Map<string, Image>(), records = new Map<string, Tables>()) {
    this.#random = random;
    this.#images = images;
    this.#records = records;
  }

  bytesOf(name: string): Uint8Array {
    return this.#images.get(name)!.live;
  }

  fork(): CrashDisk {
    const images = new Map([...this.#images].map(([name, image]) => [name, this.#afterCut(image)]));
    const records = new Map([...this.#records].map(([name, tables]) => [name, copyTables(tables)]));
    return new CrashDisk(this.#random, images, records);
  }

  async openBlocks(name: string): Promise<BlockStorage> {
    const image = this.#images.get(name) ?? { live: new Uint8Array(0), durable: new Uint8Array(0), pending: [] };
    this.#images.set(name, image);
    return {
      sizeBytes: () => image.live.length,
      resize: async (sizeBytes) => {
        this.onBoundary?.();
        const resized = new Uint8Array(sizeBytes);
        resized.set(image.live.subarray(0, sizeBytes));
        image.live = resized;
        this.onBoundary?.();
      },
      read: async (offset, length) => {
        if (offset + length > image.live.length) throw new LocalError('disk_failed', 'read past the end');
        return image.live.slice(offset, offset + length);
      },
      write: async (offset, bytes) => {
        if (offset + bytes.length > image.live.length) throw new LocalError('disk_failed', 'write past the end');
        this.onBoundary?.();
        this.#write(image, offset, bytes);
        this.onBoundary?.();
      },
      flush: async () => {
        this.onBoundary?.();
        const covered = image.pending.length;
        await null; // whoever writes meanwhile is not covered
        const flushed = image.pending.splice(0, covered);
        const durable = new Uint8Array(image.live.length);
        durable.set(image.durable.subarray(0, durable.length));
        for (const write of flushed) put(durable, write);
        image.durable = durable;
        this.onBoundary?.();
      },
      close: async () => {},
    };
  }

  async openRecords(name: string): Promise<Records> {
    let tables = this.#records.get(name) ?? new Map<string, Map<string, Uint8Array>>();
    this.#records.set(name, tables);
    let isInTransaction = false;
    const table = (given: string): Map<string, Uint8Array> => {
      const rows = tables.get(given) ?? new Map<string, Uint8Array>();
      tables.set(given, rows);
      return rows;
    };
    const change = (apply: () => void): void => {
      if (!isInTransaction) this.onBoundary?.();
      apply();
      if (!isInTransaction) this.onBoundary?.();
    };
    return {
      get: (given, key) => table(given).get(key)?.slice(),
      put: (given, key, value) => change(() => void table(given).set(key, value.slice())),
      delete: (given, key) => change(() => void table(given).delete(key)),
      entries: (given) =>
        [...table(given)].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, row]) => [key, row.slice()]),
      transaction: (work) => {
        this.onBoundary?.();
        const before = tables;
        tables = copyTables(before);
        isInTransaction = true;
        try {
          work();
          this.#records.set(name, tables);
        } catch (error) {
          tables = before;
          throw error;
        } finally {
          isInTransaction = false;
        }
        this.onBoundary?.();
      },
      close: () => {},
    };
  }

  #write(image: Image, offset: number, bytes: Uint8Array): void {
    const { misdirected, lost, rot } = this.faults;
    const fate = this.#random.unit();
    const write = { offset, bytes: bytes.slice() };
    if (fate < misdirected) {
      this.counters.misdirected++;
      const places = Math.floor(image.live.length / bytes.length);
      this.#land(image, { ...write, offset: Math.floor(this.#random.unit() * places) * bytes.length });
    } else if (fate < misdirected + lost) {
      this.counters.droppedSilently++;
    } else {
      this.#land(image, write);
    }
    if (this.#random.unit() < rot) {
      this.counters.bitsRotten++;
      const at = Math.floor(this.#random.unit() * image.live.length);
      this.#land(image, {
        offset: at,
        bytes: Uint8Array.of(image.live[at]! ^ (1 << Math.floor(this.#random.unit() * 8))),
      });
    }
  }

  #land(image: Image, write: Write): void {
    put(image.live, write);
    image.pending.push(write);
  }

  #afterCut(image: Image): Image {
    const keepsLength = this.#random.unit() < 0.5;
    const live = new Uint8Array(keepsLength ? image.live.length : image.durable.length);
    live.set(image.durable.subarray(0, live.length));
    for (const write of image.pending) {
      const fate = this.#random.unit();
      if (fate < 1 / 3) {
        this.counters.writesLost++;
      } else if (fate < 2 / 3 && write.bytes.length > SECTOR_BYTES) {
        const sectors = 1 + Math.floor(this.#random.unit() * (write.bytes.length / SECTOR_BYTES - 1));
        put(live, { offset: write.offset, bytes: write.bytes.subarray(0, sectors * SECTOR_BYTES) });
        this.counters.writesTorn++;
      } else {
        put(live, write);
        this.counters.writesKept++;
      }
    }
    return { live, durable: live.slice(), pending: [] };
  }
}

function put(into: Uint8Array, { offset, bytes }: Write): void {
  if (offset < into.length) into.set(bytes.subarray(0, into.length - offset), offset);
}

function copyTables(tables: Tables): Tables {
  return new Map([...tables].map(([name, rows]) => [name, new Map(rows)]));
}
