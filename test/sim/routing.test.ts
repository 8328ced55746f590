/**
 * The routing resolution: its links are the product's, its overlays find what they should, and a seed repeats itself.
 * @module
 */
import test from 'ava';
import fc from 'fast-check';
import { ringLocation } from '../../daemon/ids.ts';
import { chooseNextHop } from '../../daemon/router/next-hop.ts';
import { roundedLocations } from '../../daemon/topology/claims.ts';
import {
  judgeRequest,
  type PeerFacts,
  type PeerOrigin,
  WISH,
  wantsLongLink,
} from '../../daemon/topology/peer-table.ts';
import routing from './experiments/routing.ts';
import { createChord } from './overlays/chord.ts';
import { createFlood } from './overlays/flood.ts';
import { createFreenet07 } from './overlays/freenet07.ts';
import { createHolloway, describeNodes } from './overlays/holloway.ts';
import { createKademlia, nearestByXor } from './overlays/kademlia.ts';
import type { Overlay } from './overlays/overlay-types.ts';
import { createRandomWalk } from './overlays/random-walk.ts';
import { createLinks } from './routing/links.ts';
import { measureLookups } from './routing/measure.ts';
import { drawNodes, drawPlace } from './routing/node-set.ts';
import { acceptsByCounts, buildProductLinks, RING_EACH_SIDE, wantsByCounts } from './routing/product-links.ts';
import { meanOf, percentile, slopeOf } from './routing/statistics.ts';
import { createTraceHash } from './routing/trace-hash.ts';
import { createFastRandom } from './world/fast-random.ts';

const NODES = 400;
const nodes = drawNodes(NODES, createFastRandom('routing test'));
const links = buildProductLinks(nodes, 16, 'routing test links');

test('buildProductLinks: relations are mutual, the ring is whole, and the mean is what was asked for', (t) => {
  for (let node = 0; node < NODES; node++) {
    for (let i = 0; i < links.degrees[node]!; i++) t.true(links.has(links.at(node, i), node));
    for (let step = 1; step <= RING_EACH_SIDE; step++) t.true(links.has(node, (node + step) % NODES));
    t.false(links.has(node, node));
  }
  t.true(Math.abs(links.mean() - 16) < 0.5, `mean ${links.mean()}`);
});

test('buildProductLinks: long links are spread evenly over every doubling of the distance', (t) => {
  const perDoubling = new Map<number, number>();
  for (let node = 0; node < NODES; node++) {
    for (let i = 0; i < links.degrees[node]!; i++) {
      const steps = (links.at(node, i) - node + NODES) % NODES;
      const doubling = Math.floor(Math.log2(Math.min(steps, NODES - steps)));
      perDoubling.set(doubling, (perDoubling.get(doubling) ?? 0) + 1);
    }
  }
  const counts = [3, 4, 5, 6].map((doubling) => perDoubling.get(doubling)!);
  t.true(Math.max(...counts) < 1.5 * Math.min(...counts), `${counts}`);
});

test('wantsByCounts and acceptsByCounts say what wantsLongLink and judgeRequest say', (t) => {
  const small = fc.nat({ max: 12 });
  fc.assert(
    fc.property(small, small, fc.nat({ max: 10 }), fc.nat({ max: 32 }), (longIn, longOut, longLinks, peersMax) => {
      const peer = (at: number, origin: PeerOrigin): PeerFacts => ({
        key: `p${at}`,
        location: ringLocation(at),
        origin,
        ringNeighbour: origin === 'ring',
        leftRingMs: undefined,
        prefix: '',
        widePrefix: '',
      });
      const near = [1, 2, 3, 4].flatMap((step) => [peer(0.5 + step / 1_000, 'ring'), peer(0.5 - step / 1_000, 'ring')]);
      const far = (count: number, from: number, origin: PeerOrigin): PeerFacts[] =>
        Array.from({ length: count }, (_, i) => peer(from + i / 100, origin));
      const peers = [...near, ...far(longIn, 0.05, 'longIn'), ...far(longOut, 0.75, 'longOut')];
      const limits = { ringNeighboursEachSide: 4, longLinks, peersMax, prefixRules: false };
      const counts = { peers: peers.length, long: longIn + longOut, longOut };
      t.is(wantsByCounts(counts, longLinks, peersMax), wantsLongLink(peers, 0, limits));
      const own = { key: 'own', location: ringLocation(0.5) };
      const verdict = judgeRequest(own, peers, peer(0.3, 'longIn'), WISH.long, limits);
      t.is(acceptsByCounts(counts, longLinks, peersMax), verdict === 'accept');
    }),
  );
});

