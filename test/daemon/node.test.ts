/**
 * The whole node without I/O: several in one process, over memory streams, with a clock moved by hand. No timer, socket or file is real.
 * @module
 */
import test from 'ava';
import { hexKey } from '../../daemon/ids.ts';
import { createMemoryWorld, type MemoryWorld } from '../support/memory-world.ts';
import { createSeededRandom } from '../support/seeded-random.ts';

async function* chunksOf(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 50_000) yield bytes.subarray(at, at + 50_000);
}

async function collect(content: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of content) parts.push(part.slice());
  return Buffer.concat(parts);
}

/** Runs virtual time on until the promise settles. */
async function inTime<T>(world: MemoryWorld, promise: Promise<T>, limitMs = 60_000): Promise<T> {
  let settled = false;
  const watched = promise.finally(() => {
    settled = true;
  });
  watched.catch(() => {});
  for (let spent = 0; !settled && spent < limitMs; spent += 50) await world.clock.advance(50);
  if (!settled)
    throw new Error(`not settled within ${limitMs} virtual ms; log:\n${world.logged.slice(-30).join('\n')}`);
  return watched;
}

async function joinedWorld(seed: number, count: number): Promise<MemoryWorld> {
  const world = createMemoryWorld({ seed });
  for (let i = 0; i < count; i++) await world.add();
  const ready = (): boolean =>
    world.nodes.every((node) => node.snapshot().onion.usableRelays === count - 1 && node.snapshot().peers.length > 0);
  await world.clock.runUntil(ready, 20_000);
  return world;
}

test('two nodes join by themselves, and publishing says that a circuit of three needs more relays', async (t) => {
  const world = await joinedWorld(1, 2);
  for (const node of world.nodes) t.is(node.snapshot().peers.length, 1);
  const { result } = world.nodes[0]!.client.publish(chunksOf(new Uint8Array(10)), {
    trafficClass: 'fast',
    convergent: false,
  });
  const error = await t.throwsAsync(inTime(world, result));
  t.is((error as { code?: string }).code, 'connecting');
  await world.stop();
});

test('six nodes: what the second publishes, the fifth fetches through three relays; the asker and its relays keep nothing for it', async (t) => {
  const world = await joinedWorld(2, 6);
  const document = createSeededRandom('document').bytes(300_000);
  const publisher = world.nodes[1]!;
  const reader = world.nodes[4]!;
  const uri = await inTime(
    world,
    publisher.client.publish(chunksOf(document), { trafficClass: 'fast', convergent: false, contentType: 'text/plain' })
      .result,
  );
  t.regex(uri, /^CHK@[A-Za-z0-9~-]{43},[A-Za-z0-9~-]{43},[A-Za-z0-9~-]{7}/);

  const before = reader.snapshot().router.counters;
  const transfer = reader.client.fetch(uri, { trafficClass: 'fast' });
  const fetched = await inTime(world, collect(transfer.content));
  t.deepEqual(Buffer.from(fetched), Buffer.from(document));
  t.is((await transfer.metadata).contentType, 'text/plain');

  const after = reader.snapshot().router.counters;
  t.is(after.exitFetches, before.exitFetches, "own requests never enter the own node's router as an exit's");
  const requests = reader.traceEvents().filter((event) => event.type === 'circuitRequest');
  t.true(requests.length > 10);
  const ownId = hexKey(reader.descriptor.nodeId);
  for (const event of requests) {
    t.is(new Set(event.relays).size, 3);
    t.false(event.relays.includes(ownId), 'own node is no relay of own circuits');
  }
  t.is(new Set(requests.map((event) => event.relays[0])).size, 1, 'one guard');
  t.true(new Set(requests.map((event) => event.relays[2])).size > 1, 'several exits');

  // Every copy anywhere is explained by a message that a router got over a link: none was kept for carrying or asking.
  for (const node of world.nodes) {
    const kept = new Set(
      node.traceEvents().flatMap((event) => (event.type === 'copyKept' ? [hexKey(event.ref.key)] : [])),
    );
    const { store, cache } = node.snapshot().store;
    t.is(store.blocks + cache.blocks, kept.size);
    for (const event of requests) t.not(node.holds(event.ref), 'unexplained');
  }
  t.false(
    world.logged.some((line) => line.includes(uri.slice(4, 20))),
    'no key in any log',
  );
  await world.stop();
  await world.clock.advance(60_000);
  t.is(world.clock.timersPending, 0, 'nothing ticks after stop');
});

test('an unknown key is not found, with a typed reason', async (t) => {
  const world = await joinedWorld(3, 5);
  const uri = `CHK@${'A'.repeat(43)},${'A'.repeat(43)},SAEAAAE`;
  const error = await t.throwsAsync(
    inTime(world, collect(world.nodes[2]!.client.fetch(uri, { trafficClass: 'fast' }).content), 400_000),
  );
  t.true(['not_found', 'bad_uri'].includes((error as { code?: string }).code ?? ''), String(error));
  await world.stop();
});

test('twenty virtual minutes on, idle links have been closed, but ready circuits and the guard link stand', async (t) => {
  const world = await joinedWorld(4, 8);
  await world.clock.advance(2_000);
  for (const node of world.nodes) t.true(node.snapshot().onion.ready > 0);
  await world.clock.advance(1_200_000);
  for (const node of world.nodes) {
    const { links, onion } = node.snapshot();
    t.true(onion.ready > 0 && onion.guardUp);
    t.true(links.length <= 2 * (world.nodes.length - 1));
  }
  await world.stop();
});
