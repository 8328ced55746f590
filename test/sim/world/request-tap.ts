/**
 * Every message of a world as its receiver decoded it: requests followed from node to node, and the rules they must keep.
 *
 * Shape   an ask is one Fetch or Insert from one node to the next, open until its answer arrives or its time is long over. Hops of a
 *         found block are counted on the way back: one more at each node that passes it on.
 * Rule    a node sends a request on with at most the HTL it received (or as an exit with HTL_BASE..HTL_MAX); no honest node
 *         answers with bytes that do not match the key.
 * Why     nothing in a message names its request beyond one link, so whoever wants to follow it must see all nodes at once. Only
 *         the simulator can; the product holds no such table.
 * @module
 */
import type { Crypto } from '../../../crypto/provider.ts';
import { hexKey, type Kind, routingKey } from '../../../daemon/ids.ts';
import { verifyBlock } from '../../../daemon/keys/verify.ts';
import { HTL_BASE, HTL_MAX } from '../../../daemon/limits.ts';
import type { Message, MessageName } from '../../../daemon/wire/messages.ts';

/** What was sent on before the answer went back may arrive after it: links differ, and some stand still for a while. */
const ON_ITS_WAY_MS = 120_000;
/** An ask is forgotten this long after its deadline. */
const MARGIN_MS = 60_000;
/** A machine that sleeps gets what was sent to it when it wakes: longer than nearly all of them sleep. */
const SLEEP_MS = 900_000;
const SWEEP_EVERY_ASKS = 4_096;

interface Ask {
  readonly from: number;
  readonly to: number;
  readonly what: string;
  readonly message: Message & { readonly type: 'Fetch' | 'Insert' | 'StoreCopy' };
  readonly sinceMs: number;
  /** Until then a request may come from it. */
  endMs: number;
  isAnswered: boolean;
}

export interface TapSummary {
  /** Routed hops of each block found through the network, as the exit sees it; 0 is not among them. */
  readonly hops: readonly number[];
  readonly messages: number;
  readonly byType: ReadonlyMap<MessageName, number>;
  /** Data messages that carried a block, by sender. */
  readonly dataSentBy: ReadonlyMap<number, number>;
}

export interface RequestTap extends TapSummary {
  received(nowMs: number, from: number, to: number, message: Message): void;
  /** The node's process ended: its next life knows nothing of what it was asked. */
  forget(node: number): void;
  /** Broken rules so far. */
  readonly broken: readonly string[];
}

export interface TapWorld {
  readonly isHonest: (node: number) => boolean;
  /** When a node that has just woken fell asleep: what it reads now may have been sent since then. */
  readonly sleptSinceMs: (node: number) => number | undefined;
}

