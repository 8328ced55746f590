/**
 * The guard: drawn once, kept over restarts, left only when it is gone for long and our own line stands.
 * @module
 */
import test from 'ava';
import { ProtocolError } from '../../../daemon/errors.ts';
import { hexKey, nodeId } from '../../../daemon/ids.ts';
import { createGuards, type Guards } from '../../../daemon/onion/guard.ts';
import type { OnionDeps } from '../../../daemon/onion/onion.ts';
import type { Records } from '../../../daemon/ports.ts';
import type { Descriptor } from '../../../daemon/wire/descriptor-types.ts';
import { createManualClock, type ManualClock } from '../../support/manual-clock.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';
import { memoryRecords } from './onion-world.ts';
import { relayAt, testLink } from './units.ts';

const RULES = { ownNodeId: nodeId(new Uint8Array(32).fill(255)), prefixRules: true };
const PATIENCE_MS = 10_000;
const ALL = [1, 2, 3, 4, 5, 6].map((index) => relayAt(index));

interface Bench {
  readonly clock: ManualClock;
  readonly guards: Guards;
  relays: Descriptor[];
  lineIsUp: boolean;
  key(): string | undefined;
}

function bench(
  records: Records,
  seed = 1,
  decode?: (bytes: Uint8Array) => Descriptor,
  patienceMs = PATIENCE_MS,
): Bench {
  const clock = createManualClock();
  const made: Omit<Bench, 'guards' | 'key'> = { clock, relays: ALL, lineIsUp: true };
  const deps = {
    clock,
    records,
    random: createSeededRandom(seed),
    log: { write: () => {} },
    relays: { relays: () => result.relays },
    links: { all: () => (result.lineIsUp ? [testLink(1)] : []) },
    decodeDescriptor: decode ?? ((bytes: Uint8Array) => relayAt(bytes[0]!)),
  } as unknown as OnionDeps;
  const result: Bench = Object.assign(made, {
    guards: createGuards(deps, RULES, patienceMs),
    key: () => result.guards.currentKey,
  });
  return result;
}

/** Fails dials whenever one may be made, for that long. */
async function failFor(on: Bench, ms: number): Promise<number> {
  const key = on.key()!;
  let tries = 0;
  const endMs = on.clock.nowMs() + ms;
  while (on.clock.nowMs() <= endMs && on.key() === key) {
    if (on.clock.nowMs() >= on.guards.dialAtMs) {
      on.guards.dialFailed(key);
      tries++;
    }
    await on.clock.advance(100);
  }
  return tries;
}

test('guard: none while fewer than three relays are known; then one for good, whatever the view becomes', async (t) => {
  const on = bench(await memoryRecords());
  on.relays = ALL.slice(0, 2);
  t.is(on.guards.current(), undefined);
  t.is(on.guards.sinceMs, undefined);
  on.relays = ALL;
  const guard = on.guards.current()!;
  for (let i = 0; i < 50; i++) {
    on.relays = ALL.slice(i % 4);
    t.is(hexKey(on.guards.current()!.nodeId), hexKey(guard.nodeId));
  }
  t.is(on.guards.sinceMs, 0);
});

test('guard: the same after a restart, with its age; even when its kept descriptor has expired', async (t) => {
  const records = await memoryRecords();
  const first = bench(records, 1);
  const guard = first.guards.current()!;
  for (const seed of [2, 3, 4, 5, 6, 7])
    t.is(hexKey(bench(records, seed).guards.current()!.nodeId), hexKey(guard.nodeId));

  const expired = bench(records, 8, () => {
    throw new ProtocolError('ERR_EXPIRED');
  });
  expired.relays = [];
  t.is(expired.guards.current(), undefined, 'known by name only');
  t.is(expired.key(), hexKey(guard.nodeId));
  expired.relays = ALL;
  t.is(hexKey(expired.guards.current()!.nodeId), hexKey(guard.nodeId), 'the view brought its new descriptor');
  await expired.clock.advance(7_200_000);
  t.is(expired.guards.sinceMs, 0);
});

