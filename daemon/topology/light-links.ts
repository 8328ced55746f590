/**
 * The links of a light node: it has no peers, only a few nodes that it hears of relays from.
 *
 * Source  design § 5 (roles).
 * @module
 */
import type { Link } from '../link/link-types.ts';
import type { Random } from '../ports.ts';
import type { Dialler } from './dialler.ts';
import { sampleOf } from './gossip-view.ts';
import type { KnownNode } from './known-nodes.ts';

export const LIGHT_LINKS_MIN = 2;
/** Relays a circuit of three needs. */
export const LIGHT_RELAYS_MIN = 3;

/** Dials as many of `reachable` as are missing, drawn at random. */
export function fillLightLinks(
  deps: { readonly dialler: Dialler; readonly random: Random },
  open: readonly Link[],
  reachable: readonly KnownNode[],
): void {
  const linked = new Set(open.map((link) => link.peerKey));
  const others = reachable.filter((node) => !linked.has(node.key));
  for (const node of sampleOf(others, LIGHT_LINKS_MIN - open.length, deps.random)) deps.dialler.dial(node.descriptor);
}
