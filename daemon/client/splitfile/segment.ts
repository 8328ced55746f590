/**
 * A segment on its way out: the source cut into payloads, and their check blocks.
 *
 * Shape   k <= 128 data payloads of 32,736 bytes (the last zero padded), then max(3, k) check payloads; k as document-shape.ts says.
 * Why     the code works on padded plaintext and each result is sealed on its own, so a restored block is as good as a fetched one.
 *         One segment is read ahead of what is asked, because the last two share their blocks when the last would be short.
 * Source  design § 6; the matrix is crypto/erasure.ts.
 * @module
 */
import type { Sha256Stream } from '../../../crypto/sha256-stream.ts';
import { LocalError } from '../../errors.ts';
import { BLOCK_PAYLOAD_MAX, SEGMENT_DATA_BLOCKS_MAX } from '../../limits.ts';
import { lastTwo } from '../document-shape.ts';
import { abortable } from '../timing.ts';

export interface SourceSegment {
  /** 32,736 bytes each, zero padded. */
  readonly payloads: readonly Uint8Array[];
  readonly sizeBytes: number;
  /** Nothing follows. */
  readonly last: boolean;
}

/** Cuts a byte stream into segments. */
export class SegmentReader {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #signal: AbortSignal;
  #rest: Uint8Array = new Uint8Array(0);
  #sizeBytes = 0;
  #ahead: SourceSegment | undefined;

  constructor(source: AsyncIterable<Uint8Array>, signal: AbortSignal) {
    this.#source = source[Symbol.asyncIterator]();
    this.#signal = signal;
  }

  /** Bytes read so far; all of them after the last segment. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** At least one data block, even of an empty source. Not to be called after the last segment. */
  async next(): Promise<SourceSegment> {
    const segment = this.#ahead ?? (await this.#cut());
    this.#ahead = undefined;
    if (segment.last) return segment;
    const last = await this.#cut();
    const [before] = lastTwo(last.payloads.length);
    this.#ahead = last;
    if (!last.last || before === segment.payloads.length) return segment;
    const payloads = [...segment.payloads, ...last.payloads];
    const sizeBytes = before * BLOCK_PAYLOAD_MAX;
    const rest = segment.sizeBytes + last.sizeBytes - sizeBytes;
    this.#ahead = { payloads: payloads.slice(before), sizeBytes: rest, last: true };
    return { payloads: payloads.slice(0, before), sizeBytes, last: false };
  }

  /** Full, unless nothing follows it. */
  async #cut(): Promise<SourceSegment> {
    const payloads: Uint8Array[] = [];
    let sizeBytes = 0;
    let block: Uint8Array | undefined;
    let filled = 0;
    while (await this.#more()) {
      if (block === undefined || filled === BLOCK_PAYLOAD_MAX) {
        if (payloads.length === SEGMENT_DATA_BLOCKS_MAX) return { payloads, sizeBytes, last: false };
        block = new Uint8Array(BLOCK_PAYLOAD_MAX);
        payloads.push(block);
        filled = 0;
      }
      const part = this.#rest.subarray(0, BLOCK_PAYLOAD_MAX - filled);
      block.set(part, filled);
      filled += part.length;
      sizeBytes += part.length;
      this.#rest = this.#rest.subarray(part.length);
    }
    if (payloads.length === 0) payloads.push(new Uint8Array(BLOCK_PAYLOAD_MAX));
    return { payloads, sizeBytes, last: true };
  }

  async #more(): Promise<boolean> {
    while (this.#rest.length === 0) {
      this.#signal.throwIfAborted();
      const { done, value } = await this.#source.next();
      if (done === true) return false;
      this.#sizeBytes += value.length;
      this.#rest = value;
    }
    return true;
  }
}

/** Reads a whole source into memory, refusing what is larger than `bytesMax`. */
export async function readWhole(
  source: AsyncIterable<Uint8Array>,
  bytesMax: number,
  hash: Sha256Stream,
  signal: AbortSignal,
): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  const iterator = source[Symbol.asyncIterator]();
  try {
    for (;;) {
      const { done, value } = await abortable(iterator.next(), signal);
      if (done === true) return chunks;
      sizeBytes += value.length;
      if (sizeBytes > bytesMax) {
        throw new LocalError('too_large', `a convergent document is held in memory and may have ${bytesMax} bytes`);
      }
      hash.update(value);
      chunks.push(value.slice()); // the source may use its buffer again
    }
  } catch (error) {
    iterator.return?.()?.catch(() => {});
    if (error instanceof LocalError || signal.aborted) throw error;
    throw new LocalError('cancelled', 'the input could not be read to its end', { cause: error });
  }
}