export function createRequestTap(crypto: Crypto, { isHonest, sleptSinceMs }: TapWorld): RequestTap {
  /** By sender, receiver and id: what an answer refers to. */
  const asks = new Map<string, Ask>();
  /** By receiver and what is asked: where an onward request comes from. */
  const heldBy = new Map<string, Set<Ask>>();
  /** By node and key: when it last got the block, and over how many hops. */
  const got = new Map<string, { readonly atMs: number; readonly hops: number }>();
  const hops: number[] = [];
  const broken: string[] = [];
  const byType = new Map<MessageName, number>();
  const dataSentBy = new Map<number, number>();
  let messages = 0;
  let sinceSweep = 0;

  function asked(nowMs: number, from: number, to: number, message: Ask['message']): void {
    const operation = message.type === 'Fetch' ? 'f' : 'i';
    const what = `${operation}${message.kind}${message.replica}${hexKey(message.key)}`;
    const deadlineMs = message.type === 'StoreCopy' ? MARGIN_MS : message.deadlineMs;
    const ask: Ask = {
      from,
      to,
      what,
      message,
      sinceMs: nowMs,
      endMs: nowMs + deadlineMs + MARGIN_MS,
      isAnswered: false,
    };
    if (message.type !== 'StoreCopy') checkHtl(nowMs, ask, message.htl);
    asks.set(`${from}>${to}>${message.id}`, ask);
    const place = `${to}|${what}`;
    const held = heldBy.get(place);
    if (held === undefined) heldBy.set(place, new Set([ask]));
    else held.add(ask);
    if (++sinceSweep >= SWEEP_EVERY_ASKS) sweep(nowMs);
  }

  function checkHtl(nowMs: number, ask: Ask, htl: number): void {
    if (!isHonest(ask.from)) return;
    const sentMs = sleptSinceMs(ask.to) ?? nowMs;
    let highest = -1;
    for (const source of heldBy.get(`${ask.from}|${ask.what}`) ?? []) {
      if (source.endMs > sentMs && source.message.type !== 'StoreCopy') highest = Math.max(highest, source.message.htl);
    }
    if (htl <= highest) return;
    if (htl >= HTL_BASE && htl <= HTL_MAX) return; // an exit's own
    broken.push(`HTL rose: node ${ask.from} sent ${ask.message.type} on with ${htl}, and received ${highest}`);
  }

  function answered(nowMs: number, from: number, to: number, id: number, payload: Uint8Array | undefined): void {
    const name = `${to}>${from}>${id}`;
    const ask = asks.get(name);
    if (ask === undefined) return;
    asks.delete(name);
    ask.isAnswered = true;
    ask.endMs = nowMs + ON_ITS_WAY_MS;
    if (payload === undefined) return;
    const ref = { kind: ask.message.kind as Kind, key: routingKey(ask.message.key) };
    dataSentBy.set(from, (dataSentBy.get(from) ?? 0) + 1);
    if (isHonest(from) && !verifyBlock(crypto, ref, payload)) {
      broken.push(`unverified bytes served: node ${from} to node ${to}`);
      return;
    }
    const below = got.get(`${from}|${ask.what}`);
    const count = below !== undefined && below.atMs >= ask.sinceMs ? below.hops + 1 : 1;
    got.set(`${to}|${ask.what}`, { atMs: nowMs, hops: count });
    const isExit = ![...(heldBy.get(`${to}|${ask.what}`) ?? [])].some((source) => !source.isAnswered);
    if (isExit) hops.push(count);
  }

  function drop(ask: Ask): void {
    const place = `${ask.to}|${ask.what}`;
    const held = heldBy.get(place);
    held?.delete(ask);
    if (held?.size === 0) heldBy.delete(place);
  }

  function sweep(nowMs: number): void {
    sinceSweep = 0;
    for (const [name, ask] of asks) if (ask.endMs <= nowMs) asks.delete(name);
    for (const held of [...heldBy.values()]) for (const ask of [...held]) if (ask.endMs <= nowMs - SLEEP_MS) drop(ask);
    for (const [place, { atMs }] of got) if (atMs < nowMs - 2 * MARGIN_MS) got.delete(place);
  }

  return {
    hops,
    byType,
    dataSentBy,
    broken,
    get messages() {
      return messages;
    },
    received(nowMs, from, to, message) {
      messages++;
      byType.set(message.type, (byType.get(message.type) ?? 0) + 1);
      switch (message.type) {
        case 'Fetch':
        case 'Insert':
        case 'StoreCopy':
          asked(nowMs, from, to, message);
          return;
        case 'Data':
          answered(nowMs, from, to, message.id, message.payload);
          return;
        case 'Inserted':
        case 'Collision':
        case 'DataNotFound':
        case 'RouteNotFound':
        case 'RejectedLoop':
        case 'RejectedOverload':
        case 'RecentlyFailed':
          answered(nowMs, from, to, message.id, undefined);
          return;
        default:
          return;
      }
    },
    forget(node) {
      for (const [name, ask] of asks) if (ask.to === node) asks.delete(name);
      for (const held of [...heldBy.values()]) for (const ask of [...held]) if (ask.to === node) drop(ask);
    },
  };
}
