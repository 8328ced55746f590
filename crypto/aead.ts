/**
 * ChaCha20-Poly1305: two implementations of one algorithm behind AeadKey, and the bare ChaCha20 stream.
 *
 * Shape   ciphertext || 16-byte tag; 12-byte nonce; any associated data.
 * Errors  `open` answers null when the tag does not hold or there is no room for one; wrong nonce, key or dst lengths are
 *         ours and throw RangeError.
 * Why     stablelib takes 3.5 us for 64 B where OpenSSL takes 8.5 us (its set-up), and 430 us for 32 KiB where OpenSSL takes
 *         40 us: from 768 B on OpenSSL wins. Its KeyObject is kept, because importing the key costs more than a small cell.
 *         OpenSSL hands out text before it has seen the tag: that text lands in a scratch buffer of its own, and is
 *         overwritten instead of copied to `dst` when the tag fails.
 * Source  RFC 8439, its vectors and Wycheproof's chacha20_poly1305.
 * @module
 */
import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto';
import { ChaCha20Poly1305 } from '@stablelib/chacha20poly1305';
import { plainView, requireLength, wipeBytes } from './bytes.ts';
import type { AeadKey } from './provider.ts';

export const AEAD_KEY_BYTES = 32;
export const AEAD_NONCE_BYTES = 12;
export const AEAD_TAG_BYTES = 16;

/** Plaintext size from which OpenSSL is faster than stablelib. */
export const OPENSSL_FROM_BYTES = 768;

const ALGORITHM = 'chacha20-poly1305';
const TAG_OPTION = { authTagLength: AEAD_TAG_BYTES } as const;

function opensslSeal(
  key: KeyObject,
  nonce: Uint8Array,
  plaintext: Uint8Array,
  ad: Uint8Array,
  dst: Uint8Array,
): Uint8Array {
  const cipher = createCipheriv(ALGORITHM, key, nonce, TAG_OPTION);
  cipher.setAAD(ad, { plaintextLength: plaintext.length });
  // The whole ciphertext is made before dst is written, so dst may be plaintext's own memory.
  const ciphertext = cipher.update(plaintext);
  cipher.final();
  dst.set(ciphertext);
  dst.set(cipher.getAuthTag(), plaintext.length);
  return dst;
}

function opensslOpen(
  key: KeyObject,
  nonce: Uint8Array,
  sealed: Uint8Array,
  ad: Uint8Array,
  dst: Uint8Array | undefined,
): Uint8Array | null {
  const textBytes = sealed.length - AEAD_TAG_BYTES;
  const decipher = createDecipheriv(ALGORITHM, key, nonce, TAG_OPTION);
  decipher.setAAD(ad, { plaintextLength: textBytes });
  decipher.setAuthTag(sealed.subarray(textBytes));
  const text = decipher.update(sealed.subarray(0, textBytes));
  try {
    decipher.final();
  } catch {
    text.fill(0);
    return null;
  }
  if (dst === undefined) return plainView(text);
  dst.set(text);
  return dst;
}

/**
 * One key.
 * @param key 32 bytes, copied: the caller may wipe its own
 * @param opensslFrom plaintext size in bytes from which OpenSSL does the work; Infinity for stablelib alone
 */
export function createAeadKey(key: Uint8Array, opensslFrom: number): AeadKey {
  requireLength(key, AEAD_KEY_BYTES, 'AEAD key');
  const kept = key.slice();
  let wiped = false;
  // Both halves are prepared on first use: a circuit's key never sees a short text, a handshake's rarely a long one.
  let pure: ChaCha20Poly1305 | undefined;
  let native: KeyObject | undefined;

  const check = (nonce: Uint8Array): void => {
    if (wiped) throw new RangeError('AEAD key: used after it was wiped');
    requireLength(nonce, AEAD_NONCE_BYTES, 'AEAD nonce');
  };

  return {
    seal(nonce, plaintext, ad, dst) {
      const sealedBytes = plaintext.length + AEAD_TAG_BYTES;
      check(nonce);
      if (dst !== undefined) requireLength(dst, sealedBytes, 'AEAD dst');
      if (plaintext.length < opensslFrom) {
        pure ??= new ChaCha20Poly1305(kept);
        return pure.seal(nonce, plaintext, ad, dst);
      }
      native ??= createSecretKey(kept);
      return opensslSeal(native, nonce, plaintext, ad, dst ?? new Uint8Array(sealedBytes));
    },

    open(nonce, sealed, ad, dst) {
      const textBytes = sealed.length - AEAD_TAG_BYTES;
      check(nonce);
      if (textBytes < 0) return null;
      if (dst !== undefined) requireLength(dst, textBytes, 'AEAD dst');
      if (textBytes < opensslFrom) {
        pure ??= new ChaCha20Poly1305(kept);
        return pure.open(nonce, sealed, ad, dst);
      }
      native ??= createSecretKey(kept);
      return opensslOpen(native, nonce, sealed, ad, dst);
    },

    wipe() {
      wiped = true;
      wipeBytes(kept);
      pure?.clean();
      // OpenSSL clears a KeyObject's memory when it is collected; dropping it is all that can be done from here.
      pure = undefined;
      native = undefined;
    },
  };
}

/** RFC 8439 § 2.4 from block counter 0. OpenSSL's IV is the counter, 32 bits little-endian, then the nonce. */
export function chacha20Xor(key: Uint8Array, nonce: Uint8Array, bytes: Uint8Array): Uint8Array {
  requireLength(key, AEAD_KEY_BYTES, 'ChaCha20 key');
  requireLength(nonce, AEAD_NONCE_BYTES, 'ChaCha20 nonce');
  const iv = new Uint8Array(16);
  iv.set(nonce, 4);
  // A KeyObject, because Node looks 15 us longer at a key that is none.
  return plainView(createCipheriv('chacha20', createSecretKey(key), iv).update(bytes));
}
