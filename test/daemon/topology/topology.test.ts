import test from 'ava';
import { createTopologyNet, type TopologyNet } from './support/topology-net.ts';

async function started(seed: number, count: number): Promise<TopologyNet> {
  const net = createTopologyNet(seed);
  for (let i = 0; i < count; i++) await net.add();
  return net;
}

const meanDegree = (net: TopologyNet): number =>
  net.alive().reduce((sum, node) => sum + node.topology.peers().length, 0) / net.alive().length;

/** Every peer relation is held at both ends. */
function oneSided(net: TopologyNet): string[] {
  return net.alive().flatMap((node) =>
    node.topology
      .peers()
      .filter((peer) => {
        const other = net.alive().find((candidate) => candidate.key === peer.key);
        return other === undefined || !other.topology.peers().some((back) => back.key === node.key);
      })
      .map((peer) => `${node.index}->${peer.key.slice(0, 6)}`),
  );
}

const picture = (net: TopologyNet): string[] =>
  net.nodes.map((node) =>
    [
      node.topology.peers().map((peer) => `${peer.key}:${peer.since}:${peer.claims.join()}`),
      node.topology.relays().length,
    ].join(' '),
  );

for (const seed of [1, 2, 3]) {
  test(`ten nodes at once: complete ring, full views and few peers in 5 s, seed ${seed}`, async (t) => {
    const net = await started(seed, 10);
    await net.clock.advance(5_000);
    t.deepEqual(net.ringGaps(), []);
    t.deepEqual(oneSided(net), []);
    t.true(meanDegree(net) >= 3 && meanDegree(net) <= 6, `mean degree ${meanDegree(net)}`);
    for (const { topology } of net.nodes) {
      t.is(topology.relays().length, 9);
      t.is(topology.estimatedNodes(), 10);
      t.is(topology.joinStage, 'joined');
      t.true(topology.peers().length <= 6);
      t.is(topology.peers().filter((peer) => peer.ringNeighbour).length, 2);
    }
  });
}

test('sixty nodes at once: everybody is peered with its true neighbours in 8 s', async (t) => {
  const net = await started(7, 60);
  await net.clock.advance(8_000);
  t.deepEqual(net.ringGaps(), []);
  t.deepEqual(oneSided(net), []);
  t.true(meanDegree(net) <= 6);
});

test('an eleventh node: in the ring and known to everybody within seconds', async (t) => {
  const net = await started(4, 10);
  await net.clock.advance(20_000);
  const late = await net.add();
  await net.clock.advance(5_000);
  t.deepEqual(net.ringGaps(), []);
  t.is(late.topology.joinStage, 'joined');
  t.is(late.topology.relays().length, 10);
  for (const node of net.nodes) t.is(node.topology.relays().length, 10, `node ${node.index}`);
});

for (const seed of [1, 2, 3]) {
  test(`a third killed at once: the ring closes again in 10 s, seed ${seed}`, async (t) => {
    const net = await started(seed, 12);
    await net.clock.advance(8_000);
    for (const node of net.nodes.slice(0, 4)) net.kill(node);
    await net.clock.advance(10_000);
    t.deepEqual(net.ringGaps(), []);
    t.deepEqual(oneSided(net), []);
  });
}

test('a network comes back without its seed from what it remembers', async (t) => {
  const net = await started(5, 6);
  await net.clock.advance(8_000);
  const old = net.nodes[3]!;
  net.kill(old);
  net.kill(net.nodes[0]!);
  await net.clock.advance(2_000);
  const again = await net.add({ again: old, seeds: [] });
  await net.clock.advance(5_000);
  t.is(again.topology.joinStage, 'joined');
  t.is(again.topology.seedsTried, 0);
  t.deepEqual(net.ringGaps(), []);
  t.deepEqual(oneSided(net), []);
});

test('a seed that starts last is found by those who wait for it', async (t) => {
  const net = createTopologyNet(6);
  const seed = net.describe('node-9', { addresses: [{ host: '127.9.0.1', port: 9480 }] });
  for (let i = 0; i < 8; i++) await net.add({ seeds: [seed.encoded] });
  await net.clock.advance(4_000);
  t.true(net.nodes.every((node) => node.topology.joinStage === 'dialling seeds'));
  t.true(net.nodes.every((node) => node.topology.seedsTried === 1 && node.topology.seedsAnswered === 0));
  await net.add();
  await net.clock.advance(5_000);
  t.deepEqual(net.ringGaps(), []);
  t.is(net.nodes[0]!.topology.seedsAnswered, 1);
});

test('the same seed gives the same network, another seed another one', async (t) => {
  const run = async (seed: number): Promise<string[]> => {
    const net = await started(seed, 9);
    await net.clock.advance(3_000);
    net.kill(net.nodes[2]!);
    await net.clock.advance(3_000);
    return picture(net);
  };
  const first = await run(11);
  t.deepEqual(await run(11), first);
  t.notDeepEqual(await run(12), first);
});
