/**
 * Inserts a set of blocks, each at its replicas, in random order, until every one was acknowledged.
 *
 * Shape   a block that stands at one location needs one acknowledgement there; one with r locations needs half of them.
 * Errors  LocalError publish_failed with counts by outcome when a block used up its tries; the signal's reason; what `offline` and `connecting`
 *         say when the circuits never came back.
 * Why     sealed when it leaves, so a waiting segment holds only its plaintext. `copies: 0` is not success: nobody claims to
 *         hold the block. What is acknowledged is a claim; the proof is to fetch it back.
 * Source  design §§ 6, 8, 10.
 * @module
 */
import { LocalError } from '../../errors.ts';
import { KIND } from '../../ids.ts';
import type { DocumentCircuits, RemoteInsert } from '../../onion/onion-types.ts';
import type { Clock, Random } from '../../ports.ts';
import type { BlockMap, BlockState } from '../block-map.ts';
import { BLOCK_TYPE, type BlockPlace, type SealedBlock } from '../client-chk.ts';
import { backOffMs, shuffle, Timers } from '../timing.ts';
import type { Window, WorkSource } from '../window.ts';

export interface InsertContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly circuits: DocumentCircuits;
  readonly window: Window;
  readonly signal: AbortSignal;
  /** A block is acknowledged; `copies` summed over its replicas. */
  onInserted(block: BlockToInsert, copies: number): void;
  /** A try ended without acknowledgement. */
  onMiss(): void;
  /** For the owner's eyes: how each block stands. */
  readonly map?: BlockMap;
}

export interface BlockToInsert {
  readonly place: BlockPlace;
  /** Called once, when the first of its inserts leaves. */
  seal(): SealedBlock;
  /** Locations 0 .. replicas - 1. */
  readonly replicas: number;
  readonly owners: number;
  /** Bytes of the document it carries; 0 for check and manifest blocks. */
  readonly documentBytes: number;
}

type Failure = Exclude<RemoteInsert['type'], 'inserted'> | 'noCopies' | 'unavailable';

const ATTEMPTS_MAX = 7;
/** Once half of a block's replicas stand, the others get no more than so many tries. */
const SPARE_ATTEMPTS_MAX = 3;
const RETRY_BASE_MS = 250;
const RETRY_MAX_MS = 8_000;

interface Group {
  readonly block: BlockToInsert;
  sealed: SealedBlock | undefined;
  acknowledged: number;
  copies: number;
  /** Replicas whose outcome is still open. */
  open: number;
}

interface Job {
  readonly group: Group;
  readonly replica: number;
  attempts: number;
}

/**
 * Resolves to the routing keys in the order of `blocks`.
 * @param order `first`: ahead of what other calls still have to insert
 */
export function insertBlocks(
  context: InsertContext,
  blocks: readonly BlockToInsert[],
  order: 'first' | 'last' = 'last',
): Promise<SealedBlock['key'][]> {
  return new Promise((resolve, reject) => {
    new Insertion(context, blocks, resolve, reject).start(order);
  });
}

class Insertion implements WorkSource {
  readonly #context: InsertContext;
  readonly #resolve: (keys: SealedBlock['key'][]) => void;
  readonly #reject: (reason: unknown) => void;
  readonly #timers: Timers;
  readonly #groups: Group[];
  readonly #keys: SealedBlock['key'][] = [];
  readonly #failures = new Map<Failure, number>();
  /** Asked from the end. */
  #ready: Job[];
  #groupsOpen: number;
  #unavailable: LocalError | undefined;
  #done = false;

