/**
 * Invites: one line that brings a node into a network, or makes two nodes friends.
 *
 * Shape   "holloway-invite:" and base64url of: version 1, u16 length of all these bytes, msgpack [kind, network name, network id 8,
 *         [seed descriptor, ...], expiry in seconds since 1970, secret 16], first 4 bytes of SHA-256('holloway invite' || all before).
 * Unit    expiresAtMs is wall time, whole seconds; it travels as seconds in 32 bits.
 * Errors  decodeInvite returns what is wrong with a line, never throws: too short and no longer valid are different mistakes of
 *         different people, and each has its own remedy. encodeInvite throws RangeError: our own fields broke their bounds.
 * Why     a seed stands in it as its whole signed descriptor: address, keys and proof of both in the form that joining checks anyway.
 *         The checksum is against slips of the clipboard; forgery is met by the descriptors' signatures and the secret.
 *         White space anywhere and dots at the end are passed over: mail and chat programs add both.
 * Source  design § 5 (friends); ux § 5 (joining).
 * @module
 */
import { concatBytes, toBytes } from '../../crypto/bytes.ts';
import type { Crypto } from '../../crypto/provider.ts';
import { ProtocolError } from '../errors.ts';
import { DESCRIPTOR_BYTES_MAX, INVITE_CHARACTERS_MAX, INVITE_SEEDS_MAX } from '../limits.ts';
import { packArray, unpackArray } from './codec.ts';

export const INVITE_PREFIX = 'holloway-invite:';
export const INVITE_SECRET_BYTES = 16;
export const NETWORK_ID_BYTES = 8;

const VERSION = 1;
const HEAD_BYTES = 3;
const CHECKSUM_BYTES = 4;
const CHECKSUM_LABEL = 'holloway invite';
const SECONDS_MAX = 0xffff_ffff;
const ELEMENTS_MAX = 40;
const NETWORK_NAME = /^[a-z0-9][a-z0-9-]{0,31}$/;
/** network: join through these seeds; friend: link to this one node, which expects whoever knows the secret. */
export const INVITE_KIND = { network: 1, friend: 2 } as const;
export type InviteKind = keyof typeof INVITE_KIND;

export interface Invite {
  readonly kind: InviteKind;
  readonly networkName: string;
  /** 8 bytes; networkIdOf() for a network that has no other. */
  readonly networkId: Uint8Array;
  /** 1 to 3 signed descriptors as encoded; a friend's invite has one, the friend's own. Not verified here. */
  readonly seeds: readonly Uint8Array[];
  /** Milliseconds since 1970, a whole number of seconds. */
  readonly expiresAtMs: number;
  /** 16 random bytes; whoever shows to know them is the one who was invited, once. */
  readonly secret: Uint8Array;
}

export type InviteReading =
  | { readonly type: 'invite'; readonly invite: Invite }
  | { readonly type: 'expired'; readonly invite: Invite }
  /** The end is missing: `missingCharacters` of the line. */
  | { readonly type: 'cutOff'; readonly missingCharacters: number }
  /** A character is wrong, or something stands behind the end. */
  | { readonly type: 'damaged' }
  | { readonly type: 'newerVersion'; readonly version: number }
  | { readonly type: 'notAnInvite' };

/** What tells networks of one name apart from those of another. */
export function networkIdOf(crypto: Crypto, networkName: string): Uint8Array {
  return crypto.sha256('holloway network', toBytes(networkName)).slice(0, NETWORK_ID_BYTES);
}

export function encodeInvite(crypto: Crypto, invite: Invite): string {
  if (problemOf(invite)) throw new RangeError('a field of the invite breaks its bounds');
  const { kind, networkName, networkId, seeds, expiresAtMs, secret } = invite;
  const body = packArray([
    INVITE_KIND[kind],
    toBytes(networkName),
    networkId,
    seeds,
    Math.floor(expiresAtMs / 1_000),
    secret,
  ]);
  const length = HEAD_BYTES + body.length + CHECKSUM_BYTES;
  const checked = concatBytes(Uint8Array.of(VERSION, length >>> 8, length & 0xff), body);
  return INVITE_PREFIX + Buffer.from(concatBytes(checked, checksum(crypto, checked))).toString('base64url');
}

