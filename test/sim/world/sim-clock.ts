/**
 * Virtual time: one queue of events for a whole world, and a clock of its own for each node on it.
 *
 * Shape   events run in order of time, ties in the order they were set; after each one all microtasks run. A node's clock can be
 *         ahead or behind on the wall, frozen (what falls due then runs, late, when it wakes) or dead (what is left of it never runs).
 * Unit    milliseconds, fractions allowed.
 * Errors  an exception out of an event is kept and thrown from `run`: the run is over, the seed says how to see it again.
 * Why     draining microtasks by a turn of the real event loop costs 2-4 us an event; `process._tickCallback`, called from a real
 *         turn, drains chains of any depth in 0.15-0.4 us. It is internal to Node, so where it is missing the slow way is taken;
 *         both give the same order.
 * @module
 */
import type { Clock, Timer } from '../../../daemon/ports.ts';
import { EventQueue } from './event-queue.ts';

/** Unix time at nowMs = 0: an hour boundary, so that network hours are round. */
const WALL_START_MS = 1_800_000 * 1_000_000;
/**
 * Virtual time moves in steps of about a microsecond, and sums of whole steps are exact. Without them a machine that waits for
 * `then + 45,000` by a timer of `then + 45,000 - now` can wake a rounding error too early, and again and again at the same instant.
 */
const TICKS_PER_MS = 1_024;
/** Real turns in between let signals, output and the garbage collector's callbacks through. */
const EVENTS_PER_TURN = 2_000;

class Entry implements Timer {
  dueMs: number;
  order: number;
  readonly owner: NodeClock | undefined;
  /** Set by the owner itself: counted in its `pending`. */
  readonly isOwn: boolean;
  fire: (() => void) | undefined;

  constructor(dueMs: number, order: number, owner: NodeClock | undefined, isOwn: boolean, fire: () => void) {
    this.isOwn = isOwn;
    this.dueMs = dueMs;
    this.order = order;
    this.owner = owner;
    this.fire = fire;
  }

  cancel(): void {
    if (this.fire === undefined) return;
    this.fire = undefined;
    this.done();
  }

  done(): void {
    if (this.isOwn && this.owner !== undefined) this.owner.pending--;
  }
}

/** The clock that one life of one node is given. */
export interface NodeClock extends Clock {
  /** Timers it set that neither fired nor were cancelled; what the network has for it is not among them. */
  pending: number;
  /** Nothing it set fires any more, and nothing new is taken. */
  dead: boolean;
  /** Until this virtual time nothing fires; then everything that fell due, in order. */
  frozenUntilMs: number;
  /** Added to the world's wall clock. */
  wallOffsetMs: number;
}

export interface SimClock extends Clock {
  nodeClock(wallOffsetMs: number): NodeClock;
  /** An event outside of all nodes' control, yet not run while `owner` is frozen and never once it is dead. */
  setOwnedTimer(owner: NodeClock, delayMs: number, fire: () => void): Timer;
  /** Runs on to `now + ms`. */
  advance(ms: number): Promise<void>;
  /** Runs until `done` (asked after each event) or for `limitMs`; says whether it became true. */
  runUntil(done: () => boolean, limitMs: number): Promise<boolean>;
  /** Events run since the start. */
  readonly events: number;
}

const tickCallback = (process as unknown as { _tickCallback?: () => void })._tickCallback?.bind(process);

export function createSimClock(): SimClock {
  let nowMs = 0;
  let order = 0;
  let events = 0;
  const queue = new EventQueue<Entry>();

  const add = (owner: NodeClock | undefined, isOwn: boolean, wantedMs: number, fire: () => void): Timer => {
    const entry = new Entry(Math.ceil(wantedMs * TICKS_PER_MS) / TICKS_PER_MS, order++, owner, isOwn, fire);
    queue.push(entry, nowMs);
    return entry;
  };

  /** The next entry that will fire, with what is cancelled, dead or frozen out of its way. */
  function next(): Entry | undefined {
    for (;;) {
      const entry = queue.peek();
      if (entry === undefined) return undefined;
      const { owner } = entry;
      if (entry.fire !== undefined && owner?.dead !== true) {
        if (owner === undefined || owner.frozenUntilMs <= entry.dueMs) return entry;
        queue.drop();
        // Entries leave the heap in their order, so what fell due during the freeze keeps it.
        entry.dueMs = owner.frozenUntilMs;
        entry.order = order++;
        queue.push(entry, nowMs);
        continue;
      }
      queue.drop();
    }
  }

  /** Runs one event. False: none is due by `limitMs`. */
  function step(limitMs: number): boolean {
    const entry = next();
    if (entry === undefined || entry.dueMs > limitMs) return false;
    queue.drop();
    nowMs = Math.max(nowMs, entry.dueMs);
    const fire = entry.fire!;
    entry.fire = undefined;
    entry.done();
    events++;
    fire();
    return true;
  }

  function batch(limitMs: number, done: () => boolean): 'more' | 'end' {
    tickCallback!();
    for (let i = 0; i < EVENTS_PER_TURN; i++) {
      if (done() || !step(limitMs)) return 'end';
      tickCallback!();
    }
    return 'more';
  }

  async function runTo(limitMs: number, done: () => boolean): Promise<void> {
    for (;;) {
      const state = await new Promise<'more' | 'end'>((resolve, reject) => {
        setImmediate(() => {
          try {
            if (tickCallback !== undefined) resolve(batch(limitMs, done));
            else resolve(done() || !step(limitMs) ? 'end' : 'more');
          } catch (error) {
            reject(error);
          }
        });
      });
      if (state === 'end') return;
    }
  }

  return {
    nowMs: () => nowMs,
    wallMs: () => WALL_START_MS + nowMs,
    setTimer: (delayMs, fire) => add(undefined, false, nowMs + Math.max(0, delayMs), fire),
    setOwnedTimer: (owner, delayMs, fire) => add(owner, false, nowMs + Math.max(0, delayMs), fire),
    nodeClock(wallOffsetMs) {
      const clock: NodeClock = {
        pending: 0,
        dead: false,
        frozenUntilMs: 0,
        wallOffsetMs,
        nowMs: () => nowMs,
        wallMs: () => WALL_START_MS + nowMs + clock.wallOffsetMs,
        setTimer(delayMs, fire) {
          if (clock.dead) return NEVER;
          clock.pending++;
          return add(clock, true, nowMs + Math.max(0, delayMs), fire);
        },
      };
      return clock;
    },
    async advance(ms) {
      const limitMs = nowMs + ms;
      await runTo(limitMs, never);
      nowMs = Math.max(nowMs, limitMs);
    },
    async runUntil(done, limitMs) {
      const endMs = nowMs + limitMs;
      await runTo(endMs, done);
      if (done()) return true;
      nowMs = Math.max(nowMs, endMs);
      return false;
    },
    get events() {
      return events;
    },
  };
}

const NEVER: Timer = { cancel: () => {} };
const never = (): boolean => false;
