/**
 * Reading one document, whole or a range of it: top block, manifest tree, segments in order, and the hash of the whole at the end.
 *
 * Shape   `openDocument` fetches the top block; `read` gives groups of bytes. Two segments are fetched ahead, so three are in memory when the
 *         reader keeps up. A range asks for the manifest blocks above it and the data blocks in it, and for no others while none is missing.
 * Errors  LocalError: not_found and its kin (fetch-replicated.ts), incomplete, verify_failed, bad_manifest.
 * Why     every block is checked when it arrives, so what is handed over is what the publisher sealed; the whole-file hash also catches a
 *         manifest that contradicts itself, and the end is kept back until it held. A compressed document is unpacked from its
 *         beginning whatever is wanted of it, because nothing says where its pieces lie.
 * Source  design §§ 6, 10.
 * @module
 */
import { LocalError } from '../errors.ts';
import type { RoutingKey } from '../ids.ts';
import { BLOCK_PAYLOAD_MAX, MANIFEST_INNER_CHILDREN_MAX, MANIFEST_LEAF_SEGMENTS_MAX, REPLICAS } from '../limits.ts';
import type { Compute } from '../ports.ts';
import { BEGINNING, createAssembly } from './assembly.ts';
import { BLOCK_TYPE } from './client-chk.ts';
import {
  type DocumentShape,
  dataBlocksOf,
  INNER_MANIFEST_REPLICAS,
  segmentAt,
  segmentStart,
} from './document-shape.ts';
import {
  decodeInner,
  decodeTop,
  type ManifestNode,
  type ManifestTop,
  manifestPlace,
  type SegmentKeys,
} from './manifest.ts';
import type { FetchMark, FetchResume } from './resume-types.ts';
import { fetchSegment, type SegmentContext, type WantedBlocks } from './splitfile/fetch.ts';
import { fetchReplicated } from './splitfile/fetch-replicated.ts';
import type { FetchContext } from './splitfile/gather.ts';
import { scopeWithin } from './timing.ts';
import { CODEC, type Codec, URI_KEY_TYPE } from './uri.ts';

export interface DocumentKey {
  readonly routingKey: RoutingKey;
  readonly cryptoKey: Uint8Array;
  readonly keyType: 0 | 1;
  readonly codec: Codec;
}

export interface Reading {
  readonly compute: Compute;
  readonly context: Omit<FetchContext, 'codec'>;
  /** What is being done now. */
  onStage(stage: 'reading metadata' | 'fetching' | 'decoding' | 'checking'): void;
  /** A data block came in that stands for so many bytes of the document. */
  onData(bytes: number): void;
}

export interface OpenDocument {
  readonly sizeBytes: number;
  /** Undefined for a document that is one block. */
  readonly top: ManifestTop | undefined;
  /** Blocks that `read` will ask for if none is missing; the top block is not one of them. */
  blocksFor(from: number, to: number): number;
  /**
   * @param to exclusive, at most the size
   * @param resume where an earlier run of the same call ended, counted from `from`
   */
  read(from: number, to: number, resume?: ReadResume): AsyncGenerator<readonly Uint8Array[]>;
}

export type ReadResume = Pick<FetchResume, 'start' | 'before' | 'reached'>;

interface FetchedSegment {
  readonly segment: number;
  readonly keys: readonly RoutingKey[];
  /** Stored bytes, one array per data block. */
  readonly blocks: readonly Uint8Array[];
}

/** Segments being fetched at once; a third one is with the reader. */
const SEGMENTS_AHEAD = 2;

