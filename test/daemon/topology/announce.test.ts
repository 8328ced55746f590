import test from 'ava';
import { ringLocation } from '../../../daemon/ids.ts';
import { ANNOUNCE_REPLY_DESCRIPTORS_MAX, ANNOUNCES_PENDING_MAX } from '../../../daemon/limits.ts';
import type { Link } from '../../../daemon/link/link-types.ts';
import { createAnnounces, type NamedNode } from '../../../daemon/topology/announce.ts';
import { keyOf } from '../../../daemon/topology/peering.ts';
import type { Descriptor } from '../../../daemon/wire/descriptor-types.ts';
import type { Message } from '../../../daemon/wire/messages.ts';
import { locationToBytes } from '../../../daemon/wire/ring-bytes.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';
import { createTopologyNet } from './support/topology-net.ts';

type FakeLink = Link & { readonly sent: Message[] };

let handles = 0;
function fakeLink(peer: Descriptor): FakeLink {
  const sent: Message[] = [];
  const link = { handle: ++handles, peer, peerKey: keyOf(peer), sent, sendMessage: (m: Message) => sent.push(m) > 0 };
  return link as unknown as FakeLink; // nothing else of a link is used here
}

/** A node at 0.5 with neighbours where the test puts them; locations are not those of the descriptors, which nobody checks here. */
function setUp(neighbourPlaces: readonly number[]) {
  const clock = createManualClock();
  const net = createTopologyNet(70);
  const self = net.describe('self');
  const neighbours = neighbourPlaces.map((at, index) => {
    const descriptor = net.describe(`neighbour-${index}`);
    const node: NamedNode = { key: keyOf(descriptor), location: ringLocation(at), descriptor };
    return { node, link: fakeLink(descriptor) };
  });
  const announces = createAnnounces({
    clock,
    random: createSeededRandom(1),
    own: () => ({ key: keyOf(self), location: ringLocation(0.5) }),
    ownDescriptor: () => self,
    neighbours: () => neighbours,
    adopt: (_link, list) =>
      list.map((encoded) => {
        const descriptor = net.describe(Buffer.from(encoded).toString('latin1'));
        return { key: keyOf(descriptor), location: descriptor.location, descriptor };
      }),
  });
  const announcer = net.describe('announcer');
  const node: NamedNode = { key: keyOf(announcer), location: ringLocation(0.1), descriptor: announcer };
  const ask = (link: Link, id: number, at: number, htl = 5): void =>
    announces.handleAnnounce(
      link,
      { type: 'Announce', id, target: locationToBytes(ringLocation(at)), htl, descriptor: announcer.encoded },
      node,
    );
  return { clock, net, self, neighbours, announces, announcer, ask };
}

test('goes to the neighbour nearest to the target, with one hop less and another id', (t) => {
  const { neighbours, ask, net } = setUp([0.6, 0.7, 0.2]);
  const from = fakeLink(net.describe('from'));
  ask(from, 1, 0.72);
  const [message] = neighbours[1]!.link.sent;
  t.like(message, { type: 'Announce', htl: 4 });
  t.not((message as { id: number }).id, 1);
  t.deepEqual([neighbours[0]!.link.sent, neighbours[2]!.link.sent, from.sent], [[], [], []]);
});

test('ends where nobody is nearer, where no hop is left, and never goes back to its sender', (t) => {
  const { neighbours, ask, net } = setUp([0.6]);
  const from = fakeLink(net.describe('from'));
  ask(from, 1, 0.51);
  ask(from, 2, 0.6, 0);
  ask(neighbours[0]!.link, 3, 0.6);
  t.deepEqual(
    from.sent.map((message) => message.type),
    ['AnnounceReply', 'AnnounceReply'],
  );
  t.deepEqual(
    neighbours[0]!.link.sent.map((message) => message.type),
    ['AnnounceReply'],
  );
});

test('the answer on the way back is what came from beyond and ourselves, at most sixteen, without the asker', (t) => {
  const places = Array.from({ length: 20 }, (_, index) => 0.55 + index / 100);
  const { neighbours, ask, net, announces, announcer } = setUp(places);
  const from = fakeLink(net.describe('from'));
  ask(from, 1, 0.65);
  const over = neighbours.find(({ link }) => link.sent.length > 0)!.link;
  const { id } = over.sent[0] as { id: number };
  const named = ['beyond-1', 'announcer'].map((name) => new Uint8Array(Buffer.from(name, 'latin1')));
  announces.handleReply(over, { type: 'AnnounceReply', id, descriptors: named });
  const [reply] = from.sent as { id: number; descriptors: Uint8Array[] }[];
  t.is(reply?.id, 1);
  t.is(reply?.descriptors.length, ANNOUNCE_REPLY_DESCRIPTORS_MAX);
  t.false(reply!.descriptors.some((bytes) => Buffer.compare(bytes, announcer.encoded) === 0));
  announces.handleReply(over, { type: 'AnnounceReply', id, descriptors: named });
  t.is(from.sent.length, 1, "a second answer is nobody's");
});

test('no more wait than the cap in all; beyond it the answer is our own', async (t) => {
  const { neighbours, ask, net, announces, clock } = setUp([0.6]);
  const links = Array.from({ length: 6 }, (_, index) => fakeLink(net.describe(`from-${index}`)));
  links.forEach((link) => {
    for (let id = 0; id < 14; id++) ask(link, id, 0.6);
  });
  t.is(announces.pending, ANNOUNCES_PENDING_MAX);
  t.is(neighbours[0]!.link.sent.length, ANNOUNCES_PENDING_MAX);
  const answered = (): number => links.reduce((sum, link) => sum + link.sent.length, 0);
  t.is(answered(), 6 * 14 - ANNOUNCES_PENDING_MAX);
  await clock.advance(10_000);
  t.is(announces.pending, 0);
  t.is(answered(), 6 * 14);
});

test('linkClosed: what was sent over it is answered with what we know, what came over it is forgotten', (t) => {
  const { neighbours, ask, net, announces } = setUp([0.6]);
  const [one, two] = [fakeLink(net.describe('one')), fakeLink(net.describe('two'))];
  ask(one, 1, 0.6);
  ask(two, 1, 0.6);
  announces.linkClosed(one);
  t.is(announces.pending, 1);
  announces.linkClosed(neighbours[0]!.link);
  t.is(announces.pending, 0);
  t.deepEqual([one.sent.length, two.sent.length], [0, 1]);
});

test('send: our own end once, with or without an answer, and sixteen at a time', async (t) => {
  const { neighbours, announces, clock } = setUp([0.6]);
  let ended = 0;
  const send = (): boolean => announces.send(neighbours[0]!.link, ringLocation(0.6), () => ended++);
  for (let i = 0; i < 16; i++) t.true(send());
  t.false(send());
  const { id } = neighbours[0]!.link.sent[0] as { id: number };
  announces.handleReply(neighbours[0]!.link, { type: 'AnnounceReply', id, descriptors: [] });
  t.is(ended, 1);
  t.true(send());
  await clock.advance(10_000);
  t.is(ended, 17);
});
