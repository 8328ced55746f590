/**
 * One block to be placed: on towards the nodes nearest to its location; the node where the way ends distributes it.
 *
 * Shape   verify, then pending table, then sendOnInsert(). The end is reached when nobody nearer is left or the HTL is 0.
 * Errors  an InsertResult says why; bytes that do not match their key close the link they came over and get no answer.
 * Why     nodes on the way may keep the block as a cached copy, but only once owners acknowledged it: what nobody stored leaves
 *         no trace. A node whose nearer peers all failed stands in for them only if it is among the owners by its own view;
 *         else the block would be called stored where nobody looks for it, and the failure is passed back instead.
 * Source  design § 8.
 * @module
 */
import { type BlockRef, KIND, type Kind, routingKey } from '../ids.ts';
import type { Link } from '../link/link-types.ts';
import type { MessageNamed } from '../wire/messages.ts';
import { answerOf, type InsertResult } from './answers.ts';
import type { Reply } from './asks.ts';
import { distribute, NEAR_ENOUGH, type Placement } from './copies.ts';
import type { RouterCore } from './core.ts';
import { nextHtl } from './htl.ts';
import { checkInsertWork } from './insert-work.ts';
import { offerTo } from './offers.ts';
import { type Onward, tryNextHops, type Verdict, worstOf } from './onward.ts';
import { isAmongNearest, ownersWanted } from './owners.ts';
import { type Asker, refName } from './pending.ts';

export function handleInsert(core: RouterCore, link: Link, message: MessageNamed<'Insert'>): void {
  core.counters.totals.insertsReceived++;
  core.noteArrival('insert', link, message);
  const asker: Asker = { link, id: message.id, htl: message.htl, arrivedMs: core.nowMs() };
  const ref = { kind: message.kind, key: routingKey(message.key) } as BlockRef; // the codec holds kind to 1..4
  const { workBits } = core.slots;
  if (!checkInsertWork(core.deps.crypto, ref.key, message.replica, message.work, workBits)) {
    core.refuse(link, asker.id, workBits);
    return;
  }
  if (!core.slots.admit(link.peerKey, true)) {
    core.refuse(link, asker.id, workBits);
    return;
  }
  if (core.deps.verify(ref, message.payload)) {
    void serveInsert(core, asker, ref, message);
    return;
  }
  core.slots.release(link.peerKey, true);
  core.refuseBlock(link);
}

async function serveInsert(
  core: RouterCore,
  asker: Asker,
  ref: BlockRef,
  message: MessageNamed<'Insert'>,
): Promise<void> {
  const { replica, payload } = message;
  const name = refName(ref, replica);
  const waiting = core.pending.get('insert', name);
  if (waiting?.payload !== undefined) {
    if (!core.deps.crypto.equal(waiting.payload, payload)) {
      // Two records race for one key. The first that came here stands here; of pointers either may be the newer one.
      if (firstOneStands(ref.kind)) return answer(core, asker, { type: 'collision', payload: waiting.payload });
      return rejectLoop(core, asker);
    }
    const joined = core.pending.join(waiting, asker);
    if (joined === 'loop') return rejectLoop(core, asker);
    if (joined === 'full') {
      core.slots.release(asker.link.peerKey, true);
      core.refuse(asker.link, asker.id);
      return;
    }
    core.counters.totals.coalesced++;
    asker.link.sendMessage({ type: 'Accepted', id: asker.id });
    return;
  }

  const askedInVain = core.failures.forget(name);
  const sentHtl = nextHtl(asker.htl, core.keepsHighHtl(asker.link));
  const row = core.pending.open('insert', name, sentHtl, asker, payload);
  asker.link.sendMessage({ type: 'Accepted', id: asker.id });
  const result = await place(core, asker, sentHtl, {
    ref,
    replica,
    target: core.deps.locate(ref, replica),
    owners: message.owners,
    work: message.work,
    payload,
    deadlineAtMs: asker.arrivedMs + message.deadlineMs,
  });
  core.pending.close(row);
  if (core.stopped) return;
  if (result.type === 'inserted') offerTo(askedInVain, ref, replica, asker.link);
  for (const one of row.askers) answer(core, one, result);
}

