import test from 'ava';
import { PENDING_PER_PEER_MAX } from '../../../daemon/limits.ts';
import type { Message } from '../../../daemon/wire/messages.ts';
import {
  NO_WORK,
  type Puppet,
  type TestLink,
  testBlock,
  testRecord,
  testVerify,
  World,
  type WorldNode,
} from './world.ts';

interface Scene {
  readonly world: World;
  readonly node: WorldNode;
  readonly asker: Puppet;
  readonly link: TestLink;
  readonly hops: Puppet[];
  readonly links: TestLink[];
}

function scene(ownPlace: number, hopPlaces: number[], askerPlace = 0.1): Scene {
  const world = new World({ latencyMs: 10 });
  world.placeOf = () => 0.5;
  const node = world.node(ownPlace);
  const asker = world.puppet(askerPlace);
  const link = world.connect(asker, node);
  const hops = hopPlaces.map((place) => world.puppet(place));
  const links = hops.map((hop) => world.connect(hop, node));
  return { world, node, asker, link, hops, links };
}

const { ref, payload } = testBlock('placed');

function insertMessage(id: number, htl = 10, more: object = {}): Message {
  return {
    type: 'Insert',
    id,
    kind: ref.kind,
    key: ref.key,
    replica: 0,
    htl,
    deadlineMs: 10_000,
    owners: 3,
    work: NO_WORK,
    payload,
    ...more,
  };
}

function answering(puppet: Puppet, type: 'Insert' | 'StoreCopy', make: (id: number) => Message[]): void {
  puppet.onMessage = ({ link, message }) => {
    if (message.type === type) for (const reply of make(message.id)) link.sendMessage(reply);
  };
}
const inserted =
  (copies: number) =>
  (id: number): Message[] => [{ type: 'Inserted', id, copies }];

test('Insert: sent on to the nearer peer; what owners acknowledged is passed back and kept as a passing copy', async (t) => {
  const { world, node, asker, link, hops } = scene(0.3, [0.45]);
  answering(hops[0]!, 'Insert', inserted(3));
  link.sendMessage(insertMessage(7));
  await world.clock.advance(100);
  const [sent] = hops[0]!.of('Insert');
  t.like(sent, { htl: 9, deadlineMs: 9_000, owners: 3, replica: 0 });
  t.deepEqual(sent!.payload, payload);
  t.not(sent!.id, 7);
  t.deepEqual(
    asker.received.map(({ message }) => message),
    [
      { type: 'Accepted', id: 7 },
      { type: 'Inserted', id: 7, copies: 3 },
    ],
  );
  t.is(node.store.reasonOf(ref), 'path');
  t.deepEqual(node.trace, [{ type: 'copyKept', ref, reason: 'path', by: 'insert' }]);
  t.is(world.clock.timersPending, 0);
});

test('Insert: nothing is kept on the way when nobody stored it', async (t) => {
  const { world, node, asker, link, hops } = scene(0.3, [0.45, 0.44, 0.43, 0.42]);
  for (const hop of hops) answering(hop, 'Insert', (id) => [{ type: 'RouteNotFound', id }]);
  link.sendMessage(insertMessage(7));
  await world.clock.advance(1_000);
  t.is(asker.types().at(-1), 'RouteNotFound');
  t.false(node.store.has(ref));
});

test('Insert: at the end of the path, owner here and copies to the nearest others, the asker included', async (t) => {
  const { world, node, asker, link, hops } = scene(0.49, [0.1, 0.9], 0.47);
  answering(asker, 'StoreCopy', inserted(1));
  answering(hops[0]!, 'StoreCopy', inserted(1));
  answering(hops[1]!, 'StoreCopy', inserted(1));
  link.sendMessage(insertMessage(7));
  await world.clock.advance(100);
  t.deepEqual(asker.types(), ['Accepted', 'StoreCopy', 'Inserted']);
  t.like(asker.of('Inserted')[0], { id: 7, copies: 3 });
  t.is(asker.of('Insert').length, 0, 'never back over the link it came from');
  t.is(hops[0]!.received.length + hops[1]!.received.length, 1);
  t.is(node.store.reasonOf(ref), 'owner');
  t.deepEqual(node.trace, [{ type: 'copyKept', ref, reason: 'owner', by: 'insert' }]);
  t.is(node.router.snapshot().counters.copiesSent, 2);
});

