/**
 * The links that the product's own choice of peers leads to, once a calm network has settled.
 *
 * Shape   4 ring neighbours on either side, 3 where there is room for ten peers; then node after node seeks long links: a target drawn by spreadTarget(), whoever
 *         nearestCandidate() finds there, and a relation if that node has room. Relations are mutual.
 * Unit    `peers` is the mean number of relations. What a node wishes for (longLinks) is found by bisection on a small network so
 *         that this mean comes out; some nodes wish for one more than others. peersMax is 4/3 of the mean, as by default.
 * Why     the announcement that finds out who lives at a place is taken for granted here (the full resolution runs it). Asking and
 *         accepting follow wantsLongLink() and judgeRequest() of peer-table.ts by counts alone, because those walk a node's peers
 *         for every question, which 100,000 nodes cannot wait for; a test holds the two against each other.
 *         With all nodes capped at exactly the mean, routes are 4 % longer: a path meets well-linked nodes more often than others,
 *         so their variety helps.
 * Source  design § 7.
 * @module
 */
import { KNOWN_NODES_MAX, PEERS_MAX } from '../../../daemon/limits.ts';
import {
  estimateNodes,
  LONG_TARGET_DRAWS,
  nearestCandidate,
  ringEachSideFor,
  spreadTarget,
} from '../../../daemon/topology/peer-choice.ts';
import type { RingPlace } from '../../../daemon/topology/ring-location.ts';
import { createFastRandom, type SimRandom } from '../world/fast-random.ts';
import { createLinks, type Links } from './links.ts';
import { drawNodes, type NodeSet } from './node-set.ts';

export const RING_EACH_SIDE = 4;
const PEERS_MAX_PER_MEAN = 4 / 3;
/** Nodes on either side of a target that are looked at as candidates. */
const CANDIDATES_EACH_SIDE = 4;
/** Seeks in vain in a row (refused, or nobody but own peers there) before a node gives up; it then lives with fewer peers. */
const SEEKS_IN_VAIN_MAX = 100;
const CALIBRATION_NODES = 4_000;
const CALIBRATION_STEPS = 8;

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

/** Keys sort as the numbers do. */
export function nodeKey(node: number): string {
  return `n${String(node).padStart(7, '0')}`;
}

/** A node as the product's choice of peers sees it. */
interface Place extends RingPlace {
  readonly node: number;
}

export function buildProductLinks(nodes: NodeSet, peers: number, seed: string, ringWanted = RING_EACH_SIDE): Links {
  const peersMax = Math.min(Math.round(peers * PEERS_MAX_PER_MEAN), PEERS_MAX, nodes.count - 1);
  const trial =
    nodes.count <= CALIBRATION_NODES ? nodes : drawNodes(CALIBRATION_NODES, createFastRandom(`${seed} trial`));
  const ringEachSide = ringEachSideFor(ringWanted, peersMax);
  const limits = { peersMax, ringEachSide };
  let enough = 0;
  let tooMany = Math.max(0, Math.min(peers, peersMax) - 2 * ringEachSide) + 1;
  for (let step = 0; step < CALIBRATION_STEPS; step++) {
    const middle = (enough + tooMany) / 2;
    if (settle(trial, middle, limits, seed).mean() <= peers) enough = middle;
    else tooMany = middle;
  }
  return settle(nodes, enough, limits, seed);
}

/** @param longWish mean of what the nodes wish for; each wishes for the whole number below or above it */
function settle(
  nodes: NodeSet,
  longWish: number,
  { peersMax, ringEachSide }: { readonly peersMax: number; readonly ringEachSide: number },
  seed: string,
): Links {
  const random = createFastRandom(seed);
  const links = createLinks(nodes.count, peersMax);
  const ring = joinRing(nodes, links, ringEachSide);
  const places = Array.from(
    { length: nodes.count },
    (_, node): Place => ({ node, key: nodeKey(node), location: nodes.locationOf(node) }),
  );
  const estimates = Float64Array.from(places, (place) => estimate(place, places, ring, peersMax));
  const longLinks = Uint16Array.from(places, () => Math.floor(longWish + random.unit()));
  const longOut = new Uint16Array(nodes.count);
  const inVain = new Uint16Array(nodes.count);
  const countsOf = (node: number): LongCounts => {
    const all = links.degrees[node]!;
    return { peers: all, long: all - 2 * ring, longOut: longOut[node]! };
  };
  const wants = (node: number): boolean => wantsByCounts(countsOf(node), longLinks[node]!, peersMax);
  const accepts = (node: number): boolean => acceptsByCounts(countsOf(node), longLinks[node]!, peersMax);
  let seeking = random.shuffled(places.map(({ node }) => node));
  while (seeking.length > 0) {
    for (const node of seeking) {
      if (!wants(node)) continue;
      const found = seek(nodes, links, places, node, { estimatedNodes: estimates[node]!, eachSide: ring }, random);
      if (found !== undefined && accepts(found)) {
        links.join(node, found);
        longOut[node]!++;
        inVain[node] = 0;
      } else inVain[node]!++;
    }
    seeking = seeking.filter((node) => inVain[node]! < SEEKS_IN_VAIN_MAX && wants(node));
  }
  return links;
}

/** @returns neighbours on either side: as many as wanted where peers and nodes allow it */
function joinRing(nodes: NodeSet, links: Links, wanted: number): number {
  const eachSide = Math.min(wanted, Math.floor(links.linksMax / 2), Math.floor((nodes.count - 1) / 2));
  for (let node = 0; node < nodes.count; node++) {
    for (let step = 1; step <= eachSide; step++) links.join(node, (node + step) % nodes.count);
  }
  return eachSide;
}

function estimate(own: Place, places: readonly Place[], eachSide: number, peers: number): number {
  const count = places.length;
  const around: Place[] = [];
  for (let step = 1; step <= eachSide; step++) {
    around.push(places[(own.node + step) % count]!, places[(own.node + count - step) % count]!);
  }
  return estimateNodes(own, around, eachSide, Math.min(count - 1, KNOWN_NODES_MAX), peers);
}

function seek(
  nodes: NodeSet,
  links: Links,
  places: readonly Place[],
  node: number,
  scale: { readonly estimatedNodes: number; readonly eachSide: number },
  random: SimRandom,
): number | undefined {
  const own = places[node]!;
  const draws = Array.from({ length: LONG_TARGET_DRAWS }, () => ({ distance: random.unit(), side: random.unit() }));
  const long = links.degrees[node]! - 2 * scale.eachSide; // the ring was joined first
  const present = Array.from(
    { length: long },
    (_, index) => places[links.at(node, 2 * scale.eachSide + index)]!.location,
  );
  const target = spreadTarget(own.location, draws, present, scale.estimatedNodes, scale.eachSide);
  const first = nodes.lowerBound(target) + nodes.count - CANDIDATES_EACH_SIDE;
  const candidates: Place[] = [];
  for (let step = 0; step < CANDIDATES_EACH_SIDE * 2; step++) {
    const candidate = (first + step) % nodes.count;
    if (candidate !== node && !links.has(node, candidate)) candidates.push(places[candidate]!);
  }
  return nearestCandidate(own, target, candidates)?.node;
}
