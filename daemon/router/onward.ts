/**
 * Sending on: to the best next hop, and when that fails to the next best, within attempts and deadline.
 *
 * Shape   tryNextHops() asks one peer after another until `judge` accepts an answer, or nobody is left; a peer that takes longer than
 *         is usual keeps its question while the next best is asked beside it. What it cannot decide (is this where the path
 *         ends?) it leaves to request.ts, insert.ts and exit.ts.
 * Unit    milliseconds. A next hop gets 9/10 of what is left and is waited for half-way into the rest, so that its answer can
 *         still arrive and be passed on.
 * Errors  HopFailure says why each peer gave up; nothing throws.
 * Why     a peer that does not even accept within a few seconds costs only those, not the whole deadline: that is how dead and
 *         silent peers are passed over; and one that accepts and then says nothing costs its patience, for every hop behind it
 *         has less. When all failed with RejectedLoop, the best one is asked once more after 250 ms, for
 *         the request it already had may be over by then.
 * Source  design § 8.
 * @module
 */
import type { BlockRef, RingLocation } from '../ids.ts';
import { distance } from '../keys/location.ts';
import { ROUTE_ATTEMPTS_MAX } from '../limits.ts';
import type { Peer } from '../topology/topology-types.ts';
import type { AskResult, AskTimes, Question, Reply } from './asks.ts';
import type { RouterCore } from './core.ts';
import { chooseNextHop, type HopChoice } from './next-hop.ts';
import { readablePeers } from './owners.ts';
import { claimShareMax } from './peer-memory.ts';

/** With less left than this no further peer is asked. */
const ATTEMPT_MS_MIN = 50;
const ACCEPT_MS_MAX = 3_000;
const LOOP_RETRY_MS = 250;
/** Patience with a next hop: at least this, more for each halving of the ring that lies behind it, and some times what is usual there. */
const PATIENCE_MS = 700;
const PATIENCE_PER_OCTAVE_MS = 350;
const PATIENCE_TIMES = 4;
/** What a failure weighs that may be of a node behind the peer. */
const FAILED_BEHIND = 0.5;

export type HopFailure =
  | { readonly type: 'dataNotFound' }
  | { readonly type: 'routeNotFound' }
  | { readonly type: 'rejectedLoop' }
  | { readonly type: 'timeout' }
  /** An insert reached its end, and nobody there could store it. */
  | { readonly type: 'noCopies' }
  | { readonly type: 'rejectedOverload'; readonly retryMs: number; readonly workBits: number }
  | { readonly type: 'recentlyFailed'; readonly retryMs: number };

/** What a reply means to the one who asked. `served`: the peer led to the key, which speaks for its claims. */
export type Verdict<Result> =
  | { readonly type: 'done'; readonly result: Result; readonly served: boolean }
  | { readonly type: 'next'; readonly failure: HopFailure };

export interface Onward<Result> {
  readonly target: RingLocation;
  readonly deadlineAtMs: number;
  /** Who must not be asked: the peer it came from. Undefined at the exit, which sends on even if it is nearest itself. */
  readonly asker: { readonly key: string; readonly location: RingLocation | undefined } | undefined;
  /** Carries a block, and more of them where it arrives. */
  readonly isCostly: boolean;
  /** For a trace that the owner of this node may have asked for; absent at the exit, whose requests are not traced. */
  readonly tracedAs?: BlockRef;
  /** Milliseconds for which this peer is known to have failed for this key; 0 if it is not. */
  failedMs(peerKey: string): number;
  question(id: number, deadlineMs: number): Question;
  judge(peer: HopChoice<Peer>, reply: Reply): Verdict<Result>;
}

export type OnwardResult<Result> =
  | { readonly type: 'done'; readonly result: Result }
  /** Nobody nearer is left. `tried`: keys of those asked. */
  | { readonly type: 'end'; readonly failures: readonly HopFailure[]; readonly tried: ReadonlySet<string> }
  | { readonly type: 'gaveUp'; readonly failures: readonly HopFailure[]; readonly outOfTime: boolean };

