/**
 * The shape of a document follows from its size alone: how many blocks, segments and manifest blocks, and where each stands.
 *
 * Shape   segments of 128 data blocks, the last one shorter; leaves of 3 segments; inner manifest blocks of 256 children; all filled
 *         from the left; the lowest level that needs only one block is the top.
 * Unit    level 0 = leaf; position counts within a level, from 0.
 * Errors  none; sizes are checked against SIZE_MAX by whoever reads them.
 * Why     what can be computed is never believed: a manifest that states any other count is refused before anything is allocated for it.
 * Source  design § 6; caps from limits.ts.
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

export function dataBlocksOf(shape: DocumentShape, segment: number): number {
  return Math.min(SEGMENT_DATA_BLOCKS_MAX, shape.dataBlocks - segment * SEGMENT_DATA_BLOCKS_MAX);
}

/** Bytes of data block `index` of `segment`: all are full but the document's last. */
export function payloadBytesOf(shape: DocumentShape, segment: number, index: number): number {
  const before = segment * SEGMENT_BYTES_MAX + index * BLOCK_PAYLOAD_MAX;
  return Math.min(BLOCK_PAYLOAD_MAX, shape.sizeBytes - before);
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
  const lastData = dataBlocksOf(shape, shape.segments - 1);
  const checks = (shape.segments - 1) * SEGMENT_DATA_BLOCKS_MAX + checkBlocksFor(lastData);
  return shape.dataBlocks + checks + shape.levels.reduce((sum, count) => sum + count, 0);
}

/** At how many locations each data and check block stands. */
export function replicasOf(shape: DocumentShape): number {
  return blocksOf(shape) <= SMALL_DOCUMENT_BLOCKS_MAX ? SMALL_DOCUMENT_REPLICAS : 1;
}
