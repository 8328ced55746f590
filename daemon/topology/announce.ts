/**
 * Announce: a descriptor routed towards a place on the ring, and the descriptors of those who live there on the way back.
 *
 * Shape   each node passes it to the peer nearest to the target, only if that one is nearer than itself; the last one answers, and
 *         every node on the way back adds itself and its peers, so the asker hears of the nodes on both sides of the target.
 * Unit    HTL in hops, at most ANNOUNCE_HTL_MAX; a node waits longer the more hops are left, so inner waits end first.
 * Errors  ERR_UNEXPECTED for an Announce over a link without a descriptor. Unknown or late replies are ignored.
 * Why     only peers, and nodes that announced themselves over their own link, are named to others: naming every link would tell
 *         whoever asks who builds circuits through us. When the table is full the answer is what we know ourselves, at once.
 * Source  design § 7; anonymity § 7 rule 7 (ids are fresh per link).
 * @module
 */
import type { RingLocation } from '../ids.ts';
import {
  ANNOUNCE_HTL_MAX,
  ANNOUNCE_REPLY_DESCRIPTORS_MAX,
  ANNOUNCES_PENDING_MAX,
  ANNOUNCES_PENDING_PER_LINK_MAX,
} from '../limits.ts';
import type { Link } from '../link/link-types.ts';
import type { Clock, Random, Timer } from '../ports.ts';
import type { Descriptor } from '../wire/descriptor-types.ts';
import type { MessageNamed } from '../wire/messages.ts';
import { locationFromBytes, locationToBytes } from '../wire/ring-bytes.ts';
import { aroundTarget, byDistanceTo, distance, type RingPlace } from './ring-location.ts';

const WAIT_BASE_MS = 1_000;
const WAIT_PER_HOP_MS = 250;
/** Announces of our own that wait for an answer. */
const OWN_PENDING_MAX = 16;

interface Pending {
  /** The link it was sent on over. */
  readonly link: Link;
  /** Undefined for our own. */
  readonly from: Link | undefined;
  readonly done: (nodes: readonly NamedNode[]) => void;
  readonly timer: Timer;
}

/** A node that may be named to others. */
export interface NamedNode extends RingPlace {
  readonly descriptor: Descriptor;
}

export interface Announces {
  /** Sends our own; `done` comes once, when an answer came or none will. False: too many are under way. */
  send(over: Link, target: RingLocation, done: () => void): boolean;
  /** @param announcer the verified descriptor it carries */
  handleAnnounce(link: Link, message: MessageNamed<'Announce'>, announcer: NamedNode): void;
  handleReply(link: Link, message: MessageNamed<'AnnounceReply'>): void;
  linkClosed(link: Link): void;
  readonly pending: number;
  stop(): void;
}

export interface AnnounceDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly ownDescriptor: () => Descriptor;
  readonly own: () => RingPlace;
  /** Whom we may pass an Announce to and name in replies: open links that want to be known. */
  readonly neighbours: () => readonly { readonly node: NamedNode; readonly link: Link }[];
  /** Verifies descriptors that came over a link, within its budget; what does not hold is left out. */
  readonly adopt: (link: Link, descriptors: readonly Uint8Array[]) => readonly NamedNode[];
}

export function createAnnounces(deps: AnnounceDeps): Announces {
  const { clock, random, own, ownDescriptor, neighbours } = deps;
  const pending = new Map<string, Pending>();

  const rowOf = (link: Link, id: number): string => `${link.handle}/${id}`;
  const countOwn = (): number => [...pending.values()].filter((entry) => entry.from === undefined).length;
  const countFrom = (link: Link): number => [...pending.values()].filter((entry) => entry.from === link).length;

  function freshId(): number {
    const bytes = random.bytes(4);
    return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0);
  }

  function passOn(
    over: Link,
    from: Link | undefined,
    target: Uint8Array,
    htl: number,
    descriptor: Uint8Array,
    done: Pending['done'],
  ): void {
    const id = freshId();
    const row = rowOf(over, id);
    finish(row, []); // an id drawn twice ends the older one
    const timer = clock.setTimer(WAIT_BASE_MS + WAIT_PER_HOP_MS * htl, () => finish(row, []));
    pending.set(row, { link: over, from, done, timer });
    over.sendMessage({ type: 'Announce', id, target, htl, descriptor });
  }

  function finish(row: string, nodes: readonly NamedNode[]): void {
    const entry = pending.get(row);
    if (entry === undefined) return;
    pending.delete(row);
    entry.timer.cancel();
    entry.done(nodes);
  }

  /** We and those around us, except the asker. */
  function around(target: RingLocation, further: readonly NamedNode[], except: string): Uint8Array[] {
    const self = ownDescriptor();
    const nodes = new Map<string, NamedNode>();
    for (const node of further) nodes.set(node.key, node);
    for (const { node } of neighbours()) nodes.set(node.key, node);
    nodes.set(own().key, { ...own(), descriptor: self });
    nodes.delete(except);
    return aroundTarget(target, [...nodes.values()], ANNOUNCE_REPLY_DESCRIPTORS_MAX).map(
      (node) => node.descriptor.encoded,
    );
  }

  return {
    get pending() {
      return pending.size;
    },
    send(over, target, done) {
      if (countOwn() >= OWN_PENDING_MAX) return false;
      passOn(over, undefined, locationToBytes(target), ANNOUNCE_HTL_MAX, ownDescriptor().encoded, done);
      return true;
    },
    handleAnnounce(link, message, announcer) {
      const target = locationFromBytes(message.target);
      const htl = Math.min(message.htl, ANNOUNCE_HTL_MAX);
      const answer = (further: readonly NamedNode[]): void => {
        const descriptors = around(target, further, announcer.key);
        link.sendMessage({ type: 'AnnounceReply', id: message.id, descriptors });
      };
      const ownDistance = distance(own().location, target);
      const nearest = byDistanceTo(target);
      let next: { readonly node: NamedNode; readonly link: Link } | undefined;
      for (const neighbour of neighbours()) {
        const { node } = neighbour;
        if (node.key === announcer.key || node.key === link.peerKey) continue;
        if (distance(node.location, target) >= ownDistance) continue;
        if (next === undefined || nearest(node, next.node) < 0) next = neighbour;
      }
      const isFull = pending.size >= ANNOUNCES_PENDING_MAX || countFrom(link) >= ANNOUNCES_PENDING_PER_LINK_MAX;
      if (next === undefined || htl === 0 || isFull) answer([]);
      else passOn(next.link, link, message.target, htl - 1, message.descriptor, answer);
    },
    handleReply(link, message) {
      const row = rowOf(link, message.id);
      if (pending.has(row)) finish(row, deps.adopt(link, message.descriptors));
    },
    linkClosed(link) {
      for (const [row, entry] of [...pending]) {
        if (entry.from === link) {
          pending.delete(row);
          entry.timer.cancel();
        } else if (entry.link === link) finish(row, []);
      }
    },
    stop() {
      for (const entry of pending.values()) entry.timer.cancel();
      pending.clear();
    },
  };
}
