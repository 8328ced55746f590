import test from 'ava';
import { COALESCED_MAX, FAILURE_TABLE_MS, PENDING_PER_PEER_MAX, ROUTE_ATTEMPTS_MAX } from '../../../daemon/limits.ts';
import type { Message } from '../../../daemon/wire/messages.ts';
import { MapStore, type Puppet, type TestLink, testBlock, World, type WorldNode } from './world.ts';

interface Scene {
  readonly world: World;
  readonly node: WorldNode;
  readonly asker: Puppet;
  /** The asker's end of its link. */
  readonly link: TestLink;
  readonly hops: Puppet[];
  readonly links: TestLink[];
}

/** A node at 0.3, an asker at 0.1, a key at 0.5 and next hops at the places given. */
function scene(hopPlaces: number[], claims: number[][] = []): Scene {
  const world = new World({ latencyMs: 10 });
  world.placeOf = () => 0.5;
  const node = world.node(0.3);
  const asker = world.puppet(0.1);
  const link = world.connect(asker, node);
  const hops = hopPlaces.map((place) => world.puppet(place));
  const links = hops.map((hop, i) => world.connect(hop, node, { a: claims[i] ?? [] }));
  return { world, node, asker, link, hops, links };
}

const { ref, payload } = testBlock('wanted');

function fetchMessage(id: number, htl = 10, deadlineMs = 10_000): Message {
  return { type: 'Fetch', id, kind: ref.kind, key: ref.key, replica: 0, htl, deadlineMs };
}

/** Answers every Fetch with what `make` says. */
function answering(puppet: Puppet, make: (id: number) => Message[]): void {
  puppet.onMessage = ({ link, message }) => {
    if (message.type === 'Fetch') for (const reply of make(message.id)) link.sendMessage(reply);
  };
}

const data = (id: number): Message[] => [
  { type: 'Accepted', id },
  { type: 'Data', id, payload },
];

test('Fetch: what the store has is answered at once, without Accepted and without asking anybody', async (t) => {
  const { world, node, asker, link, hops } = scene([0.45]);
  await node.store.put(ref, 0, payload, 'path');
  link.sendMessage(fetchMessage(7));
  await world.clock.advance(100);
  t.deepEqual(
    asker.received.map(({ message }) => message),
    [{ type: 'Data', id: 7, payload }],
  );
  t.is(hops[0]!.received.length, 0);
  const { counters } = node.router.snapshot();
  t.like(counters, { fetchesReceived: 1, found: 1, foundInCache: 1, foundInStore: 0, fetchesForwarded: 0 });
});

test('Fetch: accepted, sent on with one hop less, 9/10 of the time and another id; the block is cached and answered', async (t) => {
  const { world, node, asker, link, hops } = scene([0.45]);
  answering(hops[0]!, data);
  link.sendMessage(fetchMessage(7, 10, 10_000));
  await world.clock.advance(1_000);
  const [sent] = hops[0]!.of('Fetch');
  t.like(sent, { kind: ref.kind, replica: 0, htl: 9, deadlineMs: 9_000 });
  t.not(sent!.id, 7);
  t.deepEqual(asker.types(), ['Accepted', 'Data']);
  t.deepEqual(asker.of('Data')[0]!.payload, payload);
  t.is(node.store.reasonOf(ref), 'path');
  t.deepEqual(node.trace, [{ type: 'copyKept', ref, reason: 'path', by: 'dataReturned' }]);
  t.is(node.router.snapshot().pending, 0);
  t.is(world.clock.timersPending, 0);
});

test('Fetch: DataNotFound ends the search and answers at once for three minutes', async (t) => {
  const { world, node, asker, link, hops } = scene([0.45, 0.4]);
  answering(hops[0]!, (id) => [{ type: 'DataNotFound', id }]);
  link.sendMessage(fetchMessage(1));
  await world.clock.advance(100);
  t.deepEqual(asker.types(), ['Accepted', 'DataNotFound']);
  t.is(hops[1]!.received.length, 0);

  link.sendMessage(fetchMessage(2));
  await world.clock.advance(100);
  t.is(asker.types().at(-1), 'RecentlyFailed');
  t.true(asker.of('RecentlyFailed')[0]!.retryMs > FAILURE_TABLE_MS - 1_000);
  t.is(hops[0]!.of('Fetch').length, 1);
  t.is(node.router.snapshot().failureTable, 1);

  await world.clock.advance(FAILURE_TABLE_MS);
  link.sendMessage(fetchMessage(3));
  await world.clock.advance(100);
  t.is(hops[0]!.of('Fetch').length, 2);
});

