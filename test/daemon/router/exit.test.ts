import test from 'ava';
import { PATH_WRITES_MAX } from '../../../daemon/limits.ts';
import type { Message } from '../../../daemon/wire/messages.ts';
import { NO_WORK, type Puppet, ringWorld, testBlock, testRecord, World, type WorldNode } from './world.ts';

const { ref, payload } = testBlock('exit');

function scene(ownPlace: number, hopPlaces: number[]): { world: World; node: WorldNode; hops: Puppet[] } {
  const world = new World({ latencyMs: 10 });
  world.placeOf = () => 0.5;
  const node = world.node(ownPlace);
  const hops = hopPlaces.map((place) => world.puppet(place));
  for (const hop of hops) world.connect(hop, node);
  return { world, node, hops };
}

function answering(puppet: Puppet, make: (id: number) => Message): void {
  puppet.onMessage = ({ link, message }) => {
    if (message.type === 'Fetch' || message.type === 'Insert') link.sendMessage(make(message.id));
  };
}

test('exit fetch: HTL 18 to 22 and a deadline of 9 to 10.8 seconds go out, drawn per request', async (t) => {
  const { world, node, hops } = scene(0.3, [0.45]);
  answering(hops[0]!, (id) => ({ type: 'DataNotFound', id }));
  for (let i = 0; i < 60; i++) await world.settle(node.router.fetch(testBlock(i).ref, 0));
  const sent = hops[0]!.of('Fetch');
  t.deepEqual([...new Set(sent.map(({ htl }) => htl))].sort(), [18, 19, 20, 21, 22]);
  t.true(sent.every(({ deadlineMs }) => deadlineMs >= 9_000 && deadlineMs < 10_800));
  t.true(new Set(sent.map(({ deadlineMs }) => deadlineMs)).size > 40);
});

test('exit fetch: leaves no trace in its own store, recency or failure table', async (t) => {
  const { world, node, hops } = scene(0.3, [0.45]);
  answering(hops[0]!, (id) => ({ type: 'Data', id, payload }));
  t.deepEqual(await world.settle(node.router.fetch(ref, 0)), { type: 'data', payload });
  t.false(node.store.has(ref));
  t.deepEqual(node.trace, []);

  await node.store.put(ref, 0, payload, 'owner');
  t.deepEqual(await world.settle(node.router.fetch(ref, 0)), { type: 'data', payload });
  t.is(hops[0]!.of('Fetch').length, 1, 'answered from the own store');
  t.true(node.map.reads.every(({ touch }) => !touch));
  const { counters } = node.router.snapshot();
  t.like(counters, { exitFetches: 2, found: 0, foundInStore: 0, fetchesReceived: 0 });

  for (const type of ['DataNotFound', 'RecentlyFailed'] as const) {
    const missing = testBlock(type).ref;
    answering(hops[0]!, (id) => (type === 'DataNotFound' ? { type, id } : { type, id, retryMs: 50_000 }));
    const first = await world.settle(node.router.fetch(missing, 0));
    const second = await world.settle(node.router.fetch(missing, 0));
    t.deepEqual(second, first);
    t.is(node.router.snapshot().failureTable, 0);
  }
  t.is(hops[0]!.of('Fetch').length, 5, 'asked again each time');
});

test('exit fetch: a failure that routed work remembered does not touch the exit, and the reverse', async (t) => {
  const { world, node, hops } = scene(0.3, [0.45]);
  const asker = world.puppet(0.1);
  const link = world.connect(asker, node);
  answering(hops[0]!, (id) => ({ type: 'DataNotFound', id }));
  link.sendMessage({ type: 'Fetch', id: 1, kind: ref.kind, key: ref.key, replica: 0, htl: 9, deadlineMs: 5_000 });
  await world.clock.advance(100);
  t.is(node.router.snapshot().failureTable, 1);
  t.deepEqual(await world.settle(node.router.fetch(ref, 0)), { type: 'dataNotFound' });
  t.is(hops[0]!.of('Fetch').length, 2);
});