/** How one of those asked ended. */
interface Ended<Result> {
  readonly hop: HopChoice<Peer>;
  readonly verdict: Verdict<Result>;
}

export async function tryNextHops<Result>(core: RouterCore, onward: Onward<Result>): Promise<OnwardResult<Result>> {
  const failures: HopFailure[] = [];
  const saidNotThere: HopChoice<Peer>[] = [];
  const tried = new Map<string, RingLocation>();
  const waiting = new Map<string, Promise<Ended<Result>>>();
  let first: HopChoice<Peer> | undefined;
  for (;;) {
    if (core.stopped || outOfTime(core, onward)) return { type: 'gaveUp', failures, outOfTime: true };
    const hop = tried.size < ROUTE_ATTEMPTS_MAX ? pickHop(core, onward, tried) : undefined;
    let patienceMs: number | undefined;
    if (hop !== undefined && !('blocked' in hop)) {
      first ??= hop;
      tried.set(hop.peer.key, hop.peer.location);
      patienceMs = patienceFor(core, onward, hop);
      const asked = askHop(core, onward, hop).then((verdict) => ({ hop, verdict }));
      waiting.set(hop.peer.key, asked);
    } else if (waiting.size === 0) {
      if (hop !== undefined) failures.push(hop.blocked);
      break;
    }
    const ended = await firstOf(core, [...waiting.values()], patienceMs);
    if (ended === undefined) continue; // the next best is asked beside those that take so long
    waiting.delete(ended.hop.peer.key);
    const { verdict } = ended;
    if (verdict.type === 'done') {
      if (verdict.served) for (const wrong of saidNotThere) noteFailure(core, onward, wrong, 1);
      return verdict;
    }
    if (verdict.failure.type === 'dataNotFound') saidNotThere.push(ended.hop);
    failures.push(verdict.failure);
  }
  if (first !== undefined && onlyLoops(failures)) {
    await core.sleep(LOOP_RETRY_MS);
    if (core.stopped || outOfTime(core, onward)) return { type: 'gaveUp', failures, outOfTime: true };
    const verdict = await askHop(core, onward, first);
    if (verdict.type === 'done') return verdict;
    failures.push(verdict.failure);
  }
  if (tried.size >= ROUTE_ATTEMPTS_MAX) return { type: 'gaveUp', failures, outOfTime: false };
  return { type: 'end', failures, tried: new Set(tried.keys()) };
}

/** The first of them that ends, or undefined when none does within the time. */
async function firstOf<T>(
  core: RouterCore,
  waiting: readonly Promise<T>[],
  patienceMs: number | undefined,
): Promise<T | undefined> {
  if (patienceMs === undefined) return Promise.race(waiting);
  const nap = core.nap(patienceMs);
  const ended = await Promise.race([...waiting, nap.over]);
  nap.cancel();
  return ended as T | undefined;
}

/**
 * How long a next hop has before another is asked beside it: the longer, the more hops lie behind it, so that a node near the silent
 * one turns elsewhere before those farther away do, and one silent node costs one detour and not one at every hop.
 */
function patienceFor(core: RouterCore, onward: Onward<unknown>, hop: HopChoice<Peer>): number {
  const away = distance(hop.peer.location, onward.target);
  const octaves = 32 - Math.clz32(Math.floor(away * core.deps.view.estimatedNodes()));
  const usualMs = PATIENCE_MS + PATIENCE_PER_OCTAVE_MS * octaves;
  const leftMs = onward.deadlineAtMs - core.nowMs();
  // An insert that is begun twice is placed twice, at every hop anew: that is worth waiting for.
  if (onward.isCostly) return leftMs / 2;
  return Math.min(Math.max(usualMs, PATIENCE_TIMES * core.estimates.expectedMs(hop.peer.key, away)), leftMs / 2);
}

function noteFailure(core: RouterCore, onward: Onward<unknown>, hop: HopChoice<Peer>, weight: number): void {
  core.estimates.note(hop.peer.key, distance(hop.peer.location, onward.target), 'failed', core.nowMs(), weight);
}

