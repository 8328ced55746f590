/**
 * What the parts of the onion layer share: ports, the circuit table, the way out, and counters.
 * @module
 */
import type { DhKeyPair } from '../../crypto/provider.ts';
import type { NodeId, TrafficClass } from '../ids.ts';
import { CIRCUIT_BUILD_TIMEOUT_MS } from '../limits.ts';
import type { Link, LinkProber, Links } from '../link/link-types.ts';
import type { Clock, Crypto, Log, Random, Records, Trace } from '../ports.ts';
import type { ExitRequests } from '../router/router-types.ts';
import type { RelayView } from '../topology/topology-types.ts';
import { type Descriptor, ROLE, type Role } from '../wire/descriptor-types.ts';
import { COMMAND, controlCell } from './cell.ts';
import type { CellScheduler } from './cell-scheduler.ts';
import type { CircuitTable } from './circuit-table.ts';

const FAST_REQUEST_TIMEOUT_MS = 15_000;

export interface OnionDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly crypto: Crypto;
  readonly log: Log;
  readonly links: Links;
  /** Looks whether sampled relays are up; absent in tests, where whoever is listed is up. */
  readonly prober?: LinkProber;
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
  /** 32 bytes that follow from the identity: seal what is kept of guards. */
  readonly stateKey: Uint8Array;
  /** How long all known guards must be unreachable before another is drawn; without it 6 hours, 5 s where private addresses are allowed. */
  readonly guardPatienceMs?: number;
}

export interface OnionParts {
  readonly deps: OnionDeps;
  readonly options: OnionOptions;
  readonly table: CircuitTable;
  readonly scheduler: CellScheduler;
}

/** Flag of a CREATE, for the guard alone: cells of this circuit leave on ticks of the link's fixed pattern only. */
export const FLAG_PACED = 1;

/** What a class asks of the circuits that carry it. */
export interface CircuitClass {
  readonly name: TrafficClass;
  /** Mean delay at each relay and in each direction. */
  readonly hopDelayMs: number;
  readonly buildTimeoutMs: number;
  readonly requestTimeoutMs: number;
}

export const CIRCUIT_CLASSES: Readonly<Record<TrafficClass, CircuitClass>> = {
  // Exits give up after 10-12 s; the rest is for two large cells through three relays.
  fast: {
    name: 'fast',
    hopDelayMs: 0,
    buildTimeoutMs: CIRCUIT_BUILD_TIMEOUT_MS,
    requestTimeoutMs: FAST_REQUEST_TIMEOUT_MS,
  },
  // Six delays of 400 ms are 2.3 s at the median (anonymity G16 wants <= 3 s); then what waits for its tick.
  strong: { name: 'strong', hopDelayMs: 400, buildTimeoutMs: 30_000, requestTimeoutMs: 60_000 },
};

/** The only way a circuit ends on the wire: one small cell that says nothing. */
export function sendDestroy(parts: OnionParts, link: Link, circuitId: number): void {
  parts.scheduler.sendLast(link, controlCell(parts.deps.crypto, circuitId, COMMAND.destroy));
}

export function servesCircuits(role: Role): boolean {
  return role === ROLE.full || role === ROLE.seed;
}
