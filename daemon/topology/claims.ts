/**
 * What we tell our peers of our other peers: rounded locations, seldom; and what we let them tell us.
 *
 * Shape   PeerLocations to each peer when the relation begins, then on change: not before 1 s, 5 s, 30 s and from then on 10 minutes
 *         after the one before. The router looks two hops ahead by them.
 * Unit    locations in units of 1/4096; milliseconds of Clock.nowMs.
 * Why     a list of locations is a list of neighbours to whoever knows the ring: the rounding, the absence of addresses and the long
 *         pauses keep it from being followed link by link. The short pauses at the start exist because a network that starts all at
 *         once has no peers to tell of when its relations begin.
 * Source  design § 7.
 * @module
 */

import { PEER_CLAIMS_MAX } from '../limits.ts';
import type { Clock } from '../ports.ts';
import type { PeerEntry } from './peering.ts';
import { createTokenBucket, type TokenBucket } from './token-bucket.ts';

export const CLAIM_UNITS = 4_096;
const SPACING_MS: readonly number[] = [1_000, 5_000, 30_000, 600_000];
/** A sender on our own schedule never meets this; whoever exceeds it is not listened to. */
const UPDATES_BURST = 6;
const UPDATES_PER_SEC = 1 / 300;

interface Told {
  text: string;
  times: number;
  atMs: number;
  /** The situation when the text was last found to be still true, or sent. */
  comparedAt: string;
  readonly heard: TokenBucket;
}

/** Rounded, sorted, each once: the order in which peers came says nothing. */
export function roundedLocations(peers: readonly { readonly location: number }[]): number[] {
  const units = peers.map((peer) => Math.round(peer.location * CLAIM_UNITS) % CLAIM_UNITS);
  return [...new Set(units)].sort((a, b) => a - b).slice(0, PEER_CLAIMS_MAX);
}

export interface Claims {
  peerUp(peer: PeerEntry): void;
  peerDown(peer: PeerEntry): void;
  handleLocations(peer: PeerEntry, locations: readonly number[]): void;
  /** Sends what is due. */
  upkeep(): void;
}

export function createClaims(deps: { readonly clock: Clock; readonly peers: () => readonly PeerEntry[] }): Claims {
  const { clock, peers } = deps;
  const told = new Map<string, Told>();
  /** Counts peers that came and went. */
  let changes = 0;

  /** Equal texts mean that every peer is still owed what it was. */
  function situation(of: readonly PeerEntry[]): string {
    let text = `${changes}`;
    for (const peer of of) text += ` ${Math.round(peer.location * CLAIM_UNITS)}`;
    return text;
  }

  function tell(peer: PeerEntry, state: Told): void {
    const locations = roundedLocations(peers().filter((other) => other.key !== peer.key));
    const text = locations.join();
    if (text === state.text) return;
    state.text = text;
    state.times++;
    state.atMs = clock.nowMs();
    peer.link.sendMessage({ type: 'PeerLocations', locations });
  }

  return {
    peerUp(peer) {
      changes++;
      const nowMs = clock.nowMs();
      const heard = createTokenBucket(UPDATES_BURST, UPDATES_PER_SEC, nowMs);
      const state: Told = { text: 'nothing yet', times: 0, atMs: nowMs, comparedAt: '', heard };
      told.set(peer.key, state);
      tell(peer, state);
    },
    peerDown(peer) {
      changes++;
      told.delete(peer.key);
    },
    handleLocations(peer, locations) {
      if (told.get(peer.key)?.heard.take(clock.nowMs())) peer.claims = [...new Set(locations)];
    },
    upkeep() {
      const present = peers();
      const now = situation(present);
      for (const peer of present) {
        const state = told.get(peer.key);
        if (state === undefined || state.comparedAt === now) continue;
        const spacingMs = SPACING_MS[Math.min(state.times - 1, SPACING_MS.length - 1)]!;
        if (clock.nowMs() - state.atMs < spacingMs) continue;
        state.comparedAt = now;
        tell(peer, state);
      }
    },
  };
}
