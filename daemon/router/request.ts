/**
 * One block wanted: from the store, from an answer that is on its way already, or from the peer that leads closest to its place.
 *
 * Shape   store, then failure table, then pending table, then sendOn(). Where the path ends (nobody nearer is left, or the HTL
 *         is used up) the other owners are asked with HTL_FINAL, the nearest first; after that the block is not found.
 * Errors  a FetchResult says why; a block that does not match its key closes the link it came over and counts as no answer.
 * Why     every node after the exit verifies and may keep what passes: that is how popular data wears its own path. A peer
 *         that was asked only because of what it claims of its peers, and is itself farther away than we are, cannot say that
 *         a key is not there: its DataNotFound is one failed attempt, any nearer peer's ends the search; but who is near enough itself asks
 *         others that should own a key with several places, or one liar beside each place would hide it.
 * Source  design § 8.
 * @module
 */
import type { BlockRef, Replica, RingLocation } from '../ids.ts';
import { routingKey } from '../ids.ts';
import type { Link } from '../link/link-types.ts';
import type { Peer } from '../topology/topology-types.ts';
import type { MessageNamed } from '../wire/messages.ts';
import { answerOf, type FetchResult } from './answers.ts';
import type { Reply } from './asks.ts';
import { NEAR_ENOUGH } from './copies.ts';
import type { RouterCore } from './core.ts';
import { HTL_FINAL, nextHtl } from './htl.ts';
import type { HopChoice } from './next-hop.ts';
import { offerTo } from './offers.ts';
import { type HopFailure, type Onward, tryNextHops, type Verdict, worstOf } from './onward.ts';
import { isAmongNearest, nearestPeers, ownersOfFetch, ownersWanted, readablePeers } from './owners.ts';
import { type Asker, refName } from './pending.ts';

/** The next co-owner is asked when the one before said no, or after this long. */
const CO_OWNER_STAGGER_MS = 200;
const CO_OWNER_ANSWER_MS = 3_000;

/** What is searched, and for whom. */
export interface Search {
  readonly ref: BlockRef;
  readonly replica: Replica;
  readonly target: RingLocation;
  readonly sentHtl: number;
  readonly deadlineAtMs: number;
  /** Undefined at the exit, whose searches leave nothing in the failure table. */
  readonly asker: Asker | undefined;
}

export function handleFetch(core: RouterCore, link: Link, message: MessageNamed<'Fetch'>): void {
  const asker: Asker = { link, id: message.id, htl: message.htl, arrivedMs: core.nowMs() };
  core.counters.fetchSeen(asker.htl);
  core.noteArrival('fetch', link, message);
  if (core.slots.admit(link.peerKey, false)) {
    void serveFetch(core, asker, message);
    return;
  }
  core.counters.fetchEnded(asker.htl, 'failed');
  core.refuse(link, asker.id);
}

async function serveFetch(core: RouterCore, asker: Asker, message: MessageNamed<'Fetch'>): Promise<void> {
  const { replica, kind } = message;
  const ref = { kind, key: routingKey(message.key) } as BlockRef; // the codec holds kind to 1..4
  const deadlineAtMs = asker.arrivedMs + message.deadlineMs;
  const heldAs = core.deps.store.reasonOf(ref);
  const held = await core.readStore(ref, deadlineAtMs, true);
  if (core.stopped) return;
  if (held !== undefined) {
    if (heldAs === 'path') core.counters.totals.foundInCache++;
    else core.counters.totals.foundInStore++;
    core.keyTrace?.note(ref, { type: 'ended', outcome: 'here', atMs: core.nowMs() });
    return answer(core, asker, { type: 'data', payload: held });
  }
  if (asker.htl <= HTL_FINAL) return answer(core, asker, { type: 'dataNotFound' });

  const name = refName(ref, replica);
  const retryMs = core.failures.keyRemainingMs(name, core.nowMs());
  if (retryMs > 0) {
    core.failures.addAsker(name, asker.link);
    return answer(core, asker, { type: 'recentlyFailed', retryMs });
  }

  const waiting = core.pending.get('fetch', name);
  if (waiting !== undefined) {
    const joined = core.pending.join(waiting, asker);
    if (joined === 'loop') return rejectLoop(core, asker);
    if (joined === 'full') return rejectFull(core, asker);
    core.counters.totals.coalesced++;
    asker.link.sendMessage({ type: 'Accepted', id: asker.id });
    return;
  }

  const sentHtl = nextHtl(asker.htl, core.keepsHighHtl(asker.link));
  const row = core.pending.open('fetch', name, sentHtl, asker, undefined);
  asker.link.sendMessage({ type: 'Accepted', id: asker.id });
  const target = core.deps.locate(ref, replica);
  const result = await search(core, { ref, replica, target, sentHtl, deadlineAtMs, asker });
  core.pending.close(row);
  core.keyTrace?.note(ref, { type: 'ended', outcome: result.type, atMs: core.nowMs() });
  if (core.stopped) return;
  if (result.type === 'data') {
    core.keepOnPath(ref, replica, result.payload, 'dataReturned');
    offerTo(core.failures.forget(name), ref, replica);
  } else if (result.type === 'dataNotFound') {
    core.failures.failKey(name, core.nowMs());
    for (const one of row.askers) core.failures.addAsker(name, one.link);
  }
  for (const one of row.askers) answer(core, one, result);
}

