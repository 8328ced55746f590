/**
 * One entry of the queue as it is kept: what was asked, how far it came, how it ended.
 *
 * Shape   a row of JSON, sealed with the queue's key, its id as associated data: nonce 12 || content || tag 16. `fileKey` seals the
 *         entry's files in the spool, so that forgetting the row is enough to make them unreadable.
 * Errors  decodeEntry gives undefined for a row that does not open or is of another format.
 * Why     a row names a document, a place on the user's disk and a surface's own words: none of that may lie readable on the disk.
 * Source  design § 11 (what is never written down), ux § 2 "Resume".
 * @module
 */
import type { Crypto } from '../../../crypto/provider.ts';
import { assert } from '../../errors.ts';
import type { FetchedMetadata, FetchOptions, PublishOptions, TransferProgress } from '../client-types.ts';
import type { FetchRequest, Persistence, Priority, PublishRequest, QueueEntry, QueueState } from '../queue-types.ts';
import type { FetchMark } from '../resume-types.ts';

const FORMAT = 1;
const NONCE_BYTES = 12;

export interface EntryBase {
  readonly id: string;
  /** Rises: the older of two with one priority goes first. */
  readonly order: number;
  priority: Priority;
  readonly persistence: Persistence;
  readonly retries: number;
  state: QueueState;
  attempts: number;
  /** The attempt under way was cut off, and goes on: it is not another one. */
  isInterrupted: boolean;
  tag: string | undefined; // base64
  readonly fileKey: string; // base64
  /** Unix time of the last change of state. */
  changedMs: number;
  progress: TransferProgress | undefined;
  error: QueueEntry['error'];
}

export interface FetchEntry extends EntryBase {
  readonly kind: 'fetch';
  readonly uri: string;
  readonly options: FetchOptions;
  to: FetchRequest['to'];
  start: FetchMark;
  /** What the key led to in the run that `start` is of: a newer edition has other bytes. */
  pinned: string | undefined;
  /** All is in the output and verified; only its name may be missing. */
  isWhole: boolean;
  metadata: FetchedMetadata | undefined;
}

export interface PublishEntry extends EntryBase {
  readonly kind: 'publish';
  readonly options: PublishOptions;
  readonly repeatable: boolean;
  readonly from:
    | Extract<PublishRequest['from'], { type: 'disk' | 'redirect' }>
    | { readonly type: 'spool'; readonly sizeBytes: number }
    /** `sizeBytes`: of the files that lie in the spool, one after the other. */
    | { readonly type: 'spool-tree'; readonly sizeBytes: number; readonly defaultPath?: string };
  /** Of a `spool-tree`; kept apart from the row, because it may be long. */
  tree: readonly TreeFile[] | undefined;
  isPlanned: boolean;
  uri: string | undefined;
}

export type TreeFile = { readonly path: string } & (
  | { readonly from: 'spool'; readonly offset: number; readonly sizeBytes: number }
  | { readonly from: 'disk'; readonly diskPath: string }
  | { readonly from: 'key'; readonly uri: string; readonly sizeBytes: number }
);

export type Entry = FetchEntry | PublishEntry;

export function encodeEntry(crypto: Crypto, key: Uint8Array, entry: Entry): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify({ v: FORMAT, entry }));
  const row = new Uint8Array(NONCE_BYTES + text.length + 16);
  row.set(crypto.randomBytes(NONCE_BYTES));
  const aead = crypto.aeadKey(key);
  aead.seal(row.subarray(0, NONCE_BYTES), text, new TextEncoder().encode(entry.id), row.subarray(NONCE_BYTES));
  aead.wipe();
  return row;
}

export function decodeEntry(crypto: Crypto, key: Uint8Array, id: string, row: Uint8Array): Entry | undefined {
  if (row.length < NONCE_BYTES + 16) return undefined;
  const aead = crypto.aeadKey(key);
  const text = aead.open(row.subarray(0, NONCE_BYTES), row.subarray(NONCE_BYTES), new TextEncoder().encode(id));
  aead.wipe();
  if (text === null) return undefined;
  const { v, entry } = JSON.parse(new TextDecoder().decode(text)) as { v: number; entry: Entry };
  if (v !== FORMAT) return undefined;
  assert(entry.id === id, 'a sealed row is of the entry that it names');
  return entry;
}

/** What a transfer shows that has not begun, or not yet again. */
export function restingProgress(entry: Entry, nowMs: number): TransferProgress {
  return {
    id: entry.id,
    kind: entry.kind,
    trafficClass: entry.options.trafficClass,
    startedAtMs: nowMs,
    blocksHave: 0,
    blocksNeeded: undefined,
    blocksMissed: 0,
    bytes: 0,
    totalBytes: undefined,
    exits: 0,
    contentType: undefined,
    copiesMin: undefined,
    ...entry.progress,
    stage: 'waiting',
    endedAtMs: undefined,
    blocksInFlight: 0,
    error: undefined,
  };
}
