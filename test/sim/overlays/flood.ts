/**
 * Gnutella: everybody asks everybody he knows.
 *
 * Shape   over random links; a node that hears a query for the first time passes it to all its links but the one it came by, as long as
 *         the TTL lasts. A query cannot be called back, so its messages are counted to the end, found or not.
 * Source  Gnutella protocol specification 0.4: TTL 7.
 * @module
 */
import type { RingLocation } from '../../../daemon/ids.ts';
import type { Links } from '../routing/links.ts';
import type { NodeSet } from '../routing/node-set.ts';
import type { LookupOutcome, Overlay } from './overlay-types.ts';

const TTL = 7;

export function createFlood(nodes: NodeSet, links: Links): Overlay {
  const heardIn = new Int32Array(nodes.count).fill(-1);
  const queue = new Int32Array(nodes.count);
  let query = 0;

  function lookup(from: number, target: RingLocation): LookupOutcome {
    const holder = nodes.nearest(target);
    query++;
    heardIn[from] = query;
    queue[0] = from;
    let queued = 1;
    let next = 0;
    let messages = 0;
    let foundAfter = from === holder ? 0 : -1;
    for (let ttl = TTL, hops = 1; ttl > 0 && next < queued; ttl--, hops++) {
      for (const levelEnd = queued; next < levelEnd; next++) {
        const node = queue[next]!;
        const degree = links.degrees[node]!;
        messages += node === from ? degree : degree - 1;
        for (let i = 0; i < degree; i++) {
          const peer = links.at(node, i);
          if (heardIn[peer] === query) continue;
          heardIn[peer] = query;
          queue[queued++] = peer;
          if (peer === holder) foundAfter = hops;
        }
      }
    }
    // The answer goes back the way the query came.
    if (foundAfter > 0) messages += foundAfter;
    return { found: foundAfter >= 0, hops: Math.max(foundAfter, 0), messages, end: foundAfter >= 0 ? holder : from };
  }
  return { name: 'flood', degreeMean: links.mean(), lookup };
}
