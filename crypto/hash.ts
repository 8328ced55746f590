/**
 * SHA-256 and HMAC-SHA-256, by OpenSSL under both engines.
 *
 * Shape   parts are hashed as if joined; strings are ASCII domain labels. Every result is a fresh 32-byte array.
 * Why     one-shot `hash()` costs 1.2 us for a short input where a Hash object costs 2 us, so short parts are joined first.
 * Source  FIPS 180-4; RFC 2104, checked with the vectors of RFC 4231.
 * @module
 */
import { createHash, createHmac, hash } from 'node:crypto';
import { concatBytes, plainView, toBytes } from './bytes.ts';

export const HASH_BYTES = 32;

/** Up to this many bytes, joining the parts is cheaper than a Hash object. */
const JOIN_BYTES_MAX = 4_096;

export function sha256(...parts: (Uint8Array | string)[]): Uint8Array {
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return plainView(hash('sha256', toBytes(only), 'buffer'));
  const arrays = parts.map(toBytes);
  const length = arrays.reduce((sum, part) => sum + part.length, 0);
  if (length <= JOIN_BYTES_MAX) return plainView(hash('sha256', concatBytes(...arrays), 'buffer'));
  const hasher = createHash('sha256');
  for (const part of arrays) hasher.update(part);
  return plainView(hasher.digest());
}

export function hmac(key: Uint8Array, ...parts: (Uint8Array | string)[]): Uint8Array {
  const mac = createHmac('sha256', key);
  for (const part of parts) mac.update(toBytes(part));
  return plainView(mac.digest());
}
