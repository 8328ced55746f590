/**
 * The way into the network: remembered peers first, seeds when these do not answer, until there are links to announce over.
 *
 * Shape   step() is called on the topology's clock while we have too few links; it dials and counts. What the links are then used for
 *         is decided in topology.ts.
 * Unit    milliseconds of Clock.nowMs.
 * Errors  a seed whose descriptor does not verify or has expired is logged and left out.
 * Why     several seeds are asked at once, and what they answer is put together: one seed that lies can add nodes to what we hear but
 *         hide none that another one names. A network that starts all at once finds its seed not yet listening, so the first
 *         tries come quickly.
 * Source  design § 7.
 * @module
 */
import type { Clock, Log, Random } from '../ports.ts';
import type { Descriptor } from '../wire/descriptor-types.ts';
import type { Dialler } from './dialler.ts';
import { sampleOf } from './gossip-view.ts';
import { keyOf } from './peering.ts';

const SEEDS_AT_ONCE = 3;
const REMEMBERED_AT_ONCE = 6;
/** How long remembered peers may take before the seeds are asked. */
const SEEDS_AFTER_MS = 1_500;
const RETRY_MS = 500;
const QUICK_TRIES = 40;
const RETRY_MAX_MS = 30_000;

export interface Join {
  readonly seedsTried: number;
  readonly seedsAnswered: number;
  readonly hasAnybody: boolean;
  step(linksOpen: number): void;
  linkOpened(key: string): void;
  /** Tries come quickly again. */
  hurry(): void;
}

export interface JoinDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly dialler: Dialler;
}

export function createJoin(
  deps: JoinDeps,
  starts: { readonly seeds: readonly Descriptor[]; readonly remembered: readonly Descriptor[] },
): Join {
  const { clock, random, dialler } = deps;
  const { seeds, remembered } = starts;
  const startedMs = clock.nowMs();
  const seedKeys = new Set(seeds.map(keyOf));
  const tried = new Set<string>();
  const answered = new Set<string>();
  let nextTryMs = startedMs;
  let tries = 0;

  return {
    get seedsTried() {
      return tried.size;
    },
    get seedsAnswered() {
      return answered.size;
    },
    get hasAnybody() {
      return seeds.length + remembered.length > 0;
    },
    linkOpened(key) {
      if (seedKeys.has(key)) answered.add(key);
    },
    hurry() {
      tries = 0;
      nextTryMs = clock.nowMs();
    },
    step(linksOpen) {
      const nowMs = clock.nowMs();
      const enough = Math.min(SEEDS_AT_ONCE, Math.max(1, seeds.length + remembered.length));
      if (linksOpen >= enough || nowMs < nextTryMs) return;
      tries++;
      const delayMs = Math.min(RETRY_MS * 2 ** Math.min(Math.max(0, tries - QUICK_TRIES), 10), RETRY_MAX_MS);
      nextTryMs = nowMs + delayMs;
      for (const descriptor of sampleOf(remembered, REMEMBERED_AT_ONCE, random)) dialler.dial(descriptor);
      if (remembered.length > 0 && (linksOpen > 0 || nowMs - startedMs < SEEDS_AFTER_MS)) return;
      for (const descriptor of sampleOf(seeds, SEEDS_AT_ONCE, random)) {
        if (dialler.dial(descriptor)) tried.add(keyOf(descriptor));
      }
    },
  };
}
