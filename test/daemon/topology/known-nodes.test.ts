import test from 'ava';
import {
  KNOWN_NODES_MAX,
  RELAY_VIEW_MAX,
  UNREACHED_NODES_MAX,
  UNREACHED_PER_PREFIX_MAX,
} from '../../../daemon/limits.ts';
import { createKnownNodes, type KnownNodes } from '../../../daemon/topology/known-nodes.ts';
import { keyOf } from '../../../daemon/topology/peering.ts';
import { ROLE } from '../../../daemon/wire/descriptor-types.ts';
import { createTopologyNet, type TopologyNet } from './support/topology-net.ts';

function setUp(
  given: { allowPrivateAddresses?: boolean; prefixRules?: boolean; peers?: Set<string>; nowMs?: () => number } = {},
): {
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
      prefixRules: given.prefixRules ?? false,
      nowHour: () => hour.now,
      isPeer: (key) => given.peers?.has(key) ?? false,
      ...(given.nowMs === undefined ? {} : { nowMs: given.nowMs }),
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
  known.adopt(net.describe('a').encoded, undefined, 'heard');
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
  known.found(known.get(key)!.descriptor);
  t.is(known.relays(46_000).length, 1);
});

test('a newer descriptor clears what failed before', (t) => {
  const { net, known } = setUp();
  known.adopt(net.describe('a').encoded);
  known.failed(known.all()[0]!.key, 0);
  known.adopt(net.describe('a', { sequence: 2 }).encoded, undefined, 'heard');
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
  for (let i = 0; i < KNOWN_NODES_MAX + 60; i++) known.adopt(net.describe(`n${i}`).encoded, undefined, 'heard');
  t.is(known.size, KNOWN_NODES_MAX);
  t.not(known.get(first), undefined);
  t.is(known.relays(0).length, RELAY_VIEW_MAX);
  const ranks = known.all().map((node) => node.rank);
  t.true(ranks.filter((rank) => rank > 0.96).length < ranks.length * 0.04, 'the largest hashes went');
});

test('relays: named is not enough, gossip is, unless we sought it ourselves and did not find it', (t) => {
  const { net, known } = setUp();
  const a = net.describe('a');
  const key = keyOf(a);
  known.adopt(a.encoded);
  t.is(known.relays(0).length, 0);
  t.deepEqual(known.unproven(0), [], 'it did not come to us');
  known.knocked(key);
  t.is(known.unproven(0).length, 1);
  known.notFound(a, 0);
  t.is(known.unproven(14_999).length, 0);
  t.is(known.unproven(15_000).length, 1);
  known.notFound(a, 15_000);
  t.is(known.unproven(44_999).length, 0);
  t.false(known.adopt(a.encoded, undefined, 'heard')!.news);
  t.is(known.relays(20_000).length, 0);
  t.is(known.reachable(20_000).length, 1, 'for the ring its own links count');
  t.true(known.found(a));
  t.is(known.relays(20_000).length, 1);
  const b = net.describe('b');
  known.adopt(b.encoded);
  t.true(known.adopt(b.encoded, undefined, 'heard')!.news);
  t.is(known.relays(20_000).length, 2);
  known.failed(keyOf(b), 20_000);
  known.knocked(keyOf(b));
  t.is(known.relays(20_000).length, 1, 'a link that it opens does not bring a failed one back');
});

test('a new address has to be found anew, a new descriptor for the same one does not', (t) => {
  const { net, known } = setUp();
  known.adopt(net.describe('a').encoded);
  known.found(net.describe('a'));
  known.adopt(net.describe('a', { sequence: 2 }).encoded);
  t.is(known.relays(0).length, 1);
  const moved = net.describe('a', { sequence: 3, addresses: [{ host: '127.1.0.2', port: 9480 }] });
  known.adopt(moved.encoded);
  t.is(known.relays(0).length, 0);
  t.false(known.found(net.describe('a', { sequence: 2 })), 'the old address proves nothing');
  t.true(known.found(moved));
});

test('names that nobody reached are capped, in all and by prefix, and push nothing else out', (t) => {
  const { net, known } = setUp({ prefixRules: true });
  const hostOf = (i: number): string => `127.${2 + (i % 250)}.${i >> 8}.1`;
  for (let i = 0; i < 100; i++) {
    const descriptor = net.describe(`real${i}`, { addresses: [{ host: hostOf(i), port: 1 }] });
    known.adopt(descriptor.encoded);
    known.found(descriptor);
  }
  for (let i = 0; i < 40; i++)
    known.adopt(net.describe(`p${i}`, { addresses: [{ host: `127.1.${i}.1`, port: 1 }] }).encoded);
  const named = (): number => known.all().filter(({ standing }) => standing === 'named').length;
  // The nearest on the ring are kept besides.
  t.true(named() >= UNREACHED_PER_PREFIX_MAX && named() < UNREACHED_PER_PREFIX_MAX + 16, `${named()}`);
  for (let i = 0; i < UNREACHED_NODES_MAX + 300; i++)
    known.adopt(net.describe(`n${i}`, { addresses: [{ host: hostOf(i), port: 1 }] }).encoded);
  t.is(named(), UNREACHED_NODES_MAX);
  t.is(known.relays(0).length, 100);
});

test('oldRelays: circuits use those known for an hour once there are enough; a flood neither enters nor drives them out', (t) => {
  let nowMs = 0;
  const { net, known } = setUp({ nowMs: () => nowMs });
  const hear = (name: string, count: number): void => {
    for (let i = 0; i < count; i++) known.adopt(net.describe(`${name}${i}`).encoded, undefined, 'heard');
  };
  hear('old', 60);
  t.is(known.oldRelays(nowMs).length, 60, 'where all are new, nobody is');
  const old = new Set(known.all().map((node) => node.key));
  nowMs = 7_200_000;
  hear('flood', KNOWN_NODES_MAX + 100);
  t.is(known.size, KNOWN_NODES_MAX);
  t.is(known.all().filter((node) => old.has(node.key)).length, 60);
  const used = known.oldRelays(nowMs);
  t.true(used.length >= 48 && used.every((relay) => old.has(keyOf(relay))));
  nowMs += 3_600_000;
  t.true(known.oldRelays(nowMs).length > 60, 'who has stayed an hour serves');
});