test('exit fetch: typed outcomes', async (t) => {
  const { world, node, hops } = scene(0.3, [0.45]);
  const outcomeOf = async (make: (id: number) => Message) => {
    answering(hops[0]!, make);
    return world.settle(node.router.fetch(ref, 0));
  };
  t.deepEqual(await outcomeOf((id) => ({ type: 'DataNotFound', id })), { type: 'dataNotFound' });
  t.deepEqual(await outcomeOf((id) => ({ type: 'RouteNotFound', id })), { type: 'routeNotFound' });
  t.deepEqual(await outcomeOf((id) => ({ type: 'RejectedLoop', id })), { type: 'rejectedLoop' });
  t.deepEqual(await outcomeOf((id) => ({ type: 'RecentlyFailed', id, retryMs: 9 })), {
    type: 'recentlyFailed',
    retryMs: 9,
  });
  t.deepEqual(await outcomeOf((id) => ({ type: 'RejectedOverload', id, retryMs: 700, workBits: 4 })), {
    type: 'rejectedOverload',
    retryMs: 700,
    workBits: 4,
  });
  await world.clock.advance(1_000);
  t.deepEqual(await outcomeOf((id) => ({ type: 'Accepted', id })), { type: 'timeout' });
  t.is(node.router.snapshot().pending, 0);
  t.is(world.clock.timersPending, 0);
});

test('exit: without any peer there is no route', async (t) => {
  const { world, node } = scene(0.3, []);
  t.deepEqual(await world.settle(node.router.fetch(ref, 0)), { type: 'routeNotFound' });
  t.deepEqual(await world.settle(node.router.insert(ref, 0, 3, NO_WORK, payload)), { type: 'routeNotFound' });
});

test('exit insert: bytes that do not match go nowhere', async (t) => {
  const { world, node, hops } = scene(0.3, [0.45]);
  const outcome = await world.settle(node.router.insert(ref, 0, 3, NO_WORK, testBlock('other').payload));
  t.deepEqual(outcome, { type: 'badBlock' });
  t.is(hops[0]!.received.length, 0);
});

test('exit insert: sent on even if the exit is nearest itself, and nothing is kept', async (t) => {
  const { world, node, hops } = scene(0.5, [0.3, 0.45]);
  answering(hops[1]!, (id) => ({ type: 'Inserted', id, copies: 3 }));
  t.deepEqual(await world.settle(node.router.insert(ref, 2, 8, NO_WORK, payload)), { type: 'inserted', copies: 3 });
  t.like(hops[1]!.of('Insert')[0], { replica: 2, owners: 8 });
  t.is(hops[0]!.received.length, 0);
  t.false(node.store.has(ref));
  t.deepEqual(node.trace, []);
});

test('exit insert: two nodes; the exit is nearest, the other one owns, and hands a copy back like to anybody', async (t) => {
  const world = new World({ latencyMs: 10 });
  world.placeOf = () => 0.5;
  const exit = world.node(0.5);
  const other = world.node(0.1);
  world.connect(exit, other);
  for (const node of [exit, other]) node.estimatedNodes = 4;
  t.deepEqual(await world.settle(exit.router.insert(ref, 0, 3, NO_WORK, payload)), { type: 'inserted', copies: 2 });
  t.is(other.store.reasonOf(ref), 'owner');
  t.deepEqual(exit.trace, [{ type: 'copyKept', ref, reason: 'owner', by: 'storeCopy' }]);
  t.deepEqual(await world.settle(other.router.fetch(ref, 0)), { type: 'data', payload });
});

