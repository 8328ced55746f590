/**
 * Descriptors: what a node says about itself, signed, in at most 512 bytes; and where on the ring it may therefore be.
 *
 * Shape   msgpack array of the fields below, then a 64-byte Ed25519 signature over 'holloway descriptor 1' || the array's bytes.
 *         [format 1, identity key 32, sequence, link key 32, onion key 32, next onion key 32, [address 6 or 18], role,
 *         location 8, binding, binding index, stamp 8, version, issued hour]. Later fields are kept in `encoded` and ignored.
 * Unit    hours since 1970; a descriptor is good for 72 h, and 6 h of skew are allowed at either end.
 * Errors  decodeDescriptor throws ProtocolError ERR_MALFORMED, ERR_SIGNATURE, ERR_BINDING (address, location or stamp not
 *         what its owner may claim) or ERR_EXPIRED. signDescriptor throws RangeError: our own fields were wrong.
 * Why     the top 24 bits of a location follow from the IP prefix: whoever wants to sit near a key buys addresses, not time.
 *         Cheap checks come first, the signature last: a forger pays more than we do.
 * Source  design § 5; formats.md "identity stamp"; PROTOCOL.md § 2.
 * @module
 */
import { concatBytes, toBytes } from '../../crypto/bytes.ts';
import type { Crypto, SignKey } from '../../crypto/provider.ts';
import { ProtocolError } from '../errors.ts';
import { type NodeId, nodeId, type RingLocation, ringLocation } from '../ids.ts';
import { DESCRIPTOR_BYTES_MAX } from '../limits.ts';
import type { NetAddress } from '../ports.ts';
import { addressBytes, addressFromBytes, bindingPrefixBytes, isDialable, isPrivate } from './address.ts';
import { packArray, unpackArray } from './codec.ts';
import { BINDING, type Binding, type Descriptor, ROLE, type Role } from './descriptor-types.ts';
import { locationFromBytes, locationToBytes } from './ring-bytes.ts';

export const DESCRIPTOR_VALID_HOURS = 72;
export const DESCRIPTOR_SKEW_HOURS = 6;
export const IDENTITY_STAMP_BITS = 20;

const FORMAT = 1;
const SIGN_LABEL = 'holloway descriptor 1';
const SIGNATURE_BYTES = 64;
const STAMP_BYTES = 8;
const VERSION_CHARS_MAX = 32;
const ADDRESSES_MAX = 2;
const BINDING_INDEX_MAX = 3;
/** The known fields and as many that a later version may append. */
const ELEMENTS_MAX = 40;
const HOUR_MAX = 0xffff_ffff;
/** How a 52-bit location is made up when it is bound to a prefix. */
const PREFIX_BITS = 24;
const NODE_BITS = 28;

/** What a node states; the rest of a Descriptor follows from its key. */
export type DescriptorFields = Omit<Descriptor, 'nodeId' | 'identityKey' | 'encoded'>;

export interface DescriptorRules {
  /** Network hour. */
  readonly nowHour: number;
  /** Devnets and tests: private addresses, locations bound to the node id alone, no stamp for private addresses. */
  readonly allowPrivateAddresses: boolean;
}

export function nodeIdOf(crypto: Crypto, identityKey: Uint8Array): NodeId {
  return nodeId(crypto.sha256('holloway node', identityKey));
}

/** Encodes and signs; the result decodes under the same rules if the caller kept them. */
export function signDescriptor(crypto: Crypto, signKey: SignKey, fields: DescriptorFields): Descriptor {
  const body = packArray([
    FORMAT,
    signKey.publicKey,
    fields.sequence,
    fields.linkKey,
    fields.onionKey,
    fields.nextOnionKey,
    fields.addresses.map(addressBytes),
    fields.role,
    locationToBytes(fields.location),
    fields.binding,
    fields.bindingIndex,
    fields.stamp,
    toBytes(fields.version),
    fields.issuedHour,
  ]);
  const signature = signKey.sign(concatBytes(toBytes(SIGN_LABEL), body));
  const encoded = concatBytes(body, signature);
  if (encoded.length > DESCRIPTOR_BYTES_MAX) throw new RangeError('a descriptor has at most 512 bytes');
  const parsed = parse(crypto, encoded);
  if (parsed === undefined) throw new RangeError('a field of the descriptor breaks its bounds');
  return parsed;
}