test('Fetch: a block that does not match its key closes that link, and another route is found', async (t) => {
  const { world, node, asker, link, hops, links } = scene([0.49, 0.45]);
  answering(hops[0]!, (id) => [{ type: 'Data', id, payload: testBlock('other').payload }]);
  answering(hops[1]!, data);
  link.sendMessage(fetchMessage(1));
  await world.clock.advance(1_000);
  t.deepEqual(asker.types(), ['Accepted', 'Data']);
  t.deepEqual(asker.of('Data')[0]!.payload, payload);
  t.false(links[0]!.isOpen);
  t.is((links[0]!.other as TestLink).closedWith, 'ERR_BLOCK');
  t.true(links[1]!.isOpen);
  t.is(node.router.snapshot().counters.badBlocks, 1);
  for (const line of node.log) t.false(/[0-9a-f]{16}/.test(line), 'no key in the log');
});

test('Fetch: who sent a block that does not match its key is not asked again for ten minutes, on whatever link, then longer', async (t) => {
  const { world, node, asker, link, hops } = scene([0.49, 0.45]);
  const [liar, honest] = hops as [Puppet, Puppet];
  answering(liar, (id) => [{ type: 'Data', id, payload: testBlock('other').payload }]);
  answering(honest, (id) => [{ type: 'RouteNotFound', id }]);
  const asksAfter = async (waitMs: number): Promise<number> => {
    await world.clock.advance(waitMs);
    const before = liar.of('Fetch').length;
    for (let i = 0; i < 5; i++) {
      link.sendMessage(fetchMessage(world.nextHandle * 100 + i));
      await world.clock.advance(1_000);
    }
    return liar.of('Fetch').length - before;
  };
  t.is(await asksAfter(0), 1, 'one lie');
  world.connect(liar, node); // it dials back at once
  t.is(await asksAfter(0), 0);
  t.is(await asksAfter(580_000), 0);
  t.is(await asksAfter(20_000), 1, 'a second chance');
  world.connect(liar, node);
  t.is(await asksAfter(1_100_000), 0, 'and twice as long without');
  t.is(node.router.snapshot().counters.badBlocks, 2);
  t.true(asker.types().every((type) => type !== 'Data'));
});

for (const type of ['RouteNotFound', 'RejectedLoop'] as const) {
  test(`Fetch: after ${type} from one next hop the next best is asked`, async (t) => {
    const { world, asker, link, hops } = scene([0.49, 0.45]);
    answering(hops[0]!, (id) => [{ type, id }]);
    answering(hops[1]!, data);
    link.sendMessage(fetchMessage(1));
    await world.clock.advance(1_000);
    t.deepEqual(asker.types(), ['Accepted', 'Data']);
    t.is(hops[0]!.of('Fetch').length, 1);
  });
}

test('Fetch: sent-on HTL is the same for every next hop, deadlines shrink', async (t) => {
  const { world, link, hops } = scene([0.49, 0.45, 0.4]);
  for (const hop of hops) answering(hop, (id) => [{ type: 'RouteNotFound', id }]);
  link.sendMessage(fetchMessage(1, 22));
  await world.clock.advance(1_000);
  const sent = hops.map((hop) => hop.of('Fetch')[0]!);
  t.is(new Set(sent.map(({ htl }) => htl)).size, 1);
  t.true(sent[0]!.deadlineMs > sent[1]!.deadlineMs && sent[1]!.deadlineMs > sent[2]!.deadlineMs);
});

test('Fetch: a peer that says it is overloaded is left alone for as long as it asked', async (t) => {
  const { world, asker, link, hops } = scene([0.49, 0.45]);
  answering(hops[0]!, (id) => [{ type: 'RejectedOverload', id, retryMs: 5_000, workBits: 0 }]);
  answering(hops[1]!, data);
  link.sendMessage(fetchMessage(1));
  await world.clock.advance(1_000);
  t.deepEqual(asker.types(), ['Accepted', 'Data']);
  const other = testBlock('another');
  const askOther = (id: number): void => {
    link.sendMessage({ ...(fetchMessage(id) as Extract<Message, { type: 'Fetch' }>), key: other.ref.key });
  };
  askOther(2);
  await world.clock.advance(100);
  t.is(hops[0]!.of('Fetch').length, 1);
  await world.clock.advance(5_000);
  link.sendMessage({ ...(fetchMessage(3) as Extract<Message, { type: 'Fetch' }>), key: testBlock('third').ref.key });
  await world.clock.advance(100);
  t.is(hops[0]!.of('Fetch').length, 2);
});

