import test from 'ava';
import { ringLocation } from '../../../daemon/ids.ts';
import { leastUseful, type PeerFacts } from '../../../daemon/topology/peer-table.ts';
import { createRotation, ROTATE_MS, USELESS_CHECK_MS } from '../../../daemon/topology/rotation.ts';
import { createSteadyWall, LEAP_MS } from '../../../daemon/topology/steady-wall.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';
import { createTopologyNet, type TestNode, type TopologyNet } from './support/topology-net.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const RECOVERED_MS = 30_000;

async function settled(seed: number, count = 8): Promise<TopologyNet> {
  const net = createTopologyNet(seed);
  for (let i = 0; i < count; i++) await net.add();
  await net.clock.advance(40_000);
  return net;
}

/** Peers at both ends, over links that carry something. */
async function recovers(net: TopologyNet, node: TestNode, limitMs: number): Promise<boolean> {
  const dead = new Set(node.links.open.values());
  return net.clock.runUntil(
    () =>
      net.ringGaps().length === 0 &&
      node.topology.peers().length >= 2 &&
      node.topology.peers().every((peer) => !dead.has(peer.link as never)),
    limitMs,
  );
}

for (const seed of [1]) {
  test(`recovery: after three minutes of sleep the ring is whole within 30 s, seed ${seed}`, async (t) => {
    const net = await settled(seed);
    const node = net.nodes[3]!;
    net.suspend(node, 3 * MINUTE_MS);
    net.deaden(node);
    // The others' keepalive ends what leads nowhere; the sleeper hears nothing of it.
    await net.clock.advance(60_000);
    for (const other of net.nodes) {
      if (other === node) continue;
      for (const link of [...other.links.open.values()]) if (link.peerKey === node.key) other.topology.linkClosed(link);
    }
    await net.clock.advance(2 * MINUTE_MS);
    t.true(await recovers(net, node, RECOVERED_MS));
  });

  test(`recovery: when all streams die without a word the ring is whole within 30 s, seed ${seed}`, async (t) => {
    const net = await settled(seed);
    const node = net.nodes[3]!;
    net.deaden(node);
    t.true(await recovers(net, node, RECOVERED_MS));
  });
}

for (const [name, jumpMs] of [
  ['ten years ahead', 87_600 * HOUR_MS],
  ['ten years back', -87_600 * HOUR_MS],
  ['a day ahead', 24 * HOUR_MS],
] as const) {
  test(`recovery: the wall clock leaps ${name}, and no peer is lost and nobody forgotten`, async (t) => {
    const net = await settled(3);
    const node = net.nodes[3]!;
    const relays = node.topology.relays().length;
    node.wallOffsetMs = jumpMs;
    await net.clock.advance(RECOVERED_MS);
    t.deepEqual(net.ringGaps(), []);
    await net.clock.advance(3 * 60_000);
    t.is(node.topology.relays().length, relays);
    t.deepEqual(net.ringGaps(), []);
    t.true(net.messages < 60_000, 'and no storm follows');
  });
}

test('SteadyWall: small differences and sleep are believed; other leaps only while nobody is linked', (t) => {
  const clock = createManualClock();
  let offsetMs = 0;
  const host = { nowMs: () => clock.nowMs(), wallMs: () => clock.wallMs() + offsetMs };
  const wall = createSteadyWall(host);
  t.is(wall.check(true), 0);
  offsetMs = 60_000;
  t.is(wall.check(true), 60_000);
  t.is(wall.wallMs(), host.wallMs());
  offsetMs += LEAP_MS;
  t.is(wall.check(true), LEAP_MS);
  t.is(wall.wallMs(), host.wallMs());
  offsetMs -= 10 * HOUR_MS;
  const before = wall.wallMs();
  t.is(wall.check(true), -10 * HOUR_MS);
  t.is(wall.wallMs(), before);
  t.is(wall.check(true), 0, 'a leap is news once');
  t.is(wall.check(false), 0);
  t.is(wall.wallMs(), host.wallMs());
});

function long(key: string, location: number, more: Partial<PeerFacts> = {}): PeerFacts & { since: number } {
  return {
    key,
    location: ringLocation(location),
    prefix: key,
    widePrefix: key,
    origin: 'longOut',
    ringNeighbour: false,
    leftRingMs: undefined,
    since: 0,
    ...more,
  };
}
const own = { key: 'own', location: ringLocation(0) };

test('leastUseful: of links that cover as much, the slowest goes', (t) => {
  const peers = [
    long('a', 0.1, { link: { rttMs: 20 } }),
    long('b', 0.101, { link: { rttMs: 300 } }),
    long('c', 0.102, { link: { rttMs: 30 } }),
    long('d', 0.45, { link: { rttMs: 900 } }),
  ];
  t.is(leastUseful(own, peers), 'b');
});

test('Rotation: one useless long link soon, one old one seldom, never a ring neighbour', async (t) => {
  const clock = createManualClock();
  const useless = new Set<string>();
  const rotation = createRotation({ clock, random: createSeededRandom('rotation') }, (key) => useless.has(key));
  const peers = [long('a', 0.1), long('b', 0.2), long('ring', 0.01, { ringNeighbour: true, origin: 'ring' })];
  useless.add('ring');
  await clock.advance(USELESS_CHECK_MS * 1.3);
  t.is(rotation.step(own, peers, 2), undefined);
  useless.add('b');
  t.is(rotation.step(own, peers, 2), undefined, 'not before the next check');
  await clock.advance(USELESS_CHECK_MS * 1.3);
  t.is(rotation.step(own, peers, 2), 'b');
  useless.clear();
  await clock.advance(ROTATE_MS * 1.3);
  t.is(rotation.step(own, peers.slice(0, 1), 2), undefined, 'not while long links are missing');
  await clock.advance(ROTATE_MS * 1.3);
  t.true(['a', 'b'].includes(rotation.step(own, peers, 2)!));
  t.is(rotation.step(own, peers, 2), undefined);
});