export function decodeDescriptor(crypto: Crypto, bytes: Uint8Array, rules: DescriptorRules): Descriptor {
  if (bytes.length > DESCRIPTOR_BYTES_MAX || bytes.length <= SIGNATURE_BYTES) malformed('length');
  const encoded = new Uint8Array(bytes);
  const descriptor = parse(crypto, encoded) ?? malformed('a field');
  const ageHours = rules.nowHour - descriptor.issuedHour;
  if (ageHours < -DESCRIPTOR_SKEW_HOURS) throw new ProtocolError('ERR_EXPIRED', 'a descriptor from the future');
  if (ageHours > DESCRIPTOR_VALID_HOURS + DESCRIPTOR_SKEW_HOURS)
    throw new ProtocolError('ERR_EXPIRED', 'a descriptor too old');
  checkClaims(crypto, descriptor, rules.allowPrivateAddresses);
  const bodyLength = encoded.length - SIGNATURE_BYTES;
  const signed = concatBytes(toBytes(SIGN_LABEL), encoded.subarray(0, bodyLength));
  if (!crypto.verify(descriptor.identityKey, signed, encoded.subarray(bodyLength)))
    throw new ProtocolError('ERR_SIGNATURE');
  return descriptor;
}

/**
 * Where a node may be.
 * @param index 0..3: one of four places that a prefix gives; ignored when bound to the node id alone
 */
export function deriveLocation(
  crypto: Crypto,
  id: NodeId,
  binding: Binding,
  address: NetAddress,
  index: number,
): RingLocation {
  const own = bits52(crypto.sha256('holloway node location', id));
  if (binding === BINDING.nodeId) return ringLocation(own / 2 ** 52);
  const prefix = bindingPrefixBytes(address.host);
  const bound = bits52(crypto.sha256('holloway prefix location', Uint8Array.of(prefix.length, index), prefix));
  const top = Math.floor(bound / 2 ** NODE_BITS); // PREFIX_BITS of them
  return ringLocation((top * 2 ** NODE_BITS + (own % 2 ** NODE_BITS)) / 2 ** (PREFIX_BITS + NODE_BITS));
}

/** Searches a stamp: about 2^bits hashes, 1-2 s for the real thing, once in a node's life. */
export function makeStamp(crypto: Crypto, publicKey: Uint8Array, bits: number = IDENTITY_STAMP_BITS): Uint8Array {
  const stamp = new Uint8Array(STAMP_BYTES);
  const view = new DataView(stamp.buffer);
  for (let nonce = 0; ; nonce++) {
    view.setUint32(0, Math.floor(nonce / 2 ** 32));
    view.setUint32(4, nonce >>> 0);
    if (checkStamp(crypto, publicKey, stamp, bits)) return stamp;
  }
}

/** SHA-256('holloway identity' || public key || nonce) begins with `bits` zero bits. */
export function checkStamp(
  crypto: Crypto,
  publicKey: Uint8Array,
  stamp: Uint8Array,
  bits: number = IDENTITY_STAMP_BITS,
): boolean {
  const hash = crypto.sha256('holloway identity', publicKey, stamp);
  return new DataView(hash.buffer, hash.byteOffset, 4).getUint32(0) < 2 ** (32 - bits);
}

