/**
 * Reed-Solomon over one segment: check blocks from data blocks, and lost data blocks from any that are left.
 *
 * Shape   n = data + check blocks of one size, data first. GF(2^8) with polynomial 0x11D, systematic Vandermonde matrix: check
 *         blocks are content-addressed, so the matrix is part of the format, and a vector in the tests holds it fast.
 *         1..128 data blocks, at least 1 check block, at most 256 together (the field has no more points).
 * Errors  RangeError for counts or sizes outside that, and for fewer blocks than dataCount. The callers in the client layer check
 *         what strangers send before they ask.
 * Why     by WebAssembly SIMD where there is any (190 MiB/s for 128 + 128 blocks of 32 KiB), else by tables (about 5 MiB/s): the bytes
 *         are the same, and the tests hold both against the package that was here before. Heavy calls belong behind the Compute port.
 * Source  design § 6 (Splitfile); the matrices are erasure-field.ts, the speed is erasure-kernel.ts; decisions/0006.
 * @module
 */
import { addMultiple, interpolationRows } from './erasure-field.ts';
import { createKernel, type Kernel } from './erasure-kernel.ts';

export const ERASURE_DATA_MAX = 128;
export const ERASURE_BLOCKS_MAX = 256;

/** Without WebAssembly: one table look-up a byte. */
export const tableKernel: Kernel = {
  combine(rows, inputs, outputs) {
    outputs.forEach((output, r) => {
      output.fill(0);
      inputs.forEach((input, column) => {
        addMultiple(output, input, rows[r]![column]!);
      });
    });
  },
};

let chosen: Kernel | undefined;

/** Made at the first use, because most processes (the CLI, the dashboard) never code anything. */
function kernelOfThisProcess(): Kernel {
  chosen ??= createKernel() ?? tableKernel;
  return chosen;
}

/** Makes the kernel now instead of at the first call: a few milliseconds, for who measures or must not be interrupted. */
export async function loadErasure(): Promise<void> {
  kernelOfThisProcess();
}

function combine(kernel: Kernel, rows: readonly Uint8Array[], inputs: readonly Uint8Array[]): Uint8Array[] {
  const outputs = rows.map(() => new Uint8Array(inputs[0]!.length));
  kernel.combine(rows, inputs, outputs);
  return outputs;
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
export function erasureEncode(
  data: readonly Uint8Array[],
  checkCount: number,
  kernel: Kernel = kernelOfThisProcess(),
): Uint8Array[] {
  requireCounts(data.length, checkCount);
  commonSize(data);
  const checks = Array.from({ length: checkCount }, (_, index) => data.length + index);
  return combine(kernel, interpolationRows(Array.from(data.keys()), checks), data);
}

/**
 * @param shards data blocks, then all check blocks of the segment; undefined where one is lost
 * @returns the data blocks in order: those present as they were given, the others new
 */
export function erasureReconstruct(
  shards: readonly (Uint8Array | undefined)[],
  dataCount: number,
  kernel: Kernel = kernelOfThisProcess(),
): Uint8Array[] {
  requireCounts(dataCount, shards.length - dataCount);
  const indices = Array.from(shards.keys());
  const present = indices.filter((index) => shards[index] !== undefined);
  if (present.length < dataCount)
    throw new RangeError(`erasure: ${present.length} blocks present, ${dataCount} needed`);
  commonSize(shards);
  const lost = indices.slice(0, dataCount).filter((index) => shards[index] === undefined);
  // All data blocks that are there, then the first check blocks: any dataCount would do, but equal input shall give equal output.
  const used = present.slice(0, dataCount);
  const data = shards.slice(0, dataCount);
  if (lost.length > 0) {
    const inputs = used.map((index) => shards[index]!);
    combine(kernel, interpolationRows(used, lost), inputs).forEach((block, order) => {
      data[lost[order]!] = block;
    });
  }
  return data.filter((block) => block !== undefined);
}
