/**
 * The verdict: one word about this node, why, and what to do. Every surface shows this one and computes none of its own.
 *
 * Shape   a pure function of a few facts; OFFLINE also stands for "no daemon", which only the asker can know.
 * Unit    times are milliseconds.
 * Why     ordinary churn must never lower it: a failed dial or a closed link while enough peers are up is no news.
 * Source  ux § 1.1 "The verdict comes first".
 * @module
 */
import type { Verdict, VerdictStatus } from './schema.ts';

export interface VerdictFacts {
  readonly uptimeMs: number;
  readonly joinStage: string;
  readonly seeds: number;
  readonly seedsTried: number;
  readonly seedsAnswered: number;
  readonly links: number;
  readonly peers: number;
  readonly estimatedNodes: number;
  readonly usableRelays: number;
  readonly guardUp: boolean;
  readonly circuitsReady: number;
  /** Circuits built, and failed to build, within the last minute. */
  readonly builtLately: number;
  readonly buildFailuresLately: number;
  /** Refused writes and damaged reads within the last minute. */
  readonly writeFailuresLately: number;
  readonly damagedLately: number;
  readonly clockOffsetMs: number | undefined;
}

/** After this long without a peer, waiting is no longer the advice. */
export const PATIENCE_MS = 30_000;
/** Three hops of a circuit need three relays. */
const RELAYS_MIN = 3;
/** Descriptors tolerate this much skew (design § 5); beyond it others refuse ours. */
const CLOCK_SKEW_MAX_MS = 6 * 3_600_000;

export function verdictOf(facts: VerdictFacts): VerdictStatus {
  return troubleOf(facts) ?? joiningOf(facts) ?? degradedOf(facts) ?? say('HEALTHY', '', '');
}

function troubleOf(facts: VerdictFacts): VerdictStatus | undefined {
  if (facts.writeFailuresLately > 0) {
    return say(
      'TROUBLE',
      `the disk refused ${facts.writeFailuresLately} writes in the last minute`,
      'free some space or remount the disk; reads go on, and writes resume by themselves',
    );
  }
  if (facts.clockOffsetMs !== undefined && Math.abs(facts.clockOffsetMs) > CLOCK_SKEW_MAX_MS) {
    const hours = Math.round(Math.abs(facts.clockOffsetMs) / 3_600_000);
    return say('TROUBLE', `this clock is ${hours} hours off from its peers`, 'set the clock of this machine');
  }
  return undefined;
}

/** No peer, or not yet enough relays: says which stage it is in, and after a while what is in the way. */
function joiningOf(facts: VerdictFacts): VerdictStatus | undefined {
  const impatient = facts.uptimeMs > PATIENCE_MS;
  if (facts.peers === 0) {
    if (facts.seeds === 0 && facts.links === 0) {
      return say(
        'OFFLINE',
        'no seed is configured and nobody has dialled us',
        'join one: holloway peer join INVITE; to try without: holloway demo',
      );
    }
    if (impatient && facts.links === 0) {
      return say(
        'OFFLINE',
        `${facts.seedsAnswered} of ${facts.seedsTried} seeds answered and no peer is connected`,
        'check that this machine is online and may dial out by TCP; ask for a newer seed',
      );
    }
    const stage = facts.joinStage === 'idle' ? 'waiting for a peer' : facts.joinStage;
    return say(
      'CONNECTING',
      `${stage}, ${facts.seedsAnswered} of ${facts.seedsTried} seeds answered`,
      impatient ? 'no peer accepted us yet: holloway status --watch shows changes' : 'wait a few seconds',
    );
  }
  if (facts.usableRelays < RELAYS_MIN) {
    return say(
      'CONNECTING',
      `${facts.usableRelays} of ${RELAYS_MIN} relays known, too few for a circuit`,
      impatient ? 'the network may have fewer than four nodes: start more, or wait for them' : 'wait a few seconds',
    );
  }
  return undefined;
}

function degradedOf(facts: VerdictFacts): VerdictStatus | undefined {
  if (facts.peers < Math.min(2, facts.estimatedNodes - 1)) {
    return say('DEGRADED', 'only one peer is connected', 'wait for more; if it stays so, check that TCP may go out');
  }
  if (facts.circuitsReady === 0 && facts.builtLately === 0 && facts.buildFailuresLately >= 3) {
    return say(
      'DEGRADED',
      `the last ${facts.buildFailuresLately} circuits failed to build`,
      facts.guardUp
        ? 'wait: other relays are tried'
        : 'the guard does not answer; it is kept for a while, then replaced',
    );
  }
  if (facts.damagedLately > 0) {
    return say(
      'DEGRADED',
      `${facts.damagedLately} damaged blocks were dropped in the last minute`,
      'check the disk; the blocks are fetched again from others',
    );
  }
  return undefined;
}

function say(word: Verdict, reason: string, next: string): VerdictStatus {
  return { word, reason, next };
}
