/**
 * CHK blocks as their owner sees them: sealed on the way out, opened and checked on the way in.
 *
 * Shape   plaintext: header 16 (format 1, type, codec, flags 0, payload length u32, segment u32, index u16, zero u16, big-endian), payload
 *         zero padded to 32,736. Sealed with ChaCha20-Poly1305, zero nonce, no associated data: 32,768 bytes.
 * Errors  openBlock gives undefined when the tag or any header field does not hold; the caller knows whom to blame.
 * Why     block key = HKDF(document secret, 'holloway block' || type || segment || index) is used for exactly one block, so the nonce may be
 *         zero. The header repeats the place inside the seal: a block of the right document at the wrong place is refused.
 * Source  formats.md "CHK plaintext", "CHK block", "block key".
 * @module
 */
import type { Crypto } from '../../crypto/provider.ts';
import { assert } from '../errors.ts';
import { type RoutingKey, routingKey } from '../ids.ts';
import { BLOCK_BYTES, BLOCK_PAYLOAD_MAX } from '../limits.ts';
import { CODEC, type Codec } from './uri.ts';

/** Data and manifest are the numbers of the URI's extra field, which must equal the header. */
export const BLOCK_TYPE = { data: 0, manifest: 1, check: 2 } as const;
export type BlockType = (typeof BLOCK_TYPE)[keyof typeof BLOCK_TYPE];

export const DOCUMENT_SECRET_BYTES = 32;
export const BLOCK_HEADER_BYTES = 16;
const FORMAT = 1;
const TAG_BYTES = 16;
const PLAINTEXT_BYTES = BLOCK_BYTES - TAG_BYTES;
const NO_NONCE = new Uint8Array(12);
const NOTHING = new Uint8Array(0);
const KEY_LABEL = new TextEncoder().encode('holloway block');

/** Where a block stands in its document. Data and check blocks: segment, and index in data-then-check order. Manifest: manifest.ts. */
export interface BlockPlace {
  readonly type: BlockType;
  readonly segment: number;
  readonly index: number;
}

export interface SealedBlock {
  readonly key: RoutingKey;
  readonly bytes: Uint8Array; // 32,768
}

export interface OpenedBlock {
  /** 32,736 bytes: what the erasure code works on. */
  readonly padded: Uint8Array;
  /** How many of them are the payload. */
  readonly payloadBytes: number;
}

/** @param payload at most 32,736 bytes, of which `payloadBytes` count and the rest is zero padding */
export function sealBlock(
  crypto: Crypto,
  secret: Uint8Array,
  place: BlockPlace,
  payload: Uint8Array,
  payloadBytes: number = payload.length,
  codec: Codec = CODEC.none,
): SealedBlock {
  assert(payload.length <= BLOCK_PAYLOAD_MAX && payloadBytes <= payload.length, 'a payload fits its block');
  const bytes = new Uint8Array(BLOCK_BYTES);
  writeHeader(bytes, place, payloadBytes, codec);
  bytes.set(payload, BLOCK_HEADER_BYTES);
  const aead = crypto.aeadKey(blockKey(crypto, secret, place));
  aead.seal(NO_NONCE, bytes.subarray(0, PLAINTEXT_BYTES), NOTHING, bytes);
  aead.wipe();
  return { key: routingKey(crypto.sha256('holloway chk', bytes)), bytes };
}

/** @param bytes already checked against their routing key */
export function openBlock(
  crypto: Crypto,
  secret: Uint8Array,
  place: BlockPlace,
  bytes: Uint8Array,
  codec: Codec = CODEC.none,
): OpenedBlock | undefined {
  if (bytes.length !== BLOCK_BYTES) return undefined;
  const aead = crypto.aeadKey(blockKey(crypto, secret, place));
  const plaintext = aead.open(NO_NONCE, bytes, NOTHING);
  aead.wipe();
  if (plaintext === null) return undefined;
  const payloadBytes = new DataView(plaintext.buffer, plaintext.byteOffset).getUint32(4);
  if (payloadBytes > BLOCK_PAYLOAD_MAX) return undefined;
  const expected = new Uint8Array(BLOCK_HEADER_BYTES);
  writeHeader(expected, place, payloadBytes, codec);
  for (let i = 0; i < BLOCK_HEADER_BYTES; i++) if (plaintext[i] !== expected[i]) return undefined;
  return { padded: plaintext.subarray(BLOCK_HEADER_BYTES), payloadBytes };
}

function writeHeader(into: Uint8Array, place: BlockPlace, payloadBytes: number, codec: Codec): void {
  const view = new DataView(into.buffer, into.byteOffset);
  into[0] = FORMAT;
  into[1] = place.type;
  into[2] = codec;
  view.setUint32(4, payloadBytes);
  view.setUint32(8, place.segment);
  view.setUint16(12, place.index);
}

function blockKey(crypto: Crypto, secret: Uint8Array, place: BlockPlace): Uint8Array {
  const info = new Uint8Array(KEY_LABEL.length + 7);
  info.set(KEY_LABEL);
  const view = new DataView(info.buffer, KEY_LABEL.length);
  view.setUint8(0, place.type);
  view.setUint32(1, place.segment);
  view.setUint16(5, place.index);
  return crypto.hkdf(secret, '', info, 32);
}
