/**
 * Slow change among the peers: who is of no use goes soon, and now and then a long link makes room for a fresh draw.
 *
 * Shape   step() names at most one peer to drop. Every USELESS_CHECK_MS: the first long link that the router calls useless. Every ROTATE_MS,
 *         while we hold as many long links as we wish: the least useful of those we chose that are older than AGE_MS.
 * Unit    milliseconds of Clock.nowMs, jittered by a quarter so that nodes that started together do not rotate together.
 * Why     slow: whoever can make us change peers quickly can walk a node of his into our table. Never a ring neighbour, never more than one
 *         at a time. A draw that is repeated from time to time also follows a network that grows, whose first long links came short.
 * Source  design § 7; anonymity § 3 A2 (slow rotation).
 * @module
 */
import type { Clock, Random } from '../ports.ts';
import { leastUseful, longPeers, type PeerFacts } from './peer-table.ts';
import type { RingPlace } from './ring-location.ts';

export const USELESS_CHECK_MS = 600_000;
export const ROTATE_MS = 4 * 3_600_000;
const AGE_MS = 2 * 3_600_000;

interface RotatingPeer extends PeerFacts {
  readonly since: number;
}

export interface Rotation {
  /** The peer that goes now, if one does. */
  step(own: RingPlace, peers: readonly RotatingPeer[], longLinks: number): string | undefined;
}

export function createRotation(
  deps: { readonly clock: Clock; readonly random: Random },
  isUseless: (peerKey: string) => boolean,
): Rotation {
  const { clock, random } = deps;
  const after = (ms: number): number => clock.nowMs() + ms * (0.75 + 0.5 * random.unit());
  let uselessDueMs = after(USELESS_CHECK_MS);
  let rotateDueMs = after(ROTATE_MS);
  return {
    step(own, peers, longLinks) {
      const nowMs = clock.nowMs();
      if (nowMs >= uselessDueMs) {
        uselessDueMs = after(USELESS_CHECK_MS);
        const useless = longPeers(peers).find((peer) => isUseless(peer.key));
        if (useless !== undefined) return useless.key;
      }
      if (nowMs < rotateDueMs) return undefined;
      rotateDueMs = after(ROTATE_MS);
      if (longPeers(peers).length < longLinks) return undefined;
      const old = peers.filter((peer) => peer.origin === 'longOut' && nowMs - peer.since >= AGE_MS);
      return leastUseful(own, longPeers(old));
    },
  };
}
