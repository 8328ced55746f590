/**
 * The table of transfers: queue ids, stages, progress, caps and cancellation.
 *
 * Shape   at most TRANSFERS_ACTIVE_MAX run at once, others wait in the order they came; ended ones stay listed until their place is needed.
 * Errors  LocalError busy when TRANSFERS_MAX transfers have not ended yet. Every failure that leaves here is a LocalError.
 * Why     an id is random and says nothing about the document; nothing kept here does.
 * Source  ux § 2.1; design § 10.
 * @module
 */
import { LocalError } from '../errors.ts';
import { hexKey, type TrafficClass } from '../ids.ts';
import { STALL_LIMIT_MS, TRANSFERS_ACTIVE_MAX, TRANSFERS_MAX } from '../limits.ts';
import type { Clock, Log, Random } from '../ports.ts';
import { BlockMap, type BlockMapReading } from './block-map.ts';
import type { TransferKind, TransferProgress } from './client-types.ts';
import { type Scope, Watchdog } from './timing.ts';

const ID_BYTES = 8;

/** What may change while a transfer lives. */
export type TransferPatch = Partial<Omit<TransferProgress, 'id' | 'kind' | 'startedAtMs'>>;

export class Transfer {
  readonly #controller = new AbortController();
  readonly #changed: (transfer: Transfer) => void;
  #progress: TransferProgress;
  #lingering: Scope | undefined;
  readonly map = new BlockMap();

  constructor(start: TransferProgress, changed: (transfer: Transfer) => void) {
    this.#progress = start;
    this.#changed = changed;
  }

  get progress(): TransferProgress {
    return this.#progress;
  }

  get id(): string {
    return this.#progress.id;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get ended(): boolean {
    return this.#progress.endedAtMs !== undefined;
  }

  update(patch: TransferPatch): void {
    if (this.ended) return;
    this.#progress = { ...this.#progress, ...patch };
    this.#changed(this);
  }

