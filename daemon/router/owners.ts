/**
 * Who owns a (key, replica): the m nodes nearest to its location, as far as this node knows.
 *
 * Shape   known nodes are this one and its peers. With ring neighbours on both sides that is enough near a key: the node where a
 *         path ends has the other owners among its peers.
 * Why     no more than half of the network may own a key, or on a small net every node would hold everything and nothing
 *         would ever be routed.
 * Source  design § 8.
 * @module
 */
import { type BlockRef, KIND, type Replica, type RingLocation } from '../ids.ts';
import { distance } from '../keys/location.ts';
import type { Peer } from '../topology/topology-types.ts';

export const OWNERS_MAX = 8;

/** @param wanted what the insert asks for, or what the settings say for a fetch */
export function ownersWanted(wanted: number, estimatedNodes: number): number {
  return Math.max(1, Math.min(wanted, OWNERS_MAX, Math.floor(estimatedNodes / 2)));
}

/** A Fetch does not say how many owners its key has: what stands under other replicas, or is a record, was inserted with more. */
export function ownersOfFetch(
  ref: BlockRef,
  replica: Replica,
  options: { readonly owners: number; readonly ownersReplicated: number },
): number {
  return replica > 0 || ref.kind !== KIND.chk ? options.ownersReplicated : options.owners;
}

/** Whom to read from: who is known for long, or all while nobody is. Where a network is flooded, what was stored before lies with those. */
export function readablePeers<T extends Peer>(peers: readonly T[]): readonly T[] {
  const known = peers.filter((peer) => peer.onProbation !== true);
  return known.length === 0 ? peers : known;
}

/** Nearest first, ties by key. */
export function nearestPeers(peers: readonly Peer[], target: RingLocation): Peer[] {
  return peers
    .map((peer) => ({ peer, away: distance(peer.location, target) }))
    .sort((a, b) => a.away - b.away || (a.peer.key < b.peer.key ? -1 : 1))
    .map(({ peer }) => peer);
}

/** Whether fewer than `count` of the peers are nearer to the target than we are. */
export function isAmongNearest(
  ownLocation: RingLocation,
  peers: readonly Peer[],
  target: RingLocation,
  count: number,
): boolean {
  const own = distance(ownLocation, target);
  let nearer = 0;
  for (const peer of peers) if (distance(peer.location, target) < own) nearer++;
  return nearer < count;
}
