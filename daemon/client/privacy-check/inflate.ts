/**
 * Unpacking a piece of a file that is looked into, up to a size.
 * @module
 */
import { Unzlib } from 'fflate';

/** What came out until the limit, the end, or the first fault; undefined when nothing did. */
export function inflateUpTo(bytes: Uint8Array, bytesMax: number): Uint8Array | undefined {
  const parts: Uint8Array[] = [];
  let length = 0;
  const unzlib = new Unzlib((part) => {
    parts.push(part);
    length += part.length;
  });
  try {
    for (let at = 0; at < bytes.length && length < bytesMax; at += 16_384) {
      unzlib.push(bytes.subarray(at, at + 16_384), at + 16_384 >= bytes.length);
    }
  } catch {
    // What lies behind a stream, or a damaged one: what came before is looked at.
  }
  return length === 0 ? undefined : Buffer.concat(parts);
}
