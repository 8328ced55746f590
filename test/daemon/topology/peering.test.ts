import test from 'ava';
import { PEERS_BANNED_MAX } from '../../../daemon/limits.ts';
import type { Link } from '../../../daemon/link/link-types.ts';
import { REFUSAL, WISH } from '../../../daemon/topology/peer-table.ts';
import { createPeering, keyOf, type PeerEntry, type Peering } from '../../../daemon/topology/peering.ts';
import { BINDING, type Descriptor, ROLE } from '../../../daemon/wire/descriptor-types.ts';
import type { Message } from '../../../daemon/wire/messages.ts';
import { createManualClock, type ManualClock } from '../../support/manual-clock.ts';
import { createTopologyNet } from './support/topology-net.ts';

interface Bench {
  readonly clock: ManualClock;
  readonly peering: Peering;
  readonly open: Link[];
  readonly ups: PeerEntry[];
  readonly downs: PeerEntry[];
  describe(name: string, fields?: Partial<Descriptor>): Descriptor;
  link(peer: Descriptor, host?: string): Link & { sent: Message[]; isOpen: boolean };
}

function bench(): Bench {
  const clock = createManualClock();
  const net = createTopologyNet(30);
  const self = net.describe('self');
  const newest = new Map<string, Descriptor>();
  const open: Link[] = [];
  const ups: PeerEntry[] = [];
  const downs: PeerEntry[] = [];
  let handle = 0;
  return {
    clock,
    open,
    ups,
    downs,
    describe: net.describe,
    link(peer, host = `127.${++handle}.0.1`) {
      newest.set(keyOf(peer), peer);
      const sent: Message[] = [];
      // The peering uses nothing else of a link.
      const link = {
        handle: ++handle,
        peer,
        peerKey: keyOf(peer),
        remote: { host, port: 1 },
        isOpen: true,
        sent,
        sendMessage: (message: Message) => sent.push(message) > 0,
      } as unknown as Link & { sent: Message[]; isOpen: boolean };
      open.push(link);
      return link;
    },
    peering: createPeering(
      {
        clock,
        log: { write: () => {} },
        links: { get: (id) => open.find((link) => link.isOpen && link.peer?.nodeId === id) },
      },
      {
        role: ROLE.full,
        ringNeighboursEachSide: 1,
        longLinks: 1,
        peersMax: 8,
        prefixRules: true,
        own: () => ({ key: keyOf(self), location: self.location }),
        newest: (key) => newest.get(key),
        onPeerUp: (peer) => ups.push(peer),
        onPeerDown: (peer) => downs.push(peer),
      },
    ),
  };
}

test('request: accepted makes a peer, refused holds back for a second, then longer', async (t) => {
  const { peering, link, describe, clock, ups } = bench();
  const first = link(describe('a'));
  peering.request(first, WISH.ring);
  t.true(peering.isHeldBack(first.peerKey));
  peering.handleMessage(first, { type: 'PeerRefused', reason: REFUSAL.full });
  t.true(peering.wasRefused(first.peerKey));
  await clock.advance(1_000);
  t.false(peering.isHeldBack(first.peerKey));
  peering.request(first, WISH.ring);
  peering.handleMessage(first, { type: 'PeerRefused', reason: REFUSAL.full });
  await clock.advance(1_999);
  t.true(peering.wasRefused(first.peerKey));
  await clock.advance(1);
  peering.request(first, WISH.ring);
  peering.handleMessage(first, { type: 'PeerAccepted' });
  t.deepEqual(
    ups.map((peer) => peer.key),
    [first.peerKey],
  );
});

test('an acceptance after the request was given up is undone at the other end', async (t) => {
  const { peering, link, describe, clock } = bench();
  const late = link(describe('a'));
  peering.request(late, WISH.long);
  await clock.advance(5_000);
  peering.upkeep();
  peering.handleMessage(late, { type: 'PeerAccepted' });
  t.deepEqual(peering.peers(), []);
  t.deepEqual(late.sent.at(-1), { type: 'PeerDropped' });
});

test('requests that cross make one relation', (t) => {
  const { peering, link, describe, ups } = bench();
  const both = link(describe('a'));
  peering.request(both, WISH.ring);
  peering.handleMessage(both, { type: 'PeerRequest', wish: 1 });
  peering.handleMessage(both, { type: 'PeerAccepted' });
  t.is(ups.length, 1);
  t.is(peering.peers().length, 1);
});

