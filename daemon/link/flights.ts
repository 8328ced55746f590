/**
 * The bytes around the Noise messages of a link handshake: nonce, masks, MAC, padding, and what the payloads say.
 *
 * Shape   flight 1: nonce 16, masked (e 32, padLen 2, version 2), MAC 16, sealed e1 1,200, sealed payload 48, pad.
 *         flight 2: masked (e 32, padLen 2, zero 2), sealed ekem1 1,104, sealed payload 48, pad.
 *         flight 3: sealed s 48, sealed payload 656 (u16 length, descriptor or nothing, zeros).
 *         The payload of flights 1 and 2: version 2, padLen 2, first 28 bytes of SHA-256('holloway pad' || pad).
 * Errors  null for whatever does not fit: the caller falls silent, whatever the reason was.
 * Why     to whoever lacks the responder's node id all of it is uniform: a point and a length would not be, so they are masked.
 *         The MAC is checked before any public-key work. Its key and both masks are three outputs of one HKDF-Extract, which is
 *         therefore made once per connection: garbage costs three HMACs of one block to refuse. The pad is authenticated too, because a flight that is
 *         accepted although somebody changed a byte of it would tell him that both ends speak Holloway.
 * Source  formats.md "link flight 1-3", "mask and MAC keys"; PROTOCOL.md § 3.
 * @module
 */
import { concatBytes, toBytes } from '../../crypto/bytes.ts';
import type { Crypto } from '../../crypto/provider.ts';
import { DESCRIPTOR_BYTES_MAX } from '../limits.ts';

export const NONCE_BYTES = 16;
export const MAC_BYTES = 16;
/** e, padLen, and version or zero. */
export const MASKED_BYTES = 36;
export const PAD_BYTES_MAX = 1_024;
const E_BYTES = 32;
const SEALED_PAYLOAD_BYTES = 32 + 16;

/** Nonce, masked part and MAC: what a responder needs to refuse garbage. */
export const FLIGHT_1_HEAD_BYTES = NONCE_BYTES + MASKED_BYTES + MAC_BYTES;
export const FLIGHT_1_BODY_BYTES = 1_184 + 16 + SEALED_PAYLOAD_BYTES;
export const FLIGHT_2_BODY_BYTES = 1_088 + 16 + SEALED_PAYLOAD_BYTES;
export const FLIGHT_1_BYTES = FLIGHT_1_HEAD_BYTES + FLIGHT_1_BODY_BYTES;
export const FLIGHT_2_BYTES = MASKED_BYTES + FLIGHT_2_BODY_BYTES;
const FLIGHT_3_PAYLOAD_BYTES = 640;
export const FLIGHT_3_BYTES = 32 + 16 + FLIGHT_3_PAYLOAD_BYTES + 16;

const PAD_HASH_BYTES = 28;
/** Each key is used for one mask, so a nonce of zeros is safe. */
const ZERO_NONCE = new Uint8Array(12);
/** RFC 5869 § 2.3: the counter behind the info of the first 32 bytes. */
const FIRST_OUTPUT = Uint8Array.of(1);

/** What stands under a mask. */
export interface Masked {
  readonly ephemeral: Uint8Array; // 32
  readonly padLength: number;
  /** Flight 1: the highest version the initiator speaks. Flight 2: zero. */
  readonly word: number;
}

export type MaskUse = 'holloway mask i' | 'holloway mask r';

/** The keys that hang on the responder's node id and the nonce of flight 1. */
export interface FlightKeys {
  /** XORs the mask of one flight over 36 bytes; the same call puts it on and takes it off. */
  mask(use: MaskUse, bytes: Uint8Array): Uint8Array;
  /** Over nonce and masked part of flight 1. */
  mac(masked: Uint8Array): Uint8Array;
}

/** @param nonce stays as it is while the keys are in use */
export function createFlightKeys(crypto: Crypto, nodeId: Uint8Array, nonce: Uint8Array): FlightKeys {
  // HKDF (RFC 5869) by its two steps: Extract(salt nonce, ikm nodeId) here, Expand to 32 bytes for each use.
  const extracted = crypto.hmac(nonce, nodeId);
  const expand = (info: string): Uint8Array => crypto.hmac(extracted, info, FIRST_OUTPUT);
  return {
    mask: (use, bytes) => crypto.chacha20Xor(expand(use), ZERO_NONCE, bytes),
    mac: (masked) => crypto.hmac(expand('holloway mac'), nonce, masked).slice(0, MAC_BYTES),
  };
}

export function encodeMasked(fields: Masked): Uint8Array {
  const bytes = new Uint8Array(MASKED_BYTES);
  bytes.set(fields.ephemeral);
  const view = new DataView(bytes.buffer);
  view.setUint16(E_BYTES, fields.padLength);
  view.setUint16(E_BYTES + 2, fields.word);
  return bytes;
}

export function decodeMasked(bytes: Uint8Array): Masked | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, MASKED_BYTES);
  const padLength = view.getUint16(E_BYTES);
  if (padLength > PAD_BYTES_MAX) return null;
  return { ephemeral: bytes.slice(0, E_BYTES), padLength, word: view.getUint16(E_BYTES + 2) };
}

/** The network whose name stands in no handshake: what every node is in that was told nothing else. */
export const DEFAULT_NETWORK = 'holloway';

/**
 * What both ends must agree on before the first Noise message.
 * @param network name of the network; nodes of different names never link
 */
export function prologue(
  nodeId: Uint8Array,
  nonce: Uint8Array,
  padLength: number,
  version: number,
  network = DEFAULT_NETWORK,
): Uint8Array {
  const name = toBytes(network === DEFAULT_NETWORK ? '' : network);
  return concatBytes(toBytes('holloway link'), nodeId, nonce, u16(padLength), u16(version), name);
}

/** Payload of flights 1 and 2: `version` is the highest spoken, or the one chosen. */
export function flightPayload(crypto: Crypto, version: number, pad: Uint8Array): Uint8Array {
  return concatBytes(u16(version), u16(pad.length), padHash(crypto, pad));
}

/** The version of a flight whose payload names exactly this padding, or null. */
export function checkFlightPayload(crypto: Crypto, payload: Uint8Array, pad: Uint8Array): number | null {
  const version = payload[0]! * 256 + payload[1]!;
  return crypto.equal(payload, flightPayload(crypto, version, pad)) ? version : null;
}

/** Payload of flight 3: a descriptor, or nothing for those who have none to show. */
export function encodeIntroduction(descriptor: Uint8Array | undefined): Uint8Array {
  const payload = new Uint8Array(FLIGHT_3_PAYLOAD_BYTES);
  if (descriptor === undefined) return payload;
  payload.set(u16(descriptor.length));
  payload.set(descriptor, 2);
  return payload;
}

/** The descriptor's bytes (empty: none), or null if the payload is not of this form. */
export function decodeIntroduction(payload: Uint8Array): Uint8Array | null {
  const length = payload[0]! * 256 + payload[1]!;
  if (length > DESCRIPTOR_BYTES_MAX) return null;
  if (payload.subarray(2 + length).some((byte) => byte !== 0)) return null;
  return payload.slice(2, 2 + length);
}

function padHash(crypto: Crypto, pad: Uint8Array): Uint8Array {
  return crypto.sha256('holloway pad', pad).slice(0, PAD_HASH_BYTES);
}

function u16(value: number): Uint8Array {
  return Uint8Array.of(value >>> 8, value & 0xff);
}