test('Fetch: when the only way on is overloaded, the answer says so', async (t) => {
  const { world, asker, link, hops } = scene([0.49]);
  answering(hops[0]!, (id) => [{ type: 'RejectedOverload', id, retryMs: 5_000, workBits: 3 }]);
  link.sendMessage(fetchMessage(1));
  await world.clock.advance(1_000);
  t.deepEqual(asker.of('RejectedOverload'), [{ type: 'RejectedOverload', id: 1, retryMs: 5_000, workBits: 3 }]);
});

test('Fetch: RecentlyFailed is held against that peer for that key, and passed on when nobody else is left', async (t) => {
  const { world, asker, link, hops } = scene([0.49]);
  answering(hops[0]!, (id) => [{ type: 'RecentlyFailed', id, retryMs: 60_000 }]);
  link.sendMessage(fetchMessage(1));
  await world.clock.advance(1_000);
  t.like(asker.of('RecentlyFailed')[0], { id: 1, retryMs: 60_000 });
  link.sendMessage(fetchMessage(2));
  await world.clock.advance(1_000);
  t.is(hops[0]!.of('Fetch').length, 1, 'not asked again');
  t.is(asker.of('RecentlyFailed').length, 2);
  t.true(asker.of('RecentlyFailed')[1]!.retryMs < 60_000);
});

test('Fetch: a silent peer costs three seconds, not the deadline', async (t) => {
  const { world, node, asker, link, hops } = scene([0.49, 0.45]);
  answering(hops[1]!, data);
  link.sendMessage(fetchMessage(1, 10, 12_000));
  await world.clock.advance(3_500);
  t.deepEqual(asker.types(), ['Accepted', 'Data']);
  t.is(node.router.snapshot().counters.timeouts, 1);
});

test('Fetch: a closed link sends the request to the next best at once', async (t) => {
  const { world, asker, link, hops, links } = scene([0.49, 0.45]);
  answering(hops[1]!, data);
  link.sendMessage(fetchMessage(1));
  await world.clock.advance(50);
  t.is(hops[0]!.of('Fetch').length, 1);
  links[0]!.close('ERR_CLOSED');
  await world.clock.advance(100);
  t.deepEqual(asker.types(), ['Accepted', 'Data']);
});

test('Fetch: not more than ROUTE_ATTEMPTS_MAX next hops', async (t) => {
  const { world, asker, link, hops } = scene([0.49, 0.48, 0.47, 0.46, 0.45, 0.44]);
  for (const hop of hops) answering(hop, (id) => [{ type: 'RouteNotFound', id }]);
  link.sendMessage(fetchMessage(1));
  await world.clock.advance(2_000);
  t.is(hops.filter((hop) => hop.received.length > 0).length, ROUTE_ATTEMPTS_MAX);
  t.deepEqual(asker.types(), ['Accepted', 'RouteNotFound']);
});

test('Fetch: when all say RejectedLoop, the best is asked once more after 250 ms', async (t) => {
  const { world, asker, link, hops } = scene([0.49, 0.45]);
  let times = 0;
  answering(hops[0]!, (id) => (times++ === 0 ? [{ type: 'RejectedLoop', id }] : data(id)));
  answering(hops[1]!, (id) => [{ type: 'RejectedLoop', id }]);
  link.sendMessage(fetchMessage(1));
  await world.clock.advance(200);
  t.is(hops[0]!.of('Fetch').length, 1);
  await world.clock.advance(300);
  t.is(hops[0]!.of('Fetch').length, 2);
  t.is(hops[1]!.of('Fetch').length, 1);
  t.deepEqual(asker.types(), ['Accepted', 'Data']);
});

