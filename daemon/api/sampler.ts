/**
 * Rates: once a second it notes the totals, and keeps the last minute of differences.
 *
 * Unit    bytes, bytes per second, counts; one sample a second, SAMPLES_KEPT of them.
 * Why     it runs whether or not somebody looks, because a history cannot be made afterwards; it costs one snapshot a second.
 *         Differences divide by the time that really passed and are never negative, so a suspended machine shows no absurd peak.
 * Source  ux §§ 1.1, 1.4.
 * @module
 */
import type { Clock, Timer } from '../ports.ts';
import type { WindowName } from './schema.ts';
import { createWindows, type WindowReading } from './windows.ts';

export const SAMPLES_KEPT = 60;
const SAMPLE_MS = 1_000;
/** A transfer's rate is the mean of this many seconds: one block is too coarse a grain. */
const TRANSFER_WINDOW = 5;

export interface Totals {
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly built: number;
  readonly buildFailures: number;
  readonly writeFailures: number;
  readonly damaged: number;
  readonly served: number;
  readonly found: number;
  readonly notFound: number;
  readonly failed: number;
  readonly evicted: number;
  /** Blocks taken into the store. */
  readonly taken: number;
  /** Running transfers: id -> bytes so far. */
  readonly transfers: ReadonlyMap<string, number>;
}

/** Counters that are kept over the long windows too. */
const WINDOW_COUNTERS = ['bytesIn', 'bytesOut', 'served', 'found', 'notFound', 'failed', 'evicted'] as const;
export type WindowCounter = (typeof WINDOW_COUNTERS)[number];

export interface Sampler {
  /** Oldest first, one a second. */
  history(counter: 'bytesIn' | 'bytesOut'): readonly number[];
  lastRate(counter: 'bytesIn' | 'bytesOut'): number;
  /** Growth within the last minute. */
  lately(counter: Exclude<keyof Totals, 'transfers'>): number;
  transferRate(id: string): number;
  window(name: WindowName): WindowReading<WindowCounter>;
  stop(): void;
}

export function createSampler(clock: Clock, read: () => Totals): Sampler {
  /** One more than the rates: each needs a predecessor. */
  const samples: { readonly atMs: number; readonly totals: Totals }[] = [{ atMs: clock.nowMs(), totals: read() }];
  const windows = createWindows(WINDOW_COUNTERS, samples[0]!.atMs, samples[0]!.totals);
  let timer: Timer = clock.setTimer(SAMPLE_MS, tick);

  function tick(): void {
    const sample = { atMs: clock.nowMs(), totals: read() };
    samples.push(sample);
    windows.add(sample.atMs, sample.totals);
    if (samples.length > SAMPLES_KEPT + 1) samples.shift();
    timer = clock.setTimer(SAMPLE_MS, tick);
  }

  function rates(value: (totals: Totals) => number | undefined): number[] {
    const found: number[] = [];
    for (let i = 1; i < samples.length; i++) {
      const [before, after] = [samples[i - 1]!, samples[i]!];
      const grown = (value(after.totals) ?? 0) - (value(before.totals) ?? 0);
      const seconds = Math.max(1, (after.atMs - before.atMs) / 1_000);
      found.push(Math.max(0, Math.round(grown / seconds)));
    }
    return found;
  }

  return {
    history: (counter) => rates((totals) => totals[counter]),
    lastRate: (counter) => rates((totals) => totals[counter]).at(-1) ?? 0,
    lately: (counter) => Math.max(0, samples.at(-1)!.totals[counter] - samples[0]!.totals[counter]),
    transferRate(id) {
      const recent = rates((totals) => totals.transfers.get(id)).slice(-TRANSFER_WINDOW);
      return recent.length === 0 ? 0 : Math.round(recent.reduce((sum, rate) => sum + rate, 0) / recent.length);
    },
    window: (name) => windows.read(name),
    stop: () => timer.cancel(),
  };
}
