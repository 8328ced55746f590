/**
 * What a node of our own making gets away with: nothing that costs more than its link.
 */
import test from 'ava';
import { ANNOUNCE_HTL_MAX, ANNOUNCES_PENDING_PER_LINK_MAX, PEER_CLAIMS_MAX } from '../../../daemon/limits.ts';
import { REFUSAL } from '../../../daemon/topology/peer-table.ts';
import { keyOf } from '../../../daemon/topology/peering.ts';
import { distance } from '../../../daemon/topology/ring-location.ts';
import { type Descriptor, ROLE } from '../../../daemon/wire/descriptor-types.ts';
import type { Message, MessageName, MessageNamed } from '../../../daemon/wire/messages.ts';
import { locationToBytes } from '../../../daemon/wire/ring-bytes.ts';
import { createTopologyNet, type TestLink, type TopologyNet } from './support/topology-net.ts';

async function network(count: number): Promise<TopologyNet> {
  const net = createTopologyNet(20);
  for (let i = 0; i < count; i++) await net.add();
  await net.clock.advance(6_000);
  return net;
}

function got<Name extends MessageName>(link: TestLink, type: Name): MessageNamed<Name>[] {
  return link.received.filter((message): message is MessageNamed<Name> & Message => message.type === type);
}

/** A node that is no ring neighbour of the first one. */
async function farStranger(net: TopologyNet, host = '127.200.0.1'): Promise<TestLink> {
  return net.strangerLink(net.nodes[0]!, net.describe('stranger', { addresses: [{ host, port: 1 }] }), host);
}

test('a request for the ring is granted to who is near, and refused to who is not', async (t) => {
  const net = await network(6);
  const [node] = net.nodes;
  const nearest = Math.min(
    ...node!.topology.peers().map((peer) => distance(peer.location, node!.topology.ownLocation)),
  );
  const farOff = (descriptor: Descriptor): number => distance(descriptor.location, node!.topology.ownLocation);
  const strangers = Array.from({ length: 60 }, (_, index) =>
    net.describe(`s${index}`, { addresses: [{ host: `127.${100 + index}.0.1`, port: 1 }] }),
  );
  const near = strangers.find((descriptor) => farOff(descriptor) < nearest)!;
  const far = strangers.find((descriptor) => farOff(descriptor) > 0.45)!;
  for (const descriptor of [near, far]) {
    const link = net.strangerLink(node!, descriptor, descriptor.addresses[0]!.host);
    link.sendMessage({ type: 'PeerRequest', wish: 1 });
    await net.clock.advance(10);
    const answers = [...got(link, 'PeerAccepted'), ...got(link, 'PeerRefused')];
    t.deepEqual(answers, [
      descriptor === near ? { type: 'PeerAccepted' } : { type: 'PeerRefused', reason: REFUSAL.full },
    ]);
  }
});

test('a stranger is no relay for having linked to us, announced itself and pushed: it has to answer at its address', async (t) => {
  const net = await network(6);
  const [node] = net.nodes;
  const known = new Set(net.nodes.map((each) => each.key));
  for (let i = 0; i < 40; i++) {
    const host = `127.${100 + i}.0.1`;
    const descriptor = net.describe(`poison-${i}`, { addresses: [{ host, port: 1 }] });
    const link = net.strangerLink(node!, descriptor, host);
    const target = locationToBytes(descriptor.location);
    link.sendMessage({ type: 'Announce', id: 1, target, htl: ANNOUNCE_HTL_MAX, descriptor: descriptor.encoded });
    link.sendMessage({ type: 'ViewPush', descriptor: descriptor.encoded });
  }
  const before = net.probes;
  for (let second = 0; second < 60; second++) {
    await net.clock.advance(1_000);
    for (const each of net.nodes) {
      t.is(each.topology.relays().length, 5);
      t.true(each.topology.relays().every((relay) => known.has(keyOf(relay))));
    }
  }
  t.is(node!.topology.estimatedNodes() < 20, true, 'nor does it make the network look larger');
  t.true(net.probes - before <= 32 + 12, `${net.probes - before} probes in a minute`);
});

test('who dialled us is dialled back, and found; a failure there is tried again later each time', async (t) => {
  const net = await network(1);
  const [node] = net.nodes;
  let isBlocked = true;
  net.blocked = () => isBlocked;
  const late = await net.add({ seeds: [] });
  net.strangerLink(node!, late.descriptor, late.host);
  await net.clock.advance(2_000);
  t.is(net.probes, 1);
  t.deepEqual(node!.topology.relays(), []);
  isBlocked = false;
  await net.clock.advance(40_000);
  t.deepEqual(node!.topology.relays(), [late.descriptor]);
});

