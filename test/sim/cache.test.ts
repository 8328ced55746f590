/**
 * Caches of the comparison against what they must do, and the product's cache in a small network.
 * @module
 */
import test from 'ava';
import fc from 'fast-check';
import type { Cache } from './caching/cache-types.ts';
import { measureHitRatios, POLICIES } from './caching/hit-ratios.ts';
import { runNetworkCaching } from './caching/network-caching.ts';
import { createProductCache } from './caching/product-cache.ts';
import { createBelady, createLfu, createLru } from './caching/textbook-caches.ts';
import { drawTrace } from './caching/traces.ts';
import { createZipf } from './caching/zipf.ts';
import cache from './experiments/cache.ts';
import { createTraceHash } from './routing/trace-hash.ts';
import { createFastRandom } from './world/fast-random.ts';

/** Which questions were hits, as a drawing: h or a dot for each. */
function play(one: Cache, trace: readonly number[]): string {
  return trace
    .map((key, position) => {
      if (one.get(key, position)) return 'h';
      one.put(key, position);
      return '.';
    })
    .join('');
}
const hitsOf = (drawing: string): number => drawing.split('h').length - 1;

test('createLru: gives up what was not used for longest', (t) => {
  t.is(play(createLru(2), [1, 2, 1, 3, 1, 2]), '..h.h.');
});

test('createLfu: gives up what was asked for least, also counting what it does not hold', (t) => {
  t.is(play(createLfu(2), [1, 1, 2, 3, 1, 3, 2]), '.h..hh.');
});

test('createBelady: hits as often as the best of all choices, tried out', (t) => {
  const best = (trace: readonly number[], at: number, held: readonly number[], capacity: number): number => {
    if (at === trace.length) return 0;
    const key = trace[at]!;
    if (held.includes(key)) return 1 + best(trace, at + 1, held, capacity);
    const kept =
      held.length < capacity ? [[...held, key]] : held.map((gone) => [...held.filter((one) => one !== gone), key]);
    return Math.max(...[held, ...kept].map((choice) => best(trace, at + 1, choice, capacity)));
  };
  const key = fc.nat({ max: 4 });
  fc.assert(
    fc.property(fc.array(key, { minLength: 1, maxLength: 9 }), fc.integer({ min: 1, max: 3 }), (trace, capacity) => {
      t.is(hitsOf(play(createBelady(capacity, trace), trace)), best(trace, 0, [], capacity));
    }),
  );
});

test('createProductCache: holds what was put, never more than its capacity', (t) => {
  const one = createProductCache(16, 7);
  t.false(one.get(3, 0));
  one.put(3, 0);
  t.true(one.holds(3));
  t.true(one.get(3, 0));
  for (let key = 100; key < 400; key++) if (!one.get(key, 0)) one.put(key, 0);
  let held = 0;
  for (let key = 0; key < 400; key++) if (one.holds(key)) held++;
  t.is(held, 16);
});

test('createZipf: shares sum to one, and draws follow them', (t) => {
  const zipf = createZipf(50, 1);
  const random = createFastRandom('zipf');
  const drawn = new Array<number>(50).fill(0);
  for (let i = 0; i < 20_000; i++) drawn[zipf.draw(random)]!++;
  const shares = drawn.map((_, rank) => zipf.shareOf(rank));
  t.true(Math.abs(shares.reduce((sum, share) => sum + share, 0) - 1) < 1e-9);
  t.true(Math.abs(shares[0]! / shares[9]! - 10) < 1e-9);
  t.true(Math.abs(drawn[0]! / 20_000 - shares[0]!) < 0.015);
  t.true(drawn[49]! > 0);
});

test('drawTrace: what a scan asks for never comes again', (t) => {
  const trace = drawTrace(
    { requests: 1_000, keys: 20, exponent: 1, scanLength: 30, scanEvery: 70 },
    createFastRandom('scan'),
  );
  const scanned = [...trace].filter((key) => key >= 20);
  t.is(new Set(scanned).size, scanned.length);
  t.is(scanned.length, 300);
});

test('measureHitRatios: with scans the product is 5 points above LRU, and nobody is above Belady', (t) => {
  const trace = { requests: 40_000, keys: 8_000, exponent: 0.8, scanLength: 200, scanEvery: 800 };
  const ratios = measureHitRatios(trace, 80, 'scans', createTraceHash());
  t.true(ratios.holloway >= ratios.lru + 0.05, `${ratios.holloway} against ${ratios.lru}`);
  for (const policy of POLICIES) t.true(ratios[policy] <= ratios.belady, policy);
});

const SMALL = { nodes: 120, peers: 16, keys: 400, exponent: 1, slotsPerNode: 8, seed: 'small' };

test('runNetworkCaching: after one request exactly the routed nodes on the way hold it', (t) => {
  let seen = 0;
  for (let i = 0; i < 12; i++) {
    const once = runNetworkCaching(
      { ...SMALL, nodes: 60, peers: 10, requests: 1, seed: `once ${i}` },
      createTraceHash(),
    );
    const copies = once.copies.reduce((sum, count) => sum + count, 0);
    const hops = once.hopsSum.reduce((sum, count) => sum + count, 0);
    t.is(copies, Math.max(0, hops - 1));
    seen += copies;
  }
  t.true(seen > 0);
});

test('runNetworkCaching: everything is found, and what is wanted more is nearer and more often held', (t) => {
  const result = runNetworkCaching({ ...SMALL, requests: 6_000 }, createTraceHash());
  t.is(result.found, 3_000);
  const mean = (values: ArrayLike<number>, from: number, to: number): number =>
    Array.from(values)
      .slice(from, to)
      .reduce((sum, value) => sum + value, 0) /
    (to - from);
  t.true(mean(result.copies, 0, 8) > 3 * mean(result.copies, 200, 400));
  const hops = (from: number, to: number): number => mean(result.hopsSum, from, to) / mean(result.requests, from, to);
  t.true(hops(0, 8) < hops(200, 400));
});

test('cache: a short run repeats itself with the same seed', async (t) => {
  const options = { seed: 3, runs: 1, nodes: 40, peers: 12, short: true, progress: () => {} };
  const first = await cache.run(options);
  const again = await cache.run(options);
  t.is(again.traceHash, first.traceHash);
  t.not((await cache.run({ ...options, seed: 4 })).traceHash, first.traceHash);
  t.true(
    first.figures.every((figure) => figure.reached),
    JSON.stringify(first.figures),
  );
});
