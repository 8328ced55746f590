/**
 * Owned blocks follow their owners: to newcomers, to those who step in, away from a node that leaves, and back after damage.
 * @module
 */
import test from 'ava';
import { HEALS_WAITING_MAX } from '../../../daemon/limits.ts';
import { messagesOf, NO_WORK, testBlock, testRecord, World, type WorldNode } from './world.ts';

const CALM_MS = 31_000;
const { ref, payload } = testBlock('handed on');

/** Nodes at these places, all linked, the block lying at 0.5; the network has been calm for a while. */
async function calmWorld(
  places: readonly number[],
  bytesPerSec = 1_000_000,
): Promise<{ world: World; nodes: WorldNode[] }> {
  const world = new World();
  world.placeOf = () => 0.5;
  world.handoffBytesPerSec = bytesPerSec;
  const nodes = places.map((place) => world.node(place));
  for (const [index, node] of nodes.entries()) for (const other of nodes.slice(0, index)) world.connect(other, node);
  await world.clock.advance(CALM_MS);
  return { world, nodes };
}

async function own(...nodes: readonly WorldNode[]): Promise<void> {
  for (const node of nodes) await node.map.put(ref, 0, payload, 'owner');
}

const PLACES = [0.5, 0.51, 0.48, 0.45, 0.3, 0.7];

test('a node that joins among the owners is offered the block, by two of them at most', async (t) => {
  const { world, nodes } = await calmWorld(PLACES);
  await own(nodes[0]!, nodes[1]!, nodes[2]!);
  const newcomer = world.node(0.495);
  for (const node of nodes) world.connect(node, newcomer);
  await world.clock.advance(CALM_MS - 2_000);
  t.false(newcomer.map.has(ref), 'not before it has been calm');
  await world.clock.advance(10_000);
  t.is(newcomer.map.reasonOf(ref), 'handoff');
  t.deepEqual(newcomer.trace, [{ type: 'copyKept', ref, reason: 'handoff', by: 'storeCopy' }]);
  t.is(messagesOf(world, 'StoreCopy').length, 2);
  const totals = nodes.map((node) => node.router.snapshot().counters);
  t.is(
    totals.reduce((sum, one) => sum + one.handoffsOffered, 0),
    2,
  );
  t.is(
    totals.reduce((sum, one) => sum + one.handoffsTaken, 0),
    2,
  );
  world.stopAll();
});

test('who sent a bad block lately is no owner: neither offered anything nor counted', async (t) => {
  const { world, nodes } = await calmWorld(PLACES);
  await own(nodes[0]!, nodes[1]!, nodes[2]!);
  const liar = world.puppet(0.499);
  const copy = { kind: ref.kind, key: ref.key, replica: 0, owners: 3, work: NO_WORK, handoff: 1 };
  for (const node of nodes) {
    world.connect(liar, node).sendMessage({ type: 'StoreCopy', id: 1, ...copy, payload: testBlock('wrong').payload });
    await world.clock.advance(100);
    world.connect(liar, node);
  }
  const newcomer = world.node(0.495);
  for (const node of nodes) world.connect(node, newcomer);
  await world.clock.advance(2 * CALM_MS);
  t.is(liar.of('StoreCopy').length, 0);
  t.true(newcomer.map.has(ref));
  t.is(newcomer.map.reasonOf(ref), 'handoff');
  world.stopAll();
});

test('a node that joins far away is offered nothing', async (t) => {
  const { world, nodes } = await calmWorld(PLACES);
  await own(nodes[0]!, nodes[1]!, nodes[2]!);
  const newcomer = world.node(0.9);
  for (const node of nodes) world.connect(node, newcomer);
  await world.clock.advance(3 * CALM_MS);
  t.is(messagesOf(world, 'StoreCopy').length, 0);
  world.stopAll();
});

test('when an owner goes, the next nearest is offered the block', async (t) => {
  const { world, nodes } = await calmWorld(PLACES);
  await own(nodes[0]!, nodes[1]!, nodes[2]!);
  world.kill(nodes[1]!);
  await world.clock.advance(2 * CALM_MS);
  t.true(nodes[3]!.map.has(ref));
  t.false(nodes[4]!.map.has(ref));
  world.stopAll();
});