test('a flood of long requests leaves room for our own, and the ring stands', async (t) => {
  const net = await network(6);
  const [node] = net.nodes;
  for (let i = 0; i < 40; i++) {
    const host = `127.${100 + i}.0.1`;
    const descriptor = net.describe(`flood-${i}`, { addresses: [{ host, port: 1 }] });
    net.strangerLink(node!, descriptor, host).sendMessage({ type: 'PeerRequest', wish: 0 });
  }
  await net.clock.advance(4_000);
  const far = node!.topology.peers().filter((peer) => !peer.ringNeighbour);
  t.true(far.length <= 4, `${far.length} long links`);
  t.true(node!.topology.peers().length <= 6);
});

test('without a descriptor: no peering, no announce, no push, but relays may be pulled', async (t) => {
  const net = await network(4);
  const pull = net.strangerLink(net.nodes[0]!, undefined);
  pull.sendMessage({ type: 'ViewPull', id: 7 });
  await net.clock.advance(20);
  t.is(got(pull, 'ViewSample')[0]?.id, 7);
  t.is(got(pull, 'ViewSample')[0]?.descriptors.length, 3);
  t.is(got(pull, 'Observed')[0]?.address.length, 6);
  const forbidden: Message[] = [
    { type: 'PeerRequest', wish: 0 },
    { type: 'Announce', id: 1, target: new Uint8Array(8), htl: 3, descriptor: net.describe('x').encoded },
    { type: 'ViewPush', descriptor: net.describe('x').encoded },
  ];
  for (const message of forbidden) {
    const link = net.strangerLink(net.nodes[0]!, undefined);
    link.sendMessage(message);
    await net.clock.advance(20);
    t.false(link.isOpen, message.type);
  }
});

test('pulls over the budget of a link are not answered', async (t) => {
  const net = await network(4);
  const link = net.strangerLink(net.nodes[0]!, undefined);
  for (let id = 0; id < 100; id++) link.sendMessage({ type: 'ViewPull', id });
  await net.clock.advance(20);
  t.is(got(link, 'ViewSample').length, 16);
});

test("ViewPush: only one's own descriptor", async (t) => {
  const net = await network(4);
  const link = await farStranger(net);
  link.sendMessage({ type: 'ViewPush', descriptor: net.describe('somebody else').encoded });
  await net.clock.advance(20);
  t.false(link.isOpen);
  t.is(net.nodes[0]!.topology.relays().length, 3, 'the three others: the stranger was never reached');
});

test('samples that nothing asked for change nothing', async (t) => {
  const net = await network(4);
  const link = await farStranger(net);
  const before = net.nodes[0]!.topology.relays().length;
  link.sendMessage({ type: 'ViewSample', id: 1, descriptors: [net.describe('y').encoded] });
  link.sendMessage({ type: 'AnnounceReply', id: 1, descriptors: [net.describe('y').encoded] });
  await net.clock.advance(20);
  t.is(net.nodes[0]!.topology.relays().length, before);
  t.true(link.isOpen);
});

test('a forged descriptor closes the link, an expired or private one is only left out', async (t) => {
  const net = await network(4);
  const target = locationToBytes(net.nodes[0]!.descriptor.location);
  const forged = net.describe('forged').encoded.slice();
  forged[forged.length - 1]! ^= 1;
  const link = await farStranger(net);
  link.sendMessage({ type: 'Announce', id: 1, target, htl: 3, descriptor: forged });
  await net.clock.advance(20);
  t.false(link.isOpen);
  const expired = net.describe('old', { issuedHour: net.describe('old').issuedHour - 100 });
  const second = await farStranger(net);
  second.sendMessage({ type: 'Announce', id: 1, target, htl: 3, descriptor: expired.encoded });
  await net.clock.advance(20);
  t.true(second.isOpen);
  t.deepEqual(got(second, 'AnnounceReply'), []);
});

test('AnnounceReply names the neighbours of the target, and no link that did not announce itself', async (t) => {
  const net = await network(6);
  const quiet = net.describe('quiet', { addresses: [{ host: '127.201.0.1', port: 1 }] });
  net.strangerLink(net.nodes[0]!, quiet, '127.201.0.1');
  const asker = await farStranger(net);
  const target = net.nodes[0]!.descriptor.location;
  asker.sendMessage({
    type: 'Announce',
    id: 9,
    target: locationToBytes(target),
    htl: ANNOUNCE_HTL_MAX,
    descriptor: asker.self!.encoded,
  });
  await net.clock.advance(100);
  const [reply] = got(asker, 'AnnounceReply');
  t.is(reply?.id, 9);
  const named = reply!.descriptors.map((bytes) => Buffer.from(bytes).toString('hex'));
  t.true(named.includes(Buffer.from(net.nodes[0]!.descriptor.encoded).toString('hex')));
  t.false(named.includes(Buffer.from(quiet.encoded).toString('hex')));
  t.false(named.includes(Buffer.from(asker.self!.encoded).toString('hex')));
});