async function search(core: RouterCore, wanted: Search): Promise<FetchResult> {
  let failures: readonly HopFailure[] = [];
  let tried: ReadonlySet<string> = new Set();
  if (wanted.sentHtl > HTL_FINAL) {
    const onward = await sendOn(core, wanted);
    if (onward.type === 'done') {
      const { result } = onward;
      if (result.type !== 'dataNotFound' || !isNear(core, wanted)) return result;
      // One node's word, and it may lie: we are near enough to know others who should have it.
      const payload = await askCoOwners(core, wanted, new Set(), NEAR_ENOUGH);
      return payload === undefined ? result : { type: 'data', payload };
    }
    if (onward.type === 'gaveUp') {
      return worstOf(onward.failures) ?? { type: onward.outOfTime ? 'timeout' : 'dataNotFound' };
    }
    ({ failures, tried } = onward);
  } else core.counters.totals.htlExhausted++;
  const payload = await askCoOwners(core, wanted, tried);
  if (payload !== undefined) return { type: 'data', payload };
  return worstOf(failures) ?? { type: 'dataNotFound' };
}

/** The same from the exit on: one code path for own and relayed work. */
export function sendOn(core: RouterCore, wanted: Search): ReturnType<typeof tryNextHops<FetchResult>> {
  const { ref, replica, target, sentHtl, deadlineAtMs, asker } = wanted;
  const name = refName(ref, replica);
  const onward: Onward<FetchResult> = {
    target,
    deadlineAtMs,
    asker: asker === undefined ? undefined : { key: asker.link.peerKey, location: asker.link.peer?.location },
    isCostly: false,
    ...(asker === undefined ? {} : { tracedAs: ref }),
    failedMs: (peerKey) => (asker === undefined ? 0 : core.failures.peerRemainingMs(name, peerKey, core.nowMs())),
    question: (id, deadlineMs) => {
      core.counters.totals.fetchesForwarded++;
      return { type: 'Fetch', id, kind: ref.kind, key: ref.key, replica, htl: sentHtl, deadlineMs };
    },
    judge: (hop, reply) => {
      if (reply.type === 'RecentlyFailed' && asker !== undefined) {
        core.failures.failPeer(name, hop.peer.key, core.nowMs(), reply.retryMs);
      }
      return judge(core, ref, hop, reply);
    },
  };
  return tryNextHops(core, onward);
}

function judge(core: RouterCore, ref: BlockRef, hop: HopChoice<Peer>, reply: Reply): Verdict<FetchResult> {
  if (reply.type === 'Data') {
    if (core.deps.verify(ref, reply.payload)) {
      return { type: 'done', result: { type: 'data', payload: reply.payload }, served: true };
    }
    core.refuseBlock(hop.peer.link);
    return { type: 'next', failure: { type: 'routeNotFound' } };
  }
  if (reply.type === 'RecentlyFailed') {
    return { type: 'next', failure: { type: 'recentlyFailed', retryMs: reply.retryMs } };
  }
  if (hop.claim !== undefined && !hop.nearer) return { type: 'next', failure: { type: 'dataNotFound' } };
  return { type: 'done', result: { type: 'dataNotFound' }, served: false };
}

/** Whether a key with several places lies so near to us that we could be asked to own it. */
function isNear(core: RouterCore, wanted: Search): boolean {
  const { view } = core.deps;
  const owners = ownersOfFetch(wanted.ref, wanted.replica, core.options);
  if (owners <= core.options.owners) return false;
  const near = ownersWanted(owners, view.estimatedNodes()) * NEAR_ENOUGH;
  return isAmongNearest(view.ownLocation, readablePeers(core.peers()), wanted.target, near);
}

/**
 * The first block that one of the other owners has; undefined when none does.
 * @param times how many times as many nodes as there should be owners are asked
 */
