/**
 * Requests that leave a circuit here: from this point on they are like everybody else's.
 *
 * Shape   fetch: own store without touching it, else on. insert: verified, then always on, even if this node is nearest itself.
 *         The HTL (18..22) and the deadline (10..12 s) are drawn here, fresh for each request.
 * Errors  outcomes; nothing rejects. After stop() everything under way ends as timeout.
 * Why     the exit keeps nothing on that account, and neither its recency nor its failure and pending tables know of it:
 *         probing a store tells about the network, never about whom it served. It holds a copy only if an owner hands it one.
 * Source  design §§ 1, 8.
 * @module
 */
import type { BlockRef, Replica } from '../ids.ts';
import type { InsertResult } from './answers.ts';
import type { RouterCore } from './core.ts';
import { drawHtl } from './htl.ts';
import { sendOnInsert } from './insert.ts';
import { checkInsertWork } from './insert-work.ts';
import { type HopFailure, type OnwardResult, worstOf } from './onward.ts';
import { OWNERS_MAX } from './owners.ts';
import { sendOn } from './request.ts';
import type { FetchOutcome, InsertOutcome } from './router-types.ts';

const DEADLINE_BASE_MS = 10_000;
const DEADLINE_SPREAD_MS = 2_000;

export async function exitFetch(
  core: RouterCore,
  ref: BlockRef,
  replica: Replica,
  origin: string,
): Promise<FetchOutcome> {
  core.counters.totals.exitFetches++;
  if (core.stopped) return { type: 'timeout' };
  if (!core.slots.admitExit(origin, false)) return full(core, 0);
  const startedMs = core.nowMs();
  const deadlineAtMs = startedMs + drawDeadlineMs(core);
  const sentHtl = drawHtl(core.htlDraws);
  const outcome = await fetchOut(core, ref, replica, sentHtl, deadlineAtMs);
  core.slots.releaseExit(origin, false);
  if (outcome.type === 'data') core.counters.answeredAfter(core.nowMs() - startedMs);
  return outcome;
}

/** A fetch as the exit sends it: own store without touching it, else on. Also what heals a damaged copy. */
export async function fetchOut(
  core: RouterCore,
  ref: BlockRef,
  replica: Replica,
  sentHtl: number,
  deadlineAtMs: number,
): Promise<FetchOutcome> {
  const held = await core.readStore(ref, deadlineAtMs, false);
  if (held !== undefined) return { type: 'data', payload: held };
  const target = core.deps.locate(ref, replica);
  const onward = await sendOn(core, { ref, replica, target, sentHtl, deadlineAtMs, asker: undefined });
  if (onward.type !== 'done') return failureOf(onward);
  const { result } = onward;
  return result.type === 'noCopies' ? { type: 'routeNotFound' } : result;
}

export async function exitInsert(
  core: RouterCore,
  ref: BlockRef,
  replica: Replica,
  owners: number,
  work: Uint8Array,
  payload: Uint8Array,
  origin: string,
): Promise<InsertOutcome> {
  core.counters.totals.exitInserts++;
  if (core.stopped) return { type: 'timeout' };
  if (!core.deps.verify(ref, payload)) return { type: 'badBlock' };
  const { workBits } = core.slots;
  if (!checkInsertWork(core.deps.crypto, ref.key, replica, work, workBits)) return full(core, workBits);
  if (!core.slots.admitExit(origin, true)) return full(core, workBits);
  const deadlineAtMs = core.nowMs() + drawDeadlineMs(core);
  const placement = {
    ref,
    replica,
    target: core.deps.locate(ref, replica),
    owners: Math.min(Math.max(Math.trunc(owners), 1), OWNERS_MAX),
    work,
    payload,
    deadlineAtMs,
  };
  const onward = await sendOnInsert(core, undefined, drawHtl(core.htlDraws), placement);
  core.slots.releaseExit(origin, true);
  if (onward.type === 'done') return outcomeOf(onward.result);
  if (onward.failures.some((failure) => failure.type === 'noCopies')) return { type: 'inserted', copies: 0 };
  const failure = failureOf(onward);
  return failure.type === 'dataNotFound' || failure.type === 'recentlyFailed' ? { type: 'routeNotFound' } : failure;
}

/** No room for what came over this circuit, or not for so little work. */
function full(core: RouterCore, workBits: number): { type: 'rejectedOverload'; retryMs: number; workBits: number } {
  core.counters.totals.rejectedOverload++;
  return { type: 'rejectedOverload', retryMs: core.slots.retryMs, workBits };
}

type ExitFailure = Exclude<HopFailure, { type: 'noCopies' }>;

function failureOf(onward: Exclude<OnwardResult<unknown>, { type: 'done' }>): ExitFailure {
  if (onward.type === 'gaveUp' && onward.outOfTime) return { type: 'timeout' };
  const worst = worstOf(onward.failures);
  if (worst === undefined) return { type: onward.failures.length > 0 ? 'dataNotFound' : 'routeNotFound' };
  if (worst.type === 'noCopies') return { type: 'routeNotFound' };
  return worst;
}

function outcomeOf(result: InsertResult): InsertOutcome {
  if (result.type === 'inserted' || result.type === 'collision') return result;
  return { type: 'routeNotFound' };
}

function drawDeadlineMs(core: RouterCore): number {
  return DEADLINE_BASE_MS + Math.floor(core.deadlineDraws.unit() * DEADLINE_SPREAD_MS);
}
