/**
 * Network addresses: text and bytes of literals, which ranges are private, and the prefixes that caps and paths count by.
 *
 * Shape   text is "203.0.113.7:9480" or "[2001:db8::7]:9480"; bytes are 4 or 16 address bytes, then the port as u16.
 *         Prefix keys are strings such as "4:cb0071": equal if and only if the prefixes are.
 * Errors  undefined for anything that is not a literal address: names are never resolved, a lookup would tell a stranger.
 * Why     an IPv4-mapped IPv6 address is taken for the IPv4 one it is; else one machine would count as two prefixes, and
 *         "::ffff:127.0.0.1" would pass for public.
 * Source  design §§ 5, 10; the IANA special-purpose address registries (RFC 6890 and its updates).
 * @module
 */
import type { NetAddress } from '../ports.ts';

const IPV4_BYTES = 4;
const IPV6_BYTES = 16;
const PORT_MAX = 65_535;
/** Longest literal: 8 groups of 4, or 6 groups and a dotted quad. */
const HOST_CHARS_MAX = 45;

/** [network, prefix length] of everything in IPv4 that strangers cannot reach as a host. */
const PRIVATE_V4: readonly (readonly [readonly number[], number])[] = [
  [[0], 8], // "this network"
  [[10], 8], // RFC 1918
  [[100, 64], 10], // carrier NAT
  [[127], 8], // loopback
  [[169, 254], 16], // link local
  [[172, 16], 12], // RFC 1918
  [[192, 0, 0], 24], // protocol assignments
  [[192, 0, 2], 24], // documentation
  [[192, 88, 99], 24], // old 6to4 relays
  [[192, 168], 16], // RFC 1918
  [[198, 18], 15], // benchmarks
  [[198, 51, 100], 24], // documentation
  [[203, 0, 113], 24], // documentation
  [[224], 4], // multicast
  [[240], 4], // reserved, broadcast
];
/** Inside 2000::/3, the only range that holds public hosts. */
const PRIVATE_V6: readonly (readonly [readonly number[], number])[] = [
  [[0x20, 0x01, 0x00], 23], // protocol assignments, Teredo among them
  [[0x20, 0x01, 0x0d, 0xb8], 32], // documentation
  [[0x20, 0x02], 16], // 6to4: an IPv4 address in disguise
  [[0x3f, 0xff, 0x00], 20], // documentation
];

/** "host:port", or undefined. */
export function parseAddress(text: string): NetAddress | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):([0-9]{1,5})$/.exec(text);
  if (match === null) return undefined;
  const bytes = parseHost(match[1] ?? match[2]!);
  const port = Number(match[3]);
  if (bytes === undefined || port > PORT_MAX) return undefined;
  if (match[1] !== undefined && !match[1].includes(':')) return undefined;
  return { host: formatHost(bytes), port };
}