test('Fetch: the end of a path asks its co-owners with HTL 1, never the asker, then says DataNotFound', async (t) => {
  const { world, asker, link, hops } = scene([0.2, 0.05, 0.9]);
  for (const hop of hops) answering(hop, (id) => [{ type: 'DataNotFound', id }]);
  link.sendMessage(fetchMessage(1));
  await world.clock.advance(1_000);
  t.deepEqual(
    hops.map((hop) => hop.of('Fetch').map(({ htl }) => htl)),
    [[1], [], [1]], // two co-owners (m = 3): 0.2 and 0.9 are nearer to 0.5 than 0.05
  );
  t.deepEqual(asker.types(), ['Accepted', 'DataNotFound']);
});

test('Fetch: a co-owner that has it makes the search a success; a slow one is overtaken by the next', async (t) => {
  const { world, node, asker, link, hops } = scene([0.2, 0.9]);
  answering(hops[1]!, data);
  link.sendMessage(fetchMessage(1));
  await world.clock.advance(300);
  t.deepEqual(asker.types(), ['Accepted', 'Data']);
  t.is(node.store.reasonOf(ref), 'path');
});

test('Fetch: HTL 1 is answered from the store alone, even when the key failed or is being searched', async (t) => {
  const { world, asker, link, hops } = scene([0.45]);
  link.sendMessage(fetchMessage(1, 10));
  link.sendMessage(fetchMessage(2, 1));
  link.sendMessage(fetchMessage(3, 0));
  await world.clock.advance(100);
  t.deepEqual(
    asker.of('DataNotFound').map(({ id }) => id),
    [2, 3],
  );
  t.is(hops[0]!.of('Fetch').length, 1);
});

test('Fetch: with HTL 2 the path ends here', async (t) => {
  const { world, node, asker, link, hops } = scene([0.45]);
  answering(hops[0]!, (id) => [{ type: 'DataNotFound', id }]);
  link.sendMessage(fetchMessage(1, 2));
  await world.clock.advance(100);
  t.deepEqual(
    hops[0]!.of('Fetch').map(({ htl }) => htl),
    [1],
  );
  t.deepEqual(asker.types(), ['Accepted', 'DataNotFound']);
  t.is(node.router.snapshot().counters.htlExhausted, 1);
});

test('Fetch: ten arrivals with falling HTL cause one request upstream; those not above its HTL are loops, a higher one waits', async (t) => {
  const { world, node, asker, link, hops } = scene([0.45]);
  for (let i = 0; i < 10; i++) link.sendMessage(fetchMessage(i, 18 - i)); // sent on with 17 or 18
  link.sendMessage(fetchMessage(99, 22));
  await world.clock.advance(100);
  const [upstream] = hops[0]!.of('Fetch');
  t.is(hops[0]!.of('Fetch').length, 1);
  t.is(upstream!.htl, 17);
  t.deepEqual(
    asker.of('RejectedLoop').map(({ id }) => id),
    [1, 2, 3, 4, 5, 6, 7, 8, 9],
  );
  hops[0]!.received[0]!.link.sendMessage({ type: 'Data', id: upstream!.id, payload });
  await world.clock.advance(100);
  t.deepEqual(
    asker.of('Data').map(({ id }) => id),
    [0, 99],
  );
  t.is(node.router.snapshot().counters.coalesced, 1);
  t.is(node.router.snapshot().counters.rejectedLoop, 9);
});

test('Fetch: ten neighbours asking for one key cause one request upstream, and all who may wait get the block', async (t) => {
  const { world, node, hops } = scene([0.45]);
  const askers = Array.from({ length: 10 }, (_, i) => world.puppet(0.01 * (i + 1)));
  const links = askers.map((one) => world.connect(one, node));
  for (const [i, link] of links.entries()) link.sendMessage(fetchMessage(i, 19 - (i % 2)));
  // The first came with 19 and went on with 18: those with 18 are loops, those with 19 wait.
  await world.clock.advance(100);
  const [upstream] = hops[0]!.of('Fetch');
  t.is(hops[0]!.of('Fetch').length, 1);
  hops[0]!.received[0]!.link.sendMessage({ type: 'Data', id: upstream!.id, payload });
  await world.clock.advance(100);
  for (const [i, one] of askers.entries()) {
    t.deepEqual(one.types(), i % 2 === 0 ? ['Accepted', 'Data'] : ['RejectedLoop']);
  }
});

