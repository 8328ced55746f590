/**
 * HKDF-SHA-256 for keys, scrypt for words and passphrases; by OpenSSL under both engines.
 *
 * Errors  RangeError for an output above 255 hashes (RFC 5869 § 2.3) or scrypt parameters OpenSSL refuses.
 * Source  RFC 5869 and RFC 7914, checked with their vectors and Wycheproof's hkdf_sha256.
 * @module
 */
import { hkdfSync, scryptSync } from 'node:crypto';
import { plainView, toBytes } from './bytes.ts';
import { HASH_BYTES } from './hash.ts';

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
  return new Uint8Array(hkdfSync('sha256', ikm, toBytes(salt), toBytes(info), length));
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