/** @param nowMs wall time, by which expiry is judged */
export function decodeInvite(crypto: Crypto, line: string, nowMs: number): InviteReading {
  if (line.length > 2 * INVITE_CHARACTERS_MAX) return { type: 'notAnInvite' };
  const text = line.replace(/\s+/g, '').replace(/\.+$/, '');
  if (text !== '' && INVITE_PREFIX.startsWith(text)) return { type: 'cutOff', missingCharacters: 1 };
  if (!text.startsWith(INVITE_PREFIX) || text.length > INVITE_CHARACTERS_MAX) return { type: 'notAnInvite' };
  const encoded = text.slice(INVITE_PREFIX.length);
  if (!/^[\w-]*$/.test(encoded)) return { type: 'damaged' };
  const buffer = Buffer.from(encoded, 'base64url');
  const bytes = new Uint8Array(buffer);
  if (bytes.length < HEAD_BYTES) return { type: 'cutOff', missingCharacters: 1 };
  const version = bytes[0]!;
  if (version !== VERSION) return version > VERSION ? { type: 'newerVersion', version } : { type: 'damaged' };
  const length = bytes[1]! * 256 + bytes[2]!;
  const missing = Math.ceil((length * 4) / 3) - encoded.length;
  if (missing > 0) return { type: 'cutOff', missingCharacters: missing };
  if (bytes.length !== length || length < HEAD_BYTES + CHECKSUM_BYTES) return { type: 'damaged' };
  // The decoder passes over a spare character, and over bits that stand for nothing: one invite, one line.
  if (buffer.toString('base64url') !== encoded) return { type: 'damaged' };
  const checked = bytes.subarray(0, length - CHECKSUM_BYTES);
  if (!crypto.equal(checksum(crypto, checked), bytes.subarray(length - CHECKSUM_BYTES))) return { type: 'damaged' };
  const invite = parse(checked.subarray(HEAD_BYTES));
  if (invite === undefined) return { type: 'damaged' };
  return { type: nowMs < invite.expiresAtMs ? 'invite' : 'expired', invite };
}

function checksum(crypto: Crypto, checked: Uint8Array): Uint8Array {
  return crypto.sha256(CHECKSUM_LABEL, checked).subarray(0, CHECKSUM_BYTES);
}

function parse(body: Uint8Array): Invite | undefined {
  let values: readonly unknown[];
  try {
    values = unpackArray(body, ELEMENTS_MAX);
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
  const [number, name, networkId, seeds, seconds, secret] = values;
  const kind = (Object.keys(INVITE_KIND) as InviteKind[]).find((one) => INVITE_KIND[one] === number);
  if (kind === undefined || typeof seconds !== 'number' || !Array.isArray(seeds)) return undefined;
  if (![name, networkId, secret, ...seeds].every((value) => value instanceof Uint8Array)) return undefined;
  const invite: Invite = {
    kind,
    networkName: String.fromCharCode(...(name as Uint8Array)),
    networkId: new Uint8Array(networkId as Uint8Array),
    seeds: (seeds as Uint8Array[]).map((seed) => new Uint8Array(seed)),
    expiresAtMs: seconds * 1_000,
    secret: new Uint8Array(secret as Uint8Array),
  };
  return problemOf(invite) ? undefined : invite;
}

function problemOf(invite: Invite): boolean {
  const { kind, networkName, networkId, seeds, expiresAtMs, secret } = invite;
  const seconds = Math.floor(expiresAtMs / 1_000);
  return (
    !NETWORK_NAME.test(networkName) ||
    networkId.length !== NETWORK_ID_BYTES ||
    secret.length !== INVITE_SECRET_BYTES ||
    !Number.isInteger(seconds) ||
    seconds < 0 ||
    seconds > SECONDS_MAX ||
    seeds.length < 1 ||
    seeds.length > (kind === 'friend' ? 1 : INVITE_SEEDS_MAX) ||
    seeds.some((seed) => seed.length < 1 || seed.length > DESCRIPTOR_BYTES_MAX)
  );
}
