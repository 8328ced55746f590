/**
 * What router and surfaces see of the datastore.
 *
 * Errors  put answers a typed refusal; a block that fails verification on read is dropped and counted, and `get` says undefined.
 * @module
 */
import type { BlockRef, CopyReason, Replica } from '../ids.ts';

export type PutResult =
  | { readonly type: 'stored' } // durable as far as flush promises ("owner", "handoff"); cached for "path"
  | { readonly type: 'present' }
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
  readonly lookups: number;
  readonly misses: number;
  /** Reads whose bytes no longer matched their key: dropped, never served. */
  readonly damaged: number;
  readonly writeFailures: number;
  /** Copies taken since start, by reason. */
  readonly copies: Readonly<Record<CopyReason, number>>;
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
  /** Indexed keys are digests: this is for handoff, which needs (ref, replica) of what this node stores as owner. */
  ownedRefs(): readonly { readonly ref: BlockRef; readonly replica: Replica }[];
  close(): Promise<void>;
}
