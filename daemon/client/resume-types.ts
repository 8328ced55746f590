/**
 * What a transfer needs to go on where an earlier run of it ended, and to leave behind so that a later one can.
 *
 * Why     the client knows documents and no disk; who keeps these notes, where and under which seal is the queue's business.
 * Source  ux § 2 "Resume"; design § 10.
 * @module
 */
import type { RoutingKey } from '../ids.ts';
import type { BlockPlace } from './client-chk.ts';
import type {
  Client,
  DirectoryFile,
  FetchOptions,
  FetchTransfer,
  PublishOptions,
  PublishTransfer,
} from './client-types.ts';

/** Blocks that came in and may be wanted again; sealed as the network stores them. */
export interface KeptBlocks {
  has(key: RoutingKey): boolean;
  /** Checked against its key by whoever uses it. Undefined: it is gone after all. */
  read(key: RoutingKey): Promise<Uint8Array | undefined>;
  /** Must not throw: a block that cannot be kept is fetched again. */
  keep(key: RoutingKey, bytes: Uint8Array): void;
}

/** How far the content has come, at a place where a later run can begin. */
export interface FetchMark {
  /** Bytes of content before it. */
  readonly contentBytes: number;
  /** The same in the document's stored form; differs only when it is compressed. */
  readonly storedBytes: number;
}

export interface FetchResume {
  readonly id: string;
  readonly kept: KeptBlocks;
  /** Where an earlier run ended: content before it is not handed over again. */
  readonly start: FetchMark;
  /** The content before `start`, for the hash of the whole. */
  before(): AsyncIterable<Uint8Array>;
  /** Called before the bytes that lead up to the mark are handed over. `passed`: blocks that a run from there has no use for. */
  reached(mark: FetchMark, passed: readonly RoutingKey[]): void;
}

export interface NotedSegment {
  /** SHA-256 over its stored bytes, before they were sealed. */
  readonly digest: Uint8Array;
  readonly dataCount: number;
  readonly keys: readonly RoutingKey[];
}

/** Notes on each document of a publish, numbered from 0 in the order in which they are made. */
export interface PublishResume {
  readonly id: string;
  /** Present until the documents were planned once: all keys are computed and noted before anything is sent. */
  readonly plan?: {
    done(uri: string): Promise<void>;
    /** Nothing is sent after it either. */
    readonly isAll?: boolean;
  };
  /** Secrets follow from this and from what is published, so that the same makes the same blocks. */
  readonly repeatKey?: Uint8Array;
  secretOf(document: number): Uint8Array | undefined;
  noteSecret(document: number, secret: Uint8Array): Promise<void>;
  segmentOf(document: number, segment: number): Promise<NotedSegment | undefined>;
  noteSegment(document: number, segment: number, noted: NotedSegment): Promise<void>;
  isAcknowledged(document: number, place: BlockPlace): boolean;
  acknowledged(document: number, place: BlockPlace): void;
}

/** Opened once for each pass. */
export type PublishSource =
  | { readonly type: 'file'; open(): AsyncIterable<Uint8Array> }
  | { readonly type: 'tree'; open(): AsyncIterable<DirectoryFile>; readonly defaultPath?: string }
  /** The document stands already: only the record of `options.as` is made. */
  | { readonly type: 'name'; readonly uri: string };

/** The client as the queue uses it. */
export interface ResumableClient extends Client {
  fetch(uri: string, options: FetchOptions, signal?: AbortSignal, resume?: FetchResume): FetchTransfer;
  resumePublish(
    source: PublishSource,
    options: PublishOptions,
    signal: AbortSignal,
    resume: PublishResume,
  ): PublishTransfer;
}
