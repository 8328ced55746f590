/**
 * Which nodes to wish for: long links at harmonic distances, and how many nodes there seem to be.
 *
 * Unit    distances are fractions of the ring.
 * Why     the target of a long link is drawn first and then whoever lives nearest to it is taken: choosing among the nodes that happen
 *         to be known would copy the bias of how they came to be known.
 * Source  design § 7 (Kleinberg), § 8 (owners are at most half of the estimated network).
 * @module
 */
import type { RingLocation } from '../ids.ts';
import {
  byDistanceTo,
  clockwise,
  distance,
  harmonicDistance,
  nearestEachSide,
  placeAt,
  type RingPlace,
  steady,
} from './ring-location.ts';

/** Below this many nodes around us their density says too little. */
const DENSITY_NODES_MIN = 6;
/** The density overrules the count of known nodes only when it says at least so many times more. */
const DENSITY_MARGIN = 1.5;

/** A place to seek a long link at: either direction, density 1 / distance. */
export function longTarget(
  own: RingLocation,
  draws: { readonly distance: number; readonly side: number },
  estimatedNodes: number,
  eachSide: number,
): RingLocation {
  const arc = harmonicDistance(draws.distance, Math.min(eachSide / estimatedNodes, 0.25));
  return placeAt(own, draws.side < 0.5 ? arc : -arc);
}

/**
 * Ring neighbours to keep on either side, for a node with room for `peersMax` peers: as many as wanted, but a quarter of the room
 * at most. With ten peers, four on either side leave two long links, and routes among 100,000 nodes half as long again.
 */
export function ringEachSideFor(wanted: number, peersMax: number): number {
  return Math.max(1, Math.min(wanted, Math.floor(peersMax / 4)));
}

/** How many places are drawn for one long link. More than three gains nothing that was measured. */
export const LONG_TARGET_DRAWS = 3;

/**
 * Of several drawn places the one that our links cover worst: farthest, on the logarithmic scale of its side, from any of them.
 * Single draws leave gaps and pairs in the distances of a few dozen links; routes then lose a step where the gap is.
 * @param present locations of our long links; the ring neighbours lie at one end of the scale and would draw links away from it
 */
export function spreadTarget(
  own: RingLocation,
  draws: readonly { readonly distance: number; readonly side: number }[],
  present: readonly RingLocation[],
  estimatedNodes: number,
  eachSide: number,
): RingLocation {
  const best = leastCovered(
    own,
    draws.map((draw) => longTarget(own, draw, estimatedNodes, eachSide)),
    present,
  );
  if (best === undefined) throw new RangeError('at least one draw');
  return best;
}

/** Of these places the one that `present` covers worst; the first of equals. */
export function leastCovered(
  own: RingLocation,
  places: readonly RingLocation[],
  present: readonly RingLocation[],
): RingLocation | undefined {
  let best: RingLocation | undefined;
  let bestGap = -1;
  for (const target of places) {
    const gap = gapAround(own, target, present);
    if (gap <= bestGap) continue;
    best = target;
    bestGap = gap;
  }
  return best;
}

function gapAround(own: RingLocation, target: RingLocation, present: readonly RingLocation[]): number {
  const place = logPlace(own, target);
  let gap = Number.POSITIVE_INFINITY;
  for (const location of present) {
    const other = logPlace(own, location);
    if (other.after === place.after) gap = Math.min(gap, Math.abs(other.log - place.log));
  }
  return gap;
}

function logPlace(own: RingLocation, location: RingLocation): { readonly after: boolean; readonly log: number } {
  const after = (location - own + 1) % 1 < 0.5;
  return { after, log: steady(Math.log(Math.max(distance(own, location), 2 ** -52))) };
}

/** The candidate nearest to the target, unless we live nearer to it than all of them. */
export function nearestCandidate<T extends RingPlace>(
  own: RingPlace,
  target: RingLocation,
  candidates: readonly T[],
): T | undefined {
  const best = [...candidates].sort(byDistanceTo(target))[0];
  if (best === undefined || distance(best.location, target) >= distance(own.location, target)) return undefined;
  return best;
}

/**
 * Nodes in the network, ours included.
 * @param neighbours confirmed nodes around us (ring neighbours); few of them say little, and then only what is known counts
 * @param known nodes that we hold a descriptor of and did not fail to reach
 */
export function estimateNodes(
  own: RingPlace,
  neighbours: readonly RingPlace[],
  eachSide: number,
  known: number,
  peers: number,
): number {
  const counted = Math.max(1 + known, 1 + peers);
  const { after, before } = nearestEachSide(own, neighbours, eachSide);
  const last = after.at(-1);
  const first = before.at(-1);
  if (last === undefined || first === undefined || after.length + before.length < DENSITY_NODES_MIN) return counted;
  const arc = clockwise(own, last) + (1 - clockwise(own, first));
  const byDensity = arc > 0 ? Math.round((after.length + before.length) / arc) : counted;
  return byDensity > counted * DENSITY_MARGIN ? byDensity : counted;
}
