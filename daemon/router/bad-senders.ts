/**
 * Nodes that sent bytes which do not match their key: not asked, not counted among owners, not handed copies for a while.
 *
 * Unit    BAD_SENDER_MS after the first time, twice as long each further time, BAD_SENDER_MAX_MS at most; at most BAD_SENDERS_MAX nodes,
 *         of which the one that lied longest ago goes first.
 * Why     closing the link alone costs a liar one dial: it comes back at once, is the nearest again, and gets the next request. Every
 *         honest node verifies what it passes on, so such bytes can only come from the one that sent them. Kept by node, over links and
 *         peer relations; nothing here says which key was asked for.
 * Source  anonymity § 7 rule 17.
 * @module
 */
import { BAD_SENDERS_MAX } from '../limits.ts';

export const BAD_SENDER_MS = 600_000;
export const BAD_SENDER_MAX_MS = 86_400_000;

export class BadSenders {
  readonly #rows = new Map<string, { times: number; untilMs: number }>();

  get size(): number {
    return this.#rows.size;
  }

  note(peerKey: string, nowMs: number): void {
    const times = (this.#rows.get(peerKey)?.times ?? 0) + 1;
    this.#rows.delete(peerKey);
    const shunnedMs = Math.min(BAD_SENDER_MS * 2 ** Math.min(times - 1, 20), BAD_SENDER_MAX_MS);
    this.#rows.set(peerKey, { times, untilMs: nowMs + shunnedMs });
    if (this.#rows.size > BAD_SENDERS_MAX) this.#rows.delete(this.#rows.keys().next().value!);
  }

  isShunned(peerKey: string, nowMs: number): boolean {
    return (this.#rows.get(peerKey)?.untilMs ?? nowMs) > nowMs;
  }
}
