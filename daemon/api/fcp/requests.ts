/**
 * The requests of all FCP clients: the bridge between the queue and the connections that asked, watch, or come back.
 *
 * Shape   one object per server. A request is an entry of the queue with a tag of ours; its states go to the connection that asked, to later ones
 *         of the same client name, and for the global queue to whoever watches it.
 * Unit    SimpleProgress at most every PROGRESS_MS for each request; FCP_REQUESTS_PER_CONNECTION_MAX open ones per connection.
 * Errors  FcpError noSuchIdentifier, tooManyFiles. A name in use is answered IdentifierCollision and starts nothing.
 * Why     nothing is kept here that the queue does not keep: what a restart brings back can be replayed to clients as it stands.
 * Source  FCPv2 persistence: PersistentGet, PersistentPut, PersistentPutDir, then the latest states.
 * @module
 */
import type { Priority, QueueEntry, TransferQueue } from '../../client/queue-types.ts';
import { LocalError } from '../../errors.ts';
import { FCP_REQUESTS_PER_CONNECTION_MAX } from '../../limits.ts';
import type { Clock } from '../../ports.ts';
import { FcpError } from './fcp-error.ts';
import type { FcpOutput, OutFields } from './output.ts';
import { decodeTag, encodeTag, isEnded, nameOf, type RequestMeta } from './request-record.ts';
import { contentTypeOf, getFailed, persistentMessage, type StateMessage, stateMessages } from './state-messages.ts';

const PROGRESS_MS = 250;
const LAST_PROGRESS = 'SimpleProgress';

/** One connection as requests see it. */
export interface FcpParty {
  readonly client: string;
  readonly output: FcpOutput;
  /** Verbosity bits it wants of the global queue; undefined while it does not watch. */
  readonly watchMask: number | undefined;
}

interface RequestRecord {
  meta: RequestMeta;
  entry: QueueEntry;
  /** Asked over this connection, which is still open. */
  owner: FcpParty | undefined;
  /** Names and texts of the states that were sent, so that each goes out once. */
  readonly sent: Set<string>;
  progressAtMs: number;
  /** Clock.nowMs when the counts of its blocks changed last. */
  movedAtMs: number;
}

export class FcpRequests {
  readonly #queue: TransferQueue;
  readonly #clock: Clock;
  readonly #records = new Map<string, RequestRecord>();
  readonly #names = new Map<string, string>();
  /** Names of requests that the queue has not taken yet, with who asks. */
  readonly #starting = new Map<string, FcpParty>();
  readonly #parties = new Set<FcpParty>();
  readonly #stopListening: () => void;