test('Insert: an owner that declines, or stays silent, is replaced by the next nearest', async (t) => {
  const { world, asker, link, hops } = scene(0.49, [0.47, 0.46, 0.45, 0.44]);
  answering(hops[0]!, 'StoreCopy', inserted(0));
  // hops[1] stays silent
  answering(hops[2]!, 'StoreCopy', inserted(1));
  answering(hops[3]!, 'StoreCopy', inserted(1));
  link.sendMessage(insertMessage(7));
  await world.clock.advance(9_000);
  t.deepEqual(
    hops.map((hop) => hop.of('StoreCopy').length),
    [1, 1, 1, 1],
  );
  t.like(asker.of('Inserted')[0], { copies: 3 });
});

test('Insert: replacements are looked for among the 2 m nearest only, and the count is honest', async (t) => {
  const { world, asker, link, hops } = scene(0.49, [0.47, 0.46, 0.45, 0.44, 0.43, 0.42, 0.41, 0.4]);
  for (const hop of hops) answering(hop, 'StoreCopy', inserted(0));
  link.sendMessage(insertMessage(7));
  await world.clock.advance(9_000);
  t.is(hops.filter((hop) => hop.of('StoreCopy').length > 0).length, 6);
  t.like(asker.of('Inserted')[0], { copies: 1 });
});

test('Insert: owners are at most 8 and at most half of the network', async (t) => {
  for (const [estimated, expected] of [
    [100, 7],
    [6, 2],
    [2, 0],
  ] as const) {
    const places = [0.47, 0.46, 0.45, 0.44, 0.43, 0.42, 0.41, 0.4, 0.39];
    const { world, node, link, hops } = scene(0.49, places);
    node.estimatedNodes = estimated;
    for (const hop of hops) answering(hop, 'StoreCopy', inserted(1));
    link.sendMessage(insertMessage(7, 10, { owners: 8 }));
    await world.clock.advance(1_000);
    t.is(hops.filter((hop) => hop.of('StoreCopy').length > 0).length, expected);
  }
});

test('Insert: with HTL 0 left to send the path ends here though a nearer peer is known', async (t) => {
  const { world, node, link, hops } = scene(0.3, [0.45]);
  answering(hops[0]!, 'StoreCopy', inserted(1));
  link.sendMessage(insertMessage(7, 1));
  await world.clock.advance(100);
  t.deepEqual(hops[0]!.types(), ['StoreCopy']);
  t.is(node.store.reasonOf(ref), 'owner');
  t.is(node.router.snapshot().counters.htlExhausted, 1);
});

test('Insert: a full disk counts as no copy; others still get theirs', async (t) => {
  const { world, node, asker, link, hops } = scene(0.49, [0.47, 0.46, 0.45]);
  node.map.refuse = { type: 'failed', code: 'disk_full' };
  for (const hop of hops) answering(hop, 'StoreCopy', inserted(1));
  link.sendMessage(insertMessage(7));
  await world.clock.advance(100);
  t.like(asker.of('Inserted')[0], { copies: 3 });
  t.false(node.store.has(ref));
});

test('Insert: zero copies from the nearest make the next best, then this node, stand in', async (t) => {
  const { world, node, asker, link, hops } = scene(0.48, [0.49]);
  answering(hops[0]!, 'Insert', inserted(0));
  link.sendMessage(insertMessage(7));
  await world.clock.advance(9_000);
  t.is(node.store.reasonOf(ref), 'owner');
  t.like(asker.of('Inserted')[0], { copies: 1 });
});

test('Insert: a node far from the key does not stand in for nearer peers that all failed', async (t) => {
  const { world, node, asker, link, hops } = scene(0.3, [0.47, 0.48, 0.49]);
  for (const hop of hops)
    answering(hop, 'Insert', (id) => [{ type: 'RejectedOverload', id, retryMs: 700, workBits: 0 }]);
  link.sendMessage(insertMessage(7));
  await world.clock.advance(1_000);
  t.like(asker.of('RejectedOverload')[0], { id: 7, retryMs: 700 });
  t.false(node.store.has(ref));
});

