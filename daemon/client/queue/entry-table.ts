/**
 * The rows of the queue: in memory all of them, on disk those that outlive the daemon.
 *
 * Shape   tables `queue-entries` (entry.ts) and `queue-details` (what a folder holds: long, and written once).
 * Errors  LocalError busy above QUEUE_ENTRIES_MAX, those of the disk where it refuses. Rows that do not open are dropped at the start, with a line in the log.
 * @module
 */
import type { Crypto } from '../../../crypto/provider.ts';
import { LocalError } from '../../errors.ts';
import { QUEUE_ENTRIES_MAX } from '../../limits.ts';
import type { Log, Records } from '../../ports.ts';
import { decodeEntry, type Entry, encodeEntry } from './entry.ts';

const ENTRIES = 'queue-entries';
const DETAILS = 'queue-details';

export class EntryTable {
  readonly #crypto: Crypto;
  readonly #records: Records;
  readonly #key: Uint8Array;
  readonly #entries = new Map<string, Entry>();
  #order = 0;

  constructor(crypto: Crypto, records: Records, log: Log, key: Uint8Array) {
    this.#crypto = crypto;
    this.#records = records;
    this.#key = key;
    const found: Entry[] = [];
    let lost = 0;
    for (const [id, row] of records.entries(ENTRIES)) {
      const entry = decodeEntry(crypto, key, id, row);
      if (entry !== undefined) {
        found.push(entry);
      } else {
        lost++;
        try {
          this.#forget(id);
        } catch {
          // A disk that refuses keeps what nobody can read.
        }
      }
    }
    if (lost > 0) log.write('warn', 'queue', `${lost} entries cannot be read and are left out`);
    for (const entry of found.sort((a, b) => a.order - b.order)) {
      this.#readDetails(entry);
      this.#entries.set(entry.id, entry);
      this.#order = Math.max(this.#order, entry.order);
    }
  }

  get size(): number {
    return this.#entries.size;
  }

  nextOrder(): number {
    return ++this.#order;
  }

  get(id: string): Entry | undefined {
    return this.#entries.get(id);
  }

  /** @throws LocalError unknown_transfer */
  known(id: string): Entry {
    const entry = this.#entries.get(id);
    if (entry === undefined) throw new LocalError('unknown_transfer');
    return entry;
  }

  all(): Entry[] {
    return [...this.#entries.values()];
  }

  /** @returns what had to make room: an ended entry that no surface has marked as its own. @throws LocalError busy */
  add(entry: Entry): Entry | undefined {
    let gone: Entry | undefined;
    if (this.#entries.size >= QUEUE_ENTRIES_MAX) {
      gone = this.all().find(({ state, tag }) => tag === undefined && (state === 'done' || state === 'cancelled'));
      if (gone === undefined) throw new LocalError('busy', `the queue holds ${QUEUE_ENTRIES_MAX} entries`);
      this.delete(gone.id);
    }
    this.save(entry);
    this.#entries.set(entry.id, entry);
    return gone;
  }

  /** Durable when it returns, if the entry is to outlive the daemon. */
  save(entry: Entry): void {
    if (entry.persistence !== 'forever') return;
    const row = entry.kind === 'fetch' ? { ...entry, metadata: undefined } : { ...entry, tree: undefined };
    this.#records.put(ENTRIES, entry.id, encodeEntry(this.#crypto, this.#key, row));
  }

  /** The metadata of a fetch, the files of a tree. */
  saveDetails(entry: Entry): void {
    if (entry.persistence !== 'forever') return;
    this.#records.put(DETAILS, entry.id, encodeEntry(this.#crypto, this.#key, entry));
  }

  delete(id: string): void {
    const isOnDisk = this.#entries.get(id)?.persistence === 'forever';
    this.#entries.delete(id);
    if (isOnDisk) this.#forget(id);
  }

  #forget(id: string): void {
    this.#records.transaction(() => {
      this.#records.delete(ENTRIES, id);
      this.#records.delete(DETAILS, id);
    });
  }

  #readDetails(entry: Entry): void {
    const row = this.#records.get(DETAILS, entry.id);
    const details = row === undefined ? undefined : decodeEntry(this.#crypto, this.#key, entry.id, row);
    if (entry.kind === 'fetch' && details?.kind === 'fetch') entry.metadata = details.metadata;
    if (entry.kind === 'publish' && details?.kind === 'publish') entry.tree = details.tree;
  }
}
