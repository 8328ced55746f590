/**
 * SIMULATION ONLY: a provider whose every byte follows from a seed. It protects nothing against anyone.
 *
 * Shape   as engine.ts's "auto", except the KEM: same sizes (1,184 / 1,088 / 32), other mathematics.
 *         decapsulation key 32 random bytes; encapsulation key = id 32 || stretch(id); ciphertext = m 32 || stretch(id, m);
 *         secret = SHA-256(id, m). A ciphertext that does not fit its stretch gives a secret from the decapsulation key.
 * Errors  null where ML-KEM gives null: an encapsulation key that is not well-formed, a ciphertext of the wrong length.
 * Why     Node's ML-KEM draws its own randomness, so a replayed run would differ in its first handshake. Anyone who sees
 *         the ciphertext can compute this KEM's secret: it stands in for ML-KEM's sizes, flow and failures, and for none of
 *         its strength. X25519 beside it is real.
 * @module
 */
import { concatBytes, equalBytes } from './bytes.ts';
import { createCrypto } from './engine.ts';
import { KEM_CIPHERTEXT_BYTES, KEM_ENCAPSULATION_KEY_BYTES } from './kem.ts';
import type { Crypto } from './provider.ts';

const ID_BYTES = 32;
const ZERO_NONCE = new Uint8Array(12);

/** What the simulated decapsulation key is; opaque outside this file. */
class SimulatedDecapsulationKey {
  readonly secret: Uint8Array;
  readonly id: Uint8Array;

  constructor(secret: Uint8Array, id: Uint8Array) {
    this.secret = secret;
    this.id = id;
  }
}

export function createSeededCrypto(options: { readonly randomBytes: (length: number) => Uint8Array }): Crypto {
  const { randomBytes } = options;
  const real = createCrypto({ engine: 'auto', randomBytes });
  const { sha256, chacha20Xor } = real;

  /** `head` followed by bytes that follow from `head` and `context`, `length` in all. */
  const stretch = (head: Uint8Array, context: Uint8Array, length: number): Uint8Array => {
    const key = sha256('holloway simulated kem', head, context);
    return concatBytes(head, chacha20Xor(key, ZERO_NONCE, new Uint8Array(length - head.length)));
  };
  const encapsulationKeyOf = (id: Uint8Array) => stretch(id, new Uint8Array(0), KEM_ENCAPSULATION_KEY_BYTES);

  return {
    ...real,
    engine: 'seeded',
    kemKeyPair() {
      const secret = randomBytes(ID_BYTES).slice();
      const id = sha256('holloway simulated kem id', secret);
      return { encapsulationKey: encapsulationKeyOf(id), decapsulationKey: new SimulatedDecapsulationKey(secret, id) };
    },
    kemEncapsulate(encapsulationKey) {
      if (encapsulationKey.length !== KEM_ENCAPSULATION_KEY_BYTES) return null;
      const id = encapsulationKey.slice(0, ID_BYTES);
      if (!equalBytes(encapsulationKeyOf(id), encapsulationKey)) return null;
      const message = randomBytes(ID_BYTES);
      const ciphertext = stretch(message, id, KEM_CIPHERTEXT_BYTES);
      return { ciphertext, secret: sha256('holloway simulated kem secret', id, message) };
    },
    kemDecapsulate(decapsulationKey, ciphertext) {
      if (!(decapsulationKey instanceof SimulatedDecapsulationKey)) {
        throw new RangeError('simulated KEM: not a decapsulation key of this provider');
      }
      if (ciphertext.length !== KEM_CIPHERTEXT_BYTES) return null;
      const message = ciphertext.subarray(0, ID_BYTES);
      const fits = equalBytes(stretch(message, decapsulationKey.id, KEM_CIPHERTEXT_BYTES), ciphertext);
      return fits
        ? sha256('holloway simulated kem secret', decapsulationKey.id, message)
        : sha256('holloway simulated kem rejected', decapsulationKey.secret, ciphertext);
    },
  };
}