test('Insert, StoreCopy and Collision with bytes that do not match close the link; nothing is kept or sent on', async (t) => {
  const wrong = testBlock('wrong').payload;
  const first = scene(0.3, [0.45]);
  first.link.sendMessage(insertMessage(7, 10, { payload: wrong }));
  await first.world.clock.advance(100);
  t.is((first.link.other as TestLink).closedWith, 'ERR_BLOCK');
  t.is(first.hops[0]!.received.length, 0);
  t.like(first.node.router.snapshot(), { pending: 0, counters: { badBlocks: 1 } });

  const second = scene(0.3, [0.45]);
  second.link.sendMessage({ ...copyMessage(8), payload: wrong });
  await second.world.clock.advance(100);
  t.is((second.link.other as TestLink).closedWith, 'ERR_BLOCK');
  t.false(second.node.store.has(ref));

  const third = scene(0.3, [0.45, 0.44]);
  answering(third.hops[0]!, 'Insert', (id) => [{ type: 'Collision', id, payload: wrong }]);
  answering(third.hops[1]!, 'Insert', inserted(2));
  third.link.sendMessage(insertMessage(7));
  await third.world.clock.advance(100);
  t.is((third.links[0]!.other as TestLink).closedWith, 'ERR_BLOCK');
  t.like(third.asker.of('Inserted')[0], { copies: 2 });
});

function copyMessage(id: number): Extract<Message, { type: 'StoreCopy' }> {
  return {
    type: 'StoreCopy',
    id,
    kind: ref.kind,
    key: ref.key,
    replica: 0,
    owners: 3,
    work: NO_WORK,
    payload,
    handoff: 0,
  };
}

test('StoreCopy: kept by a node among the 2 m nearest it knows, declined by one that is not', async (t) => {
  const near = scene(0.4, [0.49, 0.48, 0.47, 0.46, 0.45]); // five nearer, m = 3
  near.link.sendMessage(copyMessage(1));
  await near.world.clock.advance(100);
  t.deepEqual(
    near.asker.received.map(({ message }) => message),
    [{ type: 'Inserted', id: 1, copies: 1 }],
  );
  t.is(near.node.store.reasonOf(ref), 'owner');
  t.deepEqual(near.node.trace, [{ type: 'copyKept', ref, reason: 'owner', by: 'storeCopy' }]);

  const far = scene(0.4, [0.49, 0.48, 0.47, 0.46, 0.45, 0.44]); // six nearer
  far.link.sendMessage(copyMessage(1));
  await far.world.clock.advance(100);
  t.deepEqual(
    far.asker.received.map(({ message }) => message),
    [{ type: 'Inserted', id: 1, copies: 0 }],
  );
  t.false(far.node.store.has(ref));
});

test('StoreCopy: a store that cannot keep it answers zero copies', async (t) => {
  const { world, node, asker, link } = scene(0.49, []);
  node.map.refuse = { type: 'declined' };
  link.sendMessage(copyMessage(1));
  await world.clock.advance(100);
  t.like(asker.of('Inserted')[0], { copies: 0 });
});

test('SSK: a node that holds another record answers Collision with it, and sends nothing on', async (t) => {
  const held = testRecord('site', 1);
  const other = testRecord('site', 2);
  const { world, node, asker, link, hops } = scene(0.3, [0.45]);
  await node.store.put(held.ref, 0, held.payload, 'owner');
  link.sendMessage(insertMessage(7, 10, { kind: other.ref.kind, key: other.ref.key, payload: other.payload }));
  await world.clock.advance(100);
  t.deepEqual(asker.of('Collision'), [{ type: 'Collision', id: 7, payload: held.payload }]);
  t.is(hops[0]!.received.length, 0);
});

