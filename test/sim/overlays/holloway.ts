/**
 * Our own routing, by the product's modules: chooseNextHop, nextHtl, Shares, ClaimTrust, roundedLocations.
 *
 * Shape   a lookup walks from node to node as request.ts and onward.ts do it: what comes back to a node that has seen it is a loop,
 *         a peer asked only for its claim cannot end the search, at most ROUTE_ATTEMPTS_MAX peers are asked by one node, and where
 *         the path ends the two nearest peers are asked for what they hold.
 * Unit    virtual milliseconds; a lookup begins every 1,000 / nodes of them, so that a node begins one a second.
 * Why     answers arrive at once and nobody is busy: this is the calm net. Lists of claims are shared by all who hear them. The
 *         product leaves the hearer out of its own copy, but a claim of our own rounded place never promises more than we have
 *         (the rounding error is added), so chooseNextHop answers the same.
 * Source  design §§ 7, 8.
 * @module
 */
import type { RingLocation } from '../../../daemon/ids.ts';
import { distance } from '../../../daemon/keys/location.ts';
import { HTL_BASE, HTL_MAX, ROUTE_ATTEMPTS_MAX } from '../../../daemon/limits.ts';
import { HTL_FINAL, nextHtl } from '../../../daemon/router/htl.ts';
import { chooseNextHop, type HopCandidate, type HopChoice, LOOK_AHEAD_ABOVE } from '../../../daemon/router/next-hop.ts';
import { ClaimTrust, Shares } from '../../../daemon/router/peer-memory.ts';
import { roundedLocations } from '../../../daemon/topology/claims.ts';
import type { Links } from '../routing/links.ts';
import type { NodeSet } from '../routing/node-set.ts';
import { nodeKey } from '../routing/product-links.ts';
import { createFastRandom } from '../world/fast-random.ts';
import type { LookupOutcome, Overlay } from './overlay-types.ts';

/** m for an unreplicated block: the end of a path asks m - 1 others. */
export const OWNERS = 3;

export interface HollowayPeer extends HopCandidate {
  readonly node: number;
}

export interface HollowayOptions {
  readonly lookAhead: boolean;
  readonly name: string;
  readonly seed: string;
  /** Whether a node has what is wanted; by default only the one nearest to it. `touch`: it was asked as a routed node. */
  readonly holds?: (node: number, touch: boolean) => boolean;
}

/** Where the hops went, and why lookups took detours or failed. */
export interface HollowayTrace {
  /** Hops chosen while more than LOOK_AHEAD_ABOVE remained, and the plain greedy ones after that. */
  farHops: number;
  nearHops: number;
  loops: number;
  deadEnds: number;
  htlUsedUp: number;
  foundByCoOwner: number;
}

type Answer = 'found' | 'notFound' | 'recentlyFailed' | 'loop';

