/**
 * The node's side of signed records: who may stand under a key, and which of two pointers is newer.
 *
 * Shape   SSK record, 1,186 bytes: version 1, alg 1, kind 1, zero 1, public key 32, encName 32, nonce 12, ct 1,042, signature 64.
 *         Pointer record, 426 bytes: the same with a u64 version before the nonce and ct 274.
 * Errors  none: false / undefined for whatever does not hold.
 * Why     the key is made from the public key and the enciphered name, so nobody without the private key can place a record
 *         under it, and the relaying node learns neither name nor content.
 * Source  formats.md "SSK record", "SSK key", "pointer record".
 * @module
 */
import type { Crypto } from '../../crypto/provider.ts';
import { KIND, type Kind, type RoutingKey, routingKey } from '../ids.ts';
import { POINTER_RECORD_BYTES, SSK_RECORD_BYTES } from '../limits.ts';

const RECORD_VERSION = 1;
const ALGORITHM_ED25519 = 1;
const PUBLIC_KEY_AT = 4;
const ENC_NAME_AT = 36;
const POINTER_VERSION_AT = 68;
const SIGNATURE_BYTES = 64;
/** A pointer's version stays under this, so that numbers hold it exactly (formats.md). */
const POINTER_VERSION_MAX = 2n ** 48n;
const SIGNATURE_LABEL = new TextEncoder().encode('holloway ssk 1');

export function sskRoutingKey(
  crypto: Crypto,
  label: 'holloway ssk' | 'holloway pointer',
  publicKey: Uint8Array,
  encName: Uint8Array,
): RoutingKey {
  return routingKey(crypto.sha256(label, crypto.sha256(publicKey), encName));
}

export function verifySskRecord(crypto: Crypto, key: RoutingKey, record: Uint8Array): boolean {
  if (record.length !== SSK_RECORD_BYTES) return false;
  return (
    headerHolds(record, KIND.ssk) && bindingHolds(crypto, 'holloway ssk', key, record) && signatureHolds(crypto, record)
  );
}

export function verifyPointerRecord(crypto: Crypto, key: RoutingKey, record: Uint8Array): boolean {
  if (record.length !== POINTER_RECORD_BYTES || !headerHolds(record, KIND.pointer)) return false;
  if (pointerVersion(record) === undefined) return false;
  return bindingHolds(crypto, 'holloway pointer', key, record) && signatureHolds(crypto, record);
}

/** The version of a pointer record of the right length; undefined when it is over 2^48. */
export function pointerVersion(record: Uint8Array): number | undefined {
  if (record.length !== POINTER_RECORD_BYTES) return undefined;
  const version = new DataView(record.buffer, record.byteOffset).getBigUint64(POINTER_VERSION_AT);
  return version <= POINTER_VERSION_MAX ? Number(version) : undefined;
}

function headerHolds(record: Uint8Array, kind: Kind): boolean {
  return record[0] === RECORD_VERSION && record[1] === ALGORITHM_ED25519 && record[2] === kind && record[3] === 0;
}

function bindingHolds(
  crypto: Crypto,
  label: 'holloway ssk' | 'holloway pointer',
  key: RoutingKey,
  record: Uint8Array,
): boolean {
  const publicKey = record.subarray(PUBLIC_KEY_AT, PUBLIC_KEY_AT + 32);
  const encName = record.subarray(ENC_NAME_AT, ENC_NAME_AT + 32);
  return crypto.equal(sskRoutingKey(crypto, label, publicKey, encName), key);
}

/** Over all of the record before it, whatever its kind. */
export function signatureHolds(crypto: Crypto, record: Uint8Array): boolean {
  const signed = record.subarray(0, record.length - SIGNATURE_BYTES);
  const message = new Uint8Array(SIGNATURE_LABEL.length + signed.length);
  message.set(SIGNATURE_LABEL);
  message.set(signed, SIGNATURE_LABEL.length);
  return crypto.verify(
    record.subarray(PUBLIC_KEY_AT, PUBLIC_KEY_AT + 32),
    message,
    record.subarray(record.length - SIGNATURE_BYTES),
  );
}
