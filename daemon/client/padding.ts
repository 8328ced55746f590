/**
 * Sizes of documents of class strong, rounded up to classes: how many inserts, and the decoys that fill them.
 *
 * Shape   classes 8, 10, 13, 17, 22, ... each the one before times 1.25, rounded up. A decoy is a sealed block of zeros at a place that no document
 *         has: type check, segments from 2^32 - 1 downwards, 65,536 indexes each.
 * Unit    inserts: blocks times the locations at which each stands. A decoy stands at one.
 * Why     the number of blocks names a document among known ones (14.9 bits of 30,000; 5.6 with these classes, at 12 % more bytes on average). A decoy
 *         is a block like any other to everybody without the document's secret: it is stored, served and fetched like one, and whoever
 *         reads the document can compute its key without a word in the manifest. Hidden from exits and nodes behind them; the line to the guard is the
 *         fixed pattern's business. Not hidden from whoever holds the manifest, and not for readers: what they ask for is not padded.
 * Source  anonymity § 3 A13, § 7 rule 13; design § 10.
 * @module
 */
import type { Crypto } from '../../crypto/provider.ts';
import { BLOCK_TYPE, type BlockPlace, type SealedBlock, sealBlock } from './client-chk.ts';
import { blocksOf, type DocumentShape, INNER_MANIFEST_REPLICAS, replicasOf } from './document-shape.ts';

const CLASS_FIRST = 8;
const CLASS_RATIO = 1.25;
const DECOYS_PER_SEGMENT = 65_536;
const NOTHING = new Uint8Array(0);

/** The smallest class that holds so many inserts. */
export function sizeClassOf(inserts: number): number {
  let size = CLASS_FIRST;
  while (size < inserts) size = Math.ceil(size * CLASS_RATIO);
  return size;
}

/** Inserts of a document with a manifest: segments, inner manifest blocks, and the top at `topReplicas` locations. */
export function insertsOf(shape: DocumentShape, topReplicas: number): number {
  const manifestBlocks = shape.levels.reduce((sum, count) => sum + count, 0);
  const segmentBlocks = blocksOf(shape) - manifestBlocks;
  return segmentBlocks * replicasOf(shape) + (manifestBlocks - 1) * INNER_MANIFEST_REPLICAS + topReplicas;
}

/** @param index 0 .. sizeClassOf(inserts) - inserts - 1 */
export function decoyPlace(index: number): BlockPlace {
  const segment = 0xffff_ffff - Math.floor(index / DECOYS_PER_SEGMENT);
  return { type: BLOCK_TYPE.check, segment, index: index % DECOYS_PER_SEGMENT };
}

export function sealDecoy(crypto: Crypto, secret: Uint8Array, index: number): SealedBlock {
  return sealBlock(crypto, secret, decoyPlace(index), NOTHING);
}
