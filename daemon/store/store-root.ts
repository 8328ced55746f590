/**
 * What makes a directory a store: the format's number and the secret all its keys come from.
 *
 * Shape   table "store" of the records file: "format" one byte; "root" u8 sealing (0: none) and 32 bytes; "sequence" (sequence.ts).
 * Errors  LocalError `store_format` for a newer format, a sealing this version does not know, or a root of the wrong length.
 * Why     without its root nothing in a slot can be found or read any more: where the records are gone, the slots are emptied and
 *         the store begins anew, instead of carrying blocks that nobody can ask for.
 * @module
 */
import { LocalError } from '../errors.ts';
import type { Random, Records } from '../ports.ts';
import type { SlotFile } from './slot-file.ts';
import { STORE_ROOT_BYTES } from './store-keys.ts';

export const STORE_FORMAT = 1;
export const STATE_TABLE = 'store';
export const SEQUENCE_KEY = 'sequence';
const SEALING_NONE = 0;

export async function openStoreRoot(records: Records, slots: SlotFile, random: Random): Promise<Uint8Array> {
  const format = records.get(STATE_TABLE, 'format');
  if (format === undefined) return beginStore(records, slots, random);
  if (format[0] !== STORE_FORMAT) {
    throw new LocalError('store_format', `format ${format[0]}, this version knows ${STORE_FORMAT}`);
  }
  const root = records.get(STATE_TABLE, 'root');
  if (root === undefined || root[0] !== SEALING_NONE || root.length !== 1 + STORE_ROOT_BYTES) {
    throw new LocalError('store_format', 'its secret is missing or sealed in a way this version does not know');
  }
  return root.subarray(1);
}

async function beginStore(records: Records, slots: SlotFile, random: Random): Promise<Uint8Array> {
  await slots.resize(0);
  const root = random.bytes(STORE_ROOT_BYTES);
  records.transaction(() => {
    records.put(STATE_TABLE, 'format', Uint8Array.of(STORE_FORMAT));
    records.put(STATE_TABLE, 'root', Uint8Array.of(SEALING_NONE, ...root));
  });
  return root;
}
