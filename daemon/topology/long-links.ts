/**
 * Long links: seeks whoever lives nearest to a harmonically drawn place, and asks for the relation.
 *
 * Shape   of the places drawn from our node id the one our links cover worst, or, when all have been tried, of some drawn anew; announce to it through the peer nearest to it (the answer fills the table of known nodes), then take the
 *         nearest node known there; a few seeks at once until there are enough.
 * Unit    milliseconds of Clock.nowMs.
 * Why     who is asked takes in whom a draw led to him before anybody else, so the draws that he can check come first (long-draws.ts). Looking the place up through the network finds the node that really lives there; a table of known nodes alone is a sample
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
import { drawnPlaces } from './long-draws.ts';
import { LONG_TARGET_DRAWS, leastCovered, nearestCandidate, spreadTarget } from './peer-choice.ts';
import { countPrefixes, type PeerLimits, WISH, wantsAnyLongLink, wantsLongLink } from './peer-table.ts';
import { keyOf, type Peering } from './peering.ts';
import { byDistanceTo, type RingPlace } from './ring-location.ts';

const SEEKS_AT_ONCE = 3;
/** A dialled candidate must have answered by then. */
const WISH_MS = 15_000;
/** Who lives at a place, and whether he has room, does not change sooner. */
const PLACE_AGAIN_MS = 120_000;

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
  /** Places drawn from our id that were sought lately, until when. */
  const sought = new Map<RingLocation, number>();
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

  function take(target: RingLocation, isOurs: boolean): void {
    const others = usable();
    // Where a draw that can be checked leads is where it must end: whoever lives second nearest owes us nothing.
    const nearest = nearestCandidate(options.own(), target, isOurs ? [...others, ...peering.peers()] : others);
    if (nearest === undefined) return;
    if (peering.get(nearest.key) !== undefined) {
      peering.chose(nearest.key);
      return;
    }
    const wants = isOurs ? wantsLongLink : wantsAnyLongLink;
    if (!wants(peering.peers(), asked(), options)) return;
    const { key, descriptor } = nearest;
    const link = links.get(descriptor.nodeId);
    if (link?.isOpen) peering.request(link, WISH.long);
    else if (dialler.dial(descriptor)) wishes.set(key, clock.nowMs() + WISH_MS);
  }

  /** The next place of our own draws; undefined when all have been sought lately. */
  function ownDraw(present: readonly RingLocation[]): RingLocation | undefined {
    const nowMs = clock.nowMs();
    for (const [place, untilMs] of [...sought]) if (untilMs <= nowMs) sought.delete(place);
    const beyond = options.ringNeighboursEachSide / options.estimatedNodes();
    const places = drawnPlaces(options.own(), beyond).filter((place) => !sought.has(place));
    const best = leastCovered(options.own().location, places, present);
    if (best !== undefined) sought.set(best, nowMs + PLACE_AGAIN_MS);
    return best;
  }

  function anyDraw(present: readonly RingLocation[]): RingLocation {
    const { location } = options.own();
    const draws = Array.from({ length: LONG_TARGET_DRAWS }, () => ({ distance: random.unit(), side: random.unit() }));
    return spreadTarget(location, draws, present, options.estimatedNodes(), options.ringNeighboursEachSide);
  }

  function seek(): boolean {
    const present = peering.peers().flatMap((peer) => (peer.ringNeighbour ? [] : [peer.location]));
    const ours = ownDraw(present);
    if (ours === undefined && !wantsAnyLongLink(peering.peers(), asked(), options)) return false;
    const target = ours ?? anyDraw(present);
    const over = [...peering.peers()].sort(byDistanceTo(target))[0];
    if (over === undefined) return false;
    const sent = announces.send(over.link, target, () => {
      seeks--;
      take(target, ours !== undefined);
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
