/**
 * SHA-256 over bytes that arrive piece by piece: the whole-file hash of a document that is never whole in memory.
 *
 * Shape   update any number of times, then digest once: 32 bytes.
 * Errors  none from input; digest twice is our own mistake and throws.
 * Why     apart from the Crypto interface, because it is no engine's choice: SHA-256 is OpenSSL's under both.
 * Source  FIPS 180-4.
 * @module
 */
import { createHash } from 'node:crypto';

export interface Sha256Stream {
  update(bytes: Uint8Array): void;
  digest(): Uint8Array;
}

export function createSha256Stream(): Sha256Stream {
  const hash = createHash('sha256');
  return {
    update(bytes) {
      hash.update(bytes);
    },
    digest: () => Uint8Array.from(hash.digest()),
  };
}
