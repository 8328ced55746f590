/**
 * The guard: drawn once, kept over restarts, left only when it is gone for long and our own line stands.
 * @module
 */
import test from 'ava';
import { ProtocolError } from '../../../daemon/errors.ts';
import { hexKey, nodeId } from '../../../daemon/ids.ts';
import { BURST, createBuildBudget, REFILL_MS } from '../../../daemon/onion/build-budget.ts';
import { createGuards, GUARD_TABLE, type Guards } from '../../../daemon/onion/guard.ts';
import { createGuardLooks } from '../../../daemon/onion/guard-looks.ts';
import type { OnionDeps } from '../../../daemon/onion/onion.ts';
import { createRelayUptime, type RelayUptime, SAMPLE_MAX } from '../../../daemon/onion/relay-uptime.ts';
import { createSealedRows } from '../../../daemon/onion/sealed-rows.ts';
import type { Records } from '../../../daemon/ports.ts';
import type { Descriptor } from '../../../daemon/wire/descriptor-types.ts';
import { createManualClock, type ManualClock } from '../../support/manual-clock.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';
import { testCrypto } from '../../support/test-crypto.ts';
import { memoryRecords } from './onion-world.ts';
import { relayAt, testLink } from './units.ts';

const RULES = { ownNodeId: nodeId(new Uint8Array(32).fill(255)), prefixRules: true };
const PATIENCE_MS = 10_000;
const KEY = new Uint8Array(32).fill(3);
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
  const sealing = { crypto: testCrypto(seed), records, random: createSeededRandom(`rows ${seed}`), log: deps.log };
  const uptime = createRelayUptime(createSealedRows(sealing, 'guard-sample', KEY), RULES, deps.random);
  const looks = createGuardLooks({ clock, links: deps.links, prober: undefined }, uptime, () => result.relays);
  const rows = createSealedRows(sealing, GUARD_TABLE, KEY);
  const result: Bench = Object.assign(made, {
    guards: createGuards(deps, RULES, patienceMs, { rows, uptime, looks }),
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
  t.true(records.entries(GUARD_TABLE).some(([, row]) => row.length === 12 + 36 + 2 + 16));
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
    const on = bench(await memoryRecords(), seed);
    on.relays = [relayAt(1, '10.1.0.1'), relayAt(2, '10.1.0.2'), relayAt(3, '10.1.0.3'), relayAt(4, '10.2.0.1')];
    on.guards.current();
    const first = on.key()!;
    await failFor(on, PATIENCE_MS * 2);
    const four = hexKey(relayAt(4).nodeId);
    t.true((first === four) !== (on.key() === four), 'one of the two is the one with another prefix');
  }
});

test('guard: what is kept of it is sealed, under a key of this identity and for its place', async (t) => {
  const records = await memoryRecords();
  const on = bench(records);
  const guard = on.guards.current()!;
  const [[name, row]] = records.entries(GUARD_TABLE) as [[string, Uint8Array]];
  t.is(Buffer.from(row).indexOf(Buffer.from(guard.nodeId)), -1);
  for (const table of [GUARD_TABLE, 'guard-sample']) {
    for (const [key] of records.entries(table)) t.regex(key, /^\d{3}$/, 'names say nothing');
  }
  const sealing = { crypto: testCrypto(), records, random: createSeededRandom(1), log: { write: () => {} } };
  t.is(createSealedRows(sealing, GUARD_TABLE, KEY).load().length, 1);
  t.is(createSealedRows(sealing, GUARD_TABLE, new Uint8Array(32)).load().length, 0, 'another identity');
  records.put('elsewhere', name, row);
  t.is(createSealedRows(sealing, 'elsewhere', KEY).load().length, 0, 'moved to another table');
  row[20]! ^= 1;
  records.put(GUARD_TABLE, name, row);
  t.is(createSealedRows(sealing, GUARD_TABLE, KEY).load().length, 0, 'changed');
});

