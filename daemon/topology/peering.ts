/**
 * Becoming peers and ceasing to be: the asker wishes, the asked one decides, and both ends hold the same relation.
 *
 * Shape   PeerRequest -> PeerAccepted | PeerRefused; PeerDropped ends the relation, the link lives on for circuits.
 * Errors  a request from a node that showed no descriptor is ERR_UNEXPECTED.
 * Why     the relation belongs to the two nodes, not to the link: when both dial at once there are two links for a moment, and the one
 *         that remains carries it on. An acceptance that comes too late is answered PeerDropped, so that nobody routes one-sidedly.
 * Source  design § 7; messages.ts.
 * @module
 */
import { ProtocolError } from '../errors.ts';
import { hexKey, type RingLocation } from '../ids.ts';
import { PEERS_BANNED_MAX } from '../limits.ts';
import type { Link, Links } from '../link/link-types.ts';
import type { Clock, Log } from '../ports.ts';
import { BINDING, type Descriptor, ROLE, type Role } from '../wire/descriptor-types.ts';
import type { Message } from '../wire/messages.ts';
import { isDrawnTo, judgeDraws } from './long-draws.ts';
import {
  choosePeersToDrop,
  judgeRequest,
  type PeerFacts,
  type PeerLimits,
  type PeerOrigin,
  REFUSAL,
  type Refusal,
  ringKeys,
  WISH,
  type Wish,
} from './peer-table.ts';
import { prefixesOf } from './prefixes.ts';
import type { RingPlace } from './ring-location.ts';
import type { Peer } from './topology-types.ts';

const REQUEST_TIMEOUT_MS = 5_000;
const REFUSED_BACKOFF_MS = 1_000;
const REFUSED_BACKOFF_MAX_MS = 60_000;
/** Prefix, role and binding do not change from one second to the next. */
const REFUSED_FOR_GOOD_MS = 60_000;

/** A peer as the topology sees it; the layers above see it as Peer. */
export interface PeerEntry extends Peer, PeerFacts {
  readonly link: Link;
  descriptor: Descriptor;
  location: RingLocation;
  origin: PeerOrigin;
  ringNeighbour: boolean;
  onProbation: boolean;
  leftRingMs: number | undefined;
  claims: readonly number[];
}

interface Refused {
  times: number;
  untilMs: number;
}

export interface Peering {
  /** In the order they became peers. */
  peers(): readonly PeerEntry[];
  get(key: string): PeerEntry | undefined;
  /** True while a request waits for its answer, or was refused too recently to ask again. */
  isHeldBack(key: string): boolean;
  /** True while a refusal is too fresh to ask again. */
  wasRefused(key: string): boolean;
  requestsPending(wish: Wish): number;
  request(link: Link, wish: Wish): void;
  /** A draw of our own led to that peer too. */
  chose(key: string): void;
  handleMessage(link: Link, message: Message): void;
  drop(key: string): void;
  /** Drops it, and for so long neither asks it nor lets it become one; the link stays for circuits. At most PEERS_BANNED_MAX. */
  ban(key: string, forMs: number): void;
  /** Nodes that may not be peers now. */
  readonly banned: number;
  /** The other end left: no message is owed to it. */
  forget(key: string): void;
  linkClosed(link: Link): void;
  descriptorChanged(key: string, descriptor: Descriptor): void;
  /** Drops what the caps ask for and forgets requests that were never answered. */
  upkeep(): void;
}

export interface PeeringDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly links: Pick<Links, 'get'>;
}

export interface PeeringOptions extends PeerLimits {
  readonly role: Role;
  readonly own: () => RingPlace;
  /** Whether that node is known too shortly to be read from; absent: nobody is. */
  readonly isNew?: (key: string) => boolean;
  /** The newest verified descriptor of that node, if any. */
  readonly newest: (key: string) => Descriptor | undefined;
  readonly onPeerUp: (peer: PeerEntry) => void;
  readonly onPeerDown: (peer: PeerEntry) => void;
}

