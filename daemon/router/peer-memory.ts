/**
 * What the router remembers of each peer, besides its links: whether it asked for quiet, which of its claims led nowhere, and
 * how many of the latest requests it got.
 *
 * Shape   all three are maps by peer key. A peer that goes down is forgotten; an answer that comes later may bring it back, so
 *         each map also drops its oldest beyond PEERS_MAX, and doubts beyond PEER_CLAIMS_MAX.
 * Why     nothing here says which key was asked for, so requests of the own exit may feed it like any other.
 * Source  design §§ 7, 8.
 * @module
 */
import { DEADLINE_MS_MAX, PEER_CLAIMS_MAX, PEERS_MAX } from '../limits.ts';

const SILENCE_BACKOFF_FIRST_MS = 1_000;
const SILENCE_BACKOFF_MAX_MS = 60_000;

/** Peers not to be asked for a while: they said so, or did not even accept what they were asked last. */
export class Backoff {
  readonly #untilMs = new Map<string, number>();
  readonly #silences = new Map<string, number>();

  /**
   * @returns whole milliseconds until it may be asked again; 0 when it may be asked now. Never more than a message can carry: the
   * clock has fractions, and a sum less the same number can come out a little above what was added.
   */
  remainingMs(peerKey: string, nowMs: number): number {
    const leftMs = Math.ceil((this.#untilMs.get(peerKey) ?? 0) - nowMs);
    return Math.min(Math.max(0, leftMs), DEADLINE_MS_MAX);
  }

  overloaded(peerKey: string, nowMs: number, retryMs: number): void {
    this.#extend(peerKey, nowMs + Math.min(retryMs, DEADLINE_MS_MAX));
  }

  /** Did not accept in time: twice as long each time in a row. */
  silent(peerKey: string, nowMs: number): void {
    const before = this.#silences.get(peerKey) ?? 0;
    this.#silences.set(peerKey, before + 1);
    dropOldestBeyond(this.#silences, PEERS_MAX);
    this.#extend(peerKey, nowMs + Math.min(SILENCE_BACKOFF_FIRST_MS * 2 ** before, SILENCE_BACKOFF_MAX_MS));
  }

  /** Accepted and then said nothing. Once may be somebody's fault behind it; from the second time in a row on it is like silence. */
  dropped(peerKey: string, nowMs: number): void {
    if (this.#silences.has(peerKey)) this.silent(peerKey, nowMs);
    else {
      this.#silences.set(peerKey, 0);
      dropOldestBeyond(this.#silences, PEERS_MAX);
    }
  }

  heard(peerKey: string): void {
    this.#silences.delete(peerKey);
  }

  forget(peerKey: string): void {
    this.#untilMs.delete(peerKey);
    this.#silences.delete(peerKey);
  }

  #extend(peerKey: string, untilMs: number): void {
    if (untilMs > (this.#untilMs.get(peerKey) ?? 0)) this.#untilMs.set(peerKey, untilMs);
    dropOldestBeyond(this.#untilMs, PEERS_MAX);
  }

  /** Peers remembered, for the test of the cap. */
  get size(): number {
    return Math.max(this.#untilMs.size, this.#silences.size);
  }
}

/** As often as a peer may send new claims: by then doubt about the old ones is out of date. */
const DOUBT_LIFE_MS = 600_000;
const DOUBTS_UNTIL_DROPPED = 3;

/** Claims that were followed in vain: half the weight each time, none after three; a success restores it. */
export class ClaimTrust {
  readonly #peers = new Map<string, { untilMs: number; weights: Map<number, number> }>();

  weightsOf(peerKey: string, nowMs: number): ReadonlyMap<number, number> | undefined {
    const doubts = this.#peers.get(peerKey);
    if (doubts === undefined) return undefined;
    if (doubts.untilMs > nowMs) return doubts.weights;
    this.#peers.delete(peerKey);
    return undefined;
  }

  doubt(peerKey: string, claim: number, nowMs: number): void {
    let doubts = this.#peers.get(peerKey);
    if (doubts === undefined || doubts.untilMs <= nowMs) {
      doubts = { untilMs: nowMs + DOUBT_LIFE_MS, weights: new Map() };
      this.#peers.set(peerKey, doubts);
      dropOldestBeyond(this.#peers, PEERS_MAX);
    }
    const weight = (doubts.weights.get(claim) ?? 1) / 2;
    doubts.weights.set(claim, weight <= 0.5 ** DOUBTS_UNTIL_DROPPED ? 0 : weight);
    dropOldestBeyond(doubts.weights, PEER_CLAIMS_MAX);
  }

  /** Peers remembered, for the test of the cap. */
  get size(): number {
    return this.#peers.size;
  }

  confirm(peerKey: string, claim: number): void {
    this.#peers.get(peerKey)?.weights.delete(claim);
  }

  forget(peerKey: string): void {
    this.#peers.delete(peerKey);
  }
}

const SHARE_WINDOW = 100;
const SHARE_MAX = 0.3;
const SHARE_PEERS_MIN = 5;
const NOBODY: ReadonlySet<string> = new Set();

/** With few peers each one's claims win more by right. */
const CLAIM_SHARE_MIN = 0.1;
const CLAIM_SHARE_TIMES = 2;

/** Of the latest requests that a claim decided, what one peer's claims may have won: twice its even share. */
export function claimShareMax(peerCount: number): number {
  return Math.max(CLAIM_SHARE_MIN, CLAIM_SHARE_TIMES / Math.max(1, peerCount));
}

/** Who got the last hundred requests sent on. */
export class Shares {
  readonly #latest: string[] = [];
  readonly #counts = new Map<string, number>();
  #next = 0;

  chosen(peerKey: string): void {
    const gone = this.#latest[this.#next];
    if (gone !== undefined) {
      const left = this.#counts.get(gone)! - 1;
      if (left === 0) this.#counts.delete(gone);
      else this.#counts.set(gone, left);
    }
    this.#latest[this.#next] = peerKey;
    this.#counts.set(peerKey, (this.#counts.get(peerKey) ?? 0) + 1);
    this.#next = (this.#next + 1) % SHARE_WINDOW;
  }

  /** Peers at their share; nobody while there are too few peers to spread over. */
  over(peerCount: number, shareMax = SHARE_MAX): ReadonlySet<string> {
    if (peerCount < SHARE_PEERS_MIN) return NOBODY;
    let over: Set<string> | undefined;
    for (const [peerKey, count] of this.#counts) {
      if (count < SHARE_WINDOW * shareMax) continue;
      over ??= new Set();
      over.add(peerKey);
    }
    return over ?? NOBODY;
  }
}

function dropOldestBeyond<Key>(map: Map<Key, unknown>, sizeMax: number): void {
  if (map.size > sizeMax) map.delete(map.keys().next().value!);
}
