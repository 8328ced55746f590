/**
 * The index of the slot file, in memory: which slot holds which digest, and what eviction needs to know of it.
 *
 * Shape   flat typed arrays by slot number, and an open-addressing hash table of slot numbers (linear probing, at most half full,
 *         deletion by shifting back, so no tombstones).
 * Unit    70 to 78 bytes a slot, taken when the store opens: 1,000,000 slots (30.6 GiB) cost about 75 MB.
 * Why     a Map with string keys costs twice that and is scanned by every garbage collection. Digests are keyed with a secret of
 *         this node (store-keys.ts), so nobody outside can aim at one chain of the table.
 * @module
 */
import { ROUTING_KEY_BYTES } from '../ids.ts';
import { DIGEST_BYTES } from './store-keys.ts';

/** `busy`: handed to a put that is writing; in no list and not to be found. */
export const SLOT = { free: 0, store: 1, cache: 2, busy: 3 } as const;
export type SlotState = (typeof SLOT)[keyof typeof SLOT];

export const NO_SLOT = -1;

export interface SlotTable {
  readonly capacity: number;
  readonly state: Uint8Array;
  /** Rises with every write: age, and proof that a slot still holds what it held before an await. */
  readonly sequence: Float64Array;
  readonly coarse: Uint32Array;
  /** kind, replica, reason as held-ref.ts packs them. */
  readonly flags: Uint8Array;
  find(digest: Uint8Array): number;
  /** Makes `slot` findable. The digest must not be in the table. */
  link(slot: number, digest: Uint8Array): void;
  unlink(slot: number): void;
  digestOf(slot: number): Uint8Array;
  /** The 32 bytes of the routing key of a slot in the store region; a view. */
  keyOf(slot: number): Uint8Array;
}

export function createSlotTable(capacity: number): SlotTable {
  const digests = new Uint8Array(capacity * DIGEST_BYTES);
  const keys = new Uint8Array(capacity * ROUTING_KEY_BYTES);
  const bucketCount = 2 ** Math.max(4, Math.ceil(Math.log2(Math.max(1, capacity) * 2)));
  const mask = bucketCount - 1;
  const buckets = new Int32Array(bucketCount); // slot + 1, so that fresh zero pages mean empty

  const digestOf = (slot: number): Uint8Array => digests.subarray(slot * DIGEST_BYTES, (slot + 1) * DIGEST_BYTES);
  const home = (bytes: Uint8Array, at: number): number =>
    (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) & mask;

  function holds(slot: number, digest: Uint8Array): boolean {
    const at = slot * DIGEST_BYTES;
    for (let i = 0; i < DIGEST_BYTES; i++) if (digests[at + i] !== digest[i]) return false;
    return true;
  }

  return {
    capacity,
    state: new Uint8Array(capacity),
    sequence: new Float64Array(capacity),
    coarse: new Uint32Array(capacity),
    flags: new Uint8Array(capacity),
    digestOf,
    keyOf: (slot) => keys.subarray(slot * ROUTING_KEY_BYTES, (slot + 1) * ROUTING_KEY_BYTES),

    find(digest) {
      for (let bucket = home(digest, 0); buckets[bucket] !== 0; bucket = (bucket + 1) & mask) {
        const slot = buckets[bucket]! - 1;
        if (holds(slot, digest)) return slot;
      }
      return NO_SLOT;
    },

    link(slot, digest) {
      digests.set(digest, slot * DIGEST_BYTES);
      let bucket = home(digest, 0);
      while (buckets[bucket] !== 0) bucket = (bucket + 1) & mask;
      buckets[bucket] = slot + 1;
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
  };
}
