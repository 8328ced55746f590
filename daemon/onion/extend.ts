/**
 * Whether a relay lengthens a circuit, and to whom: the rules that keep it from being used to dial strangers.
 *
 * Errors  checkExtend: undefined for every refusal; the circuit is destroyed and nobody is told why.
 * Why     whoever may name any address to a relay has a port scanner and a flood gate. So: a descriptor that its owner signed, that is
 *         valid now, of a relay, at a public address (private only where the configuration allows it), neither ourselves nor the hop before us,
 *         and few new dials: EXTEND_DIALS_PER_MINUTE in all, EXTEND_DIALS_PER_TARGET to each host. Counted by node, one victim's address under
 *         thirty made-up identities would get them all.
 * Source  design § 4 (Circuits).
 * @module
 */
import { CIRCUIT_POSITIONS_MAX } from '../../crypto/ntor.ts';
import { ProtocolError } from '../errors.ts';
import { NODE_ID_BYTES } from '../ids.ts';
import { EXTEND_DIALS_PER_MINUTE, EXTEND_DIALS_PER_TARGET } from '../limits.ts';
import type { Link } from '../link/link-types.ts';
import { isPrivate } from '../wire/address.ts';
import type { Descriptor } from '../wire/descriptor-types.ts';
import { type OnionDeps, type OnionOptions, servesCircuits } from './onion-parts.ts';
import { decodeExtend } from './relay-message.ts';

const MINUTE_MS = 60_000;

export interface Extension {
  readonly target: Descriptor;
  readonly createData: Uint8Array;
}

export function checkExtend(
  deps: OnionDeps,
  options: OnionOptions,
  from: Link,
  position: number,
  data: Uint8Array,
): Extension | undefined {
  if (position >= CIRCUIT_POSITIONS_MAX) return undefined;
  const parts = decodeExtend(data);
  if (parts === undefined) return undefined;
  const target = decodeOrRefuse(deps, parts.descriptor);
  if (target === undefined || !servesCircuits(target.role)) return undefined;
  const { equal } = deps.crypto;
  if (equal(target.nodeId, options.ownNodeId)) return undefined;
  if (from.peer !== undefined && equal(target.nodeId, from.peer.nodeId)) return undefined;
  if (!options.allowPrivateAddresses && target.addresses.some(({ host }) => isPrivate(host))) return undefined;
  if (!equal(parts.createData.subarray(0, NODE_ID_BYTES), target.nodeId)) return undefined;
  return { target, createData: parts.createData };
}

function decodeOrRefuse(deps: OnionDeps, bytes: Uint8Array): Descriptor | undefined {
  try {
    return deps.decodeDescriptor(bytes);
  } catch (error) {
    // Whatever a stranger's bytes set off ends here: a throw past this point would end the process.
    if (!(error instanceof ProtocolError)) deps.log.write('error', 'onion', 'a descriptor broke its decoder');
    return undefined;
  }
}

export interface DialBudget {
  /** Counts a new dial, if there may be one. */
  take(target: Descriptor, nowMs: number): boolean;
}

/** The host that is dialled; on one's own machine many nodes share it, and the port tells them apart. */
function budgetOf(target: Descriptor): string {
  const { host, port } = target.addresses[0]!;
  return isPrivate(host) ? `${host} ${port}` : host;
}

/** Dials of the last minute: the list is never longer than EXTEND_DIALS_PER_MINUTE. */
export function createDialBudget(): DialBudget {
  let dials: { readonly atMs: number; readonly key: string }[] = [];
  return {
    take(target, nowMs) {
      dials = dials.filter(({ atMs }) => nowMs - atMs < MINUTE_MS);
      if (dials.length >= EXTEND_DIALS_PER_MINUTE) return false;
      const key = budgetOf(target);
      if (dials.filter((dial) => dial.key === key).length >= EXTEND_DIALS_PER_TARGET) return false;
      dials.push({ atMs: nowMs, key });
      return true;
    },
  };
}
