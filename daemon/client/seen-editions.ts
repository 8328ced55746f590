/**
 * What this reader has seen of each site: the highest version of its pointer, and which record said so.
 *
 * Shape   table "seen-editions": HMAC(key, pointer's routing key) as hex -> version u48, digest of the record 16, last use u48 (a count).
 *         `key` comes from the node's own identity. At most SEEN_EDITIONS_MAX, the longest unused goes first.
 * Errors  a disk that refuses costs memory across a restart, never a fetch.
 * Why     without it a node or exit could answer with an old, validly signed pointer for ever. The table holds no key and no site: whoever
 *         takes the disk can only ask it about a site they already know.
 * Source  design § 6 ("a reader who saw a version never gets a lower one").
 * @module
 */
import type { Crypto } from '../../crypto/provider.ts';
import { LocalError } from '../errors.ts';
import { hexKey, type RoutingKey } from '../ids.ts';
import { SEEN_EDITIONS_MAX } from '../limits.ts';
import type { Records } from '../ports.ts';

export interface SeenEdition {
  readonly version: number;
  /** Of the record's bytes, 16. */
  readonly digest: Uint8Array;
}

export interface SeenEditions {
  get(pointer: RoutingKey): SeenEdition | undefined;
  /** Keeps it if it is not older than what is there; of one version the record that was seen first stays. */
  note(pointer: RoutingKey, version: number, record: Uint8Array): void;
}

const TABLE = 'seen-editions';
const DIGEST_BYTES = 16;
const ROW_BYTES = 6 + DIGEST_BYTES + 6;

/** @param records undefined: kept in memory only */
export function createSeenEditions(crypto: Crypto, key: Uint8Array, records: Records | undefined): SeenEditions {
  const rows = new Map<string, SeenEdition>(); // longest unused first
  let uses = 0;
  const loaded = (records?.entries(TABLE) ?? [])
    .filter(([, value]) => value.length === ROW_BYTES)
    .map(([name, value]) => ({ name, value, use: readUint48(value, 6 + DIGEST_BYTES) }))
    .sort((a, b) => a.use - b.use);
  for (const { name, value, use } of loaded) {
    rows.set(name, { version: readUint48(value, 0), digest: value.slice(6, 6 + DIGEST_BYTES) });
    uses = use;
  }

  const nameOf = (pointer: RoutingKey): string => hexKey(crypto.hmac(key, pointer));

  function write(work: (to: Records) => void): void {
    if (records === undefined) return;
    try {
      records.transaction(() => work(records));
    } catch (error) {
      if (!(error instanceof LocalError)) throw error;
    }
  }

  return {
    get: (pointer) => rows.get(nameOf(pointer)),
    note(pointer, version, record) {
      const name = nameOf(pointer);
      const before = rows.get(name);
      if (before !== undefined && before.version > version) return;
      const seen =
        before?.version === version ? before : { version, digest: crypto.sha256(record).slice(0, DIGEST_BYTES) };
      rows.delete(name);
      const gone = rows.size >= SEEN_EDITIONS_MAX ? rows.keys().next().value : undefined;
      if (gone !== undefined) rows.delete(gone);
      rows.set(name, seen);
      if (seen === before) return; // its place in the order is for this run; a write for each visit would wear the disk
      const value = new Uint8Array(ROW_BYTES);
      writeUint48(value, 0, version);
      value.set(seen.digest, 6);
      writeUint48(value, 6 + DIGEST_BYTES, ++uses);
      write((to) => {
        if (gone !== undefined) to.delete(TABLE, gone);
        to.put(TABLE, name, value);
      });
    },
  };
}

/** Whether `record` is the one that was seen at its version. */
export function isSeenRecord(crypto: Crypto, seen: SeenEdition, record: Uint8Array): boolean {
  return crypto.equal(seen.digest, crypto.sha256(record).slice(0, DIGEST_BYTES));
}

function readUint48(bytes: Uint8Array, at: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return view.getUint16(at) * 2 ** 32 + view.getUint32(at + 2);
}

function writeUint48(bytes: Uint8Array, at: number, value: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  view.setUint16(at, Math.floor(value / 2 ** 32));
  view.setUint32(at + 2, value % 2 ** 32);
}
