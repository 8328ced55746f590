/**
 * The circuits of documents: exits, guard, replacement, ends, errors; and that nothing ticks when nothing is wanted.
 * @module
 */
import test from 'ava';
import type { LocalError } from '../../../daemon/errors.ts';
import { type BlockRef, hexKey, KIND, routingKey } from '../../../daemon/ids.ts';
import { CIRCUIT_BUILD_TIMEOUT_MS, CIRCUIT_LIFE_MS } from '../../../daemon/limits.ts';
import type { DocumentCircuits } from '../../../daemon/onion/onion-types.ts';
import { REQUEST_TIMEOUT_MS } from '../../../daemon/onion/request-channel.ts';
import { ROLE } from '../../../daemon/wire/descriptor-types.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';
import { createOnionWorld, inTime, type OnionWorld, type WorldNode } from './onion-world.ts';

const FAST = { trafficClass: 'fast', padding: false, blocks: 100 } as const;

function ref(seed: number): BlockRef {
  return { kind: KIND.chk, key: routingKey(createSeededRandom(`ref${seed}`).bytes(32)) };
}

async function worldOf(count: number, seed = 1, circuitsReady = 0): Promise<{ world: OnionWorld; client: WorldNode }> {
  const world = await createOnionWorld(seed);
  const client = world.add({ role: ROLE.light, onion: { circuitsReady } });
  for (let i = 0; i < count; i++) world.add();
  return { world, client };
}

/** Relays of each request so far, as node indexes. */
function paths(world: OnionWorld, client: WorldNode): number[][] {
  return client.trace.flatMap((event) =>
    event.type === 'circuitRequest'
      ? [event.relays.map((id) => world.nodes.findIndex(({ descriptor }) => hexKey(descriptor.nodeId) === id))]
      : [],
  );
}

async function fetchMany(world: OnionWorld, circuits: DocumentCircuits, count: number) {
  return inTime(world, Promise.all(Array.from({ length: count }, (_, i) => circuits.fetch(ref(i), i % 8))));
}

test('document: E circuits, one guard, exits all different, requests dealt over all of them', async (t) => {
  const { world, client } = await worldOf(9);
  const circuits = await inTime(world, client.onion.open(FAST));
  t.is(circuits.exits, 7, 'usable relays less two');
  await world.clock.advance(1_000);
  t.is(client.onion.snapshot().circuits.length, 7);
  t.is(circuits.windowBlocks, 7 * 8);
  const outcomes = await fetchMany(world, circuits, 150);
  t.true(outcomes.every(({ type }) => type === 'data'));
  const used = paths(world, client);
  t.is(used.length, 150);
  t.is(new Set(used.map(([guard]) => guard)).size, 1);
  const perExit = new Map<number, number>();
  for (const [, , exit] of used) perExit.set(exit!, (perExit.get(exit!) ?? 0) + 1);
  t.is(perExit.size, 7);
  for (const count of perExit.values()) t.true(count >= 8 && count <= 40, `${count} of about 21`);
  world.stop();
});

test('fetch: requests that keep apart leave through different exits, and wait for no more of them than there are', async (t) => {
  const { world, client } = await worldOf(9, 5, 1); // one circuit is ready, the others have to be built first
  await world.clock.advance(1_000);
  const circuits = await inTime(world, client.onion.open(FAST));
  for (let turn = 0; turn < 20; turn++) {
    const apart = {};
    const before = paths(world, client).length;
    await inTime(world, Promise.all([0, 1, 2].map((replica) => circuits.fetch(ref(turn), replica, undefined, apart))));
    const exits = paths(world, client)
      .slice(before)
      .map(([, , exit]) => exit);
    t.is(new Set(exits).size, 3, `turn ${turn}: ${exits.join(' ')}`);
  }
  world.stop();

  const small = await worldOf(4, 6); // two exits for three requests
  const few = await inTime(small.world, small.client.onion.open(FAST));
  const apart = {};
  const outcomes = Promise.all([0, 1, 2].map((replica) => few.fetch(ref(1), replica, undefined, apart)));
  t.true((await inTime(small.world, outcomes)).every(({ type }) => type === 'data'));
  t.is(new Set(paths(small.world, small.client).map(([, , exit]) => exit)).size, 2);
  small.world.stop();
});

