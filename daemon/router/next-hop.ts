/**
 * Which peer leads closest to a place on the ring: two hops ahead while far, plain greedy when near. A pure function.
 *
 * Shape   every candidate gets a score, the distance it promises: its own, or that of one of its claimed peers with the
 *         rounding error added, divided by the claim's weight. Lowest score wins; ties go to the nearer peer, then to the key.
 * Unit    distances are fractions of the ring, 0..0.5; claims are units of 1/4096.
 * Why     the rounding error is added, and a claim must then still be nearer than we are, because our peers claim us too: a
 *         node that believed its own rounded image ran in circles (15 hops, 82 % success at 1,000 nodes). Below 1/2048 a
 *         claim says less than our own table does. One peer takes at most 30 % of the requests, or a node with many links
 *         would see most of what we route. Claims are words, so what one peer's claims win has a lower share (peer-memory.ts): whoever claims to know
 *         somebody everywhere would else be asked everything. But a busy peer is passed over only for another that is nearer than we are. What peers were
 *         worth before (estimates.ts) reorders those that are nearer than we are, and makes nobody eligible who is not.
 * Source  design § 7.
 * @module
 */
import type { RingLocation } from '../ids.ts';
import { distance } from '../keys/location.ts';
import { claimWeights } from './claim-weights.ts';

export const CLAIM_UNITS = 4_096;
/** Half a unit: how far a claim may be from the truth. */
export const CLAIM_ERROR = 1 / (2 * CLAIM_UNITS);
/** Look-ahead is used while more than this remains. */
export const LOOK_AHEAD_ABOVE = 1 / 2_048;

/** What the choice needs of a peer; topology's Peer has it all. */
export interface HopCandidate {
  readonly key: string;
  readonly location: RingLocation;
  readonly claims: readonly number[];
}

export interface HopChoice<Candidate extends HopCandidate = HopCandidate> {
  readonly peer: Candidate;
  /** The claim that made it the best, in units of 1/4096; undefined when its own location did. */
  readonly claim: number | undefined;
  /** Whether the peer itself is nearer to the target than we are. */
  readonly nearer: boolean;
}

export interface HopQuestion<Candidate extends HopCandidate = HopCandidate> {
  readonly target: RingLocation;
  readonly ownLocation: RingLocation;
  readonly candidates: readonly Candidate[];
  /** True on routed nodes: only what is nearer than we are will do. An exit sends on in any case. */
  readonly mustBeNearer: boolean;
  /** Claims that point at one of these (the asker, peers already tried) lead nowhere new. */
  readonly avoid: readonly RingLocation[];
  /** Weights below 1 of this peer's claims, by unit; 0 is dropped. Undefined: all at full weight. */
  weightsOf(peerKey: string): ReadonlyMap<number, number> | undefined;
  /** Peers that had more than their share of the latest requests. */
  readonly overShare: ReadonlySet<string>;
  /** Peers whose claims won more than their share of late: only their own place counts. */
  readonly overClaimed?: ReadonlySet<string>;
  /** What a promised distance is multiplied with, from what the peer was worth before; without it closeness alone decides. */
  factorOf?(peerKey: string, distance: number): number;
}

interface Scored<Candidate extends HopCandidate> extends HopChoice<Candidate> {
  readonly score: number;
  readonly direct: number;
  /** The score as experience weighs it. */
  readonly weighed: number;
  readonly busy: boolean;
}

export function chooseNextHop<Candidate extends HopCandidate>(
  question: HopQuestion<Candidate>,
): HopChoice<Candidate> | undefined {
  const own = distance(question.ownLocation, question.target);
  let best: Scored<Candidate> | undefined;
  let fallback: Scored<Candidate> | undefined;
  for (const peer of question.candidates) {
    const scored = score(question, peer, own);
    if (scored.score < own) {
      if (best === undefined || comesBefore(scored, best)) best = scored;
    } else if (fallback === undefined || comesBefore(scored, fallback)) fallback = scored;
  }
  return best ?? (question.mustBeNearer ? undefined : fallback);
}

function score<Candidate extends HopCandidate>(
  question: HopQuestion<Candidate>,
  peer: Candidate,
  own: number,
): Scored<Candidate> {
  const direct = distance(peer.location, question.target);
  let bestScore = direct;
  let bestClaim: number | undefined;
  if (own > LOOK_AHEAD_ABOVE && peer.claims.length > 0 && !question.overClaimed?.has(peer.key)) {
    const weights = question.weightsOf(peer.key);
    const plausible = claimWeights(peer.location, peer.claims);
    for (const [index, claim] of peer.claims.entries()) {
      const place = (claim / CLAIM_UNITS) as RingLocation;
      const promised = distance(place, question.target) + CLAIM_ERROR;
      if (promised >= own || promised >= bestScore) continue;
      const weight = (weights?.get(claim) ?? 1) * plausible[index]!;
      if (weight === 0) continue;
      const weighted = promised / weight;
      if (weighted >= own || weighted >= bestScore || pointsAt(place, question.avoid)) continue;
      bestScore = weighted;
      bestClaim = claim;
    }
  }
  const busy = question.overShare.has(peer.key);
  const weighed = bestScore * (question.factorOf?.(peer.key, direct) ?? 1);
  return { peer, claim: bestClaim, nearer: direct < own, score: bestScore, direct, weighed, busy };
}

function pointsAt(place: RingLocation, avoid: readonly RingLocation[]): boolean {
  for (const location of avoid) if (distance(place, location) <= CLAIM_ERROR) return true;
  return false;
}

function comesBefore(a: Scored<HopCandidate>, b: Scored<HopCandidate>): boolean {
  if (a.busy !== b.busy) return b.busy;
  if (a.weighed !== b.weighed) return a.weighed < b.weighed;
  if (a.direct !== b.direct) return a.direct < b.direct;
  return a.peer.key < b.peer.key;
}
