/**
 * Who was a peer and is none any more: alias, place, when, for how long, how often.
 *
 * Shape   look(peers) once a second; list() newest first, at most LOST_PEERS_KEPT. A peer that is back is no longer listed, but counted on.
 * Why     only what can be known here: that the connection ended, or that it stands and is no longer one to route over. Whether a person
 *         switched the machine off or a line broke looks the same from afar, so no cause is claimed.
 * Source  ux § 1.2 (Peers, `l`).
 * @module
 */
import type { Peer } from '../topology/topology-types.ts';
import type { LostPeerStatus } from './schema.ts';

export const LOST_PEERS_KEPT = 40;

interface Loss {
  readonly status: LostPeerStatus;
  readonly isBack: boolean;
}

export interface LostPeers {
  look(peers: readonly Peer[], nowMs: number, wallMs: number): void;
  list(): readonly LostPeerStatus[];
  /** Whose aliases must stay as they are. */
  keys(): Iterable<string>;
}

export function createLostPeers(aliasOf: (key: string) => string): LostPeers {
  let before = new Map<string, Peer>();
  /** Oldest loss first. */
  const losses = new Map<string, Loss>();

  return {
    look(peers, nowMs, wallMs) {
      const current = new Map(peers.map((peer) => [peer.key, peer]));
      for (const [key, peer] of before) {
        if (current.has(key)) continue;
        const times = (losses.get(key)?.status.times ?? 0) + 1;
        losses.delete(key);
        losses.set(key, {
          isBack: false,
          status: {
            alias: aliasOf(key),
            location: peer.location,
            direction: peer.link.dialledByUs ? 'out' : 'in',
            lostAtMs: Math.round(wallMs),
            stayedMs: Math.round(nowMs - peer.since),
            linkEnded: !peer.link.isOpen,
            times,
          },
        });
      }
      for (const key of current.keys()) {
        const loss = losses.get(key);
        if (loss !== undefined && !loss.isBack) losses.set(key, { ...loss, isBack: true });
      }
      for (const key of losses.keys()) {
        if (losses.size <= LOST_PEERS_KEPT) break;
        losses.delete(key);
      }
      before = current;
    },
    list: () =>
      [...losses.values()]
        .filter(({ isBack }) => !isBack)
        .map(({ status }) => status)
        .toReversed(),
    keys: () => losses.keys(),
  };
}