export async function openDocument(reading: Reading, key: DocumentKey): Promise<OpenDocument> {
  const context: FetchContext = { ...reading.context, codec: key.codec };
  const isData = key.keyType === URI_KEY_TYPE.data;
  const place = isData ? { type: BLOCK_TYPE.data, segment: 0, index: 0 } : manifestPlace(0, 0, true);
  const block = await fetchReplicated(context, key.cryptoKey, key.routingKey, place, REPLICAS);
  const payload = block.padded.subarray(0, block.payloadBytes);
  if (!isData) {
    reading.onStage('reading metadata');
    return new ManifestDocument(reading, context, key.cryptoKey, decodeTop(payload, key.codec));
  }
  return {
    sizeBytes: payload.length,
    top: undefined,
    blocksFor: () => 0,
    async *read(from, to, resume) {
      reading.onData(to - from);
      yield [payload.subarray(from + (resume?.start.contentBytes ?? 0), to)];
    },
  };
}

class ManifestDocument implements OpenDocument {
  readonly top: ManifestTop;
  readonly #reading: Reading;
  readonly #context: FetchContext;
  readonly #secret: Uint8Array;
  readonly #node: ManifestNode;
  readonly #shape: DocumentShape;

  constructor(
    reading: Reading,
    context: FetchContext,
    secret: Uint8Array,
    { node, top, shape }: { node: ManifestNode; top: ManifestTop; shape: DocumentShape },
  ) {
    this.#reading = reading;
    this.#context = context;
    this.#secret = secret;
    this.#node = node;
    this.#shape = shape;
    this.top = top;
  }

  get sizeBytes(): number {
    return this.top.sizeBytes;
  }