/**
 * The failure to pass on when several peers failed: the one that tells the asker most.
 * @returns undefined when there is none, or only words that the key is not there
 */
export function worstOf(failures: readonly HopFailure[]): HopFailure | undefined {
  const real = failures.filter((failure) => failure.type !== 'dataNotFound');
  return (
    real.find((failure) => failure.type === 'recentlyFailed') ??
    real.find((failure) => failure.type === 'rejectedOverload') ??
    real.find((failure) => failure.type !== 'rejectedLoop') ??
    real[0]
  );
}

function onlyLoops(failures: readonly HopFailure[]): boolean {
  return failures.every((failure) => failure.type === 'rejectedLoop');
}

function outOfTime(core: RouterCore, onward: Onward<unknown>): boolean {
  return onward.deadlineAtMs - core.nowMs() < ATTEMPT_MS_MIN;
}

const RANKED_MAX = 5;

/** The peers that a request to this place would be sent to, in the order in which they would be tried. */
export function rankHops(core: RouterCore, target: RingLocation): readonly HopChoice<Peer>[] {
  const ranked: HopChoice<Peer>[] = [];
  let left = core.peers().filter((peer) => core.mayAsk(peer));
  while (ranked.length < RANKED_MAX) {
    const hop = chooseNextHop({
      target,
      ownLocation: core.deps.view.ownLocation,
      candidates: left,
      mustBeNearer: true,
      avoid: ranked.map(({ peer }) => peer.location),
      weightsOf: (peerKey) => core.trust.weightsOf(peerKey, core.nowMs()),
      overShare: core.shares.over(core.peers().length),
      overClaimed: core.claimShares.over(core.peers().length, claimShareMax(core.peers().length)),
      factorOf: (key, away) => core.estimates.factorOf(key, away),
    });
    if (hop === undefined) break;
    ranked.push(hop);
    left = left.filter((peer) => peer !== hop.peer);
  }
  return ranked;
}

/** The best peer that may be asked; or why a better one may not; or nothing when nobody (nearer) is left. */
function pickHop(
  core: RouterCore,
  onward: Onward<unknown>,
  tried: ReadonlyMap<string, RingLocation>,
): HopChoice<Peer> | { readonly blocked: HopFailure } | undefined {
  const nowMs = core.nowMs();
  const peers = core.peers();
  const asked = onward.isCostly ? peers : readablePeers(peers);
  const left = asked.filter((peer) => peer.link.isOpen && peer.key !== onward.asker?.key && !tried.has(peer.key));
  const avoid = [...tried.values()];
  if (onward.asker?.location !== undefined) avoid.push(onward.asker.location);
  const choose = (candidates: readonly Peer[]): HopChoice<Peer> | undefined =>
    chooseNextHop({
      target: onward.target,
      ownLocation: core.deps.view.ownLocation,
      candidates,
      mustBeNearer: onward.asker !== undefined,
      avoid,
      weightsOf: (peerKey) => core.trust.weightsOf(peerKey, nowMs),
      overShare: core.shares.over(peers.length),
      overClaimed: core.claimShares.over(peers.length, claimShareMax(peers.length)),
      ...(core.options.usesEstimates === false
        ? {}
        : { factorOf: (key: string, away: number) => core.estimates.factorOf(key, away) }),
    });
  const willing = left.filter((peer) => core.mayAsk(peer) && onward.failedMs(peer.key) === 0);
  const hop = choose(willing);
  if (hop !== undefined) return hop;
  const unwilling = choose(left);
  if (unwilling === undefined) return undefined;
  const retryMs = onward.failedMs(unwilling.peer.key);
  if (retryMs > 0) return { blocked: { type: 'recentlyFailed', retryMs } };
  const backoffMs = core.backoff.remainingMs(unwilling.peer.key, nowMs) || core.slots.retryMs; // or it is at its window
  return { blocked: { type: 'rejectedOverload', retryMs: backoffMs, workBits: 0 } };
}

