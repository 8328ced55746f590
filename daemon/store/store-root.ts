/**
 * What makes a directory a store: the format's number and the secret all its keys come from.
 *
 * Shape   table "store" of the records file: "format" one byte; "sequence", "sequence-cache" (sequence.ts); "size" u64 (resizer.ts);
 *         "root" u8 sealing, then for 0 (none) the 32 bytes, for 1 (passphrase) u8 log2 N, u8 r, u8 p, salt 16, nonce 12, and the 32
 *         bytes under ChaCha20-Poly1305 with the key scrypt(passphrase, salt) and everything before the nonce as associated data.
 * Errors  LocalError `store_format` for a newer format, a sealing this version does not know, or a root of the wrong length;
 *         `bad_passphrase` when it is sealed and the passphrase is missing or wrong.
 * Why     only the root is sealed, so a passphrase changes without touching a slot. Whoever has the disk without it has no key of the
 *         index, none of the slots and none of the references: he cannot even test a routing key that he knows.
 *         Without its root nothing in a slot can be found or read any more: where the records are gone, the slots are emptied and
 *         the store begins anew, instead of carrying blocks that nobody can ask for.
 * Source  RFC 7914 (scrypt), RFC 8439; decisions/0001-owned-refs-on-disk.md.
 * @module
 */
import { LocalError } from '../errors.ts';
import type { Crypto, Random, Records } from '../ports.ts';
import type { SlotFile } from './slot-file.ts';
import { STORE_ROOT_BYTES } from './store-keys.ts';

export const STORE_FORMAT = 1;
export const STATE_TABLE = 'store';
export const SEQUENCE_KEY = 'sequence';
export const CACHE_SEQUENCE_KEY = 'sequence-cache';
const SIZE_KEY = 'size';

const SEALING = { none: 0, passphrase: 1 } as const;
const SALT_AT = 4;
const NONCE_AT = 20;
const SEALED_AT = 32;
const SEALED_ROOT_BYTES = SEALED_AT + STORE_ROOT_BYTES + 16;
/** 128 MiB and about half a second for each guess. */
const SCRYPT = { logN: 17, r: 8, p: 1 } as const;
/** What a root on disk may ask of us at most: 1 GiB. */
const SCRYPT_MAX = { logN: 20, r: 8, p: 4 } as const;

export interface StoreRoot {
  readonly bytes: Uint8Array;
  readonly isSealed: boolean;
  /** Seals under another passphrase, or under none. Durable when it returns. */
  seal(passphrase: Uint8Array | undefined): void;
}

export interface RootDeps {
  readonly crypto: Crypto;
  readonly random: Random;
  readonly records: Records;
  readonly slots: SlotFile;
}

/** @param logN cost of a new sealing; tests take less */
export async function openStoreRoot(
  deps: RootDeps,
  passphrase: Uint8Array | undefined,
  logN: number = SCRYPT.logN,
): Promise<StoreRoot> {
  const { crypto, random, records, slots } = deps;
  const format = records.get(STATE_TABLE, 'format');
  if (format !== undefined && format[0] !== STORE_FORMAT) {
    throw new LocalError('store_format', `format ${format[0]}, this version knows ${STORE_FORMAT}`);
  }

  function write(bytes: Uint8Array, secret: Uint8Array | undefined): void {
    const row =
      secret === undefined ? Uint8Array.of(SEALING.none, ...bytes) : sealRoot(crypto, random, bytes, secret, logN);
    records.transaction(() => {
      records.put(STATE_TABLE, 'format', Uint8Array.of(STORE_FORMAT));
      records.put(STATE_TABLE, 'root', row);
    });
  }

  let isSealed = passphrase !== undefined;
  let bytes: Uint8Array;
  if (format === undefined) {
    await slots.truncate(0);
    bytes = random.bytes(STORE_ROOT_BYTES);
    write(bytes, passphrase);
  } else {
    const row = records.get(STATE_TABLE, 'root');
    bytes = openRoot(crypto, row, passphrase);
    isSealed = row![0] === SEALING.passphrase;
    if (!isSealed && passphrase !== undefined) {
      write(bytes, passphrase);
      isSealed = true;
    }
  }
  return {
    bytes,
    get isSealed() {
      return isSealed;
    },
    seal(secret) {
      write(bytes, secret);
      isSealed = secret !== undefined;
    },
  };
}

function openRoot(crypto: Crypto, row: Uint8Array | undefined, passphrase: Uint8Array | undefined): Uint8Array {
  if (row?.[0] === SEALING.none && row.length === 1 + STORE_ROOT_BYTES) return row.slice(1);
  if (row?.[0] !== SEALING.passphrase || row.length !== SEALED_ROOT_BYTES) {
    throw new LocalError('store_format', 'its secret is missing or sealed in a way this version does not know');
  }
  const [, logN, r, p] = row as unknown as [number, number, number, number];
  if (logN < 1 || logN > SCRYPT_MAX.logN || r < 1 || r > SCRYPT_MAX.r || p < 1 || p > SCRYPT_MAX.p) {
    throw new LocalError('store_format', 'its secret is sealed at a cost this version does not pay');
  }
  if (passphrase === undefined) throw new LocalError('bad_passphrase', 'none was given');
  const key = crypto.aeadKey(crypto.scrypt(passphrase, row.subarray(SALT_AT, NONCE_AT), logN, r, p, 32));
  const root = key.open(row.subarray(NONCE_AT, SEALED_AT), row.subarray(SEALED_AT), row.subarray(0, NONCE_AT));
  key.wipe();
  if (root === null) throw new LocalError('bad_passphrase', 'it is not the one this store was sealed with');
  return root;
}

function sealRoot(crypto: Crypto, random: Random, root: Uint8Array, passphrase: Uint8Array, logN: number): Uint8Array {
  const row = new Uint8Array(SEALED_ROOT_BYTES);
  row.set([SEALING.passphrase, logN, SCRYPT.r, SCRYPT.p]);
  row.set(random.bytes(SEALED_AT - SALT_AT), SALT_AT); // salt and nonce
  const key = crypto.aeadKey(crypto.scrypt(passphrase, row.subarray(SALT_AT, NONCE_AT), logN, SCRYPT.r, SCRYPT.p, 32));
  row.set(key.seal(row.subarray(NONCE_AT, SEALED_AT), root, row.subarray(0, NONCE_AT)), SEALED_AT);
  key.wipe();
  return row;
}

/** What the store was last told to be; undefined when nobody said so yet. */
export function readSize(records: Records): number | undefined {
  const row = records.get(STATE_TABLE, SIZE_KEY);
  return row?.length === 8 ? Number(new DataView(row.buffer, row.byteOffset).getBigUint64(0)) : undefined;
}

export function writeSize(records: Records, sizeBytes: number): void {
  const row = new Uint8Array(8);
  new DataView(row.buffer).setBigUint64(0, BigInt(sizeBytes));
  records.put(STATE_TABLE, SIZE_KEY, row);
}
