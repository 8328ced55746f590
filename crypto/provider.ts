/**
 * The one door to cryptography: what the rest of Holloway may ask for, whichever engine answers.
 *
 * Shape   keys, nonces and outputs are Uint8Array; results are fresh arrays unless `dst` is given.
 * Errors  a failed authentication, an all-zero DH result or an invalid KEM input is `null`, never an exception:
 *         it is an expected outcome of talking to strangers. A wrong length from our own code throws RangeError.
 * Why     two engines (@stablelib and OpenSSL) must be byte-identical and replaceable, and the simulator hands in a
 *         seeded provider, because Node's ML-KEM takes no seed.
 * Source  design § 4.
 * @module
 */

/** A ChaCha20-Poly1305 key (RFC 8439) that is used many times; the engine keeps what is costly to prepare. */
export interface AeadKey {
  /** Ciphertext and 16-byte tag. `dst`, when given, has plaintext.length + 16 bytes and may start where plaintext does. */
  seal(nonce: Uint8Array, plaintext: Uint8Array, ad: Uint8Array, dst?: Uint8Array): Uint8Array;
  /** The plaintext, or null if the tag does not hold (and `dst` is then unchanged). */
  open(nonce: Uint8Array, sealed: Uint8Array, ad: Uint8Array, dst?: Uint8Array): Uint8Array | null;
  /** Overwrites our copy of the key. The key is unusable afterwards. */
  wipe(): void;
}

export interface DhKeyPair {
  readonly publicKey: Uint8Array; // 32
  readonly privateKey: Uint8Array; // 32
}

export interface KemKeyPair {
  readonly encapsulationKey: Uint8Array; // 1,184
  /** Opaque to callers; handed back to kemDecapsulate of the same provider. */
  readonly decapsulationKey: unknown;
}

export interface KemResult {
  readonly ciphertext: Uint8Array; // 1,088
  readonly secret: Uint8Array; // 32
}

/** An Ed25519 signing key; `seed` is what is kept on disk. */
export interface SignKey {
  readonly publicKey: Uint8Array; // 32
  readonly seed: Uint8Array; // 32
  sign(message: Uint8Array): Uint8Array; // 64
}

export interface Crypto {
  /** "auto": by size; "portable": @stablelib at all sizes; "seeded": the simulator's. */
  readonly engine: 'auto' | 'portable' | 'seeded';

  aeadKey(key: Uint8Array): AeadKey;
  /** ChaCha20 keystream from block 0 XORed over `bytes` (RFC 8439 § 2.4), no authentication: masks and slot cipher only. */
  chacha20Xor(key: Uint8Array, nonce: Uint8Array, bytes: Uint8Array): Uint8Array;

  dhKeyPair(): DhKeyPair;
  dhPublicKey(privateKey: Uint8Array): Uint8Array;
  /** X25519 (RFC 7748), or null when the result is all zero. */
  dh(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array | null;

  kemKeyPair(): KemKeyPair;
  /** ML-KEM-768 (FIPS 203), or null when the encapsulation key fails the modulus check. */
  kemEncapsulate(encapsulationKey: Uint8Array): KemResult | null;
  /** Implicit rejection: a wrong ciphertext of the right length gives a secret nobody else has. Null: wrong length. */
  kemDecapsulate(decapsulationKey: unknown, ciphertext: Uint8Array): Uint8Array | null;

  signKey(seed: Uint8Array): SignKey;
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;

  /** SHA-256 of the parts joined. Strings are ASCII domain labels. */
  sha256(...parts: (Uint8Array | string)[]): Uint8Array;
  hmac(key: Uint8Array, ...parts: (Uint8Array | string)[]): Uint8Array;
  /** RFC 5869 in one call: Extract(salt, ikm), then Expand(info, length). */
  hkdf(ikm: Uint8Array, salt: Uint8Array | string, info: Uint8Array | string, length: number): Uint8Array;
  /** RFC 7914; costs 2^logN * 128 * r bytes. */
  scrypt(password: Uint8Array, salt: Uint8Array, logN: number, r: number, p: number, length: number): Uint8Array;

  /** From the same source the keys come from. */
  randomBytes(length: number): Uint8Array;
  /** Constant time for equal lengths; false for unequal ones. */
  equal(a: Uint8Array, b: Uint8Array): boolean;
}
