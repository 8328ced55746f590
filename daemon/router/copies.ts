/**
 * Copies among owners: handed out by the node where an insert ends, taken in by the others.
 *
 * Shape   distribute() keeps the own copy, then hands StoreCopy to the nearest other nodes until as many as wanted acknowledged;
 *         one that declines, fails or stays silent is replaced by the next nearest, among the 2 m nearest.
 * Errors  the number of copies says it: 0 is an outcome. A record that collides somewhere makes the whole insert a collision.
 * Why     the peer the insert came from is treated like any other: left out, its absence would tell the other owners where the
 *         insert came from. Whoever is handed a copy checks that it is itself near enough, or anyone could fill any disk.
 * Source  design § 8.
 * @module
 */
import type { BlockRef, Replica, RingLocation } from '../ids.ts';
import { routingKey } from '../ids.ts';
import type { Link } from '../link/link-types.ts';
import type { Peer } from '../topology/topology-types.ts';
import type { MessageNamed } from '../wire/messages.ts';
import { answerOf, type InsertResult } from './answers.ts';
import type { RouterCore } from './core.ts';
import { offerTo } from './offers.ts';
import { isAmongNearest, nearestPeers, ownersWanted } from './owners.ts';
import { refName } from './pending.ts';

/** Replacements are looked for among this many times the owners; a node takes copies if it is among as many. */
export const NEAR_ENOUGH = 2;
/** How long storing one copy may take at a node that was asked. */
const STORE_COPY_MS = 5_000;

/** A block to be placed, verified. */
export interface Placement {
  readonly ref: BlockRef;
  readonly replica: Replica;
  readonly target: RingLocation;
  readonly owners: number;
  readonly work: Uint8Array;
  readonly payload: Uint8Array;
  readonly deadlineAtMs: number;
}

export async function distribute(core: RouterCore, placement: Placement): Promise<InsertResult> {
  const { ref, replica, payload, deadlineAtMs } = placement;
  const own = await core.storeAsOwner(ref, replica, payload, 'insert', deadlineAtMs);
  if (own.type === 'collision') return { type: 'collision', payload: own.existing };
  const { view } = core.deps;
  const wanted = ownersWanted(placement.owners, view.estimatedNodes());
  const candidates = nearestPeers(
    core.peers().filter((peer) => peer.link.isOpen),
    placement.target,
  ).slice(0, wanted * NEAR_ENOUGH);
  let copies = own.type === 'stored' || own.type === 'present' ? 1 : 0;
  let collision: Uint8Array | undefined;
  let next = 0;
  const placeOne = async (): Promise<void> => {
    while (!core.stopped && collision === undefined) {
      const peer = candidates[next++];
      if (peer === undefined) return;
      const result = await handCopy(core, placement, peer);
      if (result === 'stored') {
        copies++;
        return;
      }
      if (result !== 'failed') collision = result;
    }
  };
  await Promise.all(Array.from({ length: wanted - copies }, placeOne));
  return collision === undefined ? { type: 'inserted', copies } : { type: 'collision', payload: collision };
}

/** @returns the record that stands there instead, when it is a valid other one */
async function handCopy(core: RouterCore, placement: Placement, peer: Peer): Promise<'stored' | 'failed' | Uint8Array> {
  const { ref, replica, work, payload } = placement;
  // Half of what is left: the other half is for the one that replaces it.
  const answerMs = Math.floor((placement.deadlineAtMs - core.nowMs()) / 2);
  if (answerMs <= 0) return 'failed';
  const result = await core.asks.ask(peer.link, { acceptMs: answerMs, answerMs }, (id) => {
    core.counters.totals.copiesSent++;
    const owners = ownersWanted(placement.owners, core.deps.view.estimatedNodes());
    return { type: 'StoreCopy', id, kind: ref.kind, key: ref.key, replica, owners, work, payload, handoff: 0 };
  });
  if (result.type === 'timeout') core.counters.totals.timeouts++;
  if (result.type !== 'reply') return 'failed';
  const { reply } = result;
  if (reply.type === 'RejectedOverload') core.backoff.overloaded(peer.key, core.nowMs(), reply.retryMs);
  if (reply.type === 'Inserted') return reply.copies > 0 ? 'stored' : 'failed';
  if (reply.type !== 'Collision') return 'failed';
  if (!core.deps.verify(ref, reply.payload)) {
    core.refuseBlock(peer.link);
    return 'failed';
  }
  return core.deps.crypto.equal(reply.payload, payload) ? 'failed' : reply.payload;
}

export function handleStoreCopy(core: RouterCore, link: Link, message: MessageNamed<'StoreCopy'>): void {
  if (!core.slots.admit(link.peerKey, true)) {
    core.refuse(link, message.id);
    return;
  }
  const ref = { kind: message.kind, key: routingKey(message.key) } as BlockRef;
  if (!core.deps.verify(ref, message.payload)) {
    core.slots.release(link.peerKey, true);
    core.refuseBlock(link);
    return;
  }
  void takeCopy(core, ref, message).then((result) => {
    core.slots.release(link.peerKey, true);
    if (!core.stopped) core.reply(link, answerOf(message.id, result));
  });
}

async function takeCopy(core: RouterCore, ref: BlockRef, message: MessageNamed<'StoreCopy'>): Promise<InsertResult> {
  const { replica, payload } = message;
  const { view } = core.deps;
  const near = ownersWanted(message.owners, view.estimatedNodes()) * NEAR_ENOUGH;
  if (!isAmongNearest(view.ownLocation, core.peers(), core.deps.locate(ref, replica), near)) {
    return { type: 'inserted', copies: 0 };
  }
  const deadlineAtMs = core.nowMs() + STORE_COPY_MS;
  const reason = message.handoff === 1 ? 'handoff' : 'owner';
  const kept = await core.storeAsOwner(ref, replica, payload, 'storeCopy', deadlineAtMs, reason);
  if (kept.type === 'collision') return { type: 'collision', payload: kept.existing };
  if (kept.type !== 'stored' && kept.type !== 'present') return { type: 'inserted', copies: 0 };
  offerTo(core.failures.forget(refName(ref, replica)), ref, replica);
  return { type: 'inserted', copies: 1 };
}