test('what was there before a node was calm for the first time is no change', async (t) => {
  const world = new World();
  world.placeOf = () => 0.5;
  world.handoffBytesPerSec = 1_000_000;
  const nodes = PLACES.map((place) => world.node(place));
  await own(...nodes);
  for (const [index, node] of nodes.entries()) for (const other of nodes.slice(0, index)) world.connect(other, node);
  await world.clock.advance(5 * CALM_MS);
  t.is(messagesOf(world, 'StoreCopy').length, 0);
  world.stopAll();
});

test('without a rate nothing is handed on', async (t) => {
  const { world, nodes } = await calmWorld(PLACES, 0);
  await own(nodes[0]!, nodes[1]!, nodes[2]!);
  const newcomer = world.node(0.495);
  for (const node of nodes) world.connect(node, newcomer);
  await world.clock.advance(3 * CALM_MS);
  t.is(messagesOf(world, 'StoreCopy').length, 0);
  await nodes[0]!.router.leave(1_000);
  t.is(messagesOf(world, 'StoreCopy').length, 0);
});

test('offers keep under the rate', async (t) => {
  const blocks = Array.from({ length: 40 }, (_, index) => testBlock(`paced ${index}`));
  const bytesPerSec = 426 * 4; // four of these blocks a second
  const { world, nodes } = await calmWorld(PLACES, bytesPerSec);
  for (const block of blocks) await nodes[0]!.map.put(block.ref, 0, block.payload, 'owner');
  const newcomer = world.node(0.495);
  for (const node of nodes) world.connect(node, newcomer);
  await world.clock.advance(CALM_MS + 20_000);
  const sent = messagesOf(world, 'StoreCopy');
  t.is(sent.length, 40);
  t.true(sent.at(-1)!.atMs - sent[0]!.atMs >= 39 * 250);
  world.stopAll();
});

test('leave: whoever owns a block without us is offered it, for as long as there is time', async (t) => {
  const { world, nodes } = await calmWorld(PLACES);
  await own(nodes[0]!, nodes[1]!, nodes[2]!);
  await world.settle(nodes[0]!.router.leave(3_000), 4_000);
  t.true(nodes[3]!.map.has(ref));

  nodes[3]!.map.blocks.clear();
  nodes[3]!.silent = true;
  const startedMs = world.clock.nowMs();
  await world.settle(nodes[1]!.router.leave(3_000), 4_000);
  t.true(world.clock.nowMs() - startedMs <= 3_000);
  world.stopAll();
});

test('heal: a damaged block is fetched again from the others and kept', async (t) => {
  const { world, nodes } = await calmWorld(PLACES);
  await own(nodes[1]!, nodes[2]!);
  nodes[0]!.router.heal(ref, 0);
  await world.clock.advance(5_000);
  t.is(nodes[0]!.map.reasonOf(ref), 'handoff');
  t.is(nodes[0]!.router.snapshot().counters.healed, 1);
  t.deepEqual(nodes[0]!.trace.at(-1), { type: 'copyKept', ref, reason: 'handoff', by: 'dataReturned' });
  t.is(nodes[0]!.router.snapshot().counters.exitFetches, 0);
  world.stopAll();
});

test('heal: what nobody has stays lost, and at most HEALS_WAITING_MAX wait', async (t) => {
  const { world, nodes } = await calmWorld([0.5, 0.51]);
  for (let i = 0; i < HEALS_WAITING_MAX + 50; i++) nodes[0]!.router.heal(testBlock(`lost ${i}`).ref, 0);
  nodes[0]!.router.heal(testRecord('record', 1).ref, 0);
  await world.clock.advance(60 * 60_000);
  t.is(messagesOf(world, 'Fetch').length, HEALS_WAITING_MAX + 1); // one was taken out at once
  t.is(nodes[0]!.router.snapshot().counters.healed, 0);
  world.stopAll();
  t.is(world.clock.timersPending, 0);
});