test('describeNodes: a claim list shared by all hearers leads where one without the hearer would', (t) => {
  const peers = describeNodes(nodes, links, true);
  const random = createFastRandom('shared claims');
  for (let i = 0; i < 300; i++) {
    const node = random.below(NODES);
    const around = Array.from({ length: links.degrees[node]! }, (_, at) => links.at(node, at));
    const withoutHearer = around.map((peer) => {
      const others = Array.from({ length: links.degrees[peer]! }, (_, at) => links.at(peer, at));
      return {
        ...peers[peer]!,
        claims: roundedLocations(others.filter((other) => other !== node).map((other) => peers[other]!)),
      };
    });
    const question = {
      target: drawPlace(random),
      ownLocation: peers[node]!.location,
      mustBeNearer: i % 2 === 0,
      avoid: [],
      weightsOf: () => undefined,
      overShare: new Set<string>(),
    };
    const shared = chooseNextHop({ ...question, candidates: around.map((peer) => peers[peer]!) });
    t.is(shared?.peer.key, chooseNextHop({ ...question, candidates: withoutHearer })?.peer.key);
  }
});

function askMany(
  t: { true(value: boolean, message: string): void },
  overlay: Overlay,
  holderOf: (place: number) => number,
): void {
  const random = createFastRandom('questions');
  for (let i = 0; i < 300; i++) {
    const place = drawPlace(random);
    const outcome = overlay.lookup(random.below(NODES), place);
    t.true(outcome.found && outcome.end === holderOf(place), `${overlay.name} at ${place}`);
  }
}

for (const lookAhead of [true, false]) {
  test(`holloway: every lookup on a calm net ends at the nearest node, look-ahead ${lookAhead}`, (t) => {
    const overlay = createHolloway(nodes, links, { name: 'ours', lookAhead, seed: 'test' });
    askMany(t, overlay, (place) => nodes.nearest(place));
  });
}

for (const dense of [true, false]) {
  test(`chord: every lookup ends at the successor, dense ${dense}`, (t) => {
    const overlay = createChord(nodes, 12, dense);
    t.true(overlay.degreeMean <= 12);
    askMany(t, overlay, (place) => nodes.lowerBound(place) % NODES);
  });
}

test('kademlia: every lookup ends at the node nearest by XOR, which a full search names too', (t) => {
  const overlay = createKademlia(nodes, 16, createFastRandom('kademlia'));
  const byFullSearch = (place: number): number => {
    const wanted = Math.floor(place * 2 ** 32);
    let best = 0;
    for (let node = 1; node < NODES; node++) {
      if ((nodes.ids[node]! ^ wanted) >>> 0 < (nodes.ids[best]! ^ wanted) >>> 0) best = node;
    }
    return best;
  };
  t.is(overlay.degreeMean, 16);
  t.is(nearestByXor(nodes, nodes.ids[7]!), 7);
  askMany(t, overlay, byFullSearch);
});

test('flood: on a ring of eight a query reaches everybody, and its messages are counted to the end', (t) => {
  const few = drawNodes(8, createFastRandom('eight'));
  const ring = createLinks(8, 2);
  for (let node = 0; node < 8; node++) ring.join(node, (node + 1) % 8);
  const outcome = createFlood(few, ring).lookup(0, few.locationOf(3));
  // 2 sent by the asker, 1 by each of the 7 others, and the answer's way back.
  t.deepEqual(outcome, { found: true, hops: 3, messages: 2 + 7 + 3, end: 3 });
});

