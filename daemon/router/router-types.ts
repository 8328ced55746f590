/**
 * What an exit (daemon/onion) asks of the router, and what it hears back.
 *
 * Why     only an exit starts requests here: a node's own client reaches the network through circuits alone, so nothing in this
 *         interface can be called by daemon/client (the import table forbids it).
 * @module
 */
import type { BlockRef, Replica } from '../ids.ts';
import type { BusyKey } from './busy-keys.ts';

export type FetchOutcome =
  | { readonly type: 'data'; readonly payload: Uint8Array } // verified
  | { readonly type: 'dataNotFound' }
  | { readonly type: 'routeNotFound' }
  | { readonly type: 'rejectedLoop' }
  | { readonly type: 'rejectedOverload'; readonly retryMs: number; readonly workBits: number }
  | { readonly type: 'recentlyFailed'; readonly retryMs: number }
  | { readonly type: 'timeout' };

export type InsertOutcome =
  | { readonly type: 'inserted'; readonly copies: number }
  | { readonly type: 'collision'; readonly payload: Uint8Array }
  | { readonly type: 'routeNotFound' }
  | { readonly type: 'rejectedLoop' }
  | { readonly type: 'rejectedOverload'; readonly retryMs: number; readonly workBits: number }
  | { readonly type: 'badBlock' }
  | { readonly type: 'timeout' };

export interface ExitRequests {
  /** @param origin the link that the circuit came over: requests of one origin share what the exit has room for */
  fetch(ref: BlockRef, replica: Replica, origin?: string): Promise<FetchOutcome>;
  /** `payload` is verified against `ref` here before it goes anywhere. */
  insert(
    ref: BlockRef,
    replica: Replica,
    owners: number,
    work: Uint8Array,
    payload: Uint8Array,
    origin?: string,
  ): Promise<InsertOutcome>;
}

/** Counters since start; "attempts" includes successes. Hops of demos and tests are summed from `forwarded` of all nodes. */
export interface RouterCounters {
  readonly exitFetches: number;
  readonly exitInserts: number;
  readonly fetchesReceived: number;
  readonly insertsReceived: number;
  /** Routed hops: Fetch and Insert messages sent on, StoreCopy apart. */
  readonly fetchesForwarded: number;
  readonly insertsForwarded: number;
  readonly copiesSent: number;
  /** Blocks offered to new owners, and how many they took. */
  readonly handoffsOffered: number;
  readonly handoffsTaken: number;
  /** Own copies that were damaged and fetched again. */
  readonly healed: number;
  readonly found: number;
  readonly foundInStore: number;
  readonly foundInCache: number;
  readonly notFound: number;
  readonly failed: number;
  readonly coalesced: number;
  readonly rejectedLoop: number;
  readonly rejectedOverload: number;
  readonly timeouts: number;
  readonly badBlocks: number;
  readonly htlExhausted: number;
  /** Fetches answered so: no peer to send them to; looked for in vain a moment ago. */
  readonly answeredNoRoute: number;
  readonly answeredRecentlyFailed: number;
}

/** What peers asked of us since start, by kind of block (index kind - 1) and by sixteenth of the ring. */
export interface Arrivals {
  readonly fetchesByKind: readonly number[];
  readonly insertsByKind: readonly number[];
  readonly byPlace: readonly number[];
}

export interface RouterSnapshot {
  readonly counters: RouterCounters;
  readonly pending: number;
  readonly failureTable: number;
  /** Requests received by HTL (index 0..HTL_MAX): seen, found, not found, failed. */
  readonly byHtl: readonly {
    readonly seen: number;
    readonly found: number;
    readonly notFound: number;
    readonly failed: number;
  }[];
  /** Times of answered requests, ms, as counts of log2 buckets (bucket i: 2^i .. 2^(i+1) ms, 0..15). */
  readonly timeHistogram: readonly number[];
  readonly arrivals: Arrivals;
  /** Only while they are counted. */
  readonly busyKeys: readonly BusyKey[] | undefined;
}
