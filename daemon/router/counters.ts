/**
 * What the router counts: only sums, and only since start.
 *
 * Shape   every Fetch received ends as found, notFound or failed (rejections are failures), so seen = found + notFound + failed +
 *         those still under way. `forwarded` counts what was sent on, by the own exit too: a routed hop each.
 * Why     no counter is kept per key or per peer, so none can tell what somebody asked for.
 * @module
 */
import { HTL_MAX } from '../limits.ts';
import type { RouterCounters, RouterSnapshot } from './router-types.ts';

type Writable<T> = { -readonly [K in keyof T]: T[K] };
type HtlRow = Writable<RouterSnapshot['byHtl'][number]>;

const TIME_BUCKETS = 16;

export class Counters {
  readonly totals: Writable<RouterCounters> = {
    exitFetches: 0,
    exitInserts: 0,
    fetchesReceived: 0,
    insertsReceived: 0,
    fetchesForwarded: 0,
    insertsForwarded: 0,
    copiesSent: 0,
    handoffsOffered: 0,
    handoffsTaken: 0,
    healed: 0,
    found: 0,
    foundInStore: 0,
    foundInCache: 0,
    notFound: 0,
    failed: 0,
    coalesced: 0,
    rejectedLoop: 0,
    rejectedOverload: 0,
    timeouts: 0,
    badBlocks: 0,
    htlExhausted: 0,
  };
  readonly #byHtl: HtlRow[] = Array.from({ length: HTL_MAX + 1 }, () => ({
    seen: 0,
    found: 0,
    notFound: 0,
    failed: 0,
  }));
  readonly #times: number[] = new Array<number>(TIME_BUCKETS).fill(0);

  fetchSeen(htl: number): void {
    this.totals.fetchesReceived++;
    this.#row(htl).seen++;
  }

  fetchEnded(htl: number, as: 'found' | 'notFound' | 'failed'): void {
    this.totals[as]++;
    this.#row(htl)[as]++;
  }

  /** A fetch answered with the block after that long: bucket i holds 2^i .. 2^(i+1) ms, the first also all below. */
  answeredAfter(ms: number): void {
    let bucket = 0;
    while (bucket < TIME_BUCKETS - 1 && ms >= 2 ** (bucket + 1)) bucket++;
    this.#times[bucket]!++;
  }

  snapshot(): Pick<RouterSnapshot, 'counters' | 'byHtl' | 'timeHistogram'> {
    return {
      counters: { ...this.totals },
      byHtl: this.#byHtl.map((row) => ({ ...row })),
      timeHistogram: [...this.#times],
    };
  }

  #row(htl: number): HtlRow {
    return this.#byHtl[Math.min(Math.max(htl, 0), HTL_MAX)]!;
  }
}
