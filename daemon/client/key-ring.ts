/**
 * The key ring: signing identities by name, kept sealed in the home.
 *
 * Shape   table "key-ring": HMAC(ring key, name) as hex -> nonce 12, sealed row. Row: version 1, created day u32, public key hash 32, crypto key 32, flags 1,
 *         then the seed 32, or under a passphrase: salt 16, log2 N 1, nonce 12, sealed seed 48; then the name. The ring key follows from the node's identity.
 * Unit    at most KEY_RING_MAX keys; a key opened with its passphrase stays open for UNLOCKED_MS.
 * Errors  LocalError key_exists, unknown_key, locked, wrong_passphrase, bad_uri, usage; the disk's own.
 * Why     whoever copies only the database has nothing: rows are under the home's own key. Whoever copies the whole home still has not
 *         the seeds that have a passphrase, which is what it is for. Nothing here prints a private half but `exportKey`.
 * Source  design § 6; RFC 7914 (scrypt), RFC 8439.
 * @module
 */
import type { Crypto } from '../../crypto/provider.ts';
import { LocalError } from '../errors.ts';
import { hexKey } from '../ids.ts';
import { KEY_RING_MAX } from '../limits.ts';
import type { Clock, Records } from '../ports.ts';
import { generateKeyPair } from './named-documents.ts';
import { ownSubspace } from './signed-record.ts';
import { CODEC, parseUri, printUri, type SskUri, URI_KEY_TYPE } from './uri.ts';

export interface KeyInfo {
  readonly name: string;
  /** SSK@ for readers, without the name of a document. */
  readonly requestUri: string;
  readonly hasPassphrase: boolean;
  /** Days since 1970. */
  readonly createdDay: number;
}

export interface KeyRing {
  list(): readonly KeyInfo[];
  create(name: string, passphrase: Uint8Array | undefined): KeyInfo;
  /** @param uri SSK@ or USK@ in insert form; what follows the key is not kept */
  importKey(name: string, uri: string, passphrase: Uint8Array | undefined): KeyInfo;
  /** The insert form, for one who asked for it. */
  exportKey(name: string, passphrase: Uint8Array | undefined): string;
  remove(name: string): void;
  /** Opens a key that has a passphrase, for a while. */
  unlock(name: string, passphrase: Uint8Array): void;
  /**
   * What to publish as: a name of the ring alone is the site of that name, NAME/DOCUMENT an SSK, and anything with an @ is taken as it is.
   * @throws LocalError unknown_key, locked
   */
  insertUri(as: string): string;
}

export const UNLOCKED_MS = 600_000;
const TABLE = 'key-ring';
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const VERSION = 1;
const FLAG_PASSPHRASE = 1;
const NONCE_BYTES = 12;
const HEAD_BYTES = 1 + 4 + 32 + 32 + 1;
const SALT_BYTES = 16;
const LOCK_BYTES = SALT_BYTES + 1 + NONCE_BYTES + 48;
/** 64 MiB and a fifth of a second, in which the daemon does nothing else. */
const LOG_N = 16;
const LOG_N_MAX = 20;
const DAY_MS = 86_400_000;

interface Row extends KeyInfo {
  readonly publicKeyHash: Uint8Array;
  readonly cryptoKey: Uint8Array;
  /** The seed, or what the passphrase opens. */
  readonly secret: Uint8Array;
}

export interface KeyRingOptions {
  /** log2 of scrypt's N for new seals; the tests' is lower. */
  readonly logN?: number;
}

