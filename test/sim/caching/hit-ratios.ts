/**
 * One cache, one trace: the share of questions that each policy answers.
 *
 * Unit    the first tenth of the trace only fills the caches.
 * @module
 */
import { rounded, shareOf } from '../routing/statistics.ts';
import type { TraceHash } from '../routing/trace-hash.ts';
import { createFastRandom } from '../world/fast-random.ts';
import type { Cache } from './cache-types.ts';
import { createProductCache } from './product-cache.ts';
import { createBelady, createLfu, createLru } from './textbook-caches.ts';
import { drawTrace, type TraceOptions } from './traces.ts';

const WARM_UP_SHARE = 0.1;

export const POLICIES = ['holloway', 'lru', 'lfu', 'belady'] as const;
export type Policy = (typeof POLICIES)[number];

export function measureHitRatios(
  options: TraceOptions,
  slots: number,
  seed: string,
  hash: TraceHash,
): Readonly<Record<Policy, number>> {
  const random = createFastRandom(seed);
  const trace = drawTrace(options, random);
  const caches: Readonly<Record<Policy, Cache>> = {
    holloway: createProductCache(slots, random.below(2 ** 32)),
    lru: createLru(slots),
    lfu: createLfu(slots),
    belady: createBelady(slots, trace),
  };
  const ratios: Record<Policy, number> = { holloway: 0, lru: 0, lfu: 0, belady: 0 };
  for (const policy of POLICIES) {
    const hits = countHits(caches[policy], trace);
    hash.add(hits);
    ratios[policy] = rounded(shareOf(hits, trace.length - warmUp(trace)).share, 5);
  }
  return ratios;
}

const warmUp = (trace: Int32Array): number => Math.floor(trace.length * WARM_UP_SHARE);

function countHits(cache: Cache, trace: Int32Array): number {
  const counted = warmUp(trace);
  let hits = 0;
  for (let i = 0; i < trace.length; i++) {
    const key = trace[i]!;
    if (!cache.get(key, i)) cache.put(key, i);
    else if (i >= counted) hits++;
  }
  return hits;
}
