/**
 * Keepalive of one link: asks at jittered intervals, measures the round trip, and says when nothing was heard for too long.
 *
 * Unit    milliseconds; an interval is KEEPALIVE_INTERVAL_MS, a quarter more or less.
 * Why     jittered, so that the pings of a node's links do not beat in time with each other, which would name the node to
 *         whoever sees several of them.
 * @module
 */
import { KEEPALIVE_INTERVAL_MS, KEEPALIVE_TIMEOUT_MS } from '../limits.ts';
import type { Clock, Random, Timer } from '../ports.ts';

export interface KeepaliveActions {
  ping(nonce: number): void;
  silent(): void;
}

export class Keepalive {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #actions: KeepaliveActions;
  #timer: Timer;
  #heardAtMs: number;
  #pingAtMs: number;
  #asked: { readonly nonce: number; readonly atMs: number } | undefined;

  constructor(clock: Clock, random: Random, actions: KeepaliveActions) {
    this.#clock = clock;
    this.#random = random;
    this.#actions = actions;
    this.#heardAtMs = clock.nowMs();
    this.#pingAtMs = this.#nextPingMs();
    this.#timer = this.#arm();
  }

  /** A record that verified arrived. */
  heard(): void {
    this.#heardAtMs = this.#clock.nowMs();
  }

  /** Round trip if this answers the last ping, else undefined. */
  pong(nonce: number): number | undefined {
    if (this.#asked?.nonce !== nonce) return undefined;
    const rttMs = this.#clock.nowMs() - this.#asked.atMs;
    this.#asked = undefined;
    return rttMs;
  }

  stop(): void {
    this.#timer.cancel();
  }

  /** @param dueMs what the timer was set for: a timer may fire a rounding error early, and must not spin until the clock is there */
  #tick(dueMs: number): void {
    const nowMs = Math.max(this.#clock.nowMs(), dueMs);
    if (nowMs - this.#heardAtMs >= KEEPALIVE_TIMEOUT_MS) {
      this.#actions.silent();
      return;
    }
    if (nowMs >= this.#pingAtMs) {
      const [a, b, c, d] = this.#random.bytes(4);
      const nonce = ((a! * 256 + b!) * 256 + c!) * 256 + d!;
      this.#asked = { nonce, atMs: nowMs };
      this.#pingAtMs = this.#nextPingMs();
      this.#actions.ping(nonce);
    }
    this.#timer = this.#arm();
  }

  #nextPingMs(): number {
    return this.#clock.nowMs() + KEEPALIVE_INTERVAL_MS * (0.75 + this.#random.unit() / 2);
  }

  #arm(): Timer {
    const dueMs = Math.min(this.#pingAtMs, this.#heardAtMs + KEEPALIVE_TIMEOUT_MS);
    return this.#clock.setTimer(Math.max(0, dueMs - this.#clock.nowMs()), () => this.#tick(dueMs));
  }
}
