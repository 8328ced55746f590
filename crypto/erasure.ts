/**
 * Reed-Solomon over one segment: check blocks from data blocks, and lost data blocks from any that are left.
 *
 * Shape   n = data + check blocks of one size, data first. GF(2^8) with polynomial 0x11D, systematic Vandermonde matrix: check
 *         blocks are content-addressed, so the matrix is part of the format, and a vector in the tests holds it fast.
 *         1..128 data blocks, at least 1 check block, at most 256 together (the field has no more points).
 * Errors  RangeError for counts or sizes outside that, for fewer blocks than dataCount, and before loadErasure has resolved.
 *         The callers in the client layer check what strangers send before they ask. If the WASM itself traps (no memory
 *         left), its error passes through and the instance is dropped: the next loadErasure() makes a new one.
 * Why     the package's WASM is the reference (16 MiB/s for 128 + 128 blocks of 32 KiB); heavy calls belong behind the
 *         Compute port. Its exports are called here directly, because version 1.0.2's own `reconstruct` frees the
 *         presence flags that the WASM has already freed: after some twenty calls of different shapes its heap is
 *         broken (a test plays them). Loading goes through require because the package's ES module looks for __dirname,
 *         which ES modules lack. The package reads one file, its own .wasm beside its code, once; nothing else touches a disk.
 * Source  design § 6 (Splitfile); J. S. Plank's tutorial on Reed-Solomon in RAID-like systems, with the 2003 correction.
 * @module
 */
import { createRequire } from 'node:module';

export const ERASURE_DATA_MAX = 128;
export const ERASURE_BLOCKS_MAX = 256;

/** The package's WASM, as built by wasm-bindgen. Pointers are byte offsets into `memory`. */
interface Codec {
  readonly memory: { readonly buffer: ArrayBuffer };
  __wbindgen_malloc(bytes: number): number;
  __wbindgen_free(pointer: number, bytes: number): void;
  /** Borrows the shards; writes the check shards. Zero: done. */
  encode(shards: number, bytes: number, dataCount: number, checkCount: number): number;
  /** Borrows the shards, takes the flags over (one byte per shard); writes the lost data shards. Zero: done. */
  reconstruct(
    shards: number,
    bytes: number,
    dataCount: number,
    checkCount: number,
    flags: number,
    flagCount: number,
  ): number;
}

let codec: Codec | undefined;

/** Reads and compiles the WASM, once per process or worker; afterwards the two functions below are synchronous. */
export async function loadErasure(): Promise<void> {
  if (codec !== undefined) return;
  const require = createRequire(import.meta.url);
  const name = '@digitaldefiance/reed-solomon-erasure.wasm';
  // The package's own types hide "exports" and need the browser's library to compile.
  const library = require(name) as {
    ReedSolomonErasure: { fromCurrentDirectory(): Promise<{ readonly exports: Codec }> };
  };
  codec = (await library.ReedSolomonErasure.fromCurrentDirectory()).exports;
}

/**
 * Copies the blocks into the WASM's memory (a lost one as zeros), lets `work` change them there, and copies out those at
 * `wanted`.
 */
function withBlocks(
  blocks: readonly (Uint8Array | undefined)[],
  size: number,
  wanted: readonly number[],
  work: (wasm: Codec, pointer: number, bytes: number) => number,
): Uint8Array[] {
  if (codec === undefined) throw new RangeError('erasure: loadErasure() has not resolved yet');
  const wasm = codec;
  const bytes = size * blocks.length;
  try {
    const pointer = wasm.__wbindgen_malloc(bytes);
    const before = new Uint8Array(wasm.memory.buffer, pointer, bytes);
    blocks.forEach((block, index) => {
      if (block === undefined) before.fill(0, index * size, (index + 1) * size);
      else before.set(block, index * size);
    });
    const result = work(wasm, pointer, bytes);
    // The memory may have grown meanwhile, and a grown memory has a new buffer.
    const after = new Uint8Array(wasm.memory.buffer, pointer, bytes);
    const found = wanted.map((index) => after.slice(index * size, (index + 1) * size));
    after.fill(0); // these were plaintexts
    wasm.__wbindgen_free(pointer, bytes);
    if (result !== 0) throw new RangeError(`erasure: the codec refused with code ${result}`);
    return found;
  } catch (error) {
    if (!(error instanceof RangeError)) codec = undefined;
    throw error;
  }
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

/**
 * @param data 1 to 128 blocks of equal size; not changed
 * @returns `checkCount` new arrays
 */
export function erasureEncode(data: readonly Uint8Array[], checkCount: number): Uint8Array[] {
  requireCounts(data.length, checkCount);
  const size = commonSize(data);
  const lost = Array.from({ length: checkCount }, () => undefined);
  const wanted = lost.map((_, index) => data.length + index);
  return withBlocks([...data, ...lost], size, wanted, (wasm, pointer, bytes) =>
    wasm.encode(pointer, bytes, data.length, checkCount),
  );
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
  const wanted = Array.from(data.keys()).filter((index) => data[index] === undefined);

  const restored = wanted.length === 0 ? [] : rebuild(shards, dataCount, size, wanted);
  wanted.forEach((index, order) => {
    data[index] = restored[order];
  });
  return data.filter((block) => block !== undefined);
}

function rebuild(
  shards: readonly (Uint8Array | undefined)[],
  dataCount: number,
  size: number,
  wanted: readonly number[],
): Uint8Array[] {
  const flags = Uint8Array.from(shards, (shard) => (shard === undefined ? 0 : 1));
  return withBlocks(shards, size, wanted, (wasm, pointer, bytes) => {
    const flagsPointer = wasm.__wbindgen_malloc(flags.length);
    new Uint8Array(wasm.memory.buffer).set(flags, flagsPointer);
    return wasm.reconstruct(pointer, bytes, dataCount, shards.length - dataCount, flagsPointer, flags.length);
  });
}
