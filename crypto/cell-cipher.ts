/**
 * One direction of one hop of a circuit: seals or opens one layer of a cell.
 *
 * Shape   sealed = plaintext + 16 bytes. AD = size byte (0 small, 1 large), direction byte (0 forward, 1 backward). The nonce is
 *         a 96-bit big-endian counter common to both sizes. After every 64 cells K' = HKDF(K, 'ratchet') and the counter runs on.
 * Errors  open is null when the tag does not hold, and the cipher is then finished: every later open is null too. Sealing
 *         with a finished or wiped cipher is our own fault and throws RangeError.
 * Why     one counter for both sizes makes a dropped, repeated or reordered cell of either size break the next one; one failure
 *         is final, so a changed cell can tell nothing but that the circuit is dead. The ratchet leaves no key in memory
 *         that opens more than the last 64 cells.
 * Source  design § 4 (Circuits); formats.md, circuit keys.
 * @module
 */
import { AEAD_NONCE_BYTES } from './aead.ts';
import { requireLength, wipeBytes } from './bytes.ts';
import type { AeadKey, Crypto } from './provider.ts';

export type CellSize = 'small' | 'large';
export type CellDirection = 'forward' | 'backward';

/** Cells sealed or opened under one key. */
export const RATCHET_CELLS = 64;

const SIZE_BYTE = { small: 0, large: 1 } as const;
const DIRECTION_BYTE = { forward: 0, backward: 1 } as const;

export interface CellCipher {
  /** `dst`, when given, has plaintext.length + 16 bytes and may start where plaintext does. */
  seal(plaintext: Uint8Array, size: CellSize, dst?: Uint8Array): Uint8Array;
  /** `dst`, when given, has sealed.length - 16 bytes and may start where sealed does; a failure leaves it as it was. */
  open(sealed: Uint8Array, size: CellSize, dst?: Uint8Array): Uint8Array | null;
  /** Forgets the key. */
  wipe(): void;
}

/** @param key 32 bytes, copied: the caller wipes its own */
export function createCellCipher(crypto: Crypto, key: Uint8Array, direction: CellDirection): CellCipher {
  requireLength(key, 32, 'cell key');
  const ad = {
    small: Uint8Array.of(SIZE_BYTE.small, DIRECTION_BYTE[direction]),
    large: Uint8Array.of(SIZE_BYTE.large, DIRECTION_BYTE[direction]),
  };
  const nonce = new Uint8Array(AEAD_NONCE_BYTES);
  const nonceView = new DataView(nonce.buffer);
  let chainKey: Uint8Array = key.slice();
  let aead: AeadKey | undefined = crypto.aeadKey(chainKey);
  let counter = 0;

  const forget = (): void => {
    wipeBytes(chainKey);
    aead?.wipe();
    aead = undefined;
  };

  const ratchet = (): void => {
    const next = crypto.hkdf(chainKey, '', 'ratchet', 32);
    forget();
    chainKey = next;
    aead = crypto.aeadKey(chainKey);
  };

  /** The counter stays below 2^53, far above the cells of any circuit: the top four nonce bytes are always zero. */
  const advance = (): void => {
    counter += 1;
    nonceView.setUint32(8, counter >>> 0);
    nonceView.setUint32(4, Math.floor(counter / 2 ** 32));
    if (counter % RATCHET_CELLS === 0) ratchet();
  };

  return {
    seal(plaintext, size, dst) {
      if (aead === undefined) throw new RangeError('cell cipher: used after its end');
      const sealed = aead.seal(nonce, plaintext, ad[size], dst);
      advance();
      return sealed;
    },
    open(sealed, size, dst) {
      if (aead === undefined) return null;
      const plaintext = aead.open(nonce, sealed, ad[size], dst);
      if (plaintext === null) forget();
      else advance();
      return plaintext;
    },
    wipe: forget,
  };
}
