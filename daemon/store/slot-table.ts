/**
 * The index of a file of slots, in memory: which slot holds which digest, and what eviction needs to know of it.
 *
 * Shape   flat typed arrays by slot number, and an open-addressing hash table of slot numbers (linear probing, at most half full,
 *         deletion by shifting back, so no tombstones). The same table indexes the records (record-shelf.ts).
 * Unit    38 to 46 bytes a slot, taken when the store opens: 1,000,000 slots (30.6 GiB) cost about 38 MB.
 * Why     a Map with string keys costs four times that and is scanned by every garbage collection. Digests are keyed with a secret
 *         of this node (store-keys.ts), so nobody outside can aim at one chain of the table. Routing keys are not in memory at all:
 *         the few who need them (handoff, verify) read them from the disk.
 * @module
 */
import { DIGEST_BYTES } from './store-keys.ts';

/** `busy`: handed to a put that is writing; in no list and not to be found. */
export const SLOT = { free: 0, store: 1, cache: 2, busy: 3 } as const;
export type SlotState = (typeof SLOT)[keyof typeof SLOT];

export const NO_SLOT = -1;

export interface SlotTable {
  readonly capacity: number;
  /** Views of now: `grow` replaces them. */
  readonly state: Uint8Array;
  /** Rises with every write of a region: age, and proof that a slot still holds what it held before an await. */
  readonly sequence: Float64Array;
  readonly coarse: Uint32Array;
  /** kind, replica, reason as held-ref.ts packs them. */
  readonly flags: Uint8Array;
  find(digest: Uint8Array): number;
  /** Makes `slot` findable. The digest must not be in the table. */
  link(slot: number, digest: Uint8Array): void;
  unlink(slot: number): void;
  /** What a scan of the disk reads, without a view for each: copies the digest that begins at `at`. */
  writeDigest(slot: number, bytes: Uint8Array, at: number): void;
  /** Another slot that is findable under the digest written for this one, or NO_SLOT. */
  findTwin(slot: number): number;
  /** `link` under the digest that was written. */
  relink(slot: number): void;
  /** A view. */
  digestOf(slot: number): Uint8Array;
  grow(capacity: number): void;
}

export function createSlotTable(initialCapacity: number): SlotTable {
  let capacity = initialCapacity;
  let state = new Uint8Array(capacity);
  let sequence = new Float64Array(capacity);
  let coarse = new Uint32Array(capacity);
  let flags = new Uint8Array(capacity);
  let digests = new Uint8Array(capacity * DIGEST_BYTES);
  let buckets = new Int32Array(0); // slot + 1, so that fresh zero pages mean empty
  let mask = 0;
  makeBuckets();

  function makeBuckets(): void {
    const count = 2 ** Math.max(4, Math.ceil(Math.log2(Math.max(1, capacity) * 2)));
    buckets = new Int32Array(count);
    mask = count - 1;
  }

  const home = (bytes: Uint8Array, at: number): number =>
    (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) & mask;

  function holds(slot: number, bytes: Uint8Array, from: number): boolean {
    const at = slot * DIGEST_BYTES;
    for (let i = 0; i < DIGEST_BYTES; i++) if (digests[at + i] !== bytes[from + i]) return false;
    return true;
  }

  function find(bytes: Uint8Array, from: number): number {
    for (let bucket = home(bytes, from); buckets[bucket] !== 0; bucket = (bucket + 1) & mask) {
      const slot = buckets[bucket]! - 1;
      if (holds(slot, bytes, from)) return slot;
    }
    return NO_SLOT;
  }

  function enter(slot: number): void {
    let bucket = home(digests, slot * DIGEST_BYTES);
    while (buckets[bucket] !== 0) bucket = (bucket + 1) & mask;
    buckets[bucket] = slot + 1;
  }

  return {
    get capacity() {
      return capacity;
    },
    get state() {
      return state;
    },
    get sequence() {
      return sequence;
    },
    get coarse() {
      return coarse;
    },
    get flags() {
      return flags;
    },
    digestOf: (slot) => digests.subarray(slot * DIGEST_BYTES, (slot + 1) * DIGEST_BYTES),

    find: (digest) => find(digest, 0),
    findTwin: (slot) => find(digests, slot * DIGEST_BYTES),
    relink: enter,

    writeDigest(slot, bytes, from) {
      const at = slot * DIGEST_BYTES;
      for (let i = 0; i < DIGEST_BYTES; i++) digests[at + i] = bytes[from + i]!;
    },

    link(slot, digest) {
      digests.set(digest, slot * DIGEST_BYTES);
      enter(slot);
    },

    unlink(slot) {
      let hole = home(digests, slot * DIGEST_BYTES);
      while (buckets[hole] !== slot + 1) hole = (hole + 1) & mask;
      // Whoever comes after the hole and would be searched for across it moves into it.
      for (let bucket = (hole + 1) & mask; buckets[bucket] !== 0; bucket = (bucket + 1) & mask) {
        const wanted = home(digests, (buckets[bucket]! - 1) * DIGEST_BYTES);
        if (((bucket - wanted) & mask) >= ((bucket - hole) & mask)) {
          buckets[hole] = buckets[bucket]!;
          hole = bucket;
        }
      }
      buckets[hole] = 0;
    },

    grow(wanted) {
      if (wanted <= capacity) return;
      state = grown(state, new Uint8Array(wanted));
      sequence = grown(sequence, new Float64Array(wanted));
      coarse = grown(coarse, new Uint32Array(wanted));
      flags = grown(flags, new Uint8Array(wanted));
      digests = grown(digests, new Uint8Array(wanted * DIGEST_BYTES));
      capacity = wanted;
      makeBuckets();
      for (let slot = 0; slot < capacity; slot++) {
        if (state[slot] === SLOT.store || state[slot] === SLOT.cache) enter(slot);
      }
    },
  };
}

/** @returns `into`, with `from` at its start */
export function grown<T extends { set(from: T): void }>(from: T, into: T): T {
  into.set(from);
  return into;
}
