/**
 * Chord: a key lives at its successor; each node knows its successors and fingers at growing distances clockwise.
 *
 * Shape   "chord" is the text-book's: fingers at halving distances, whatever links are left are successors. With fewer links than
 *         that takes, two successors and fingers in as many equal ratios as remain. "chord-dense" spends all links but four
 *         successors on fingers in equal ratios: the best use of that many links.
 * Unit    links are entries of a node's own table; a table entry costs the other end a link too, which is not counted against it.
 * Source  Stoica et al., "Chord", IEEE/ACM ToN 2003, § IV.
 * @module
 */
import type { RingLocation } from '../../../daemon/ids.ts';
import { createLinks, type Links } from '../routing/links.ts';
import type { NodeSet } from '../routing/node-set.ts';
import type { LookupOutcome, Overlay } from './overlay-types.ts';

const SUCCESSORS_MIN = 2;
const SUCCESSORS_DENSE = 4;

export function createChord(nodes: NodeSet, peers: number, dense: boolean): Overlay {
  const { count, locations } = nodes;
  const links = buildTables(nodes, Math.min(peers, count - 1), dense);
  const clockwise = (from: number, to: number): number => (to >= from ? to - from : to - from + 1);

  function lookup(from: number, target: RingLocation): LookupOutcome {
    const holder = nodes.lowerBound(target) % count;
    let node = from;
    let hops = 0;
    while (node !== holder) {
      const here = locations[node]!;
      const arc = clockwise(here, target);
      let next = (node + 1) % count;
      let best = -1;
      for (let i = 0; i < links.degrees[node]!; i++) {
        const peer = links.at(node, i);
        // A known successor that follows the key directly is the holder itself.
        if (peer === holder && (holder - node + count) % count <= successorsKnown(links, node, count)) {
          next = holder;
          break;
        }
        const along = clockwise(here, locations[peer]!);
        if (along < arc && along > best) {
          best = along;
          next = peer;
        }
      }
      node = next;
      hops++;
    }
    return { found: true, hops, messages: hops * 2, end: node };
  }
  return { name: dense ? 'chord-dense' : 'chord', degreeMean: links.mean(), lookup };
}

/** How many of the first entries are the direct successors, in order. */
function successorsKnown(links: Links, node: number, count: number): number {
  let known = 0;
  while (known < links.degrees[node]! && links.at(node, known) === (node + known + 1) % count) known++;
  return known;
}

function buildTables(nodes: NodeSet, peers: number, dense: boolean): Links {
  const links = createLinks(nodes.count, peers);
  const halvings = Math.ceil(Math.log2(nodes.count));
  const isTextbook = !dense && peers >= halvings + SUCCESSORS_MIN;
  const successors = Math.min(peers, dense ? SUCCESSORS_DENSE : isTextbook ? peers - halvings : SUCCESSORS_MIN);
  const nearest = successors / nodes.count;
  const ratio = isTextbook ? 0.5 : (2 * nearest) ** (1 / Math.max(1, peers - successors));
  for (let node = 0; node < nodes.count; node++) {
    const steps = new Set<number>();
    for (let step = 1; step <= successors; step++) steps.add(step);
    let arc = 0.5;
    for (let finger = 0; finger < peers - successors; finger++) {
      const found = nodes.lowerBound((nodes.locations[node]! + arc) % 1) % nodes.count;
      if (found !== node) steps.add((found - node + nodes.count) % nodes.count);
      arc *= ratio;
    }
    // Fingers that fell on nodes known already: their links go to further successors.
    for (let step = successors + 1; step < nodes.count && steps.size < peers; step++) steps.add(step);
    for (const step of [...steps].sort((a, b) => a - b)) links.add(node, (node + step) % nodes.count);
  }
  return links;
}
