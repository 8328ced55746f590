/**
 * Credit windows: how many requests may wait at a peer, told by that peer, and how many of ours do.
 *
 * Shape   Credit {window} goes to a peer whose share changed by half or more, at most once in TELL_MS. Until it says something itself a
 *         peer is taken to allow CREDIT_FIRST.
 * Unit    requests; milliseconds.
 * Errors  none. A peer that tells windows more often than we would is listened to all the same: it only limits itself.
 * Why     a peer at its window is passed over before it has to refuse, so an overload costs no message and no round trip. Whoever
 *         ignores what it was told is refused by slots.ts.
 * Source  design § 8 (load).
 * @module
 */
import { CREDIT_FIRST, CREDIT_MIN } from '../limits.ts';
import type { Link } from '../link/link-types.ts';
import type { Slots } from './slots.ts';

const TELL_MS = 1_000;

interface Told {
  window: number;
  atMs: number;
}

export class Credits {
  readonly #slots: Slots;
  readonly #told = new WeakMap<Link, Told>();
  readonly #heard = new WeakMap<Link, number>();

  constructor(slots: Slots) {
    this.#slots = slots;
  }

  heard(link: Link, window: number): void {
    this.#heard.set(link, Math.max(window, CREDIT_MIN));
  }

  /** What the other end of that link allows us. */
  windowOf(link: Link): number {
    return this.#heard.get(link) ?? CREDIT_FIRST;
  }

  /** Tells that peer its window if it has changed enough. Called with every answer to it, so no timer is needed. */
  tell(link: Link, nowMs: number): void {
    const told = this.#told.get(link) ?? { window: CREDIT_FIRST, atMs: Number.NEGATIVE_INFINITY };
    const window = this.#slots.creditOf(link.peerKey);
    const isNews = window <= told.window / 2 || window >= told.window * 1.5;
    if (!isNews || nowMs - told.atMs < TELL_MS) return;
    this.#told.set(link, { window, atMs: nowMs });
    link.sendMessage({ type: 'Credit', window });
  }
}
