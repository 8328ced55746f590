/**
 * Who gets a slot: two regions over one set of slots.
 *
 * Shape   half of the slots is due to each region. A free slot goes to whoever asks. When none is free, a region below its due
 *         takes one from the other, and one at or above it gives up one of its own.
 * Rule    a block for the store region that lies farther from us than all it would have to displace is refused.
 * Why     an empty half would help nobody; and neither strangers' inserts nor strangers' requests can crowd out the other kind.
 * @module
 */
import type { CachePolicy } from './cache-policy.ts';
import type { FarthestFirst } from './farthest-first.ts';
import { coarseDistance } from './held-ref.ts';
import { NO_SLOT, SLOT, type SlotTable } from './slot-table.ts';

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
  /** Counts and shows what a scan of the disk found, oldest first. */
  adopt(slot: number, region: Region, digest: Uint8Array): void;
  /** To be called once, after the last `adopt`: all other slots are free. */
  ready(): void;
  readonly freeCount: number;
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
  const storeDue = Math.floor(table.capacity / 2);
  const cacheDue = table.capacity - storeDue;
  /** The last is given out first. */
  const free: number[] = [];
  const countsOf = (region: Region): RegionCounts => (region === SLOT.store ? store : cache);

  function hide(slot: number): Displaced {
    const region = table.state[slot] as Region;
    const displaced = { slot, region, digest: table.digestOf(slot).slice() };
    table.unlink(slot);
    table.state[slot] = SLOT.busy;
    if (region === SLOT.cache) policy.remove(slot);
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
    if (last === undefined || coarseDistance(coarse, deps.ownCoarse()) > last.distance) return NO_SLOT;
    return last.slot;
  }

  function victimFor(region: Region, coarse: number): number {
    if (region === SLOT.store) {
      const fromCache = store.blocks < storeDue ? policy.victim() : NO_SLOT;
      return fromCache !== NO_SLOT ? fromCache : notNearerThan(coarse);
    }
    const fromStore = cache.blocks < cacheDue ? farthest.farthest()?.slot : undefined;
    return fromStore ?? policy.victim();
  }

  function evictFor(region: Region, coarse: number): Taken | undefined {
    const slot = victimFor(region, coarse);
    if (slot === NO_SLOT) return undefined;
    const displaced = hide(slot);
    const counts = countsOf(displaced.region);
    counts.blocks--;
    counts.evicted++;
    return { slot, displaced };
  }

  return {
    store,
    cache,
    hide,
    settle,

    take(region, coarse) {
      const slot = free.pop();
      const taken = slot === undefined ? evictFor(region, coarse) : { slot, displaced: undefined };
      if (taken === undefined) return undefined;
      table.state[taken.slot] = SLOT.busy;
      countsOf(region).blocks++;
      return taken;
    },

    giveBack(slot, region, displaced) {
      countsOf(region).blocks--;
      if (displaced === undefined) {
        table.state[slot] = SLOT.free;
        free.push(slot);
        return;
      }
      const counts = countsOf(displaced.region);
      counts.blocks++;
      counts.evicted--;
      settle(slot, displaced.region, displaced.digest);
    },

    adopt(slot, region, digest) {
      countsOf(region).blocks++;
      settle(slot, region, digest);
    },

    ready() {
      free.length = 0;
      for (let slot = table.capacity - 1; slot >= 0; slot--) if (table.state[slot] === SLOT.free) free.push(slot);
    },

    get freeCount() {
      return free.length;
    },
  };
}
