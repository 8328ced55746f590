/**
 * Dialling back: who linked to us may serve circuits only once we have found it at the address that it claims.
 *
 * Shape   on a clock of our own, jittered: ROUND_MS apart while somebody waits, else QUIET_ROUND_MS. Each round probes a few of those
 *         that wait, drawn at random.
 * Unit    probes: PROBES_BURST at once, then PROBES_PER_SEC; PROBES_AT_ONCE under way; with prefix rules PROBES_PER_PREFIX a minute.
 * Errors  none: who was not found waits twice as long each time (known-nodes.ts).
 * Why     one handshake costs a stranger nothing, a place in the views of others must cost him a node that answers. No circuit is the
 *         cause of a probe, and the bounds keep us from knocking at doors that strangers name. Drawn at random, a flood of claims
 *         delays an honest newcomer and does not shut him out; gossip of those who did find him is faster anyway.
 * Source  design § 7; anonymity § 7 rules 22, 26.
 * @module
 */
import type { LinkProber } from '../link/link-types.ts';
import type { Clock, Random, Timer } from '../ports.ts';
import { sampleOf } from './gossip-view.ts';
import type { KnownNode, KnownNodes } from './known-nodes.ts';
import { createTokenBucket } from './token-bucket.ts';

const ROUND_MS = 500;
const QUIET_ROUND_MS = 15_000;
const PROBES_AT_ONCE = 4;
const PROBES_BURST = 32;
const PROBES_PER_SEC = 0.2;
const PROBES_PER_PREFIX = 4;
const PREFIX_WINDOW_MS = 60_000;

export interface DialBack {
  start(): void;
  /** Somebody new may be waiting. */
  wake(): void;
  stop(): void;
}

export function createDialBack(
  deps: { readonly clock: Clock; readonly random: Random; readonly links: LinkProber; readonly known: KnownNodes },
  options: { readonly prefixRules: boolean; readonly found: (node: KnownNode) => void },
): DialBack {
  const { clock, random, links, known } = deps;
  const budget = createTokenBucket(PROBES_BURST, PROBES_PER_SEC, clock.nowMs());
  const underWay = new Set<string>();
  /** Of the last minute: never more than the budget lets through. */
  let probed: { readonly prefix: string; readonly atMs: number }[] = [];
  let timer: Timer | undefined;
  let dueMs = 0;
  let running = false;

  function schedule(delayMs: number): void {
    timer?.cancel();
    const jittered = delayMs * (0.75 + 0.5 * random.unit());
    dueMs = clock.nowMs() + jittered;
    timer = clock.setTimer(jittered, round);
  }

  function round(): void {
    const waiting = known.unproven(clock.nowMs()).filter((node) => !underWay.has(node.key));
    for (const node of sampleOf(waiting, PROBES_AT_ONCE - underWay.size, random)) {
      if (mayProbe(node)) probe(node);
    }
    schedule(waiting.length > 0 ? ROUND_MS : QUIET_ROUND_MS);
  }

  function mayProbe(node: KnownNode): boolean {
    const nowMs = clock.nowMs();
    probed = probed.filter(({ atMs }) => nowMs - atMs < PREFIX_WINDOW_MS);
    const samePrefix = probed.filter(({ prefix }) => prefix === node.widePrefix).length;
    return (!options.prefixRules || samePrefix < PROBES_PER_PREFIX) && budget.take(nowMs);
  }

  function probe(node: KnownNode): void {
    const { key, descriptor, widePrefix } = node;
    underWay.add(key);
    probed.push({ prefix: widePrefix, atMs: clock.nowMs() });
    links.probe(descriptor).then(
      () => {
        underWay.delete(key);
        if (running && known.found(descriptor)) options.found(node);
      },
      () => {
        underWay.delete(key);
        if (running) known.notFound(descriptor, clock.nowMs());
      },
    );
  }

  return {
    start() {
      running = true;
      schedule(ROUND_MS);
    },
    wake() {
      if (running && dueMs - clock.nowMs() > 2 * ROUND_MS) schedule(ROUND_MS);
    },
    stop() {
      running = false;
      timer?.cancel();
    },
  };
}
