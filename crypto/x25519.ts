/**
 * X25519: OpenSSL where it proves itself at creation, stablelib everywhere else.
 *
 * Shape   32-byte keys and secrets; a private key is any 32 bytes (clamped on use, RFC 7748 § 5).
 * Errors  an all-zero secret, which a point of small order gives, is null.
 * Why     29 us against 500 us. Importing a key costs as much as the exchange, so a private one is remembered for as long as its array
 *         lives; a fingerprint tells an array that was wiped or rewritten since from the one imported. Keys pass as raw bytes, which
 *         no decoder has to guess the kind of: 0.6 of the time of DER and JWK. A Node that does not know that format, or reads something else
 *         out of it, gets a private key as DER, whose constant front is built once, and a public one as JWK.
 *         stablelib accepts points of small order unless told to refuse: it is always told.
 * Source  RFC 7748 with its vectors; the RFC 8410 wrapper; RFC 8037 (JWK); Wycheproof's x25519.
 * @module
 */
import { createPrivateKey, createPublicKey, diffieHellman, hash, type KeyObject } from 'node:crypto';
import { scalarMultBase, sharedKey } from '@stablelib/x25519';
import { concatBytes, equalBytes, plainView, requireLength, wipeBytes } from './bytes.ts';

export const DH_BYTES = 32;

/** The part of the provider that a Diffie-Hellman engine answers. */
export interface X25519 {
  publicKey(privateKey: Uint8Array): Uint8Array;
  shared(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array | null;
}

/** RFC 8410: PrivateKeyInfo for id-X25519, up to the 32 key bytes. */
const PRIVATE_DER = Buffer.from('302e020100300506032b656e04220420', 'hex');

/** RFC 7748 § 6.1: Bob's private key, Alice's public key, what they share. */
const KNOWN_PRIVATE = Buffer.from('5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb', 'hex');
const KNOWN_PUBLIC = Buffer.from('8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a', 'hex');
const KNOWN_SHARED = Buffer.from('4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742', 'hex');

/** stablelib alone. */
export function createPureX25519(): X25519 {
  return {
    publicKey(privateKey) {
      requireLength(privateKey, DH_BYTES, 'X25519 private key');
      return scalarMultBase(privateKey);
    },
    shared(privateKey, publicKey) {
      requireLength(privateKey, DH_BYTES, 'X25519 private key');
      requireLength(publicKey, DH_BYTES, 'X25519 public key');
      try {
        return sharedKey(privateKey, publicKey, true);
      } catch {
        // The lengths are right, so the only refusal left is the all-zero secret.
        return null;
      }
    },
  };
}

interface Imported {
  readonly fingerprint: Uint8Array;
  readonly key: KeyObject;
}

/** How keys get in and out of OpenSSL. */
interface Formats {
  importPrivate(privateKey: Uint8Array): KeyObject;
  importPublic(publicKey: Uint8Array): KeyObject;
  exportPublic(key: KeyObject): Uint8Array;
}

const OLD_FORMATS: Formats = {
  importPrivate(privateKey) {
    const der = concatBytes(PRIVATE_DER, privateKey);
    const key = createPrivateKey({ key: der as Buffer, format: 'der', type: 'pkcs8' });
    wipeBytes(der);
    return key;
  },
  importPublic(publicKey) {
    const x = Buffer.from(publicKey.buffer, publicKey.byteOffset, DH_BYTES).toString('base64url');
    return createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x }, format: 'jwk' });
  },
  exportPublic(key) {
    const { x } = key.export({ format: 'jwk' });
    return new Uint8Array(Buffer.from(x!, 'base64url')); // a copy: not a view of Buffer's pool
  },
};

/** Newer than the types that come with it. */
const RAW_FORMATS: Formats = {
  importPrivate: (privateKey) =>
    createPrivateKey({ key: privateKey, format: 'raw-private', asymmetricKeyType: 'x25519' } as never),
  importPublic: (publicKey) =>
    createPublicKey({ key: publicKey, format: 'raw-public', asymmetricKeyType: 'x25519' } as never),
  exportPublic: (key) => new Uint8Array(key.export({ format: 'raw-public' } as never) as unknown as Buffer),
};

const FORMATS: Formats = readsRaw() ? RAW_FORMATS : OLD_FORMATS;

function readsRaw(): boolean {
  try {
    const [raw, old] = [RAW_FORMATS, OLD_FORMATS].map(({ importPrivate, importPublic, exportPublic }) => [
      exportPublic(createPublicKey(importPrivate(KNOWN_PRIVATE))),
      exportPublic(importPublic(KNOWN_PUBLIC)),
    ]);
    return raw!.every((bytes, index) => equalBytes(bytes, old![index]!));
  } catch {
    return false;
  }
}

/** OpenSSL alone; callers want `chooseX25519`. */
export function createNativeX25519(): X25519 {
  const imported = new WeakMap<Uint8Array, Imported>();

  const importPrivate = (privateKey: Uint8Array): KeyObject => {
    const fingerprint = hash('sha256', privateKey, 'buffer');
    const known = imported.get(privateKey);
    if (known !== undefined && equalBytes(known.fingerprint, fingerprint)) return known.key;
    const key = FORMATS.importPrivate(privateKey);
    imported.set(privateKey, { fingerprint, key });
    return key;
  };

  return {
    publicKey(privateKey) {
      requireLength(privateKey, DH_BYTES, 'X25519 private key');
      return FORMATS.exportPublic(createPublicKey(importPrivate(privateKey)));
    },
    shared(privateKey, publicKey) {
      requireLength(privateKey, DH_BYTES, 'X25519 private key');
      requireLength(publicKey, DH_BYTES, 'X25519 public key');
      const own = importPrivate(privateKey);
      const peer = FORMATS.importPublic(publicKey);
      try {
        return plainView(diffieHellman({ privateKey: own, publicKey: peer }));
      } catch {
        // Any 32 bytes import as a point, so a failed derivation is the all-zero secret.
        return null;
      }
    },
  };
}

/** Whether an engine gives the RFC's answer and refuses the zero point. One exchange: a broken OpenSSL must not go unseen. */
export function passesSelfTest(engine: X25519): boolean {
  try {
    const shared = engine.shared(KNOWN_PRIVATE, KNOWN_PUBLIC);
    if (shared === null || !equalBytes(shared, KNOWN_SHARED)) return false;
    return engine.shared(KNOWN_PRIVATE, new Uint8Array(DH_BYTES)) === null;
  } catch {
    return false;
  }
}

/** OpenSSL if it passes, else stablelib. */
export function chooseX25519(native: X25519 = createNativeX25519(), pure: X25519 = createPureX25519()): X25519 {
  return passesSelfTest(native) ? native : pure;
}