/** Whether an identity owes a stamp: everywhere but on private prefixes where the rules allow these. */
function checkClaims(crypto: Crypto, descriptor: Descriptor, allowPrivate: boolean): void {
  for (const { host } of descriptor.addresses) {
    if (!isDialable(host) || (!allowPrivate && isPrivate(host)))
      throw new ProtocolError('ERR_BINDING', 'not a public address');
  }
  const bound = descriptor.addresses[0]!;
  const exempt = allowPrivate && isPrivate(bound.host);
  if (descriptor.binding === BINDING.nodeId && !exempt)
    throw new ProtocolError('ERR_BINDING', 'a location bound to no prefix');
  const place = deriveLocation(crypto, descriptor.nodeId, descriptor.binding, bound, descriptor.bindingIndex);
  if (place !== descriptor.location) throw new ProtocolError('ERR_BINDING', 'a location that does not follow');
  if (!exempt && !checkStamp(crypto, descriptor.identityKey, descriptor.stamp)) {
    throw new ProtocolError('ERR_BINDING', 'an identity without its stamp');
  }
}

/** Shape and bounds of every field; undefined if one breaks them. `encoded` is kept, not copied. */
function parse(crypto: Crypto, encoded: Uint8Array): Descriptor | undefined {
  const values = unpackArray(encoded.subarray(0, encoded.length - SIGNATURE_BYTES), ELEMENTS_MAX);
  const [format, identityKey, sequence, linkKey, onionKey, nextOnionKey, addresses, role] = values;
  const [location, binding, bindingIndex, stamp, version, issuedHour] = values.slice(8);
  if (format !== FORMAT) return undefined;
  if (!isBytes(identityKey, 32) || !isBytes(linkKey, 32) || !isBytes(onionKey, 32) || !isBytes(nextOnionKey, 32))
    return undefined;
  if (!isUint(sequence, 0xffff_ffff) || !isUint(bindingIndex, BINDING_INDEX_MAX) || !isUint(issuedHour, HOUR_MAX))
    return undefined;
  if (!isBytes(location, 8) || !isBytes(stamp, STAMP_BYTES) || !isRole(role) || !isBinding(binding)) return undefined;
  const parsedAddresses = parseAddresses(addresses);
  const parsedVersion = parseVersion(version);
  if (parsedAddresses === undefined || parsedVersion === undefined) return undefined;
  const place = locationFromBytes(location);
  if (!locationToBytes(place).every((byte, i) => byte === location[i])) return undefined;
  return {
    nodeId: nodeIdOf(crypto, identityKey),
    identityKey: new Uint8Array(identityKey),
    sequence,
    linkKey: new Uint8Array(linkKey),
    onionKey: new Uint8Array(onionKey),
    nextOnionKey: new Uint8Array(nextOnionKey),
    addresses: parsedAddresses,
    role,
    location: place,
    binding,
    bindingIndex,
    stamp: new Uint8Array(stamp),
    version: parsedVersion,
    issuedHour,
    encoded,
  };
}

function parseAddresses(value: unknown): NetAddress[] | undefined {
  if (!Array.isArray(value) || value.length < 1 || value.length > ADDRESSES_MAX) return undefined;
  const addresses: NetAddress[] = [];
  for (const item of value) {
    const address = item instanceof Uint8Array ? addressFromBytes(item) : undefined;
    if (address === undefined || address.port === 0) return undefined;
    addresses.push(address);
  }
  return addresses;
}

function parseVersion(value: unknown): string | undefined {
  if (!(value instanceof Uint8Array) || value.length > VERSION_CHARS_MAX) return undefined;
  if (value.some((byte) => byte < 0x20 || byte > 0x7e)) return undefined; // it is shown in terminals
  return String.fromCharCode(...value);
}

function isBytes(value: unknown, length: number): value is Uint8Array {
  return value instanceof Uint8Array && value.length === length;
}

function isUint(value: unknown, max: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max;
}

function isRole(value: unknown): value is Role {
  return Object.values(ROLE).includes(value as Role);
}

function isBinding(value: unknown): value is Binding {
  return Object.values(BINDING).includes(value as Binding);
}

/** The first 52 bits of a hash. */
function bits52(hash: Uint8Array): number {
  const view = new DataView(hash.buffer, hash.byteOffset, 8);
  return view.getUint32(0) * 2 ** 20 + (view.getUint32(4) >>> 12);
}

function malformed(what: string): never {
  throw new ProtocolError('ERR_MALFORMED', `descriptor: ${what}`);
}
