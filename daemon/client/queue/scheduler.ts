/**
 * Which entries of the queue run, and what becomes of those that stop.
 *
 * Shape   at most QUEUE_RUNNING_MAX run at once, by priority and then in the order they came; a more urgent one takes the place of the least
 *         urgent, which goes on later where it was. A fetch of what is being fetched follows that one (sharing.ts).
 * Errors  what a run ends with stands in its entry; here only unknown_transfer.
 * Why     one owner of all that runs: a run that is cut off anywhere is the same run afterwards.
 * Source  design § 10; ux § 2 "Resume".
 * @module
 */
import { LocalError } from '../../errors.ts';
import { QUEUE_RUNNING_MAX } from '../../limits.ts';
import type { Clock, Log, Random, Timer } from '../../ports.ts';
import { BEGINNING } from '../assembly.ts';
import type { FetchedMetadata, TransferProgress } from '../client-types.ts';
import { SourceChanged } from '../publish-outlet.ts';
import type { Entry, FetchEntry, PublishEntry } from './entry.ts';
import { type FetchRunDeps, runFetch } from './fetch-run.ts';
import type { Intake } from './intake.ts';
import { type PublishRunDeps, runPublish } from './publish-run.ts';
import { isFinal, isWithoutNetwork, retryDelayMs } from './retry.ts';
import type { Rows } from './rows.ts';
import { Sharing } from './sharing.ts';
import { byUrgency, shareName } from './wishes.ts';

export interface SchedulerDeps extends FetchRunDeps, PublishRunDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export type Stop = 'paused' | 'queued' | 'removed';

interface Run {
  readonly abort: AbortController;
  stop: Stop | undefined;
  ended: Promise<void>;
}

export class Scheduler {
  readonly #deps: SchedulerDeps;
  readonly #rows: Rows;
  readonly #intake: Intake;
  readonly #sharing: Sharing;
  readonly #runs = new Map<string, Run>();
  readonly #waiting = new Map<string, Timer>();
  #isStarted = false;

  constructor(deps: SchedulerDeps, rows: Rows, intake: Intake) {
    this.#deps = deps;
    this.#rows = rows;
    this.#intake = intake;
    this.#sharing = new Sharing(deps, rows, intake);
  }

  start(): void {
    this.#isStarted = true;
    this.schedule();
  }

