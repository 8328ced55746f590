import test from 'ava';
import { KNOWN_NODES_MAX, RELAY_VIEW_MAX } from '../../../daemon/limits.ts';
import { createKnownNodes, type KnownNodes } from '../../../daemon/topology/known-nodes.ts';
import { keyOf } from '../../../daemon/topology/peering.ts';
import { ROLE } from '../../../daemon/wire/descriptor-types.ts';
import { createTopologyNet, type TopologyNet } from './support/topology-net.ts';

function setUp(given: { allowPrivateAddresses?: boolean; peers?: Set<string> } = {}): {
  net: TopologyNet;
  known: KnownNodes;
  hour: { now: number };
} {
  const net = createTopologyNet(1);
  const self = net.describe('self');
  const hour = { now: self.issuedHour };
  const known = createKnownNodes(
    { crypto: net.crypto, secret: new Uint8Array(32) },
    {
      own: () => ({ key: keyOf(self), location: self.location }),
      allowPrivateAddresses: given.allowPrivateAddresses ?? true,
      nowHour: () => hour.now,
      isPeer: (key) => given.peers?.has(key) ?? false,
    },
  );
  return { net, known, hour };
}

test('adopt: news once, and only a higher sequence is news again', (t) => {
  const { net, known } = setUp();
  const second = net.describe('a', { sequence: 2 });
  t.true(known.adopt(second.encoded)!.news);
  t.false(known.adopt(second.encoded)!.news);
  t.false(known.adopt(net.describe('a', { sequence: 1 }).encoded)!.news);
  t.is(known.all()[0]!.descriptor.sequence, 2);
  t.true(known.adopt(net.describe('a', { sequence: 3 }).encoded)!.news);
  t.is(known.size, 1);
  t.is(known.all()[0]!.descriptor.sequence, 3);
});

test('adopt: our own and light nodes never enter', (t) => {
  const { net, known } = setUp();
  t.is(known.adopt(net.describe('self').encoded), undefined);
  t.is(known.adopt(net.describe('b', { role: ROLE.light }).encoded), undefined);
  t.is(known.size, 0);
});

test('adopt: refuses tampered, foreign, expired and private descriptors by code', (t) => {
  const { net, known, hour } = setUp();
  const good = net.describe('a');
  const tampered = good.encoded.slice();
  tampered[tampered.length - 1]! ^= 1;
  t.throws(() => known.adopt(tampered), { code: 'ERR_SIGNATURE' });
  t.throws(() => known.adopt(good.encoded.subarray(0, 100)), { code: 'ERR_MALFORMED' });
  t.throws(() => known.adopt(good.encoded, 'somebody else'), { code: 'ERR_UNEXPECTED' });
  hour.now += 100;
  t.throws(() => known.adopt(good.encoded), { code: 'ERR_EXPIRED' });
  const strict = setUp({ allowPrivateAddresses: false });
  t.throws(() => strict.known.adopt(good.encoded), { code: 'ERR_BINDING' });
  t.is(known.size + strict.known.size, 0);
});

test('find: exactly these bytes, not others with the same end', (t) => {
  const { net, known } = setUp();
  const { encoded } = net.describe('a');
  known.adopt(encoded);
  t.is(known.find(encoded)?.descriptor.sequence, 1);
  const other = encoded.slice();
  other[20]! ^= 1;
  t.is(known.find(other), undefined);
});

test('relays: one that failed is left out, longer each time, and back when it is reached', (t) => {
  const { net, known } = setUp();
  known.adopt(net.describe('a').encoded);
  const { key } = known.all()[0]!;
  known.failed(key, 1_000);
  t.is(known.relays(1_000).length, 0);
  t.is(known.relays(15_999).length, 0);
  t.is(known.relays(16_000).length, 1);
  t.is(known.reachable(1_999).length, 0);
  t.is(known.reachable(2_000).length, 1);
  known.failed(key, 16_000);
  t.is(known.relays(45_999).length, 0);
  t.is(known.relays(46_000).length, 1);
  known.failed(key, 46_000);
  known.reached(key);
  t.is(known.relays(46_000).length, 1);
});

test('a newer descriptor clears what failed before', (t) => {
  const { net, known } = setUp();
  known.adopt(net.describe('a').encoded);
  known.failed(known.all()[0]!.key, 0);
  known.adopt(net.describe('a', { sequence: 2 }).encoded);
  t.is(known.relays(0).length, 1);
});

test('forgetExpired: goes by the hour, not before', (t) => {
  const { net, known, hour } = setUp();
  known.adopt(net.describe('a').encoded);
  hour.now += 78;
  known.forgetExpired();
  t.is(known.size, 1);
  hour.now += 1;
  known.forgetExpired();
  t.is(known.size, 0);
});

test('the table stops at its cap, keeps peers, and shows circuits no more than the view', (t) => {
  const peers = new Set<string>();
  const { net, known } = setUp({ peers });
  const first = known.adopt(net.describe('first').encoded)!.node.key;
  peers.add(first);
  for (let i = 0; i < KNOWN_NODES_MAX + 60; i++) known.adopt(net.describe(`n${i}`).encoded);
  t.is(known.size, KNOWN_NODES_MAX);
  t.not(known.get(first), undefined);
  t.is(known.relays(0).length, RELAY_VIEW_MAX);
  const ranks = known.all().map((node) => node.rank);
  t.true(ranks.filter((rank) => rank > 0.96).length < ranks.length * 0.04, 'the largest hashes went');
});
