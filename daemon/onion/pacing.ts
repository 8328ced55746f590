/**
 * When our guard link carries the fixed pattern: from the first need of class strong to the end of an hour's slot.
 *
 * Shape   every open document of class strong holds it; the pattern goes on to the end of the slot in which the last one closed.
 * Unit    SLOT_MS, on a grid of this process's own; a slot is prolonged RENEW_MS before its end while somebody still holds it.
 * Why     a pattern that stopped with the document would tell its length; one that ends on a grid tells that something was wanted within the hour. The
 *         guard is told by Pace and by flag 1 of each CREATE; without a paced link no strong circuit is built.
 * Source  design § 10; anonymity § 7 rule 11.
 * @module
 */
import type { Link } from '../link/link-types.ts';
import type { Clock, Random, Timer } from '../ports.ts';

export const SLOT_MS = 3_600_000;
const RENEW_MS = 10_000;

export interface Pacing {
  /** @returns lets go of it; once */
  hold(): () => void;
  /** The link to the guard, which may be new: it carries the pattern if it should. False: it cannot. */
  keep(link: Link): boolean;
  readonly isOn: boolean;
  stop(): void;
}

/** @param guardLink the open link to the guard in use */
export function createPacing(clock: Clock, random: Random, guardLink: () => Link | undefined): Pacing {
  const phaseMs = random.unit() * SLOT_MS;
  let holders = 0;
  let untilMs = 0;
  let timer: Timer | undefined;
  /** Asked once per link and slot: a message at each build would be seen between the ticks. */
  const askedUntilMs = new WeakMap<Link, number>();

  const slotEndAfter = (nowMs: number): number => phaseMs + Math.floor((nowMs - phaseMs) / SLOT_MS + 1) * SLOT_MS;

  function prolong(fromMs: number): void {
    untilMs = Math.max(untilMs, slotEndAfter(fromMs));
    timer?.cancel();
    timer = clock.setTimer(Math.max(untilMs - RENEW_MS - clock.nowMs(), 0), () => {
      timer = undefined;
      if (holders > 0) prolong(untilMs + RENEW_MS);
    });
    const link = guardLink();
    if (link !== undefined) keep(link);
  }

  function keep(link: Link): boolean {
    const leftMs = untilMs - clock.nowMs();
    if (leftMs > 0 && (askedUntilMs.get(link) ?? 0) < untilMs) {
      askedUntilMs.set(link, untilMs);
      link.pacing?.start(leftMs);
    }
    return link.pacing?.isOn === true;
  }

  return {
    hold() {
      holders++;
      const nowMs = clock.nowMs();
      // So near the end of a slot the next one begins at once: else it would be on for seconds, which tells more.
      if (untilMs - nowMs <= RENEW_MS) prolong(nowMs + RENEW_MS);
      let isHeld = true;
      return () => {
        if (isHeld) holders--;
        isHeld = false;
      };
    },
    keep,
    get isOn() {
      return clock.nowMs() < untilMs;
    },
    stop() {
      timer?.cancel();
      holders = 0;
      untilMs = 0;
    },
  };
}