test('Fetch: COALESCED_MAX askers wait on one request, the next is told to come back', async (t) => {
  const { world, asker, link, hops } = scene([0.45]);
  for (let i = 0; i <= COALESCED_MAX; i++) link.sendMessage(fetchMessage(i, 18));
  await world.clock.advance(100);
  t.is(asker.of('Accepted').length, COALESCED_MAX);
  t.deepEqual(
    asker.of('RejectedOverload').map(({ id }) => id),
    [COALESCED_MAX],
  );
  t.true(asker.of('RejectedOverload')[0]!.retryMs > 0);
  t.is(hops[0]!.of('Fetch').length, 1);
});

test('Fetch: a peer with PENDING_PER_PEER_MAX requests waiting is told to come back, another peer is not', async (t) => {
  const { world, node, asker, link, links } = scene([0.45]);
  const keyOf = (i: number): Uint8Array => {
    const key = new Uint8Array(32);
    new DataView(key.buffer).setUint32(0, i);
    return key;
  };
  const send = (over: TestLink, i: number): void => {
    over.sendMessage({ ...(fetchMessage(i) as Extract<Message, { type: 'Fetch' }>), key: keyOf(i) });
  };
  links[0]!.sendMessage({ type: 'Credit', window: 60_000 });
  await world.clock.advance(20);
  for (let i = 0; i <= PENDING_PER_PEER_MAX; i++) send(link, i);
  await world.clock.advance(100);
  t.is(asker.of('Accepted').length, PENDING_PER_PEER_MAX);
  t.is(asker.of('RejectedOverload').length, 1);
  t.is(node.router.snapshot().pending, PENDING_PER_PEER_MAX);
  const other = world.puppet(0.12);
  send(world.connect(other, node), 5_000);
  await world.clock.advance(100);
  t.deepEqual(other.types(), ['Accepted']);

  // A link closed and dialled again frees nothing: the slots belong to the peer.
  link.close('ERR_CLOSED');
  const again = world.connect(asker, node);
  send(again, 6_000);
  await world.clock.advance(100);
  t.is(asker.of('RejectedOverload').length, 2);

  await world.clock.advance(60_000);
  t.is(node.router.snapshot().pending, 0);
  t.is(world.clock.timersPending, 0);
});

test('Fetch: nobody waits longer than the deadline, even when the disk hangs', async (t) => {
  const { world, node, asker, link, hops } = scene([0.45]);
  node.map.gate = new Promise(() => {});
  answering(hops[0]!, (id) => [{ type: 'Accepted', id }]);
  link.sendMessage(fetchMessage(1, 10, 2_000));
  await world.clock.advance(2_100);
  t.is(asker.types().at(-1), 'RouteNotFound');
  t.is(node.router.snapshot().pending, 0);
});

test('Fetch: a peer that accepts and never answers costs no more than the deadline', async (t) => {
  const { world, asker, link, hops } = scene([0.45, 0.4]);
  for (const hop of hops) answering(hop, (id) => [{ type: 'Accepted', id }]);
  link.sendMessage(fetchMessage(1, 10, 2_000));
  await world.clock.advance(2_050);
  t.is(asker.types().at(-1), 'RouteNotFound');
});

test('Fetch: a DataNotFound from a farther peer that was asked for its claim does not end the search', async (t) => {
  const { world, asker, link, hops } = scene([0.15, 0.45], [[2048]]);
  answering(hops[0]!, (id) => [{ type: 'DataNotFound', id }]);
  answering(hops[1]!, data);
  link.sendMessage(fetchMessage(1));
  await world.clock.advance(1_000);
  t.is(hops[0]!.of('Fetch').length, 1);
  t.deepEqual(asker.types(), ['Accepted', 'Data']);
});

test('Fetch: a claim followed three times in vain is not followed again, one that served is', async (t) => {
  const { world, link, hops } = scene([0.15, 0.4], [[2048]]);
  let missing = true;
  answering(hops[0]!, (id) => [
    missing ? { type: 'RouteNotFound', id } : { type: 'Data', id, payload: wanted.payload },
  ]);
  answering(hops[1]!, (id) => [{ type: 'DataNotFound', id }]);
  let wanted = testBlock(0);
  const ask = async (i: number): Promise<void> => {
    wanted = testBlock(i);
    link.sendMessage({ ...(fetchMessage(i) as Extract<Message, { type: 'Fetch' }>), key: wanted.ref.key });
    await world.clock.advance(1_000);
  };
  missing = false;
  for (let i = 0; i < 5; i++) await ask(i);
  t.is(hops[0]!.of('Fetch').length, 5);
  missing = true;
  for (let i = 5; i < 12; i++) await ask(i);
  t.is(hops[0]!.of('Fetch').length, 8, 'three more, then never again');
});