async function place(core: RouterCore, asker: Asker, sentHtl: number, placement: Placement): Promise<InsertResult> {
  const { ref, payload, deadlineAtMs } = placement;
  if (firstOneStands(ref.kind)) {
    const existing = await core.readStore(ref, deadlineAtMs, false);
    if (existing !== undefined && !core.deps.crypto.equal(existing, payload)) {
      return { type: 'collision', payload: existing };
    }
  }
  if (sentHtl === 0) {
    core.counters.totals.htlExhausted++;
    return distribute(core, placement);
  }
  const onward = await sendOnInsert(core, asker, sentHtl, placement);
  if (onward.type === 'done') {
    if (onward.result.type === 'inserted') await keepPassing(core, placement);
    return onward.result;
  }
  const failure = worstOf(onward.failures);
  if (onward.type === 'gaveUp') return failure ?? { type: 'routeNotFound' };
  if (failure !== undefined && !isNear(core, placement, 1)) return failure;
  return distribute(core, placement);
}

/** The same from the exit on. `asker` undefined: this is the exit. */
export function sendOnInsert(
  core: RouterCore,
  asker: Asker | undefined,
  sentHtl: number,
  placement: Placement,
): ReturnType<typeof tryNextHops<InsertResult>> {
  const { ref, replica, target, owners, work, payload, deadlineAtMs } = placement;
  const onward: Onward<InsertResult> = {
    target,
    deadlineAtMs,
    asker: asker === undefined ? undefined : { key: asker.link.peerKey, location: asker.link.peer?.location },
    isCostly: true,
    ...(asker === undefined ? {} : { tracedAs: ref }),
    failedMs: () => 0,
    question: (id, deadlineMs) => {
      core.counters.totals.insertsForwarded++;
      return {
        type: 'Insert',
        id,
        kind: ref.kind,
        key: ref.key,
        replica,
        htl: sentHtl,
        deadlineMs,
        owners,
        work,
        payload,
      };
    },
    judge: (hop, reply) => judge(core, placement, hop.peer.link, reply),
  };
  return tryNextHops(core, onward);
}

function judge(core: RouterCore, placement: Placement, link: Link, reply: Reply): Verdict<InsertResult> {
  if (reply.type === 'Inserted' && reply.copies > 0) {
    return { type: 'done', result: { type: 'inserted', copies: reply.copies }, served: true };
  }
  if (reply.type === 'Inserted') return { type: 'next', failure: { type: 'noCopies' } };
  if (reply.type === 'Collision') {
    if (!core.deps.verify(placement.ref, reply.payload)) core.refuseBlock(link);
    else if (!core.deps.crypto.equal(reply.payload, placement.payload)) {
      return { type: 'done', result: { type: 'collision', payload: reply.payload }, served: true };
    }
  }
  return { type: 'next', failure: { type: 'routeNotFound' } };
}

/**
 * Others say that they store it. That makes it a block that passed by; a key with several places we keep as owners should, when we are near: whoever sits
 * nearest to a place can throw away what comes and say that it was stored, and only those around it can know better.
 */
async function keepPassing(core: RouterCore, placement: Placement): Promise<void> {
  const { ref, replica, payload, deadlineAtMs } = placement;
  const hasSeveralPlaces = placement.owners > core.options.owners;
  if (!hasSeveralPlaces || !isNear(core, placement, NEAR_ENOUGH)) {
    return core.keepOnPath(ref, replica, payload, 'insert');
  }
  await core.storeAsOwner(ref, replica, payload, 'insert', deadlineAtMs);
}

/** Whether we are among so many times the owners nearest to its place, as far as we know. */
function isNear(core: RouterCore, placement: Placement, times: number): boolean {
  const { view } = core.deps;
  const owners = ownersWanted(placement.owners, view.estimatedNodes());
  return isAmongNearest(view.ownLocation, core.peers(), placement.target, owners * times);
}

/** SSK records: another valid one under the same key is a collision. A CHK has only one block, a pointer has versions, a keyword's bucket has many. */
function firstOneStands(kind: Kind): boolean {
  return kind === KIND.ssk;
}

function answer(core: RouterCore, asker: Asker, result: InsertResult): void {
  core.slots.release(asker.link.peerKey, true);
  core.reply(asker.link, answerOf(asker.id, result));
}

function rejectLoop(core: RouterCore, asker: Asker): void {
  core.counters.totals.rejectedLoop++;
  answer(core, asker, { type: 'rejectedLoop' });
}
