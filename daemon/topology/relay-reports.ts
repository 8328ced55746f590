/**
 * Failures that our own circuits met, kept back before the view hears of them.
 *
 * Shape   reports gather and are taken over all together, on a clock that runs whether there are any or not.
 * Unit    REPORT_MS, and up to half as much again.
 * Errors  none; at most RELAY_VIEW_MAX reports wait, later ones are not kept.
 * Why     what we name in gossip is there for everybody to ask. A relay that disappears from it in the second in which a circuit of ours
 *         met it dead would tell whom we tried, and when. Our own circuits pass it over at once all the same (onion/relay-health.ts).
 * Source  anonymity § 7 rules 22, 26.
 * @module
 */
import { RELAY_VIEW_MAX } from '../limits.ts';
import type { Clock, Random, Timer } from '../ports.ts';
import type { KnownNodes } from './known-nodes.ts';

export const REPORT_MS = 60_000;

export interface RelayReports {
  start(): void;
  add(key: string): void;
  stop(): void;
}

export function createRelayReports(deps: {
  readonly clock: Clock;
  readonly random: Random;
  readonly known: Pick<KnownNodes, 'failed'>;
}): RelayReports {
  const { clock, random, known } = deps;
  const waiting = new Set<string>();
  let timer: Timer | undefined;

  function schedule(): void {
    timer = clock.setTimer(REPORT_MS * (1 + random.unit() / 2), () => {
      for (const key of waiting) known.failed(key, clock.nowMs());
      waiting.clear();
      schedule();
    });
  }

  return {
    start: schedule,
    add(key) {
      if (waiting.size < RELAY_VIEW_MAX) waiting.add(key);
    },
    stop() {
      timer?.cancel();
      waiting.clear();
    },
  };
}