  /** A block came in or was acknowledged. */
  countBlock(documentBytes: number): void {
    this.update({ blocksHave: this.#progress.blocksHave + 1, bytes: this.#progress.bytes + documentBytes });
  }

  countMiss(): void {
    this.update({ blocksMissed: this.#progress.blocksMissed + 1 });
  }

  abort(reason: LocalError): void {
    if (!this.ended) this.#controller.abort(reason);
  }

  /** Something that may go on after the transfer has ended; `scope` ends it when the transfer is cancelled all the same. */
  linger(work: Promise<void>, scope: Scope): void {
    this.#lingering = scope;
    work
      .catch(() => {})
      .finally(() => {
        this.#lingering = undefined;
      });
  }

  endLingering(): void {
    this.#lingering?.abort(new LocalError('cancelled'));
  }
}

export class TransferTable {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #log: Log;
  readonly #transfers = new Map<string, Transfer>();
  readonly #listeners = new Set<(progress: TransferProgress) => void>();
  readonly #waiting: (() => void)[] = [];
  #active = 0;

  constructor(clock: Clock, random: Random, log: Log) {
    this.#clock = clock;
    this.#random = random;
    this.#log = log;
  }

  /**
   * @param id of an earlier run, whose place it takes
   * @throws LocalError busy
   */
  open(kind: TransferKind, trafficClass: TrafficClass, id: string = hexKey(this.#random.bytes(ID_BYTES))): Transfer {
    this.#transfers.delete(id);
    if (this.#transfers.size >= TRANSFERS_MAX) this.#forgetOneEnded();
    const start: TransferProgress = {
      id,
      kind,
      stage: 'waiting',
      trafficClass,
      startedAtMs: this.#clock.nowMs(),
      endedAtMs: undefined,
      blocksHave: 0,
      blocksNeeded: undefined,
      blocksInFlight: 0,
      blocksMissed: 0,
      bytes: 0,
      totalBytes: undefined,
      exits: 0,
      contentType: undefined,
      copiesMin: undefined,
      error: undefined,
    };
    const transfer = new Transfer(start, (changed) => this.#tell(changed.progress));
    this.#transfers.set(transfer.id, transfer);
    this.#tell(start);
    return transfer;
  }

  /**
   * Runs `work` when a place is free and notes how it ended.
   * @param idle while true, silence does not count towards the stall limit
   */
  async run<T>(
    transfer: Transfer,
    outer: AbortSignal | undefined,
    work: (watchdog: Watchdog) => Promise<T>,
    idle?: () => boolean,
  ): Promise<T> {
    const onOuter = (): void => {
      transfer.abort(outer?.reason instanceof LocalError ? outer.reason : new LocalError('cancelled'));
    };
    if (outer?.aborted) onOuter();
    outer?.addEventListener('abort', onOuter, { once: true });
    try {
      await this.#place(transfer.signal);
      const watchdog = new Watchdog(
        this.#clock,
        STALL_LIMIT_MS,
        () => transfer.abort(new LocalError('stalled', `nothing moved for ${STALL_LIMIT_MS / 1_000} s`)),
        idle,
      );
      try {
        const result = await work(watchdog);
        transfer.update({ stage: 'done', endedAtMs: this.#clock.nowMs(), blocksInFlight: 0 });
        this.#log.write('debug', 'client', `${transfer.progress.kind} done`);
        return result;
      } finally {
        watchdog.stop();
        this.#active--;
        this.#waiting.shift()?.();
      }
    } catch (error) {
      const failure = this.#asLocal(error);
      transfer.update({
        stage: failure.code === 'cancelled' ? 'cancelled' : 'failed',
        endedAtMs: this.#clock.nowMs(),
        blocksInFlight: 0,
        error: { code: failure.code, detail: failure.detail },
      });
      this.#log.write('debug', 'client', `${transfer.progress.kind} ended: ${failure.code}`);
      throw failure;
    } finally {
      outer?.removeEventListener('abort', onOuter);
    }
  }

  cancel(id: string): boolean {
    const transfer = this.#transfers.get(id);
    transfer?.endLingering();
    if (transfer === undefined || transfer.ended || transfer.signal.aborted) return false;
    transfer.abort(new LocalError('cancelled'));
    return true;
  }

  list(): readonly TransferProgress[] {
    return [...this.#transfers.values()].map((transfer) => transfer.progress);
  }

  /** Of a transfer that runs. */
  blockMap(id: string): BlockMapReading | undefined {
    const transfer = this.#transfers.get(id);
    return transfer === undefined || transfer.ended ? undefined : transfer.map.read();
  }

  onProgress(listener: (progress: TransferProgress) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  #tell(progress: TransferProgress): void {
    for (const listener of this.#listeners) {
      try {
        listener(progress);
      } catch {
        this.#listeners.delete(listener); // whoever shows progress must not be able to stop a transfer
        this.#log.write('error', 'client', 'a listener to progress failed and is no longer told');
      }
    }
  }

  #forgetOneEnded(): void {
    for (const [id, transfer] of this.#transfers) {
      if (!transfer.ended) continue;
      this.#transfers.delete(id);
      return;
    }
    throw new LocalError('busy', `${TRANSFERS_MAX} transfers have not ended yet`);
  }

  /** Resolves with a place taken; an aborted transfer gives up its turn. */
  async #place(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#active < TRANSFERS_ACTIVE_MAX) {
      this.#active++;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const abort = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(turn), 1);
        reject(signal.reason);
      };
      const turn = (): void => {
        signal.removeEventListener('abort', abort);
        this.#active++;
        resolve();
      };
      this.#waiting.push(turn);
      signal.addEventListener('abort', abort, { once: true });
    });
  }

  #asLocal(error: unknown): LocalError {
    if (error instanceof LocalError) return error;
    // The text of an unknown error may quote what it choked on, so only its kind is logged.
    this.#log.write(
      'error',
      'client',
      `a transfer failed on a fault of ours: ${error instanceof Error ? error.name : typeof error}`,
    );
    return new LocalError('internal', undefined, { cause: error });
  }
}
