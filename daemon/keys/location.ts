/**
 * Where a key lives on the ring.
 *
 * Unit    locations are fractions of 2^52 in [0, 1); distance is the shorter arc, 0 .. 0.5.
 * Source  formats.md "location(kind, key, r)".
 * @module
 */
import type { Crypto } from '../../crypto/provider.ts';
import { type BlockRef, type Replica, type RingLocation, ringLocation } from '../ids.ts';

/** The first 52 bits, big-endian, of SHA-256('holloway location' || u8 kind || u8 r || key), over 2^52. */
export function locationOf(crypto: Crypto, ref: BlockRef, replica: Replica): RingLocation {
  return locationFromHash(crypto.sha256('holloway location', Uint8Array.of(ref.kind, replica), ref.key));
}

/** @param hash at least 7 bytes; the low 4 bits of the seventh are not used */
export function locationFromHash(hash: Uint8Array): RingLocation {
  const view = new DataView(hash.buffer, hash.byteOffset, 8);
  const high = view.getUint32(0); // 32 bits
  const low = view.getUint32(4) >>> 12; // 20 bits
  return ringLocation((high * 2 ** 20 + low) / 2 ** 52);
}

/** Shorter arc between two places. */
export function distance(a: RingLocation, b: RingLocation): number {
  const arc = Math.abs(a - b);
  return arc > 0.5 ? 1 - arc : arc;
}
