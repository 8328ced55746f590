/**
 * Signed records (SSK, pointer, keyword): small, replaceable, so in Records and not in slots.
 *
 * Shape   table "records": hex digest -> u48 sequence, enciphered record. Table "record-refs": hex digest -> u48 sequence, sealed
 *         reference. The index is a slot table like that of the blocks. What only passed by stays in memory, at most
 *         RECORDS_CACHED_MAX, least recently used first out.
 * Rule    the first valid record under a key wins, the same bytes are "present", others "collision"; of pointers the one that
 *         supersedes wins. Full: the record farthest from our location goes, of equally far ones the oldest; one that is itself
 *         the farthest is declined. What arrives in one turn of the event loop becomes durable in one transaction.
 *         Keyword records: one row for each bucket holds up to 64 of them behind 16 bytes of their hash, and counts as so many records; what
 *         comes is merged in, what is 30 days old goes (keys/node-keyword.ts).
 * Errors  a disk that refuses is answered {type:'failed'} to all of a transaction; what stood before still stands.
 * Why     a path copy on disk would cost an fsync of the whole process for each request somebody sends through us; and so would
 *         each owned record alone, because SQLite waits for the device while nothing else runs.
 * Source  design §§ 6, 9.
 * @module
 */
import { LocalError } from '../errors.ts';
import { type BlockRef, type CopyReason, fromHexKey, hexKey, KIND, type Replica, type RingLocation } from '../ids.ts';
import { locationOf } from '../keys/location.ts';
import { RECORDS_CACHED_MAX } from '../limits.ts';
import type { Clock, Crypto, Records, Timer } from '../ports.ts';
import { createFarthestFirst } from './farthest-first.ts';
import {
  coarseDistance,
  coarseLocation,
  decodeHeldRef,
  encodeHeldRef,
  type HeldRef,
  packFlags,
  unpackFlags,
} from './held-ref.ts';
import { addToBucket, answerOfBucket, bucketWeight, isBucketWhole } from './keyword-bucket.ts';
import { putFailure } from './put-failure.ts';
import type { Sequence } from './sequence.ts';
import { createSlotTable, NO_SLOT, SLOT } from './slot-table.ts';
import { DIGEST_BYTES, ROUTING_TAIL_AT, SEALED_REF_BYTES, type StoreKeys } from './store-keys.ts';
import type { PutResult } from './store-types.ts';

/** What one record costs of store.size, with SQLite's own pages: measured 1.4 KiB for an SSK record. */
export const RECORD_COST_BYTES = 1_536;

const RECORDS = 'records';
const REFS = 'record-refs';
const SEQUENCE_BYTES = 6;
/** Rows of the index made at a time. */
const GROW_ROWS = 1_024;

export interface RecordShelf {
  get(ref: BlockRef): Uint8Array | undefined;
  /** Durable when it resolves, if it is ours. One at a time under one key: the caller sees to that. */
  put(ref: BlockRef, replica: Replica, bytes: Uint8Array, reason: CopyReason): Promise<PutResult>;
  delete(ref: BlockRef): void;
  reasonOf(ref: BlockRef): CopyReason | undefined;
  /** Rows 0..rows - 1; the reference of an owned record stands in some of them. */
  ownedAt(row: number): HeldRef | undefined;
  /** Whether an own record in that row still matches its key; one that does not is dropped. Undefined: nothing stands there. */
  checkAt(row: number): boolean | undefined;
  coarseAt(row: number): number | undefined;
  readonly rows: number;
  /** Another bound; `trim` gives up what is then too much. */
  setMax(recordsMax: number): void;
  /** Gives up to `count` records beyond the bound. @returns whether there are more; throws the LocalError of the disk */
  trim(count: number): boolean;
  readonly max: number;
  readonly ownedCount: number;
  readonly count: number;
  readonly damaged: number;
  readonly evicted: number;
  /** Writes what waits; from now on nothing waits any more. */
  close(): void;
}

interface ShelfDeps {
  readonly crypto: Crypto;
  readonly clock: Clock;
  readonly records: Records;
  readonly keys: StoreKeys;
  readonly sequence: Sequence;
}

interface ShelfOptions {
  readonly recordsMax: number;
  readonly ownLocation: () => RingLocation;
  readonly verify: (ref: BlockRef, bytes: Uint8Array) => boolean;
  readonly supersedes: (existing: Uint8Array, candidate: Uint8Array) => boolean;
  /** Days since 1970, for what keyword records say of their age. */
  readonly nowDay: () => number;
}

