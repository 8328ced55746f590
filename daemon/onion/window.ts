/**
 * How many requests may be under way on one circuit, from measured round trips.
 *
 * Unit    requests, WINDOW_FIRST..WINDOW_MAX; milliseconds.
 * Why     one more per answer while answers come as fast as the best seen, a quarter fewer (once per round trip) when they take SLOW_FACTOR
 *         times as long: then our own requests queue somewhere, and more of them would only lengthen that queue. The ceiling is low,
 *         because a fast exit must not end up with much more than its share of a document (design § 1).
 * @module
 */
export const WINDOW_FIRST = 8;
const WINDOW_MIN = 2;
const WINDOW_MAX = 16;
const SLOW_FACTOR = 4;
/** Round trips below this are never called slow: a timer's grain or one busy moment of a small machine. */
const SLOW_FLOOR_MS = 200;

export interface RequestWindow {
  readonly size: number;
  answered(roundTripMs: number, nowMs: number): void;
}

export function createRequestWindow(): RequestWindow {
  let size = WINDOW_FIRST;
  let bestMs = Number.POSITIVE_INFINITY;
  let shrunkAtMs = Number.NEGATIVE_INFINITY;
  return {
    get size() {
      return Math.floor(size);
    },
    answered(roundTripMs, nowMs) {
      bestMs = Math.min(bestMs, roundTripMs);
      if (roundTripMs <= Math.max(bestMs * SLOW_FACTOR, SLOW_FLOOR_MS)) {
        size = Math.min(size + 1 / size, WINDOW_MAX);
      } else if (nowMs - shrunkAtMs >= roundTripMs) {
        size = Math.max(size * 0.75, WINDOW_MIN);
        shrunkAtMs = nowMs;
      }
    },
  };
}

/** A window that does not learn: behind a fixed pattern a round trip tells of the pattern, not of the exit. */
export function createFixedWindow(size: number): RequestWindow {
  return { size, answered: () => {} };
}
