/**
 * What the control API asks of the client layer: transfers with ids, progress, and bytes.
 * @module
 */
import type { UserErrorCode } from '../errors.ts';
import type { TrafficClass } from '../ids.ts';
import type { BlockMapReading } from './block-map.ts';
import type { SearchResult } from './search.ts';

export type TransferKind = 'publish' | 'fetch';
/** Stages are named from the first second (ux § 2.1). */
export type TransferStage =
  | 'waiting'
  | 'preparing'
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
  /** Of a fetch: requests for blocks that left in this run, repetitions counted. Of a publish: blocks acknowledged in this run. */
  readonly blocksAsked?: number;
  readonly bytes: number;
  readonly totalBytes: number | undefined;
  readonly exits: number;
  readonly contentType: string | undefined;
  /** Lowest number of owners that acknowledged any one block of a publish (a claim). */
  readonly copiesMin: number | undefined;
  /** Of a publish that was to be verified: blocks fetched back over another route. */
  readonly verified?: { readonly asked: number; readonly found: number };
  /** Of a site: what was inserted for this edition, and what stood already. */
  readonly files?: { readonly inserted: number; readonly kept: number; readonly insertedBytes: number };
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
  /** Before it is done: fetch some of its blocks back over another route. */
  readonly verify?: boolean;
  /**
   * A key in insert form (SSK@ or USK@), or KSK@word: once the document stands, a record there leads to it, and `result` is that key in
   * request form. A USK takes the edition after the newest one known, or the one it names if that is free.
   */
  readonly as?: string;
  /** Once the document stands (and has its name): records under these words lead to it. `name` is the title they show. */
  readonly keywords?: readonly string[];
}

export interface PublishTransfer {
  readonly id: string;
  /** Resolves to the URI once every block was acknowledged; rejects with LocalError. */
  readonly result: Promise<string>;
}

/** A file of a directory to publish. Its content is read before the next file is asked for. */
export interface DirectoryFile {
  /** Names with slashes between them, as readers will see it. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly content: AsyncIterable<Uint8Array>;
  /** Of the content. With a site (`as` a USK) that had the same content before, it is not inserted again. */
  readonly sha256?: Uint8Array;
  /** A CHK key that stands, or will stand, in the network: it is listed, and `content` is not read. */
  readonly uri?: string;
}

export interface DirectoryOptions extends PublishOptions {
  /** Path of the file that stands for the whole. */
  readonly defaultPath?: string;
}

export interface FetchOptions {
  readonly trafficClass: TrafficClass;
  readonly maxBytes?: number;
  /** Only bytes [from, to) of the document; an end past its size means its end. Not with a directory. */
  readonly range?: { readonly from: number; readonly to: number };
  /** Metadata only: the content is empty. */
  readonly listOnly?: boolean;
  /** One file is wanted: of a folder its default document, or LocalError is_folder. */
  readonly asFile?: boolean;
}

export interface FetchedMetadata {
  /** Of the document, or of all files of the directory together. */
  readonly sizeBytes: number;
  /** What `content` will give: the same, or less with `range` and `listOnly`. */
  readonly contentBytes: number;
  readonly contentType: string | undefined;
  readonly name: string | undefined;
  /** The CHK key of the document, whatever kind of key led to it: what to keep, and what an ETag or a cache goes by. */
  readonly uri?: string;
  /** With a USK: the edition that was read. */
  readonly edition?: number;
  /** Two records of this edition were seen, both signed with the site's key: its owner published it twice, or is not the only one. */
  readonly isForked?: boolean;
  /** Present when the URI names a directory: then `content` is its files one after the other, in this order. */
  readonly directory?: {
    readonly files: readonly { readonly path: string; readonly sizeBytes: number }[];
    readonly defaultPath: string | undefined;
  };
}

export interface FetchTransfer {
  readonly id: string;
  /** Known once the top block, and of a directory the listing, was read; rejects with LocalError. */
  readonly metadata: Promise<FetchedMetadata>;
  /** Verified bytes in order, at most one segment ahead of the reader; throws LocalError. The last chunk comes after the whole-file hash held. */
  readonly content: AsyncIterable<Uint8Array>;
}

/** The newest edition of a site that can be found now, never lower than one this node has seen. */
export interface NewestEdition {
  readonly edition: number;
  /** The USK in request form, with this edition and the path it was asked with. */
  readonly uri: string;
  /** The CHK key of that edition's document, with the same path. */
  readonly documentUri: string;
  readonly isForked: boolean;
}

export interface KeyPairUris {
  /** SSK@ with the private half: publishes. */
  readonly insertUri: string;
  /** SSK@ for readers. */
  readonly requestUri: string;
}

/** The calls throw LocalError `busy` at once when TRANSFERS_MAX transfers have not ended: then there is no transfer to name. */
export interface Client {
  /** `source` is read as fast as blocks leave, never whole into memory. Rejects (in `result`) with LocalError. */
  publish(source: AsyncIterable<Uint8Array>, options: PublishOptions, signal?: AbortSignal): PublishTransfer;
  /** Files of at most a segment's bytes first, if the order is yours to choose: they are packed together. */
  publishDirectory(
    files: AsyncIterable<DirectoryFile>,
    options: DirectoryOptions,
    signal?: AbortSignal,
  ): PublishTransfer;
  fetch(uri: string, options: FetchOptions, signal?: AbortSignal): FetchTransfer;
  /**
   * One round of requests over fresh circuits for the pointer of a USK, whatever edition it names; no transfer, nothing of the document.
   * Rejects with LocalError: bad_uri (not a USK), not_found and its kin, outdated, and what the circuits say.
   */
  newestEdition(
    uri: string,
    options: { readonly trafficClass: TrafficClass },
    signal?: AbortSignal,
  ): Promise<NewestEdition>;
  /** Documents announced under any of the words, best first. Rejects with LocalError: usage, and what the circuits say. */
  search(
    words: readonly string[],
    options: { readonly trafficClass: TrafficClass },
    signal?: AbortSignal,
  ): Promise<SearchResult>;
  /** Two halves of a new key; nothing is kept. */
  generateKeys(): KeyPairUris;
  /** False when there was nothing to cancel. What an ended fetch still puts back into the network ends too. */
  cancel(id: string): boolean;
  /** Newest last; ended ones are kept up to TRANSFERS_MAX. */
  transfers(): readonly TransferProgress[];
  /** How the blocks of a running transfer stand; undefined for one that does not run. */
  blockMap?(id: string): BlockMapReading | undefined;
  /** Called at each change of any transfer; returns how to stop. */
  onProgress(listener: (progress: TransferProgress) => void): () => void;
}