test('replies to nothing, to another link, late ones and ones of a wrong kind are ignored and counted', async (t) => {
  const { world, node, asker, link, hops, links } = scene([0.49, 0.45]);
  links[0]!.sendMessage({ type: 'Data', id: 5, payload });
  links[0]!.sendMessage({ type: 'Accepted', id: 5 });
  await world.clock.advance(50);
  t.is(node.router.strayReplies, 2);
  link.sendMessage(fetchMessage(1, 10, 9_000));
  await world.clock.advance(50);
  const { id } = hops[0]!.of('Fetch')[0]!;
  links[1]!.sendMessage({ type: 'Data', id, payload }); // right id, wrong link
  links[0]!.sendMessage({ type: 'Inserted', id, copies: 3 }); // an insert's answer
  await world.clock.advance(50);
  t.is(node.router.strayReplies, 4);
  t.deepEqual(asker.types(), ['Accepted']);
  await world.clock.advance(10_000);
  const answers = asker.received.length;
  links[0]!.sendMessage({ type: 'Data', id, payload }); // too late
  await world.clock.advance(50);
  t.is(node.router.strayReplies, 5);
  t.is(asker.received.length, answers);
  t.true(links.every((one) => one.isOpen));
});

test('every Fetch received is found, not found, failed or under way; byHtl agrees with the counters', async (t) => {
  const { world, node, link, hops } = scene([0.45]);
  answering(hops[0]!, (id) => [{ type: 'RouteNotFound', id }]);
  const held = testBlock('held');
  await node.store.put(held.ref, 0, held.payload, 'owner');
  link.sendMessage({ ...(fetchMessage(1, 12) as Extract<Message, { type: 'Fetch' }>), key: held.ref.key });
  link.sendMessage(fetchMessage(2, 9));
  link.sendMessage(fetchMessage(3, 1));
  await world.clock.advance(2_000);
  const { counters, byHtl, pending } = node.router.snapshot();
  t.like(counters, { fetchesReceived: 3, found: 1, foundInStore: 1, notFound: 1, failed: 1 });
  t.deepEqual(byHtl[12], { seen: 1, found: 1, notFound: 0, failed: 0 });
  t.deepEqual(byHtl[9], { seen: 1, found: 0, notFound: 0, failed: 1 });
  t.deepEqual(byHtl[1], { seen: 1, found: 0, notFound: 1, failed: 0 });
  t.is(byHtl.length, 23);
  t.is(pending, 0);
});

test('stop: everything under way ends, no timer is left, later messages do nothing', async (t) => {
  const { world, node, asker, link } = scene([0.45]);
  node.map.gate = undefined;
  link.sendMessage(fetchMessage(1));
  const own = node.router.fetch(testBlock('own').ref, 0);
  await world.clock.advance(50);
  const sent = world.sent.length;
  node.router.stop();
  t.deepEqual(await own, { type: 'timeout' });
  t.is(world.clock.timersPending, 0);
  link.sendMessage(fetchMessage(2));
  await world.clock.advance(60_000);
  t.is(world.sent.length, sent + 1);
  t.deepEqual(asker.types(), ['Accepted']);
  t.deepEqual(await node.router.fetch(ref, 0), { type: 'timeout' });
});

test('a link without descriptor may not route: Fetch, Insert and StoreCopy close it', async (t) => {
  for (const type of ['Fetch', 'Insert', 'StoreCopy'] as const) {
    const world = new World({ latencyMs: 10 });
    const node = world.node(0.3, new MapStore());
    const light = world.lightLink(world.puppet(0.1), node);
    const common = { id: 1, kind: ref.kind, key: ref.key, replica: 0 };
    const insert = { owners: 3, work: new Uint8Array(8), payload };
    if (type === 'Fetch') light.sendMessage({ type, ...common, htl: 5, deadlineMs: 1_000 });
    else if (type === 'Insert') light.sendMessage({ type, ...common, htl: 5, deadlineMs: 1_000, ...insert });
    else light.sendMessage({ type, ...common, ...insert, handoff: 0 });
    await world.clock.advance(50);
    t.is((light.other as TestLink).closedWith, 'ERR_UNEXPECTED');
    t.false(node.map.has(ref));
  }
});
