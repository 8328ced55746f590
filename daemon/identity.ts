/**
 * Who this node is, kept across restarts: the signing seed, link keys and onion keys, and their weekly turn.
 *
 * Shape   one record "keys" of fixed length in the Records table "identity"; loadIdentity makes it on first start.
 * Unit    hours are network hours (since 1970).
 * Why     onion and link keys turn weekly so that a stolen key opens a week at most; the old ones are honoured for a day, because
 *         descriptors in other nodes' hands name them. A circuit handshake may name the current, the next or the old onion key.
 * Source  design §§ 4, 5.
 * @module
 */
import type { Crypto, DhKeyPair, SignKey } from '../crypto/provider.ts';
import { type NodeId, nodeId } from './ids.ts';
import type { Records } from './ports.ts';

const TABLE = 'identity';
const ROW = 'keys';
const KEY_LIFE_HOURS = 168;
const OLD_KEY_GRACE_HOURS = 24;
/** seed, sequence, hour of the last turn, then current / old link key and current / next / old onion key. */
const RECORD_BYTES = 32 + 8 + 8 + 5 * 32;

export interface Identity {
  readonly nodeId: NodeId;
  readonly signKey: SignKey;
  /** Current first; the old one only in its day of grace. */
  linkKeys(nowHour: number): readonly DhKeyPair[];
  /** Current, next, and in its day of grace the old one. */
  onionKeys(nowHour: number): readonly DhKeyPair[];
  /** Turns what is due; true when the descriptor must be signed anew. */
  turn(nowHour: number): boolean;
  /** Rises with every descriptor ever signed, across restarts. */
  nextSequence(): number;
}

interface Keys {
  readonly seed: Uint8Array;
  sequence: number;
  turnedHour: number;
  link: DhKeyPair;
  oldLink: DhKeyPair;
  onion: DhKeyPair;
  nextOnion: DhKeyPair;
  oldOnion: DhKeyPair;
}

export function loadIdentity(crypto: Crypto, records: Records, nowHour: number): Identity {
  const stored = records.get(TABLE, ROW);
  const keys = stored?.length === RECORD_BYTES ? decode(crypto, stored) : freshKeys(crypto, nowHour);
  const save = (): void => records.put(TABLE, ROW, encode(keys));
  save();
  const signKey = crypto.signKey(keys.seed);
  const inGrace = (hour: number): boolean => hour - keys.turnedHour < OLD_KEY_GRACE_HOURS;
  return {
    nodeId: nodeId(crypto.sha256('holloway node', signKey.publicKey)),
    signKey,
    linkKeys: (hour) => (inGrace(hour) && keys.oldLink !== keys.link ? [keys.link, keys.oldLink] : [keys.link]),
    onionKeys: (hour) =>
      inGrace(hour) && keys.oldOnion !== keys.onion
        ? [keys.onion, keys.nextOnion, keys.oldOnion]
        : [keys.onion, keys.nextOnion],
    turn(hour) {
      if (hour - keys.turnedHour < KEY_LIFE_HOURS) return false;
      keys.oldLink = keys.link;
      keys.link = crypto.dhKeyPair();
      keys.oldOnion = keys.onion;
      keys.onion = keys.nextOnion;
      keys.nextOnion = crypto.dhKeyPair();
      keys.turnedHour = hour;
      save();
      return true;
    },
    nextSequence() {
      keys.sequence++;
      save();
      return keys.sequence;
    },
  };
}

function freshKeys(crypto: Crypto, nowHour: number): Keys {
  const link = crypto.dhKeyPair();
  const onion = crypto.dhKeyPair();
  return {
    seed: crypto.randomBytes(32),
    sequence: 0,
    turnedHour: nowHour,
    link,
    oldLink: link,
    onion,
    nextOnion: crypto.dhKeyPair(),
    oldOnion: onion,
  };
}

function encode(keys: Keys): Uint8Array {
  const bytes = new Uint8Array(RECORD_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set(keys.seed, 0);
  view.setBigUint64(32, BigInt(keys.sequence));
  view.setBigUint64(40, BigInt(keys.turnedHour));
  [keys.link, keys.oldLink, keys.onion, keys.nextOnion, keys.oldOnion].forEach((pair, index) => {
    bytes.set(pair.privateKey, 48 + index * 32);
  });
  return bytes;
}

function decode(crypto: Crypto, bytes: Uint8Array): Keys {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const pairs = new Map<string, DhKeyPair>();
  const pair = (index: number): DhKeyPair => {
    const privateKey = bytes.slice(48 + index * 32, 80 + index * 32);
    const name = privateKey.join();
    const known = pairs.get(name); // "old is current" is told by identity, so equal keys must be one object
    if (known !== undefined) return known;
    const made = { privateKey, publicKey: crypto.dhPublicKey(privateKey) };
    pairs.set(name, made);
    return made;
  };
  return {
    seed: bytes.slice(0, 32),
    sequence: Number(view.getBigUint64(32)),
    turnedHour: Number(view.getBigUint64(40)),
    link: pair(0),
    oldLink: pair(1),
    onion: pair(2),
    nextOnion: pair(3),
    oldOnion: pair(4),
  };
}
