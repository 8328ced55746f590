/**
 * Asks for blocks until enough of them are there: k of a segment's blocks, or one of a block's replicas.
 *
 * Shape   `first` candidates are asked at once, each that fails is replaced by one of `reserve`; when both are used up and the last answer is
 *         in, `nextRound` says what to ask again, after a growing pause. Resolves to gathered or exhausted, with counts of what was answered.
 * Errors  rejects with the signal's reason, with what `accept` throws (a fault that asking again cannot mend), and with nothing else.
 * Why     a dead circuit or an overloaded exit says nothing about the block, so the same block is asked again; bytes that do not match the key
 *         are an exit's or a relay's lie, so it is asked again too, through whichever circuit comes up. Silence is hedged: one slow
 *         exit of sixteen must not set the pace of a segment.
 * Source  design § 10; ux § 2.3 for what a failure tells.
 * @module
 */
import { LocalError } from '../../errors.ts';
import type { BlockRef, Replica } from '../../ids.ts';
import { verifyBlock } from '../../keys/verify.ts';
import type { DocumentCircuits, RemoteFetch } from '../../onion/onion-types.ts';
import type { Clock, Crypto, Random } from '../../ports.ts';
import type { BlockMap, BlockState } from '../block-map.ts';
import type { KeptBlocks } from '../resume-types.ts';
import { backOffMs, Timers } from '../timing.ts';
import type { Codec } from '../uri.ts';
import type { Window, WorkSource } from '../window.ts';
import type { Healer } from './heal.ts';

export interface Candidate {
  readonly ref: BlockRef;
  readonly replica: Replica;
  /** The caller's own number for the block. */
  readonly index: number;
}

/** What went on, in counts only: the text of a failure is made from it. */
export type Tally = { [Outcome in RemoteFetch['type'] | 'wrongBytes' | 'unavailable']: number } & { asked: number };

export type GatherResult =
  | { readonly type: 'gathered' }
  | {
      readonly type: 'exhausted';
      readonly have: number;
      readonly rounds: number;
      readonly tally: Tally;
      readonly unavailable: LocalError | undefined;
    };

export interface FetchContext {
  /** As the URI says; stands in the header of every block. */
  readonly codec: Codec;
  readonly clock: Clock;
  readonly random: Random;
  readonly crypto: Crypto;
  readonly circuits: DocumentCircuits;
  readonly window: Window;
  readonly signal: AbortSignal;
  /** A verified block came in. */
  onBlock(): void;
  /** A request ended without its block. */
  onMiss(): void;
  /** A request leaves for the network. */
  onAsk?(): void;
  /** For the owner's eyes: how each block stands. */
  readonly map?: BlockMap;
  /** Blocks of an earlier run, and the place for those of this one. */
  readonly kept?: KeptBlocks;
  /** Puts back what is missing; absent where nothing is to be changed. */
  readonly healer?: Healer;
  /** Owners wanted where a block stands at one location, and at each of several; for the healer. */
  readonly owners?: number;
  readonly ownersReplicated?: number;
}

export interface GatherOptions {
  readonly need: number;
  readonly first: Candidate[];
  readonly reserve: Candidate[];
  /** How many reserve candidates replace a failed one; 1 if not given. */
  readonly replaceBy?: number;
  /** Ahead of requests that were queued before. */
  readonly urgent?: boolean;
  /** Keeps a block whose bytes match its key; throws LocalError when its content is not what it must be. */
  accept(candidate: Candidate, bytes: Uint8Array): void;
  /** For the owner's eyes: how the block stands now. */
  note?(candidate: Candidate, state: BlockState): void;
  /** The block is not where the candidate says. */
  absent?(candidate: Candidate): void;
  /**
   * @param failed what failed in this round, oldest first
   * @param round 1 for the first repetition
   * @returns what to ask now, and whether to pause before; undefined gives up
   */
  nextRound(
    failed: readonly FailedCandidate[],
    round: number,
  ): { readonly ask: Candidate[]; readonly pause: boolean } | undefined;
}

export interface FailedCandidate {
  readonly candidate: Candidate;
  readonly outcome: keyof Tally;
}

/** The answer says something about the key itself, so asking the same place again at once is of no use. */
export function isFinal(outcome: keyof Tally): boolean {
  return outcome === 'dataNotFound' || outcome === 'recentlyFailed';
}

