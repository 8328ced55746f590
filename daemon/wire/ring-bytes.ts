/**
 * A ring location as eight bytes.
 *
 * Shape   unsigned big-endian fraction of 2^64; a location has 52 bits, so the low 12 are zero.
 * Source  PROTOCOL.md § 2 (Announce.target, descriptors).
 * @module
 */
import { type RingLocation, ringLocation } from '../ids.ts';

const LOW_WORD = 2 ** 32;

export function locationToBytes(location: RingLocation): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  const scaled = location * LOW_WORD; // exact: a location is a multiple of 2^-52
  const high = Math.floor(scaled);
  view.setUint32(0, high);
  view.setUint32(4, (scaled - high) * LOW_WORD);
  return bytes;
}

/** The low 12 bits are dropped, so that whatever a peer sends is a place on the ring. */
export function locationFromBytes(bytes: Uint8Array): RingLocation {
  const view = new DataView(bytes.buffer, bytes.byteOffset, 8);
  return ringLocation((view.getUint32(0) * 2 ** 20 + (view.getUint32(4) >>> 12)) / 2 ** 52);
}
