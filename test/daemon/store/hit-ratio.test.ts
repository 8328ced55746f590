/**
 * The cache's policy beside LRU where popularity moves on: whole turnovers, and a slow drift, calm and under scans. Where it stands still,
 * `npm run sim -- cache` compares with LFU and Belady's too.
 * @module
 */
import test from 'ava';
import { createProductCache } from '../../sim/caching/product-cache.ts';
import { createLru } from '../../sim/caching/textbook-caches.ts';
import { drawTrace } from '../../sim/caching/traces.ts';
import { createFastRandom } from '../../sim/world/fast-random.ts';

const KEYS = 4_000;
const SLOTS = 200;
const REQUESTS = 60_000;
const WARM_UP = REQUESTS / 10;

/** Which key stands at a rank at that moment. */
type Shift = (at: number) => number;

const turnover: Shift = (at) => Math.floor(at / 15_000) * 1_300;
const drift: Shift = (at) => Math.floor(at / 300);

/** Points by which the share of answered questions lies above LRU's. */
function aheadOfLru(exponent: number, hasScans: boolean, shift: Shift, seed: string): number {
  const random = createFastRandom(seed);
  const scans = hasScans ? { scanLength: 400, scanEvery: 1_600 } : { scanLength: 0, scanEvery: 0 };
  const trace = drawTrace({ requests: REQUESTS, keys: KEYS, exponent, ...scans }, random);
  for (let at = 0; at < trace.length; at++) {
    const key = trace[at]!;
    if (key < KEYS) trace[at] = (key + shift(at)) % KEYS;
  }
  const hits = [createProductCache(SLOTS, 7), createLru(SLOTS)].map((cache) => {
    let found = 0;
    for (let at = 0; at < trace.length; at++) {
      if (!cache.get(trace[at]!, at)) cache.put(trace[at]!, at);
      else if (at >= WARM_UP) found++;
    }
    return (found / (REQUESTS - WARM_UP)) * 100;
  });
  return hits[0]! - hits[1]!;
}

for (const exponent of [0.8, 1.0]) {
  for (const [name, shift] of [
    ['turnovers', turnover],
    ['drift', drift],
  ] as const) {
    test(`Zipf ${exponent.toFixed(1)} with ${name}: 5 points above LRU under scans, never a point below`, (t) => {
      const calm = aheadOfLru(exponent, false, shift, `${name} ${exponent}`);
      const scanned = aheadOfLru(exponent, true, shift, `${name} ${exponent}`);
      t.log(`${calm.toFixed(1)} points calm, ${scanned.toFixed(1)} under scans`);
      t.true(calm >= -1, `${calm}`);
      t.true(scanned >= 5, `${scanned}`);
    });
  }
}
