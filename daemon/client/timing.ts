/**
 * Waiting, in terms of the injected clock and of AbortSignal.
 * @module
 */
import type { Clock, Random, Timer } from '../ports.ts';

/** `promise`, or the signal's reason as soon as it aborts. What `promise` does later is not looked at. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** A signal that also aborts with its parent's reason, for work that must end when its owner does. */
export interface Scope {
  readonly signal: AbortSignal;
  /** Ends what runs in it; the first reason stands. */
  abort(reason: unknown): void;
}

/** Abort it in the end in any case: that also lets go of the parent. */
export function scopeWithin(parent: AbortSignal): Scope {
  const controller = new AbortController();
  const onParent = (): void => controller.abort(parent.reason);
  if (parent.aborted) onParent();
  else parent.addEventListener('abort', onParent, { once: true });
  return {
    signal: controller.signal,
    abort(reason) {
      parent.removeEventListener('abort', onParent);
      controller.abort(reason);
    },
  };
}

/** Doubling waits with a random part, so that the retries of many blocks do not arrive together: 0.5..1 of base * 2^attempt. */
export function backOffMs(random: Random, baseMs: number, attempt: number, maxMs: number): number {
  const fullMs = Math.min(maxMs, baseMs * 2 ** attempt);
  return fullMs * (0.5 + random.unit() / 2);
}

/** Timers that belong together and end together. */
export class Timers {
  readonly #clock: Clock;
  readonly #running = new Set<Timer>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  after(delayMs: number, fire: () => void): Timer {
    const timer = this.#clock.setTimer(delayMs, () => {
      this.#running.delete(timer);
      fire();
    });
    this.#running.add(timer);
    return {
      cancel: () => {
        this.#running.delete(timer);
        timer.cancel();
      },
    };
  }

  cancelAll(): void {
    for (const timer of this.#running) timer.cancel();
    this.#running.clear();
  }
}

/** Fires when `touch` was not called for `limitMs` while not idle; costs one timer a period, however often it is touched. */
export class Watchdog {
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #onSilence: () => void;
  readonly #idle: () => boolean;
  #touchedMs: number;
  #timer: Timer;

  constructor(clock: Clock, limitMs: number, onSilence: () => void, idle: () => boolean = () => false) {
    this.#clock = clock;
    this.#limitMs = limitMs;
    this.#onSilence = onSilence;
    this.#idle = idle;
    this.#touchedMs = clock.nowMs();
    this.#timer = clock.setTimer(limitMs, () => this.#check());
  }

  touch(): void {
    this.#touchedMs = this.#clock.nowMs();
  }

  stop(): void {
    this.#timer.cancel();
  }

  #check(): void {
    if (this.#idle()) this.touch();
    const leftMs = this.#touchedMs + this.#limitMs - this.#clock.nowMs();
    if (leftMs <= 0) this.#onSilence();
    else this.#timer = this.#clock.setTimer(leftMs, () => this.#check());
  }
}

/** An unbiased order (Fisher-Yates), in place. */
export function shuffle<T>(random: Random, items: T[]): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(random.unit() * (i + 1));
    [items[i], items[j]] = [items[j]!, items[i]!];
  }
  return items;
}

/** Lets a source that nobody will read release what it holds. */
export function closeUnread(source: AsyncIterable<unknown>): void {
  try {
    source[Symbol.asyncIterator]()
      .return?.()
      ?.catch(() => {});
  } catch {
    // A source that fails while being closed has nothing more to tell us.
  }
}
