import test from 'ava';
import fc from 'fast-check';
import { ESTIMATES_MAX } from '../../../daemon/limits.ts';
import { Estimates, monotone, octaveOf } from '../../../daemon/router/estimates.ts';
import { createMemoryDisk } from '../../support/memory-disk.ts';

test('monotone: never falls (or never rises), keeps the weighed sum, and leaves what is in order as it was', (t) => {
  const items = fc.array(
    fc.record({ weight: fc.integer({ min: 1, max: 50 }), mean: fc.integer({ min: 0, max: 100 }) }),
    { minLength: 1, maxLength: 16 },
  );
  fc.assert(
    fc.property(items, fc.constantFrom(1 as const, -1 as const), (list, direction) => {
      const fitted = monotone(
        list.map(({ weight, mean }) => ({ sum: weight * mean, weight })),
        direction,
      );
      t.is(fitted.length, list.length);
      t.true(fitted.every((value, i) => i === 0 || (value - fitted[i - 1]!) * direction >= -1e-9));
      const given = list.reduce((sum, { weight, mean }) => sum + weight * mean, 0);
      const kept = list.reduce((sum, { weight }, i) => sum + weight * fitted[i]!, 0);
      t.true(Math.abs(given - kept) < 1e-6 * Math.max(1, given));
    }),
    { numRuns: 200 },
  );
  t.deepEqual(
    monotone(
      [
        { sum: 1, weight: 1 },
        { sum: 4, weight: 2 },
        { sum: 3, weight: 1 },
      ],
      1,
    ),
    [1, 2, 3],
  );
  t.deepEqual(
    monotone(
      [
        { sum: 0, weight: 0 },
        { sum: 6, weight: 2 },
        { sum: 0, weight: 0 },
      ],
      1,
    ),
    [3, 3, 3],
  );
});

test('octaveOf: exact at the powers of two, in bounds everywhere', (t) => {
  t.deepEqual([0.5, 0.3, 0.25, 0.24, 0.125, 0.1, 2 ** -40, 0].map(octaveOf), [0, 0, 0, 1, 1, 2, 11, 11]);
});

function taught(): Estimates {
  const estimates = new Estimates(0);
  for (let i = 0; i < 40; i++) {
    estimates.note('good', 0.1, { tookMs: 100 }, 0);
    estimates.note('slow', 0.1, { tookMs: 900 }, 0);
    if (i < 20) estimates.note('dropper', 0.1, 'failed', 0);
  }
  return estimates;
}

test('Estimates: who drops is put far behind, who is slow a little, who is unknown nowhere', (t) => {
  const estimates = taught();
  t.true(estimates.factorOf('dropper', 0.1) > 4);
  const slow = estimates.factorOf('slow', 0.1);
  t.true(slow >= 1 && slow < 2, `${slow}`);
  t.true(estimates.factorOf('good', 0.1) <= 1);
  t.is(estimates.factorOf('stranger', 0.1), 1);
  t.is(estimates.expectedMs('good', 0.1), 100);
  t.is(estimates.expectedMs('stranger', 0.1), 500);
  t.is(new Estimates(0).expectedMs('anybody', 0.1), 0);
});

test('Estimates: three bad answers condemn nobody; what is long ago counts for little', (t) => {
  const estimates = taught();
  for (let i = 0; i < 3; i++) estimates.note('unlucky', 0.1, 'failed', 0);
  t.is(estimates.factorOf('unlucky', 0.1), 1);
  const dayMs = 86_400_000;
  for (let i = 0; i < 10; i++) {
    estimates.note('dropper', 0.1, { tookMs: 100 }, dayMs);
    estimates.note('good', 0.1, { tookMs: 100 }, dayMs);
  }
  t.is(estimates.factorOf('dropper', 0.1), 1);
});

test('Estimates: success near says nothing against a failure far away, but never the other way round', (t) => {
  const estimates = new Estimates(0);
  for (let i = 0; i < 30; i++) {
    estimates.note('a', 0.4, 'failed', 0);
    estimates.note('a', 0.001, { tookMs: 50 }, 0);
    estimates.note('b', 0.4, { tookMs: 50 }, 0);
    estimates.note('b', 0.001, { tookMs: 50 }, 0);
  }
  t.true(estimates.factorOf('a', 0.4) > 1.5);
  t.is(estimates.factorOf('a', 0.001), 1);
});

test('Estimates: written, read back in another life; a damaged record is dropped; ESTIMATES_MAX peers at most', async (t) => {
  const records = await createMemoryDisk().openRecords('node');
  const estimates = taught();
  estimates.save(records);
  const later = new Estimates(0);
  for (const peer of ['good', 'slow', 'dropper', 'stranger']) later.load(records, peer, 0);
  t.is(later.expectedMs('good', 0.1), 100);
  records.put('route-estimates', 'good', new Uint8Array(5));
  const third = new Estimates(0);
  third.load(records, 'good', 0);
  t.is(third.size, 0);
  t.is(records.get('route-estimates', 'good'), undefined);
  for (let i = 0; i < 2 * ESTIMATES_MAX; i++) third.note(`${i}`, 0.1, 'failed', 0);
  t.is(third.size, ESTIMATES_MAX);
  third.save(records);
  t.true(records.entries('route-estimates').length <= ESTIMATES_MAX + 2);
});