export function formatAddress(address: NetAddress): string {
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** 4 or 16 bytes of a literal without port (an IPv6 zone is refused), or undefined. */
export function parseHost(text: string): Uint8Array | undefined {
  if (text.length > HOST_CHARS_MAX) return undefined;
  const bytes = text.includes(':') ? parseV6(text) : parseV4(text);
  return bytes === undefined ? undefined : unmapped(bytes);
}

/** The one spelling of an address (RFC 5952 for IPv6). */
export function formatHost(bytes: Uint8Array): string {
  const plain = unmapped(bytes);
  return plain.length === IPV4_BYTES ? plain.join('.') : formatV6(plain);
}

/** As in Observed and in descriptors: 6 or 18 bytes. A host that is no literal is our own mistake. */
export function addressBytes(address: NetAddress): Uint8Array {
  const host = parseHost(address.host);
  if (host === undefined) throw new RangeError('an address is a literal, never a name');
  if (!Number.isInteger(address.port) || address.port < 0 || address.port > PORT_MAX)
    throw new RangeError('a port has 16 bits');
  const bytes = new Uint8Array(host.length + 2);
  bytes.set(host);
  bytes[host.length] = address.port >>> 8;
  bytes[host.length + 1] = address.port & 0xff;
  return bytes;
}

/** Undefined unless 6 or 18 bytes; a mapped address in 18 bytes is refused, so that every address has one encoding. */
export function addressFromBytes(bytes: Uint8Array): NetAddress | undefined {
  if (bytes.length !== IPV4_BYTES + 2 && bytes.length !== IPV6_BYTES + 2) return undefined;
  const host = bytes.subarray(0, -2);
  if (host.length === IPV6_BYTES && unmapped(host).length === IPV4_BYTES) return undefined;
  return { host: formatHost(host), port: bytes[bytes.length - 2]! * 256 + bytes[bytes.length - 1]! };
}

/** True for every address that is not a public host: private, loopback, documentation, multicast, or no literal at all. */
export function isPrivate(host: string): boolean {
  const bytes = parseHost(host);
  if (bytes === undefined) return true;
  if (bytes.length === IPV4_BYTES) return PRIVATE_V4.some(([network, bits]) => startsWith(bytes, network, bits));
  return !startsWith(bytes, [0x20], 3) || PRIVATE_V6.some(([network, bits]) => startsWith(bytes, network, bits));
}

/** False for what no connection can ever go to: unspecified, multicast, broadcast. */
export function isDialable(host: string): boolean {
  const bytes = parseHost(host);
  if (bytes === undefined) return false;
  if (bytes.length === IPV4_BYTES) return bytes[0]! !== 0 && bytes[0]! < 224;
  return bytes[0]! !== 0xff && bytes.some((byte) => byte !== 0);
}

/** IPv4 /24 or IPv6 /32 as bytes (3 or 4): what a location is bound to. */
export function bindingPrefixBytes(host: string): Uint8Array {
  const bytes = parseHost(host);
  if (bytes === undefined) throw new RangeError('an address is a literal, never a name');
  return bytes.slice(0, bytes.length === IPV4_BYTES ? 3 : 4);
}

/** Key of the IPv4 /24 or IPv6 /32: at most PEERS_PER_PREFIX_MAX peers share one. */
export function peerPrefix(host: string): string {
  return prefixKey(host, 3, 4);
}

/** Key of the IPv4 /16 or IPv6 /32: no circuit has two relays in one, and peers are capped by it too. */
export function pathPrefix(host: string): string {
  return prefixKey(host, 2, 4);
}

function prefixKey(host: string, v4Bytes: number, v6Bytes: number): string {
  const bytes = parseHost(host);
  if (bytes === undefined) return `name:${host}`;
  const isV4 = bytes.length === IPV4_BYTES;
  let key = isV4 ? '4:' : '6:';
  for (const byte of bytes.subarray(0, isV4 ? v4Bytes : v6Bytes)) key += byte.toString(16).padStart(2, '0');
  return key;
}

function startsWith(bytes: Uint8Array, network: readonly number[], bits: number): boolean {
  for (let i = 0; i * 8 < bits; i++) {
    const mask = bits - i * 8 >= 8 ? 0xff : (0xff << (8 - (bits - i * 8))) & 0xff;
    if (((bytes[i]! ^ (network[i] ?? 0)) & mask) !== 0) return false;
  }
  return true;
}

function unmapped(bytes: Uint8Array): Uint8Array {
  if (bytes.length !== IPV6_BYTES) return bytes;
  for (let i = 0; i < 10; i++) if (bytes[i] !== 0) return bytes;
  return bytes[10] === 0xff && bytes[11] === 0xff ? bytes.slice(12) : bytes;
}

const DIGIT_ZERO = 48;

function parseV4(text: string): Uint8Array | undefined {
  // Digit by digit: a path through the network is chosen by comparing the prefixes of all relays.
  const bytes = new Uint8Array(4);
  let part = 0;
  let digits = 0;
  let value = 0;
  for (let i = 0; i <= text.length; i++) {
    const digit = text.charCodeAt(i) - DIGIT_ZERO;
    if (digit >= 0 && digit <= 9) {
      if (digits > 0 && value === 0) return undefined; // "010" is octal to some, ten to others
      value = value * 10 + digit;
      if (++digits > 3 || value > 255) return undefined;
      continue;
    }
    if ((i < text.length && text[i] !== '.') || digits === 0 || part > 3) return undefined;
    bytes[part++] = value;
    digits = 0;
    value = 0;
  }
  return part === 4 ? bytes : undefined;
}

function parseV6(given: string): Uint8Array | undefined {
  let text = given;
  const dotted = text.lastIndexOf(':') + 1;
  if (text.includes('.')) {
    const v4 = parseV4(text.slice(dotted));
    if (v4 === undefined) return undefined;
    text = `${text.slice(0, dotted)}${((v4[0]! << 8) | v4[1]!).toString(16)}:${((v4[2]! << 8) | v4[3]!).toString(16)}`;
  }
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = groupsOf(halves[0]!);
  const tail = halves.length === 2 ? groupsOf(halves[1]!) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...new Array<number>(missing).fill(0), ...tail];
  const bytes = new Uint8Array(IPV6_BYTES);
  groups.forEach((group, index) => {
    bytes[index * 2] = group >>> 8;
    bytes[index * 2 + 1] = group & 0xff;
  });
  return bytes;
}

function groupsOf(text: string): number[] | undefined {
  if (text === '') return [];
  const groups = text.split(':');
  return groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))
    ? groups.map((group) => Number.parseInt(group, 16))
    : undefined;
}

function formatV6(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => bytes[i * 2]! * 256 + bytes[i * 2 + 1]!);
  let bestStart = -1;
  let bestLength = 1; // a single zero group is written out
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (start + length < 8 && groups[start + length] === 0) length++;
    if (length > bestLength) [bestStart, bestLength] = [start, length];
  }
  const hex = (list: readonly number[]): string => list.map((group) => group.toString(16)).join(':');
  if (bestStart < 0) return hex(groups);
  return `${hex(groups.slice(0, bestStart))}::${hex(groups.slice(bestStart + bestLength))}`;
}
