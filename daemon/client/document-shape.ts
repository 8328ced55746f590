/**
 * The shape of a document follows from its size alone: how many blocks, segments and manifest blocks, and where each stands.
 *
 * Shape   segments of 128 data blocks; a rest of at least 64 is a segment of its own, a shorter one is shared evenly by the last two.
 *         Leaves of 3 segments; inner manifest blocks of 256 children; all filled from the left; the lowest level that needs only one block
 *         is the top.
 * Unit    level 0 = leaf; position counts within a level, from 0.
 * Errors  none; sizes are checked against SIZE_MAX by whoever reads them.
 * Why     what can be computed is never believed: a manifest that states any other count is refused before anything is allocated for it.
 *         A short last segment would be the weakest of a long document: of 4 + 4 blocks one in ten draws of 35 % leaves fewer than 4.
 * Source  design § 6; decisions/0014-no-short-last-segment.md; caps from limits.ts.
 * @module
 */
import {
  BLOCK_PAYLOAD_MAX,
  MANIFEST_DEPTH_MAX,
  MANIFEST_INNER_CHILDREN_MAX,
  MANIFEST_LEAF_SEGMENTS_MAX,
  SEGMENT_CHECK_BLOCKS_MIN,
  SEGMENT_DATA_BLOCKS_MAX,
} from '../limits.ts';

export const SEGMENT_BYTES_MAX = SEGMENT_DATA_BLOCKS_MAX * BLOCK_PAYLOAD_MAX;
/** A last segment of fewer data blocks shares with the one before it, if there is one. */
const LAST_SEGMENT_BLOCKS_MIN = SEGMENT_DATA_BLOCKS_MAX / 2;
/** What a manifest of full depth can hold: about 191 TiB. */
export const SIZE_MAX =
  SEGMENT_BYTES_MAX * MANIFEST_LEAF_SEGMENTS_MAX * MANIFEST_INNER_CHILDREN_MAX ** (MANIFEST_DEPTH_MAX - 1);

/** A document of at most so many blocks, all counted, has each of them at four locations (design § 6). */
const SMALL_DOCUMENT_BLOCKS_MAX = 16;
const SMALL_DOCUMENT_REPLICAS = 4;
/**
 * Manifest blocks below the top have no check blocks: one lost leaf loses three segments, so they too stand at four locations. On a net
 * of ten with two owners a block, three dead nodes would otherwise take every fifteenth leaf with them.
 */
export const INNER_MANIFEST_REPLICAS = 4;

export interface DocumentShape {
  readonly sizeBytes: number;
  readonly dataBlocks: number;
  readonly segments: number;
  /** Manifest blocks per level, leaves first; the last entry is 1. */
  readonly levels: readonly number[];
}

export function shapeOf(sizeBytes: number): DocumentShape {
  const dataBlocks = Math.max(1, Math.ceil(sizeBytes / BLOCK_PAYLOAD_MAX));
  const segments = Math.ceil(dataBlocks / SEGMENT_DATA_BLOCKS_MAX);
  const levels = [Math.ceil(segments / MANIFEST_LEAF_SEGMENTS_MAX)];
  while (levels.at(-1)! > 1) levels.push(Math.ceil(levels.at(-1)! / MANIFEST_INNER_CHILDREN_MAX));
  return { sizeBytes, dataBlocks, segments, levels };
}

export function checkBlocksFor(dataBlocks: number): number {
  return Math.max(SEGMENT_CHECK_BLOCKS_MIN, dataBlocks);
}

/** Data blocks of a last segment that follows a full one, and of that one, when only `rest` blocks are left for it. */
export function lastTwo(rest: number): readonly [before: number, last: number] {
  if (rest >= LAST_SEGMENT_BLOCKS_MIN) return [SEGMENT_DATA_BLOCKS_MAX, rest];
  const both = SEGMENT_DATA_BLOCKS_MAX + rest;
  return [Math.ceil(both / 2), Math.floor(both / 2)];
}

export function dataBlocksOf(shape: DocumentShape, segment: number): number {
  return firstBlockOf(shape, segment + 1) - firstBlockOf(shape, segment);
}

/** Where in the stored form a segment begins; of the one after the last, where the last ends. */
export function segmentStart(shape: DocumentShape, segment: number): number {
  return Math.min(shape.sizeBytes, firstBlockOf(shape, segment) * BLOCK_PAYLOAD_MAX);
}

/** The segment that holds the stored byte at `offset`; after the last byte, the number of segments. */
export function segmentAt(shape: DocumentShape, offset: number): number {
  if (offset >= shape.sizeBytes) return shape.segments;
  const segment = Math.min(shape.segments - 1, Math.floor(offset / SEGMENT_BYTES_MAX));
  return offset >= segmentStart(shape, segment + 1) ? segment + 1 : segment;
}

/** Bytes of data block `index` of `segment`: all are full but the document's last. */
export function payloadBytesOf(shape: DocumentShape, segment: number, index: number): number {
  const before = (firstBlockOf(shape, segment) + index) * BLOCK_PAYLOAD_MAX;
  return Math.min(BLOCK_PAYLOAD_MAX, shape.sizeBytes - before);
}

/** Data blocks of the document before this segment. */
function firstBlockOf({ dataBlocks, segments }: DocumentShape, segment: number): number {
  if (segment >= segments) return dataBlocks;
  const regular = segment * SEGMENT_DATA_BLOCKS_MAX;
  if (segment === 0 || segment < segments - 1) return regular;
  const [before] = lastTwo(dataBlocks - regular);
  return regular - SEGMENT_DATA_BLOCKS_MAX + before;
}

/** Segments of a leaf, or children of an inner manifest block. */
export function entriesOf(shape: DocumentShape, level: number, position: number): number {
  const [below, perBlock] =
    level === 0
      ? [shape.segments, MANIFEST_LEAF_SEGMENTS_MAX]
      : [shape.levels[level - 1]!, MANIFEST_INNER_CHILDREN_MAX];
  return Math.min(perBlock, below - position * perBlock);
}

/** Every block, check and manifest blocks too. */
export function blocksOf(shape: DocumentShape): number {
  // Where there are several segments, each has more data blocks than any needs check blocks at least.
  return shape.dataBlocks + checkBlocksFor(shape.dataBlocks) + shape.levels.reduce((sum, count) => sum + count, 0);
}

/** At how many locations each data and check block stands. */
export function replicasOf(shape: DocumentShape): number {
  return blocksOf(shape) <= SMALL_DOCUMENT_BLOCKS_MAX ? SMALL_DOCUMENT_REPLICAS : 1;
}