test('flood: what lies beyond the TTL is not found', (t) => {
  const line = drawNodes(20, createFastRandom('line'));
  const ring = createLinks(20, 2);
  for (let node = 0; node < 20; node++) ring.join(node, (node + 1) % 20);
  t.true(createFlood(line, ring).lookup(0, line.locationOf(7)).found);
  t.false(createFlood(line, ring).lookup(0, line.locationOf(8)).found);
});

test('random walk: 32 walkers on a small net find the holder, and count every step', (t) => {
  const overlay = createRandomWalk(nodes, links, createFastRandom('walk'));
  const outcome = overlay.lookup(1, nodes.locationOf(200));
  t.true(outcome.found);
  t.is(outcome.messages, outcome.hops * 32 + 1);
});

test('freenet07: keeps its degree, and a lookup costs a bounded number of hops', (t) => {
  const overlay = createFreenet07(nodes, 10, createFastRandom('freenet'));
  t.true(overlay.degreeMean > 9 && overlay.degreeMean <= 10);
  const measured = measureLookups(nodes, overlay, 300, 'freenet', createTraceHash());
  t.true(measured.success.share > 0.5);
  t.true(measured.p99 < 60);
});

test('routing: short run has every overlay with every field, and the same seed gives the same trace', async (t) => {
  const options = { seed: 5, runs: 1, nodes: 200, peers: 12, short: true, progress: () => {} };
  const first = await routing.run(options);
  const other = await routing.run({ ...options, seed: 6 });
  const again = await routing.run(options);
  t.is(again.traceHash, first.traceHash);
  t.deepEqual(again.rows, first.rows);
  t.not(other.traceHash, first.traceHash);
  const names = ['holloway', 'holloway-greedy', 'chord', 'kademlia', 'flood', 'random-walk', 'freenet07'];
  const fields = [
    'nodes',
    'peers',
    'hopsMean',
    'hopsP50',
    'hopsP95',
    'hopsP99',
    'success',
    'messagesPerLookup',
    'lookups',
  ];
  for (const name of names) {
    const row = first.rows.find((one) => one.overlay === name);
    for (const field of fields) t.is(typeof row?.[field], 'number', `${name} ${field}`);
  }
  t.is(first.rows.find((row) => row.overlay === 'holloway')!.success, 1);
});

test('measureLookups: its figures are those of the outcomes, every time', (t) => {
  for (let round = 0; round < 20; round++) {
    const random = createFastRandom(round);
    let hopsSum = 0;
    const known: Overlay = {
      name: 'known',
      degreeMean: 1,
      lookup: () => {
        const hops = random.below(7);
        hopsSum += hops;
        return { found: true, hops, messages: hops * 3, end: 0 };
      },
    };
    const measured = measureLookups(nodes, known, 2_000, 'known', createTraceHash());
    t.is(measured.hops.mean, hopsSum / 2_000);
    t.is(measured.messages.mean, (hopsSum * 3) / 2_000);
    t.is(measured.messagesTotal, hopsSum * 3);
  }
});

test('statistics: mean with margin, percentile, slope', (t) => {
  t.is(meanOf([1, 2, 3, 4]).mean, 2.5);
  t.true(Math.abs(meanOf([1, 2, 3, 4]).margin - 1.265) < 0.001);
  t.is(percentile([1, 2, 3, 4], 0.5), 2);
  t.is(percentile([1, 2, 3, 4], 0.99), 4);
  t.is(percentile([], 0.5), 0);
  t.is(
    slopeOf([
      { x: 0, y: 1 },
      { x: 2, y: 2 },
      { x: 4, y: 3 },
    ]),
    0.5,
  );
  t.is(
    slopeOf([
      { x: 1, y: 1 },
      { x: 1, y: 2 },
    ]),
    undefined,
  );
});
