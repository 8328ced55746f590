/**
 * What fetches, inserts and the exit share: ports, tables, and waiting that ends when the router stops.
 *
 * Errors  a store that throws is a store that does not have it: the log says so, nobody waits longer for it than the deadline.
 * Why     every wait goes through here (or Asks), so that after stop() no timer is left and no promise stays open.
 * @module
 */
import type { Crypto } from '../../crypto/provider.ts';
import { type BlockRef, type CopyReason, KIND, type Replica, type RingLocation, routingKey } from '../ids.ts';
import { PATH_WRITES_MAX } from '../limits.ts';
import type { Link } from '../link/link-types.ts';
import type { Clock, Log, Random, Records, Timer, Trace, TraceEvent } from '../ports.ts';
import type { BlockStore, PutResult } from '../store/store-types.ts';
import type { Peer, RoutingView } from '../topology/topology-types.ts';
import type { Message, MessageNamed } from '../wire/messages.ts';
import { Asks } from './asks.ts';
import { BadSenders } from './bad-senders.ts';
import type { BusyKeys } from './busy-keys.ts';
import { Counters } from './counters.ts';
import { Credits } from './credits.ts';
import { Estimates } from './estimates.ts';
import { FailureTable } from './failure-table.ts';
import { createHtlCoins } from './htl.ts';
import type { KeyTrace } from './key-trace.ts';
import { Backoff, ClaimTrust, Shares } from './peer-memory.ts';
import { PendingTable, refName } from './pending.ts';
import { QueuedData } from './queued-data.ts';
import { Slots } from './slots.ts';

export interface RouterDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly crypto: Crypto;
  readonly log: Log;
  readonly view: RoutingView;
  readonly store: BlockStore;
  verify(ref: BlockRef, bytes: Uint8Array): boolean;
  locate(ref: BlockRef, replica: Replica): RingLocation;
  readonly trace?: Trace;
  /** Where estimates outlive the process; without it they do not. */
  readonly records?: Records;
}

export interface RouterOptions {
  /** m for blocks with one replica, and for those with several. */
  readonly owners: number;
  readonly ownersReplicated: number;
  /** Bytes per second that handing blocks to new owners may take; 0, the default: none are handed on. */
  readonly handoffBytesPerSec?: number;
  /** False: closeness alone chooses the next hop, for comparison. */
  readonly usesEstimates?: boolean;
}

type KeptBy = Extract<TraceEvent, { type: 'copyKept' }>['by'];

export class RouterCore {
  readonly deps: RouterDeps;
  readonly options: RouterOptions;
  readonly counters = new Counters();
  readonly asks: Asks;
  readonly slots = new Slots();
  readonly credits = new Credits(this.slots);
  readonly queued = new QueuedData();
  readonly pending = new PendingTable();
  readonly failures = new FailureTable();
  readonly backoff = new Backoff();
  readonly trust = new ClaimTrust();
  readonly badSenders = new BadSenders();
  readonly shares = new Shares();
  /** The same of those that a claim decided. */
  readonly claimShares = new Shares();
  readonly estimates: Estimates;
  readonly keepsHighHtl: (link: Link) => boolean;
  /** While the owner wants it. */
  busyKeys: BusyKeys | undefined;
  keyTrace: KeyTrace | undefined;
  readonly htlDraws: Random;
  readonly deadlineDraws: Random;
  readonly #naps = new Map<Timer, () => void>();
  /** Blocks being fetched because they were offered. */
  offersUnderWay = 0;
  #pathWrites = 0;
  #stopped = false;