test('guard: a newer descriptor of it is taken from the view and kept', async (t) => {
  const records = await memoryRecords();
  const on = bench(records);
  const guard = on.guards.current()!;
  const newer = { ...guard, sequence: 2, encoded: Uint8Array.of(guard.encoded[0]!, 2) };
  on.relays = ALL.map((relay) => (relay === guard ? newer : relay));
  t.is(on.guards.current(), newer);
  t.true(records.entries('guards').some(([, row]) => row.length === 36 + 2));
});

test('guard: not left before its patience is over, then the spare; a dial that works in between starts it anew', async (t) => {
  const on = bench(await memoryRecords());
  on.guards.current();
  const first = on.key()!;
  t.true((await failFor(on, PATIENCE_MS - 500)) >= 3);
  t.is(on.key(), first);
  on.guards.dialled(first);
  await failFor(on, PATIENCE_MS - 500);
  t.is(on.key(), first);
  await failFor(on, 5_000);
  const second = on.key()!;
  t.not(second, first);
  on.guards.dialled(second);
  await failFor(on, PATIENCE_MS * 2);
  const third = on.key()!;
  t.false([first, second].includes(third), 'both were gone: a new one is drawn');
});

test('guard: the spare stays for good, also over a restart; the guard that came back is the spare', async (t) => {
  const records = await memoryRecords();
  const on = bench(records);
  on.guards.current();
  const first = on.key()!;
  await failFor(on, PATIENCE_MS * 2);
  const second = on.key()!;
  on.guards.dialled(first);
  await failFor(on, PATIENCE_MS * 2);
  t.is(on.key(), first, 'it had answered meanwhile');
  t.not(first, second);
  t.is(
    bench(records, 9).guards.current()!.encoded[0],
    relayAt(ALL.findIndex((relay) => hexKey(relay.nodeId) === first) + 1).encoded[0],
  );
});

test('guard: nothing counts against it while our own line is down, or when somebody else failed', async (t) => {
  const on = bench(await memoryRecords());
  on.guards.current();
  const first = on.key()!;
  on.lineIsUp = false;
  await failFor(on, PATIENCE_MS * 5);
  t.is(on.key(), first);
  on.lineIsUp = true;
  for (let i = 0; i < 50; i++) {
    on.guards.dialFailed('somebody else');
    await on.clock.advance(1_000);
  }
  t.is(on.key(), first);
});

test('guard: tries are spread, not hammered', async (t) => {
  const on = bench(await memoryRecords());
  on.guards.current();
  const tries = await failFor(on, PATIENCE_MS - 500);
  t.true(tries >= 3 && tries <= 10, `${tries} tries in ten seconds`);
});

test('guard and spare differ in prefix', async (t) => {
  for (let seed = 0; seed < 10; seed++) {
    const records = await memoryRecords();
    const on = bench(records, seed);
    on.relays = [relayAt(1, '10.1.0.1'), relayAt(2, '10.1.0.2'), relayAt(3, '10.1.0.3'), relayAt(4, '10.2.0.1')];
    on.guards.current();
    const kept = records.entries('guards').map(([, row]) => row[36]!);
    t.true(kept.length === 2 && kept.includes(4), `${kept}`);
  }
});

test('guard: on a real network the spare serves after a minute, the two take turns, and a third is drawn after half an hour', async (t) => {
  const halfHourMs = 1_800_000;
  const on = bench(await memoryRecords(), 1, undefined, halfHourMs);
  on.guards.current();
  const first = on.key()!;
  await failFor(on, 59_000);
  t.is(on.key(), first);
  await failFor(on, 120_000);
  const second = on.key()!;
  t.not(second, first);
  const used = new Set([first, second]);
  while (on.clock.nowMs() < halfHourMs - 200_000) {
    await failFor(on, 200_000);
    used.add(on.key()!);
  }
  t.is(used.size, 2, 'nobody else, whatever is made to fail');
  for (let i = 0; i < 4; i++) await failFor(on, 200_000);
  t.false(used.has(on.key()!));
});
