/**
 * What the router counts: only sums, and only since start.
 *
 * Shape   every Fetch received ends as found, notFound or failed (rejections are failures), so seen = found + notFound + failed +
 *         those still under way. `forwarded` counts what was sent on, by the own exit too: a routed hop each.
 * Why     no counter is kept per key or per peer, so none can tell what somebody asked for. (busy-keys.ts does, while the owner asks for it.)
 * @module
 */

import type { Kind, RingLocation } from '../ids.ts';
import { HTL_MAX } from '../limits.ts';
import type { RouterCounters, RouterSnapshot } from './router-types.ts';

type Writable<T> = { -readonly [K in keyof T]: T[K] };
type HtlRow = Writable<RouterSnapshot['byHtl'][number]>;

const TIME_BUCKETS = 16;
/** Coarse: a sixteenth of the ring says where the load is, not what was asked for. */
const PLACES = 16;
const KINDS = 4;

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
    answeredNoRoute: 0,
    answeredRecentlyFailed: 0,
  };
  readonly #byHtl: HtlRow[] = Array.from({ length: HTL_MAX + 1 }, () => ({
    seen: 0,
    found: 0,
    notFound: 0,
    failed: 0,
  }));
  readonly #times: number[] = new Array<number>(TIME_BUCKETS).fill(0);

  readonly #arrived = {
    fetch: new Array<number>(KINDS).fill(0),
    insert: new Array<number>(KINDS).fill(0),
    places: new Array<number>(PLACES).fill(0),
  };

  /** A request of a peer came in. */
  arrived(what: 'fetch' | 'insert', kind: Kind, place: RingLocation): void {
    this.#arrived[what][kind - 1]!++;
    this.#arrived.places[Math.min(PLACES - 1, Math.floor(place * PLACES))]!++;
  }

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

  snapshot(): Pick<RouterSnapshot, 'counters' | 'byHtl' | 'timeHistogram' | 'arrivals'> {
    return {
      counters: { ...this.totals },
      byHtl: this.#byHtl.map((row) => ({ ...row })),
      timeHistogram: [...this.#times],
      arrivals: {
        fetchesByKind: [...this.#arrived.fetch],
        insertsByKind: [...this.#arrived.insert],
        byPlace: [...this.#arrived.places],
      },
    };
  }

  #row(htl: number): HtlRow {
    return this.#byHtl[Math.min(Math.max(htl, 0), HTL_MAX)]!;
  }
}
