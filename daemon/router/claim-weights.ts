/**
 * How far a list of claims is believed before any of them was followed: as far as it looks like the list of a node of this network.
 *
 * Shape   claims are counted by octave of their distance from the peer; in an octave with more than PER_OCTAVE of them each one weighs the
 *         square of PER_OCTAVE / count. One list, one answer: it is kept for as long as the list is.
 * Unit    claims in units of 1/4096; weights in (0, 1], in the order of the list.
 * Why     long links are spread with density 1 / distance: about as many in each octave, half of them asked for and half asked of the node. A list that
 *         covers the whole ring evenly, the lie that wins most, has half of its claims in the farthest octave, and loses most of
 *         its weight at once instead of after a hundred requests.
 * Source  design § 7; sim -- liars.
 * @module
 */
import type { RingLocation } from '../ids.ts';
import { distance } from '../keys/location.ts';

const CLAIM_UNITS = 4_096;
const PER_OCTAVE = 6;
const OCTAVES = 12;

const kept = new WeakMap<readonly number[], { readonly of: RingLocation; readonly weights: readonly number[] }>();

export function claimWeights(location: RingLocation, claims: readonly number[]): readonly number[] {
  const known = kept.get(claims);
  if (known?.of === location) return known.weights;
  const octaves = claims.map((claim) => octaveOf(distance((claim / CLAIM_UNITS) as RingLocation, location)));
  const counts = new Uint16Array(OCTAVES);
  for (const octave of octaves) counts[octave]!++;
  const weights = octaves.map((octave) => Math.min(1, PER_OCTAVE / counts[octave]!) ** 2);
  kept.set(claims, { of: location, weights });
  return weights;
}

/** 0 is a quarter to half of the ring; the last one everything below. */
function octaveOf(away: number): number {
  return Math.min(Math.max(Math.clz32(Math.floor(Math.min(away, 0.499999) * 2 ** 32)) - 1, 0), OCTAVES - 1);
}
