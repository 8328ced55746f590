/**
 * Links to nodes drawn uniformly, mutual, every node with about as many: what unstructured overlays live on.
 * @module
 */

import { createLinks, type Links } from '../routing/links.ts';
import type { SimRandom } from '../world/fast-random.ts';

/** Draws in vain before a node stays with one link less. */
const DRAWS_MAX = 100;

export function buildRandomGraph(nodeCount: number, peers: number, random: SimRandom): Links {
  const peersMax = Math.min(peers, nodeCount - 1);
  const links = createLinks(nodeCount, peersMax);
  for (let round = 0; round < peersMax; round++) {
    for (let node = 0; node < nodeCount; node++) {
      if (links.degrees[node]! > round) continue;
      for (let draw = 0; draw < DRAWS_MAX; draw++) {
        const other = random.below(nodeCount);
        if (other === node || links.isFull(other) || links.has(node, other)) continue;
        links.join(node, other);
        break;
      }
    }
  }
  return links;
}
