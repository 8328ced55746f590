/**
 * A bucket of keyword records as one row of the record shelf.
 *
 * Shape   16 bytes of the SHA-256 of what follows, then whole records, best first.
 * Why     signatures are checked when a record comes; doing it for 64 of them at each question would be a way to keep a node busy. The hash is against the disk.
 * Source  keys/node-keyword.ts for what stays and what goes.
 * @module
 */
import type { Crypto } from '../../crypto/provider.ts';
import { bundleOf, isKeywordFresh, joinRecords, mergeKeywords, splitBundle } from '../keys/node-keyword.ts';
import { SSK_RECORD_BYTES } from '../limits.ts';

const HASH_BYTES = 16;

/** Whether the row is as it was written. */
export function isBucketWhole(crypto: Crypto, row: Uint8Array): boolean {
  return crypto.equal(hashOf(crypto, row.subarray(HASH_BYTES)), row.subarray(0, HASH_BYTES));
}

/** How many records a row of so many bytes counts for; what the shelf puts before it does not matter. */
export function bucketWeight(rowBytes: number): number {
  return Math.max(1, Math.floor(rowBytes / SSK_RECORD_BYTES));
}

/** What is answered to a question; undefined when all of it is too old. */
export function answerOfBucket(row: Uint8Array, nowDay: number): Uint8Array | undefined {
  const fresh = splitBundle(row.subarray(HASH_BYTES)).filter((record) => isKeywordFresh(record, nowDay));
  return fresh.length === 0 ? undefined : bundleOf(fresh);
}

/** The row after a bundle came; `present` when that changes nothing, `declined` when none of it is good enough to stay. */
export function addToBucket(
  crypto: Crypto,
  row: Uint8Array | undefined,
  bundle: Uint8Array,
  nowDay: number,
): Uint8Array | 'present' | 'declined' {
  const incoming = splitBundle(bundle);
  const before = row === undefined ? [] : splitBundle(row.subarray(HASH_BYTES));
  const { records, changed } = mergeKeywords(crypto, before, incoming, nowDay);
  if (!records.some((record) => incoming.some((came) => crypto.equal(came, record)))) return 'declined';
  if (!changed) return 'present';
  const joined = joinRecords(records);
  const value = new Uint8Array(HASH_BYTES + joined.length);
  value.set(hashOf(crypto, joined));
  value.set(joined, HASH_BYTES);
  return value;
}

function hashOf(crypto: Crypto, records: Uint8Array): Uint8Array {
  return crypto.sha256(records).slice(0, HASH_BYTES);
}