test('SSK: a collision at another owner comes back as the answer of the insert', async (t) => {
  const held = testRecord('site', 1);
  const other = testRecord('site', 2);
  const { world, asker, link, hops } = scene(0.49, [0.47, 0.46]);
  for (const hop of hops) answering(hop, 'StoreCopy', (id) => [{ type: 'Collision', id, payload: held.payload }]);
  link.sendMessage(insertMessage(7, 10, { kind: other.ref.kind, key: other.ref.key, payload: other.payload }));
  await world.clock.advance(100);
  t.deepEqual(asker.of('Collision')[0]!.payload, held.payload);
  t.true(testVerify(held.ref, asker.of('Collision')[0]!.payload));
});

test('SSK: two records that race through one node: the second is told of the first', async (t) => {
  const one = testRecord('site', 1);
  const two = testRecord('site', 2);
  const { world, asker, link } = scene(0.3, [0.45]);
  link.sendMessage(insertMessage(1, 10, { kind: one.ref.kind, key: one.ref.key, payload: one.payload }));
  link.sendMessage(insertMessage(2, 15, { kind: two.ref.kind, key: two.ref.key, payload: two.payload }));
  await world.clock.advance(100);
  t.deepEqual(asker.of('Collision'), [{ type: 'Collision', id: 2, payload: one.payload }]);
});

test('Insert: equal inserts coalesce by the HTL rule', async (t) => {
  const { world, node, asker, link, hops } = scene(0.3, [0.45]);
  link.sendMessage(insertMessage(1, 10));
  link.sendMessage(insertMessage(2, 10));
  link.sendMessage(insertMessage(3, 9));
  await world.clock.advance(50);
  t.is(hops[0]!.of('Insert').length, 1);
  t.deepEqual(
    asker.of('RejectedLoop').map(({ id }) => id),
    [3],
  );
  const { id } = hops[0]!.of('Insert')[0]!;
  hops[0]!.received[0]!.link.sendMessage({ type: 'Inserted', id, copies: 2 });
  await world.clock.advance(50);
  t.deepEqual(
    asker.of('Inserted').map((message) => message.id),
    [1, 2],
  );
  t.is(node.router.snapshot().counters.coalesced, 1);
});

test('Insert: a key that turns up is no longer recently failed', async (t) => {
  const { world, node, asker, link, hops } = scene(0.3, [0.45]);
  hops[0]!.onMessage = ({ link: over, message }) => {
    if (message.type === 'Fetch') over.sendMessage({ type: 'DataNotFound', id: message.id });
    if (message.type === 'Insert') over.sendMessage({ type: 'Inserted', id: message.id, copies: 1 });
  };
  const fetch: Message = { type: 'Fetch', id: 1, kind: ref.kind, key: ref.key, replica: 0, htl: 9, deadlineMs: 5_000 };
  link.sendMessage(fetch);
  await world.clock.advance(100);
  t.is(node.router.snapshot().failureTable, 1);
  link.sendMessage(insertMessage(2));
  await world.clock.advance(100);
  t.is(node.router.snapshot().failureTable, 0);
  t.is(asker.types().at(-1), 'Inserted');
});

test('Insert: a peer that floods gets its share and is told to come back; others still get in', async (t) => {
  const { world, node } = scene(0.3, [0.45]);
  world.verify = testVerify;
  const [flooding, late] = [world.puppet(0.01), world.puppet(0.02)];
  const links = [flooding, late].map((asker) => world.connect(asker, node));
  for (let i = 0; i < 1_100; i++) {
    const block = testBlock(`many/${i}`);
    links[0]!.sendMessage(insertMessage(i, 10, { key: block.ref.key, payload: block.payload }));
  }
  await world.clock.advance(30);
  t.is(node.router.snapshot().pending, PENDING_PER_PEER_MAX);
  t.is(flooding.of('RejectedOverload').length, 1_100 - PENDING_PER_PEER_MAX);
  links[1]!.sendMessage(insertMessage(1));
  await world.clock.advance(30);
  t.deepEqual(late.types(), ['Accepted']);
  links[0]!.sendMessage({ type: 'Fetch', id: 1, kind: ref.kind, key: ref.key, replica: 0, htl: 9, deadlineMs: 5_000 });
  await world.clock.advance(20);
  t.is(node.router.snapshot().pending, PENDING_PER_PEER_MAX + 1);
  node.router.stop();
});