test('document: at most sixteen exits, and fewer relays give fewer, down to one', async (t) => {
  for (const [relays, exits] of [
    [3, 1],
    [4, 2],
    [20, 16],
  ] as const) {
    const { world, client } = await worldOf(relays, relays);
    const circuits = await inTime(world, client.onion.open(FAST));
    t.is(circuits.exits, exits);
    await world.clock.advance(1_000);
    t.is(client.onion.snapshot().circuits.length, exits);
    world.stop();
  }
});

test('document: two documents share the guard and no circuit', async (t) => {
  const { world, client } = await worldOf(5, 3, 2);
  await world.clock.advance(1_000);
  const one = await inTime(world, client.onion.open(FAST));
  const two = await inTime(world, client.onion.open(FAST));
  await world.clock.advance(1_000);
  t.is(client.onion.snapshot().circuits.filter(({ use }) => use === 'document').length, 6);
  await fetchMany(world, one, 10);
  one.close();
  await world.clock.advance(1_000);
  const outcomes = await fetchMany(world, two, 10);
  t.true(
    outcomes.every(({ type }) => type === 'data'),
    'closing one leaves the other whole',
  );
  t.is(new Set(paths(world, client).map(([guard]) => guard)).size, 1);
  world.stop();
});

test('pool: keeps its number ready with different exits, gives them at once, makes new ones, and renews old ones', async (t) => {
  const { world, client } = await worldOf(6, 4, 3);
  await world.clock.advance(1_000);
  t.like(client.onion.snapshot(), { ready: 3, building: 0, built: 3, guardUp: true, usableRelays: 6 });
  t.true(client.onion.snapshot().circuits.every(({ use, hops }) => use === 'ready' && hops === 3));
  const before = world.clock.nowMs();
  await inTime(world, client.onion.open(FAST));
  t.is(world.clock.nowMs(), before, 'no waiting');
  await world.clock.advance(1_000);
  t.is(client.onion.snapshot().ready, 3);
  const { built } = client.onion.snapshot();
  await world.clock.advance(CIRCUIT_LIFE_MS);
  t.is(client.onion.snapshot().ready, 3);
  t.true(client.onion.snapshot().circuits.every(({ use, ageMs }) => use !== 'ready' || ageMs <= CIRCUIT_LIFE_MS / 2));
  t.true(client.onion.snapshot().built > built);
  world.stop();
});

test('open: offline without a link, connecting with too few relays, each within the build timeout; then it works as relays appear', async (t) => {
  const { world, client } = await worldOf(2);
  const offline = client.onion.open(FAST);
  const error = await t.throwsAsync(inTime(world, offline));
  t.is((error as LocalError).code, 'offline');
  t.is(world.clock.nowMs(), CIRCUIT_BUILD_TIMEOUT_MS);
  const linking = client.links.connect(world.nodes[1]!.descriptor);
  await inTime(world, linking);
  t.is(((await t.throwsAsync(inTime(world, client.onion.open(FAST)))) as LocalError).code, 'connecting');
  t.is(world.clock.timersPending, 0, 'a failed open leaves nothing behind');
  const later = client.onion.open(FAST);
  await world.clock.advance(2_000);
  world.add();
  t.is((await inTime(world, later)).exits, 1);
  world.stop();
});

test('open and fetch end with the signal’s reason, and a given-up request still counts until its answer', async (t) => {
  const { world, client } = await worldOf(3);
  const early = new AbortController();
  early.abort(new Error('early'));
  await t.throwsAsync(client.onion.open(FAST, early.signal), { message: 'early' });
  const during = new AbortController();
  const opening = client.onion.open(FAST, during.signal);
  during.abort(new Error('during'));
  await t.throwsAsync(inTime(world, opening), { message: 'during' });
  t.is(client.onion.snapshot().circuits.length, 0);

  const circuits = await inTime(world, client.onion.open(FAST));
  const releases: (() => void)[] = [];
  world.onFetch = () => new Promise((resolve) => releases.push(() => resolve({ type: 'dataNotFound' })));
  const abort = new AbortController();
  const asked = Array.from({ length: 12 }, (_, i) => circuits.fetch(ref(i), 0, abort.signal));
  await world.clock.advance(100);
  t.is(releases.length, 8, 'the first window');
  abort.abort(new Error('enough'));
  for (const each of asked) await t.throwsAsync(each, { message: 'enough' });
  const next = circuits.fetch(ref(99), 0);
  await world.clock.advance(100);
  t.is(releases.length, 8, 'no room yet: the exit is still at it');
  releases[0]!();
  await world.clock.advance(100);
  t.is(releases.length, 9);
  releases[8]!();
  t.is((await inTime(world, next)).type, 'dataNotFound');
  await t.throwsAsync(circuits.fetch(ref(1), 0, abort.signal), { message: 'enough' });
  world.stop();
});