export function createPeering(deps: PeeringDeps, options: PeeringOptions): Peering {
  const { clock, log, links } = deps;
  const peers = new Map<string, PeerEntry>();
  /** The values of `peers`, until one comes or goes. */
  let list: readonly PeerEntry[] | undefined;
  const allPeers = (): readonly PeerEntry[] => (list ??= [...peers.values()]);
  const pending = new Map<string, { readonly wish: Wish; readonly untilMs: number }>();
  const refused = new Map<string, Refused>();
  const banned = new Map<string, number>();
  const isBanned = (key: string): boolean => (banned.get(key) ?? 0) > clock.nowMs();

  function markRing(): void {
    const ring = ringKeys(options.own(), allPeers(), options.ringNeighboursEachSide);
    // Those known for long stay beside newer ones that came between: what was stored before lies with them.
    const old = allPeers().filter((peer) => !peer.onProbation);
    const oldRing = ringKeys(options.own(), old, options.ringNeighboursEachSide);
    for (const peer of peers.values()) {
      const isNeighbour = ring.has(peer.key) || (peer.origin === 'ring' && oldRing.has(peer.key));
      if (peer.ringNeighbour && !isNeighbour) peer.leftRingMs = clock.nowMs();
      if (isNeighbour) peer.leftRingMs = undefined;
      peer.ringNeighbour = isNeighbour;
    }
  }

  function add(link: Link, descriptor: Descriptor, origin: PeerOrigin): void {
    const key = link.peerKey;
    const current = peers.get(key);
    if (current !== undefined) {
      if (!current.link.isOpen) rebind(current, link);
      return;
    }
    const peer: PeerEntry = {
      key,
      descriptor,
      location: descriptor.location,
      link,
      since: clock.nowMs(),
      origin,
      ...prefixesOf(link.remote.host),
      ringNeighbour: false,
      onProbation: options.isNew?.(key) ?? false,
      leftRingMs: undefined,
      claims: [],
    };
    peers.set(key, peer);
    list = undefined;
    refused.delete(key);
    markRing();
    // A neighbour for the ring that is none by the time it is added must run out its grace like one that left.
    if (origin === 'ring' && !peer.ringNeighbour) peer.leftRingMs = clock.nowMs();
    log.write('debug', 'topology', `peer up, ${origin}, ${peers.size} peers`);
    options.onPeerUp(peer);
  }

  function remove(key: string): PeerEntry | undefined {
    const peer = peers.get(key);
    if (peer === undefined) return undefined;
    peers.delete(key);
    list = undefined;
    markRing();
    log.write('debug', 'topology', `peer down, ${peers.size} peers`);
    options.onPeerDown(peer);
    return peer;
  }

  /**
   * The relation moves to another link of the same two nodes: to the layers above, one peer goes and one comes. Whether the other end
   * still holds it we cannot see (it may have started anew), so we ask once more: refused means it is over.
   */
  function rebind(peer: PeerEntry, link: Link): void {
    peers.delete(peer.key);
    list = undefined;
    options.onPeerDown(peer);
    const moved = { ...peer, link };
    peers.set(peer.key, moved);
    list = undefined;
    markRing();
    options.onPeerUp(moved);
    ask(link, moved.origin === 'ring' ? WISH.ring : WISH.long);
  }

  function ask(link: Link, wish: Wish): void {
    pending.set(link.peerKey, { wish, untilMs: clock.nowMs() + REQUEST_TIMEOUT_MS });
    link.sendMessage({ type: 'PeerRequest', wish });
  }

  function judge(link: Link, descriptor: Descriptor, wish: Wish): 'accept' | Refusal {
    if (options.role === ROLE.light || descriptor.role === ROLE.light) return REFUSAL.role;
    // The caps count a link by the address at its other end, whatever the descriptor says.
    const at = prefixesOf(link.remote.host);
    const claimed = descriptor.addresses[0];
    const bound = options.prefixRules && descriptor.binding === BINDING.prefix;
    // A location bound to an address is worth what the address is: it must be the one the link really comes from.
    if (bound && (claimed === undefined || prefixesOf(claimed.host).prefix !== at.prefix)) return REFUSAL.binding;
    if (isBanned(link.peerKey)) return REFUSAL.full; // the owner's reasons are nobody's business
    // Whom we have asked ourselves we do not turn away: its request and ours have crossed.
    if (pending.has(link.peerKey)) return 'accept';
    const asker = { key: link.peerKey, location: descriptor.location, ...at };
    return judgeRequest(options.own(), allPeers(), asker, wish, options, isDrawnTo(options.own(), allPeers(), asker));
  }

  function originOf(asker: RingPlace, wish: Wish): PeerOrigin {
    if (wish === WISH.ring) return 'ring';
    return isDrawnTo(options.own(), allPeers(), asker) ? 'longIn' : 'longAsked';
  }

  function onRequest(link: Link, wish: Wish): void {
    if (link.peer === undefined) throw new ProtocolError('ERR_UNEXPECTED', 'a peer request without a descriptor');
    const descriptor = options.newest(link.peerKey);
    const verdict = peers.has(link.peerKey)
      ? 'accept'
      : descriptor === undefined
        ? REFUSAL.binding
        : judge(link, descriptor, wish);
    if (verdict !== 'accept') {
      link.sendMessage({ type: 'PeerRefused', reason: verdict });
      return;
    }
    link.sendMessage({ type: 'PeerAccepted' });
    if (descriptor === undefined) return;
    add(link, descriptor, originOf({ key: link.peerKey, location: descriptor.location }, wish));
  }

  function onAccepted(link: Link): void {
    const asked = pending.get(link.peerKey);
    pending.delete(link.peerKey);
    if (peers.has(link.peerKey)) return;
    const descriptor = options.newest(link.peerKey);
    if (asked === undefined || descriptor === undefined || isBanned(link.peerKey)) {
      link.sendMessage({ type: 'PeerDropped' });
      return;
    }
    add(link, descriptor, asked.wish === WISH.ring ? 'ring' : 'longOut');
  }

  function onRefused(link: Link, reason: number): void {
    if (!pending.delete(link.peerKey)) return;
    remove(link.peerKey);
    const times = (refused.get(link.peerKey)?.times ?? 0) + 1;
    const backoffMs =
      reason === REFUSAL.full
        ? Math.min(REFUSED_BACKOFF_MS * 2 ** Math.min(times - 1, 10), REFUSED_BACKOFF_MAX_MS)
        : REFUSED_FOR_GOOD_MS;
    refused.set(link.peerKey, { times, untilMs: clock.nowMs() + backoffMs });
  }

  const wasRefused = (key: string): boolean => (refused.get(key)?.untilMs ?? 0) > clock.nowMs() || isBanned(key);

  function drop(key: string): void {
    const peer = remove(key);
    peer?.link.sendMessage({ type: 'PeerDropped' });
  }

  return {
    peers: allPeers,
    get: (key) => peers.get(key),
    isHeldBack: (key) => pending.has(key) || wasRefused(key),
    wasRefused,
    requestsPending: (wish) => [...pending.values()].filter((request) => request.wish === wish).length,
    request(link, wish) {
      if (pending.has(link.peerKey) || peers.has(link.peerKey) || isBanned(link.peerKey)) return;
      ask(link, wish);
    },
    chose(key) {
      const peer = peers.get(key);
      if (peer?.origin === 'longAsked') peer.origin = 'longOut';
    },
    handleMessage(link, message) {
      if (message.type === 'PeerRequest') onRequest(link, message.wish === WISH.ring ? WISH.ring : WISH.long);
      else if (message.type === 'PeerAccepted') onAccepted(link);
      else if (message.type === 'PeerRefused') onRefused(link, message.reason);
      else if (message.type === 'PeerDropped') remove(link.peerKey);
    },
    drop,
    ban(key, forMs) {
      banned.delete(key);
      const oldest = banned.keys().next().value;
      if (banned.size >= PEERS_BANNED_MAX && oldest !== undefined) banned.delete(oldest);
      banned.set(key, clock.nowMs() + forMs);
      pending.delete(key);
      drop(key);
    },
    get banned() {
      return [...banned.keys()].filter(isBanned).length;
    },
    forget: (key) => void remove(key),
    linkClosed(link) {
      const key = link.peerKey;
      const other = link.peer === undefined ? undefined : links.get(link.peer.nodeId);
      const stillLinked = other !== undefined && other !== link && other.isOpen;
      if (!stillLinked) pending.delete(key);
      const peer = peers.get(key);
      if (peer === undefined || peer.link !== link) return;
      if (stillLinked) rebind(peer, other);
      else remove(key);
    },
    descriptorChanged(key, descriptor) {
      const peer = peers.get(key);
      if (peer === undefined) return;
      peer.descriptor = descriptor;
      peer.location = descriptor.location;
      markRing();
    },
    upkeep() {
      const nowMs = clock.nowMs();
      for (const [key, untilMs] of [...banned]) if (untilMs <= nowMs) banned.delete(key);
      for (const [key, request] of [...pending]) if (request.untilMs <= nowMs) pending.delete(key);
      // Refusals are remembered for as long as they still lengthen the next wait.
      for (const [key, entry] of [...refused]) if (entry.untilMs + REFUSED_BACKOFF_MAX_MS <= nowMs) refused.delete(key);
      const isNew = options.isNew;
      const passed = isNew === undefined ? [] : allPeers().filter((peer) => peer.onProbation && !isNew(peer.key));
      for (const peer of passed) peer.onProbation = false;
      if (passed.length > 0) markRing();
      for (const { peer, isDrawn } of judgeDraws(options.own(), allPeers()))
        peer.origin = isDrawn ? 'longIn' : 'longAsked';
      for (const key of choosePeersToDrop(options.own(), allPeers(), options, nowMs)) drop(key);
    },
  };
}

/** A link's peer key, for descriptors that are not linked yet. */
export function keyOf(descriptor: Descriptor): string {
  return hexKey(descriptor.nodeId);
}
