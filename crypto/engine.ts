/**
 * The real crypto provider, in two engines that give the same bytes.
 *
 * Shape   "auto": ChaCha20-Poly1305 by size (aead.ts), X25519 by OpenSSL if it passes its self-test. "portable": both by
 *         stablelib, at all sizes. Hashes, KDFs, ML-KEM and Ed25519 are OpenSSL's either way.
 * Errors  as provider.ts says.
 * Why     whoever does not trust one implementation, or meets a broken build of it, can take the other; the whole test
 *         suite passes under both.
 * Source  design § 4.
 * @module
 */
import { chacha20Xor, createAeadKey, OPENSSL_FROM_BYTES } from './aead.ts';
import { equalBytes } from './bytes.ts';
import { signKey, verify } from './ed25519.ts';
import { hmac, sha256 } from './hash.ts';
import { hkdf, scrypt } from './kdf.ts';
import { kemDecapsulate, kemEncapsulate, kemKeyPair } from './kem.ts';
import type { Crypto } from './provider.ts';
import { chooseX25519, createPureX25519, DH_BYTES } from './x25519.ts';

export interface CryptoOptions {
  readonly engine: 'auto' | 'portable';
  /** The source of X25519 private keys and of whatever callers draw; a seeded one gives seeded keys. */
  readonly randomBytes: (length: number) => Uint8Array;
}

export function createCrypto(options: CryptoOptions): Crypto {
  const { engine, randomBytes } = options;
  const x25519 = engine === 'portable' ? createPureX25519() : chooseX25519();
  const opensslFrom = engine === 'portable' ? Number.POSITIVE_INFINITY : OPENSSL_FROM_BYTES;
  return {
    engine,
    aeadKey: (key) => createAeadKey(key, opensslFrom),
    chacha20Xor,
    dhKeyPair() {
      // A copy, because the source may hand out a view of a larger pool, and a key is wiped in place.
      const privateKey = randomBytes(DH_BYTES).slice();
      return { publicKey: x25519.publicKey(privateKey), privateKey };
    },
    dhPublicKey: (privateKey) => x25519.publicKey(privateKey),
    dh: (privateKey, publicKey) => x25519.shared(privateKey, publicKey),
    kemKeyPair,
    kemEncapsulate,
    kemDecapsulate,
    signKey,
    verify,
    sha256,
    hmac,
    hkdf,
    scrypt,
    randomBytes,
    equal: equalBytes,
  };
}
