/**
 * What the store remembers of one thing it owns besides the bytes: 36 bytes, always sealed on disk.
 *
 * Shape   routing key 32, flags 1 (kind, 3 bits; replica, 3; reason, 2), location 3 (in 2^-24 of the ring). Of what only passed by
 *         nothing is kept: a cache needs no list of its keys.
 * Why     24 bits are enough to choose what to evict, and they are all that eviction needs; handoff computes the exact place.
 * @module
 */
import {
  type BlockRef,
  type CopyReason,
  KIND,
  type Kind,
  type Replica,
  type RingLocation,
  ROUTING_KEY_BYTES,
  routingKey,
} from '../ids.ts';
import { SEALED_REF_BYTES } from './store-keys.ts';

/** Unit of a coarse location and of distances between them. */
export const COARSE_RING = 2 ** 24;

const REASONS: readonly CopyReason[] = ['owner', 'path', 'handoff'];

export interface HeldRef {
  readonly ref: BlockRef;
  readonly replica: Replica;
  readonly reason: CopyReason;
  /** 0..COARSE_RING - 1. */
  readonly coarse: number;
}

export function coarseLocation(location: RingLocation): number {
  return Math.floor(location * COARSE_RING);
}

/** Shorter arc, in 2^-24 of the ring. */
export function coarseDistance(a: number, b: number): number {
  const arc = Math.abs(a - b);
  return Math.min(arc, COARSE_RING - arc);
}

/** kind, replica and reason in one byte. */
export function packFlags(held: {
  readonly ref: { readonly kind: Kind };
  readonly replica: Replica;
  readonly reason: CopyReason;
}): number {
  return held.ref.kind | (held.replica << 3) | (REASONS.indexOf(held.reason) << 6);
}

/** Undefined for bits that no version of ours wrote. */
export function unpackFlags(flags: number): { kind: Kind; replica: Replica; reason: CopyReason } | undefined {
  const kind = flags & 7;
  const reason = REASONS[flags >>> 6];
  if (kind < KIND.chk || kind > KIND.keyword || reason === undefined) return undefined;
  return { kind: kind as Kind, replica: (flags >>> 3) & 7, reason };
}

export function encodeHeldRef(held: HeldRef): Uint8Array {
  const plain = new Uint8Array(SEALED_REF_BYTES);
  plain.set(held.ref.key);
  plain[32] = packFlags(held);
  plain[33] = held.coarse >>> 16;
  plain[34] = held.coarse >>> 8;
  plain[35] = held.coarse;
  return plain;
}

/** Undefined for bits that no version of ours wrote. */
export function decodeHeldRef(plain: Uint8Array): HeldRef | undefined {
  const flags = unpackFlags(plain[32]!);
  if (flags === undefined) return undefined;
  return {
    ref: { kind: flags.kind, key: routingKey(plain.slice(0, ROUTING_KEY_BYTES)) },
    replica: flags.replica,
    reason: flags.reason,
    coarse: (plain[33]! << 16) | (plain[34]! << 8) | plain[35]!,
  };
}
