/**
 * Branded ids, so that two byte arrays of different meaning do not mix.
 *
 * Shape   byte ids are Uint8Array with a compile-time brand; a RingLocation is a number k / 2^52 in [0, 1).
 * Why     a key where a node id belongs is the kind of mistake that leaks; the compiler refuses it.
 * @module
 */
declare const brand: unique symbol;
type Branded<T, Name extends string> = T & { readonly [brand]: Name };

/** SHA-256("holloway node" || Ed25519 public key), 32 bytes. */
export type NodeId = Branded<Uint8Array, 'NodeId'>;
/** What a block or record is routed by, 32 bytes. */
export type RoutingKey = Branded<Uint8Array, 'RoutingKey'>;
/** A place on the ring: a fraction of 2^52 in [0, 1). */
export type RingLocation = Branded<number, 'RingLocation'>;

export const NODE_ID_BYTES = 32;
export const ROUTING_KEY_BYTES = 32;

export function nodeId(bytes: Uint8Array): NodeId {
  if (bytes.length !== NODE_ID_BYTES) throw new RangeError('a node id has 32 bytes');
  return bytes as NodeId;
}

export function routingKey(bytes: Uint8Array): RoutingKey {
  if (bytes.length !== ROUTING_KEY_BYTES) throw new RangeError('a routing key has 32 bytes');
  return bytes as RoutingKey;
}

export function ringLocation(fraction: number): RingLocation {
  if (!(fraction >= 0 && fraction < 1)) throw new RangeError('a location lies in [0, 1)');
  return fraction as RingLocation;
}

/** What a routed request is about (formats.md, "routed kinds"). */
export const KIND = { chk: 1, ssk: 2, pointer: 3, keyword: 4 } as const;
export type Kind = (typeof KIND)[keyof typeof KIND];

/** r of location(kind, key, r), 0..7. */
export type Replica = number;

/** What a Map is keyed with: bytes as lower-case hex. */
export function hexKey(bytes: Uint8Array): string {
  // In one piece: a string that was added up is a tree of its parts until somebody reads it, and a Map reads it at each look-up.
  const codes: number[] = [];
  for (let i = 0; i < bytes.length; i++) codes.push(HEX_DIGIT[bytes[i]! >>> 4]!, HEX_DIGIT[bytes[i]! & 15]!);
  return String.fromCharCode.apply(null, codes);
}
const HEX_DIGIT: readonly number[] = Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0));

export function fromHexKey(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length >> 1);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text.slice(i * 2, i * 2 + 2), 16);
  return bytes;
}

/** Tables of a node are keyed with (operation, kind, key, replica): this is the last three. */
export interface BlockRef {
  readonly kind: Kind;
  readonly key: RoutingKey;
}

export type TrafficClass = 'fast' | 'strong';

/** Why a node holds a copy: it owns the key, the block passed by on its way back, or another owner handed it over. */
export type CopyReason = 'owner' | 'path' | 'handoff';
