/**
 * What the control API asks of the client layer: transfers with ids, progress, and bytes.
 * @module
 */
import type { UserErrorCode } from '../errors.ts';
import type { TrafficClass } from '../ids.ts';

export type TransferKind = 'publish' | 'fetch';
/** Stages are named from the first second (ux § 2.1). */
export type TransferStage =
  | 'waiting'
  | 'connecting'
  | 'searching top block'
  | 'reading metadata'
  | 'fetching'
  | 'decoding'
  | 'checking'
  | 'inserting'
  | 'done'
  | 'failed'
  | 'cancelled';

export interface TransferProgress {
  /** Queue id: random, 16 lower-case hex characters; says nothing about the document. */
  readonly id: string;
  readonly kind: TransferKind;
  readonly stage: TransferStage;
  /** As asked for; once circuits stand, what they really are. */
  readonly trafficClass: TrafficClass;
  readonly startedAtMs: number; // Clock.nowMs
  readonly endedAtMs: number | undefined;
  readonly blocksHave: number;
  /** Undefined until known. */
  readonly blocksNeeded: number | undefined;
  readonly blocksInFlight: number;
  readonly blocksMissed: number;
  readonly bytes: number;
  readonly totalBytes: number | undefined;
  readonly exits: number;
  readonly contentType: string | undefined;
  /** Lowest number of owners that acknowledged any one block of a publish (a claim). */
  readonly copiesMin: number | undefined;
  readonly error: { readonly code: UserErrorCode; readonly detail: string | undefined } | undefined;
}

export interface PublishOptions {
  readonly trafficClass: TrafficClass;
  readonly contentType?: string;
  /** Kept in the manifest only when the user asked (--name). */
  readonly name?: string;
  readonly convergent: boolean;
  /** Compress if it saves; never with `convergent`. */
  readonly compress?: boolean;
}

export interface PublishTransfer {
  readonly id: string;
  /** Resolves to the URI once every block was acknowledged; rejects with LocalError. */
  readonly result: Promise<string>;
}

export interface FetchOptions {
  readonly trafficClass: TrafficClass;
  readonly maxBytes?: number;
}

export interface FetchTransfer {
  readonly id: string;
  /** Known once the top block was read; rejects with LocalError. */
  readonly metadata: Promise<{
    readonly sizeBytes: number;
    readonly contentType: string | undefined;
    readonly name: string | undefined;
  }>;
  /** Verified bytes in order, at most one segment ahead of the reader; throws LocalError. The last chunk comes after the whole-file hash held. */
  readonly content: AsyncIterable<Uint8Array>;
}

/** Both calls throw LocalError `busy` at once when TRANSFERS_MAX transfers have not ended: then there is no transfer to name. */
export interface Client {
  /** `source` is read as fast as blocks leave, never whole into memory. Rejects (in `result`) with LocalError. */
  publish(source: AsyncIterable<Uint8Array>, options: PublishOptions, signal?: AbortSignal): PublishTransfer;
  fetch(uri: string, options: FetchOptions, signal?: AbortSignal): FetchTransfer;
  cancel(id: string): boolean;
  /** Newest last; ended ones are kept up to TRANSFERS_MAX. */
  transfers(): readonly TransferProgress[];
  /** Called at each change of any transfer; returns how to stop. */
  onProgress(listener: (progress: TransferProgress) => void): () => void;
}
