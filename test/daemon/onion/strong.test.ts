/**
 * Class strong over real circuits: nothing of it leaves outside of ticks, relays delay, the pattern outlives the document to the end of its slot.
 * @module
 */
import test from 'ava';
import { type BlockRef, hexKey, KIND, routingKey } from '../../../daemon/ids.ts';
import { CELL_LARGE_BYTES, CELL_SMALL_BYTES, FRAME_HEADER_BYTES } from '../../../daemon/limits.ts';
import type { LinkPacing } from '../../../daemon/link/link-types.ts';
import { PACED_ROOM_BYTES } from '../../../daemon/link/pacer.ts';
import { COMMAND, newCell } from '../../../daemon/onion/cell.ts';
import { createCellScheduler } from '../../../daemon/onion/cell-scheduler.ts';
import { createPacing, SLOT_MS } from '../../../daemon/onion/pacing.ts';
import { ROLE } from '../../../daemon/wire/descriptor-types.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';
import { createOnionWorld, inTime, type OnionWorld, type WorldNode } from './onion-world.ts';
import { testLink } from './units.ts';

const STRONG = { trafficClass: 'strong', padding: true, blocks: 100 } as const;
const BLOCK = new Uint8Array(32_768).fill(9);

function ref(seed: number): BlockRef {
  return { kind: KIND.chk, key: routingKey(createSeededRandom(`ref${seed}`).bytes(32)) };
}

async function worldOf(count: number, seed = 1): Promise<{ world: OnionWorld; client: WorldNode }> {
  const world = await createOnionWorld(seed);
  const client = world.add({ role: ROLE.light });
  for (let i = 0; i < count; i++) world.add();
  return { world, client };
}

const sum = (numbers: readonly number[] | undefined): number => (numbers ?? []).reduce((all, each) => all + each, 0);

test('strong: fetches and inserts work, every cell of them leaves on a tick, in both directions', async (t) => {
  const { world, client } = await worldOf(6);
  const circuits = await inTime(world, client.onion.open(STRONG));
  t.is(circuits.trafficClass, 'strong');
  t.is(circuits.exits, 4);
  t.is(circuits.windowBlocks, 32);
  const startedAtMs = world.clock.nowMs();
  const fetches = Array.from({ length: 12 }, (_, i) => circuits.fetch(ref(i), 0));
  const inserts = Array.from({ length: 12 }, (_, i) => circuits.insert(ref(100 + i), 0, 3, BLOCK));
  t.true((await inTime(world, Promise.all(fetches))).every(({ type }) => type === 'data'));
  t.true((await inTime(world, Promise.all(inserts))).every(({ type }) => type === 'inserted'));
  t.true(world.clock.nowMs() - startedAtMs >= 3_000, 'twelve large cells each way take twelve ticks');
  circuits.close();
  await world.clock.advance(5_000);
  const guard = world.nodes.findIndex((node) => node.index > 0 && world.ticks.has(`0>${node.index}`));
  for (const path of [`0>${guard}`, `${guard}>0`])
    t.is(world.lengths.get(path)!.length, sum(world.ticks.get(path)), path);
  t.is(client.onion.snapshot().circuits.length, 0);
  world.stop();
});

test('strong: each relay delays in each direction, so a round trip over an idle network takes seconds and is never the same', async (t) => {
  const { world, client } = await worldOf(5, 2);
  const circuits = await inTime(world, client.onion.open(STRONG));
  await world.clock.advance(10_000);
  const tripsMs: number[] = [];
  for (let i = 0; i < 15; i++) {
    const startMs = world.clock.nowMs();
    await inTime(world, circuits.fetch(ref(i), 0));
    tripsMs.push(world.clock.nowMs() - startMs);
  }
  const sorted = tripsMs.toSorted((a, b) => a - b);
  const medianMs = sorted[7]!;
  t.true(medianMs > 1_500 && medianMs < 4_000, `median ${medianMs} ms`);
  t.true(sorted.at(-1)! - sorted[0]! > 1_000);
  world.stop();
});