/** No arrival for so long: blocks that are not strictly needed are asked too. Just above the slowest ordinary answer. */
const HEDGE_MS = 1_500;
const HEDGE_BLOCKS_MAX = 16;
/** Further tries of one candidate within a round when the answer said nothing about it. */
const RETRIES_MAX = 3;
const RETRY_BASE_MS = 250;
const RETRY_MAX_MS = 8_000;
const ROUND_BASE_MS = 1_000;
const ROUND_MAX_MS = 30_000;

export function gather(context: FetchContext, options: GatherOptions): Promise<GatherResult> {
  return new Promise((resolve, reject) => {
    new Gathering(context, options, resolve, reject).start();
  });
}

class Gathering implements WorkSource {
  readonly #context: FetchContext;
  readonly #options: GatherOptions;
  readonly #resolve: (result: GatherResult) => void;
  readonly #reject: (reason: unknown) => void;
  readonly #timers: Timers;
  /** Ends our requests when enough is there. */
  readonly #stop = new AbortController();
  readonly #tally: Tally = {
    asked: 0,
    data: 0,
    dataNotFound: 0,
    routeNotFound: 0,
    rejectedLoop: 0,
    timeout: 0,
    circuitFailed: 0,
    rejectedOverload: 0,
    recentlyFailed: 0,
    wrongBytes: 0,
    unavailable: 0,
  };
  /** Asked from the end. */
  #ready: { candidate: Candidate; retries: number }[];
  #reserve: Candidate[];
  #failed: FailedCandidate[] = [];
  #have = 0;
  #inFlight = 0;
  /** Candidates that wait for their back-off. */
  #resting = 0;
  #round = 0;
  #done = false;
  #arrivedMs: number;
  #unavailable: LocalError | undefined;

  constructor(
    context: FetchContext,
    options: GatherOptions,
    resolve: (result: GatherResult) => void,
    reject: (reason: unknown) => void,
  ) {
    this.#context = context;
    this.#options = options;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#timers = new Timers(context.clock);
    this.#ready = options.first.map((candidate) => ({ candidate, retries: 0 })).reverse();
    this.#reserve = options.reserve;
    this.#arrivedMs = context.clock.nowMs();
  }

  start(): void {
    const { signal, window } = this.#context;
    if (signal.aborted) {
      this.#reject(signal.reason);
      return;
    }
    signal.addEventListener('abort', this.#onAbort, { once: true });
    this.#watchForSilence(HEDGE_MS);
    window.add(this, this.#options.urgent === true ? 'first' : 'last');
  }

  take(): (() => Promise<void>) | undefined {
    if (this.#done) return undefined;
    const next = this.#ready.pop();
    if (next === undefined) return undefined;
    if (this.#inFlight === 0) this.#arrivedMs = this.#context.clock.nowMs();
    this.#inFlight++;
    this.#options.note?.(next.candidate, 'asked');
    return () => this.#ask(next.candidate, next.retries);
  }

  async #ask(candidate: Candidate, retries: number): Promise<void> {
    let answer: RemoteFetch | LocalError;
    const { kept, circuits } = this.#context;
    const { key } = candidate.ref;
    try {
      const payload = kept?.has(key) === true ? await kept.read(key) : undefined;
      if (payload !== undefined) {
        answer = { type: 'data', payload };
      } else {
        this.#tally.asked++;
        this.#context.onAsk?.();
        answer = await circuits.fetch(candidate.ref, candidate.replica, this.#stop.signal);
      }
    } catch (error) {
      if (!this.#done && !(error instanceof LocalError)) this.#fail(error);
      answer = error as LocalError;
    }
    this.#inFlight--;
    if (this.#done) return;
    try {
      this.#settle(candidate, retries, answer);
    } catch (error) {
      this.#fail(error);
    }
  }

  #settle(candidate: Candidate, retries: number, answer: RemoteFetch | LocalError): void {
    if (answer instanceof LocalError) {
      this.#unavailable = answer;
      this.#missed(candidate, retries, 'unavailable', RETRY_BASE_MS * 4);
      return;
    }
    switch (answer.type) {
      case 'data':
        if (!verifyBlock(this.#context.crypto, candidate.ref, answer.payload)) {
          this.#missed(candidate, retries, 'wrongBytes', 0);
          return;
        }
        this.#tally.data++;
        this.#options.accept(candidate, answer.payload);
        this.#options.note?.(candidate, 'have');
        this.#keep(candidate, answer.payload);
        this.#arrivedMs = this.#context.clock.nowMs();
        this.#context.onBlock();
        if (++this.#have >= this.#options.need) this.#finish({ type: 'gathered' });
        else this.#endRoundIfOver();
        return;
      case 'circuitFailed':
        this.#missed(candidate, retries, 'circuitFailed', retries === 0 ? 0 : RETRY_BASE_MS);
        return;
      case 'rejectedOverload':
        this.#missed(
          candidate,
          retries,
          'rejectedOverload',
          Math.max(RETRY_BASE_MS, Math.min(answer.retryMs, RETRY_MAX_MS)),
        );
        return;
      default:
        this.#missed(candidate, RETRIES_MAX, answer.type, 0);
    }
  }

  #keep({ ref }: Candidate, payload: Uint8Array): void {
    const { kept } = this.#context;
    if (kept?.has(ref.key) === false) kept.keep(ref.key, payload);
  }

  /** @param restMs before the same candidate is asked again, while it has retries left; 0: at once */
  #missed(candidate: Candidate, retries: number, outcome: keyof Tally, restMs: number): void {
    this.#tally[outcome]++;
    this.#context.onMiss();
    this.#options.note?.(candidate, 'missed');
    if (retries < RETRIES_MAX) {
      this.#askAgain(candidate, retries, restMs);
      return;
    }
    if (isFinal(outcome)) this.#options.absent?.(candidate);
    this.#failed.push({ candidate, outcome });
    this.#askReserve(this.#options.replaceBy ?? 1);
    this.#endRoundIfOver();
  }

  #askAgain(candidate: Candidate, retries: number, restMs: number): void {
    const again = { candidate, retries: retries + 1 };
    if (restMs === 0) {
      this.#ready.push(again); // the slot that is about to be free takes it
      return;
    }
    this.#resting++;
    this.#timers.after(backOffMs(this.#context.random, restMs * 2, retries, RETRY_MAX_MS), () => {
      this.#resting--;
      this.#ready.push(again);
      this.#context.window.pump();
    });
  }

  #askReserve(count: number): void {
    for (let i = 0; i < count; i++) {
      const candidate = this.#reserve.pop();
      if (candidate === undefined) return;
      this.#ready.push({ candidate, retries: 0 });
    }
  }

  #endRoundIfOver(): void {
    if (this.#ready.length > 0 || this.#inFlight > 0 || this.#resting > 0) return;
    this.#round++;
    const failed = this.#failed;
    this.#failed = [];
    const next = this.#options.nextRound(failed, this.#round);
    if (next === undefined || next.ask.length === 0) {
      this.#finish({
        type: 'exhausted',
        have: this.#have,
        rounds: this.#round,
        tally: this.#tally,
        unavailable: failed.every(({ outcome }) => outcome === 'unavailable') ? this.#unavailable : undefined,
      });
      return;
    }
    const begin = (): void => {
      const wanted = this.#options.need - this.#have;
      this.#ready = next.ask.slice(0, wanted).map((candidate) => ({ candidate, retries: 0 }));
      this.#reserve = next.ask.slice(wanted);
      this.#context.window.pump();
    };
    if (!next.pause) begin();
    else this.#timers.after(backOffMs(this.#context.random, ROUND_BASE_MS, this.#round, ROUND_MAX_MS), begin);
  }

  #watchForSilence(delayMs: number): void {
    this.#timers.after(delayMs, () => {
      const silentMs = this.#context.clock.nowMs() - this.#arrivedMs;
      if (silentMs >= HEDGE_MS && this.#inFlight > 0 && this.#ready.length === 0 && this.#reserve.length > 0) {
        this.#askReserve(Math.min(this.#inFlight, HEDGE_BLOCKS_MAX));
        this.#arrivedMs = this.#context.clock.nowMs();
        this.#context.window.pump();
        this.#watchForSilence(HEDGE_MS);
      } else {
        this.#watchForSilence(Math.max(HEDGE_MS - silentMs, HEDGE_MS / 3));
      }
    });
  }

  readonly #onAbort = (): void => this.#fail(this.#context.signal.reason);

  #fail(reason: unknown): void {
    if (this.#done) return;
    this.#close();
    this.#reject(reason);
  }

  #finish(result: GatherResult): void {
    if (this.#done) return;
    this.#close();
    this.#resolve(result);
  }

  #close(): void {
    this.#done = true;
    this.#ready = [];
    this.#reserve = [];
    this.#timers.cancelAll();
    this.#context.window.remove(this);
    this.#context.signal.removeEventListener('abort', this.#onAbort);
    this.#stop.abort(new LocalError('cancelled'));
  }
}
