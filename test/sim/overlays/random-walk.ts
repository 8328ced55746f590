/**
 * Random walkers over random links, instead of a flood.
 *
 * Shape   walkers step in turn, never straight back unless there is no other way; each lives for so many steps. When one finds the
 *         holder the others stop after that step (they are taken to check back at no cost, to their advantage).
 * Source  Lv, Cao, Cohen, Li, Shenker, "Search and replication in unstructured peer-to-peer networks", ICS 2002: 16 to 64 walkers.
 * @module
 */
import type { RingLocation } from '../../../daemon/ids.ts';
import type { Links } from '../routing/links.ts';
import type { NodeSet } from '../routing/node-set.ts';
import type { SimRandom } from '../world/fast-random.ts';
import type { LookupOutcome, Overlay } from './overlay-types.ts';

const WALKERS = 32;
const STEPS_MAX = 128;

export function createRandomWalk(nodes: NodeSet, links: Links, random: SimRandom): Overlay {
  const at = new Int32Array(WALKERS);
  const before = new Int32Array(WALKERS);

  function stepFrom(node: number, cameFrom: number): number {
    const degree = links.degrees[node]!;
    const drawn = random.below(degree);
    const peer = links.at(node, drawn);
    return peer === cameFrom && degree > 1 ? links.at(node, (drawn + 1) % degree) : peer;
  }

  function lookup(from: number, target: RingLocation): LookupOutcome {
    const holder = nodes.nearest(target);
    if (from === holder) return { found: true, hops: 0, messages: 0, end: from };
    at.fill(from);
    before.fill(-1);
    let messages = 0;
    for (let step = 1; step <= STEPS_MAX; step++) {
      let found = false;
      for (let walker = 0; walker < WALKERS; walker++) {
        const here = at[walker]!;
        if (links.degrees[here] === 0) continue;
        at[walker] = stepFrom(here, before[walker]!);
        before[walker] = here;
        messages++;
        if (at[walker] === holder) found = true;
      }
      // The answer goes straight back.
      if (found) return { found, hops: step, messages: messages + 1, end: holder };
    }
    return { found: false, hops: STEPS_MAX, messages, end: at[0]! };
  }
  return { name: 'random-walk', degreeMean: links.mean(), lookup };
}