test('strong: the pattern goes on after the document, to the end of its slot, and then ends; documents over its end prolong it', async (t) => {
  const { world, client } = await worldOf(3, 3);
  const circuits = await inTime(world, client.onion.open(STRONG));
  const link = client.links.all().find((each) => each.pacing!.isOn)!;
  t.truthy(link);
  circuits.close();
  const untilMs = link.pacing!.untilMs;
  await world.clock.advance(untilMs - world.clock.nowMs() - 20_000);
  t.true(link.pacing!.isOn);
  await world.clock.advance(22_000);
  t.false(link.pacing!.isOn);
  world.stop();
});

test('strong: over a link that cannot carry the pattern no circuit is built, fast goes on working', async (t) => {
  const { world, client } = await worldOf(4, 4);
  await inTime(world, client.onion.open({ ...STRONG, trafficClass: 'fast' }));
  const link = client.links.all()[0]! as { pacing?: LinkPacing };
  delete link.pacing;
  await t.throwsAsync(inTime(world, client.onion.open(STRONG)), { code: 'connecting' });
  const fast = await inTime(world, client.onion.open({ ...STRONG, trafficClass: 'fast' }));
  t.is((await inTime(world, fast.fetch(ref(1), 0))).type, 'data');
  world.stop();
});

test('strong: the pool’s circuits are not used, because nobody delays on them', async (t) => {
  const world = await createOnionWorld(5);
  const client = world.add({ role: ROLE.light, onion: { circuitsReady: 3 } });
  for (let i = 0; i < 6; i++) world.add();
  await world.clock.advance(2_000);
  const ready = client.onion.snapshot().circuits.map(({ alias }) => alias);
  t.is(ready.length, 3);
  const circuits = await inTime(world, client.onion.open(STRONG));
  await inTime(world, circuits.fetch(ref(1), 0));
  t.is(client.onion.snapshot().ready, 3);
  t.deepEqual(
    client.onion.snapshot().circuits.flatMap(({ alias, use }) => (use === 'ready' ? [alias] : [])),
    ready,
  );
  world.stop();
});

test('document: more than 10,000 blocks go over up to 64 exits, known before or found out on the way', async (t) => {
  const world = await createOnionWorld(6);
  const client = world.add({ role: ROLE.light });
  for (let i = 0; i < 24; i++) world.add();
  const large = await inTime(world, client.onion.open({ trafficClass: 'fast', padding: false, blocks: 10_001 }));
  t.is(large.exits, 22, 'usable relays less two');
  const usual = await inTime(world, client.onion.open({ trafficClass: 'fast', padding: false, blocks: 10_000 }));
  t.is(usual.exits, 16);
  const gone = new AbortController();
  const all = Array.from({ length: 10_001 }, () => usual.fetch(ref(1), 0, gone.signal).catch(() => {}));
  t.is(usual.exits, 22);
  gone.abort();
  await Promise.all(all);
  world.stop();
});

// --- the pieces ---

const isOn: LinkPacing = { isOn: true, untilMs: 0, start: () => {} };
const cellOf = (circuitId: number, size: 'small' | 'large'): Uint8Array => newCell(size, circuitId, COMMAND.relay);

