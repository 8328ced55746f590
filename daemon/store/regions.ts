/**
 * Who gets a slot: two regions over one set of slots.
 *
 * Shape   half of the slots is due to each region. A free slot goes to whoever asks, the lowest first. When none is free, a region
 *         below its due takes one from the other, and one at or above it gives up one of its own. So what one region does not need
 *         the other uses, and the border moves by need down to the halves.
 * Rule    a block for the store region that lies farther from us than all it would have to displace is refused. No slot at or past
 *         `limit` is given out: that is how a store shrinks (resizer.ts).
 * Why     an empty half would help nobody; and neither strangers' inserts nor strangers' requests can crowd out the other kind.
 * @module
 */
import type { CachePolicy } from './cache-policy.ts';
import type { FarthestFirst } from './farthest-first.ts';
import { coarseDistance } from './held-ref.ts';
import { grown, NO_SLOT, SLOT, type SlotTable } from './slot-table.ts';

export type Region = typeof SLOT.store | typeof SLOT.cache;

/** What stood in a slot that was taken, to put it back when nothing was written after all. */
export interface Displaced {
  readonly slot: number;
  readonly region: Region;
  readonly digest: Uint8Array;
}

export interface Taken {
  readonly slot: number;
  readonly displaced: Displaced | undefined;
}

export interface RegionCounts {
  /** Slots held or being written. */
  blocks: number;
  evicted: number;
}

export interface Regions {
  /** A slot to write in, now busy and counted in `region`; undefined: refused. */
  take(region: Region, coarse: number): Taken | undefined;
  /** A busy slot becomes findable under `digest`; its row in the table is filled in already. */
  settle(slot: number, region: Region, digest: Uint8Array): void;
  /** A held slot becomes busy: not to be found any more, not yet to be given out. */
  hide(slot: number): Displaced;
  /** A busy slot becomes free, or what stood there before `take` stands again. */
  giveBack(slot: number, region: Region, displaced: Displaced | undefined): void;
  /** Counts and shows what a scan of the disk found, oldest first; its row and digest are in the table already. */
  adopt(slot: number, region: Region): void;
  /** Slots below it are given out; also makes all free ones below it available. The table has room for them. */
  setLimit(limit: number): void;
  /** The next to go when room is needed for nobody in particular; NO_SLOT when nothing is held. */
  leastWanted(): number;
  readonly limit: number;
  readonly freeCount: number;
  /** Slots held or being written. */
  readonly used: number;
  readonly store: RegionCounts;
  readonly cache: RegionCounts;
}

interface RegionDeps {
  readonly table: SlotTable;
  readonly policy: CachePolicy;
  readonly farthest: FarthestFirst;
  /** Our location, coarse. */
  readonly ownCoarse: () => number;
}

export function createRegions(deps: RegionDeps): Regions {
  const { table, policy, farthest } = deps;
  const store: RegionCounts = { blocks: 0, evicted: 0 };
  const cache: RegionCounts = { blocks: 0, evicted: 0 };
  let limit = 0;
  /** The last is given out first. */
  let free = new Int32Array(table.capacity);
  let freeCount = 0;
  const countsOf = (region: Region): RegionCounts => (region === SLOT.store ? store : cache);
  const storeDue = (): number => Math.floor(limit / 2);

  function hide(slot: number): Displaced {
    const region = table.state[slot] as Region;
    const displaced = { slot, region, digest: table.digestOf(slot).slice() };
    table.unlink(slot);
    table.state[slot] = SLOT.busy;
    if (region === SLOT.cache) policy.remove(slot);
    else farthest.remove(slot);
    return displaced;
  }

  function settle(slot: number, region: Region, digest: Uint8Array): void {
    table.state[slot] = region;
    table.link(slot, digest);
    if (region === SLOT.store) farthest.add(slot);
    else policy.insert(slot);
  }

  /** The block of the store region that must go for one at `coarse`, unless that one lies farther. */
  function notNearerThan(coarse: number): number {
    const last = farthest.farthest();
    if (last === NO_SLOT || coarseDistance(coarse, deps.ownCoarse()) > farthest.distanceOf(last)) return NO_SLOT;
    return last;
  }

  function victimFor(region: Region, coarse: number): number {
    if (region === SLOT.store) {
      const fromCache = store.blocks < storeDue() ? policy.victim() : NO_SLOT;
      return fromCache !== NO_SLOT ? fromCache : notNearerThan(coarse);
    }
    const fromStore = cache.blocks < limit - storeDue() ? farthest.farthest() : NO_SLOT;
    return fromStore !== NO_SLOT ? fromStore : policy.victim();
  }

  function evictFor(region: Region, coarse: number): Taken | undefined {
    for (;;) {
      const slot = limit === 0 ? NO_SLOT : victimFor(region, coarse);
      if (slot === NO_SLOT) return undefined;
      const displaced = hide(slot);
      const counts = countsOf(displaced.region);
      counts.blocks--;
      counts.evicted++;
      if (slot < limit) return { slot, displaced };
      table.state[slot] = SLOT.free; // past the end that is coming: nobody gets it
    }
  }

  return {
    store,
    cache,
    hide,
    settle,

    take(region, coarse) {
      const taken = freeCount > 0 ? { slot: free[--freeCount]!, displaced: undefined } : evictFor(region, coarse);
      if (taken === undefined) return undefined;
      table.state[taken.slot] = SLOT.busy;
      countsOf(region).blocks++;
      return taken;
    },

    giveBack(slot, region, displaced) {
      countsOf(region).blocks--;
      if (displaced === undefined) {
        table.state[slot] = SLOT.free;
        if (slot < limit) free[freeCount++] = slot;
        return;
      }
      const counts = countsOf(displaced.region);
      counts.blocks++;
      counts.evicted--;
      settle(slot, displaced.region, displaced.digest);
    },

    adopt(slot, region) {
      countsOf(region).blocks++;
      table.state[slot] = region;
      table.relink(slot);
      if (region === SLOT.store) farthest.add(slot);
      else policy.adopt(slot);
    },

    setLimit(wanted) {
      limit = wanted;
      if (free.length < table.capacity) free = grown(free, new Int32Array(table.capacity));
      freeCount = 0;
      for (let slot = limit - 1; slot >= 0; slot--) if (table.state[slot] === SLOT.free) free[freeCount++] = slot;
    },

    leastWanted() {
      const fromCache = cache.blocks > limit - storeDue() || store.blocks <= storeDue() ? policy.victim() : NO_SLOT;
      if (fromCache !== NO_SLOT) return fromCache;
      const fromStore = farthest.farthest();
      return fromStore !== NO_SLOT ? fromStore : policy.victim();
    },

    get limit() {
      return limit;
    },
    get freeCount() {
      return freeCount;
    },
    get used() {
      return store.blocks + cache.blocks;
    },
  };
}
