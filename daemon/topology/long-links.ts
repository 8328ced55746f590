/**
 * Long links: seeks whoever lives nearest to a harmonically drawn place, and asks for the relation.
 *
 * Shape   draw targets and take the one our links cover worst, announce to it through the peer nearest to it (the answer fills the table of known nodes), then take the
 *         nearest node known there; a few seeks at once until there are enough.
 * Unit    milliseconds of Clock.nowMs.
 * Why     looking the place up through the network finds the node that really lives there; a table of known nodes alone is a sample
 *         once the network is larger than it.
 * Source  design § 7.
 * @module
 */
import type { RingLocation } from '../ids.ts';
import type { Link, Links } from '../link/link-types.ts';
import type { Clock, Random } from '../ports.ts';
import type { Announces } from './announce.ts';
import type { Dialler } from './dialler.ts';
import type { KnownNode } from './known-nodes.ts';
import { LONG_TARGET_DRAWS, nearestCandidate, spreadTarget } from './peer-choice.ts';
import { countPrefixes, type PeerLimits, WISH, wantsLongLink } from './peer-table.ts';
import { keyOf, type Peering } from './peering.ts';
import { byDistanceTo, type RingPlace } from './ring-location.ts';

const SEEKS_AT_ONCE = 3;
/** A dialled candidate must have answered by then. */
const WISH_MS = 15_000;

export interface LongLinks {
  upkeep(): void;
  linkOpened(link: Link): void;
}

export interface LongLinksDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly links: Links;
  readonly peering: Peering;
  readonly dialler: Dialler;
  readonly announces: Announces;
}

export interface LongLinksOptions extends PeerLimits {
  readonly own: () => RingPlace;
  readonly candidates: () => readonly KnownNode[];
  readonly ringWanted: () => readonly RingPlace[];
  readonly estimatedNodes: () => number;
}

export function createLongLinks(deps: LongLinksDeps, options: LongLinksOptions): LongLinks {
  const { clock, random, links, peering, dialler, announces } = deps;
  /** Nodes dialled for a long link, until when. */
  const wishes = new Map<string, number>();
  let seeks = 0;

  const asked = (): number => seeks + wishes.size + peering.requestsPending(WISH.long);

  function usable(): KnownNode[] {
    const ring = new Set(options.ringWanted().map((node) => node.key));
    const prefixes = countPrefixes(peering.peers());
    return options
      .candidates()
      .filter((node) => peering.get(node.key) === undefined && !peering.isHeldBack(node.key))
      .filter((node) => !ring.has(node.key) && !wishes.has(node.key))
      .filter((node) => !options.prefixRules || !prefixes.isFull(node));
  }

  function take(target: RingLocation): void {
    const chosen = nearestCandidate(options.own(), target, usable());
    if (chosen === undefined || !wantsLongLink(peering.peers(), asked(), options)) return;
    const link = links.get(chosen.descriptor.nodeId);
    if (link?.isOpen) peering.request(link, WISH.long);
    else if (dialler.dial(chosen.descriptor)) wishes.set(chosen.key, clock.nowMs() + WISH_MS);
  }

  function seek(): boolean {
    const { location } = options.own();
    const draws = Array.from({ length: LONG_TARGET_DRAWS }, () => ({ distance: random.unit(), side: random.unit() }));
    const present = peering.peers().flatMap((peer) => (peer.ringNeighbour ? [] : [peer.location]));
    const target = spreadTarget(location, draws, present, options.estimatedNodes(), options.ringNeighboursEachSide);
    const over = [...peering.peers()].sort(byDistanceTo(target))[0];
    if (over === undefined) return false;
    const sent = announces.send(over.link, target, () => {
      seeks--;
      take(target);
    });
    if (sent) seeks++;
    return sent;
  }

  return {
    upkeep() {
      const nowMs = clock.nowMs();
      for (const [key, untilMs] of [...wishes]) if (untilMs <= nowMs) wishes.delete(key);
      if (!wantsLongLink(peering.peers(), asked(), options) || usable().length === 0) return;
      while (seeks < SEEKS_AT_ONCE && wantsLongLink(peering.peers(), asked(), options)) if (!seek()) break;
    },
    linkOpened(link) {
      if (link.peer !== undefined && wishes.delete(keyOf(link.peer))) peering.request(link, WISH.long);
    },
  };
}
