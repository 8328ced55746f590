/**
 * The fixed pattern of class strong: on each tick one record of one size, whatever there is to say.
 *
 * Shape   a record of PACED_PLAINTEXT_BYTES carries cells that waited for it, then a pad frame that fills it. There is room for one
 *         large and one small cell, or for 17 small ones. Either end may ask for the pattern, with Pace, and then both send it.
 * Unit    PACE_TICK_MS on a grid that begins when the pattern does; 144 KiB/s in each direction. A tick that was missed is not made up.
 * Errors  none; a wish of the other end beyond PACED_LINKS_MAX is not met, and the circuits that count on it are refused above.
 * Why     sizes of records are sealed and their ciphertexts random, so on the wire a record with cells in it and an empty one are the same. What
 *         does not wait for a tick (messages, circuits of class fast) goes in records of its own and has nothing to do with what
 *         does. An end that was asked by the other stops when the pattern has not come from there for PATTERN_MISSED_MS: else one small
 *         message would buy two hours of our bandwidth for nothing.
 * Source  design § 10 (strong); anonymity § 7 rules 11, 12; PROTOCOL.md § 5.1.
 * @module
 */
import { CELL_LARGE_BYTES, CELL_SMALL_BYTES, FRAME_HEADER_BYTES, PACE_SECONDS_MAX } from '../limits.ts';
import type { Clock, Timer } from '../ports.ts';
import type { LinkPacing } from './link-types.ts';

export const PACE_TICK_MS = 250;
/** Frames of cells in one record. */
export const PACED_ROOM_BYTES = CELL_LARGE_BYTES + CELL_SMALL_BYTES + 2 * FRAME_HEADER_BYTES;
/** With the headers of the pad frame, and of the rekey frame that a record may need: the size must not tell that there is one. */
export const PACED_PLAINTEXT_BYTES = PACED_ROOM_BYTES + 2 * FRAME_HEADER_BYTES;
const PATTERN_MISSED_MS = 8 * PACE_TICK_MS;

export interface PacerEvents {
  /** One record of the pattern is due. */
  tick(): void;
  /** The other end must hear of our wish. */
  ask(seconds: number): void;
  /** Whether one more link may be paced because its other end wants it. */
  mayServe(): boolean;
}

export class Pacer implements LinkPacing {
  readonly #clock: Clock;
  readonly #events: PacerEvents;
  #ownUntilMs = 0;
  #peerUntilMs = 0;
  #peerHeardAtMs = 0;
  #nextMs = 0;
  #timer: Timer | undefined;

  constructor(clock: Clock, events: PacerEvents) {
    this.#clock = clock;
    this.#events = events;
  }

  get isOn(): boolean {
    return this.#timer !== undefined;
  }

  get untilMs(): number {
    return Math.max(this.#ownUntilMs, this.#peerUntilMs);
  }

  /** Paced for the other end, and not for our own sake. */
  get isServing(): boolean {
    return this.isOn && this.#ownUntilMs <= this.#clock.nowMs();
  }

  start(forMs: number): void {
    const nowMs = this.#clock.nowMs();
    const seconds = Math.min(Math.ceil(forMs / 1_000), PACE_SECONDS_MAX);
    if (seconds < 1 || nowMs + seconds * 1_000 <= this.#ownUntilMs) return;
    this.#ownUntilMs = nowMs + seconds * 1_000;
    this.#events.ask(seconds);
    this.#run();
  }

  /** The other end's wish. */
  asked(seconds: number): void {
    const nowMs = this.#clock.nowMs();
    if (!this.isOn && !this.#events.mayServe()) return;
    this.#peerUntilMs = Math.max(this.#peerUntilMs, nowMs + seconds * 1_000);
    this.#peerHeardAtMs = nowMs;
    this.#run();
  }

  /** A record of that many plaintext bytes came. */
  heard(plaintextBytes: number): void {
    if (plaintextBytes === PACED_PLAINTEXT_BYTES) this.#peerHeardAtMs = this.#clock.nowMs();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #run(): void {
    if (this.#timer !== undefined) return;
    this.#nextMs = this.#clock.nowMs();
    this.#arm();
  }

  #arm(): void {
    this.#timer = this.#clock.setTimer(this.#nextMs - this.#clock.nowMs(), () => this.#fire());
  }

  #fire(): void {
    this.#timer = undefined;
    const nowMs = this.#clock.nowMs();
    const isServed = nowMs < this.#peerUntilMs && nowMs - this.#peerHeardAtMs <= PATTERN_MISSED_MS;
    if (nowMs >= this.#ownUntilMs && !isServed) return;
    this.#nextMs += PACE_TICK_MS * Math.max(1, Math.ceil((nowMs + 1 - this.#nextMs) / PACE_TICK_MS));
    this.#arm();
    this.#events.tick();
  }
}
