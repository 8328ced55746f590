/**
 * Keyword records as their author and a searcher see them: made from a word with work, found again by whoever tries the word.
 *
 * Shape   bucket b of a word: HKDF(scrypt(NFKC lower-case word, 'holloway keyword', N = 2^14, r = 8, p = 1, 64 bytes), 'holloway keyword bucket' || u8 b, 64) =
 *         Ed25519 seed 32 || crypto key 32. Record: keys/node-keyword.ts; ct under HKDF(crypto key, 'holloway record' || u8 4), associated data
 *         what stands before the name, nonce as in any record. Content: format 1, size u64, URI (u16 length), type (u8 length), title (u16 length).
 * Errors  openKeyword gives undefined for whatever does not hold: anybody who knows the word may have written it.
 * Why     the name is drawn last and takes part in neither key nor nonce, so that looking for one with enough work is one hash a try.
 * Source  design § 6, formats.md "keyword"; PROTOCOL.md § 9.8.
 * @module
 */
import type { Crypto, SignKey } from '../../crypto/provider.ts';
import { LocalError } from '../errors.ts';
import { type BlockRef, KIND } from '../ids.ts';
import {
  KEYWORD_NAME_AT,
  KEYWORD_NAME_BYTES,
  keywordDay,
  keywordDigest,
  keywordRoutingKey,
  keywordWorkBits,
} from '../keys/node-keyword.ts';
import { KEYWORD_CHARACTERS_MAX, KEYWORDS_MAX, SSK_RECORD_BYTES } from '../limits.ts';
import { parseUri, URI_KEY_TYPE } from './uri.ts';

export interface KeywordBucket {
  readonly ref: BlockRef;
  readonly signKey: SignKey;
  readonly cryptoKey: Uint8Array;
}

export interface KeywordContent {
  /** In a form that can be fetched. */
  readonly uri: string;
  readonly sizeBytes: number;
  readonly contentType: string | undefined;
  readonly title: string | undefined;
}

export interface OpenedKeyword extends KeywordContent {
  readonly day: number;
  readonly workBits: number;
}

const FORMAT = 1;
const HEAD_BYTES = KEYWORD_NAME_AT;
const NONCE_AT = KEYWORD_NAME_AT + KEYWORD_NAME_BYTES;
const CT_AT = NONCE_AT + 12;
const SIGNATURE_BYTES = 64;
const CONTENT_MAX = 1_024;
const SIGNATURE_LABEL = new TextEncoder().encode('holloway ssk 1');
const UTF8 = new TextDecoder('utf-8', { fatal: true });

/** Words as records are filed under; each once. @throws LocalError usage */
export function normaliseWords(given: readonly string[]): string[] {
  const words = new Set(given.map((word) => word.normalize('NFKC').toLowerCase().trim()).filter((word) => word !== ''));
  if (words.size > KEYWORDS_MAX) throw new LocalError('usage', `at most ${KEYWORDS_MAX} keywords`);
  for (const word of words) {
    if (word.length > KEYWORD_CHARACTERS_MAX)
      throw new LocalError('usage', `a keyword has at most ${KEYWORD_CHARACTERS_MAX} characters`);
    if (/[\p{Cc}]/u.test(word)) throw new LocalError('usage', 'a keyword holds a control character');
  }
  return [...words];
}

/** What all buckets of a word follow from: a twentieth of a second, 16 MiB. */
export function keywordSecret(crypto: Crypto, word: string): Uint8Array {
  return crypto.scrypt(utf8(word), utf8('holloway keyword'), 14, 8, 1, 64);
}

export function keywordBucket(crypto: Crypto, secret: Uint8Array, bucket: number): KeywordBucket {
  const info = new Uint8Array([...utf8('holloway keyword bucket'), bucket]);
  const keys = crypto.hkdf(secret, '', info, 64);
  const signKey = crypto.signKey(keys.slice(0, 32));
  return {
    ref: { kind: KIND.keyword, key: keywordRoutingKey(crypto, signKey.publicKey) },
    signKey,
    cryptoKey: keys.slice(32),
  };
}

/**
 * @param bits of work wanted; the search for it goes on in steps, between which `pause` is awaited
 */
export async function sealKeyword(
  crypto: Crypto,
  bucket: KeywordBucket,
  content: KeywordContent,
  day: number,
  bits: number,
  pause: () => Promise<void>,
): Promise<Uint8Array> {
  const record = new Uint8Array(SSK_RECORD_BYTES);
  record.set([1, 1, KIND.keyword, 0]);
  record.set(bucket.signKey.publicKey, 4);
  const plaintext = new Uint8Array(2 + CONTENT_MAX);
  const encoded = encodeContent(content);
  new DataView(plaintext.buffer).setUint16(0, encoded.length);
  plaintext.set(encoded, 2);
  const key = recordKey(crypto, bucket);
  const nonce = nonceOf(crypto, key, plaintext);
  const aead = crypto.aeadKey(key);
  record.set(nonce, NONCE_AT);
  record.set(aead.seal(nonce, plaintext, record.slice(0, HEAD_BYTES)), CT_AT);
  aead.wipe();
  await findName(crypto, record, day, bits, pause);
  const signed = record.subarray(0, record.length - SIGNATURE_BYTES);
  const message = new Uint8Array(SIGNATURE_LABEL.length + signed.length);
  message.set(SIGNATURE_LABEL);
  message.set(signed, SIGNATURE_LABEL.length);
  record.set(bucket.signKey.sign(message), record.length - SIGNATURE_BYTES);
  return record;
}

