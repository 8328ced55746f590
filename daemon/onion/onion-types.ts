/**
 * What daemon/client may ask of the onion layer: requests that leave through several exits, all behind one guard.
 * @module
 */
import type { BlockRef, Replica, TrafficClass } from '../ids.ts';

/** Outcomes as the exit reports them, and "circuitFailed" when the circuit died before an answer (safe to ask again). */
export type RemoteFetch =
  | { readonly type: 'data'; readonly payload: Uint8Array } // not yet verified by the client
  | { readonly type: 'dataNotFound' | 'routeNotFound' | 'rejectedLoop' | 'timeout' | 'circuitFailed' }
  | { readonly type: 'rejectedOverload'; readonly retryMs: number; readonly workBits: number }
  | { readonly type: 'recentlyFailed'; readonly retryMs: number };

export type RemoteInsert =
  | { readonly type: 'inserted'; readonly copies: number }
  | { readonly type: 'collision'; readonly payload: Uint8Array }
  | { readonly type: 'routeNotFound' | 'rejectedLoop' | 'badBlock' | 'timeout' | 'circuitFailed' }
  | { readonly type: 'rejectedOverload'; readonly retryMs: number; readonly workBits: number };

export interface CircuitOptions {
  readonly trafficClass: TrafficClass;
  /** Padding cells wanted on the guard link; follows from the class, stated so that tests can see it. */
  readonly padding: boolean;
  /** Blocks the document is expected to have: decides the number of exits (design § 10). */
  readonly blocks: number;
}

/** The circuits of one document: fresh, never shared with another document. */
export interface DocumentCircuits {
  readonly exits: number;
  readonly trafficClass: TrafficClass;
  /** Dealt at random over the exits; rejects only with LocalError `offline` / `connecting` / `relays_silent` or the signal's reason. */
  fetch(
    ref: BlockRef,
    replica: Replica,
    signal?: AbortSignal,
    /** Requests given the same object leave through different exits, as far as there are so many. */
    apart?: object,
  ): Promise<RemoteFetch>;
  insert(
    ref: BlockRef,
    replica: Replica,
    owners: number,
    payload: Uint8Array,
    signal?: AbortSignal,
  ): Promise<RemoteInsert>;
  /** How many requests may be under way at once over all exits together. */
  readonly windowBlocks: number;
  close(): void;
}

export interface CircuitSource {
  /** Rejects with LocalError `offline`, `connecting` or `relays_silent` when no circuit of three can be made within the build timeout. */
  open(options: CircuitOptions, signal?: AbortSignal): Promise<DocumentCircuits>;
}

export interface CircuitInfo {
  readonly alias: number;
  readonly use: 'ready' | 'building' | 'document';
  readonly hops: number;
  readonly ageMs: number;
  readonly cellsIn: number;
  readonly cellsOut: number;
  readonly buildMs: number | undefined;
}

export interface OnionSnapshot {
  readonly circuits: readonly CircuitInfo[];
  readonly ready: number;
  readonly building: number;
  readonly built: number;
  readonly buildFailures: number;
  /** Circuits of others that pass through this node, by our position. */
  readonly relayed: { readonly guard: number; readonly middle: number; readonly exit: number };
  readonly cellsRelayed: number;
  readonly usableRelays: number;
  readonly guardSinceMs: number | undefined;
  readonly guardUp: boolean;
}