test('every outcome of the exit arrives as it is', async (t) => {
  const { world, client } = await worldOf(3);
  const circuits = await inTime(world, client.onion.open(FAST));
  const record = new Uint8Array(1_186).fill(4);
  const fetches = [
    { type: 'data', payload: record },
    { type: 'dataNotFound' },
    { type: 'routeNotFound' },
    { type: 'rejectedLoop' },
    { type: 'timeout' },
    { type: 'rejectedOverload', retryMs: 1_500, workBits: 3 },
    { type: 'recentlyFailed', retryMs: 60_000 },
  ] as const;
  for (const outcome of fetches) {
    world.onFetch = async () => outcome;
    t.deepEqual(await inTime(world, circuits.fetch(ref(1), 0)), outcome);
  }
  const inserts = [
    { type: 'inserted', copies: 2 },
    { type: 'collision', payload: record },
    { type: 'routeNotFound' },
    { type: 'rejectedLoop' },
    { type: 'badBlock' },
    { type: 'timeout' },
    { type: 'rejectedOverload', retryMs: 0, workBits: 0 },
  ] as const;
  for (const outcome of inserts) {
    world.onInsert = async () => outcome;
    t.deepEqual(await inTime(world, circuits.insert(ref(1), 0, 2, record)), outcome);
  }
  t.is(client.onion.snapshot().circuits.length, 1, 'over one circuit');
  world.stop();
});

for (const position of [1, 2]) {
  test(`a relay that dies with a request under way (position ${position + 1}): circuitFailed, and a new circuit without it serves the next`, async (t) => {
    const { world, client } = await worldOf(6, 6 + position);
    const circuits = await inTime(world, client.onion.open(FAST));
    await world.clock.advance(1_000);
    world.onFetch = () => new Promise(() => {});
    const asked = circuits.fetch(ref(1), 0);
    await world.clock.advance(100);
    const victim = paths(world, client)[0]![position]!;
    world.nodes[victim]!.die();
    t.is((await inTime(world, asked)).type, 'circuitFailed');
    world.onFetch = async () => ({ type: 'dataNotFound' });
    // Busy while circuits are replaced, because an idle document replaces none.
    for (let i = 0; i < 20; i++) await fetchMany(world, circuits, 8);
    client.trace.length = 0;
    const outcomes = await fetchMany(world, circuits, 30);
    t.true(outcomes.every(({ type }) => type === 'dataNotFound'));
    t.false(paths(world, client).some((path) => path.includes(victim)));
    t.is(new Set(paths(world, client).map(([guard]) => guard)).size, 1);
    world.stop();
  });
}

test('relays that take a circuit and say nothing cost two seconds each where circuits are quick, and are passed over next time', async (t) => {
  const { world, client } = await worldOf(4, 3);
  (await inTime(world, client.onion.open(FAST))).close();
  const heard: number[] = [];
  for (let i = 0; i < 12; i++) {
    const index = world.nodes.length;
    world.add({ puppet: () => void heard.push(index) });
  }
  for (let i = 0; i < 5; i++) {
    const startedMs = world.clock.nowMs();
    const circuits = await inTime(world, client.onion.open(FAST));
    t.true(world.clock.nowMs() - startedMs < CIRCUIT_BUILD_TIMEOUT_MS, `open ${i}`);
    circuits.close();
  }
  t.true(new Set(heard).size > 0, 'some of them were drawn');
  world.stop();
});

test('open: when the relays that are tried say nothing, the error says that, not that too few are known', async (t) => {
  const { world, client } = await worldOf(3, 4);
  (await inTime(world, client.onion.open(FAST))).close();
  await world.clock.advance(1_000);
  const guard = world.dials.find(({ from }) => from === 0)!.to;
  for (let i = 0; i < 4; i++) world.add({ puppet: () => {} });
  world.view = () =>
    world.nodes.filter(({ index }) => index === guard || index > 3).map(({ descriptor }) => descriptor);
  const error = await t.throwsAsync(inTime(world, client.onion.open(FAST)));
  t.is((error as LocalError).code, 'relays_silent');
  world.stop();
});

