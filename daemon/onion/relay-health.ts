/**
 * Relays that could not be reached lately, as far as extending our own circuits tells.
 *
 * Unit    milliseconds; at most RELAY_VIEW_MAX relays are remembered, the oldest entry goes first.
 * Why     a dead relay in the view costs a build each time it is drawn. But who killed a circuit cannot be told: its guard, its middle or the
 *         new relay. So a failure only postpones a relay for a while (path.ts takes it all the same when nothing else is left), and the view
 *         hears of it only after REPORT_AFTER failures in a row, each seen over a different circuit, and shows it to nobody before a
 *         minute has passed (topology/relay-reports.ts).
 * @module
 */
import { RELAY_VIEW_MAX } from '../limits.ts';

const POSTPONE_MS = 30_000;
const POSTPONE_MAX_MS = 600_000;
export const REPORT_AFTER = 3;

export interface RelayHealth {
  /** True when the failures in a row call for a report. */
  failed(key: string, nowMs: number): boolean;
  worked(key: string): void;
  failedLately(key: string, nowMs: number): boolean;
}

export function createRelayHealth(): RelayHealth {
  const entries = new Map<string, { failures: number; untilMs: number }>();
  return {
    failed(key, nowMs) {
      const failures = (entries.get(key)?.failures ?? 0) + 1;
      entries.delete(key);
      const postponeMs = Math.min(POSTPONE_MS * 2 ** (failures - 1), POSTPONE_MAX_MS);
      entries.set(key, { failures, untilMs: nowMs + postponeMs });
      if (entries.size > RELAY_VIEW_MAX) entries.delete(entries.keys().next().value!);
      return failures % REPORT_AFTER === 0;
    },
    worked(key) {
      entries.delete(key);
    },
    failedLately: (key, nowMs) => (entries.get(key)?.untilMs ?? nowMs) > nowMs,
  };
}