export function createKeyRing(
  deps: { readonly crypto: Crypto; readonly clock: Clock; readonly records: Records; readonly homeKey: Uint8Array },
  { logN = LOG_N }: KeyRingOptions = {},
): KeyRing {
  const { crypto, clock, records } = deps;
  const ringKey = crypto.hmac(deps.homeKey, 'holloway key ring');
  const open = new Map<string, { readonly seed: Uint8Array; readonly untilMs: number }>();

  const rowName = (name: string): string => hexKey(crypto.hmac(ringKey, 'name', utf8(name)));

  function read(sealed: Uint8Array): Row | undefined {
    if (sealed.length < NONCE_BYTES) return undefined;
    const aead = crypto.aeadKey(ringKey);
    const bytes = aead.open(sealed.subarray(0, NONCE_BYTES), sealed.subarray(NONCE_BYTES), new Uint8Array(0));
    aead.wipe();
    if (bytes === null || bytes[0] !== VERSION) return undefined;
    const hasPassphrase = bytes[69] === FLAG_PASSPHRASE;
    const nameAt = HEAD_BYTES + (hasPassphrase ? LOCK_BYTES : 32);
    const publicKeyHash = bytes.slice(5, 37);
    const cryptoKey = bytes.slice(37, 69);
    return {
      name: new TextDecoder().decode(bytes.subarray(nameAt)),
      requestUri: printUri(sskOf(publicKeyHash, cryptoKey, URI_KEY_TYPE.request)),
      hasPassphrase,
      createdDay: new DataView(bytes.buffer, bytes.byteOffset).getUint32(1),
      publicKeyHash,
      cryptoKey,
      secret: bytes.slice(HEAD_BYTES, nameAt),
    };
  }

  function find(name: string): Row {
    const sealed = records.get(TABLE, rowName(name));
    const row = sealed === undefined ? undefined : read(sealed);
    if (row === undefined) throw new LocalError('unknown_key', name);
    return row;
  }

  function keep(name: string, insert: SskUri, passphrase: Uint8Array | undefined): KeyInfo {
    if (!NAME.test(name))
      throw new LocalError('usage', 'a key is named with up to 63 letters, digits, dots, dashes and _');
    if (records.get(TABLE, rowName(name)) !== undefined) throw new LocalError('key_exists', name);
    if (records.entries(TABLE).length >= KEY_RING_MAX)
      throw new LocalError('busy', `a key ring holds ${KEY_RING_MAX} keys`);
    const { publicKeyHash } = ownSubspace(crypto, insert.subspace, insert.cryptoKey);
    const secret = passphrase === undefined ? insert.subspace : lock(insert.subspace, passphrase);
    const nameBytes = utf8(name);
    const row = new Uint8Array(HEAD_BYTES + secret.length + nameBytes.length);
    row[0] = VERSION;
    new DataView(row.buffer).setUint32(1, Math.floor(clock.wallMs() / DAY_MS));
    row.set(publicKeyHash, 5);
    row.set(insert.cryptoKey, 37);
    row[69] = passphrase === undefined ? 0 : FLAG_PASSPHRASE;
    row.set(secret, HEAD_BYTES);
    row.set(nameBytes, HEAD_BYTES + secret.length);
    const nonce = crypto.randomBytes(NONCE_BYTES);
    const aead = crypto.aeadKey(ringKey);
    const sealed = aead.seal(nonce, row, new Uint8Array(0));
    aead.wipe();
    row.fill(0);
    records.put(TABLE, rowName(name), joined(nonce, sealed));
    return infoOf(find(name));
  }

  function lock(seed: Uint8Array, passphrase: Uint8Array): Uint8Array {
    const salt = crypto.randomBytes(SALT_BYTES);
    const nonce = crypto.randomBytes(NONCE_BYTES);
    const head = joined(salt, Uint8Array.of(logN));
    const aead = crypto.aeadKey(crypto.scrypt(passphrase, salt, logN, 8, 1, 32));
    const sealed = aead.seal(nonce, seed, head);
    aead.wipe();
    return joined(head, nonce, sealed);
  }

  function seedOf(row: Row, passphrase: Uint8Array | undefined): Uint8Array {
    if (!row.hasPassphrase) return row.secret;
    if (passphrase === undefined) {
      const kept = open.get(row.name);
      if (kept !== undefined && kept.untilMs > clock.nowMs()) return kept.seed;
      open.delete(row.name);
      throw new LocalError('locked', row.name);
    }
    const salt = row.secret.subarray(0, SALT_BYTES);
    const cost = row.secret[SALT_BYTES]!;
    if (cost > LOG_N_MAX) throw new LocalError('wrong_passphrase', row.name);
    const aead = crypto.aeadKey(crypto.scrypt(passphrase, salt, cost, 8, 1, 32));
    const head = row.secret.subarray(0, SALT_BYTES + 1);
    const nonce = row.secret.subarray(SALT_BYTES + 1, SALT_BYTES + 1 + NONCE_BYTES);
    const seed = aead.open(nonce, row.secret.subarray(SALT_BYTES + 1 + NONCE_BYTES), head);
    aead.wipe();
    if (seed === null) throw new LocalError('wrong_passphrase', row.name);
    return seed;
  }

  function insertOf(name: string, passphrase: Uint8Array | undefined): SskUri {
    const row = find(name);
    return sskOf(seedOf(row, passphrase), row.cryptoKey, URI_KEY_TYPE.insert);
  }

  return {
    list: () =>
      records
        .entries(TABLE)
        .map(([, sealed]) => read(sealed))
        .filter((row) => row !== undefined)
        .map(infoOf)
        .sort((a, b) => (a.name < b.name ? -1 : 1)),

    create: (name, passphrase) => keep(name, parseUri(generateKeyPair(crypto).insertUri) as SskUri, passphrase),

    importKey(name, text, passphrase) {
      const uri = parseUri(text);
      if ((uri.type !== 'SSK' && uri.type !== 'USK') || uri.keyType !== URI_KEY_TYPE.insert)
        throw new LocalError('bad_uri', 'to import takes the private form of an SSK@ or USK@ key');
      return keep(name, sskOf(uri.subspace, uri.cryptoKey, URI_KEY_TYPE.insert), passphrase);
    },

    exportKey: (name, passphrase) => printUri(insertOf(name, passphrase)),

    remove(name) {
      find(name);
      records.delete(TABLE, rowName(name));
      open.delete(name);
    },

    unlock(name, passphrase) {
      const row = find(name);
      if (row.hasPassphrase) open.set(name, { seed: seedOf(row, passphrase), untilMs: clock.nowMs() + UNLOCKED_MS });
    },

    insertUri(as) {
      if (as.includes('@')) return as;
      const slash = as.indexOf('/');
      const name = slash < 0 ? as : as.slice(0, slash);
      const key = insertOf(name, undefined);
      if (slash >= 0) return printUri({ ...key, name: as.slice(slash + 1) });
      const { subspace, cryptoKey, keyType, codec } = key;
      return printUri({ type: 'USK', subspace, cryptoKey, keyType, codec, site: name, edition: -1, path: [] });
    },
  };

  function infoOf({ name, requestUri, hasPassphrase, createdDay }: Row): KeyInfo {
    return { name, requestUri, hasPassphrase, createdDay };
  }
}

function sskOf(subspace: Uint8Array, cryptoKey: Uint8Array, keyType: 2 | 3): SskUri {
  return { type: 'SSK', subspace, cryptoKey, keyType, codec: CODEC.none, name: '', path: [] };
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