  constructor(queue: TransferQueue, clock: Clock) {
    this.#queue = queue;
    this.#clock = clock;
    // What they have come to is told to whoever returns (join), and not again at their next change.
    for (const entry of queue.entries()) {
      const record = this.#adopt(entry);
      if (record !== undefined) for (const state of this.#states(record)) this.#isNew(record, state);
    }
    this.#stopListening = queue.onChange((entry, change) => this.#changed(entry, change));
  }

  close(): void {
    this.#stopListening();
  }

  /** A client came: what it asked before, and may have missed the end of, is told again. */
  join(party: FcpParty): void {
    this.#parties.add(party);
    for (const record of this.#records.values()) {
      const { meta, entry } = record;
      if (!meta.global && meta.client === party.client && entry.persistence !== 'connection')
        this.#replay(record, party);
    }
  }

  /** What it asked for this connection only ends with it. */
  leave(party: FcpParty): void {
    this.#parties.delete(party);
    for (const record of [...this.#records.values()]) {
      if (record.owner !== party) continue;
      record.owner = undefined;
      if (record.entry.persistence === 'connection') void this.#forget(record);
    }
  }

  /**
   * Enters a request, unless its name is taken: then the client is told and `start` is not called.
   * @param start enters it into the queue with the tag
   */
  async open(party: FcpParty, meta: RequestMeta, start: (tag: Uint8Array) => Promise<string>): Promise<boolean> {
    const name = nameOf(meta);
    if (this.#names.has(name) || this.#starting.has(name)) {
      party.output.send('IdentifierCollision', { Identifier: meta.identifier, Global: meta.global });
      return false;
    }
    const own = [...this.#records.values()].filter(({ owner, entry }) => owner === party && !isEnded(entry));
    const starting = [...this.#starting.values()].filter((one) => one === party);
    if (own.length + starting.length >= FCP_REQUESTS_PER_CONNECTION_MAX) {
      throw new FcpError('tooManyFiles', `at most ${FCP_REQUESTS_PER_CONNECTION_MAX} requests at once`);
    }
    this.#starting.set(name, party);
    try {
      await start(encodeTag(meta));
    } finally {
      this.#starting.delete(name);
    }
    return true;
  }

  list(party: FcpParty, identifier: string | undefined): void {
    for (const record of this.#records.values()) {
      const { meta, entry } = record;
      const isOwn = !meta.global && meta.client === party.client && entry.persistence !== 'connection';
      if (isOwn || (meta.global && party.watchMask !== undefined)) this.#replay(record, party);
    }
    party.output.send('EndListPersistentRequests', { Identifier: identifier });
  }

  /** Sends the states of one request again, and the bytes of a finished direct get. */
  async status(party: FcpParty, identifier: string, global: boolean, onlyData: boolean): Promise<void> {
    const record = this.#find(party, identifier, global);
    if (!onlyData) this.#replay(record, party);
    await this.#sendData(record, party);
  }

  async remove(party: FcpParty, identifier: string, global: boolean): Promise<void> {
    const record = this.#find(party, identifier, global);
    const told = new Set([party, ...this.#audience(record).map(({ party: one }) => one)]);
    await this.#forget(record);
    for (const one of told) one.output.send('PersistentRequestRemoved', { Identifier: identifier, Global: global });
  }

  async modify(
    party: FcpParty,
    identifier: string,
    global: boolean,
    change: { readonly priority: Priority | undefined; readonly clientToken: string | undefined },
  ): Promise<void> {
    const record = this.#find(party, identifier, global);
    if (change.clientToken !== undefined) {
      record.meta = { ...record.meta, clientToken: change.clientToken };
      await this.#queue.retag(record.entry.id, encodeTag(record.meta));
    }
    if (change.priority !== undefined) await this.#queue.prioritise(record.entry.id, change.priority);
    const fields = {
      Identifier: identifier,
      Global: global,
      ClientToken: change.clientToken,
      PriorityClass: change.priority,
    };
    const told = new Set([party, ...this.#audience(record).map(({ party: one }) => one)]);
    for (const one of told) one.output.send('PersistentRequestModified', fields);
  }

  #find(party: FcpParty, identifier: string, global: boolean): RequestRecord {
    const id = this.#names.get(nameOf({ client: party.client, global, identifier }));
    const record = id === undefined ? undefined : this.#records.get(id);
    if (record === undefined) throw new FcpError('noSuchIdentifier');
    return record;
  }

  #adopt(entry: QueueEntry): RequestRecord | undefined {
    const meta = decodeTag(entry.tag);
    if (meta === undefined) return undefined;
    const name = nameOf(meta);
    const record = {
      meta,
      entry,
      owner: this.#starting.get(name),
      sent: new Set<string>(),
      progressAtMs: 0,
      movedAtMs: this.#clock.nowMs(),
    };
    this.#records.set(entry.id, record);
    this.#names.set(name, entry.id);
    return record;
  }

  #changed(entry: QueueEntry, change: 'added' | 'changed' | 'removed'): void {
    const known = this.#records.get(entry.id);
    if (change === 'removed') {
      if (known !== undefined) this.#drop(known);
      return;
    }
    const record = known ?? this.#adopt(entry);
    if (record === undefined) return;
    if (countsOf(record.entry) !== countsOf(entry)) record.movedAtMs = this.#clock.nowMs();
    record.entry = entry;
    if (known === undefined && entry.persistence !== 'connection')
      this.#tell(record, persistentMessage(record.meta, entry));
    if (this.#refuseType(record)) return;
    for (const state of this.#states(record)) if (this.#isNew(record, state)) this.#tell(record, state);
    if (isEnded(entry)) void this.#finish(record);
  }

  /** A type that the client did not allow ends the request before its content is handed out. */
  #refuseType(record: RequestRecord): boolean {
    const { meta, entry } = record;
    if (meta.allowedTypes === undefined || entry.metadata === undefined || record.sent.has('refused')) return false;
    const type = contentTypeOf(meta, entry).split(';')[0]!.trim().toLowerCase();
    if (meta.allowedTypes.includes(type)) return false;
    record.sent.add('refused');
    const texts = { CodeDescription: 'the MIME type is none of those allowed', ShortCodeDescription: 'Bad MIME type' };
    this.#tell(record, getFailed(meta, entry, { Code: 29, ...texts, ExtraDescription: type, Fatal: true }));
    void this.#forget(record);
    return true;
  }

  #isNew(record: RequestRecord, state: StateMessage): boolean {
    const now = this.#clock.nowMs();
    if (state.name === LAST_PROGRESS) {
      if (now - record.progressAtMs < PROGRESS_MS && !isEnded(record.entry)) return false;
      record.progressAtMs = now;
    }
    const text = JSON.stringify(state.fields);
    const slot = state.name === LAST_PROGRESS ? 'progress' : `${state.name} ${text}`;
    if (slot === 'progress') {
      if (record.sent.has(`p ${text}`)) return false;
      for (const old of record.sent) if (old.startsWith('p ')) record.sent.delete(old);
      record.sent.add(`p ${text}`);
      return true;
    }
    if (record.sent.has(slot)) return false;
    record.sent.add(slot);
    return true;
  }

  /** After the last state: the bytes to who waits for them; what was for this connection only is over. */
  async #finish(record: RequestRecord): Promise<void> {
    const { owner, entry } = record;
    if (entry.persistence !== 'connection' || record.sent.has('finished')) return;
    record.sent.add('finished');
    try {
      if (owner !== undefined) await this.#sendData(record, owner);
    } finally {
      await this.#forget(record);
    }
  }

  async #sendData(record: RequestRecord, party: FcpParty): Promise<void> {
    const { meta, entry } = record;
    const { metadata } = entry;
    if (meta.type !== 'get' || entry.state !== 'done' || entry.place.type !== 'spool' || metadata === undefined) return;
    const found = this.#states(record).find(({ name }) => name === 'DataFound');
    const fields = { ...found?.fields };
    delete (fields as Record<string, unknown>).DataLength;
    await party.output.stream('AllData', fields, metadata.contentBytes, () => this.#queue.content(entry.id));
  }

  #replay(record: RequestRecord, party: FcpParty): void {
    party.output.send(...spread(persistentMessage(record.meta, record.entry)));
    const wanted = this.#verbosityFor(record, party);
    for (const state of this.#states(record)) {
      if ((state.verbosity & wanted) === state.verbosity) party.output.send(...spread(state));
    }
  }

  #states(record: RequestRecord): StateMessage[] {
    const shift = this.#wallMinusNow();
    return stateMessages(record.meta, record.entry, shift, record.movedAtMs + shift);
  }

  #tell(record: RequestRecord, state: StateMessage): void {
    for (const { party, verbosity } of this.#audience(record)) {
      if ((state.verbosity & verbosity) !== state.verbosity) continue;
      if (state.verbosity === 0) party.output.send(...spread(state));
      else party.output.progress(...spread(state));
    }
  }

  #audience(record: RequestRecord): { readonly party: FcpParty; readonly verbosity: number }[] {
    const { meta, owner } = record;
    const hears = (party: FcpParty): boolean =>
      party === owner ||
      (meta.global
        ? party.watchMask !== undefined
        : party.client === meta.client && record.entry.persistence !== 'connection');
    return [...this.#parties].filter(hears).map((party) => ({ party, verbosity: this.#verbosityFor(record, party) }));
  }

  #verbosityFor({ meta, owner }: RequestRecord, party: FcpParty): number {
    return meta.global && party !== owner ? (party.watchMask ?? 0) : meta.verbosity | (party.watchMask ?? 0);
  }

  async #forget(record: RequestRecord): Promise<void> {
    this.#drop(record);
    try {
      await this.#queue.remove(record.entry.id);
    } catch (error) {
      if (!(error instanceof LocalError)) throw error; // gone already
    }
  }

  #drop({ meta, entry }: RequestRecord): void {
    this.#records.delete(entry.id);
    if (this.#names.get(nameOf(meta)) === entry.id) this.#names.delete(nameOf(meta));
  }

  #wallMinusNow(): number {
    return this.#clock.wallMs() - this.#clock.nowMs();
  }
}

function countsOf({ progress }: QueueEntry): string {
  return `${progress.blocksHave}/${progress.blocksNeeded}/${progress.blocksMissed}`;
}

function spread({ name, fields }: StateMessage): [string, OutFields] {
  return [name, fields];
}
