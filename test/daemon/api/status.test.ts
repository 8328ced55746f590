import test from 'ava';
import { createAliases } from '../../../daemon/api/aliases.ts';
import { createLostPeers, LOST_PEERS_KEPT } from '../../../daemon/api/lost-peers.ts';
import { createSampler, SAMPLES_KEPT, type Totals } from '../../../daemon/api/sampler.ts';
import { WINDOWS } from '../../../daemon/api/schema.ts';
import { definitionOf, NUMBERS } from '../../../daemon/api/schema-numbers.ts';
import { createStatusSource, percentile } from '../../../daemon/api/status.ts';
import { createWindows, STEPS_KEPT } from '../../../daemon/api/windows.ts';
import type { Peer } from '../../../daemon/topology/topology-types.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { createFakeNode } from './fake-node.ts';

function statusOf(clock = createManualClock()) {
  const node = createFakeNode(() => clock.nowMs());
  const line = { atMs: 1, level: 'info', subsystem: 'node', text: 'one line', repeats: 1 } as const;
  const log = { lines: () => new Array(500).fill(line) };
  const source = createStatusSource({ node, clock, log, version: 'test', pid: 1, memoryBytes: () => 5 });
  return { node, clock, source, log };
}

function numbersIn(value: unknown, path: string): string[] {
  if (typeof value === 'number') return [path];
  if (Array.isArray(value)) return value.flatMap((item) => numbersIn(item, `${path}[]`));
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([name, item]) => numbersIn(item, path === '' ? name : `${path}.${name}`));
}

test('NUMBERS: every number of a Status is defined, and nothing else is', async (t) => {
  const { node, source, clock } = statusOf();
  node.client.fetch('CHK@x', { trafficClass: 'fast' });
  await clock.advance(1_000);
  node.peersUp = 2;
  await clock.advance(1_000);
  const found = new Set(numbersIn(source.read('full'), ''));
  t.deepEqual(
    [...found].filter((path) => definitionOf(path) === undefined),
    [],
  );
  // These are null until something is known, so the fake does not show them all.
  const sometimes = [
    'transfers[].blocksNeeded',
    'transfers[].totalBytes',
    'transfers[].etaS',
    'transfers[].copiesMin',
    'transfers[].priority',
    'transfers[].attempts',
    'transfers[].nextAttemptInMs',
    'transfers[].verified.asked',
    'transfers[].verified.found',
    'store.diskFreeBytes',
  ];
  t.deepEqual(
    Object.keys(NUMBERS).filter((path) => !found.has(path) && !sometimes.includes(path)),
    [],
  );
});

const NO_TOTALS = {
  bytesIn: 0,
  bytesOut: 0,
  built: 0,
  buildFailures: 0,
  writeFailures: 0,
  damaged: 0,
  served: 0,
  found: 0,
  notFound: 0,
  failed: 0,
  evicted: 0,
  taken: 0,
};

test('sampler: rates are per second, never negative, and bounded', async (t) => {
  const clock = createManualClock();
  const totals = { ...NO_TOTALS };
  const read = (): Totals => ({ ...totals, transfers: new Map() });
  const sampler = createSampler(clock, read);
  totals.bytesIn = 5_000;
  totals.writeFailures = 3;
  await clock.advance(1_000);
  t.deepEqual(sampler.history('bytesIn'), [5_000]);
  t.is(sampler.lately('writeFailures'), 3);
  totals.bytesIn = 0;
  await clock.advance(1_000);
  t.deepEqual(sampler.history('bytesIn'), [5_000, 0]);
  await clock.advance(200_000);
  t.is(sampler.history('bytesIn').length, SAMPLES_KEPT);
  t.is(sampler.lately('writeFailures'), 0, 'forgotten after a minute');
  sampler.stop();
  t.is(clock.timersPending, 0);
});

test('windows: a week of seconds keeps sixty steps each, and the totals are what was added', (t) => {
  const start = 12_345;
  const windows = createWindows(['bytesIn'], start, { bytesIn: 0 });
  let bytesIn = 0;
  const seconds = 7 * 86_400 + 500;
  for (let second = 1; second <= seconds; second++) {
    bytesIn += 100;
    windows.add(start + second * 1_000, { bytesIn });
  }
  for (const window of WINDOWS) {
    const { rates, total, coveredMs, stepMs } = windows.read(window);
    t.is(rates.bytesIn.length, STEPS_KEPT);
    t.true(rates.bytesIn.every((rate) => rate === 100));
    t.is(total.bytesIn, coveredMs / 10);
    t.true(coveredMs > stepMs * (STEPS_KEPT - 1) && coveredMs <= stepMs * STEPS_KEPT);
  }
});

