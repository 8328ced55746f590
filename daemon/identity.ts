/**
 * Who this node is, kept across restarts: the signing seed, link keys and onion keys, and their weekly turn.
 *
 * Shape   one record "keys" of fixed length in the Records table "identity"; loadIdentity makes it on first start.
 * Unit    hours are network hours (since 1970).
 * Errors  the LocalError of Records where a new identity cannot be kept. A disk that refuses later keeps no node from starting: keys
 *         then turn when it takes them, for they would be lost at the next start.
 * Why     onion and link keys turn weekly so that a stolen key opens a week at most; the old ones are honoured for a day, because
 *         descriptors in other nodes' hands name them. A circuit handshake may name the current, the next or the old onion key.
 *         A sequence begins at the hour of the start at least: else one that a read-only disk did not keep, or a home restored from a
 *         copy, would give lower ones than others have seen, and those count as old.
 * Source  design §§ 4, 5.
 * @module
 */
import type { Crypto, DhKeyPair, SignKey } from '../crypto/provider.ts';
import { LocalError } from './errors.ts';
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
  /** Turns what is due, if that can be kept; true when the descriptor must be signed anew. */
  turn(nowHour: number): boolean;
  /** Rises with every descriptor ever signed, across restarts. */
  nextSequence(): number;
}

interface Keys {
  readonly seed: Uint8Array;
  readonly sequence: number;
  readonly turnedHour: number;
  readonly link: DhKeyPair;
  readonly oldLink: DhKeyPair;
  readonly onion: DhKeyPair;
  readonly nextOnion: DhKeyPair;
  readonly oldOnion: DhKeyPair;
}

export function loadIdentity(crypto: Crypto, records: Records, nowHour: number): Identity {
  const stored = records.get(TABLE, ROW);
  const isKnown = stored?.length === RECORD_BYTES;
  let keys = isKnown ? decode(crypto, stored) : freshKeys(crypto, nowHour);
  if (!isKnown) records.put(TABLE, ROW, encode(keys));

  /** False: the disk refuses, and all stays as it was. */
  function change(next: Keys): boolean {
    try {
      records.put(TABLE, ROW, encode(next));
    } catch (error) {
      if (error instanceof LocalError) return false;
      throw error;
    }
    keys = next;
    return true;
  }

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
      return change({
        ...keys,
        oldLink: keys.link,
        link: crypto.dhKeyPair(),
        oldOnion: keys.onion,
        onion: keys.nextOnion,
        nextOnion: crypto.dhKeyPair(),
        turnedHour: hour,
      });
    },
    nextSequence() {
      const next = { ...keys, sequence: Math.max(keys.sequence + 1, nowHour) };
      if (!change(next)) keys = next;
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