test('scheduler: paced cells leave only in ticks: a large one first, small ones in the room left, circuits in turn', (t) => {
  const link = { ...testLink(1), pacing: isOn };
  const scheduler = createCellScheduler(createManualClock(), () => t.fail());
  for (const id of [1, 2]) scheduler.pace(link, id);
  for (let i = 0; i < 20; i++) scheduler.send(link, cellOf(1, 'small'));
  scheduler.send(link, cellOf(2, 'large'));
  scheduler.send(link, cellOf(2, 'small'));
  scheduler.send(link, cellOf(3, 'small'));
  t.deepEqual(
    link.sent.map((cell) => cell[3]),
    [3],
    'what is not paced goes at once',
  );
  const first = scheduler.fill(link, PACED_ROOM_BYTES);
  t.deepEqual(
    first.map(({ length }) => length),
    [CELL_LARGE_BYTES, CELL_SMALL_BYTES],
  );
  const second = scheduler.fill(link, PACED_ROOM_BYTES);
  t.is(second.length, 17);
  t.true(second.reduce((bytes, cell) => bytes + cell.length + FRAME_HEADER_BYTES, 0) <= PACED_ROOM_BYTES);
  t.true(second.some((cell) => cell[3] === 2));
  t.is(scheduler.fill(link, PACED_ROOM_BYTES).length, 3);
  t.deepEqual(scheduler.fill(link, PACED_ROOM_BYTES), []);
});

test('scheduler: a DESTROY on a paced link waits for a tick; what waited for its circuit is gone', (t) => {
  const link = { ...testLink(1), pacing: isOn };
  const scheduler = createCellScheduler(createManualClock(), () => t.fail());
  scheduler.pace(link, 1);
  scheduler.send(link, cellOf(1, 'large'));
  scheduler.sendLast(link, newCell('small', 1, COMMAND.destroy));
  t.is(link.sent.length, 0);
  const cells = scheduler.fill(link, PACED_ROOM_BYTES);
  t.deepEqual(
    cells.map((cell) => cell[4]),
    [COMMAND.destroy],
  );
});

test('scheduler: a cell that the full link refused waits ahead of its circuit’s next ones, and none is lost', (t) => {
  const link = testLink(1);
  const scheduler = createCellScheduler(createManualClock(), () => t.fail());
  const refused = cellOf(7, 'small');
  const inner = link.sendCell;
  link.sendCell = (cell) => {
    if (cell !== refused || link.takes) return inner.call(link, cell);
    scheduler.overflow(link, cell);
    return false;
  };
  link.takes = false;
  scheduler.send(link, refused);
  const next = cellOf(7, 'large');
  scheduler.send(link, next);
  t.deepEqual(link.sent, []);
  link.takes = true;
  scheduler.drained(link);
  t.deepEqual(link.sent, [refused, next]);
});

test('pacing: asked once per slot and link; held over the end of a slot it is asked for the next one', async (t) => {
  const clock = createManualClock();
  const asked: [number, number][] = [];
  const link = testLink(1);
  Object.assign(link, {
    pacing: { isOn: true, untilMs: 0, start: (forMs: number) => asked.push([clock.nowMs(), forMs]) },
  });
  const pacing = createPacing(clock, createSeededRandom(7), () => link);
  const letGo = pacing.hold();
  for (let i = 0; i < 10; i++) pacing.keep(link);
  const other = pacing.hold();
  t.is(asked.length, 1);
  const [, firstMs] = asked[0]!;
  t.true(firstMs <= SLOT_MS + 10_000);
  await clock.advance(firstMs);
  t.is(asked.length, 2);
  t.is(asked[1]![0] + asked[1]![1], firstMs + SLOT_MS);
  letGo();
  letGo();
  await clock.advance(SLOT_MS - 1);
  t.is(asked.length, 3, 'the other one still holds it');
  other();
  await clock.advance(2 * SLOT_MS);
  t.is(asked.length, 3);
  t.false(pacing.isOn);
  t.is(clock.timersPending, 0);
});

test('strong: guards of strong documents are those of fast ones', async (t) => {
  const { world, client } = await worldOf(6, 8);
  await inTime(world, client.onion.open({ ...STRONG, trafficClass: 'fast' }));
  const before = client.links.all().map(({ peerKey }) => peerKey);
  await inTime(world, client.onion.open(STRONG));
  t.deepEqual(
    client.links.all().map(({ peerKey }) => peerKey),
    before,
  );
  t.true(world.nodes.some(({ descriptor }) => hexKey(descriptor.nodeId) === before[0]));
  world.stop();
});
