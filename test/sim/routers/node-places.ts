/**
 * A node set with some nodes at places that somebody chose, among others drawn at random.
 * @module
 */
import { ringLocation } from '../../../daemon/ids.ts';
import { distance } from '../../../daemon/keys/location.ts';
import type { NodeSet } from '../routing/node-set.ts';
import { drawNodes } from '../routing/node-set.ts';
import type { SimRandom } from '../world/fast-random.ts';

export interface PlacedNodes {
  readonly nodes: NodeSet;
  /** Indices of the chosen ones. */
  readonly chosen: ReadonlySet<number>;
}

export function placeNodes(drawn: number, chosen: readonly number[], random: SimRandom): PlacedNodes {
  const rest = drawNodes(drawn, random);
  const all = [...rest.locations].map((place) => ({ place, isChosen: false }));
  for (const place of chosen) all.push({ place, isChosen: true });
  all.sort((a, b) => a.place - b.place);
  const locations = Float64Array.from(all, ({ place }) => place);
  const count = locations.length;
  const lowerBound = (place: number): number => {
    let [low, high] = [0, count];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (locations[middle]! < place) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const nodes: NodeSet = {
    count,
    locations,
    ids: Uint32Array.from(locations, (place) => Math.floor(place * 2 ** 32)),
    lowerBound,
    locationOf: (node) => ringLocation(locations[node]!),
    nearest(place) {
      const target = ringLocation(place);
      const after = lowerBound(place) % count;
      const before = (after + count - 1) % count;
      return distance(ringLocation(locations[before]!), target) < distance(ringLocation(locations[after]!), target)
        ? before
        : after;
    },
  };
  return { nodes, chosen: new Set(all.flatMap(({ isChosen }, index) => (isChosen ? [index] : []))) };
}
