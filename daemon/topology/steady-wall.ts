/**
 * The host's wall clock, held against the monotonic one: a leap is believed only when it may be true.
 *
 * Shape   check() once a round. Small differences are taken over. A leap forward of up to LEAP_MS is a machine that slept: its monotonic
 *         clock may have stood still. Any other leap is left out of account for as long as somebody is linked to us, for peers tell
 *         us the hour; alone, the host's clock is all there is.
 * Unit    milliseconds.
 * Why     descriptors expire by the hour: a clock that jumps ten years would have us forget everybody we know, and one that jumps back
 *         would have others refuse us. Time that steers anything else is monotonic.
 * Source  design § 5 (network hour).
 * @module
 */
import type { Clock } from '../ports.ts';

const HOUR_MS = 3_600_000;
const SMALL_MS = HOUR_MS / 2;
/** As long as descriptors live: what slept longer has to be introduced anew anyway. */
export const LEAP_MS = 72 * HOUR_MS;

export interface SteadyWall extends Pick<Clock, 'nowMs' | 'wallMs'> {
  /** @returns how far the host's clock has leapt since the last check; 0 when it runs on evenly */
  check(isLinked: boolean): number;
}

export function createSteadyWall(clock: Pick<Clock, 'nowMs' | 'wallMs'>): SteadyWall {
  let wallBaseMs = clock.wallMs();
  let nowBaseMs = clock.nowMs();
  let seenMs = 0;
  const wallMs = (): number => wallBaseMs + (clock.nowMs() - nowBaseMs);
  return {
    nowMs: () => clock.nowMs(),
    wallMs,
    check(isLinked) {
      const leapMs = clock.wallMs() - wallMs();
      const isCredible = Math.abs(leapMs) <= SMALL_MS || (leapMs > 0 && leapMs <= LEAP_MS) || !isLinked;
      const sinceMs = leapMs - seenMs;
      seenMs = isCredible ? 0 : leapMs;
      if (isCredible) {
        wallBaseMs = clock.wallMs();
        nowBaseMs = clock.nowMs();
      }
      return Math.abs(sinceMs) < 1_000 ? 0 : sinceMs;
    },
  };
}
