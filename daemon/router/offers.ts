/**
 * Offers: who asked a routed node in vain for a key hears of it when the key turns up there.
 *
 * Shape   Offered {kind, key, replica} goes to the links in the failure table's row. Whoever still holds the failure asks the offering peer's
 *         own store (HTL_FINAL), verifies, keeps the block as one that passed by, and offers it on to those who had asked it.
 * Unit    at most OFFERS_TAKEN_AT_ONCE_MAX blocks are fetched so at one time; further offers are left alone.
 * Errors  an offer of something that we did not look for is ignored. Bytes that do not match the key are the sender's fault as anywhere.
 * Why     without it a key that was asked for just before it was published stays "failed a moment ago" on the way to it for minutes. An
 *         exit keeps no failure table, so no offer ever reaches whoever wanted the block: it only clears the way.
 * Source  design § 8.
 * @module
 */
import type { BlockRef, Replica } from '../ids.ts';
import { routingKey } from '../ids.ts';
import { OFFERS_TAKEN_AT_ONCE_MAX } from '../limits.ts';
import type { Link } from '../link/link-types.ts';
import type { MessageNamed } from '../wire/messages.ts';
import type { RouterCore } from './core.ts';
import { HTL_FINAL } from './htl.ts';
import { refName } from './pending.ts';

const ANSWER_MS = 10_000;

/** @param askers as forgotten by the failure table; `from`: whoever brought it needs no offer */
export function offerTo(
  askers: readonly Link[],
  ref: BlockRef,
  replica: Replica,
  from: Link | undefined = undefined,
): void {
  for (const link of askers) {
    if (link.isOpen && link !== from) link.sendMessage({ type: 'Offered', kind: ref.kind, key: ref.key, replica });
  }
}

export function handleOffered(core: RouterCore, link: Link, message: MessageNamed<'Offered'>): void {
  const { replica, kind } = message;
  const ref = { kind, key: routingKey(message.key) } as BlockRef; // the codec holds kind to 1..4
  if (!core.failures.has(refName(ref, replica), core.nowMs())) return;
  if (core.offersUnderWay >= OFFERS_TAKEN_AT_ONCE_MAX) return;
  core.offersUnderWay++;
  void take(core, link, ref, replica).then(() => {
    core.offersUnderWay--;
  });
}

async function take(core: RouterCore, link: Link, ref: BlockRef, replica: Replica): Promise<void> {
  const result = await core.asks.ask(link, { acceptMs: ANSWER_MS, answerMs: ANSWER_MS }, (id) => {
    core.counters.totals.fetchesForwarded++;
    return { type: 'Fetch', id, kind: ref.kind, key: ref.key, replica, htl: HTL_FINAL, deadlineMs: ANSWER_MS };
  });
  if (core.stopped || result.type !== 'reply' || result.reply.type !== 'Data') return;
  const { payload } = result.reply;
  if (!core.deps.verify(ref, payload)) return core.refuseBlock(link);
  core.keepOnPath(ref, replica, payload, 'dataReturned');
  offerTo(core.failures.forget(refName(ref, replica)), ref, replica, link);
}
