/**
 * The entries as everybody sees them: their states, saved as far as the disk takes them, shown and told on.
 *
 * Errors  none but those of the table where a row must be durable: a state that could not be saved is a line in the log.
 * Why     a disk that refuses must not stop what needs no disk: what is kept is then older than what is true, and the next life does a
 *         part again.
 * @module
 */
import type { Clock, Log } from '../../ports.ts';
import { decodeKeyText } from '../base64.ts';
import type { QueueEntry } from '../queue-types.ts';
import { type Entry, restingProgress } from './entry.ts';
import type { EntryTable } from './entry-table.ts';

export type EntryChange = 'added' | 'changed' | 'removed';
export type EntryListener = (entry: QueueEntry, change: EntryChange) => void;

export class Rows {
  readonly table: EntryTable;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #listeners = new Set<EntryListener>();
  readonly #nextAttempts = new Map<string, number>();

  constructor(table: EntryTable, clock: Clock, log: Log) {
    this.table = table;
    this.#clock = clock;
    this.#log = log;
  }

  setState(entry: Entry, state: Entry['state']): void {
    entry.state = state;
    entry.changedMs = this.#clock.wallMs();
    // One that runs is begun again from the row before, whether that says so or not: the wait for the disk is spared.
    if (state !== 'running') this.save(entry);
    this.tell(entry, 'changed');
  }

  /** False: it is not on the disk. */
  save(entry: Entry): boolean {
    return this.#tried(() => this.table.save(entry));
  }

  saveDetails(entry: Entry): boolean {
    return this.#tried(() => this.table.saveDetails(entry));
  }

  /** @param atMs Clock.nowMs; undefined: none is waited for */
  setNextAttempt(id: string, atMs: number | undefined): void {
    if (atMs === undefined) this.#nextAttempts.delete(id);
    else this.#nextAttempts.set(id, atMs);
  }

  view(entry: Entry): QueueEntry {
    const { id, kind, state, priority, persistence, attempts, tag, error } = entry;
    const isMoving = state !== 'queued' && state !== 'paused' && state !== 'waiting';
    const place = kind === 'fetch' ? entry.to : entry.from;
    return {
      id,
      kind,
      state,
      priority,
      persistence,
      attempts,
      nextAttemptAtMs: this.#nextAttempts.get(id),
      progress: (isMoving ? entry.progress : undefined) ?? restingProgress(entry, this.#clock.nowMs()),
      uri: entry.uri,
      metadata: kind === 'fetch' ? entry.metadata : undefined,
      place:
        place.type === 'disk' ? { type: 'disk', path: place.path } : { type: place.type === 'none' ? 'none' : 'spool' },
      tag: tag === undefined ? undefined : decodeKeyText(tag),
      error,
    };
  }

  onChange(listener: EntryListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  tell(entry: Entry, change: EntryChange): void {
    if (this.#listeners.size === 0) return;
    const view = this.view(entry);
    for (const listener of this.#listeners) {
      try {
        listener(view, change);
      } catch {
        this.#listeners.delete(listener); // whoever shows the queue must not be able to stop it
        this.#log.write('error', 'queue', 'a listener to the queue failed and is no longer told');
      }
    }
  }

  #tried(save: () => void): boolean {
    try {
      save();
      return true;
    } catch {
      this.#log.write('warn', 'queue', 'the state of an entry could not be saved');
      return false;
    }
  }
}
