/**
 * What router, onion and the surfaces see of the topology.
 * @module
 */
import type { RingLocation } from '../ids.ts';
import type { Link } from '../link/link-types.ts';
import type { Descriptor } from '../wire/descriptor-types.ts';

/** A peer: a node that we route to and that routes to us, over one link. */
export interface Peer {
  /** hexKey of its node id: breaks ties. */
  readonly key: string;
  readonly descriptor: Descriptor;
  readonly location: RingLocation;
  readonly link: Link;
  readonly since: number; // Clock.nowMs
  readonly ringNeighbour: boolean;
  /** First heard of within the last hour: copied to, and read from only where nobody else is left. Absent: no. */
  readonly onProbation?: boolean;
  /** What it last claimed of its peers: locations in units of 1/4096 (design § 7). */
  readonly claims: readonly number[];
}

export interface RoutingView {
  readonly ownLocation: RingLocation;
  /** Up peers, in the order they became peers. */
  peers(): readonly Peer[];
  /** Estimated nodes in the network, at least 1 + peers. */
  estimatedNodes(): number;
}

export interface RelayView {
  /** Every relay that a circuit may use, own node excluded. */
  relays(): readonly Descriptor[];
}

/** What the owner of the node may do about its peers. */
export interface PeerControl {
  /**
   * That node is no peer of ours for so long; circuits may still pass over the link, because who guards our circuits is not to be
   * changed by hand. @returns false when it is no peer
   */
  ban(key: string, forMs: number): boolean;
  readonly banned: number;
  /** Dials nodes by their descriptors and asks them to be peers. `tried` leaves out what is no usable descriptor. */
  add(descriptors: readonly Uint8Array[]): Promise<{ readonly tried: number; readonly linked: number }>;
}

export type JoinStage = 'idle' | 'dialling seeds' | 'announcing' | 'linking' | 'joined';

export interface Reachability {
  /** Whether a node has opened a link to us: `no` after minutes of links of our own alone. */
  readonly dialled: 'yes' | 'no' | 'unknown';
  /** The address that peers see us at, when peers of two networks agree; undefined until then. */
  readonly observedHost: string | undefined;
}
