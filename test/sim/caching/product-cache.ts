/**
 * The cache of one node: the product's policy, sketch, slots and regions, driven as block-store.ts drives them, without bytes.
 *
 * Shape   get() is block-store's get with touch: it counts the question, then serves. holds() is its get without. put() is put "path".
 *         The store region stays empty, so the whole capacity is the cache's.
 * Why     digests are mixed from the key and a salt of the node, for every node has a secret of its own: what collides in the
 *         sketch of one does not in another's.
 * @module
 */
import { createCachePolicy } from '../../../daemon/store/cache-policy.ts';
import { createFarthestFirst } from '../../../daemon/store/farthest-first.ts';
import { createRegions } from '../../../daemon/store/regions.ts';
import { createSlotTable, NO_SLOT, SLOT } from '../../../daemon/store/slot-table.ts';
import { DIGEST_BYTES } from '../../../daemon/store/store-keys.ts';
import type { Cache } from './cache-types.ts';

const digest = new Uint8Array(DIGEST_BYTES);
const words = new Uint32Array(digest.buffer);

export function createProductCache(capacity: number, salt: number): Cache & { holds(key: number): boolean } {
  const table = createSlotTable(capacity);
  const policy = createCachePolicy(table);
  const ownCoarse = (): number => 0;
  const regions = createRegions({ table, policy, farthest: createFarthestFirst(table, ownCoarse), ownCoarse });
  regions.setLimit(capacity);
  return {
    get(key) {
      mixDigest(key, salt);
      policy.asked(digest);
      const slot = table.find(digest);
      if (slot === NO_SLOT) return false;
      policy.touch(slot);
      return true;
    },
    holds(key) {
      mixDigest(key, salt);
      return table.find(digest) !== NO_SLOT;
    },
    put(key) {
      mixDigest(key, salt);
      if (table.find(digest) !== NO_SLOT) return;
      const taken = regions.take(SLOT.cache, 0);
      if (taken !== undefined) regions.settle(taken.slot, SLOT.cache, digest);
    },
  };
}

function mixDigest(key: number, salt: number): void {
  let state = Math.imul(key + 1, 0x9e37_79b1) ^ salt;
  for (let i = 0; i < words.length; i++) {
    state = (state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0_aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a_2d97);
    words[i] = mixed ^ (mixed >>> 15);
  }
}
