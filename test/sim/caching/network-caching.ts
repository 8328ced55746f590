/**
 * A whole network of caches in the routing resolution: who asks for what, where it is found, and how many copies that leaves.
 *
 * Shape   each key lies in the stores of its m nearest nodes; a request starts at a random exit, is routed as overlays/holloway.ts does
 *         it, is answered by the first node that owns or caches the key, and every node it came through keeps it (not the exit, which
 *         keeps nothing and does not count).
 * Unit    copies are cached ones at the end, owners' not among them; hops are of the second half of the requests.
 * @module
 */
import type { RingLocation } from '../../../daemon/ids.ts';
import { createHolloway, OWNERS } from '../overlays/holloway.ts';
import { drawNodes, drawPlace } from '../routing/node-set.ts';
import { buildProductLinks } from '../routing/product-links.ts';
import type { TraceHash } from '../routing/trace-hash.ts';
import { createFastRandom } from '../world/fast-random.ts';
import { createProductCache } from './product-cache.ts';
import { createZipf } from './zipf.ts';

export interface NetworkCachingOptions {
  readonly nodes: number;
  readonly peers: number;
  readonly keys: number;
  readonly exponent: number;
  readonly slotsPerNode: number;
  readonly requests: number;
  readonly seed: string;
}

export interface NetworkCachingResult {
  /** By rank. */
  readonly copies: Uint32Array;
  readonly requests: Uint32Array;
  readonly hopsSum: Float64Array;
  readonly found: number;
  readonly foundInCache: number;
  readonly messages: number;
  readonly virtualMs: number;
}

export function runNetworkCaching(options: NetworkCachingOptions, trace: TraceHash): NetworkCachingResult {
  const random = createFastRandom(`${options.seed} requests`);
  const nodes = drawNodes(options.nodes, createFastRandom(`${options.seed} nodes`));
  const links = buildProductLinks(nodes, options.peers, `${options.seed} links`);
  const caches = Array.from({ length: nodes.count }, () =>
    createProductCache(options.slotsPerNode, random.below(2 ** 32)),
  );
  const places = Array.from({ length: options.keys }, () => drawPlace(random));
  const owners = places.map((place) => nearestNodes(place, nodes.nearest(place)));
  let key = 0;
  let servedByCache = false;
  const holloway = createHolloway(nodes, links, {
    name: 'holloway',
    lookAhead: true,
    seed: `${options.seed} overlay`,
    holds(node, touch) {
      const cached = touch ? caches[node]!.get(key, 0) : caches[node]!.holds(key);
      servedByCache = cached && !owners[key]!.includes(node);
      return cached || owners[key]!.includes(node);
    },
  });

  /** A ring of nodes in order: the nearest ones are around the nearest. */
  function nearestNodes(place: RingLocation, nearest: number): number[] {
    const around = Array.from({ length: 2 * OWNERS + 1 }, (_, i) => (nearest + i - OWNERS + nodes.count) % nodes.count);
    const away = (node: number): number => {
      const arc = Math.abs(nodes.locations[node]! - place);
      return Math.min(arc, 1 - arc);
    };
    return [...new Set(around)].sort((a, b) => away(a) - away(b) || a - b).slice(0, OWNERS);
  }

  const zipf = createZipf(options.keys, options.exponent);
  const requests = new Uint32Array(options.keys);
  const hopsSum = new Float64Array(options.keys);
  let found = 0;
  let foundInCache = 0;
  let messages = 0;
  for (let i = 0; i < options.requests; i++) {
    key = zipf.draw(random);
    const outcome = holloway.lookup(random.below(nodes.count), places[key]!);
    messages += outcome.messages;
    trace.add(key);
    trace.add(outcome.found ? outcome.hops : -1);
    if (!outcome.found) continue;
    for (const node of holloway.route) if (!owners[key]!.includes(node)) caches[node]!.put(key, 0);
    if (i < Math.floor(options.requests / 2)) continue;
    requests[key]!++;
    hopsSum[key]! += outcome.hops;
    found++;
    if (servedByCache) foundInCache++;
  }
  const copies = new Uint32Array(options.keys);
  for (let rank = 0; rank < options.keys; rank++) {
    for (const cache of caches) if (cache.holds(rank)) copies[rank]!++;
  }
  return {
    copies,
    requests,
    hopsSum,
    found,
    foundInCache,
    messages,
    virtualMs: (options.requests * 1_000) / nodes.count,
  };
}
