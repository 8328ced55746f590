/**
 * ML-KEM-768, by OpenSSL: always beside X25519, never instead of it.
 *
 * Shape   encapsulation key 1,184; ciphertext 1,088; secret 32. The decapsulation key is a KeyObject nobody else looks into.
 * Errors  null for an encapsulation key that fails the modulus check (OpenSSL refuses to import it) and for a ciphertext of
 *         the wrong length. A wrong ciphertext of the right length gives a secret that nobody else has (implicit rejection).
 * Why     Node draws the key's and the encapsulation's randomness itself and takes no seed for them: hence seeded.ts.
 * Source  FIPS 203; Wycheproof's mlkem_768; the DER wrappers of RFC 9935.
 * @module
 */
import {
  createPrivateKey,
  createPublicKey,
  decapsulate,
  encapsulate,
  generateKeyPairSync,
  KeyObject,
} from 'node:crypto';
import { concatBytes, equalBytes, plainView, requireLength, wipeBytes } from './bytes.ts';
import type { KemKeyPair, KemResult } from './provider.ts';

export const KEM_ENCAPSULATION_KEY_BYTES = 1_184;
export const KEM_CIPHERTEXT_BYTES = 1_088;
export const KEM_SECRET_BYTES = 32;
export const KEM_SEED_BYTES = 64;

/** SubjectPublicKeyInfo for id-alg-ml-kem-768, up to the 1,184 key bytes. */
const PUBLIC_DER = Buffer.from('308204b2300b0609608648016503040402038204a100', 'hex');
/** PrivateKeyInfo holding only the 64-byte seed (d || z). */
const SEED_DER = Buffer.from('3054020100300b060960864801650304040204428040', 'hex');

/** By JWK in 3 us where the DER writer takes 31; a Node that has no JWK for ML-KEM, or writes another, uses DER. */
const exportPublic: (publicKey: KeyObject) => Uint8Array = writesJwk(generateKeyPairSync('ml-kem-768').publicKey)
  ? exportJwk
  : exportDer;

function exportDer(publicKey: KeyObject): Uint8Array {
  return new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }).subarray(PUBLIC_DER.length));
}

function exportJwk(publicKey: KeyObject): Uint8Array {
  const { pub } = publicKey.export({ format: 'jwk' }) as { readonly pub?: string };
  return new Uint8Array(Buffer.from(pub ?? '', 'base64url')); // a copy: not a view of Buffer's pool
}

function writesJwk(publicKey: KeyObject): boolean {
  try {
    return equalBytes(exportJwk(publicKey), exportDer(publicKey));
  } catch {
    return false;
  }
}

function importDer(encapsulationKey: Uint8Array): KeyObject {
  const der = concatBytes(PUBLIC_DER, encapsulationKey);
  return createPublicKey({ key: der as Buffer, format: 'der', type: 'spki' });
}

/** Two thirds of DER's time, in a Node that knows the format; it is newer than the types. */
function importRaw(encapsulationKey: Uint8Array): KeyObject {
  const options = { key: encapsulationKey, format: 'raw-public', asymmetricKeyType: 'ml-kem-768' };
  return createPublicKey(options as never);
}

const importPublic: (encapsulationKey: Uint8Array) => KeyObject = readsRaw() ? importRaw : importDer;

function readsRaw(): boolean {
  try {
    const { publicKey } = generateKeyPairSync('ml-kem-768');
    return importRaw(exportDer(publicKey)).equals(publicKey);
  } catch {
    return false;
  }
}

function keyPair(privateKey: KeyObject, publicKey: KeyObject): KemKeyPair {
  return { encapsulationKey: exportPublic(publicKey), decapsulationKey: privateKey };
}

export function kemKeyPair(): KemKeyPair {
  const { privateKey, publicKey } = generateKeyPairSync('ml-kem-768');
  return keyPair(privateKey, publicKey);
}

/** The pair that FIPS 203's KeyGen derives from d || z: for vectors and frozen transcripts. */
export function kemKeyPairFromSeed(seed: Uint8Array): KemKeyPair {
  requireLength(seed, KEM_SEED_BYTES, 'ML-KEM seed');
  const der = concatBytes(SEED_DER, seed);
  const privateKey = createPrivateKey({ key: der as Buffer, format: 'der', type: 'pkcs8' });
  wipeBytes(der);
  return keyPair(privateKey, createPublicKey(privateKey));
}

export function kemEncapsulate(encapsulationKey: Uint8Array): KemResult | null {
  if (encapsulationKey.length !== KEM_ENCAPSULATION_KEY_BYTES) return null;
  try {
    const result = encapsulate(importPublic(encapsulationKey));
    return { ciphertext: plainView(result.ciphertext), secret: plainView(result.sharedKey) };
  } catch {
    return null;
  }
}

export function kemDecapsulate(decapsulationKey: unknown, ciphertext: Uint8Array): Uint8Array | null {
  if (!(decapsulationKey instanceof KeyObject))
    throw new RangeError('ML-KEM: not a decapsulation key of this provider');
  if (ciphertext.length !== KEM_CIPHERTEXT_BYTES) return null;
  return plainView(decapsulate(decapsulationKey, ciphertext));
}
