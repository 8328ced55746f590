/**
 * The fixed pattern of a link: the same records at the same times whatever is in them, both ways, and its bounds.
 * @module
 */
import test from 'ava';
import { CELL_LARGE_BYTES, CELL_SMALL_BYTES, FRAME_HEADER_BYTES, PACED_LINKS_MAX } from '../../../daemon/limits.ts';
import type { Link } from '../../../daemon/link/link-types.ts';
import { PACE_TICK_MS, PACED_PLAINTEXT_BYTES, PACED_ROOM_BYTES, Pacer } from '../../../daemon/link/pacer.ts';
import { RECORD_OVERHEAD_BYTES } from '../../../daemon/link/record.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { createWorld, type World } from './world.ts';

const RECORD = PACED_PLAINTEXT_BYTES + RECORD_OVERHEAD_BYTES;
const small = (): Uint8Array => new Uint8Array(CELL_SMALL_BYTES).fill(1);
const large = (): Uint8Array => new Uint8Array(CELL_LARGE_BYTES).fill(2);

/** Gives waiting cells to a tick, in order, as far as they fit. */
function slotOf(waiting: Uint8Array[]): (link: Link, room: number) => Uint8Array[] {
  return (_link, room) => {
    const taken: Uint8Array[] = [];
    let left = room;
    while (waiting.length > 0 && waiting[0]!.length + FRAME_HEADER_BYTES <= left) {
      const cell = waiting.shift()!;
      left -= cell.length + FRAME_HEADER_BYTES;
      taken.push(cell);
    }
    return taken;
  };
}

/** What each end wrote, in steps of 10 ms: [time, bytes] of every step with any. */
async function writesOf(world: World, ends: readonly Link[], forMs: number): Promise<[number, number][][]> {
  const startMs = world.clock.nowMs();
  const before = ends.map(({ counters }) => counters.bytesOut);
  const seen: [number, number][][] = ends.map(() => []);
  while (world.clock.nowMs() < startMs + forMs) {
    await world.clock.advance(10);
    ends.forEach(({ counters }, index) => {
      const bytes = counters.bytesOut - before[index]!;
      before[index] = counters.bytesOut;
      if (bytes > 0) seen[index]!.push([world.clock.nowMs() - startMs, bytes]);
    });
  }
  return seen;
}

async function pacedPair(nearCells: Uint8Array[], farCells: Uint8Array[]) {
  const world = createWorld({ latencyMs: 20 });
  const a = await world.node(1, { events: { slot: slotOf(nearCells) } });
  const b = await world.node(2, { events: { slot: slotOf(farCells) } });
  const { near, far } = await world.connect(a, b);
  return { world, a, b, near, far };
}

test('pacing: sizes and times of all records are the same with cells in them and without, at both ends', async (t) => {
  const patterns: [number, number][][][] = [];
  for (const cells of [
    [],
    [large(), small(), small(), large(), large(), ...Array.from({ length: 40 }, small), large()],
  ]) {
    const back = cells.map((cell) => cell.slice()).reverse();
    const { world, a, b, near, far } = await pacedPair(cells.slice(), back);
    near.pacing!.start(60_000);
    patterns.push(await writesOf(world, [near, far], 8_000));
    t.is(b.cells.length, cells.length);
    t.is(a.cells.length, cells.length);
    t.true(near.pacing!.isOn && far.pacing!.isOn);
  }
  t.deepEqual(patterns[0], patterns[1]);
  const [near, far] = patterns[0]! as [[number, number][], [number, number][]];
  // The first step of this end also holds the Pace message.
  t.true(near.slice(1).every(([, bytes]) => bytes === RECORD));
  t.true(far.every(([, bytes]) => bytes === RECORD));
  for (const end of [near, far]) {
    t.true(end.length >= 8_000 / PACE_TICK_MS);
    t.true(end.slice(2).every(([atMs], index) => atMs - end[index + 1]![0] === PACE_TICK_MS));
  }
});

test('pacing: a record that also turns the key has the same size', async (t) => {
  const { world, near, far } = await pacedPair([], []);
  await world.clock.advance(1_795_000);
  near.pacing!.start(60_000);
  const [out] = await writesOf(world, [near, far], 10_000);
  const odd = out!.filter(([, bytes]) => bytes !== RECORD);
  // Keepalives have their own records; none of the others differs.
  t.true(odd.length <= 3 && odd.every(([, bytes]) => bytes > RECORD || bytes < 1_200));
  t.true(near.isOpen && far.isOpen);
});

test('pacing: what does not wait for a tick leaves at once, in records of its own', async (t) => {
  const { world, b, near } = await pacedPair([], []);
  near.pacing!.start(60_000);
  await world.clock.advance(PACE_TICK_MS + 100);
  const before = near.counters.bytesOut;
  near.sendCell(small());
  await world.clock.advance(1);
  t.is(near.counters.bytesOut - before, CELL_SMALL_BYTES + FRAME_HEADER_BYTES + RECORD_OVERHEAD_BYTES);
  await world.clock.advance(50);
  t.is(b.cells.length, 1);
});

test('pacing: it ends when its time has passed, a longer wish prolongs it, a shorter one changes nothing', async (t) => {
  const { world, near, far } = await pacedPair([], []);
  near.pacing!.start(10_000);
  near.pacing!.start(3_000);
  await world.clock.advance(9_000);
  t.true(near.pacing!.isOn);
  near.pacing!.start(10_000);
  await world.clock.advance(9_500);
  t.true(near.pacing!.isOn && far.pacing!.isOn);
  await world.clock.advance(3_000);
  t.false(near.pacing!.isOn);
  t.false(far.pacing!.isOn);
});

test('pacing: whoever asks and does not send the pattern himself soon gets none', (t) => {
  const clock = createManualClock();
  let ticks = 0;
  const pacer = new Pacer(clock, { tick: () => ticks++, ask: () => t.fail(), mayServe: () => true });
  pacer.asked(7_200);
  return clock.advance(60_000).then(() => {
    t.true(ticks <= 9, `${ticks} records for nothing`);
    t.false(pacer.isOn);
  });
});

test('pacing: PACED_LINKS_MAX links at once for the sake of others, and our own wish is not counted', async (t) => {
  const world = createWorld();
  const guard = await world.node(1);
  const served: Link[] = [];
  for (let i = 0; i <= PACED_LINKS_MAX; i++) {
    const { near, far } = await world.connect(await world.node(10 + i), guard);
    near.pacing!.start(60_000);
    served.push(far);
  }
  await world.clock.advance(600);
  t.is(served.filter(({ pacing }) => pacing!.isOn).length, PACED_LINKS_MAX);
  served.at(-1)!.pacing!.start(1_000);
  t.true(served.at(-1)!.pacing!.isOn);
});

test('pacing: a tick has room for one large and one small cell, or for 17 small ones', (t) => {
  t.is(PACED_ROOM_BYTES, CELL_LARGE_BYTES + CELL_SMALL_BYTES + 2 * FRAME_HEADER_BYTES);
  t.is(Math.floor(PACED_ROOM_BYTES / (CELL_SMALL_BYTES + FRAME_HEADER_BYTES)), 17);
});
