/**
 * What an observer of the line to the guard sees of class strong: whole nodes, real links and records.
 * @module
 */
import test from 'ava';
import { PACE_TICK_MS, PACED_PLAINTEXT_BYTES } from '../../../daemon/link/pacer.ts';
import { RECORD_OVERHEAD_BYTES } from '../../../daemon/link/record.ts';
import { ROLE } from '../../../daemon/wire/descriptor-types.ts';
import { createMemoryWorld, type MemoryWorld } from '../../support/memory-world.ts';

const RECORD = PACED_PLAINTEXT_BYTES + RECORD_OVERHEAD_BYTES;

interface Seen {
  /** Milliseconds between records of the pattern. */
  readonly gapsMs: readonly number[];
  readonly records: number;
  readonly otherBytes: number;
}

/** Watches one direction of a line for a while. */
async function watch(world: MemoryWorld, path: string, forMs: number): Promise<Seen> {
  const line = world.network.recorded.get(path)!;
  const endMs = world.clock.nowMs() + forMs;
  const timesMs: number[] = [];
  let otherBytes = 0;
  let at = line.length;
  while (world.clock.nowMs() < endMs) {
    await world.clock.advance(5);
    for (; at < line.length; at++) {
      if (line[at]!.length === RECORD) timesMs.push(world.clock.nowMs());
      else otherBytes += line[at]!.length;
    }
  }
  return {
    gapsMs: timesMs.slice(1).map((ms, index) => ms - timesMs[index]!),
    records: timesMs.length,
    otherBytes,
  };
}

async function* bytesOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

test('the line to the guard looks the same, both ways, whether a document moves over it or nothing does', async (t) => {
  const world = createMemoryWorld({ seed: 11, record: true });
  for (let i = 0; i < 5; i++) await world.add();
  const client = await world.add({ role: ROLE.light, circuitsReady: 0 });
  await world.clock.advance(20_000);
  const strong = { trafficClass: 'strong', convergent: false } as const;
  const first = client.client.publish(bytesOf(new Uint8Array(1_000).fill(1)), strong).result;
  await world.clock.runUntil(() => client.client.transfers()[0]!.stage === 'done', 120_000);
  t.regex(await first, /^CHK@/);
  t.is(client.client.transfers()[0]!.trafficClass, 'strong');
  await world.clock.advance(5_000);

  const guard = client.snapshot().links.find(({ pacing }) => pacing?.isOn)!.remote.host;
  const [out, back] = [`10.6.0.1>${guard}`, `${guard}>10.6.0.1`];
  const idle = await Promise.all([watch(world, out, 12_000), watch(world, back, 0)]);
  const idleBack = await watch(world, back, 12_000);
  const document = client.client.publish(bytesOf(new Uint8Array(90_000).fill(2)), strong).result;
  document.catch(() => {});
  const busy = await watch(world, out, 12_000);
  const busyBack = await watch(world, back, 12_000);
  t.true(client.client.transfers()[1]!.blocksHave > 0, 'a document moved meanwhile');

  for (const seen of [idle[0], idleBack, busy, busyBack]) {
    t.is(seen.records, 12_000 / PACE_TICK_MS);
    t.true(seen.gapsMs.every((ms) => ms === PACE_TICK_MS));
    // Keepalives, and what nodes say to each other anyway; a single large cell would be more than all of it.
    t.true(seen.otherBytes < 8_000, `${seen.otherBytes} bytes outside of the pattern`);
  }
  await world.stop();
});
