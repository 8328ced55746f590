import test from 'ava';
import { createAliases } from '../../../daemon/api/aliases.ts';
import { createSampler, SAMPLES_KEPT, type Totals } from '../../../daemon/api/sampler.ts';
import { definitionOf, NUMBERS } from '../../../daemon/api/schema-numbers.ts';
import { createStatusSource, percentile } from '../../../daemon/api/status.ts';
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
  const found = new Set(numbersIn(source.read('full'), ''));
  t.deepEqual(
    [...found].filter((path) => definitionOf(path) === undefined),
    [],
  );
  // These are null until something is known, so the fake does not show them all.
  const sometimes = ['transfers[].blocksNeeded', 'transfers[].totalBytes', 'transfers[].etaS', 'transfers[].copiesMin'];
  t.deepEqual(
    Object.keys(NUMBERS).filter((path) => !found.has(path) && !sometimes.includes(path)),
    [],
  );
});

test('sampler: rates are per second, never negative, and bounded', async (t) => {
  const clock = createManualClock();
  const totals = { bytesIn: 0, bytesOut: 0, built: 0, buildFailures: 0, writeFailures: 0, damaged: 0 };
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
