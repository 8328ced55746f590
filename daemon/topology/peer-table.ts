/**
 * Whom to keep as a peer: pure decisions over what is known of the peers. peering.ts carries them out.
 *
 * Shape   a peer is there for the ring (the nearest on either side), or as a long link that we asked for or were asked for.
 * Errors  none; a refusal is a value of PeerRefused.reason.
 * Why     ring neighbours are always accepted and never dropped for room: without them greedy routing dead-ends. Whom a draw of its own
 *         led to us (long-draws.ts) is as good as whom ours led to. Anybody else that asks gets a place only while we have few long
 *         links, a quarter of the places at most, and loses it to those: whoever floods us with requests fills what nobody
 *         needs. Prefix caps hold for the ring too: else one subnet could surround a node.
 * Source  design §§ 5, 7.
 * @module
 */
import { PEERS_PER_PREFIX_MAX, PEERS_PER_WIDE_PREFIX_MAX } from '../limits.ts';
import type { Prefixes } from './prefixes.ts';
import { compareKeys, distance, nearestEachSide, type RingPlace, steady } from './ring-location.ts';

/** What the relation is for: the ring, a long link that we wished, or one that the other end wished: by its draw, or just so. */
export type PeerOrigin = 'ring' | 'longOut' | 'longIn' | 'longAsked';

export const WISH = { long: 0, ring: 1 } as const;
export type Wish = (typeof WISH)[keyof typeof WISH];
export const REFUSAL = { full: 0, prefix: 1, role: 2, binding: 3 } as const;
export type Refusal = (typeof REFUSAL)[keyof typeof REFUSAL];

export interface PeerFacts extends RingPlace, Prefixes {
  readonly origin: PeerOrigin;
  readonly ringNeighbour: boolean;
  /** When it stopped being one of the nearest on its side; undefined while it is one, or never was. */
  readonly leftRingMs: number | undefined;
  /** Its link, for the round trip time. */
  readonly link?: { readonly rttMs: number | undefined };
}

export interface PeerLimits {
  readonly ringNeighboursEachSide: number;
  readonly longLinks: number;
  readonly peersMax: number;
  readonly prefixRules: boolean;
}

/** How long a former ring neighbour stays, so that it can hear from us who stands between us now. */
export const LEFT_RING_GRACE_MS = 2_000;

/** Keys of the nearest on either side. */
export function ringKeys(own: RingPlace, nodes: readonly RingPlace[], eachSide: number): Set<string> {
  const { after, before } = nearestEachSide(own, nodes, eachSide);
  return new Set([...after, ...before].map((node) => node.key));
}

/** The nearest on either side that the prefix caps allow together, nearest first. */
export function ringWanted<T extends RingPlace & Prefixes>(
  own: RingPlace,
  nodes: readonly T[],
  limits: PeerLimits,
): readonly T[] {
  // Seldom does a prefix cap pass over more than that.
  const few = ringWithin(own, nodes, limits, Math.min(nodes.length, limits.ringNeighboursEachSide * 3));
  return few ?? ringWithin(own, nodes, limits, nodes.length)!;
}

/** As ringWanted, of the nearest `window` on either side; undefined when these were too few to tell. */
function ringWithin<T extends RingPlace & Prefixes>(
  own: RingPlace,
  nodes: readonly T[],
  limits: PeerLimits,
  window: number,
): readonly T[] | undefined {
  const { after, before } = nearestEachSide(own, nodes, window);
  const chosen = new Map<string, T>();
  const prefixes = countPrefixes([]);
  for (const side of [after, before]) {
    let found = 0;
    for (const node of side) {
      if (found === limits.ringNeighboursEachSide) break;
      if (!chosen.has(node.key)) {
        if (limits.prefixRules && prefixes.isFull(node)) continue;
        prefixes.add(node);
        chosen.set(node.key, node);
      }
      found++;
    }
    if (found < limits.ringNeighboursEachSide && window < nodes.length) return undefined;
  }
  return [...chosen.values()].sort(
    (a, b) => distance(a.location, own.location) - distance(b.location, own.location) || compareKeys(a.key, b.key),
  );
}

