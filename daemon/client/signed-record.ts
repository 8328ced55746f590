/**
 * Signed records as their owner and readers see them: named, sealed and signed on the way out, opened and checked on the way in.
 *
 * Shape   SSK and pointer record as keys/node-ssk.ts has them. encName = HMAC(crypto key, 'holloway name' || NFC name); record key =
 *         HKDF(crypto key, salt encName, 'holloway record' || u8 kind); ct = ChaCha20-Poly1305 over length u16 and content, zero padded to
 *         1,024 (pointer: 256), with everything before the nonce as associated data; nonce = first 12 bytes of HMAC(record key, version u64 || plaintext).
 *         Content of SSK and pointer: target 1 (CHK), key type, codec, routing key 32, crypto key 32.
 * Errors  openRecord gives undefined for whatever does not hold; decodeTarget throws LocalError bad_manifest, because the key's owner signed it.
 * Why     the nonce follows from the content, so the same content gives the same record: publishing it again collides with nothing, and no
 *         counter has to be kept between two machines that hold one key.
 * Source  formats.md "SSK record", "SSK key", "pointer record", "record nonce"; PROTOCOL.md § 9.7.
 * @module
 */
import type { Crypto, SignKey } from '../../crypto/provider.ts';
import { assert, LocalError } from '../errors.ts';
import { type BlockRef, KIND, type RoutingKey, routingKey } from '../ids.ts';
import { pointerVersion } from '../keys/node-ssk.ts';
import { POINTER_RECORD_BYTES, SSK_RECORD_BYTES } from '../limits.ts';
import { type ChkUri, CODEC, type Codec, URI_KEY_TYPE } from './uri.ts';

/** SSK: documents by name. Pointer: the newest edition of a site. */
export type RecordKind = typeof KIND.ssk | typeof KIND.pointer;

/** What a reader knows of a subspace: what signs in it (as a hash), and what opens its records. */
export interface Subspace {
  readonly publicKeyHash: Uint8Array; // 32
  readonly cryptoKey: Uint8Array; // 32
}

/** What its owner knows besides. */
export interface OwnSubspace extends Subspace {
  readonly signKey: SignKey;
}

export interface OpenedRecord {
  /** 0 for an SSK. */
  readonly version: number;
  readonly content: Uint8Array;
}

export const SSK_CONTENT_MAX = 1_024;
const POINTER_CONTENT_MAX = 256;
const HEAD_BYTES = 68; // version, alg, kind, zero, public key, encName
const NONCE_BYTES = 12;
const SIGNATURE_BYTES = 64;
const SIGNATURE_LABEL = new TextEncoder().encode('holloway ssk 1');
const LABELS = { [KIND.ssk]: 'holloway ssk', [KIND.pointer]: 'holloway pointer' } as const;
const TARGET_CHK = 1;
const TARGET_BYTES = 67;

export function ownSubspace(crypto: Crypto, seed: Uint8Array, cryptoKey: Uint8Array): OwnSubspace {
  const signKey = crypto.signKey(seed);
  return { signKey, publicKeyHash: crypto.sha256(signKey.publicKey), cryptoKey };
}

/** The key pair behind KSK@word: whoever knows or guesses the word has it too. */
export function kskSubspace(crypto: Crypto, word: string): OwnSubspace {
  const keys = crypto.scrypt(utf8(word.normalize('NFC')), utf8('holloway ksk'), 14, 8, 1, 64);
  return ownSubspace(crypto, keys.slice(0, 32), keys.slice(32));
}

/** The name as relays see it. */
export function encipherName(crypto: Crypto, cryptoKey: Uint8Array, name: string): Uint8Array {
  return crypto.hmac(cryptoKey, 'holloway name', utf8(name.normalize('NFC')));
}

export function recordRef(crypto: Crypto, kind: RecordKind, space: Subspace, name: string): BlockRef {
  const encName = encipherName(crypto, space.cryptoKey, name);
  return { kind, key: refKey(crypto, kind, space, encName) };
}

/** @param version of a pointer; 0 for an SSK */
export function sealRecord(
  crypto: Crypto,
  kind: RecordKind,
  space: OwnSubspace,
  name: string,
  version: number,
  content: Uint8Array,
): { readonly ref: BlockRef; readonly bytes: Uint8Array } {
  const { headBytes, contentMax, recordBytes } = shapeOf(kind);
  assert(content.length <= contentMax, 'content fits its record');
  const encName = encipherName(crypto, space.cryptoKey, name);
  const record = new Uint8Array(recordBytes);
  const view = new DataView(record.buffer);
  record.set([1, 1, kind, 0]);
  record.set(space.signKey.publicKey, 4);
  record.set(encName, 36);
  if (kind === KIND.pointer) view.setBigUint64(HEAD_BYTES, BigInt(version));
  const plaintext = new Uint8Array(2 + contentMax);
  new DataView(plaintext.buffer).setUint16(0, content.length);
  plaintext.set(content, 2);
  const key = recordKey(crypto, kind, space.cryptoKey, encName);
  const nonce = nonceOf(crypto, key, version, plaintext);
  record.set(nonce, headBytes);
  const aead = crypto.aeadKey(key);
  record.set(aead.seal(nonce, plaintext, record.slice(0, headBytes)), headBytes + NONCE_BYTES);
  aead.wipe();
  record.set(signatureOf(space.signKey, record), recordBytes - SIGNATURE_BYTES);
  return { ref: { kind, key: refKey(crypto, kind, space, encName) }, bytes: record };
}

