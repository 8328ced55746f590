/**
 * zstd of one piece of a document, as the Compute port promises it.
 *
 * Shape   level 3, one frame, no dictionary.
 * Errors  decompress gives undefined for whatever is not one frame of exactly that many bytes: a stranger wrote it.
 * Why     level 3 compresses at 270 to 775 MiB/s and better than deflate. The output never exceeds the size that was declared and checked
 *         before, and the window stays within what level 3 writes: a frame cannot ask for more memory.
 * Source  RFC 8878; measured in the project's notes on libraries: a bomb of 2,067 bytes for 64 MiB is stopped by maxOutputLength.
 * @module
 */
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';

const LEVEL = 3;
const WINDOW_LOG_MAX = 21;
const MAGIC = [0x28, 0xb5, 0x2f, 0xfd] as const;

export function compress(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: LEVEL } }));
}

/** @param sizeBytes at least 1 */
export function decompress(frame: Uint8Array, sizeBytes: number): Uint8Array<ArrayBuffer> | undefined {
  if (MAGIC.some((byte, index) => frame[index] !== byte)) return undefined; // skippable frames too
  try {
    const plain = zstdDecompressSync(frame, {
      maxOutputLength: sizeBytes,
      params: { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG_MAX },
    });
    return plain.length === sizeBytes ? Uint8Array.from(plain) : undefined;
  } catch {
    return undefined; // the decoder's words would quote nothing useful
  }
}
