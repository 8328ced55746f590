/**
 * The node's side of keyword records: many of them stand under one key, the bucket of a word, and work decides which stay.
 *
 * Shape   record: as an SSK of kind 4, its enciphered name being day u32 (since 1970) and 28 bytes drawn by its author. Key of a bucket: SHA-256('holloway
 *         keyword' || SHA-256(public key)). What travels is a bundle: 1..27 records of one bucket in ascending order of their names, each name once.
 * Unit    work: leading zero bits of SHA-256('holloway keyword work' || SHA-256(record without name and signature) || name), at least KEYWORD_WORK_BITS_MIN.
 * Rule    a node keeps KEYWORD_RECORDS_MAX of a bucket: most work first, then the newest, then the lower name; none older than KEYWORD_DAYS, none of a
 *         day to come. It answers with the first 27 of them.
 * Why     the key pair follows from the word, so whoever knows the word may sign: records cannot be told from junk, they can only cost something. A node that
 *         holds them has neither the word nor what they say, unless it guesses the word.
 * Source  design § 6 ("Keyword record"), formats.md "keyword"; PROTOCOL.md § 9.8.
 * @module
 */
import type { Crypto } from '../../crypto/provider.ts';
import { KIND, type RoutingKey, routingKey } from '../ids.ts';
import {
  KEYWORD_BUNDLE_MAX,
  KEYWORD_DAYS,
  KEYWORD_RECORDS_MAX,
  KEYWORD_WORK_BITS_MIN,
  SSK_RECORD_BYTES,
} from '../limits.ts';
import { signatureHolds } from './node-ssk.ts';

export const KEYWORD_NAME_AT = 36;
export const KEYWORD_NAME_BYTES = 32;
const PUBLIC_KEY_AT = 4;
const SIGNATURE_BYTES = 64;
/** Clocks differ: a record may be of the day after ours. */
const DAYS_AHEAD = 1;

export function keywordRoutingKey(crypto: Crypto, publicKey: Uint8Array): RoutingKey {
  return routingKey(crypto.sha256('holloway keyword', crypto.sha256(publicKey)));
}

export function verifyKeywordBundle(crypto: Crypto, key: RoutingKey, bundle: Uint8Array): boolean {
  const records = splitBundle(bundle);
  if (records.length < 1 || records.length > KEYWORD_BUNDLE_MAX) return false;
  const publicKey = records[0]!.subarray(PUBLIC_KEY_AT, KEYWORD_NAME_AT);
  if (!crypto.equal(keywordRoutingKey(crypto, publicKey), key)) return false;
  // What costs most comes last, so that most of what is wrong costs little.
  return (
    records.every(headerHolds) &&
    records.every((record) => crypto.equal(record.subarray(PUBLIC_KEY_AT, KEYWORD_NAME_AT), publicKey)) &&
    records.every((record, i) => i === 0 || compareNames(records[i - 1]!, record) < 0) &&
    records.every((record) => keywordWorkBits(crypto, record) >= KEYWORD_WORK_BITS_MIN) &&
    records.every((record) => signatureHolds(crypto, record))
  );
}

/** Empty when the length is not that of whole records. */
export function splitBundle(bundle: Uint8Array): Uint8Array[] {
  if (bundle.length % SSK_RECORD_BYTES !== 0) return [];
  return Array.from({ length: bundle.length / SSK_RECORD_BYTES }, (_, i) =>
    bundle.subarray(i * SSK_RECORD_BYTES, (i + 1) * SSK_RECORD_BYTES),
  );
}

export function keywordDay(record: Uint8Array): number {
  return new DataView(record.buffer, record.byteOffset).getUint32(KEYWORD_NAME_AT);
}

export function keywordWorkBits(crypto: Crypto, record: Uint8Array): number {
  const name = record.subarray(KEYWORD_NAME_AT, KEYWORD_NAME_AT + KEYWORD_NAME_BYTES);
  return zeroBits(crypto.sha256('holloway keyword work', keywordDigest(crypto, record), name));
}

/** Of all that does not change while an author looks for a name with enough work. */
export function keywordDigest(crypto: Crypto, record: Uint8Array): Uint8Array {
  const rest = record.subarray(KEYWORD_NAME_AT + KEYWORD_NAME_BYTES, record.length - SIGNATURE_BYTES);
  return crypto.sha256(record.subarray(0, KEYWORD_NAME_AT), rest);
}

export function isKeywordFresh(record: Uint8Array, nowDay: number): boolean {
  const day = keywordDay(record);
  return day <= nowDay + DAYS_AHEAD && day > nowDay - KEYWORD_DAYS;
}

/** What a node holds after `incoming` came, best first; `changed` is false when it is what it was. */
export function mergeKeywords(
  crypto: Crypto,
  existing: readonly Uint8Array[],
  incoming: readonly Uint8Array[],
  nowDay: number,
): { readonly records: readonly Uint8Array[]; readonly changed: boolean } {
  const known = new Set(existing.map(nameText));
  // Of one name the record that was first stays, as with any SSK.
  const added = incoming.filter((record) => !known.has(nameText(record)));
  const records = [...existing, ...added].filter((record) => isKeywordFresh(record, nowDay));
  const ranked = records
    .map((record) => ({ record, bits: keywordWorkBits(crypto, record), day: keywordDay(record) }))
    .sort((a, b) => b.bits - a.bits || b.day - a.day || compareNames(a.record, b.record))
    .slice(0, KEYWORD_RECORDS_MAX)
    .map(({ record }) => record);
  const changed = ranked.length !== existing.length || ranked.some((record) => !known.has(nameText(record)));
  return { records: ranked, changed };
}

/** @param records best first */
export function bundleOf(records: readonly Uint8Array[]): Uint8Array {
  return joinRecords(records.slice(0, KEYWORD_BUNDLE_MAX).sort(compareNames));
}

export function joinRecords(records: readonly Uint8Array[]): Uint8Array {
  const bundle = new Uint8Array(records.length * SSK_RECORD_BYTES);
  for (const [i, record] of records.entries()) bundle.set(record, i * SSK_RECORD_BYTES);
  return bundle;
}

function headerHolds(record: Uint8Array): boolean {
  return record[0] === 1 && record[1] === 1 && record[2] === KIND.keyword && record[3] === 0;
}

function compareNames(a: Uint8Array, b: Uint8Array): number {
  const end = KEYWORD_NAME_AT + KEYWORD_NAME_BYTES;
  for (let i = KEYWORD_NAME_AT; i < end; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return 0;
}

function nameText(record: Uint8Array): string {
  return String.fromCharCode(...record.subarray(KEYWORD_NAME_AT, KEYWORD_NAME_AT + KEYWORD_NAME_BYTES));
}

function zeroBits(hash: Uint8Array): number {
  let bits = 0;
  for (const byte of hash) {
    if (byte !== 0) return bits + Math.clz32(byte) - 24;
    bits += 8;
  }
  return bits;
}
