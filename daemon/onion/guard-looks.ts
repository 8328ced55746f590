/**
 * Looks at the sampled relays: whether each answers, every hour, on a clock of our own.
 *
 * Shape   one round over the whole sample before the first guard is drawn; then one look each ROUND_MS / SAMPLE_MAX, each relay once a round.
 * Unit    milliseconds; the first round may take FIRST_ROUND_MS, and is begun again after AGAIN_MS if nobody answered.
 * Why     a look is a dial that ends when the relay has proven itself: it does not learn who asked, and nothing of ours passes it. The times
 *         follow from the start of this process alone, so they say nothing of what its user does; relays cannot be made to look up or
 *         down by our guard, as they could if our circuits were the measure. While our own line is down a look that fails tells nothing.
 * Source  design § 7 (probes on a fixed clock), § 10.
 * @module
 */
import { hexKey } from '../ids.ts';
import type { LinkProber, Links } from '../link/link-types.ts';
import type { Clock, Timer } from '../ports.ts';
import type { Descriptor } from '../wire/descriptor-types.ts';
import { type RelayUptime, SAMPLE_MAX } from './relay-uptime.ts';

const ROUND_MS = 3_600_000;
const FIRST_ROUND_MS = 3_000;
const AGAIN_MS = 1_000;
const HOUR_MS = 3_600_000;

export interface GuardLooks {
  /** A guard may be drawn: the first round is over, and somebody answered. Begins that round if nobody has. */
  isReady(relays: readonly Descriptor[]): boolean;
  /** Looks at the whole sample now. */
  round(): void;
  stop(): void;
}

/** @param prober absent where links cannot be probed: then whoever is listed counts as reached */
export function createGuardLooks(
  deps: { readonly clock: Clock; readonly links: Links; readonly prober: LinkProber | undefined },
  uptime: RelayUptime,
  listed: () => readonly Descriptor[],
): GuardLooks {
  const { clock, links, prober } = deps;
  let timer: Timer | undefined;
  let roundBegunMs: number | undefined;
  let underWay = 0;
  let turn = 0;
  let stopped = false;
  const nowHour = (): number => Math.floor(clock.wallMs() / HOUR_MS);

  function look(relay: Descriptor): void {
    const key = hexKey(relay.nodeId);
    const note = (isUp: boolean): void => {
      if (!stopped) uptime.looked(key, isUp, nowHour());
    };
    const open = prober === undefined ? undefined : links.get(relay.nodeId);
    if (prober === undefined || (open?.isOpen && open.dialledByUs)) {
      note(true);
      return;
    }
    underWay++;
    prober.probe(relay).then(
      () => {
        underWay--;
        note(true);
      },
      () => {
        underWay--;
        if (links.all().some((link) => link.isOpen)) note(false);
      },
    );
  }

  function round(): void {
    roundBegunMs = clock.nowMs();
    for (const relay of uptime.sample(listed(), nowHour())) look(relay);
  }

  function schedule(): void {
    timer = clock.setTimer(ROUND_MS / SAMPLE_MAX, () => {
      const relays = uptime.sample(listed(), nowHour());
      const relay = relays[turn % SAMPLE_MAX];
      if (relay !== undefined) look(relay);
      turn++;
      if (turn % SAMPLE_MAX === 0) uptime.save();
      schedule();
    });
  }

  return {
    isReady(relays) {
      const nowMs = clock.nowMs();
      if (roundBegunMs === undefined) {
        round();
        // From here on for ever; without a prober there is nothing to learn.
        if (prober !== undefined && !stopped) schedule();
      }
      const isOver = underWay === 0 || nowMs - roundBegunMs! >= FIRST_ROUND_MS;
      if (!isOver) return false;
      if (uptime.candidates(relays).length > 0) return true;
      if (underWay === 0 && nowMs - roundBegunMs! >= AGAIN_MS) round();
      return uptime.candidates(relays).length > 0;
    },
    round,
    stop() {
      stopped = true;
      timer?.cancel();
      uptime.save();
    },
  };
}
