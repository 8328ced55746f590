/**
 * The network hour: our own clock, set right by what peers say when at least five of them do.
 *
 * Shape   peers tell their hour when a link opens (Observed); it counts for as long as they are peers, and moves on with the
 *         monotonic clock: when our own wall clock jumps, what they told still says what time it is.
 * Unit    whole hours since 1970.
 * Why     descriptors expire, so a clock that is a day wrong would shut a node out; the median keeps a minority of liars from moving it.
 *         A difference of one hour is nothing but the minute of the hour at which it was measured: acted upon, and passed on, it
 *         would push the whole network's clock along an hour at a time.
 * Source  design § 5.
 * @module
 */
import type { Clock } from '../ports.ts';

const HOUR_MS = 3_600_000;
export const OBSERVERS_MIN = 5;

export interface HourTold {
  readonly hour: number;
  readonly atMs: number; // Clock.nowMs
}

/** A peer's clock minus ours. It told a whole hour, so we take it to have been in the middle of it. */
export function hoursAhead(told: HourTold, clock: Pick<Clock, 'nowMs' | 'wallMs'>): number {
  const theirsMs = (told.hour + 0.5) * HOUR_MS + (clock.nowMs() - told.atMs);
  return Math.round((theirsMs - clock.wallMs()) / HOUR_MS);
}

/** Peers' clocks minus ours, in hours, or undefined with too few of them. */
export function medianOffsetHours(differences: readonly number[]): number | undefined {
  if (differences.length < OBSERVERS_MIN) return undefined;
  const sorted = [...differences].sort((a, b) => a - b);
  const median = sorted[(sorted.length - 1) >> 1]!;
  return Math.abs(median) <= 1 ? 0 : median;
}

export function ownHour(wallMs: number): number {
  return Math.floor(wallMs / HOUR_MS);
}

export function hoursToMs(hours: number): number {
  return hours * HOUR_MS;
}