test('an announce that nobody answers is answered with what we know, in bounded time; one link holds at most 16', async (t) => {
  const net = await network(1);
  const [node] = net.nodes;
  // A black hole that sits at the very target: whatever is announced there is passed to it.
  const hole = net.describe('hole', { addresses: [{ host: '127.210.0.1', port: 1 }] });
  const holeLink = net.strangerLink(node!, hole, '127.210.0.1');
  holeLink.sendMessage({ type: 'PeerRequest', wish: 1 });
  await net.clock.advance(20);
  t.is(got(holeLink, 'PeerAccepted').length, 1);
  const asker = await farStranger(net);
  const before = got(holeLink, 'Announce').length;
  for (let id = 0; id < ANNOUNCES_PENDING_PER_LINK_MAX + 5; id++) {
    asker.sendMessage({
      type: 'Announce',
      id,
      target: locationToBytes(hole.location),
      htl: 2,
      descriptor: asker.self!.encoded,
    });
  }
  await net.clock.advance(20);
  const passed = got(holeLink, 'Announce').slice(before);
  t.is(passed.filter((message) => message.htl === 1).length, ANNOUNCES_PENDING_PER_LINK_MAX);
  t.is(got(asker, 'AnnounceReply').length, 5, 'over the cap the answer is our own, at once');
  await net.clock.advance(2_000);
  t.is(got(asker, 'AnnounceReply').length, ANNOUNCES_PENDING_PER_LINK_MAX + 5);
});

test('an HTL above the cap counts as the cap', async (t) => {
  const net = await network(1);
  const hole = net.describe('hole', { addresses: [{ host: '127.210.0.1', port: 1 }] });
  const holeLink = net.strangerLink(net.nodes[0]!, hole, '127.210.0.1');
  holeLink.sendMessage({ type: 'PeerRequest', wish: 1 });
  await net.clock.advance(20);
  const asker = await farStranger(net);
  const descriptor = asker.self!.encoded;
  asker.sendMessage({ type: 'Announce', id: 1, target: locationToBytes(hole.location), htl: 22, descriptor });
  await net.clock.advance(20);
  t.true(got(holeLink, 'Announce').some((message) => message.htl === ANNOUNCE_HTL_MAX - 1));
});

test('PeerRequest of a light node that shows a descriptor is refused', async (t) => {
  const net = createTopologyNet(21);
  const node = await net.add();
  const link = net.strangerLink(node, net.describe('light', { role: ROLE.light }));
  link.sendMessage({ type: 'PeerRequest', wish: 1 });
  await net.clock.advance(20);
  t.deepEqual(got(link, 'PeerRefused'), [{ type: 'PeerRefused', reason: REFUSAL.binding }]);
  t.deepEqual(node.topology.peers(), []);
});

test('an acceptance that nothing asked for is answered PeerDropped, and makes no peer', async (t) => {
  const net = await network(4);
  const link = await farStranger(net);
  link.sendMessage({ type: 'PeerAccepted' });
  await net.clock.advance(20);
  t.is(got(link, 'PeerDropped').length, 1);
  t.false(net.nodes[0]!.topology.peers().some((peer) => peer.key === keyOf(link.self!)));
});

test('PeerLocations: listened to from peers only, and at their pace', async (t) => {
  const net = await network(1);
  const [node] = net.nodes;
  const link = await farStranger(net);
  link.sendMessage({ type: 'PeerLocations', locations: [1, 2, 3] });
  link.sendMessage({ type: 'PeerRequest', wish: 1 });
  await net.clock.advance(20);
  const peer = (): readonly number[] | undefined => node!.topology.peers()[0]?.claims;
  t.deepEqual(peer(), []);
  link.sendMessage({ type: 'PeerLocations', locations: Array.from({ length: PEER_CLAIMS_MAX }, (_, i) => i) });
  await net.clock.advance(20);
  t.is(peer()?.length, PEER_CLAIMS_MAX);
  for (let i = 0; i < 20; i++) link.sendMessage({ type: 'PeerLocations', locations: [i] });
  await net.clock.advance(20);
  t.deepEqual(peer(), [4], 'six in a row at most');
});

test('Goodbye ends the relation at once', async (t) => {
  const net = await network(1);
  const link = await farStranger(net);
  link.sendMessage({ type: 'PeerRequest', wish: 1 });
  await net.clock.advance(20);
  t.is(net.nodes[0]!.topology.peers().length, 1);
  link.sendMessage({ type: 'Goodbye', reason: 0 });
  await net.clock.advance(20);
  t.deepEqual(net.nodes[0]!.topology.peers(), []);
  t.deepEqual(net.nodes[0]!.topology.relays(), []);
});