async function askCoOwners(
  core: RouterCore,
  wanted: Search,
  tried: ReadonlySet<string>,
  times = 1,
): Promise<Uint8Array | undefined> {
  const peers = core.peers();
  const first = readablePeers(peers);
  const payload = await askOwnersAmong(core, wanted, first, tried, times);
  if (payload !== undefined || first.length === peers.length || core.stopped) return payload;
  // What was stored in the last hour may lie with those that came in it.
  const others = peers.filter((peer) => peer.onProbation === true);
  return askOwnersAmong(core, wanted, others, tried, times);
}

function askOwnersAmong(
  core: RouterCore,
  wanted: Search,
  peers: readonly Peer[],
  tried: ReadonlySet<string>,
  times: number,
): Promise<Uint8Array | undefined> {
  const nowMs = core.nowMs();
  const { view } = core.deps;
  const name = refName(wanted.ref, wanted.replica);
  const owners = ownersWanted(ownersOfFetch(wanted.ref, wanted.replica, core.options), view.estimatedNodes());
  const others = peers.filter(
    (peer) =>
      core.mayAsk(peer) &&
      peer.key !== wanted.asker?.link.peerKey &&
      !tried.has(peer.key) &&
      core.failures.peerRemainingMs(name, peer.key, nowMs) === 0,
  );
  const targets = nearestPeers(others, wanted.target).slice(0, owners * times - 1);
  return new Promise((resolve) => {
    let next = 0;
    let waiting = 0;
    const goOn = (): void => {
      const peer = targets[next];
      if (peer === undefined) {
        if (waiting === 0) resolve(undefined);
        return;
      }
      next++;
      waiting++;
      const mine = next;
      void askStore(core, wanted, peer).then((payload) => {
        waiting--;
        if (payload !== undefined) {
          next = targets.length; // nobody else is asked
          resolve(payload);
        } else if (next === mine || waiting === 0) goOn();
      });
      if (mine < targets.length) {
        void core.sleep(CO_OWNER_STAGGER_MS).then(() => {
          if (next === mine) goOn();
        });
      }
    };
    goOn();
  });
}

/** What that peer has in its own store; HTL_FINAL keeps it from asking on. */
async function askStore(core: RouterCore, wanted: Search, peer: Peer): Promise<Uint8Array | undefined> {
  const answerMs = Math.floor(Math.min((wanted.deadlineAtMs - core.nowMs()) * 0.9, CO_OWNER_ANSWER_MS));
  if (answerMs <= 0) return undefined;
  const { ref, replica } = wanted;
  const result = await core.asks.ask(peer.link, { acceptMs: answerMs, answerMs }, (id) => {
    core.counters.totals.fetchesForwarded++;
    return { type: 'Fetch', id, kind: ref.kind, key: ref.key, replica, htl: HTL_FINAL, deadlineMs: answerMs };
  });
  if (result.type === 'timeout') {
    core.counters.totals.timeouts++;
    core.backoff.silent(peer.key, core.nowMs());
  }
  if (result.type !== 'reply') return undefined;
  core.backoff.heard(peer.key);
  if (result.reply.type === 'RejectedOverload') {
    core.backoff.overloaded(peer.key, core.nowMs(), result.reply.retryMs);
  }
  if (result.reply.type !== 'Data') return undefined;
  if (core.deps.verify(ref, result.reply.payload)) return result.reply.payload;
  core.refuseBlock(peer.link);
  return undefined;
}

function answer(core: RouterCore, asker: Asker, result: FetchResult): void {
  const found = result.type === 'data';
  const absent = result.type === 'dataNotFound' || result.type === 'recentlyFailed';
  if (result.type === 'recentlyFailed') core.counters.totals.answeredRecentlyFailed++;
  if (result.type === 'routeNotFound') core.counters.totals.answeredNoRoute++;
  core.counters.fetchEnded(asker.htl, found ? 'found' : absent ? 'notFound' : 'failed');
  if (found) core.counters.answeredAfter(core.nowMs() - asker.arrivedMs);
  core.slots.release(asker.link.peerKey, false);
  core.reply(asker.link, answerOf(asker.id, result));
}

function rejectLoop(core: RouterCore, asker: Asker): void {
  core.counters.totals.rejectedLoop++;
  answer(core, asker, { type: 'rejectedLoop' });
}

function rejectFull(core: RouterCore, asker: Asker): void {
  core.counters.fetchEnded(asker.htl, 'failed');
  core.slots.release(asker.link.peerKey, false);
  core.refuse(asker.link, asker.id);
}