export function createHolloway(
  nodes: NodeSet,
  links: Links,
  options: HollowayOptions,
): Overlay & {
  readonly trace: HollowayTrace;
  readonly peers: readonly HollowayPeer[];
  readonly route: readonly number[];
} {
  const random = createFastRandom(options.seed);
  const peers = describeNodes(nodes, links, options.lookAhead);
  const shares = new Map<number, Shares>();
  const trusts = new Map<number, ClaimTrust>();
  const trace: HollowayTrace = { farHops: 0, nearHops: 0, loops: 0, deadEnds: 0, htlUsedUp: 0, foundByCoOwner: 0 };
  const coinSalt = random.below(2 ** 32);
  const holds = options.holds ?? ((node: number): boolean => node === holder);
  /** Routed nodes that the last block found came through, the nearest to its source first. */
  const route: number[] = [];
  let nowMs = 0;

  // Of the lookup under way.
  let target = 0 as RingLocation;
  let holder = 0;
  let hops = 0;
  let messages = 0;
  let end = 0;
  const visited = new Map<number, 'waiting' | 'failed'>();

  const sharesOf = (node: number): Shares => {
    let known = shares.get(node);
    if (known === undefined) {
      known = new Shares();
      shares.set(node, known);
    }
    return known;
  };
  const trustOf = (node: number): ClaimTrust => {
    let known = trusts.get(node);
    if (known === undefined) {
      known = new ClaimTrust();
      trusts.set(node, known);
    }
    return known;
  };

  /** The coin of the link over which `from` asks `node`: fixed for its life. */
  const coin = (from: number, node: number): boolean => {
    const mixed = Math.imul(from ^ coinSalt, 0x9e37_79b1) ^ Math.imul(node + coinSalt, 0x85eb_ca6b);
    return ((mixed ^ (mixed >>> 15)) & 1) === 1;
  };

  function pick(
    node: number,
    asker: number | undefined,
    tried: readonly number[],
  ): HopChoice<HollowayPeer> | undefined {
    const candidates: HollowayPeer[] = [];
    const degree = links.degrees[node]!;
    for (let i = 0; i < degree; i++) {
      const peer = links.at(node, i);
      if (peer !== asker && !tried.includes(peer)) candidates.push(peers[peer]!);
    }
    const avoid = tried.map((other) => peers[other]!.location);
    if (asker !== undefined) avoid.push(peers[asker]!.location);
    const trust = trusts.get(node);
    return chooseNextHop({
      target,
      ownLocation: peers[node]!.location,
      candidates,
      mustBeNearer: asker !== undefined,
      avoid,
      weightsOf: (key) => trust?.weightsOf(key, nowMs),
      overShare: sharesOf(node).over(degree),
    });
  }

  function sendOn(node: number, asker: number | undefined, htl: number): Answer {
    const tried: number[] = [];
    let failed: Answer = 'notFound';
    while (tried.length < ROUTE_ATTEMPTS_MAX) {
      const hop = pick(node, asker, tried);
      if (hop === undefined) break;
      tried.push(hop.peer.node);
      if (distance(peers[node]!.location, target) > LOOK_AHEAD_ABOVE) trace.farHops++;
      else trace.nearHops++;
      sharesOf(node).chosen(hop.peer.key);
      const answer = ask(hop.peer.node, node, htl);
      if (answer === 'found') {
        if (hop.claim !== undefined) trusts.get(node)?.confirm(hop.peer.key, hop.claim);
        return 'found';
      }
      if (hop.claim !== undefined && answer !== 'recentlyFailed') trustOf(node).doubt(hop.peer.key, hop.claim, nowMs);
      if (answer === 'notFound' && (hop.claim === undefined || hop.nearer)) return 'notFound';
      if (answer === 'recentlyFailed' || (answer === 'loop' && failed === 'notFound')) failed = answer;
    }
    if (asker === undefined) return failed;
    if (tried.length === 0) trace.deadEnds++;
    return askCoOwners(node, asker, tried) ? 'found' : failed;
  }

  /** `node` hears a request from `asker`. */
  function ask(node: number, asker: number, htl: number): Answer {
    hops++;
    if (holds(node, true)) {
      messages += 2;
      end = node;
      return 'found';
    }
    const before = visited.get(node);
    messages += before === undefined ? 3 : 2;
    if (before === 'waiting') {
      trace.loops++;
      return 'loop';
    }
    if (before === 'failed') return 'recentlyFailed';
    end = node;
    visited.set(node, 'waiting');
    const sentHtl = nextHtl(htl, coin(asker, node));
    let answer: Answer;
    if (sentHtl > HTL_FINAL) answer = sendOn(node, asker, sentHtl);
    else {
      trace.htlUsedUp++;
      answer = askCoOwners(node, asker, []) ? 'found' : 'notFound';
    }
    visited.set(node, 'failed');
    if (answer === 'found') route.push(node);
    return answer;
  }

  function askCoOwners(node: number, asker: number, tried: readonly number[]): boolean {
    const others: number[] = [];
    for (let i = 0; i < links.degrees[node]!; i++) {
      const peer = links.at(node, i);
      if (peer !== asker && !tried.includes(peer)) others.push(peer);
    }
    const away = (other: number): number => distance(peers[other]!.location, target);
    others.sort((a, b) => away(a) - away(b) || a - b);
    for (const other of others.slice(0, OWNERS - 1)) {
      hops++;
      messages += 2;
      if (!holds(other, true)) continue;
      end = other;
      trace.foundByCoOwner++;
      return true;
    }
    return false;
  }

  return {
    name: options.name,
    degreeMean: links.mean(),
    trace,
    peers,
    route,
    notes: () => {
      const share = (trace.nearHops / Math.max(1, trace.nearHops + trace.farHops)) * 100;
      return [
        `${share.toFixed(0)} % of the hops were taken with less than 1/2048 of the ring left; ` +
          `${trace.loops} loops, ${trace.deadEnds} dead ends, ${trace.htlUsedUp} times no HTL left, ` +
          `${trace.foundByCoOwner} found by asking the peers around the end`,
      ];
    },
    lookup(from, wanted): LookupOutcome {
      nowMs += 1_000 / nodes.count;
      target = wanted;
      holder = nodes.nearest(wanted);
      hops = 0;
      messages = 0;
      end = from;
      visited.clear();
      route.length = 0;
      if (holds(from, false)) return { found: true, hops, messages, end };
      const htl = HTL_BASE + random.below(HTL_MAX - HTL_BASE + 1);
      const found = sendOn(from, undefined, htl) === 'found';
      return { found, hops, messages, end };
    },
  };
}

/** What the others hear of each node. */
export function describeNodes(nodes: NodeSet, links: Links, withClaims: boolean): HollowayPeer[] {
  const peers: HollowayPeer[] = [];
  for (let node = 0; node < nodes.count; node++) {
    const around: { readonly location: number }[] = [];
    for (let i = 0; withClaims && i < links.degrees[node]!; i++) {
      around.push({ location: nodes.locations[links.at(node, i)]! });
    }
    peers.push({ node, key: nodeKey(node), location: nodes.locationOf(node), claims: roundedLocations(around) });
  }
  return peers;
}
