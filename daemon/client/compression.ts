/**
 * A document compressed before it is cut into blocks: frames, each of one piece of the plain bytes.
 *
 * Shape   pieces of 1 MiB, the last one shorter. Each becomes u32 (bit 31: stored as it is; the rest: length) and a zstd frame or
 *         the piece itself, whichever is shorter.
 * Errors  LocalError bad_manifest for frames that contradict the size in the manifest, or do not decompress to just their piece.
 * Why     in pieces, because each one's plain size follows from the document's, so nothing unpacks to more than was declared and memory
 *         holds one piece each way; and a piece that does not shrink costs 4 bytes instead of time. Worth it or not is decided
 *         by the first piece, because the first block leaves before the last byte is read.
 * Source  design § 6; PROTOCOL.md § 9.4.
 * @module
 */
import { LocalError } from '../errors.ts';
import { BLOCK_PAYLOAD_MAX, COMPRESSED_PIECE_BYTES } from '../limits.ts';
import type { Compute } from '../ports.ts';
import type { ByteSource } from './byte-source.ts';
import { CODEC, type Codec } from './uri.ts';

const LENGTH_BYTES = 4;
const STORED_FLAG = 0x8000_0000;
/** The first piece must shrink by a twentieth, or the document stays as it is. */
const WORTHWHILE = 0.95;

export interface EncodedSource {
  readonly codec: Codec;
  readonly bytes: AsyncIterable<Uint8Array>;
}

/** Reads the first piece, decides, and gives the document in the form in which it is stored. */
export async function encodeSource(compute: Compute, source: ByteSource, wanted: boolean): Promise<EncodedSource> {
  if (!wanted) return { codec: CODEC.none, bytes: source };
  const first = await source.take(COMPRESSED_PIECE_BYTES);
  if (first.length > BLOCK_PAYLOAD_MAX) {
    const frame = await compute.compress(first);
    if (frame.length <= first.length * WORTHWHILE) {
      return { codec: CODEC.zstd, bytes: source.mapped(() => nextFrame(compute, source), pack(first, frame)) };
    }
  }
  source.putBack(first);
  return { codec: CODEC.none, bytes: source };
}

async function nextFrame(compute: Compute, source: ByteSource): Promise<Uint8Array | undefined> {
  const piece = await source.take(COMPRESSED_PIECE_BYTES);
  return piece.length === 0 ? undefined : pack(piece, await compute.compress(piece));
}

function pack(piece: Uint8Array, frame: Uint8Array): Uint8Array {
  const isStored = frame.length >= piece.length;
  const content = isStored ? piece : frame;
  const out = new Uint8Array(LENGTH_BYTES + content.length);
  new DataView(out.buffer).setUint32(0, content.length + (isStored ? STORED_FLAG : 0));
  out.set(content, LENGTH_BYTES);
  return out;
}

/** The smallest and largest number of stored bytes that a compressed document of a size can have. */
export function storedBytesRange(sizeBytes: number): { readonly min: number; readonly max: number } {
  const pieces = Math.ceil(sizeBytes / COMPRESSED_PIECE_BYTES);
  return { min: pieces * (LENGTH_BYTES + 1), max: pieces * LENGTH_BYTES + sizeBytes };
}

/** Takes stored bytes as they come and gives the pieces that are complete. */
export class FrameReader {
  readonly #compute: Compute;
  readonly #sizeBytes: number;
  #chunks: Uint8Array[] = [];
  #held = 0;
  #plain: number;
  #taken = 0;

  /** @param plainBefore bytes of the document that earlier pieces gave, when this begins at a later one */
  constructor(compute: Compute, sizeBytes: number, plainBefore = 0) {
    this.#compute = compute;
    this.#sizeBytes = sizeBytes;
    this.#plain = plainBefore;
  }

  /** Stored bytes of the pieces that were given. */
  get taken(): number {
    return this.#taken;
  }

  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#held += chunk.length;
  }

  /** Whether every piece of the document was given. */
  get ended(): boolean {
    return this.#plain === this.#sizeBytes;
  }

  /** The next piece, or undefined until more is pushed. */
  async next(): Promise<Uint8Array | undefined> {
    const pieceBytes = Math.min(COMPRESSED_PIECE_BYTES, this.#sizeBytes - this.#plain);
    if (this.#held > 0 && pieceBytes === 0)
      throw new LocalError('bad_manifest', 'bytes follow the last compressed piece');
    if (this.#held < LENGTH_BYTES) return undefined;
    const head = this.#join(LENGTH_BYTES);
    const value = new DataView(head.buffer, head.byteOffset).getUint32(0);
    const isStored = value >= STORED_FLAG;
    const length = isStored ? value - STORED_FLAG : value;
    if (isStored ? length !== pieceBytes : length < 1 || length >= pieceBytes) {
      throw new LocalError('bad_manifest', 'a compressed piece has an impossible length');
    }
    if (this.#held < LENGTH_BYTES + length) return undefined;
    const content = this.#join(LENGTH_BYTES + length).subarray(LENGTH_BYTES);
    this.#drop(LENGTH_BYTES + length);
    this.#taken += LENGTH_BYTES + length;
    const piece = isStored ? content : await this.#compute.decompress(content, pieceBytes);
    if (piece === undefined) throw new LocalError('bad_manifest', 'a compressed piece does not unpack to its size');
    this.#plain += pieceBytes;
    return piece;
  }

  /** The first bytes held, in one array. */
  #join(length: number): Uint8Array {
    if (this.#chunks[0]!.length < length) {
      const parts: Uint8Array[] = [];
      let joined = 0;
      while (joined < length) {
        const part = this.#chunks.shift()!;
        parts.push(part);
        joined += part.length;
      }
      const all = new Uint8Array(joined);
      let at = 0;
      for (const part of parts) {
        all.set(part, at);
        at += part.length;
      }
      this.#chunks.unshift(all);
    }
    return this.#chunks[0]!.subarray(0, length);
  }

  #drop(length: number): void {
    const first = this.#chunks[0]!;
    this.#held -= length;
    if (first.length === length) this.#chunks.shift();
    else this.#chunks[0] = first.subarray(length);
  }
}