async function askHop<Result>(
  core: RouterCore,
  onward: Onward<Result>,
  hop: HopChoice<Peer>,
): Promise<Verdict<Result>> {
  core.shares.chosen(hop.peer.key);
  if (hop.claim !== undefined) core.claimShares.chosen(hop.peer.key);
  const leftMs = Math.floor(onward.deadlineAtMs - core.nowMs());
  const passedOnMs = Math.floor(leftMs * 0.9);
  const times: AskTimes = {
    acceptMs: Math.min(ACCEPT_MS_MAX, leftMs / 3),
    answerMs: (passedOnMs + leftMs) / 2,
  };
  const askedMs = core.nowMs();
  const traced = { peerKey: hop.peer.key, byClaim: hop.claim !== undefined };
  if (onward.tracedAs !== undefined) core.keyTrace?.note(onward.tracedAs, { type: 'asked', ...traced, atMs: askedMs });
  const result = await core.asks.ask(hop.peer.link, times, (id) => onward.question(id, passedOnMs));
  const verdict = weigh(core, hop, result, onward);
  if (onward.tracedAs !== undefined) {
    const outcome = verdict.type === 'done' ? 'answered' : verdict.failure.type;
    const atMs = core.nowMs();
    core.keyTrace?.note(onward.tracedAs, {
      type: 'back',
      peerKey: hop.peer.key,
      outcome,
      tookMs: atMs - askedMs,
      atMs,
    });
  }
  learn(core, onward, hop, verdict, core.nowMs() - askedMs);
  if (hop.claim !== undefined) {
    if (verdict.type === 'done' && verdict.served) core.trust.confirm(hop.peer.key, hop.claim);
    else if (speaksAgainstClaim(verdict)) core.trust.doubt(hop.peer.key, hop.claim, core.nowMs());
  }
  return verdict;
}

/** What the answer says of the peer that gave it. A word that a key is not there says nothing; a rejection is no failure to serve. */
function learn(
  core: RouterCore,
  onward: Onward<unknown>,
  hop: HopChoice<Peer>,
  verdict: Verdict<unknown>,
  tookMs: number,
): void {
  if (core.stopped) return;
  if (verdict.type === 'done') {
    if (!verdict.served) return;
    core.slots.served(hop.peer.key);
    const away = distance(hop.peer.location, onward.target);
    core.estimates.note(hop.peer.key, away, { tookMs }, core.nowMs());
  } else if (verdict.failure.type === 'timeout') noteFailure(core, onward, hop, 1);
  else if (verdict.failure.type === 'routeNotFound' || verdict.failure.type === 'noCopies') {
    noteFailure(core, onward, hop, FAILED_BEHIND);
  }
}

function weigh<Result>(
  core: RouterCore,
  hop: HopChoice<Peer>,
  result: AskResult,
  onward: Onward<Result>,
): Verdict<Result> {
  if (result.type === 'closed') return { type: 'next', failure: { type: 'routeNotFound' } };
  if (result.type === 'timeout') {
    core.counters.totals.timeouts++;
    if (result.accepted) core.backoff.dropped(hop.peer.key, core.nowMs());
    else core.backoff.silent(hop.peer.key, core.nowMs());
    return { type: 'next', failure: { type: 'timeout' } };
  }
  core.backoff.heard(hop.peer.key);
  const { reply } = result;
  switch (reply.type) {
    case 'RouteNotFound':
      return { type: 'next', failure: { type: 'routeNotFound' } };
    case 'RejectedLoop':
      return { type: 'next', failure: { type: 'rejectedLoop' } };
    case 'RejectedOverload': {
      core.backoff.overloaded(hop.peer.key, core.nowMs(), reply.retryMs);
      const { retryMs, workBits } = reply;
      return { type: 'next', failure: { type: 'rejectedOverload', retryMs, workBits } };
    }
    default:
      return onward.judge(hop, reply);
  }
}

/** A peer that was too busy, or had failed a moment ago, did not look: its claim is not to blame. */
function speaksAgainstClaim(verdict: Verdict<unknown>): boolean {
  if (verdict.type === 'done') return !verdict.served;
  return verdict.failure.type !== 'rejectedOverload' && verdict.failure.type !== 'recentlyFailed';
}