  /** Cuts off what runs, to go on in the next life. */
  async stop(): Promise<void> {
    this.#isStarted = false;
    for (const id of [...this.#waiting.keys()]) this.#cancelWait(id);
    await Promise.all([...this.#runs.keys()].map((id) => this.halt(id, 'queued')));
  }

  isRunning(id: string): boolean {
    return this.#runs.has(id);
  }

  schedule(): void {
    if (!this.#isStarted) return;
    const queued = this.#rows.table
      .all()
      .filter(({ state }) => state === 'queued')
      .sort(byUrgency);
    for (const entry of queued) {
      if (this.#follow(entry)) continue;
      if (this.#runs.size < QUEUE_RUNNING_MAX) {
        this.#begin(entry);
        continue;
      }
      const last = [...this.#runs.keys()]
        .map((id) => this.#rows.table.known(id))
        .sort(byUrgency)
        .at(-1)!;
      // It stops at once but for its files; the place is given when it has ended.
      if (last.priority > entry.priority && this.#runs.get(last.id)?.stop === undefined)
        void this.halt(last.id, 'queued');
      return;
    }
  }

  requeue(entry: Entry): void {
    this.#cancelWait(entry.id);
    entry.error = undefined;
    this.#rows.setState(entry, 'queued');
    this.schedule();
  }

  /** Ends a run if there is one, and resolves when it has let go of everything. */
  async halt(id: string, stop: Stop): Promise<void> {
    this.#cancelWait(id);
    this.#sharing.unfollow(id);
    const run = this.#runs.get(id);
    if (run === undefined) return;
    run.stop = stop;
    run.abort.abort(new LocalError('cancelled'));
    await run.ended;
  }

  progressed(progress: TransferProgress): void {
    const entry = this.#rows.table.get(progress.id);
    const run = this.#runs.get(progress.id);
    if (entry === undefined || run === undefined || run.stop !== undefined) return;
    entry.progress = progress;
    this.#rows.tell(entry, 'changed');
    for (const follower of this.#sharing.followersOf(entry.id)) {
      follower.progress = { ...progress, id: follower.id };
      this.#rows.tell(follower, 'changed');
    }
  }

  /** Waits for a fetch of the same thing, if one runs. */
  #follow(entry: Entry): boolean {
    if (entry.kind !== 'fetch') return false;
    for (const [id, run] of this.#runs) {
      const other = this.#rows.table.get(id);
      if (other?.kind !== 'fetch' || run.stop !== undefined || shareName(other) !== shareName(entry)) continue;
      this.#sharing.follow(entry.id, id);
      this.#rows.setState(entry, 'running');
      return true;
    }
    return false;
  }

  #begin(entry: Entry): void {
    this.#cancelWait(entry.id);
    if (!entry.isInterrupted) entry.attempts++;
    entry.isInterrupted = true;
    entry.error = undefined;
    const run: Run = { abort: new AbortController(), stop: undefined, ended: Promise.resolve() };
    this.#runs.set(entry.id, run);
    this.#rows.setState(entry, 'running');
    run.ended = this.#run(entry, run);
  }

  async #run(entry: Entry, run: Run): Promise<void> {
    let failure: unknown;
    try {
      if (entry.kind === 'fetch') await this.#runFetch(entry, run.abort.signal);
      else await this.#runPublish(entry, run.abort.signal);
    } catch (error) {
      failure = error ?? new LocalError('internal');
    }
    this.#runs.delete(entry.id);
    if (run.stop === undefined || failure === undefined) await this.#ended(entry, failure);
    else if (run.stop !== 'removed') this.#rows.setState(entry, run.stop);
    // Who waited for these bytes has to get them by itself now.
    for (const follower of this.#sharing.followersOf(entry.id)) {
      this.#sharing.unfollow(follower.id);
      this.requeue(follower);
    }
    this.schedule();
  }

  async #ended(entry: Entry, failure: unknown): Promise<void> {
    entry.isInterrupted = false;
    if (failure === undefined) {
      entry.error = undefined;
      this.#rows.setState(entry, 'done');
      // Of a fetch into the spool the content stays, to be read.
      const parts = entry.kind === 'publish' || entry.to.type === 'none' ? (['content', 'journal'] as const) : [];
      await this.#deps.spool.remove(entry.id, ...parts).catch(() => {});
      return;
    }
    const error = this.#asLocal(failure);
    entry.error = { code: error.code, detail: error.detail };
    if (failure instanceof SourceChanged) await this.#startOver(entry);
    if (error.code === 'verify_failed' && entry.kind === 'fetch' && entry.start.contentBytes > 0) {
      await this.#startOver(entry); // what was kept may be what is wrong
      this.#rows.setState(entry, 'queued');
      return;
    }
    if (error.code === 'cancelled') return this.#rows.setState(entry, 'cancelled');
    const mayRetry = entry.retries === -1 || entry.attempts <= entry.retries;
    if (isFinal(error.code) || !mayRetry) return this.#rows.setState(entry, 'failed');
    if (isWithoutNetwork(error.code) && entry.attempts > 1) entry.attempts--;
    this.#wait(entry);
  }

  async #runFetch(entry: FetchEntry, signal: AbortSignal): Promise<void> {
    await runFetch(
      this.#deps,
      entry,
      {
        metadata: (metadata) => this.#foundMetadata(entry, metadata),
        marked: (mark, pinned) => {
          entry.start = mark;
          entry.pinned = pinned;
          return this.#rows.save(entry);
        },
        whole: async (metadata, read) => {
          entry.isWhole = true;
          this.#rows.save(entry);
          for (const follower of this.#sharing.followersOf(entry.id)) {
            await this.#ended(follower, await this.#sharing.copyTo(follower, metadata, read));
          }
        },
      },
      signal,
    );
  }

  async #runPublish(entry: PublishEntry, signal: AbortSignal): Promise<void> {
    const planned = (uri: string): void => {
      entry.uri = uri;
      entry.isPlanned = true;
      this.#rows.table.save(entry); // else the next life would plan under another secret what this one sends
      this.#rows.tell(entry, 'changed');
    };
    entry.uri = await runPublish(this.#deps, entry, { planned }, signal);
  }

  #foundMetadata(entry: FetchEntry, metadata: FetchedMetadata): void {
    if (entry.to.type !== 'disk' && entry.metadata === undefined) this.#intake.requireRoom(metadata.contentBytes);
    entry.metadata = metadata;
    this.#rows.saveDetails(entry);
    this.#rows.tell(entry, 'changed');
    for (const follower of this.#sharing.followersOf(entry.id)) {
      follower.metadata = metadata;
      this.#rows.tell(follower, 'changed');
    }
  }

  #wait(entry: Entry): void {
    const delayMs = retryDelayMs(this.#deps.random, entry.attempts);
    const timer = this.#deps.clock.setTimer(delayMs, () => this.requeue(entry));
    this.#waiting.set(entry.id, timer);
    this.#rows.setNextAttempt(entry.id, this.#deps.clock.nowMs() + delayMs);
    this.#rows.setState(entry, 'waiting');
  }

  #cancelWait(id: string): void {
    this.#waiting.get(id)?.cancel();
    this.#waiting.delete(id);
    this.#rows.setNextAttempt(id, undefined);
  }

  /** The next run begins from nothing, with keys of its own. */
  async #startOver(entry: Entry): Promise<void> {
    if (entry.kind === 'fetch') {
      entry.start = BEGINNING;
      entry.pinned = undefined;
      entry.isWhole = false;
      await this.#deps.spool.remove(entry.id, 'blocks').catch(() => {});
      this.#rows.save(entry);
    } else {
      entry.isPlanned = false;
      entry.uri = undefined;
      await this.#deps.spool.remove(entry.id, 'journal');
      this.#rows.table.save(entry);
    }
  }

  #asLocal(error: unknown): LocalError {
    if (error instanceof LocalError) return error;
    const kind = error instanceof Error ? error.name : typeof error;
    this.#deps.log.write('error', 'queue', `a run failed on a fault of ours: ${kind}`);
    return new LocalError('internal', undefined, { cause: error });
  }
}
