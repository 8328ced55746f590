/**
 * Reed-Solomon over one segment: check blocks from data blocks, and lost data blocks from any that are left.
 *
 * Shape   n = data + check blocks of one size, data first. GF(2^8) with polynomial 0x11D, systematic Vandermonde matrix: check
 *         blocks are content-addressed, so the matrix is part of the format, and a vector in the tests holds it fast.
 *         1..128 data blocks, at least 1 check block, at most 256 together (the field has no more points).
 * Errors  RangeError for counts or sizes outside that, for fewer blocks than dataCount, and before loadErasure has resolved.
 *         The callers in the client layer check what strangers send before they ask.
 * Why     the package's WASM is the reference (16 MiB/s for 128 + 128 blocks of 32 KiB); heavy calls belong behind the
 *         Compute port. Loading goes through require because the package's ES module looks for __dirname, which ES modules
 *         lack. The package reads one file, its own .wasm beside its code, once; nothing else touches a disk.
 * Source  design § 6 (Splitfile); J. S. Plank's tutorial on Reed-Solomon in RAID-like systems, with the 2003 correction.
 * @module
 */
import { createRequire } from 'node:module';
import type { ReedSolomonErasure } from '@digitaldefiance/reed-solomon-erasure.wasm';

export const ERASURE_DATA_MAX = 128;
export const ERASURE_BLOCKS_MAX = 256;

let codec: ReedSolomonErasure | undefined;

/** Reads and compiles the WASM, once per process or worker; afterwards the two functions below are synchronous. */
export async function loadErasure(): Promise<void> {
  if (codec !== undefined) return;
  const require = createRequire(import.meta.url);
  const name = '@digitaldefiance/reed-solomon-erasure.wasm';
  const library = require(name) as typeof import('@digitaldefiance/reed-solomon-erasure.wasm');
  codec = await library.ReedSolomonErasure.fromCurrentDirectory();
}

function loaded(): ReedSolomonErasure {
  if (codec === undefined) throw new RangeError('erasure: loadErasure() has not resolved yet');
  return codec;
}

function requireCounts(dataCount: number, checkCount: number): void {
  if (!Number.isInteger(dataCount) || dataCount < 1 || dataCount > ERASURE_DATA_MAX) {
    throw new RangeError(`erasure: ${dataCount} data blocks, 1 to ${ERASURE_DATA_MAX} possible`);
  }
  const most = ERASURE_BLOCKS_MAX - dataCount;
  if (!Number.isInteger(checkCount) || checkCount < 1 || checkCount > most) {
    throw new RangeError(`erasure: ${checkCount} check blocks for ${dataCount} data blocks, 1 to ${most} possible`);
  }
}

/** The size all present blocks share. */
function commonSize(blocks: readonly (Uint8Array | undefined)[]): number {
  let size: number | undefined;
  for (const block of blocks) {
    if (block === undefined) continue;
    size ??= block.length;
    if (block.length !== size) throw new RangeError(`erasure: blocks of ${size} and ${block.length} bytes together`);
  }
  if (size === undefined || size === 0) throw new RangeError('erasure: no block, or an empty one');
  return size;
}

function requireOk(result: number): void {
  if (result !== 0) throw new RangeError(`erasure: the codec refused with code ${result}`);
}

/**
 * @param data 1 to 128 blocks of equal size; not changed
 * @returns `checkCount` new arrays
 */
export function erasureEncode(data: readonly Uint8Array[], checkCount: number): Uint8Array[] {
  requireCounts(data.length, checkCount);
  const size = commonSize(data);
  const all = new Uint8Array(size * (data.length + checkCount));
  data.forEach((block, index) => {
    all.set(block, index * size);
  });
  requireOk(loaded().encode(all, data.length, checkCount));
  return Array.from({ length: checkCount }, (_, index) => {
    const start = (data.length + index) * size;
    return all.slice(start, start + size);
  });
}

/**
 * @param shards data blocks, then all check blocks of the segment; undefined where one is lost
 * @returns the data blocks in order: those present as they were given, the others new
 */
export function erasureReconstruct(shards: readonly (Uint8Array | undefined)[], dataCount: number): Uint8Array[] {
  requireCounts(dataCount, shards.length - dataCount);
  const present = shards.filter((shard) => shard !== undefined).length;
  if (present < dataCount) throw new RangeError(`erasure: ${present} blocks present, ${dataCount} needed`);
  const size = commonSize(shards);
  const data = shards.slice(0, dataCount);
  if (data.every((block) => block !== undefined)) return data;

  const all = new Uint8Array(size * shards.length);
  shards.forEach((shard, index) => {
    if (shard !== undefined) all.set(shard, index * size);
  });
  const available = Array.from(shards, (shard) => shard !== undefined);
  requireOk(loaded().reconstruct(all, dataCount, shards.length - dataCount, available));
  return data.map((block, index) => block ?? all.slice(index * size, (index + 1) * size));
}