  constructor(deps: RouterDeps, options: RouterOptions) {
    this.deps = deps;
    this.options = options;
    this.estimates = new Estimates(deps.clock.nowMs());
    this.asks = new Asks(deps.clock, deps.random.fork('ids'));
    this.keepsHighHtl = createHtlCoins(deps.crypto);
    this.htlDraws = deps.random.fork('htl');
    this.deadlineDraws = deps.random.fork('deadline');
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** A request of a peer, before anything is decided about it. */
  noteArrival(
    what: 'fetch' | 'insert',
    link: Link,
    { kind, key, replica, htl }: MessageNamed<'Fetch'> | MessageNamed<'Insert'>,
  ): void {
    const ref = { kind, key: routingKey(key) } as BlockRef; // the codec holds kind to 1..4
    const place = this.deps.locate(ref, replica);
    this.counters.arrived(what, ref.kind, place);
    this.keyTrace?.note(ref, { type: 'arrived', what, peerKey: link.peerKey, htl, atMs: this.nowMs() });
    if (what === 'fetch') this.busyKeys?.add(refName(ref, replica), () => place);
  }

  nowMs(): number {
    return this.deps.clock.nowMs();
  }

  /** Up peers, without those that lied lately: whom we route to, and who counts as owner. */
  peers(): readonly Peer[] {
    const peers = this.deps.view.peers();
    if (this.badSenders.size === 0) return peers;
    const nowMs = this.nowMs();
    return peers.filter((peer) => !this.badSenders.isShunned(peer.key, nowMs));
  }

  /** Neither asked for quiet, nor at the window it told us. */
  mayAsk(peer: Peer): boolean {
    return (
      peer.link.isOpen &&
      this.backoff.remainingMs(peer.key, this.nowMs()) === 0 &&
      this.asks.waitingOn(peer.link) < this.credits.windowOf(peer.link)
    );
  }

  sleep(ms: number): Promise<void> {
    return this.nap(ms).over;
  }

  /** A sleep that may be ended without waking anybody. */
  nap(ms: number): { readonly over: Promise<undefined>; cancel(): void } {
    if (this.#stopped) return { over: Promise.resolve(undefined), cancel: () => {} };
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const wake = (): void => resolve(undefined);
    const timer = this.deps.clock.setTimer(ms, () => {
      this.#naps.delete(timer);
      wake();
    });
    this.#naps.set(timer, wake);
    const cancel = (): void => {
      timer.cancel();
      this.#naps.delete(timer);
    };
    return { over: promise, cancel };
  }

  /** `work`, or undefined when it is not done by the deadline: a disk that hangs must not hang those who wait on us. */
  by<T>(deadlineAtMs: number, work: Promise<T>): Promise<T | undefined> {
    if (this.#stopped) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const timer = this.deps.clock.setTimer(Math.max(0, deadlineAtMs - this.nowMs()), () => end(undefined));
      const end = (result: T | undefined): void => {
        timer.cancel();
        this.#naps.delete(timer);
        resolve(result);
      };
      this.#naps.set(timer, () => resolve(undefined));
      work.then(end, () => {
        this.deps.log.write('warn', 'router', 'the store failed to answer');
        end(undefined);
      });
    });
  }

  readStore(ref: BlockRef, deadlineAtMs: number, touch: boolean): Promise<Uint8Array | undefined> {
    return this.by(deadlineAtMs, this.deps.store.get(ref, { touch }));
  }

  /** As owner. A store that does not answer in time has not stored. */
  async storeAsOwner(
    ref: BlockRef,
    replica: Replica,
    block: Uint8Array,
    by: KeptBy,
    deadlineAtMs: number,
    reason: 'owner' | 'handoff' = 'owner',
  ): Promise<PutResult> {
    const result = await this.by(deadlineAtMs, this.deps.store.put(ref, replica, block, reason));
    if (result?.type === 'stored') this.#traceCopy(ref, reason, by);
    return result ?? { type: 'failed', code: 'disk_failed' };
  }

  /**
   * Offers a verified block that passed by to the cache, without waiting. Pointers and keywords are not kept so: their
   * newest state must come from owners. While too many writes wait for a slow disk the block just passes.
   */
  keepOnPath(ref: BlockRef, replica: Replica, block: Uint8Array, by: KeptBy): void {
    const hasVersions = ref.kind === KIND.pointer || ref.kind === KIND.keyword;
    if ((hasVersions && !this.deps.store.has(ref)) || this.#pathWrites >= PATH_WRITES_MAX) return;
    this.#pathWrites++;
    this.deps.store.put(ref, replica, block, 'path').then(
      (result) => {
        this.#pathWrites--;
        if (result.type === 'stored') this.#traceCopy(ref, 'path', by);
      },
      () => {
        this.#pathWrites--;
        this.deps.log.write('warn', 'router', 'the store failed to take a passing block');
      },
    );
  }

  /** The answer to what a peer asked; a link that queues too much of them makes room by being closed. */
  reply(link: Link, message: Message): void {
    link.sendMessage(message);
    this.credits.tell(link, this.nowMs());
    if (message.type !== 'Data') return;
    this.slots.servedBy(link.peerKey);
    this.queued.wrote(link, this.nowMs())?.close('ERR_LIMIT');
  }

  /** There is no room for what a peer asks. */
  refuse(link: Link, id: number, workBits = 0): void {
    this.counters.totals.rejectedOverload++;
    this.reply(link, { type: 'RejectedOverload', id, retryMs: this.slots.retryMs, workBits });
  }

  /** Bytes that do not match their key: the one who sent them is not talked to any further. */
  refuseBlock(link: Link): void {
    this.counters.totals.badBlocks++;
    this.badSenders.note(link.peerKey, this.nowMs());
    this.deps.log.write('warn', 'router', 'a peer sent a block that does not match its key');
    link.close('ERR_BLOCK');
  }

  stop(): void {
    this.#stopped = true;
    this.asks.stop();
    for (const [timer, wake] of this.#naps) {
      timer.cancel();
      wake();
    }
    this.#naps.clear();
  }

  #traceCopy(ref: BlockRef, reason: CopyReason, by: KeptBy): void {
    this.deps.trace?.record({ type: 'copyKept', ref, reason, by });
  }
}
