import test from 'ava';
import fc from 'fast-check';
import { ringLocation } from '../../../daemon/ids.ts';
import {
  choosePeersToDrop,
  judgeRequest,
  LEFT_RING_GRACE_MS,
  leastUseful,
  longPeers,
  type PeerFacts,
  type PeerLimits,
  REFUSAL,
  ringKeys,
  ringWanted,
  WISH,
  wantsAnyLongLink,
  wantsLongLink,
} from '../../../daemon/topology/peer-table.ts';

const OWN = { key: 'own', location: ringLocation(0.5) };
const LIMITS: PeerLimits = { ringNeighboursEachSide: 1, longLinks: 2, peersMax: 8, prefixRules: true };

/** A peer at that place under prefixes of its own; the ring flag follows from all of them in `table`. */
function peer(at: number, facts: Partial<PeerFacts> = {}): PeerFacts {
  const key = facts.key ?? `at-${at.toFixed(4)}`;
  return {
    key,
    location: ringLocation(at),
    prefix: key,
    widePrefix: key,
    origin: 'longIn',
    ringNeighbour: false,
    leftRingMs: undefined,
    ...facts,
  };
}

function table(...peers: PeerFacts[]): PeerFacts[] {
  const ring = ringKeys(OWN, peers, LIMITS.ringNeighboursEachSide);
  return peers.map((entry) => ({ ...entry, ringNeighbour: ring.has(entry.key) }));
}

const RING = [peer(0.49, { origin: 'ring' }), peer(0.51, { origin: 'ring' })];

test('judgeRequest: a nearer neighbour is accepted even when every place is taken', (t) => {
  const full = table(...RING, ...[0.1, 0.2, 0.3, 0.7, 0.8, 0.9].map((at) => peer(at)));
  t.is(full.length, LIMITS.peersMax);
  t.is(judgeRequest(OWN, full, peer(0.505), WISH.ring, LIMITS), 'accept');
  t.is(judgeRequest(OWN, full, peer(0.505), WISH.long, LIMITS), 'accept');
});

test('judgeRequest: who is not among the nearest is no ring neighbour, and is told so', (t) => {
  t.is(judgeRequest(OWN, table(...RING), peer(0.6), WISH.ring, LIMITS), REFUSAL.full);
});

test('judgeRequest: long links are taken up to twice our own wish, then refused', (t) => {
  const under = table(...RING, ...[0.1, 0.2, 0.3].map((at) => peer(at)));
  const at = table(...RING, ...[0.1, 0.2, 0.3, 0.4].map((place) => peer(place)));
  t.is(judgeRequest(OWN, under, peer(0.9), WISH.long, LIMITS), 'accept');
  t.is(judgeRequest(OWN, at, peer(0.9), WISH.long, LIMITS), REFUSAL.full);
});

test('judgeRequest: two peers of one /24 and four of one /16 are the most, neighbours included', (t) => {
  const same24 = { prefix: 'p', widePrefix: 'w' };
  const two = table(...RING, peer(0.1, same24), peer(0.2, same24));
  t.is(judgeRequest(OWN, two, peer(0.9, same24), WISH.long, LIMITS), REFUSAL.prefix);
  t.is(judgeRequest(OWN, two, peer(0.9, { widePrefix: 'w' }), WISH.long, LIMITS), 'accept');
  const same16 = { widePrefix: 'w' };
  const four = table(...RING, ...[0.1, 0.2, 0.3, 0.4].map((at) => peer(at, same16)));
  const roomy = { ...LIMITS, longLinks: 6 };
  t.is(judgeRequest(OWN, four, peer(0.9, same16), WISH.long, roomy), REFUSAL.prefix);
  t.is(judgeRequest(OWN, four, peer(0.9, same16), WISH.long, { ...roomy, prefixRules: false }), 'accept');
  const surrounded = table(peer(0.49, same24), peer(0.51, same24));
  t.is(judgeRequest(OWN, surrounded, peer(0.505, same24), WISH.ring, LIMITS), REFUSAL.prefix);
});

test('ringWanted: nearest first on each side, passing over what the prefix caps forbid', (t) => {
  const same = { prefix: 'p', widePrefix: 'w' };
  const nodes = [0.51, 0.52, 0.53, 0.54].map((at) => peer(at, same)).concat(peer(0.6), peer(0.3));
  const limits = { ...LIMITS, ringNeighboursEachSide: 3 };
  t.deepEqual(
    ringWanted(OWN, nodes, limits).map((node) => node.location),
    [0.51, 0.52, 0.6, 0.3].map(ringLocation),
  );
  const free = ringWanted(OWN, nodes, { ...limits, prefixRules: false }).map((node) => node.location);
  t.deepEqual(free, [0.51, 0.52, 0.53, 0.54, 0.6, 0.3].map(ringLocation));
});

test('wantsLongLink: until there are enough, and half of them always our own choice', (t) => {
  t.true(wantsLongLink(table(...RING), 0, LIMITS));
  t.true(wantsLongLink(table(...RING, peer(0.1)), 0, LIMITS));
  t.true(wantsLongLink(table(...RING, peer(0.1), peer(0.2), peer(0.3)), 0, LIMITS), 'flooded with requests');
  t.false(wantsLongLink(table(...RING, peer(0.1), peer(0.2, { origin: 'longOut' })), 0, LIMITS));
  t.false(wantsLongLink(table(...RING), 2, LIMITS), 'what is being asked counts');
});

