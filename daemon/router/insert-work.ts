/**
 * Work that an insert brings when nodes are busy: a nonce whose hash begins with zero bits.
 *
 * Shape   SHA-256('holloway insert' || key || u8 replica || u64 nonce) has `bits` leading zero bits.
 * Unit    bits, 0..WORK_BITS_MAX; about 2^bits hashes to find, one to check.
 * Why     who floods a busy network with inserts pays for each, and for each place of it; who publishes now and then does not notice.
 * Source  formats.md "insert work"; design § 8.
 * @module
 */
import type { Crypto } from '../../crypto/provider.ts';
import type { Replica, RoutingKey } from '../ids.ts';

const LABEL = 'holloway insert';

export function checkInsertWork(
  crypto: Crypto,
  key: RoutingKey,
  replica: Replica,
  work: Uint8Array,
  bits: number,
): boolean {
  if (bits === 0) return true;
  const hash = crypto.sha256(LABEL, key, Uint8Array.of(replica), work);
  return new DataView(hash.buffer, hash.byteOffset, 4).getUint32(0) < 2 ** (32 - bits);
}

export function findInsertWork(crypto: Crypto, key: RoutingKey, replica: Replica, bits: number): Uint8Array {
  const work = new Uint8Array(8);
  const view = new DataView(work.buffer);
  for (let nonce = 0; !checkInsertWork(crypto, key, replica, work, bits); ) {
    nonce++;
    view.setUint32(0, Math.floor(nonce / 2 ** 32));
    view.setUint32(4, nonce >>> 0);
  }
  return work;
}