/**
 * Whether to count the asker among our peers.
 * @param isDrawn whether a draw of the asker's led to us
 */
export function judgeRequest(
  own: RingPlace,
  peers: readonly PeerFacts[],
  asker: RingPlace & Prefixes,
  wish: Wish,
  limits: PeerLimits,
  isDrawn = true,
): 'accept' | Refusal {
  const isNeighbour = ringKeys(own, [...peers, asker], limits.ringNeighboursEachSide).has(asker.key);
  const competing = isNeighbour ? peers.filter((peer) => peer.ringNeighbour) : peers;
  if (limits.prefixRules && countPrefixes(competing).isFull(asker)) return REFUSAL.prefix;
  if (isNeighbour) return 'accept';
  if (wish === WISH.ring) return REFUSAL.full;
  const long = longPeers(peers);
  // What a draw led here takes the place of what none did: choosePeersToDrop.
  const yielding = isDrawn ? askedPeers(long).length : 0;
  if (long.length - yielding >= longPeersMax(limits) || peers.length - yielding >= limits.peersMax) return REFUSAL.full;
  return isDrawn || roomForAsked(long, limits) > 0 ? 'accept' : REFUSAL.full;
}

/** Peers that asked us without a draw that led them here. */
export function askedPeers<T extends PeerFacts>(peers: readonly T[]): T[] {
  return peers.filter((peer) => peer.origin === 'longAsked' && !peer.ringNeighbour);
}

/** Places left to them: none once we have half as many long links as we wish, never more than a quarter of all. */
function roomForAsked(long: readonly PeerFacts[], limits: PeerLimits): number {
  const asked = askedPeers(long).length;
  return Math.min(Math.ceil(limits.longLinks / 2) - long.length, Math.floor(limits.peersMax / 4) - asked);
}

/** Long links beyond the ones we wish ourselves: as many again may be asked of us. */
export function longPeersMax(limits: PeerLimits): number {
  return limits.longLinks * 2;
}

/** Whether to ask for one more long link: at least half of them are our own choice, whoever has asked us. */
export function wantsLongLink(peers: readonly PeerFacts[], asked: number, limits: PeerLimits): boolean {
  // Whom no draw led to us keeps us from nothing: he goes when the others are enough.
  const long = longPeers(peers).filter((peer) => peer.origin !== 'ring' && peer.origin !== 'longAsked');
  const chosen = long.filter((peer) => peer.origin === 'longOut').length + asked;
  if (peers.length + asked >= limits.peersMax) return false;
  if (chosen >= limits.longLinks) return false;
  return long.length + asked < limits.longLinks || chosen < Math.ceil(limits.longLinks / 2);
}

/** Whether to seek where no draw of our id led, and nobody owes us a place: only while even a quarter of the long links is missing. */
export function wantsAnyLongLink(peers: readonly PeerFacts[], asked: number, limits: PeerLimits): boolean {
  const long = longPeers(peers).filter((peer) => peer.origin === 'longIn' || peer.origin === 'longOut');
  return wantsLongLink(peers, asked, limits) && long.length + asked < Math.ceil(limits.longLinks / 4);
}

/** Peers to drop now, so that every cap holds: the least useful first, never one that the ring needs. */
export function choosePeersToDrop(
  own: RingPlace,
  peers: readonly PeerFacts[],
  limits: PeerLimits,
  nowMs: number,
): readonly string[] {
  const dropped = new Set<string>();
  const left = (): PeerFacts[] => peers.filter((peer) => !dropped.has(peer.key));
  for (const peer of peers) {
    const surplus = peer.origin === 'ring' && !peer.ringNeighbour && peer.leftRingMs !== undefined;
    if (surplus && nowMs - peer.leftRingMs! >= LEFT_RING_GRACE_MS) dropped.add(peer.key);
  }
  if (limits.prefixRules) {
    let counted = countPrefixes(left());
    for (const peer of peers) {
      while (!dropped.has(peer.key) && counted.isOver(peer)) {
        const sharing = longPeers(left()).filter(
          (other) => other.prefix === peer.prefix || other.widePrefix === peer.widePrefix,
        );
        const least = leastUseful(own, sharing);
        if (least === undefined) break;
        dropped.add(least);
        counted = countPrefixes(left());
      }
    }
  }
  for (;;) {
    const long = longPeers(left());
    if (roomForAsked(long, limits) >= 0) break;
    const least = leastUseful(own, askedPeers(long));
    if (least === undefined) break;
    dropped.add(least);
  }
  for (;;) {
    const long = longPeers(left());
    if (long.length <= longPeersMax(limits) && left().length <= limits.peersMax) break;
    const least = leastUseful(own, long);
    if (least === undefined) break;
    dropped.add(least);
  }
  return [...dropped];
}

