/**
 * The links that the product's own choice of peers leads to, once a calm network has settled.
 *
 * Shape   4 ring neighbours on either side; then node after node seeks long links: a target drawn by longTarget(), whoever
 *         nearestCandidate() finds there, and a relation if that node has room. Relations are mutual.
 * Unit    `peers` caps all relations of a node together (peersMax); its wish for long ones is what the ring leaves of that.
 * Why     the announcement that finds out who lives at a place is taken for granted here (test/sim's full resolution runs it). Asking
 *         and accepting follow wantsLongLink() and judgeRequest() of peer-table.ts by counts alone, because those walk a node's
 *         peers for every question, which 100,000 nodes cannot wait for; a test holds the two against each other.
 * Source  design § 7.
 * @module
 */
import { KNOWN_NODES_MAX } from '../../../daemon/limits.ts';
import { estimateNodes, longTarget, nearestCandidate } from '../../../daemon/topology/peer-choice.ts';
import type { RingPlace } from '../../../daemon/topology/ring-location.ts';
import { createFastRandom, type FastRandom, shuffle } from './fast-random.ts';
import { createLinks, type Links } from './links.ts';
import type { NodeSet } from './node-set.ts';

export const RING_EACH_SIDE = 4;
/** Nodes on either side of a target that are looked at as candidates. */
const CANDIDATES_EACH_SIDE = 4;
/** Seeks in vain (refused, or own peer already) before a node gives up; it then lives with fewer peers. */
const SEEKS_IN_VAIN_MAX = 200;

export interface LongCounts {
  /** Relations of all kinds, long ones of all kinds, and those that we asked for. */
  readonly peers: number;
  readonly long: number;
  readonly longOut: number;
}

/** wantsLongLink() of peer-table.ts, with nothing asked for at the moment. */
export function wantsByCounts(counts: LongCounts, longLinks: number, peersMax: number): boolean {
  if (counts.peers >= peersMax || counts.longOut >= longLinks) return false;
  return counts.long < longLinks || counts.longOut < Math.ceil(longLinks / 2);
}

/** judgeRequest() of peer-table.ts for a long link asked for by a node that is no ring neighbour. */
export function acceptsByCounts(counts: LongCounts, longLinks: number, peersMax: number): boolean {
  return counts.long < longLinks * 2 && counts.peers < peersMax;
}

/** A node as the product's choice of peers sees it. */
export function placeOf(nodes: NodeSet, node: number): RingPlace {
  return { key: nodeKey(node), location: nodes.locationOf(node) };
}

/** Keys sort as the numbers do. */
export function nodeKey(node: number): string {
  return `n${String(node).padStart(7, '0')}`;
}

export function buildProductLinks(nodes: NodeSet, peers: number, seed: string): Links {
  const random = createFastRandom(seed);
  const peersMax = Math.min(peers, nodes.count - 1);
  const links = createLinks(nodes.count, peersMax);
  const ring = joinRing(nodes, links);
  const longLinks = peersMax - 2 * ring;
  if (longLinks <= 0) return links;

  const estimates = new Float64Array(nodes.count);
  for (let node = 0; node < nodes.count; node++) estimates[node] = estimate(nodes, node, ring, peersMax);
  const longOut = new Uint16Array(nodes.count);
  const inVain = new Uint16Array(nodes.count);
  const countsOf = (node: number): LongCounts => {
    const all = links.degrees[node]!;
    return { peers: all, long: all - 2 * ring, longOut: longOut[node]! };
  };
  let seeking = shuffle(
    Int32Array.from({ length: nodes.count }, (_, node) => node),
    random,
  );
  while (seeking.length > 0) {
    for (const node of seeking) {
      if (!wantsByCounts(countsOf(node), longLinks, peersMax)) continue;
      const found = seek(nodes, links, node, estimates[node]!, random);
      if (found !== undefined && acceptsByCounts(countsOf(found), longLinks, peersMax)) {
        links.join(node, found);
        longOut[node]!++;
        inVain[node] = 0;
      } else inVain[node]!++;
    }
    seeking = seeking.filter(
      (node) => inVain[node]! < SEEKS_IN_VAIN_MAX && wantsByCounts(countsOf(node), longLinks, peersMax),
    );
  }
  return links;
}

/** @returns neighbours on either side: RING_EACH_SIDE where peers and nodes allow it */
function joinRing(nodes: NodeSet, links: Links): number {
  const eachSide = Math.min(RING_EACH_SIDE, Math.floor(links.linksMax / 2), Math.floor((nodes.count - 1) / 2));
  for (let node = 0; node < nodes.count; node++) {
    for (let step = 1; step <= eachSide; step++) links.join(node, (node + step) % nodes.count);
  }
  return eachSide;
}

function estimate(nodes: NodeSet, node: number, eachSide: number, peers: number): number {
  const around: RingPlace[] = [];
  for (let step = 1; step <= eachSide; step++) {
    around.push(placeOf(nodes, (node + step) % nodes.count));
    around.push(placeOf(nodes, (node + nodes.count - step) % nodes.count));
  }
  return estimateNodes(placeOf(nodes, node), around, eachSide, Math.min(nodes.count - 1, KNOWN_NODES_MAX), peers);
}

function seek(
  nodes: NodeSet,
  links: Links,
  node: number,
  estimatedNodes: number,
  random: FastRandom,
): number | undefined {
  const own = placeOf(nodes, node);
  const draws = { distance: random.unit(), side: random.unit() };
  const target = longTarget(own.location, draws, estimatedNodes, RING_EACH_SIDE);
  const first = nodes.lowerBound(target) + nodes.count - CANDIDATES_EACH_SIDE;
  const candidates: (RingPlace & { readonly node: number })[] = [];
  for (let step = 0; step < CANDIDATES_EACH_SIDE * 2; step++) {
    const candidate = (first + step) % nodes.count;
    if (candidate === node || links.has(node, candidate)) continue;
    candidates.push({ ...placeOf(nodes, candidate), node: candidate });
  }
  return nearestCandidate(own, target, candidates)?.node;
}
