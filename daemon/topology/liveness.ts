/**
 * Whether our links still lead anywhere: after sleep, after a leap of the clock, or when every one of them has fallen silent.
 *
 * Shape   step() once a round says whether something happened to us. Then each link to a node gets a question, and those that brought
 *         nothing within ANSWER_MS are closed; what the topology does about closed links it does anyway.
 * Unit    milliseconds of Clock.nowMs. A round that comes LATE_MS late means that this process did not run.
 * Why     streams of a machine that slept, or whose address changed, look open for as long as nothing is sent: keepalive would find out
 *         after KEEPALIVE_TIMEOUT_MS at best, and routing fails until then. A single silent link is keepalive's; all at once is us.
 * Source  design § 7: recovery from suspend, clock jump and address change.
 * @module
 */
import { KEEPALIVE_INTERVAL_MS } from '../limits.ts';
import type { Link } from '../link/link-types.ts';
import type { Clock, Timer } from '../ports.ts';

const LATE_MS = 10_000;
/** Wall clock against monotonic clock: a sleep that stopped the latter. */
const LEAP_MS = 30_000;
/** Several links, each asked something by keepalive every interval: none silent so long unless all are. */
const SILENT_MS = KEEPALIVE_INTERVAL_MS + 2_000;
const SILENT_LINKS_MIN = 2;
const ANSWER_MS = 4_000;

export interface Liveness {
  /** @returns whether this node woke up somewhere else than it was */
  step(expectedGapMs: number, leapMs: number): boolean;
  stop(): void;
}

export function createLiveness(deps: {
  readonly clock: Clock;
  /** Links to nodes, open ones. */
  readonly links: () => readonly Link[];
  /** Asks something that every node answers. */
  readonly ask: (link: Link) => void;
}): Liveness {
  const { clock } = deps;
  let lastMs: number | undefined;
  let heardBytes = 0;
  let heardMs = clock.nowMs();
  let timer: Timer | undefined;

  function isAllSilent(nowMs: number): boolean {
    const links = deps.links();
    const bytes = links.reduce((sum, link) => sum + link.counters.bytesIn, 0);
    if (bytes !== heardBytes || links.length < SILENT_LINKS_MIN) {
      heardBytes = bytes;
      heardMs = nowMs;
    }
    return nowMs - heardMs >= SILENT_MS;
  }

  function checkLinks(): void {
    if (timer !== undefined) return;
    const before = deps.links().map((link) => ({ link, bytes: link.counters.bytesIn }));
    for (const { link } of before) deps.ask(link);
    timer = clock.setTimer(ANSWER_MS, () => {
      timer = undefined;
      heardMs = clock.nowMs();
      for (const { link, bytes } of before) {
        if (link.isOpen && link.counters.bytesIn === bytes) link.close('ERR_PEER_SILENT');
      }
    });
  }

  return {
    step(expectedGapMs, leapMs) {
      const nowMs = clock.nowMs();
      const lateMs = lastMs === undefined ? 0 : nowMs - lastMs - expectedGapMs;
      lastMs = nowMs;
      const wasAway = lateMs >= LATE_MS || Math.abs(leapMs) >= LEAP_MS;
      if (!wasAway && !isAllSilent(nowMs)) return false;
      checkLinks();
      return true;
    },
    stop: () => timer?.cancel(),
  };
}
