/**
 * Arithmetic on the ring of locations, and the one draw that shapes it.
 *
 * Shape   a RingPlace is a location and a node key; the ring order is by location, ties by key, so that two nodes at the very same
 *         location still have an order that both agree on.
 * Unit    locations and arcs are fractions of the ring; an arc clockwise lies in [0, 1), a distance in [0, 0.5].
 * Why     greedy routing over links of density 1 / distance (Kleinberg) takes O(log^2 N / links) hops; any other exponent is worse.
 * Source  design § 7; 2^-32 rounding: design § 3 (log, exp and pow may differ in their last bit between machines).
 * @module
 */
import { type RingLocation, ringLocation } from '../ids.ts';

const ROUNDING = 2 ** 32;
const RING_UNITS = 2 ** 52;
/** Nothing on the ring is closer together than this matters for a draw. */
const DISTANCE_MIN = 2 ** -31;

/** One pass with insertions costs less than a sort while so many more nodes are there than are asked for. */
const PICKED_SHARE = 4;

export interface RingPlace {
  readonly key: string;
  readonly location: RingLocation;
}

/** The shorter arc between two places. */
export function distance(a: number, b: number): number {
  const arc = Math.abs(a - b);
  return arc > 0.5 ? 1 - arc : arc;
}

/** The arc from one place to another in the direction of rising locations. */
export function clockwise(from: RingPlace, to: RingPlace): number {
  const arc = to.location - from.location;
  if (arc === 0) return to.key >= from.key ? 0 : 1;
  return arc < 0 ? arc + 1 : arc;
}

/** Sorts places by distance to `target`, ties by key. */
export function byDistanceTo(target: number): (a: RingPlace, b: RingPlace) => number {
  return (a, b) => distance(a.location, target) - distance(b.location, target) || compareKeys(a.key, b.key);
}

export function compareKeys(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Nodes after `own` on the ring, nearest first. */
export function inClockwiseOrder<T extends RingPlace>(own: RingPlace, nodes: readonly T[]): T[] {
  return [...nodes].sort((a, b) => clockwise(own, a) - clockwise(own, b) || compareKeys(a.key, b.key));
}

/** The nearest `eachSide` nodes after `own` and the nearest before it; on a small ring a node may be both. */
export function nearestEachSide<T extends RingPlace>(
  own: RingPlace,
  nodes: readonly T[],
  eachSide: number,
): { readonly after: readonly T[]; readonly before: readonly T[] } {
  // Few of many: picked out in one pass, because a network that joins asks for them hundreds of thousands of times.
  if (eachSide * PICKED_SHARE <= nodes.length) {
    return { after: nearestAlong(own, nodes, eachSide, 1), before: nearestAlong(own, nodes, eachSide, -1) };
  }
  const order = inClockwiseOrder(own, nodes);
  return { after: order.slice(0, eachSide), before: order.slice(Math.max(0, order.length - eachSide)).reverse() };
}

/**
 * The first `count` of the clockwise order, or its last ones from the end.
 * @param sense 1: clockwise from `own`; -1: against it
 */
function nearestAlong<T extends RingPlace>(own: RingPlace, nodes: readonly T[], count: number, sense: 1 | -1): T[] {
  const nearest: T[] = [];
  const arcs: number[] = [];
  for (const node of nodes) {
    const arc = clockwise(own, node) * sense;
    let at = nearest.length;
    if (at === count && arc > arcs[at - 1]!) continue;
    while (at > 0 && (arc < arcs[at - 1]! || (arc === arcs[at - 1] && isBefore(node, nearest[at - 1]!, sense)))) at--;
    if (at === count) continue;
    nearest.splice(at, 0, node);
    arcs.splice(at, 0, arc);
    if (nearest.length > count) {
      nearest.pop();
      arcs.pop();
    }
  }
  return nearest;
}

function isBefore(a: RingPlace, b: RingPlace, sense: 1 | -1): boolean {
  const order = compareKeys(a.key, b.key);
  return sense === 1 ? order < 0 : order >= 0;
}

/** At most `max` nodes around `target`: half from either side where there are enough, the nearest of the rest otherwise. */
export function aroundTarget<T extends RingPlace>(target: RingLocation, nodes: readonly T[], max: number): T[] {
  if (nodes.length <= max) return [...nodes].sort(byDistanceTo(target));
  const { after, before } = nearestEachSide({ key: '', location: target }, nodes, max >> 1);
  const chosen = new Map([...after, ...before].map((node) => [node.key, node]));
  return [...chosen.values()].sort(byDistanceTo(target));
}

/** Rounds a result of log, exp or pow before it may steer a decision. */
export function steady(value: number): number {
  return Math.round(value * ROUNDING) / ROUNDING;
}

/**
 * A distance of density 1/d between `nearest` and half the ring.
 * @param unit uniform in [0, 1)
 */
export function harmonicDistance(unit: number, nearest: number): number {
  const least = Math.min(Math.max(nearest, DISTANCE_MIN), 0.5);
  return Math.min(Math.max(steady(least * (0.5 / least) ** unit), DISTANCE_MIN), 0.5);
}

/** The place `arc` further round, in either direction. */
export function placeAt(from: RingLocation, arc: number): RingLocation {
  const units = Math.floor((((from + arc) % 1) + 1) * RING_UNITS) % RING_UNITS;
  return ringLocation(units / RING_UNITS);
}
