/**
 * How often something may happen: a bucket that refills with time.
 *
 * Unit    tokens; refill in tokens per second of Clock.nowMs.
 * @module
 */
export interface TokenBucket {
  /** True, and one token fewer, if there was one. */
  take(nowMs: number): boolean;
}

export function createTokenBucket(capacity: number, refillPerSec: number, nowMs: number): TokenBucket {
  let tokens = capacity;
  let countedMs = nowMs;
  return {
    take(atMs) {
      tokens = Math.min(capacity, tokens + ((atMs - countedMs) / 1_000) * refillPerSec);
      countedMs = atMs;
      if (tokens < 1) return false;
      tokens--;
      return true;
    },
  };
}
