/**
 * HKDF-SHA-256 for keys, by its two steps over hmac(); scrypt for words and passphrases, by OpenSSL. The same under both engines.
 *
 * Errors  RangeError for an output above 255 hashes (RFC 5869 § 2.3) or scrypt parameters OpenSSL refuses.
 * Source  RFC 5869 and RFC 7914, checked with their vectors and Wycheproof's hkdf_sha256.
 * @module
 */
import { scryptSync } from 'node:crypto';
import { plainView, toBytes } from './bytes.ts';
import { HASH_BYTES, hmac } from './hash.ts';

/** RFC 5869 in one call: Extract(salt, ikm), then Expand(info, length). */
export function hkdf(
  ikm: Uint8Array,
  salt: Uint8Array | string,
  info: Uint8Array | string,
  length: number,
): Uint8Array {
  if (!Number.isInteger(length) || length < 1 || length > 255 * HASH_BYTES) {
    throw new RangeError(`hkdf: ${length} bytes asked, 1 to ${255 * HASH_BYTES} possible`);
  }
  const key = hmac(toBytes(salt), ikm);
  const output = new Uint8Array(length);
  let previous: Uint8Array = new Uint8Array(0);
  for (let at = 0, counter = 1; at < length; at += HASH_BYTES, counter++) {
    previous = hmac(key, previous, info, Uint8Array.of(counter));
    output.set(previous.subarray(0, length - at), at);
  }
  key.fill(0);
  return output;
}

/** RFC 7914. Memory is 2^logN * 128 * r bytes and a little; OpenSSL is given exactly that much room. */
export function scrypt(
  password: Uint8Array,
  salt: Uint8Array,
  logN: number,
  r: number,
  p: number,
  length: number,
): Uint8Array {
  const maxmem = 2 ** logN * 128 * r + 128 * r * p + 1_048_576;
  return plainView(scryptSync(password, salt, length, { N: 2 ** logN, r, p, maxmem }));
}
