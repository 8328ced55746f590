/**
 * The nodes of a network in the routing resolution: locations in ring order, and who lives nearest to a place.
 *
 * Shape   node i is the i-th on the ring; everything about it stands at index i of some array.
 * Unit    locations are multiples of 2^-52 as in the product; `ids` are their first 32 bits, for overlays that compare bits.
 * Why     no two nodes share their first 32 bits: Kademlia's ids are then distinct and all overlays live on the same node set.
 * @module
 */
import { type RingLocation, ringLocation } from '../../../daemon/ids.ts';
import { distance } from '../../../daemon/keys/location.ts';
import type { SimRandom } from '../world/fast-random.ts';

export interface NodeSet {
  readonly count: number;
  readonly locations: Float64Array;
  readonly ids: Uint32Array;
  /** First index whose location is at or after `place`; `count` if there is none. */
  lowerBound(place: number): number;
  /** The node nearest to a place on the ring. */
  nearest(place: number): number;
  locationOf(node: number): RingLocation;
}

export function drawNodes(count: number, random: SimRandom): NodeSet {
  const ids = drawDistinct(count, random);
  const locations = new Float64Array(count);
  for (let i = 0; i < count; i++) locations[i] = (ids[i]! * 2 ** 20 + random.below(2 ** 20)) / 2 ** 52;

  function lowerBound(place: number): number {
    let low = 0;
    let high = count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (locations[middle]! < place) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  const locationOf = (node: number): RingLocation => ringLocation(locations[node]!);
  return {
    count,
    locations,
    ids,
    lowerBound,
    locationOf,
    nearest(place) {
      const target = ringLocation(place);
      const after = lowerBound(place) % count;
      const before = (after + count - 1) % count;
      return distance(locationOf(before), target) < distance(locationOf(after), target) ? before : after;
    },
  };
}

/** A place to look up: any multiple of 2^-52. */
export function drawPlace(random: SimRandom): RingLocation {
  return ringLocation(random.unit());
}

function drawDistinct(count: number, random: SimRandom): Uint32Array {
  const seen = new Set<number>();
  while (seen.size < count) seen.add(random.below(2 ** 32));
  return Uint32Array.from(seen).sort();
}