test('choosePeersToDrop: a former ring neighbour goes after its grace, not before', (t) => {
  const left = peer(0.53, { origin: 'ring', leftRingMs: 1_000 });
  const peers = table(...RING, left);
  t.deepEqual(choosePeersToDrop(OWN, peers, LIMITS, 1_000 + LEFT_RING_GRACE_MS - 1), []);
  t.deepEqual(choosePeersToDrop(OWN, peers, LIMITS, 1_000 + LEFT_RING_GRACE_MS), [left.key]);
});

test('choosePeersToDrop: over a prefix cap the least useful long link of that prefix goes', (t) => {
  const same = { prefix: 'p', widePrefix: 'w' };
  const peers = table(peer(0.49, same), peer(0.51, same), peer(0.52, same), peer(0.9));
  t.deepEqual(choosePeersToDrop(OWN, peers, LIMITS, 0), ['at-0.5200']);
});

test('choosePeersToDrop: whatever the peers, all caps hold afterwards and no ring neighbour is dropped', (t) => {
  const origin = fc.constantFrom('ring', 'longOut', 'longIn' as const);
  const some = fc.uniqueArray(fc.tuple(fc.integer({ min: 0, max: 9_999 }), origin, fc.integer({ min: 0, max: 5 })), {
    maxLength: 30,
    selector: ([at]) => at,
  });
  fc.assert(
    fc.property(some, (drawn) => {
      const peers = table(
        ...drawn.map(([at, from, net]) =>
          peer(at / 10_000, { origin: from as PeerFacts['origin'], prefix: `${net}`, widePrefix: `${net >> 1}` }),
        ),
      );
      const dropped = new Set(choosePeersToDrop(OWN, peers, LIMITS, 0));
      const left = peers.filter((entry) => !dropped.has(entry.key));
      t.true(peers.filter((entry) => dropped.has(entry.key)).every((entry) => !entry.ringNeighbour));
      t.true(longPeers(left).length <= 2 * LIMITS.longLinks);
      t.true(left.length <= LIMITS.peersMax);
      for (const entry of longPeers(left)) {
        t.true(left.filter((other) => other.prefix === entry.prefix).length <= 2);
        t.true(left.filter((other) => other.widePrefix === entry.widePrefix).length <= 4);
      }
    }),
  );
});

test('leastUseful: of links asked of us, the one amid near others; our own only when no other is left', (t) => {
  const mine = peer(0.61, { origin: 'longOut' });
  const peers = [mine, peer(0.6), peer(0.62), peer(0.9), peer(0.1)];
  t.is(leastUseful(OWN, peers), 'at-0.6000');
  t.is(leastUseful(OWN, [mine]), mine.key);
  t.is(leastUseful(OWN, []), undefined);
});

const ROOMY: PeerLimits = { ringNeighboursEachSide: 1, longLinks: 8, peersMax: 16, prefixRules: true };
const asked = (at: number): PeerFacts => peer(at, { origin: 'longAsked' });
const spread = (count: number, make: (at: number) => PeerFacts): PeerFacts[] =>
  Array.from({ length: count }, (_, i) => make(0.02 + (i * 0.4) / count));

test('judgeRequest: whom no draw led here gets a quarter of the places at most, and only while we have few long links', (t) => {
  const may = (...long: PeerFacts[]): unknown =>
    judgeRequest(OWN, table(...RING, ...long), peer(0.9), WISH.long, ROOMY, false);
  t.is(may(...spread(3, asked)), 'accept');
  t.is(may(...spread(4, asked)), REFUSAL.full);
  t.is(may(...spread(3, (at) => peer(at))), 'accept');
  t.is(may(...spread(4, (at) => peer(at))), REFUSAL.full);
});

test('judgeRequest: whom a draw led here is taken though others fill the table, and one of those goes', (t) => {
  const small: PeerLimits = { ...ROOMY, longLinks: 4, peersMax: 6 };
  const full = table(...RING, peer(0.1), peer(0.2), peer(0.3), asked(0.4));
  t.is(judgeRequest(OWN, full, peer(0.9), WISH.long, small, false), REFUSAL.full);
  t.is(judgeRequest(OWN, full, peer(0.9), WISH.long, small, true), 'accept');
  t.deepEqual(choosePeersToDrop(OWN, full, small, 0), [asked(0.4).key]);
});

test('wantsLongLink: askers that no draw led here keep us from nothing', (t) => {
  t.true(wantsLongLink(table(...RING, ...spread(4, asked)), 0, ROOMY));
});

test('wantsAnyLongLink: only while a quarter of the long links is missing', (t) => {
  t.true(wantsAnyLongLink(table(...RING, peer(0.1)), 0, ROOMY));
  t.false(wantsAnyLongLink(table(...RING, peer(0.1)), 1, ROOMY));
  t.true(wantsAnyLongLink(table(...RING, peer(0.1), ...spread(3, asked)), 0, ROOMY));
});
