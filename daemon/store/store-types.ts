/**
 * What router and surfaces see of the datastore.
 *
 * Errors  put answers a typed refusal; a block that fails verification on read is dropped and counted, and `get` says undefined.
 * @module
 */
import type { BlockRef, CopyReason, Replica } from '../ids.ts';

export type PutResult =
  | { readonly type: 'stored' } // durable as far as flush promises ("owner", "handoff"); cached for "path"
  | { readonly type: 'present' } // for "owner" and "handoff" read and verified just now
  | { readonly type: 'declined' } // the cache policy does not want it
  | { readonly type: 'collision'; readonly existing: Uint8Array } // another valid record stands there (SSK)
  | { readonly type: 'failed'; readonly code: 'disk_full' | 'disk_read_only' | 'disk_failed' };

export interface RegionStats {
  readonly blocks: number;
  readonly bytes: number;
  readonly bytesMax: number;
  readonly hits: number;
  readonly evicted: number;
}

export interface StoreStats {
  readonly store: RegionStats;
  readonly cache: RegionStats;
  readonly records: number;
  readonly recordsEvicted: number;
  readonly lookups: number;
  readonly misses: number;
  /** Reads whose bytes no longer matched their key: dropped, never served. */
  readonly damaged: number;
  readonly writeFailures: number;
  /** Copies taken since start, by reason. */
  readonly copies: Readonly<Record<CopyReason, number>>;
  /** What the store may use now. */
  readonly sizeBytes: number;
  readonly isSealed: boolean;
}

/** What a size would cost: what goes now, by region. */
export interface ResizePlan {
  readonly sizeBytes: number;
  readonly slots: number;
  readonly evictedStore: number;
  readonly evictedCache: number;
  readonly evictedRecords: number;
}

export interface JobProgress {
  readonly isRunning: boolean;
  readonly done: number;
  readonly total: number;
}

export interface VerifyProgress extends JobProgress {
  /** Dropped because they no longer matched their key. */
  readonly damaged: number;
  /** Blocks that passed by: their keys are nowhere on this disk, so they are verified when somebody asks for them. */
  readonly cached: number;
}

/** A page of what this node owns. */
export interface OwnedPage {
  readonly held: readonly { readonly ref: BlockRef; readonly replica: Replica }[];
  /** Where to go on; undefined at the end. */
  readonly next: number | undefined;
}

export interface BlockStore {
  /** Verified bytes, or undefined. `touch` false: neither recency nor counters change (exit requests, design § 1). */
  get(ref: BlockRef, options?: { touch?: boolean }): Promise<Uint8Array | undefined>;
  /** Whether a copy is indexed; not verified. */
  has(ref: BlockRef): boolean;
  /** Why the indexed copy is here; undefined when there is none. For the devnet trace and its tests. */
  reasonOf(ref: BlockRef): CopyReason | undefined;
  /** The caller has verified `bytes` against `ref`. "path" goes to the cache, the others to the store. */
  put(ref: BlockRef, replica: Replica, bytes: Uint8Array, reason: CopyReason): Promise<PutResult>;
  delete(ref: BlockRef): Promise<void>;
  stats(): StoreStats;
  /**
   * (ref, replica) of what this node stores as owner, a page at a time: for handoff and nothing else, because keys are not in memory.
   * @param from 0, then `next` of the page before
   * @param wanted asked with the place of each in 2^-24 of the ring, before its key is read from the disk
   */
  owned(from: number, wanted?: (coarse: number) => boolean): Promise<OwnedPage>;
  close(): Promise<void>;
}

/** What its owner may ask besides. */
export interface ManagedStore extends BlockStore {
  /** Reads all that is owned and drops what no longer matches, in the background. False: it is under way already. */
  verify(bytesPerSec: number): boolean;
  readonly verifying: VerifyProgress;
  planResize(sizeBytes: number): ResizePlan;
  /** In the background; a later call takes over. The size is remembered. Throws the LocalError of the disk. */
  resize(sizeBytes: number): void;
  readonly resizing: JobProgress;
  /** Undefined: not sealed any more. Throws the LocalError of the disk. */
  changePassphrase(passphrase: Uint8Array | undefined): void;
  /** 32 bytes for one other use of the same secret, which a passphrase then seals along. */
  secretFor(purpose: string): Uint8Array;
}