/** As keywordWorkBits has it. */
const WORK_LABEL = 'holloway keyword work';
/** Tries between two pauses: a few milliseconds. */
const TRIES = 2_048;

async function findName(
  crypto: Crypto,
  record: Uint8Array,
  day: number,
  bits: number,
  pause: () => Promise<void>,
): Promise<void> {
  // Joined once: joining the parts at every try costs as much as the hash.
  const input = new Uint8Array([
    ...utf8(WORK_LABEL),
    ...keywordDigest(crypto, record),
    ...new Uint8Array(KEYWORD_NAME_BYTES),
  ]);
  const name = input.subarray(input.length - KEYWORD_NAME_BYTES);
  const view = new DataView(name.buffer, name.byteOffset);
  name.set(crypto.randomBytes(KEYWORD_NAME_BYTES));
  view.setUint32(0, day);
  for (let tries = 1; ; tries++) {
    view.setUint32(4, tries);
    const hash = crypto.sha256(input);
    const front = ((hash[0]! << 24) | (hash[1]! << 16) | (hash[2]! << 8) | hash[3]!) >>> 0;
    if (Math.clz32(front) >= bits) break;
    if (tries % TRIES === 0) await pause();
  }
  record.set(name, KEYWORD_NAME_AT);
}

/** @param record one of a bundle that was verified (keys/verify.ts) */
export function openKeyword(crypto: Crypto, bucket: KeywordBucket, record: Uint8Array): OpenedKeyword | undefined {
  const key = recordKey(crypto, bucket);
  const nonce = record.subarray(NONCE_AT, CT_AT);
  const aead = crypto.aeadKey(key);
  const plaintext = aead.open(
    nonce,
    record.subarray(CT_AT, record.length - SIGNATURE_BYTES),
    record.subarray(0, HEAD_BYTES),
  );
  aead.wipe();
  if (plaintext === null || !crypto.equal(nonce, nonceOf(crypto, key, plaintext))) return undefined;
  const length = (plaintext[0]! << 8) | plaintext[1]!;
  const content = length > CONTENT_MAX ? undefined : decodeContent(plaintext.subarray(2, 2 + length));
  if (content === undefined) return undefined;
  return { ...content, day: keywordDay(record), workBits: keywordWorkBits(crypto, record) };
}

/** @throws LocalError usage when it does not fit */
export function encodeContent({ uri, sizeBytes, contentType = '', title = '' }: KeywordContent): Uint8Array {
  const [uriBytes, typeBytes, titleBytes] = [utf8(uri), utf8(contentType), utf8(title)];
  const bytes = new Uint8Array(9 + 2 + uriBytes.length + 1 + typeBytes.length + 2 + titleBytes.length);
  if (bytes.length > CONTENT_MAX || typeBytes.length > 255) {
    throw new LocalError('usage', 'the key, type and name of the document are too long together for a keyword record');
  }
  const view = new DataView(bytes.buffer);
  bytes[0] = FORMAT;
  view.setBigUint64(1, BigInt(sizeBytes));
  view.setUint16(9, uriBytes.length);
  bytes.set(uriBytes, 11);
  let at = 11 + uriBytes.length;
  bytes[at] = typeBytes.length;
  bytes.set(typeBytes, at + 1);
  at += 1 + typeBytes.length;
  view.setUint16(at, titleBytes.length);
  bytes.set(titleBytes, at + 2);
  return bytes;
}

/** Undefined for anything that an honest author does not write; the text in it may still say anything. */
export function decodeContent(bytes: Uint8Array): KeywordContent | undefined {
  if (bytes.length < 14 || bytes[0] !== FORMAT) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const size = view.getBigUint64(1);
  const typeAt = 11 + view.getUint16(9);
  if (size > BigInt(Number.MAX_SAFE_INTEGER) || typeAt >= bytes.length) return undefined;
  const titleAt = typeAt + 1 + bytes[typeAt]!;
  if (titleAt + 2 > bytes.length || titleAt + 2 + view.getUint16(titleAt) !== bytes.length) return undefined;
  try {
    const uri = UTF8.decode(bytes.subarray(11, typeAt));
    const contentType = UTF8.decode(bytes.subarray(typeAt + 1, titleAt));
    const title = UTF8.decode(bytes.subarray(titleAt + 2));
    const parsed = parseUri(uri);
    if (parsed.type === 'KSK' || parsed.keyType === URI_KEY_TYPE.insert) return undefined;
    if (/[\p{Cc}]/u.test(contentType) || /[\p{Cc}]/u.test(title)) return undefined;
    return { uri, sizeBytes: Number(size), contentType: contentType || undefined, title: title || undefined };
  } catch {
    return undefined; // no text, or no key
  }
}

function recordKey(crypto: Crypto, { cryptoKey }: KeywordBucket): Uint8Array {
  return crypto.hkdf(cryptoKey, '', new Uint8Array([...utf8('holloway record'), KIND.keyword]), 32);
}

function nonceOf(crypto: Crypto, key: Uint8Array, plaintext: Uint8Array): Uint8Array {
  return crypto.hmac(key, new Uint8Array(8), plaintext).slice(0, 12);
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
