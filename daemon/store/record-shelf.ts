/**
 * Signed records (SSK, pointer, keyword): small, replaceable, so in Records and not in slots.
 *
 * Shape   table "records": hex digest -> u48 sequence, enciphered record. Table "record-refs": hex digest -> u48 sequence, sealed
 *         reference. What only passed by stays in memory, at most RECORDS_CACHED_MAX, least recently used first out.
 * Rule    the first valid record under a key wins, the same bytes are "present", others "collision"; of pointers the one that
 *         supersedes wins. Full: the record farthest from our location goes, of equally far ones the oldest; one that is itself
 *         the farthest is declined.
 * Errors  a disk that refuses is answered {type:'failed'}; what stood before still stands.
 * Why     a path copy on disk would cost an fsync of the whole process for each request somebody sends through us.
 * Source  design §§ 6, 9.
 * @module
 */
import { LocalError } from '../errors.ts';
import { type BlockRef, type CopyReason, hexKey, KIND, type Replica, type RingLocation } from '../ids.ts';
import { locationOf } from '../keys/location.ts';
import { RECORDS_CACHED_MAX, RECORDS_MAX } from '../limits.ts';
import type { Crypto, Records } from '../ports.ts';
import { coarseDistance, coarseLocation, decodeHeldRef, encodeHeldRef, type HeldRef } from './held-ref.ts';
import { putFailure } from './put-failure.ts';
import type { Sequence } from './sequence.ts';
import type { StoreKeys } from './store-keys.ts';
import type { PutResult } from './store-types.ts';

/** What one record costs of store.size, with SQLite's own pages: measured 1.4 KiB for an SSK record. */
export const RECORD_COST_BYTES = 1_536;

const RECORDS = 'records';
const REFS = 'record-refs';
const SEQUENCE_BYTES = 6;

export interface RecordShelf {
  get(ref: BlockRef): Uint8Array | undefined;
  put(ref: BlockRef, replica: Replica, bytes: Uint8Array, reason: CopyReason): PutResult;
  delete(ref: BlockRef): void;
  reasonOf(ref: BlockRef): CopyReason | undefined;
  owned(): { readonly ref: BlockRef; readonly replica: Replica }[];
  readonly count: number;
  readonly damaged: number;
}

interface ShelfDeps {
  readonly crypto: Crypto;
  readonly records: Records;
  readonly keys: StoreKeys;
  readonly sequence: Sequence;
}

interface ShelfOptions {
  readonly recordsMax: number;
  readonly ownLocation: () => RingLocation;
  readonly verify: (ref: BlockRef, bytes: Uint8Array) => boolean;
  readonly supersedes: (existing: Uint8Array, candidate: Uint8Array) => boolean;
}

interface OwnedRecord extends HeldRef {
  readonly sequence: number;
}

interface Ranked {
  readonly name: string;
  readonly distance: number;
  readonly sequence: number;
}

function goesBefore(a: Ranked, b: Ranked): boolean {
  return a.distance > b.distance || (a.distance === b.distance && a.sequence < b.sequence);
}