/**
 * The long link whose loss costs routing least: the one that leaves the smallest gap, on a logarithmic scale, between the
 * links around it. Former ring neighbours go first, then links asked of us, then our own. Gaps of the same half octave are taken
 * for equal; of those the slowest link goes.
 */
export function leastUseful(own: RingPlace, long: readonly PeerFacts[]): string | undefined {
  const order: readonly PeerOrigin[] = ['ring', 'longAsked', 'longIn', 'longOut'];
  const origin = order.find((candidate) => long.some((peer) => peer.origin === candidate));
  let least: { key: string; gap: number; rttMs: number } | undefined;
  for (const sideAfter of [true, false]) {
    const side = long
      .filter((peer) => isAfter(own, peer) === sideAfter)
      .sort(
        (a, b) => distance(a.location, own.location) - distance(b.location, own.location) || compareKeys(a.key, b.key),
      );
    side.forEach((peer, index) => {
      if (peer.origin !== origin) return;
      const inner = distance((side[index - 1] ?? peer).location, own.location);
      const outer = index + 1 < side.length ? distance(side[index + 1]!.location, own.location) : 0.5;
      const octaves = steady(Math.log2(Math.max(outer, 2 ** -31) / Math.max(inner, 2 ** -31)));
      const gap = Math.round(octaves * 2);
      const rttMs = Math.round(peer.link?.rttMs ?? 0);
      const found = { key: peer.key, gap, rttMs };
      if (least === undefined || isLessUseful(found, least)) least = found;
    });
  }
  return least?.key;
}

interface Usefulness {
  readonly key: string;
  readonly gap: number;
  readonly rttMs: number;
}

function isLessUseful(a: Usefulness, b: Usefulness): boolean {
  if (a.gap !== b.gap) return a.gap < b.gap;
  if (a.rttMs !== b.rttMs) return a.rttMs > b.rttMs;
  return a.key < b.key;
}

/** Peers that the ring does not need. */
export function longPeers(peers: readonly PeerFacts[]): PeerFacts[] {
  return peers.filter((peer) => !peer.ringNeighbour);
}

function isAfter(own: RingPlace, peer: RingPlace): boolean {
  const arc = peer.location - own.location;
  return (arc < 0 ? arc + 1 : arc) <= 0.5;
}

export function countPrefixes(nodes: readonly Prefixes[]): {
  add(node: Prefixes): void;
  /** One more of this prefix would break a cap. */
  isFull(node: Prefixes): boolean;
  isOver(node: Prefixes): boolean;
} {
  const narrow = new Map<string, number>();
  const wide = new Map<string, number>();
  const add = (node: Prefixes): void => {
    narrow.set(node.prefix, (narrow.get(node.prefix) ?? 0) + 1);
    wide.set(node.widePrefix, (wide.get(node.widePrefix) ?? 0) + 1);
  };
  for (const node of nodes) add(node);
  const count = (node: Prefixes): [number, number] => [narrow.get(node.prefix) ?? 0, wide.get(node.widePrefix) ?? 0];
  return {
    add,
    isFull: (node) => count(node)[0] >= PEERS_PER_PREFIX_MAX || count(node)[1] >= PEERS_PER_WIDE_PREFIX_MAX,
    isOver: (node) => count(node)[0] > PEERS_PER_PREFIX_MAX || count(node)[1] > PEERS_PER_WIDE_PREFIX_MAX,
  };
}
