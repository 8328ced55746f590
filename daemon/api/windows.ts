/**
 * Counters over five spans of time, in rings of sixty steps each: what `[` and `]` zoom through.
 *
 * Shape   add(nowMs, grown) once a second; read(window) answers sixty steps at most, oldest first, the last one not over yet.
 * Unit    a step is 1 s, 10 s, 1 min, 24 min or 168 min; growth is a count, what comes out is a rate.
 * Errors  none: a counter that fell (it cannot, but a disk may lie) counts as no growth.
 * Why     fixed arrays, so that a week costs as much as a minute. A rate is divided by the time that really passed: a process that was
 *         stopped for an hour shows an hour without steps and no peak after it.
 * Source  ux §§ 1.1, 1.4.
 * @module
 */
import { WINDOWS, type WindowName } from './schema.ts';

export const STEPS_KEPT = 60;
export const STEP_MS: Readonly<Record<WindowName, number>> = {
  '1m': 1_000,
  '10m': 10_000,
  '1h': 60_000,
  '24h': 24 * 60_000,
  '7d': 168 * 60_000,
};

interface Step<C extends string> {
  readonly grown: Record<C, number>;
  elapsedMs: number;
}

interface Ring<C extends string> {
  readonly stepMs: number;
  readonly steps: Step<C>[];
  startsAtMs: number;
}

export interface WindowReading<C extends string> {
  readonly stepMs: number;
  /** How much of the window this daemon has lived through. */
  readonly coveredMs: number;
  readonly total: Readonly<Record<C, number>>;
  /** Growth per second, one value a step. */
  readonly rates: Readonly<Record<C, readonly number[]>>;
}

export interface Windows<C extends string> {
  add(nowMs: number, totals: Readonly<Record<C, number>>): void;
  read(window: WindowName): WindowReading<C>;
}

export function createWindows<const C extends string>(
  counters: readonly C[],
  nowMs: number,
  start: Readonly<Record<C, number>>,
): Windows<C> {
  const none = (): Step<C> => ({ grown: record(counters, () => 0), elapsedMs: 0 });
  const rings = new Map<WindowName, Ring<C>>(
    WINDOWS.map((name) => [name, { stepMs: STEP_MS[name], steps: [none()], startsAtMs: nowMs }]),
  );
  let lastAtMs = nowMs;
  let last = start;

  return {
    add(atMs, totals) {
      const elapsedMs = Math.max(0, atMs - lastAtMs);
      for (const ring of rings.values()) {
        const passed = Math.floor((atMs - ring.startsAtMs) / ring.stepMs);
        for (let i = 0; i < Math.min(passed, STEPS_KEPT); i++) ring.steps.push(none());
        if (passed > 0) ring.startsAtMs += passed * ring.stepMs;
        ring.steps.splice(0, Math.max(0, ring.steps.length - STEPS_KEPT));
        const step = ring.steps.at(-1)!;
        step.elapsedMs += elapsedMs;
        for (const counter of counters) step.grown[counter] += Math.max(0, totals[counter] - last[counter]);
      }
      lastAtMs = atMs;
      last = totals;
    },
    read(window) {
      const { stepMs, steps } = rings.get(window)!;
      return {
        stepMs,
        coveredMs: Math.round(steps.reduce((sum, step) => sum + step.elapsedMs, 0)),
        total: record(counters, (counter) => steps.reduce<number>((sum, step) => sum + step.grown[counter], 0)),
        rates: record(counters, (counter) =>
          steps.map(({ grown, elapsedMs }) => (grown[counter] * 1_000) / Math.max(1_000, elapsedMs)),
        ),
      };
    },
  };
}

function record<C extends string, V>(keys: readonly C[], value: (key: C) => V): Record<C, V> {
  return Object.fromEntries(keys.map((key) => [key, value(key)])) as Record<C, V>;
}
