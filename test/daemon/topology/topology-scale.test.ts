import test from 'ava';
import { distance } from '../../../daemon/topology/ring-location.ts';
import { createTopologyNet, DEFAULT_PROFILE } from './support/topology-net.ts';

test('80 nodes with the default profile: four neighbours on either side, long links of density 1 / distance', async (t) => {
  const profile = { ...DEFAULT_PROFILE, longLinks: 8 };
  const net = createTopologyNet(50, profile);
  for (let i = 0; i < 80; i++) await net.add();
  await net.clock.advance(3_000);
  t.deepEqual(net.ringGaps(), []);
  const order = [...net.nodes].sort((a, b) => a.descriptor.location - b.descriptor.location);
  order.forEach((node, index) => {
    const keys = new Set(node.topology.peers().map((peer) => peer.key));
    for (let step = 1; step <= 4; step++) t.true(keys.has(order[(index + step) % order.length]!.key));
  });

  // Beyond the neighbours an octave of distance holds as many links as the next one.
  const lengths = net.nodes.flatMap((node) =>
    node.topology
      .peers()
      .filter((peer) => !peer.ringNeighbour)
      .map((peer) => distance(peer.location, node.descriptor.location)),
  );
  const octaves = [1 / 16, 1 / 8, 1 / 4].map((from) => lengths.filter((d) => d >= from && d < from * 2).length);
  const share = octaves.map((count) => count / lengths.length);
  for (const part of share)
    t.true(part > 0.1 && part < 0.45, `shares ${share.map((part) => part.toFixed(2)).join(' ')}`);
  // Uniform links would have half of all in the last octave and one in eight in the first of these.
  t.true(octaves[0]! > octaves[2]! * 0.5, `shares ${share.map((part) => part.toFixed(2)).join(' ')}`);
  const degrees = net.nodes.map((node) => node.topology.peers().length);
  t.true(Math.max(...degrees) <= 8 + 2 * profile.longLinks);
});
