/**
 * What a node says about itself, signed. The codec is in descriptor.ts; this is the decoded form everybody passes around.
 * @module
 */
import type { NodeId, RingLocation } from '../ids.ts';
import type { NetAddress } from '../ports.ts';

export const ROLE = { full: 1, light: 2, seed: 3 } as const;
export type Role = (typeof ROLE)[keyof typeof ROLE];

/** How a location may be what it is: bound to the IP prefix of `addresses[0]`, or to the nodeId alone (private nets, friends). */
export const BINDING = { prefix: 1, nodeId: 2 } as const;
export type Binding = (typeof BINDING)[keyof typeof BINDING];

export interface Descriptor {
  readonly nodeId: NodeId;
  readonly identityKey: Uint8Array; // Ed25519, 32
  readonly sequence: number;
  readonly linkKey: Uint8Array; // X25519, 32
  readonly onionKey: Uint8Array; // X25519, 32: current week
  readonly nextOnionKey: Uint8Array; // X25519, 32
  readonly addresses: readonly NetAddress[]; // at most 2; the first is the one dialled and checked
  readonly role: Role;
  readonly location: RingLocation;
  readonly binding: Binding;
  /** index 0..3 within the prefix. */
  readonly bindingIndex: number;
  /** Proof of work for the identity (formats.md, "identity stamp"). */
  readonly stamp: Uint8Array; // 8
  readonly version: string; // printable ASCII, at most 32
  /** Network hour: hours since 1970. */
  readonly issuedHour: number;
  /** The signed bytes, as received: what is passed on, unknown trailing fields included. */
  readonly encoded: Uint8Array;
}
