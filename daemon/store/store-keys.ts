/**
 * The store's own secrets: what an index entry, a slot and a sealed reference are enciphered or named with.
 *
 * Shape   one random root of 32 bytes, kept in Records (store-root.ts), gives three keys by HKDF with a label each:
 *           index   digest = first 16 bytes of HMAC-SHA-256(index key, u8 kind || routing key)
 *           slot    ChaCha20 under HKDF-Expand(slot salt, routing key || label): nonce zero for CHK (one key, one content), the
 *                   sequence for records
 *           refs    a keystream addressed by sequence number, 36 bytes each; a sequence is never used twice (sequence.ts)
 * Why     the three are apart, or an index entry would tell of the key of its slot. The slot's key is the expand step alone (one HMAC):
 *         the salt is a uniform key already, and every block that is read or written pays for this.
 *         References are sealed by position in one keystream, not each with a nonce, so that a million of them are read at start
 *         in a fraction of a second instead of ten (one ChaCha20 call per 256 instead of per reference).
 * Who has the disk, unsealed, has the root: he can list the keys of owned blocks and test any other key he knows
 *         (decisions/0001-owned-refs-on-disk.md). Sealing the root is all that a passphrase has to do.
 * Source  design § 9, formats.md "slot cipher".
 * @module
 */
import type { BlockRef } from '../ids.ts';
import type { Crypto } from '../ports.ts';

export const STORE_ROOT_BYTES = 32;
export const DIGEST_BYTES = 16;
export const SEALED_REF_BYTES = 36;
/** Behind the routing key in a reference: kind, replica, reason and place. */
export const ROUTING_TAIL_AT = 32;

/** RFC 5869 § 2.3: the label, then the number of the first and only piece of output. */
const BLOCK_INFO = Uint8Array.from([...new TextEncoder().encode('holloway store block'), 1]);
/** References covered by one piece of keystream: 9 KiB. */
const REFS_PER_PIECE = 256;

export interface StoreKeys {
  /** What the index knows a reference by. */
  digest(ref: BlockRef): Uint8Array;
  /** Enciphers and deciphers what is kept under `ref`. @param sequence 0 for CHK, else the record's own */
  cipher(ref: BlockRef, sequence: number, bytes: Uint8Array): Uint8Array;
  /** Seals and opens a part of the 36 bytes of reference `sequence`, from byte `from` on; quick when called in order of sequence. */
  sealRef(sequence: number, part: Uint8Array, from?: number): Uint8Array;
}

export function createStoreKeys(crypto: Crypto, root: Uint8Array): StoreKeys {
  const indexKey = crypto.hkdf(root, '', 'holloway store index', 32);
  const slotSalt = crypto.hkdf(root, '', 'holloway store slot', 32);
  const refsKey = crypto.hkdf(root, '', 'holloway store refs', 32);
  const zeros = new Uint8Array(REFS_PER_PIECE * SEALED_REF_BYTES);
  let pieceNumber = -1;
  let piece: Uint8Array = zeros;

  return {
    digest: (ref) => crypto.hmac(indexKey, Uint8Array.of(ref.kind), ref.key).subarray(0, DIGEST_BYTES),

    cipher(ref, sequence, bytes) {
      const key = crypto.hmac(slotSalt, ref.key, BLOCK_INFO);
      return crypto.chacha20Xor(key, nonceOf(sequence), bytes);
    },

    sealRef(sequence, part, from = 0) {
      const wanted = Math.floor(sequence / REFS_PER_PIECE);
      if (wanted !== pieceNumber) {
        piece = crypto.chacha20Xor(refsKey, nonceOf(wanted), zeros);
        pieceNumber = wanted;
      }
      const at = (sequence % REFS_PER_PIECE) * SEALED_REF_BYTES + from;
      const sealed = new Uint8Array(part.length);
      for (let i = 0; i < part.length; i++) sealed[i] = part[i]! ^ piece[at + i]!;
      return sealed;
    },
  };
}

function nonceOf(counter: number): Uint8Array {
  const nonce = new Uint8Array(12);
  new DataView(nonce.buffer).setBigUint64(4, BigInt(counter));
  return nonce;
}