/** @param bytes already verified against their key as any relay does (keys/verify.ts) */
export function openRecord(
  crypto: Crypto,
  kind: RecordKind,
  space: Subspace,
  name: string,
  bytes: Uint8Array,
): OpenedRecord | undefined {
  const { headBytes, contentMax, recordBytes } = shapeOf(kind);
  if (bytes.length !== recordBytes || bytes[2] !== kind) return undefined;
  const version = kind === KIND.pointer ? pointerVersion(bytes) : 0;
  if (version === undefined) return undefined;
  const encName = encipherName(crypto, space.cryptoKey, name);
  const key = recordKey(crypto, kind, space.cryptoKey, encName);
  const nonce = bytes.subarray(headBytes, headBytes + NONCE_BYTES);
  const aead = crypto.aeadKey(key);
  const sealed = bytes.subarray(headBytes + NONCE_BYTES, recordBytes - SIGNATURE_BYTES);
  const plaintext = aead.open(nonce, sealed, bytes.subarray(0, headBytes));
  aead.wipe();
  if (plaintext === null || !crypto.equal(nonce, nonceOf(crypto, key, version, plaintext))) return undefined;
  const length = (plaintext[0]! << 8) | plaintext[1]!;
  if (length > contentMax || plaintext.subarray(2 + length).some((byte) => byte !== 0)) return undefined;
  return { version, content: plaintext.slice(2, 2 + length) };
}

/** What a name leads to. */
export type Target = Pick<ChkUri, 'routingKey' | 'cryptoKey' | 'keyType' | 'codec'>;

export function encodeTarget({ routingKey: key, cryptoKey, keyType, codec }: Target): Uint8Array {
  const content = new Uint8Array(TARGET_BYTES);
  content.set([TARGET_CHK, keyType, codec]);
  content.set(key, 3);
  content.set(cryptoKey, 35);
  return content;
}

/** @throws LocalError bad_manifest */
export function decodeTarget(content: Uint8Array): Target {
  const [type, keyType, codec] = content;
  const isKnown =
    content.length === TARGET_BYTES &&
    type === TARGET_CHK &&
    (keyType === URI_KEY_TYPE.data || keyType === URI_KEY_TYPE.manifest) &&
    (codec === CODEC.none || (codec === CODEC.zstd && keyType === URI_KEY_TYPE.manifest));
  if (!isKnown) throw new LocalError('bad_manifest', 'its record leads to something not known here');
  return {
    routingKey: routingKey(content.slice(3, 35)),
    cryptoKey: content.slice(35),
    keyType,
    codec: codec as Codec,
  };
}

function shapeOf(kind: RecordKind): {
  readonly headBytes: number;
  readonly contentMax: number;
  readonly recordBytes: number;
} {
  if (kind === KIND.ssk) return { headBytes: HEAD_BYTES, contentMax: SSK_CONTENT_MAX, recordBytes: SSK_RECORD_BYTES };
  return { headBytes: HEAD_BYTES + 8, contentMax: POINTER_CONTENT_MAX, recordBytes: POINTER_RECORD_BYTES };
}

function refKey(crypto: Crypto, kind: RecordKind, space: Subspace, encName: Uint8Array): RoutingKey {
  return routingKey(crypto.sha256(LABELS[kind], space.publicKeyHash, encName));
}

function recordKey(crypto: Crypto, kind: RecordKind, cryptoKey: Uint8Array, encName: Uint8Array): Uint8Array {
  const info = new Uint8Array([...utf8('holloway record'), kind]);
  return crypto.hkdf(cryptoKey, encName, info, 32);
}

function nonceOf(crypto: Crypto, key: Uint8Array, version: number, plaintext: Uint8Array): Uint8Array {
  const versionBytes = new Uint8Array(8);
  new DataView(versionBytes.buffer).setBigUint64(0, BigInt(version));
  return crypto.hmac(key, versionBytes, plaintext).slice(0, NONCE_BYTES);
}

function signatureOf(signKey: SignKey, record: Uint8Array): Uint8Array {
  const signed = record.subarray(0, record.length - SIGNATURE_BYTES);
  const message = new Uint8Array(SIGNATURE_LABEL.length + signed.length);
  message.set(SIGNATURE_LABEL);
  message.set(signed, SIGNATURE_LABEL.length);
  return signKey.sign(message);
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