test('a dead guard: its spare takes over after the patience, and not before', async (t) => {
  const { world, client } = await worldOf(6, 9, 1);
  await world.clock.advance(1_000);
  const circuits = await inTime(world, client.onion.open(FAST));
  await fetchMany(world, circuits, 4);
  const guard = paths(world, client)[0]![0]!;
  // A second link, so that it is the guard that is gone and not our own line.
  await inTime(world, client.links.connect(world.nodes[guard === 1 ? 2 : 1]!.descriptor));
  world.nodes[guard]!.die();
  await world.clock.advance(1_500);
  t.false(client.onion.snapshot().guardUp);
  t.is(client.onion.snapshot().circuits.length, 0);
  t.deepEqual(client.reported, [], 'the view, which others may ask, does not hear who our guard is');
  const second = await inTime(world, client.onion.open(FAST));
  t.true(world.clock.nowMs() < 6_000);
  client.trace.length = 0;
  t.true((await fetchMany(world, second, 4)).every(({ type }) => type === 'data'));
  t.not(paths(world, client)[0]![0], guard);
  t.true(world.logged.some((line) => line.includes('guard')));
  world.stop();
});

test('the same guard after a restart of the client', async (t) => {
  const guards = new Set<number>();
  const { world, client } = await worldOf(8, 10);
  let current = client;
  for (let round = 0; round < 4; round++) {
    const circuits = await inTime(world, current.onion.open(FAST));
    await fetchMany(world, circuits, 2);
    guards.add(paths(world, current)[0]![0]!);
    current.onion.stop();
    current = world.add({ role: ROLE.light, as: 0, records: client.records });
  }
  t.is(guards.size, 1);
  world.stop();
});

test('an exit that never answers: timeout after 15 s if the circuit lives, circuitFailed if nothing at all comes back', async (t) => {
  const { world, client } = await worldOf(3, 11);
  const circuits = await inTime(world, client.onion.open(FAST));
  const silent = ref(0);
  world.onFetch = (key) =>
    hexKey(key) === hexKey(silent.key) ? new Promise(() => {}) : Promise.resolve({ type: 'dataNotFound' });
  const startMs = world.clock.nowMs();
  const asked = circuits.fetch(silent, 0);
  await world.clock.advance(10_000);
  await inTime(world, circuits.fetch(ref(1), 0));
  t.is((await inTime(world, asked)).type, 'timeout');
  t.is(world.clock.nowMs() - startMs, REQUEST_TIMEOUT_MS);
  const alone = circuits.fetch(silent, 1);
  t.is((await inTime(world, alone)).type, 'circuitFailed');
  t.true(world.clock.nowMs() - startMs <= 2 * REQUEST_TIMEOUT_MS + 1_000, 'the first silence ends the circuit for all');
  world.stop();
});

test('circuits retire before their life is over and are replaced while there is work, not in an idle document', async (t) => {
  const { world, client } = await worldOf(4, 12);
  const circuits = await inTime(world, client.onion.open(FAST));
  world.onFetch = async () => ({ type: 'dataNotFound' });
  for (let spentMs = 0; spentMs < CIRCUIT_LIFE_MS + 60_000; spentMs += 10_000) {
    const outcomes = await fetchMany(world, circuits, 4);
    t.true(outcomes.every(({ type }) => type === 'dataNotFound'));
    t.true(client.onion.snapshot().circuits.every(({ ageMs }) => ageMs <= CIRCUIT_LIFE_MS));
    await world.clock.advance(10_000);
  }
  t.true(client.onion.snapshot().built >= 4);
  await world.clock.advance(CIRCUIT_LIFE_MS * 2);
  t.is(client.onion.snapshot().circuits.length, 0, 'idle: nothing is kept up');
  t.is((await fetchMany(world, circuits, 1))[0]!.type, 'dataNotFound', 'and the next request finds new ones');
  world.stop();
});