test('of two links the one that remains carries the relation on, and the other end is asked whether it does too', (t) => {
  const { peering, link, describe, ups, downs } = bench();
  const peer = describe('a');
  const first = link(peer);
  const second = link(peer);
  peering.handleMessage(first, { type: 'PeerRequest', wish: 1 });
  first.isOpen = false;
  peering.linkClosed(first);
  t.deepEqual([ups.length, downs.length], [2, 1]);
  t.is(peering.get(keyOf(peer))?.link, second);
  t.deepEqual(second.sent, [{ type: 'PeerRequest', wish: 1 }]);
  peering.handleMessage(second, { type: 'PeerRefused', reason: REFUSAL.full });
  t.deepEqual(peering.peers(), []);
  t.is(downs.length, 2);
});

test('a location bound to a prefix counts only over a link from that prefix', (t) => {
  const { peering, link, describe } = bench();
  const bound = (name: string): Descriptor => ({
    ...describe(name),
    binding: BINDING.prefix,
    addresses: [{ host: '198.51.100.7', port: 1 }],
  });
  const elsewhere = link(bound('a'), '203.0.113.1');
  peering.handleMessage(elsewhere, { type: 'PeerRequest', wish: 1 });
  t.deepEqual(elsewhere.sent, [{ type: 'PeerRefused', reason: REFUSAL.binding }]);
  const right = link(bound('b'), '198.51.100.200');
  peering.handleMessage(right, { type: 'PeerRequest', wish: 1 });
  t.deepEqual(right.sent, [{ type: 'PeerAccepted' }]);
});

test('light nodes are refused for their role', (t) => {
  const { peering, link, describe } = bench();
  const light = link(describe('a', { role: ROLE.light }));
  peering.handleMessage(light, { type: 'PeerRequest', wish: 0 });
  t.deepEqual(light.sent, [{ type: 'PeerRefused', reason: REFUSAL.role }]);
});

test('a newer descriptor moves the peer on the ring', (t) => {
  const { peering, link, describe } = bench();
  const peer = describe('a');
  peering.handleMessage(link(peer), { type: 'PeerRequest', wish: 1 });
  const moved = { ...peer, sequence: 2, location: describe('b').location };
  peering.descriptorChanged(keyOf(peer), moved);
  t.is(peering.get(keyOf(peer))?.location, moved.location);
  t.is(peering.get(keyOf(peer))?.descriptor.sequence, 2);
});

test('ban: a peer that its owner sends away neither comes back nor is asked, until the time is over', async (t) => {
  const { peering, link, describe, clock, downs } = bench();
  const banned = link(describe('a'));
  peering.handleMessage(banned, { type: 'PeerRequest', wish: 1 });
  peering.ban(banned.peerKey, 60_000);
  t.is(downs.length, 1);
  t.deepEqual(banned.sent.at(-1), { type: 'PeerDropped' });
  t.true(banned.isOpen, 'circuits go on over the link');
  peering.handleMessage(banned, { type: 'PeerRequest', wish: 1 });
  t.deepEqual(banned.sent.at(-1), { type: 'PeerRefused', reason: REFUSAL.full });
  const sent = banned.sent.length;
  peering.request(banned, WISH.ring);
  t.is(banned.sent.length, sent, 'not asked');
  t.true(peering.wasRefused(banned.peerKey));
  t.is(peering.banned, 1);
  await clock.advance(60_000);
  peering.upkeep();
  t.is(peering.banned, 0);
  peering.handleMessage(banned, { type: 'PeerRequest', wish: 1 });
  t.is(peering.peers().length, 1);
});

test('ban: an acceptance that was under way does not undo it, and the list is bounded', (t) => {
  const { peering, link, describe } = bench();
  const late = link(describe('a'));
  peering.request(late, WISH.long);
  peering.ban(late.peerKey, 60_000);
  peering.handleMessage(late, { type: 'PeerAccepted' });
  t.deepEqual(peering.peers(), []);
  t.deepEqual(late.sent.at(-1), { type: 'PeerDropped' });
  for (let i = 0; i < PEERS_BANNED_MAX + 10; i++) peering.ban(`${i}`, 60_000);
  t.is(peering.banned, PEERS_BANNED_MAX);
  t.false(peering.wasRefused(late.peerKey), 'the oldest ban leaves first');
});
