import test from 'ava';
import { roundedLocations } from '../../../daemon/topology/claims.ts';
import { ROLE } from '../../../daemon/wire/descriptor-types.ts';
import { createTopologyNet, DEFAULT_PROFILE, type TopologyNet } from './support/topology-net.ts';

async function started(seed: number, count: number): Promise<TopologyNet> {
  const net = createTopologyNet(seed);
  for (let i = 0; i < count; i++) await net.add();
  return net;
}

test('stop: says goodbye, leaves no timer, and others replace it at once', async (t) => {
  const net = await started(8, 5);
  await net.clock.advance(6_000);
  const [leaving] = net.nodes;
  leaving!.topology.stop();
  await net.clock.advance(50);
  for (const node of net.nodes.slice(1)) {
    t.false(node.topology.peers().some((peer) => peer.key === leaving!.key));
    t.false(node.topology.relays().some((relay) => relay === leaving!.descriptor));
  }
  leaving!.up = false;
  await net.clock.advance(3_000);
  t.deepEqual(net.ringGaps(), []);
  for (const node of net.nodes.slice(1)) node.topology.stop();
  await net.clock.advance(100);
  t.is(net.clock.timersPending, 0);
});

test('callbacks: every peer that came is up or went down, each once', async (t) => {
  const net = await started(9, 10);
  await net.clock.advance(6_000);
  net.kill(net.nodes[5]!);
  await net.clock.advance(6_000);
  for (const node of net.alive()) {
    const gone = new Set(node.downs);
    t.is(gone.size, node.downs.length);
    t.deepEqual(
      node.ups.filter((peer) => !gone.has(peer)).map((peer) => peer.key),
      node.topology.peers().map((peer) => peer.key),
    );
  }
});

test('a light node learns relays and has no peers; nobody learns of it', async (t) => {
  const net = await started(10, 6);
  const light = await net.add({ role: ROLE.light });
  await net.clock.advance(6_000);
  t.is(light.topology.joinStage, 'joined');
  t.is(light.topology.relays().length, 6);
  t.deepEqual(light.topology.peers(), []);
  for (const node of net.nodes.slice(0, 6)) t.is(node.topology.relays().length, 5);
});

test('relayFailed: what others may ask us for changes on our own clock, a minute later at the earliest', async (t) => {
  const net = await started(19, 6);
  await net.clock.advance(6_000);
  const { topology } = net.nodes[0]!;
  const failed = topology.relays()[2]!;
  const shows = (): boolean => topology.relays().includes(failed);
  let hiddenAtMs: number[] = [];
  for (let round = 0; round < 2; round++) {
    topology.relayFailed(failed.nodeId);
    const reportedMs = net.clock.nowMs();
    t.true(shows());
    while (shows() && net.clock.nowMs() - reportedMs < 100_000) await net.clock.advance(1_000);
    t.false(shows());
    hiddenAtMs = [...hiddenAtMs, net.clock.nowMs()];
    await net.clock.advance(35_000);
    t.true(shows(), 'and for a while only');
  }
  t.true(hiddenAtMs[0]! >= 60_000 && hiddenAtMs[1]! - hiddenAtMs[0]! >= 59_000);
});

test('a node alone has nobody to dial, and says so', async (t) => {
  const net = await started(1, 1);
  await net.clock.advance(60_000);
  const { topology } = net.nodes[0]!;
  t.is(topology.joinStage, 'idle');
  t.is(topology.estimatedNodes(), 1);
  t.deepEqual(topology.relays(), []);
});

test('two nodes: each is the other one on both sides', async (t) => {
  const net = await started(2, 2);
  await net.clock.advance(2_000);
  t.deepEqual(net.ringGaps(), []);
  for (const node of net.nodes) t.is(node.topology.peers().length, 1);
});

test('networkHour: a node a day behind goes by its peers, unless they are too few', async (t) => {
  const net = createTopologyNet(13, DEFAULT_PROFILE);
  for (let i = 0; i < 6; i++) await net.add();
  const [first] = net.nodes;
  // Started in step, or its first descriptor would already be refused; the clock jumps afterwards and links open anew.
  await net.clock.advance(4_000);
  t.is(first!.topology.clockOffsetMs, 0);
  const right = first!.topology.networkHour();
  const late = await net.add({ wallOffsetMs: -5 * 3_600_000 });
  await net.clock.advance(4_000);
  t.is(late.topology.clockOffsetMs, 5 * 3_600_000);
  t.is(late.topology.networkHour(), right);
  t.is(first!.topology.networkHour(), right, 'the one that is wrong moves nobody');
  const pair = await started(13, 2);
  await pair.clock.advance(4_000);
  t.is(pair.nodes[0]!.topology.clockOffsetMs, undefined);
});

test('links that neither peers nor circuits need are closed after a while, others stay', async (t) => {
  const net = createTopologyNet(14);
  for (let i = 0; i < 12; i++) await net.add({ isLinkInUse: () => false });
  await net.clock.advance(75_000);
  for (const node of net.nodes) t.is(node.links.open.size, node.topology.peers().length);
  const kept = createTopologyNet(14);
  for (let i = 0; i < 12; i++) await kept.add({ isLinkInUse: () => true });
  await kept.clock.advance(75_000);
  t.true(kept.nodes.some((node) => node.links.open.size > node.topology.peers().length));
});

test('a network cut in two makes two rings, and one again within a minute and a half of the heal', async (t) => {
  const net = await started(15, 10);
  await net.clock.advance(6_000);
  const side = (node: { readonly index: number }): boolean => node.index <= 5;
  net.blocked = (a, b) => side(a) !== side(b);
  for (const node of net.nodes) {
    for (const link of [...node.links.open.values()]) {
      const other = net.nodes.find((candidate) => candidate.key === link.peerKey);
      if (other !== undefined && side(other) !== side(node)) link.close('shutdown');
    }
  }
  await net.clock.advance(60_000);
  t.true(net.ringGaps().length > 0);
  t.true(net.nodes.every((node) => node.topology.peers().length >= 2));
  net.blocked = () => false;
  await net.clock.advance(90_000);
  t.deepEqual(net.ringGaps(), []);
});

test('a clock that jumps a day is set right by the peers', async (t) => {
  const net = createTopologyNet(16, DEFAULT_PROFILE);
  for (let i = 0; i < 6; i++) await net.add();
  await net.clock.advance(4_000);
  const [first] = net.nodes;
  const before = first!.topology.networkHour();
  first!.wallOffsetMs = 24 * 3_600_000;
  t.is(first!.topology.networkHour(), before);
});

test("peers know each other's peers by rounded locations, half a minute after the start", async (t) => {
  const net = await started(17, 10);
  await net.clock.advance(45_000);
  for (const node of net.nodes) {
    for (const peer of node.topology.peers()) {
      const other = net.nodes.find((candidate) => candidate.key === peer.key)!;
      const theirs = other.topology.peers().filter((candidate) => candidate.key !== node.key);
      t.deepEqual([...peer.claims], roundedLocations(theirs));
    }
  }
});
