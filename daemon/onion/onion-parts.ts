/**
 * What the parts of the onion layer share: ports, the circuit table, the way out, and counters.
 * @module
 */
import type { DhKeyPair } from '../../crypto/provider.ts';
import type { NodeId } from '../ids.ts';
import type { Link, Links } from '../link/link-types.ts';
import type { Clock, Crypto, Log, Random, Records, Trace } from '../ports.ts';
import type { ExitRequests } from '../router/router-types.ts';
import type { RelayView } from '../topology/topology-types.ts';
import { type Descriptor, ROLE, type Role } from '../wire/descriptor-types.ts';
import { COMMAND, controlCell } from './cell.ts';
import type { CellScheduler } from './cell-scheduler.ts';
import type { CircuitTable } from './circuit-table.ts';

export interface OnionDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly crypto: Crypto;
  readonly log: Log;
  readonly links: Links;
  readonly relays: RelayView;
  readonly exits: ExitRequests;
  readonly records: Records;
  /** Throws ProtocolError for whatever is no valid descriptor. */
  readonly decodeDescriptor: (bytes: Uint8Array) => Descriptor;
  /** A relay of the view could not be reached. */
  readonly relayFailed?: (nodeId: NodeId) => void;
  readonly trace?: Trace;
}

export interface OnionOptions {
  readonly ownNodeId: NodeId;
  /** The current onion key and those still honoured. */
  readonly onionKeys: () => readonly DhKeyPair[];
  readonly role: Role;
  readonly allowPrivateAddresses: boolean;
  /** No two relays of a circuit in one /16 (IPv4) or /32 (IPv6). */
  readonly prefixRules: boolean;
  readonly circuitsReady: number;
  /** How long all known guards must be unreachable before another is drawn; without it 6 hours, 5 s where private addresses are allowed. */
  readonly guardPatienceMs?: number;
}

export interface OnionParts {
  readonly deps: OnionDeps;
  readonly options: OnionOptions;
  readonly table: CircuitTable;
  readonly scheduler: CellScheduler;
}

/** The only way a circuit ends on the wire: one small cell that says nothing. */
export function sendDestroy(parts: OnionParts, link: Link, circuitId: number): void {
  parts.scheduler.sendLast(link, controlCell(parts.deps.crypto, circuitId, COMMAND.destroy));
}

export function servesCircuits(role: Role): boolean {
  return role === ROLE.full || role === ROLE.seed;
}
