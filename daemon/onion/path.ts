/**
 * Which relays a circuit takes: pure choice, the guard being given.
 *
 * Shape   guard, middle, exit; middle and exit uniformly at random.
 * Errors  undefined: the view holds no such path.
 * Why     no node twice, and with `prefixRules` no two relays of one IPv4 /16 or IPv6 /32, which one owner may hold. The exits of a document
 *         differ as far as the view allows, because whoever is the only exit of a document is taken for its reader (design § 1). Relays
 *         that failed lately are passed over only while others are left: a guard that kills circuits must not be able to
 *         narrow the choice to its friends.
 * Source  design § 10.
 * @module
 */
import type { NodeId } from '../ids.ts';
import { hexKey } from '../ids.ts';
import type { Random } from '../ports.ts';
import { pathPrefix } from '../wire/address.ts';
import type { Descriptor } from '../wire/descriptor-types.ts';
import { servesCircuits } from './onion-parts.ts';

export type Path = readonly [guard: Descriptor, middle: Descriptor, exit: Descriptor];

export interface PathRules {
  readonly ownNodeId: NodeId;
  readonly prefixRules: boolean;
}

export interface PathWish {
  readonly guard: Descriptor;
  /** hexKeys of exits that the document has already. */
  readonly usedExits: ReadonlySet<string>;
  readonly failedLately: (key: string) => boolean;
}

/** Relays that a circuit of ours may use at all. */
export function usableRelays(relays: readonly Descriptor[], rules: PathRules): Descriptor[] {
  const own = hexKey(rules.ownNodeId);
  return relays.filter(({ role, nodeId }) => servesCircuits(role) && hexKey(nodeId) !== own);
}

export function choosePath(
  relays: readonly Descriptor[],
  rules: PathRules,
  wish: PathWish,
  random: Random,
): Path | undefined {
  const usable = usableRelays(relays, rules).filter((relay) => mayShareCircuit(relay, wish.guard, rules));
  const sound = usable.filter((relay) => !wish.failedLately(hexKey(relay.nodeId)));
  const isFresh = (relay: Descriptor): boolean => !wish.usedExits.has(hexKey(relay.nodeId));
  // From the best wish to the least: sound relays and a new exit, then a new exit, then any exit.
  const tries = [
    { exits: sound.filter(isFresh), middles: sound },
    { exits: usable.filter(isFresh), middles: usable },
    { exits: sound, middles: sound },
    { exits: usable, middles: usable },
  ];
  for (const { exits, middles } of tries) {
    for (const exit of shuffled(exits, random)) {
      const middle = pickOne(
        middles.filter((relay) => mayShareCircuit(relay, exit, rules)),
        random,
      );
      if (middle !== undefined) return [wish.guard, middle, exit];
    }
  }
  return undefined;
}

/** Whether two relays are different enough to stand in one circuit. */
export function mayShareCircuit(a: Descriptor, b: Descriptor, rules: PathRules): boolean {
  if (isSameId(a.nodeId, b.nodeId)) return false;
  if (!rules.prefixRules) return true;
  const prefixes = a.addresses.map(({ host }) => pathPrefix(host));
  return !b.addresses.some(({ host }) => prefixes.includes(pathPrefix(host)));
}

function isSameId(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return a.length === b.length;
}

export function pickOne<T>(items: readonly T[], random: Random): T | undefined {
  return items[Math.floor(random.unit() * items.length)];
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const mixed = [...items];
  for (let i = mixed.length - 1; i > 0; i--) {
    const j = Math.floor(random.unit() * (i + 1));
    [mixed[i], mixed[j]] = [mixed[j]!, mixed[i]!];
  }
  return mixed;
}