test('windows: an hour of standing still is an hour without steps, and no peak comes after it', (t) => {
  const windows = createWindows(['n'], 0, { n: 0 });
  windows.add(1_000, { n: 10 });
  windows.add(3_601_000, { n: 3_610 });
  windows.add(3_602_000, { n: 5 });
  for (const window of WINDOWS) {
    const { rates, total } = windows.read(window);
    t.true(
      rates.n.every((rate) => rate >= 0 && rate <= 10),
      `${window}: ${rates.n.join(' ')}`,
    );
    t.true(total.n >= 3_600);
  }
  t.is(windows.read('1m').rates.n.length, STEPS_KEPT);
});

test('lost peers: who went, for how long, how often; back means no longer listed; bounded', (t) => {
  const { node } = statusOf();
  const [first, second] = node.snapshot().peers as readonly [Peer, Peer];
  const lost = createLostPeers((key) => `p${key}`);
  lost.look([first, second], 1_000, 10_000);
  t.deepEqual(lost.list(), []);
  lost.look([second], 5_000, 14_000);
  t.like(lost.list()[0], { alias: `p${first.key}`, lostAtMs: 14_000, stayedMs: 5_000, times: 1, linkEnded: false });
  lost.look([first, second], 6_000, 15_000);
  t.deepEqual(lost.list(), []);
  lost.look([second], 7_000, 16_000);
  t.is(lost.list()[0]!.times, 2);
  const many = Array.from({ length: LOST_PEERS_KEPT + 9 }, (_, i) => ({ ...first, key: `many-${i}` }));
  lost.look(many, 8_000, 17_000);
  lost.look([], 9_000, 18_000);
  t.is(lost.list().length, LOST_PEERS_KEPT);
});

test('status: a window is chosen by the reader, and its rates come with it', async (t) => {
  const { node, source, clock } = statusOf();
  node.bytesIn = 50_000;
  await clock.advance(10_000);
  t.like(source.read('full', 0, '10m').history, { window: '10m', stepMs: 10_000 });
  t.is(source.read('full').history.window, '1m');
  const { inBytesPerSec, inBytes } = source.read('full', 0, '1h').history;
  t.is(inBytes, 49_000);
  t.deepEqual(inBytesPerSec, [4_900]);
});

test('status: a transfer shows its rate and the time left while it runs', async (t) => {
  const { node, source, clock } = statusOf();
  async function* source1(): AsyncGenerator<Uint8Array> {
    yield new Uint8Array(4_000);
    await new Promise(() => {});
  }
  node.client.publish(source1(), { trafficClass: 'fast', convergent: false });
  await clock.advance(2_000);
  const transfer = source.read('full').transfers[0]!;
  t.is(transfer.alias, 'file-1');
  t.is(transfer.bytesPerSec, 2_000);
  t.is(transfer.etaS, null);
});

test('status: refused writes make the verdict TROUBLE for a minute', async (t) => {
  const { node, source, clock } = statusOf();
  t.is(source.read('full').verdict.word, 'HEALTHY');
  node.writeFailures = 2;
  await clock.advance(1_000);
  t.is(source.read('full').verdict.word, 'TROUBLE');
  await clock.advance(62_000);
  t.is(source.read('full').verdict.word, 'HEALTHY');
});

test('percentile answers the upper edge of the bucket', (t) => {
  t.is(percentile([], 0.5), null);
  t.is(percentile([0, 0], 0.5), null);
  t.is(percentile([1], 0.5), 2);
  t.is(percentile([1, 0, 0, 99], 0.5), 16);
});

test('status: carries the last hundred log lines, not all that are kept', (t) => {
  t.is(statusOf().source.read('full').log.length, 100);
});

test('aliases: kept while the thing is there, never given twice, bounded', (t) => {
  const aliases = createAliases('p', 2, 2);
  t.is(aliases.of('x'), 'p01');
  t.is(aliases.of('y'), 'p02');
  t.is(aliases.of('x'), 'p01');
  aliases.of('z');
  aliases.keepOnly(new Set(['z']));
  t.is(aliases.size, 1);
  t.is(aliases.of('x'), 'p04');
});