test('close: what is under way and in line ends as circuitFailed; nothing of it is left at any relay', async (t) => {
  const { world, client } = await worldOf(4, 13);
  const circuits = await inTime(world, client.onion.open(FAST));
  world.onFetch = () => new Promise(() => {});
  const asked = Array.from({ length: 60 }, (_, i) => circuits.fetch(ref(i), 0));
  await world.clock.advance(200);
  circuits.close();
  circuits.close();
  const outcomes = await inTime(world, Promise.all(asked));
  t.true(outcomes.every(({ type }) => type === 'circuitFailed'));
  t.is((await inTime(world, circuits.fetch(ref(1), 0))).type, 'circuitFailed');
  await world.clock.advance(200);
  t.is(client.onion.snapshot().circuits.length, 0);
  for (const node of world.nodes.slice(1)) t.deepEqual(node.onion.snapshot().relayed, { guard: 0, middle: 0, exit: 0 });
  world.stop();
});

test('stop: everything ends, nothing ticks on, and a later open says offline', async (t) => {
  const { world, client } = await worldOf(5, 14, 2);
  await world.clock.advance(1_000);
  const circuits = await inTime(world, client.onion.open(FAST));
  world.onFetch = () => new Promise(() => {});
  const asked = circuits.fetch(ref(1), 0);
  await world.clock.advance(100);
  const opening = client.onion.open(FAST);
  world.stop();
  t.is((await asked).type, 'circuitFailed');
  await opening.catch(() => {});
  await world.clock.advance(100);
  t.is(world.clock.timersPending, 0);
  t.is(((await t.throwsAsync(client.onion.open(FAST))) as LocalError).code, 'offline');
});

test('a blocked guard link holds cells back without losing or reordering any', async (t) => {
  const { world, client } = await worldOf(4, 15);
  const circuits = await inTime(world, client.onion.open(FAST));
  await world.clock.advance(500);
  world.blocked.add(0);
  const block = createSeededRandom('b').bytes(32_768);
  const asked = Array.from({ length: 30 }, (_, i) =>
    i % 3 === 0 ? circuits.fetch(ref(i), 0) : circuits.insert(ref(i), 0, 1, block),
  );
  const link = client.links.all()[0]!;
  for (let i = 0; i < 20; i++) {
    await world.clock.advance(20);
    client.onion.linkDrained(link);
  }
  world.blocked.delete(0);
  for (let i = 0; i < 20; i++) {
    await world.clock.advance(20);
    client.onion.linkDrained(link);
  }
  const outcomes = await inTime(world, Promise.all(asked as Promise<{ type: string }>[]));
  t.true(outcomes.every(({ type }) => type === 'data' || type === 'inserted'));
  t.is(client.onion.snapshot().buildFailures, 0);
  world.stop();
});

test('the same seed gives the same paths and the same deals', async (t) => {
  const run = async (): Promise<number[][]> => {
    const { world, client } = await worldOf(7, 16, 2);
    await world.clock.advance(1_000);
    const circuits = await inTime(world, client.onion.open(FAST));
    await fetchMany(world, circuits, 40);
    world.stop();
    return paths(world, client);
  };
  t.deepEqual(await run(), await run());
});

test('no log line of a fetch, an insert or a failure holds a key', async (t) => {
  const { world, client } = await worldOf(5, 17);
  const circuits = await inTime(world, client.onion.open(FAST));
  await fetchMany(world, circuits, 5);
  world.nodes[2]!.die();
  await world.clock.advance(30_000);
  for (let i = 0; i < 5; i++) {
    const hex = hexKey(ref(i).key);
    t.false(world.logged.some((line) => line.includes(hex.slice(0, 8))));
  }
  world.stop();
});

test('document: half the relays die at once; the builds that had drawn them count once, and a circuit stands within seconds', async (t) => {
  const { world, client } = await worldOf(18);
  const first = await inTime(world, client.onion.open(FAST));
  await fetchMany(world, first, 20);
  const guard = paths(world, client)[0]![0]!;
  first.close();
  const others = world.nodes.filter((node, index) => node !== client && index !== guard);
  for (const node of others.slice(0, 8)) node.die();
  const startMs = world.clock.nowMs();
  const opened = await inTime(world, Promise.all([1, 2, 3, 4].map(() => client.onion.open(FAST))));
  const tookMs = world.clock.nowMs() - startMs;
  t.is(opened.length, 4);
  t.true(tookMs < 5_000, `${tookMs} ms`);
  world.stop();
});