  blocksFor(from: number, to: number): number {
    const { first, end } = this.#segmentsOf(from, to);
    if (first >= end) return 0;
    // Computed, not counted: a manifest may claim fifty million segments.
    let blocks = this.#isTakenWhole
      ? this.#shape.dataBlocks
      : Math.ceil(to / BLOCK_PAYLOAD_MAX) - Math.floor(from / BLOCK_PAYLOAD_MAX);
    this.#shape.levels.slice(0, -1).forEach((_, level) => {
      const span = segmentsBelow(level);
      blocks += Math.ceil(end / span) - Math.floor(first / span);
    });
    return blocks;
  }

  async *read(from: number, to: number, resume?: ReadResume): AsyncGenerator<readonly Uint8Array[]> {
    const scope = scopeWithin(this.#context.signal);
    const startAt = from + (resume?.start.contentBytes ?? 0);
    try {
      if (from === 0 && to === this.sizeBytes) yield* this.#readWhole(scope.signal, resume);
      else if (this.top.codec === CODEC.none) yield* this.#readRange(from, startAt, to, scope.signal, resume);
      else yield* cut(this.#readWhole(scope.signal), startAt, to);
    } finally {
      scope.abort(new LocalError('cancelled')); // segments that were fetched ahead end with the one that failed, or with the range
    }
  }

  async *#readWhole(signal: AbortSignal, resume?: ReadResume): AsyncGenerator<readonly Uint8Array[]> {
    const start = resume?.start ?? BEGINNING;
    const assembly = createAssembly(this.#reading.compute, this.top, this.#context.crypto, start);
    if (resume !== undefined && start.contentBytes > 0) {
      for await (const bytes of resume.before()) assembly.addBefore(bytes);
      if (start.contentBytes === this.sizeBytes) {
        assembly.requireHash(); // only the end of the earlier run was missing
        return;
      }
    }
    const first = Math.min(segmentAt(this.#shape, start.storedBytes), this.#shape.segments - 1);
    let skip = start.storedBytes - segmentStart(this.#shape, first);
    const passing = new Passing(resume);
    for await (const { segment, keys, blocks } of this.#segments({ first, end: this.#shape.segments }, signal)) {
      const last = segment === this.#shape.segments - 1;
      passing.add(segmentStart(this.#shape, segment + 1), keys);
      this.#reading.onStage(last ? 'checking' : 'fetching');
      for await (const { chunks, mark } of assembly.take(skip === 0 ? blocks : withoutFirst(blocks, skip), last)) {
        passing.reached(mark);
        yield chunks;
      }
      skip = 0;
    }
  }

  /** @param startAt where to begin of [from, to) */
  async *#readRange(
    from: number,
    startAt: number,
    to: number,
    signal: AbortSignal,
    resume: ReadResume | undefined,
  ): AsyncGenerator<readonly Uint8Array[]> {
    const firstBlockAt = Math.floor(startAt / BLOCK_PAYLOAD_MAX) * BLOCK_PAYLOAD_MAX;
    const passing = new Passing(resume);
    const segments = this.#segments(this.#segmentsOf(startAt, to), signal, startAt, to);
    const onSegment = ({ segment, keys }: FetchedSegment): void => {
      const storedBytes = Math.min(to, segmentStart(this.#shape, segment + 1));
      passing.add(storedBytes, keys);
      passing.reached({ contentBytes: storedBytes - from, storedBytes });
    };
    yield* cut(blocksOfEach(segments, onSegment), startAt - firstBlockAt, to - firstBlockAt);
  }

  /** The stored blocks of these segments in order; with `from` and `to` only the data blocks that hold such bytes. */
  async *#segments(
    range: SegmentRange,
    signal: AbortSignal,
    from = 0,
    to: number = this.#shape.sizeBytes,
  ): AsyncGenerator<FetchedSegment> {
    const { sizeBytes, storedBytes } = this.top;
    // Of a compressed document each block stands for more bytes than it holds, as far as one can tell beforehand.
    const blockBytes = Math.floor(BLOCK_PAYLOAD_MAX * (sizeBytes / Math.max(1, storedBytes)));
    this.#reading.onStage('fetching');
    this.#context.map?.begin(this.#shape.segments);
    const context: SegmentContext = {
      ...this.#context,
      signal,
      compute: this.#reading.compute,
      secret: this.#secret,
      shape: this.#shape,
      onBlock: () => this.#reading.onData(blockBytes),
      onDecode: () => this.#reading.onStage('decoding'),
    };
    const fetchOne = async (segment: number, keys: SegmentKeys): Promise<FetchedSegment> => {
      const blocks = await fetchSegment(context, segment, keys, this.#wantedOf(segment, from, to));
      return { segment, keys: keys.keys, blocks };
    };
    const ahead: Promise<FetchedSegment>[] = [];
    for await (const leaf of oneAhead(this.#leaves(this.#node, this.#shape.levels.length - 1, 0, range))) {
      for (const { segment, keys } of leaf) {
        if (ahead.length === SEGMENTS_AHEAD) yield await ahead.shift()!;
        await context.healer?.room();
        const fetching = fetchOne(segment, keys);
        fetching.catch(() => {}); // looked at when its turn comes
        ahead.push(fetching);
      }
    }
    for (let next = ahead.shift(); next !== undefined; next = ahead.shift()) yield await next;
  }

  /** Whatever is wanted of it. */
  get #isTakenWhole(): boolean {
    return this.top.codec !== CODEC.none || this.sizeBytes === 0;
  }

  /** An empty document has one segment, of one empty block. */
  #segmentsOf(from: number, to: number): SegmentRange {
    if (this.#isTakenWhole) return { first: 0, end: this.#shape.segments };
    if (from >= to) return { first: 0, end: 0 };
    return { first: segmentAt(this.#shape, from), end: segmentAt(this.#shape, to - 1) + 1 };
  }

  #wantedOf(segment: number, from: number, to: number): WantedBlocks {
    const all = { from: 0, to: dataBlocksOf(this.#shape, segment) };
    if (this.#isTakenWhole) return all;
    const start = segmentStart(this.#shape, segment);
    return {
      from: Math.max(all.from, Math.floor((from - start) / BLOCK_PAYLOAD_MAX)),
      to: Math.min(all.to, Math.ceil((to - start) / BLOCK_PAYLOAD_MAX)),
    };
  }

  /** The segments of `range` in each leaf below `node`, from left to right. */
  async *#leaves(
    node: ManifestNode,
    level: number,
    position: number,
    range: SegmentRange,
  ): AsyncGenerator<readonly { readonly segment: number; readonly keys: SegmentKeys }[]> {
    if (level === 0) {
      yield node.segments
        .map((keys, i) => ({ segment: position * MANIFEST_LEAF_SEGMENTS_MAX + i, keys }))
        .filter(({ segment }) => segment >= range.first && segment < range.end);
      return;
    }
    const span = segmentsBelow(level - 1);
    for (const [i, key] of node.children.entries()) {
      const child = position * MANIFEST_INNER_CHILDREN_MAX + i;
      if (child * span >= range.end || (child + 1) * span <= range.first) continue;
      yield* this.#leaves(await this.#fetchInner(key, level - 1, child), level - 1, child, range);
    }
  }

  async #fetchInner(key: RoutingKey, level: number, position: number): Promise<ManifestNode> {
    const place = manifestPlace(level, position, false);
    try {
      const block = await fetchReplicated(this.#context, this.#secret, key, place, INNER_MANIFEST_REPLICAS);
      return decodeInner(block.padded.subarray(0, block.payloadBytes), this.#shape, level, position);
    } catch (error) {
      // The document is there, a part of its manifest is not: to the reader that is an incomplete document.
      if (!(error instanceof LocalError) || (error.code !== 'not_found' && error.code !== 'recently_failed'))
        throw error;
      throw new LocalError('incomplete', `a part of the manifest was not found; ${error.detail}`, { cause: error });
    }
  }
}

/** Segments `first` up to, and without, `end`. */
interface SegmentRange {
  readonly first: number;
  readonly end: number;
}

/** Tells of each mark, and of the blocks that lie wholly before it. */
class Passing {
  readonly #resume: ReadResume | undefined;
  readonly #segments: { readonly endBytes: number; readonly keys: readonly RoutingKey[] }[] = [];

  constructor(resume: ReadResume | undefined) {
    this.#resume = resume;
  }

  /** @param endBytes where the segment ends in the stored form */
  add(endBytes: number, keys: readonly RoutingKey[]): void {
    if (this.#resume !== undefined) this.#segments.push({ endBytes, keys });
  }

  reached(mark: FetchMark): void {
    const passed: RoutingKey[] = [];
    while (this.#segments[0] !== undefined && this.#segments[0].endBytes <= mark.storedBytes) {
      passed.push(...this.#segments.shift()!.keys);
    }
    this.#resume?.reached(mark, passed);
  }
}

async function* blocksOfEach(
  segments: AsyncGenerator<FetchedSegment>,
  onSegment: (segment: FetchedSegment) => void,
): AsyncGenerator<readonly Uint8Array[]> {
  for await (const segment of segments) {
    onSegment(segment);
    yield segment.blocks;
  }
}

function withoutFirst(blocks: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let left = bytes;
  return blocks.map((block) => {
    const skipped = Math.min(left, block.length);
    left -= skipped;
    return block.subarray(skipped);
  });
}

/** How many segments a full manifest block of this level covers. */
function segmentsBelow(level: number): number {
  return MANIFEST_LEAF_SEGMENTS_MAX * MANIFEST_INNER_CHILDREN_MAX ** level;
}

/** Bytes [from, to) of a stream; what follows is not asked for. */
async function* cut(
  groups: AsyncGenerator<readonly Uint8Array[]>,
  from: number,
  to: number,
): AsyncGenerator<readonly Uint8Array[]> {
  let at = 0;
  if (from >= to) return;
  for await (const chunks of groups) {
    const kept: Uint8Array[] = [];
    for (const chunk of chunks) {
      kept.push(chunk.subarray(Math.max(0, Math.min(chunk.length, from - at)), Math.max(0, to - at)));
      at += chunk.length;
    }
    yield kept;
    if (at >= to) return;
  }
}

/** The same values, with the next one already asked for while the current one is used. */
async function* oneAhead<T>(values: AsyncGenerator<T>): AsyncGenerator<T> {
  let next = values.next();
  for (;;) {
    const { done, value } = await next;
    if (done === true) return;
    next = values.next();
    next.catch(() => {}); // looked at in the next turn, or never when the reader stops
    yield value;
  }
}
