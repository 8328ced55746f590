/**
 * The whole node as the surfaces see it: daemon/api turns this into the JSON of api/schema.ts.
 * @module
 */
import type { Client } from './client/client-types.ts';
import type { KeyRing } from './client/key-ring.ts';
import type { TransferQueue } from './client/queue-types.ts';
import type { BlockRef, CopyReason, RingLocation } from './ids.ts';
import type { Link } from './link/link-types.ts';
import type { OnionSnapshot } from './onion/onion-types.ts';
import type { NetAddress, TraceEvent } from './ports.ts';
import type { Router } from './router/router.ts';
import type { RouterSnapshot } from './router/router-types.ts';
import type { NodeSettings } from './settings.ts';
import type { ManagedStore, StoreStats } from './store/store-types.ts';
import type { JoinStage, Peer, PeerControl, Reachability } from './topology/topology-types.ts';
import type { Descriptor } from './wire/descriptor-types.ts';

export interface NodeSnapshot {
  readonly nowMs: number; // Clock.nowMs
  readonly startedAtMs: number;
  readonly location: RingLocation;
  readonly locationSinceMs: number;
  readonly joinStage: JoinStage;
  readonly estimatedNodes: number;
  /** Median of peers' clocks minus ours; undefined under 5 peers. */
  readonly clockOffsetMs: number | undefined;
  readonly peers: readonly Peer[];
  readonly links: readonly Link[];
  readonly router: RouterSnapshot;
  readonly store: StoreStats;
  readonly onion: OnionSnapshot;
  /** All links since start, closed ones included. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly seedsTried: number;
  readonly seedsAnswered: number;
  readonly reachability?: Reachability;
}

export type StoreControl = Pick<
  ManagedStore,
  'verify' | 'verifying' | 'planResize' | 'resize' | 'resizing' | 'changePassphrase'
>;

export type RoutingControl = Pick<Router, 'countKeys' | 'traceKey' | 'tracedKey'>;

export interface Node {
  readonly settings: NodeSettings;
  readonly descriptor: Descriptor;
  readonly client: Client;
  /** Publishes and fetches that outlive their asker. */
  readonly queue: TransferQueue;
  /** Signing identities of the owner. */
  readonly keys: KeyRing;
  /** What its owner may ask of the datastore. */
  readonly store: StoreControl;
  readonly peers: PeerControl;
  /** Looking closer at what is routed here, while its owner wants to. */
  readonly routing: RoutingControl;
  /** Where it really listens (port 0 resolved); the descriptor may advertise another address. */
  readonly boundAddress: NetAddress;
  snapshot(): NodeSnapshot;
  /** Devnet trace, empty when off. */
  traceEvents(): readonly TraceEvent[];
  /** Why this node keeps a copy, by the trace; "unexplained" must never be seen; undefined: it keeps none, or the trace is off. */
  holds(ref: BlockRef): CopyReason | 'unexplained' | undefined;
  /** Says goodbye, flushes, closes everything. Idempotent. */
  stop(): Promise<void>;
}
