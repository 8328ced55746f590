/**
 * Small byte helpers that every primitive needs.
 *
 * Shape   plain Uint8Array in and out, never Buffer: `Buffer.slice` shares memory where `Uint8Array.slice` copies.
 * Errors  RangeError for a wrong length: only our own code can cause one.
 * @module
 */
import { timingSafeEqual } from 'node:crypto';

const encoder = new TextEncoder();

/** The bytes of an ASCII label, or the array itself. */
export function toBytes(part: Uint8Array | string): Uint8Array {
  return typeof part === 'string' ? encoder.encode(part) : part;
}

/** All parts joined in a fresh array. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

/** Constant time for equal lengths; false for unequal ones (lengths are never secret here). */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Overwrites secrets that are no longer needed. What the garbage collector may have copied before is out of reach. */
export function wipeBytes(...arrays: readonly Uint8Array[]): void {
  for (const array of arrays) array.fill(0);
}

export function requireLength(bytes: Uint8Array, length: number, name: string): void {
  if (bytes.length !== length) throw new RangeError(`${name}: ${length} bytes expected, ${bytes.length} given`);
}

/** The memory of a Node Buffer as a plain Uint8Array, not copied. */
export function plainView(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
}
