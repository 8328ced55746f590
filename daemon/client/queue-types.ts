/**
 * The persistent queue as its surfaces see it: publishes and fetches that outlive the program that asked for them, and the daemon's restarts.
 *
 * Why     FCP, the command line, the gateway and the dashboard show one queue; none of them keeps a list of its own.
 * Source  design § 10; ux § 2 "Resume"; fcp "Persistence and queue".
 * @module
 */
import type { UserErrorCode } from '../errors.ts';
import type { FetchedMetadata, FetchOptions, PublishOptions, TransferKind, TransferProgress } from './client-types.ts';

export type QueueState = 'queued' | 'running' | 'paused' | 'waiting' | 'done' | 'failed' | 'cancelled';

/** 0 is served first; Freenet's classes have the same numbers. */
export type Priority = 0 | 1 | 2 | 3 | 4 | 5 | 6;

/** `connection`: ends with who asked. `reboot`: until the daemon ends. `forever`: until it is removed. */
export type Persistence = 'connection' | 'reboot' | 'forever';

interface QueueRequest {
  readonly priority: Priority;
  readonly persistence: Persistence;
  /** Attempts after the first; -1: until it is cancelled. */
  readonly retries: number;
  /** A surface's own words about the entry (FCP: client name, identifier, token): at most QUEUE_TAG_BYTES_MAX, kept sealed, given back, never read. */
  readonly tag?: Uint8Array;
}

export interface FetchRequest extends QueueRequest {
  readonly uri: string;
  readonly options: FetchOptions;
  /**
   * `disk`: grows as PATH.part, is flushed and renamed at the end; what has the name by then is kept unless `replace`. `spool`: kept sealed by the daemon until the entry is removed.
   * `none`: only brought into the caches along the way.
   */
  readonly to:
    | { readonly type: 'disk'; readonly path: string; readonly replace?: boolean }
    | { readonly type: 'spool' }
    | { readonly type: 'none' };
}

/** A file of a directory that is put together from several places. */
export type QueuedFile = { readonly path: string } & (
  | { readonly from: 'bytes'; readonly sizeBytes: number; readonly content: AsyncIterable<Uint8Array> }
  | { readonly from: 'disk'; readonly diskPath: string }
  /** A CHK key that stands (or will stand) in the network: listed, not inserted again. */
  | { readonly from: 'key'; readonly uri: string; readonly sizeBytes: number }
);

export interface PublishRequest extends QueueRequest {
  readonly options: PublishOptions;
  /**
   * The document secret follows from the content, its metadata and a key of this home that nobody else has: the same file published again
   * here has the same key, and still nobody can guess a block before the key is out. What FCP clients count on.
   */
  readonly repeatable?: boolean;
  /** `disk`: read where it lies, file or directory (names that begin with a dot only with `hidden`). `spool`: handed over at once, kept sealed until published. */
  readonly from:
    | { readonly type: 'disk'; readonly path: string; readonly defaultPath?: string; readonly hidden?: boolean }
    | { readonly type: 'spool'; readonly bytes: AsyncIterable<Uint8Array> }
    | { readonly type: 'spool-tree'; readonly files: AsyncIterable<QueuedFile>; readonly defaultPath?: string }
    /** Nothing is inserted but the record of `options.as`, leading to this CHK key. */
    | { readonly type: 'redirect'; readonly uri: string };
}

export interface QueueEntry {
  /** Same id as its transfer's: 16 lower-case hex characters, for good. */
  readonly id: string;
  readonly kind: TransferKind;
  readonly state: QueueState;
  readonly priority: Priority;
  readonly persistence: Persistence;
  readonly attempts: number;
  /** Clock.nowMs of the next attempt while `waiting`. */
  readonly nextAttemptAtMs: number | undefined;
  readonly progress: TransferProgress;
  /** Of a fetch: the key asked for; of a publish: the key, as soon as it is known (long before it can be fetched). */
  readonly uri: string | undefined;
  readonly metadata: FetchedMetadata | undefined;
  /** Where a fetch goes, or a publish comes from. */
  readonly place: { readonly type: 'disk'; readonly path: string } | { readonly type: 'spool' | 'none' };
  readonly tag: Uint8Array | undefined;
  readonly error: { readonly code: UserErrorCode; readonly detail: string | undefined } | undefined;
}

/** Calls with an id throw LocalError `unknown_transfer` when there is none. */
export interface TransferQueue {
  /** Resolves with the id once the entry is durable (persistence `forever`). Rejects with LocalError `busy` above QUEUE_ENTRIES_MAX, `bad_uri`. */
  fetch(request: FetchRequest): Promise<string>;
  publish(request: PublishRequest): Promise<string>;
  /** The key that `publish` of the same request with `repeatable` would end with; nothing is sent, and no entry made. Rejects as a publish would. */
  plan(request: PublishRequest): Promise<string>;
  entries(): readonly QueueEntry[];
  entry(id: string): QueueEntry | undefined;
  pause(id: string): Promise<void>;
  resume(id: string): Promise<void>;
  /** Starts a failed or waiting entry now. */
  retry(id: string): Promise<void>;
  prioritise(id: string, priority: Priority): Promise<void>;
  retag(id: string, tag: Uint8Array): Promise<void>;
  /** Ends it if it runs, and forgets it with all it kept. A finished file on disk stays. */
  remove(id: string): Promise<void>;
  /** Bytes of a finished `spool` fetch, verified again as they are read. */
  content(id: string): AsyncIterable<Uint8Array>;
  onChange(listener: (entry: QueueEntry, change: 'added' | 'changed' | 'removed') => void): () => void;
}