test('guard: rows of versions before sealing are taken over and deleted', async (t) => {
  const records = await memoryRecords();
  const old = new Uint8Array(37);
  old.set(relayAt(4).nodeId, 4);
  old[36] = 4;
  records.put('guards', '0', old);
  const on = bench(records);
  t.is(hexKey(on.guards.current()!.nodeId), hexKey(relayAt(4).nodeId));
  t.deepEqual(records.entries('guards'), []);
  t.is(hexKey(bench(records, 2).guards.current()!.nodeId), hexKey(relayAt(4).nodeId));
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

// --- the sample ---

async function uptimeOf(records?: Records): Promise<RelayUptime> {
  const sealing = {
    crypto: testCrypto(),
    records: records ?? (await memoryRecords()),
    random: createSeededRandom(1),
    log: { write: () => {} },
  };
  return createRelayUptime(createSealedRows(sealing, 'guard-sample', KEY), RULES, createSeededRandom(1));
}

test('uptime: guards are those that answered 80 % of a week of looks; before a week is over, of what there is', async (t) => {
  const records = await memoryRecords();
  const uptime = await uptimeOf(records);
  uptime.sample(ALL, 0);
  t.deepEqual(uptime.candidates(ALL), [], 'nobody has answered yet');
  // 1 to 3 answer always, 4 three times of four, 5 half of the time, 6 never.
  const answers = (index: number, hour: number): boolean =>
    index <= 3 || (index === 4 ? hour % 4 !== 1 : index === 5 && hour % 2 === 0);
  const lookAll = (hour: number): void => {
    for (let index = 1; index <= 6; index++) uptime.looked(hexKey(ALL[index - 1]!.nodeId), answers(index, hour), hour);
  };
  lookAll(0);
  t.deepEqual(
    uptime.candidates(ALL).map(({ encoded }) => encoded[0]),
    [1, 2, 3, 4, 5],
  );
  for (let hour = 1; hour < 30; hour++) lookAll(hour);
  lookAll(30);
  t.deepEqual(
    uptime.candidates(ALL).map(({ encoded }) => encoded[0]),
    [1, 2, 3],
  );
  for (let hour = 31; hour < 168; hour++) lookAll(hour);
  // A newcomer answers always, and has not been watched for a week.
  const all = [...ALL, relayAt(7)];
  uptime.sample(all, 168);
  uptime.looked(hexKey(relayAt(7).nodeId), true, 168);
  lookAll(168);
  t.deepEqual(
    uptime.candidates(all).map(({ encoded }) => encoded[0]),
    [1, 2, 3],
  );
  uptime.save();
  const again = await uptimeOf(records);
  t.deepEqual(again.candidates(all), [], 'after a restart they have to answer again');
  for (const relay of all) again.looked(hexKey(relay.nodeId), true, 169);
  t.deepEqual(
    again.candidates(all).map(({ encoded }) => encoded[0]),
    [1, 2, 3],
  );
});

test('uptime: at most SAMPLE_MAX relays, each of another prefix; who is unlisted for a week or mostly away makes room', async (t) => {
  const uptime = await uptimeOf();
  const many = Array.from({ length: 100 }, (_, i) => relayAt(i + 1, `10.${i >> 1}.0.${i + 1}`));
  const sample = uptime.sample(many, 0);
  t.is(sample.length, SAMPLE_MAX);
  t.is(new Set(sample.map(({ addresses }) => addresses[0]!.host.split('.')[1])).size, SAMPLE_MAX);
  const keysOf = (relays: readonly Descriptor[]): string[] => relays.map(({ nodeId }) => hexKey(nodeId)).toSorted();
  t.deepEqual(keysOf(uptime.sample(many, 1)), keysOf(sample), 'it stays');
  const [poor, gone] = sample;
  for (let hour = 0; hour < 48; hour++) uptime.looked(hexKey(poor!.nodeId), hour % 3 === 0, hour);
  t.false(uptime.sample(many, 48).includes(poor!));
  const without = many.filter((relay) => relay !== gone);
  t.is(uptime.sample(without, 48 + 169).length, SAMPLE_MAX, 'its place is given to another');
});

test('looks: one round at the start, then each relay once an hour; failures count only while our line stands', async (t) => {
  const clock = createManualClock();
  const uptime = await uptimeOf();
  const probed: number[] = [];
  const down = new Set([2]);
  const prober = {
    async probe(at: Descriptor): Promise<void> {
      probed.push(at.encoded[0]!);
      if (down.has(at.encoded[0]!)) throw new ProtocolError('ERR_DIAL');
    },
  };
  let lineIsUp = true;
  const links = { get: () => undefined, all: () => (lineIsUp ? [testLink(1)] : []) } as unknown as OnionDeps['links'];
  const looks = createGuardLooks({ clock, links, prober }, uptime, () => ALL);
  t.false(looks.isReady(ALL), 'nobody has answered yet');
  await clock.settle();
  t.true(looks.isReady(ALL));
  t.deepEqual(probed.toSorted(), [1, 2, 3, 4, 5, 6]);
  t.deepEqual(
    uptime.candidates(ALL).map(({ encoded }) => encoded[0]),
    [1, 3, 4, 5, 6],
  );
  probed.length = 0;
  await clock.advance(3_600_000);
  t.deepEqual(probed.toSorted(), [1, 2, 3, 4, 5, 6]);
  lineIsUp = false;
  for (let index = 1; index <= 6; index++) down.add(index);
  await clock.advance(3_600_000);
  t.deepEqual(
    uptime.candidates(ALL).map(({ encoded }) => encoded[0]),
    [1, 3, 4, 5, 6],
    'our own line was down',
  );
  looks.stop();
  t.is(clock.timersPending, 0);
});

test('budget: a guard that kills what it cannot watch runs dry; one behind which a third fails never does', (t) => {
  const budget = createBuildBudget();
  const build = (nowMs: number, works: boolean): boolean => {
    if (budget.mayBuildAtMs('g', nowMs) > nowMs) return false;
    budget[works ? 'worked' : 'failed']('g', nowMs);
    return true;
  };
  for (let i = 0; i < 10_000; i++) t.true(build(0, i % 3 !== 0));
  let built = 0;
  for (let i = 0; i < 10_000; i++) if (build(0, i % 10 === 0)) built++;
  t.true(built > BURST && built < 150, `${built}`);
  t.is(budget.mayBuildAtMs('g', 0), REFILL_MS);
  let watched = 0;
  for (let atMs = 0, i = 0; atMs < 86_400_000; atMs = Math.max(atMs + 1, budget.mayBuildAtMs('g', atMs))) {
    build(atMs, ++i % 10 === 0);
    if (i % 10 === 0) watched++;
  }
  t.true(watched <= 11, `${watched} circuits that it can watch in a day`);
  t.is(budget.mayBuildAtMs('another', 0), 0);
});
