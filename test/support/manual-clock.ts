/**
 * A clock moved by hand: timers fire in time order (ties in the order they were set), with microtasks drained between them.
 * @module
 */
import type { Clock, Timer } from '../../daemon/ports.ts';

export interface ManualClock extends Clock {
  /** Moves time on, firing what falls due; resolves when everything it caused has run. */
  advance(ms: number): Promise<void>;
  /** Runs what is due now, without moving time. */
  settle(): Promise<void>;
  /** Advances in steps to the next timer until `done` says so or `limitMs` has passed; says whether it became true. */
  runUntil(done: () => boolean, limitMs: number): Promise<boolean>;
  readonly timersPending: number;
}

interface Entry {
  readonly dueMs: number;
  readonly order: number;
  readonly fire: () => void;
  cancelled: boolean;
}

/** Unix time at nowMs = 0: an hour boundary, so that network hours are round. */
const WALL_START_MS = 1_800_000 * 1_000_000;

export function createManualClock(): ManualClock {
  let nowMs = 0;
  let order = 0;
  const heap: Entry[] = [];

  const next = (): Entry | undefined => {
    while (heap[0]?.cancelled) popEarliest(heap);
    return heap[0];
  };

  async function fireUntil(limitMs: number): Promise<void> {
    await drainMicrotasks();
    for (let entry = next(); entry !== undefined && entry.dueMs <= limitMs; entry = next()) {
      popEarliest(heap);
      nowMs = Math.max(nowMs, entry.dueMs);
      entry.cancelled = true;
      entry.fire();
      await drainMicrotasks();
    }
  }

  return {
    nowMs: () => nowMs,
    wallMs: () => WALL_START_MS + nowMs,
    setTimer(delayMs: number, fire: () => void): Timer {
      const entry: Entry = { dueMs: nowMs + Math.max(0, delayMs), order: order++, fire, cancelled: false };
      push(heap, entry);
      return {
        cancel: () => {
          entry.cancelled = true;
        },
      };
    },
    async advance(ms: number): Promise<void> {
      const limitMs = nowMs + ms;
      await fireUntil(limitMs);
      nowMs = limitMs;
    },
    settle: () => fireUntil(nowMs),
    async runUntil(done: () => boolean, limitMs: number): Promise<boolean> {
      const endMs = nowMs + limitMs;
      await fireUntil(nowMs);
      while (!done()) {
        const entry = next();
        if (entry === undefined || entry.dueMs > endMs) return done();
        await fireUntil(entry.dueMs);
      }
      return true;
    },
    get timersPending() {
      return heap.filter((entry) => !entry.cancelled).length;
    },
  };
}

/** Promise chains of any depth have run when the event loop comes round: one turn is enough, and the only real time here. */
function drainMicrotasks(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function before(a: Entry, b: Entry): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
}

function push(heap: Entry[], entry: Entry): void {
  let at = heap.length;
  heap.push(entry);
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!before(entry, heap[parent]!)) break;
    heap[at] = heap[parent]!;
    at = parent;
  }
  heap[at] = entry;
}

function popEarliest(heap: Entry[]): void {
  const last = heap.pop()!;
  if (heap.length === 0) return;
  let at = 0;
  for (;;) {
    let child = at * 2 + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
    if (!before(heap[child]!, last)) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = last;
}
