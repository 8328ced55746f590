/**
 * Freenet 0.7 as its source has it: mostly short links, the best of peers and their peers next, backtracking until the HTL is spent.
 *
 * Shape   70 % of the links go to nodes uniformly within 0.01, the rest anywhere; mutual. A node sends on to the peer that is, or has
 *         a peer that is, nearest to the key (exact locations), whether or not that is nearer than itself. A node that has seen the
 *         request rejects it. A peer with more than 30 % of the choices is passed over by whoever has at least 5.
 * Unit    HTL starts at 18; there a coin fixed per link keeps it with 1/2, and at 1 with 1/4 it is spent at once.
 * Why     hops count every node that took the request in, backtracking included, because a request's time is that. The key lies on
 *         the nearest node alone, as for all overlays here: Freenet itself stores along the insert's path, which hides dead ends.
 * Source  anonymity.md § 1 (constants of fred).
 * @module
 */

import type { RingLocation } from '../../../daemon/ids.ts';
import { distance } from '../../../daemon/topology/ring-location.ts';
import { createLinks, type Links } from '../routing/links.ts';
import type { NodeSet } from '../routing/node-set.ts';
import type { SimRandom } from '../world/fast-random.ts';
import type { LookupOutcome, Overlay } from './overlay-types.ts';

const SHORT_SHARE = 0.7;
const SHORT_DISTANCE = 0.01;
const HTL_START = 18;
const SHARE_MAX = 0.3;
const SHARE_PEERS_MIN = 5;
const DRAWS_MAX = 200;

export function createFreenet07(nodes: NodeSet, peers: number, random: SimRandom): Overlay {
  const links = buildLinks(nodes, peers, random);
  const { locations } = nodes;
  const chosen = new Uint32Array(nodes.count * links.linksMax);
  const choices = new Uint32Array(nodes.count);
  const coinSalt = random.below(2 ** 32);
  let target = 0;
  let holder = 0;
  let hops = 0;
  let messages = 0;
  let htl = 0;
  let end = 0;
  const visited = new Set<number>();

  const coin = (a: number, b: number): number => {
    const mixed = Math.imul(Math.min(a, b) ^ coinSalt, 0x9e37_79b1) ^ Math.imul(Math.max(a, b), 0x85eb_ca6b);
    return (mixed ^ (mixed >>> 15)) & 3;
  };

  function best(node: number, asker: number, tried: ReadonlySet<number>): number {
    const degree = links.degrees[node]!;
    const limit =
      degree >= SHARE_PEERS_MIN && choices[node]! >= 100 ? choices[node]! * SHARE_MAX : Number.POSITIVE_INFINITY;
    let bestIndex = -1;
    let bestAway = 1;
    for (let i = 0; i < degree; i++) {
      const peer = links.at(node, i);
      if (peer === asker || tried.has(peer) || chosen[node * links.linksMax + i]! > limit) continue;
      let away = distance(locations[peer]!, target);
      for (let j = 0; j < links.degrees[peer]!; j++) {
        const beyond = links.at(peer, j);
        if (beyond === node || beyond === asker || tried.has(beyond)) continue;
        const claimed = distance(locations[beyond]!, target);
        if (claimed < away) away = claimed;
      }
      if (away < bestAway) {
        bestAway = away;
        bestIndex = i;
      }
    }
    return bestIndex;
  }

  function nextHtl(from: number, to: number): number {
    if (htl === HTL_START && coin(from, to) < 2) return htl;
    if (htl === 1 && coin(from, to) !== 0) return htl;
    return htl - 1;
  }

  function sendOn(node: number, asker: number): boolean {
    const tried = new Set<number>();
    while (htl > 0) {
      const index = best(node, asker, tried);
      if (index < 0) return false;
      const peer = links.at(node, index);
      tried.add(peer);
      chosen[node * links.linksMax + index]!++;
      choices[node]!++;
      if (visited.has(peer)) {
        messages += 2;
        continue;
      }
      htl = nextHtl(node, peer);
      hops++;
      messages += 3;
      visited.add(peer);
      end = peer;
      if (peer === holder) return true;
      if (sendOn(peer, node)) return true;
    }
    return false;
  }

  function lookup(from: number, wanted: RingLocation): LookupOutcome {
    target = wanted;
    holder = nodes.nearest(wanted);
    hops = 0;
    messages = 0;
    htl = HTL_START;
    end = from;
    visited.clear();
    visited.add(from);
    const found = from === holder || sendOn(from, -1);
    // The holder answers with the data at once, without accepting first.
    return { found, hops, messages: found && hops > 0 ? messages - 1 : messages, end };
  }
  return { name: 'freenet07', degreeMean: links.mean(), lookup };
}

function buildLinks(nodes: NodeSet, peers: number, random: SimRandom): Links {
  const peersMax = Math.min(peers, nodes.count - 1);
  const links = createLinks(nodes.count, peersMax);
  for (let round = 0; round < peersMax; round++) {
    for (let node = 0; node < nodes.count; node++) {
      if (links.degrees[node]! > round) continue;
      for (let draw = 0; draw < DRAWS_MAX; draw++) {
        const other = random.unit() < SHORT_SHARE ? nearby(nodes, node, random) : random.below(nodes.count);
        if (other === node || links.isFull(other) || links.has(node, other)) continue;
        links.join(node, other);
        break;
      }
    }
  }
  return links;
}

function nearby(nodes: NodeSet, node: number, random: SimRandom): number {
  const place = nodes.locations[node]! + (random.unit() * 2 - 1) * SHORT_DISTANCE;
  return nodes.nearest((place + 1) % 1);
}
