/**
 * What `main.ts` (from the configuration) or a test hands to the node: plain values, no file names, no environment.
 * @module
 */
import type { TrafficClass } from './ids.ts';
import type { NetAddress } from './ports.ts';
import type { Role } from './wire/descriptor-types.ts';

export interface NodeSettings {
  readonly networkName: string;
  readonly role: Role;
  readonly listen: NetAddress;
  /** What the descriptor says, when it is not what we bound (port mapped, several addresses). */
  readonly advertise: NetAddress | undefined;
  /** Encoded signed descriptors of seeds. */
  readonly seeds: readonly Uint8Array[];
  /** Devnets and tests: loopback and private addresses may be dialled, advertised and extended to. */
  readonly allowPrivateAddresses: boolean;
  /** Prefix caps on peers and distinct-prefix paths. Off only where every node shares one address. */
  readonly prefixRules: boolean;
  readonly ringNeighboursEachSide: number;
  readonly longLinks: number;
  readonly peersMax: number;
  /** m of design § 8: owners of an unreplicated block, and of replicated ones. */
  readonly owners: number;
  readonly ownersReplicated: number;
  readonly storeBytes: number;
  /** storeBytes is for a new store only: one that was told a size keeps it. */
  readonly storeKeepsSize?: boolean;
  /** Bytes per second that handing blocks to new owners may take; 0 or absent: none are handed on. */
  readonly handoffBytesPerSec?: number;
  readonly publishClass: TrafficClass;
  readonly fetchClass: TrafficClass;
  /** Circuits of three kept ready for the next document. */
  readonly circuitsReady: number;
}
