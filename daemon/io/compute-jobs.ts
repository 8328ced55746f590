/**
 * What passes between worker-compute.ts and its worker.
 *
 * Shape   all blocks of a job in one array of equal pieces, with a note of which are there; the array is transferred.
 * Why     transferring the callers' own arrays would take them away from the callers; one copy of a segment (4 MiB) costs a
 *         thousandth of coding it.
 * @module
 */
export interface PackedBlocks {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly blockBytes: number;
  /** One per block: whether it is there. Absent ones take no room. */
  readonly present: readonly boolean[];
}

export interface ComputeJob {
  readonly id: number;
  readonly type: 'encode' | 'reconstruct' | 'compress' | 'decompress';
  /** Check blocks wanted, data blocks of the segment, or bytes expected; nothing for compress. */
  readonly count: number;
  readonly packed: PackedBlocks;
}

export type ComputeReply =
  | {
      readonly id: number;
      readonly type: 'done' /** No block: it could not be decompressed. */;
      readonly packed: PackedBlocks;
    }
  | { readonly id: number; readonly type: 'failed'; readonly text: string };

/** @throws RangeError for blocks of different sizes */
export function packBlocks(blocks: readonly (Uint8Array | undefined)[]): PackedBlocks {
  const there = blocks.filter((block) => block !== undefined);
  const blockBytes = there[0]?.length ?? 0;
  const bytes = new Uint8Array(blockBytes * there.length);
  there.forEach((block, index) => {
    if (block.length !== blockBytes) throw new RangeError(`blocks of ${blockBytes} and ${block.length} bytes together`);
    bytes.set(block, index * blockBytes);
  });
  return { bytes, blockBytes, present: Array.from(blocks, (block) => block !== undefined) };
}

/** Views of the packed bytes, in order. */
export function unpackBlocks(packed: PackedBlocks): (Uint8Array | undefined)[] {
  let at = 0;
  return packed.present.map((isThere) => {
    if (!isThere) return undefined;
    const block = packed.bytes.subarray(at, at + packed.blockBytes);
    at += packed.blockBytes;
    return block;
  });
}
