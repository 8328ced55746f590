/**
 * Ed25519 signatures, by OpenSSL under both engines.
 *
 * Shape   seed and public key 32 bytes, signature 64.
 * Errors  verify is false for whatever does not verify, wrong lengths and impossible points included: all three arguments
 *         may come from strangers.
 * Why     stablelib's is 130 to 195 times slower and on no live path.
 * Source  RFC 8032 with its vectors; Wycheproof's ed25519; the DER wrapper of RFC 8410.
 * @module
 */
import { createPrivateKey, createPublicKey, sign, verify as verifySignature } from 'node:crypto';
import { concatBytes, plainView, requireLength, wipeBytes } from './bytes.ts';
import type { SignKey } from './provider.ts';

export const SIGN_SEED_BYTES = 32;
export const SIGN_PUBLIC_BYTES = 32;
export const SIGNATURE_BYTES = 64;

const PRIVATE_DER = Buffer.from('302e020100300506032b657004220420', 'hex');
const PUBLIC_DER = Buffer.from('302a300506032b6570032100', 'hex');

/** @param seed copied; the returned key keeps it, as it is what a home directory stores */
export function signKey(seed: Uint8Array): SignKey {
  requireLength(seed, SIGN_SEED_BYTES, 'Ed25519 seed');
  const der = concatBytes(PRIVATE_DER, seed);
  const privateKey = createPrivateKey({ key: der as Buffer, format: 'der', type: 'pkcs8' });
  wipeBytes(der);
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  return {
    publicKey: new Uint8Array(spki.subarray(PUBLIC_DER.length)),
    seed: seed.slice(),
    sign: (message) => plainView(sign(null, message, privateKey)),
  };
}

export function verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== SIGN_PUBLIC_BYTES || signature.length !== SIGNATURE_BYTES) return false;
  try {
    const der = concatBytes(PUBLIC_DER, publicKey);
    const key = createPublicKey({ key: der as Buffer, format: 'der', type: 'spki' });
    return verifySignature(null, message, key, signature);
  } catch {
    return false;
  }
}
