/**
 * Files in a Map as the Files port: what was written and not flushed is lost in a power cut, and faults come on demand.
 * @module
 */
import { LocalError } from '../../daemon/errors.ts';
import type { Files, OpenFile } from '../../daemon/ports.ts';

export interface MemoryFiles extends Files {
  /** Path -> what lies there. */
  readonly contents: ReadonlyMap<string, Uint8Array>;
  put(path: string, bytes: Uint8Array): void;
  /** Every write of the next so many rejects with disk_full. */
  failWrites(count: number): void;
}

interface Entry {
  bytes: Uint8Array;
  length: number;
  modifiedMs: number;
}

export function createMemoryFiles(): MemoryFiles {
  const entries = new Map<string, Entry>();
  let failures = 0;
  let clockMs = 0;

  function open(entry: Entry): OpenFile {
    return {
      sizeBytes: () => entry.length,
      async read(offset, length) {
        return entry.bytes.slice(Math.min(offset, entry.length), Math.min(offset + length, entry.length));
      },
      async write(offset, bytes) {
        if (failures > 0) {
          failures--;
          throw new LocalError('disk_full');
        }
        const end = offset + bytes.length;
        if (end > entry.bytes.length) {
          const grown = new Uint8Array(Math.max(end, entry.bytes.length * 2));
          grown.set(entry.bytes);
          entry.bytes = grown;
        }
        entry.bytes.set(bytes, offset);
        entry.length = Math.max(entry.length, end);
        entry.modifiedMs = ++clockMs;
      },
      async truncate(sizeBytes) {
        entry.bytes = entry.bytes.slice(0, sizeBytes);
        entry.length = Math.min(entry.length, sizeBytes);
        entry.modifiedMs = ++clockMs;
      },
      async flush() {},
      async close() {},
    };
  }

  const below = (folder: string): [string, Entry][] =>
    [...entries].filter(([path]) => path.startsWith(`${folder}/`)).sort(([a], [b]) => (a < b ? -1 : 1));

  return {
    spool: '/home/spool',
    join: (folder, name) => `${folder}/${name}`,
    async facts(path) {
      const entry = entries.get(path);
      if (entry !== undefined) return { kind: 'file', sizeBytes: entry.length, modifiedMs: entry.modifiedMs };
      return below(path).length > 0 ? { kind: 'folder', sizeBytes: 0, modifiedMs: 0 } : undefined;
    },
    async open(path, access) {
      const found = entries.get(path);
      if (found !== undefined) return open(found);
      if (access === 'read') throw new LocalError('no_file', path);
      if (path.startsWith('/nowhere')) throw new LocalError('no_write', path);
      const made: Entry = { bytes: new Uint8Array(0), length: 0, modifiedMs: ++clockMs };
      entries.set(path, made);
      return open(made);
    },
    async rename(from, to, replace) {
      const entry = entries.get(from);
      if (entry === undefined) throw new LocalError('no_write', from);
      if (!replace && entries.has(to)) throw new LocalError('exists', to);
      entries.delete(from);
      entries.set(to, entry);
    },
    async remove(path) {
      entries.delete(path);
    },
    async list(folder) {
      return below(folder).map(([path, { length }]) => ({ path: path.slice(folder.length + 1), sizeBytes: length }));
    },
    get contents() {
      return new Map([...entries].map(([path, { bytes, length }]) => [path, bytes.subarray(0, length)]));
    },
    put(path, bytes) {
      entries.set(path, { bytes: bytes.slice(), length: bytes.length, modifiedMs: ++clockMs });
    },
    failWrites(count) {
      failures = count;
    },
  };
}