export function openRecordShelf(deps: ShelfDeps, options: ShelfOptions): RecordShelf {
  const { crypto, records, keys, sequence } = deps;
  const recordsMax = Math.min(RECORDS_MAX, options.recordsMax);
  const owned = readOwned(records, keys);
  const passing = new Map<string, { ref: BlockRef; bytes: Uint8Array }>();
  let damaged = 0;

  const nameOf = (ref: BlockRef): string => hexKey(keys.digest(ref));

  function readOwn(name: string, ref: BlockRef): Uint8Array | undefined {
    if (!owned.has(name)) return undefined;
    const value = records.get(RECORDS, name);
    if (value !== undefined && value.length > SEQUENCE_BYTES) {
      const bytes = keys.cipher(ref, readSequence(value), value.subarray(SEQUENCE_BYTES));
      if (options.verify(ref, bytes)) return bytes;
    }
    damaged++;
    forget(name);
    return undefined;
  }

  function readPassing(name: string): Uint8Array | undefined {
    const kept = passing.get(name);
    if (kept === undefined) return undefined;
    passing.delete(name);
    passing.set(name, kept);
    return kept.bytes;
  }

  /** Drops an owned record; one that the disk will not let go of is not listed any more, and dropped again after a restart. */
  function forget(name: string): void {
    owned.delete(name);
    try {
      removeRows(name);
    } catch (error) {
      if (!(error instanceof LocalError)) throw error;
    }
  }

  function removeRows(name: string): void {
    records.transaction(() => {
      records.delete(RECORDS, name);
      records.delete(REFS, name);
    });
  }

  /** The `count` records to give up first: more than one only after store.size was made smaller. */
  function farthest(count: number, centre: number): Ranked[] {
    const ranked = [...owned].map(([name, entry]): Ranked => {
      return { name, distance: coarseDistance(entry.coarse, centre), sequence: entry.sequence };
    });
    if (count === 1) return [ranked.reduce((first, other) => (goesBefore(other, first) ? other : first))];
    return ranked.sort((a, b) => (goesBefore(a, b) ? -1 : 1)).slice(0, count);
  }

  function keepPassing(name: string, ref: BlockRef, bytes: Uint8Array): PutResult {
    if (passing.size >= RECORDS_CACHED_MAX) {
      for (const oldest of passing.keys()) {
        passing.delete(oldest);
        break;
      }
    }
    passing.set(name, { ref: { kind: ref.kind, key: ref.key }, bytes: bytes.slice() });
    return { type: 'stored' };
  }

  function keepOwned(name: string, held: HeldRef, bytes: Uint8Array): PutResult {
    let evicted: readonly Ranked[] = [];
    if (!owned.has(name) && owned.size >= recordsMax) {
      const centre = coarseLocation(options.ownLocation());
      evicted = farthest(owned.size - recordsMax + 1, centre);
      // The last of them decides: it is the nearest that would have to go.
      if (coarseDistance(held.coarse, centre) > evicted.at(-1)!.distance) return { type: 'declined' };
    }
    const number = sequence.next();
    records.transaction(() => {
      records.put(RECORDS, name, withSequence(number, keys.cipher(held.ref, number, bytes)));
      records.put(REFS, name, withSequence(number, keys.sealRef(number, encodeHeldRef(held))));
      for (const gone of evicted) {
        records.delete(RECORDS, gone.name);
        records.delete(REFS, gone.name);
      }
    });
    for (const gone of evicted) owned.delete(gone.name);
    owned.set(name, { ...held, sequence: number });
    passing.delete(name);
    return { type: 'stored' };
  }

  return {
    get(ref) {
      const name = nameOf(ref);
      try {
        return readOwn(name, ref) ?? readPassing(name);
      } catch (error) {
        if (error instanceof LocalError) return readPassing(name);
        throw error;
      }
    },

    put(ref, replica, bytes, reason) {
      const name = nameOf(ref);
      try {
        const own = readOwn(name, ref);
        const existing = own ?? readPassing(name);
        if (existing !== undefined) {
          const isSame = crypto.equal(existing, bytes);
          const isNewer = !isSame && ref.kind === KIND.pointer && options.supersedes(existing, bytes);
          if (!isSame && !isNewer) return { type: 'collision', existing };
          if (isSame && (reason === 'path' || own !== undefined)) return { type: 'present' };
        }
        // A newer pointer that only passes by still replaces what we own: an owner must not answer with an older one.
        if (reason === 'path' && own === undefined) return keepPassing(name, ref, bytes);
        const before = owned.get(name);
        const held: HeldRef = {
          ref: { kind: ref.kind, key: ref.key },
          replica: before?.replica ?? replica,
          reason: before?.reason ?? reason,
          coarse: before?.coarse ?? coarseLocation(locationOf(crypto, ref, replica)),
        };
        return keepOwned(name, held, bytes);
      } catch (error) {
        return putFailure(error);
      }
    },

    delete(ref) {
      const name = nameOf(ref);
      passing.delete(name);
      if (owned.has(name)) forget(name);
    },

    reasonOf(ref) {
      const name = nameOf(ref);
      return owned.get(name)?.reason ?? (passing.has(name) ? 'path' : undefined);
    },

    owned: () => [...owned.values()].map(({ ref, replica }) => ({ ref, replica })),

    get count() {
      return owned.size + passing.size;
    },
    get damaged() {
      return damaged;
    },
  };
}

/** In order of sequence, in which sealed references are quick to open. */
function readOwned(records: Records, keys: StoreKeys): Map<string, OwnedRecord> {
  const rows = records
    .entries(REFS)
    .filter(([, value]) => value.length > SEQUENCE_BYTES)
    .sort(([, a], [, b]) => readSequence(a) - readSequence(b));
  const owned = new Map<string, OwnedRecord>();
  for (const [name, value] of rows) {
    const number = readSequence(value);
    const held = decodeHeldRef(keys.sealRef(number, value.subarray(SEQUENCE_BYTES)));
    if (held !== undefined) owned.set(name, { ...held, sequence: number });
  }
  return owned;
}

function withSequence(number: number, bytes: Uint8Array): Uint8Array {
  const value = new Uint8Array(SEQUENCE_BYTES + bytes.length);
  const view = new DataView(value.buffer);
  view.setUint16(0, Math.floor(number / 2 ** 32));
  view.setUint32(2, number % 2 ** 32);
  value.set(bytes, SEQUENCE_BYTES);
  return value;
}

function readSequence(value: Uint8Array): number {
  const view = new DataView(value.buffer, value.byteOffset, SEQUENCE_BYTES);
  return view.getUint16(0) * 2 ** 32 + view.getUint32(2);
}