/** An owned record that waits for its transaction. */
interface Job {
  readonly digest: Uint8Array;
  readonly held: HeldRef;
  readonly bytes: Uint8Array;
  readonly done: PromiseWithResolvers<PutResult>;
}

/** A job that found room: its number, its row, and the rows that go for it. */
interface Placed {
  readonly job: Job;
  readonly number: number;
  readonly row: number;
  readonly evicted: readonly number[];
}

export function openRecordShelf(deps: ShelfDeps, options: ShelfOptions): RecordShelf {
  const { crypto, clock, records, keys, sequence } = deps;
  let recordsMax = options.recordsMax;
  const ownCoarse = (): number => coarseLocation(options.ownLocation());
  const rows = readRows(records);
  const table = createSlotTable(Math.max(GROW_ROWS, rows.length));
  const farthest = createFarthestFirst(table, ownCoarse);
  const free: number[] = [];
  /** Of rows that hold more than one record. */
  const weights = new Map<number, number>();
  const passing = new Map<string, { ref: BlockRef; bytes: Uint8Array }>();
  let owned = 0;
  /** Rows given to jobs of the transaction under way. */
  let reserved = 0;
  let waiting: Job[] = [];
  let timer: Timer | undefined;
  let isClosing = false;
  let damaged = 0;
  let evicted = 0;
  adoptRows();

  function adoptRows(): void {
    for (let row = table.capacity - 1; row >= rows.length; row--) free.push(row);
    for (const [row, { digest, number, sealed }] of rows.entries()) {
      const tail = keys.sealRef(number, sealed.subarray(ROUTING_TAIL_AT), ROUTING_TAIL_AT);
      if (unpackFlags(tail[0]!) === undefined) free.push(row);
      else {
        if (unpackFlags(tail[0]!)!.kind === KIND.keyword) weigh(row, records.get(RECORDS, hexKey(digest))?.length ?? 0);
        show(row, digest, number, tail[0]!, (tail[1]! << 16) | (tail[2]! << 8) | tail[3]!);
      }
    }
  }

  function weigh(row: number, bytes: number): void {
    const weight = bucketWeight(bytes);
    if (weight > 1) weights.set(row, weight);
    else weights.delete(row);
  }

  function weightOf(row: number): number {
    return weights.get(row) ?? 1;
  }

  function show(row: number, digest: Uint8Array, number: number, flags: number, coarse: number): void {
    table.sequence[row] = number;
    table.flags[row] = flags;
    table.coarse[row] = coarse;
    reveal(row, digest);
  }

  function reveal(row: number, digest: Uint8Array): void {
    table.state[row] = SLOT.store;
    table.link(row, digest);
    farthest.add(row);
    owned += weightOf(row);
  }

  /** The row keeps its content, but is not found any more. */
  function hide(row: number): void {
    table.unlink(row);
    table.state[row] = SLOT.busy;
    farthest.remove(row);
    owned -= weightOf(row);
  }

  function release(row: number): void {
    table.state[row] = SLOT.free;
    weights.delete(row);
    free.push(row);
  }

  const nameOf = (row: number): string => hexKey(table.digestOf(row));

  function readOwn(row: number, ref: BlockRef): Uint8Array | undefined {
    const value = records.get(RECORDS, nameOf(row));
    if (value !== undefined && value.length > SEQUENCE_BYTES) {
      const bytes = keys.cipher(ref, readSequence(value), value.subarray(SEQUENCE_BYTES));
      if (ref.kind === KIND.keyword ? isBucketWhole(crypto, bytes) : options.verify(ref, bytes)) return bytes;
    }
    damaged++;
    forget(row);
    return undefined;
  }

  async function putKeywords(
    ref: BlockRef,
    replica: Replica,
    bytes: Uint8Array,
    reason: CopyReason,
    digest: Uint8Array,
    row: number,
  ): Promise<PutResult> {
    const own = row === NO_SLOT ? undefined : readOwn(row, ref);
    if (own === undefined && reason === 'path') return { type: 'declined' };
    const value = addToBucket(crypto, own, bytes, options.nowDay());
    if (typeof value === 'string') return { type: value };
    return keepOwned(digest, heldFor(ref, replica, reason, own === undefined ? NO_SLOT : row), value);
  }

  function heldFor(ref: BlockRef, replica: Replica, reason: CopyReason, row: number): HeldRef {
    const before = row === NO_SLOT ? undefined : unpackFlags(table.flags[row]!);
    return {
      ref: { kind: ref.kind, key: ref.key },
      replica: before?.replica ?? replica,
      reason: before?.reason ?? reason,
      coarse: before === undefined ? coarseLocation(locationOf(crypto, ref, replica)) : table.coarse[row]!,
    };
  }

  function readPassing(name: string): Uint8Array | undefined {
    const kept = passing.get(name);
    if (kept === undefined) return undefined;
    passing.delete(name);
    passing.set(name, kept);
    return kept.bytes;
  }

  /** Drops an owned record; one that the disk will not let go of is not listed any more, and dropped again after a restart. */
  function forget(row: number): void {
    const name = nameOf(row);
    hide(row);
    try {
      records.transaction(() => removeRows(name));
    } catch (error) {
      if (!(error instanceof LocalError)) throw error;
    }
    release(row);
  }

  function removeRows(name: string): void {
    records.delete(RECORDS, name);
    records.delete(REFS, name);
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

  function keepOwned(digest: Uint8Array, held: HeldRef, bytes: Uint8Array): Promise<PutResult> {
    const done = Promise.withResolvers<PutResult>();
    waiting.push({ digest, held, bytes, done });
    if (isClosing) writeWaiting();
    else timer ??= clock.setTimer(0, writeWaiting);
    return done.promise;
  }

  function writeWaiting(): void {
    timer?.cancel();
    timer = undefined;
    const jobs = waiting;
    waiting = [];
    if (jobs.length === 0) return;
    let placed: Placed[] = [];
    reserved = 0;
    try {
      sequence.reserve(jobs.length);
      placed = jobs.map(place).filter((found) => found !== undefined);
      records.transaction(() => {
        for (const { job, number, evicted: gone } of placed) {
          const name = hexKey(job.digest);
          records.put(RECORDS, name, withSequence(number, keys.cipher(job.held.ref, number, job.bytes)));
          records.put(REFS, name, withSequence(number, keys.sealRef(number, encodeHeldRef(job.held))));
          for (const row of gone) removeRows(nameOf(row));
        }
      });
    } catch (error) {
      reserved = 0;
      for (const { row, evicted: gone } of placed) {
        for (const other of gone) reveal(other, table.digestOf(other));
        if (table.state[row] === SLOT.busy) release(row);
        else farthest.add(row);
      }
      for (const { done } of jobs) settle(done, () => putFailure(error));
      return;
    }
    reserved = 0;
    for (const { job, number, row, evicted: gone } of placed) {
      for (const other of gone) release(other);
      evicted += gone.length;
      if (table.state[row] === SLOT.store) hide(row); // replaced: its age changes
      weigh(row, job.held.ref.kind === KIND.keyword ? job.bytes.length : 0);
      show(row, job.digest, number, packFlags(job.held), job.held.coarse);
      passing.delete(hexKey(job.digest));
      job.done.resolve({ type: 'stored' });
    }
  }

  /** Room for one more, and who goes for it; undefined when it is itself the farthest and was told so. */
  function place(job: Job): Placed | undefined {
    const number = sequence.next();
    const present = table.find(job.digest);
    const weight = job.held.ref.kind === KIND.keyword ? bucketWeight(job.bytes.length) : 1;
    const growth = Math.max(0, present === NO_SLOT ? weight : weight - weightOf(present));
    if (present !== NO_SLOT) {
      farthest.farthest(); // the order is built when it is first asked for, and a removal before that would be forgotten
      farthest.remove(present); // nobody of this transaction may evict what it replaces
    }
    const gone: number[] = [];
    const centre = ownCoarse();
    while (growth > 0 && owned + reserved + growth > recordsMax) {
      const last = farthest.farthest();
      if (last === NO_SLOT || coarseDistance(job.held.coarse, centre) > farthest.distanceOf(last)) {
        for (const row of gone) reveal(row, table.digestOf(row));
        if (present !== NO_SLOT) farthest.add(present);
        job.done.resolve({ type: 'declined' });
        return undefined;
      }
      hide(last);
      gone.push(last);
    }
    reserved += growth;
    return { job, number, row: present === NO_SLOT ? takeRow() : present, evicted: gone };
  }

  function takeRow(): number {
    if (free.length === 0) {
      const before = table.capacity;
      table.grow(before + GROW_ROWS);
      for (let row = table.capacity - 1; row >= before; row--) free.push(row);
    }
    const row = free.pop()!;
    table.state[row] = SLOT.busy;
    return row;
  }

  function refAt(row: number): HeldRef | undefined {
    const value = table.state[row] === SLOT.store ? records.get(REFS, nameOf(row)) : undefined;
    if (value === undefined || value.length !== SEQUENCE_BYTES + SEALED_REF_BYTES) return undefined;
    return decodeHeldRef(keys.sealRef(readSequence(value), value.subarray(SEQUENCE_BYTES)));
  }

  return {
    get(ref) {
      const digest = keys.digest(ref);
      const row = table.find(digest);
      try {
        const own = row === NO_SLOT ? undefined : readOwn(row, ref);
        if (ref.kind === KIND.keyword) return own === undefined ? undefined : answerOfBucket(own, options.nowDay());
        return own ?? readPassing(hexKey(digest));
      } catch (error) {
        if (error instanceof LocalError) return readPassing(hexKey(digest));
        throw error;
      }
    },

    async put(ref, replica, bytes, reason) {
      const digest = keys.digest(ref);
      const name = hexKey(digest);
      try {
        const row = table.find(digest);
        if (ref.kind === KIND.keyword) return await putKeywords(ref, replica, bytes, reason, digest, row);
        const own = row === NO_SLOT ? undefined : readOwn(row, ref);
        const existing = own ?? readPassing(name);
        if (existing !== undefined) {
          const isSame = crypto.equal(existing, bytes);
          const isNewer = !isSame && ref.kind === KIND.pointer && options.supersedes(existing, bytes);
          if (!isSame && !isNewer) return { type: 'collision', existing };
          if (isSame && (reason === 'path' || own !== undefined)) return { type: 'present' };
        }
        // A newer pointer that only passes by still replaces what we own: an owner must not answer with an older one.
        if (own === undefined && reason === 'path') return keepPassing(name, ref, bytes);
        return await keepOwned(digest, heldFor(ref, replica, reason, own === undefined ? NO_SLOT : row), bytes);
      } catch (error) {
        return putFailure(error);
      }
    },

    delete(ref) {
      const digest = keys.digest(ref);
      passing.delete(hexKey(digest));
      const row = table.find(digest);
      if (row !== NO_SLOT) forget(row);
    },

    reasonOf(ref) {
      const digest = keys.digest(ref);
      const row = table.find(digest);
      if (row !== NO_SLOT) return unpackFlags(table.flags[row]!)?.reason;
      return passing.has(hexKey(digest)) ? 'path' : undefined;
    },

    ownedAt: refAt,

    checkAt(row) {
      if (table.state[row] !== SLOT.store) return undefined;
      const held = refAt(row);
      if (held !== undefined) return readOwn(row, held.ref) !== undefined;
      damaged++;
      forget(row);
      return false;
    },

    coarseAt: (row) => (table.state[row] === SLOT.store ? table.coarse[row] : undefined),

    setMax(wanted) {
      recordsMax = wanted;
    },

    trim(count) {
      const going: number[] = [];
      while (going.length < count && owned > recordsMax) {
        const row = farthest.farthest();
        hide(row);
        going.push(row);
      }
      try {
        records.transaction(() => {
          for (const row of going) removeRows(nameOf(row));
        });
      } catch (error) {
        for (const row of going) reveal(row, table.digestOf(row));
        throw error;
      }
      evicted += going.length;
      for (const row of going) release(row);
      return owned > recordsMax;
    },

    close() {
      isClosing = true;
      writeWaiting();
    },

    get rows() {
      return table.capacity;
    },
    get max() {
      return recordsMax;
    },
    get ownedCount() {
      return owned;
    },
    get count() {
      return owned + passing.size;
    },
    get damaged() {
      return damaged;
    },
    get evicted() {
      return evicted;
    },
  };
}

function settle(done: PromiseWithResolvers<PutResult>, result: () => PutResult): void {
  try {
    done.resolve(result());
  } catch (error) {
    done.reject(error);
  }
}

interface Row {
  readonly digest: Uint8Array;
  readonly number: number;
  readonly sealed: Uint8Array;
}

/** In order of sequence, in which sealed references are quick to open. */
function readRows(records: Records): Row[] {
  const rows: Row[] = [];
  for (const [name, value] of records.entries(REFS)) {
    if (name.length !== 2 * DIGEST_BYTES || value.length !== SEQUENCE_BYTES + SEALED_REF_BYTES) continue;
    rows.push({ digest: fromHexKey(name), number: readSequence(value), sealed: value.subarray(SEQUENCE_BYTES) });
  }
  return rows.sort((a, b) => a.number - b.number);
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
