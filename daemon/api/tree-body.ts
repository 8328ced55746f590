/**
 * The body of POST /v1/publish-tree as files: what schema.ts says about it, read while it arrives.
 *
 * Errors  LocalError usage for a path that cannot be, cancelled for a body that ends within a file.
 * Why     not tar: two header fields are all that a directory of ours has, and there is nothing in them to refuse, to skip or to leak.
 * @module
 */
import { ByteSource } from '../client/byte-source.ts';
import type { DirectoryFile } from '../client/client-types.ts';
import { LocalError } from '../errors.ts';
import { DIRECTORY_PATH_BYTES_MAX } from '../limits.ts';

const HASH_BYTES = 32;

/**
 * The content of each file must be read before the next one is asked for.
 * @param withHashes SHA-256 of the content follows the size in each header
 */
export async function* readTree(
  body: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
  withHashes = false,
): AsyncGenerator<DirectoryFile> {
  const fixedBytes = 8 + (withHashes ? HASH_BYTES : 0);
  const source = new ByteSource(body, undefined, signal);
  try {
    for (;;) {
      const head = await source.take(2);
      if (head.length === 0) return;
      const pathBytes = (head[0]! << 8) | (head[1] ?? 0);
      if (head.length < 2 || pathBytes > DIRECTORY_PATH_BYTES_MAX)
        throw new LocalError('usage', 'a path in the body is too long');
      const rest = await source.take(pathBytes + fixedBytes);
      if (rest.length < pathBytes + fixedBytes) throw new LocalError('cancelled', 'the upload was cut off');
      const size = new DataView(rest.buffer).getBigUint64(pathBytes);
      if (size > BigInt(Number.MAX_SAFE_INTEGER)) throw new LocalError('usage', 'a size in the body is too large');
      const sizeBytes = Number(size);
      const file = { path: pathOf(rest.subarray(0, pathBytes)), sizeBytes, content: source.limited(sizeBytes) };
      yield withHashes ? { ...file, sha256: rest.slice(pathBytes + 8) } : file;
    }
  } finally {
    await source.return();
  }
}

function pathOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new LocalError('usage', 'a path in the body is not UTF-8', { cause: error });
  }
}
