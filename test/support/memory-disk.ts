/**
 * A disk in memory: written bytes survive a crash only after flush; records only after their transaction. Faults on demand.
 * @module
 */
import { LocalError } from '../../daemon/errors.ts';
import type { BlockStorage, Disk, Records } from '../../daemon/ports.ts';

type DiskFault = 'disk_full' | 'disk_read_only' | 'disk_failed';

export interface MemoryDisk extends Disk {
  /** The next `count` writes (or flushes, or resizes) reject with that code. */
  failNext(code: DiskFault, count?: number): void;
  /** What a power cut leaves: everything since the last flush of each storage is lost. Open handles die. */
  crash(): void;
  /** The live bytes of one storage, for tests that look or damage. */
  bytesOf(name: string): Uint8Array;
  readonly names: readonly string[];
}

/** Names that daemon/io/records.ts takes. */
const TABLE = /^[a-z][a-z0-9-]{0,63}$/;

interface Image {
  live: Uint8Array;
  durable: Uint8Array;
  /** Written since the last flush: only this is copied then. */
  dirty: { readonly offset: number; readonly length: number }[];
  /** Rises with each crash: older handles are dead. */
  generation: number;
}

export function createMemoryDisk(): MemoryDisk {
  const images = new Map<string, Image>();
  const tables = new Map<string, Map<string, Map<string, Uint8Array>>>();
  let fault: DiskFault | undefined;
  let faultsLeft = 0;

  const checkFault = (): void => {
    if (fault === undefined || faultsLeft <= 0) return;
    faultsLeft--;
    throw new LocalError(fault);
  };

  function storage(image: Image): BlockStorage {
    const generation = image.generation;
    const check = (): void => {
      if (image.generation !== generation) throw new LocalError('disk_failed', 'the handle did not survive the crash');
    };
    return {
      sizeBytes: () => image.live.length,
      async resize(sizeBytes) {
        check();
        checkFault();
        const grown = new Uint8Array(sizeBytes);
        grown.set(image.live.subarray(0, sizeBytes));
        image.live = grown;
        image.dirty.push({ offset: 0, length: sizeBytes });
      },
      async read(offset, length) {
        check();
        if (offset + length > image.live.length) throw new LocalError('disk_failed', 'read past the end');
        return image.live.slice(offset, offset + length);
      },
      async write(offset, bytes) {
        check();
        checkFault();
        if (offset + bytes.length > image.live.length) throw new LocalError('disk_failed', 'write past the end');
        image.live.set(bytes, offset);
        image.dirty.push({ offset, length: bytes.length });
      },
      async flush() {
        check();
        checkFault();
        if (image.durable.length !== image.live.length) image.durable = image.live.slice();
        for (const { offset, length } of image.dirty)
          image.durable.set(image.live.subarray(offset, offset + length), offset);
        image.dirty = [];
      },
      async close() {},
    };
  }

  function records(name: string): Records {
    const store = tables.get(name) ?? new Map<string, Map<string, Uint8Array>>();
    tables.set(name, store);
    const table = (given: string): Map<string, Uint8Array> => {
      if (!TABLE.test(given)) throw new RangeError(`not a table name: ${given}`); // as the real one has it
      const found = store.get(given) ?? new Map<string, Uint8Array>();
      store.set(given, found);
      return found;
    };
    return {
      get: (given, key) => table(given).get(key)?.slice(),
      put: (given, key, value) => {
        checkFault();
        table(given).set(key, value.slice());
      },
      delete: (given, key) => {
        checkFault();
        table(given).delete(key);
      },
      entries: (given) =>
        [...table(given)].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([key, value]) => [key, value.slice()]),
      transaction: (work) => {
        const before = new Map([...store].map(([given, rows]) => [given, new Map(rows)]));
        try {
          work();
        } catch (error) {
          store.clear();
          for (const [given, rows] of before) store.set(given, rows);
          throw error;
        }
      },
      close: () => {},
    };
  }

  return {
    async openBlocks(name) {
      const image = images.get(name) ?? {
        live: new Uint8Array(0),
        durable: new Uint8Array(0),
        dirty: [],
        generation: 0,
      };
      images.set(name, image);
      return storage(image);
    },
    async openRecords(name) {
      return records(name);
    },
    failNext(code, count = 1) {
      fault = code;
      faultsLeft = count;
    },
    crash() {
      for (const image of images.values()) {
        image.live = image.durable.slice();
        image.dirty = [];
        image.generation++;
      }
    },
    bytesOf(name) {
      const image = images.get(name);
      if (image === undefined) throw new Error(`no storage named ${name}`);
      return image.live;
    },
    get names() {
      return [...images.keys()];
    },
  };
}