test('exit insert: typed outcomes, and zero copies say zero', async (t) => {
  const record = testRecord('name', 1);
  const other = testRecord('name', 2);
  const { world, node, hops } = scene(0.3, [0.45]);
  answering(hops[0]!, (id) => ({ type: 'Collision', id, payload: other.payload }));
  t.deepEqual(await world.settle(node.router.insert(record.ref, 0, 8, NO_WORK, record.payload)), {
    type: 'collision',
    payload: other.payload,
  });
  answering(hops[0]!, (id) => ({ type: 'Inserted', id, copies: 0 }));
  t.deepEqual(await world.settle(node.router.insert(ref, 0, 3, NO_WORK, payload)), { type: 'inserted', copies: 0 });
  answering(hops[0]!, (id) => ({ type: 'RejectedLoop', id }));
  t.deepEqual(await world.settle(node.router.insert(ref, 0, 3, NO_WORK, payload)), { type: 'rejectedLoop' });
});

test('exit fetch: the next best is asked when the best is silent; when nobody answers it is a timeout', async (t) => {
  const { world, node, hops } = scene(0.3, [0.49, 0.45]);
  answering(hops[1]!, (id) => ({ type: 'Data', id, payload }));
  t.deepEqual(await world.settle(node.router.fetch(ref, 0)), { type: 'data', payload });
  hops[1]!.onMessage = ({ link, message }) => {
    if (message.type === 'Fetch') link.sendMessage({ type: 'Accepted', id: message.id });
  };
  await world.clock.advance(5_000);
  const started = world.clock.nowMs();
  t.deepEqual(await world.settle(node.router.fetch(testBlock('x').ref, 0)), { type: 'timeout' });
  t.true(world.clock.nowMs() - started <= 12_000);
});

test('exit: whoever holds a copy in a ring, only owners and the path do; exits of fetch and insert keep none', async (t) => {
  const world = ringWorld({ seed: 21, nodes: 30, eachSide: 1, longLinks: 1 });
  const publisher = world.nodes[3]!;
  const reader = world.nodes[17]!;
  await world.settle(publisher.router.insert(ref, 0, 3, NO_WORK, payload));
  await world.settle(reader.router.fetch(ref, 0));
  for (const node of [publisher, reader]) {
    const reasons = node.trace.map((event) => (event.type === 'copyKept' ? event.by : ''));
    t.true(
      reasons.every((by) => by === 'storeCopy'),
      reasons.join(),
    );
  }
  for (const node of world.nodes) t.is(node.map.has(ref), node.trace.length > 0);
  world.stopAll();
});

test('passing blocks: no more than PATH_WRITES_MAX wait for a slow disk, all are answered', async (t) => {
  const world = new World({ latencyMs: 10 });
  world.placeOf = () => 0.5;
  const node = world.node(0.3);
  const asker = world.puppet(0.1);
  const link = world.connect(asker, node);
  const hop = world.puppet(0.45);
  world.connect(hop, node);
  const blocks = Array.from({ length: PATH_WRITES_MAX + 6 }, (_, i) => testBlock(`slow/${i}`));
  hop.onMessage = ({ link: over, message }) => {
    if (message.type !== 'Fetch') return;
    const block = blocks.find(({ ref: one }) => one.key.every((byte, at) => byte === message.key[at]));
    over.sendMessage({ type: 'Data', id: message.id, payload: block!.payload });
  };
  let puts = 0;
  let open = (): void => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const put = node.map.put.bind(node.map);
  node.map.put = async (...args) => {
    puts++;
    await gate;
    return put(...args);
  };
  for (const [i, block] of blocks.entries()) {
    link.sendMessage({ type: 'Fetch', id: i, kind: 1, key: block.ref.key, replica: 0, htl: 9, deadlineMs: 5_000 });
  }
  await world.clock.advance(200);
  t.is(asker.of('Data').length, blocks.length);
  t.is(puts, PATH_WRITES_MAX);
  open();
  await world.clock.settle();
  link.sendMessage({
    type: 'Fetch',
    id: 999,
    kind: 1,
    key: blocks.at(-1)!.ref.key,
    replica: 0,
    htl: 9,
    deadlineMs: 5_000,
  });
  await world.clock.advance(100);
  t.is(puts, PATH_WRITES_MAX + 1, 'there is room again');
});