  constructor(
    context: InsertContext,
    blocks: readonly BlockToInsert[],
    resolve: (keys: SealedBlock['key'][]) => void,
    reject: (reason: unknown) => void,
  ) {
    this.#context = context;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#timers = new Timers(context.clock);
    this.#groups = blocks.map((block) => ({
      block,
      sealed: undefined,
      acknowledged: 0,
      copies: 0,
      open: block.replicas,
    }));
    this.#groupsOpen = this.#groups.length;
    const jobs = this.#groups.flatMap((group) =>
      Array.from({ length: group.block.replicas }, (_, replica) => ({ group, replica, attempts: 0 })),
    );
    this.#ready = shuffle(context.random, jobs);
  }

  start(order: 'first' | 'last'): void {
    const { signal, window } = this.#context;
    if (signal.aborted) {
      this.#reject(signal.reason);
      return;
    }
    signal.addEventListener('abort', this.#onAbort, { once: true });
    for (const group of this.#groups) this.#note(group, 'open');
    window.add(this, order);
  }

  take(): (() => Promise<void>) | undefined {
    const job = this.#done ? undefined : this.#ready.pop();
    if (job === undefined) return undefined;
    this.#note(job.group, 'asked');
    return () => this.#insert(job);
  }

  #note({ block: { place } }: Group, state: BlockState): void {
    if (place.type !== BLOCK_TYPE.manifest) this.#context.map?.set(place.segment, place.index, state);
  }

  async #insert(job: Job): Promise<void> {
    const { group } = job;
    let outcome: RemoteInsert | LocalError;
    try {
      group.sealed ??= this.#seal(group);
      const ref = { kind: KIND.chk, key: group.sealed.key };
      outcome = await this.#context.circuits.insert(
        ref,
        job.replica,
        group.block.owners,
        group.sealed.bytes,
        this.#context.signal,
      );
    } catch (error) {
      if (!(error instanceof LocalError)) this.#fail(error);
      outcome = error as LocalError;
    }
    if (this.#done) return;
    try {
      if (outcome instanceof LocalError) {
        this.#unavailable = outcome;
        this.#missed(job, 'unavailable', RETRY_BASE_MS * 4);
      } else if (outcome.type !== 'inserted') {
        this.#missed(job, outcome.type, outcome.type === 'rejectedOverload' ? outcome.retryMs : 0);
      } else if (outcome.copies === 0) {
        this.#missed(job, 'noCopies', 0);
      } else {
        group.acknowledged++;
        group.copies += outcome.copies;
        this.#settle(group);
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  #seal(group: Group): SealedBlock {
    const sealed = group.block.seal();
    this.#keys[this.#groups.indexOf(group)] = sealed.key;
    return sealed;
  }

  #missed(job: Job, failure: Failure, askedRestMs: number): void {
    this.#failures.set(failure, (this.#failures.get(failure) ?? 0) + 1);
    this.#context.onMiss();
    this.#note(job.group, 'missed');
    job.attempts++;
    const { group } = job;
    const attemptsMax = group.acknowledged >= needed(group) ? SPARE_ATTEMPTS_MAX : ATTEMPTS_MAX;
    if (job.attempts >= attemptsMax) {
      this.#settle(group);
      return;
    }
    const backMs = backOffMs(this.#context.random, RETRY_BASE_MS, job.attempts, RETRY_MAX_MS);
    this.#timers.after(Math.max(backMs, Math.min(askedRestMs, RETRY_MAX_MS)), () => {
      this.#ready.push(job);
      this.#context.window.pump();
    });
  }

  /** One replica of the group has its outcome. */
  #settle(group: Group): void {
    if (--group.open > 0) return;
    if (group.acknowledged < needed(group)) {
      this.#fail(this.#publishFailed());
      return;
    }
    group.sealed = undefined;
    this.#note(group, 'have');
    this.#context.onInserted(group.block, group.copies);
    if (--this.#groupsOpen === 0) this.#finish();
  }

  #publishFailed(): LocalError {
    const outcomes = [...this.#failures.keys()];
    if (outcomes.every((outcome) => outcome === 'unavailable') && this.#unavailable !== undefined)
      return this.#unavailable;
    if (outcomes.every((outcome) => outcome === 'rejectedOverload')) return new LocalError('overloaded');
    const counts = [...this.#failures].map(([outcome, count]) => `${count} ${FAILURE_WORDS[outcome]}`).join(', ');
    return new LocalError('publish_failed', `a block was refused ${ATTEMPTS_MAX} times; answers so far: ${counts}`);
  }

  readonly #onAbort = (): void => this.#fail(this.#context.signal.reason);

  #fail(reason: unknown): void {
    if (this.#done) return;
    this.#close();
    this.#reject(reason);
  }

  #finish(): void {
    this.#close();
    this.#resolve(this.#keys);
  }

  #close(): void {
    this.#done = true;
    this.#ready = [];
    this.#timers.cancelAll();
    this.#context.window.remove(this);
    this.#context.signal.removeEventListener('abort', this.#onAbort);
  }
}

function needed(group: Group): number {
  return Math.ceil(group.block.replicas / 2);
}

const FAILURE_WORDS: Readonly<Record<Failure, string>> = {
  noCopies: 'without a copy kept',
  collision: 'colliding',
  routeNotFound: 'without a route',
  rejectedLoop: 'turned in a loop',
  badBlock: 'called damaged on the way',
  timeout: 'unanswered',
  circuitFailed: 'lost with their circuit',
  rejectedOverload: 'refused for load',
  unavailable: 'without a circuit',
};
