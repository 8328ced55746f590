/**
 * The places at which a node seeks its long links: drawn from its node id, so that whoever is asked can check that the draw led to him.
 *
 * Shape   one place for each octave of distance and each side, DRAWN_OCTAVES x 2 in all; a node uses those that lie beyond its ring
 *         neighbours. isDrawnTo: of all that we know, we live nearest to one of the asker's places.
 * Unit    fractions of the ring. Octave 0 is a quarter to half of the ring away, each further one half as far.
 * Errors  none; a key that is no node id has no places.
 * Why     with draws that nobody can check, whoever asks everybody for a long link fills all places that are kept for others, and a table
 *         is as hostile as its askers are many. With these, a node has one honest claim on each octave and side of the ring and no more. An
 *         octave for each draw spreads the links as density 1 / distance does on the whole, with no gap of more than two octaves.
 *         What it costs: places can be computed by anybody, so who buys the address nearest to one becomes a peer; ids that point at
 *         a chosen node can be ground, at the price of an identity stamp for each try and one hit in as many as there are nodes.
 * Source  design § 7; decisions/0015-long-links-that-can-be-checked.md.
 * @module
 */
import type { RingLocation } from '../ids.ts';
import { distance, placeAt, type RingPlace } from './ring-location.ts';

export const DRAWN_OCTAVES = 20;
/** Hex digits of a node id that make one draw; each draw begins one digit further on. */
const DIGITS = 8;

/** @param beyond no nearer than this: there the ring neighbours are */
export function drawnPlaces(node: RingPlace, beyond: number): RingLocation[] {
  const places: RingLocation[] = [];
  for (let octave = 0; octave < DRAWN_OCTAVES; octave++) {
    const nearest = 2 ** -(octave + 2);
    for (const side of [0, 1]) {
      const draw = Number.parseInt(node.key.slice(2 * octave + side, 2 * octave + side + DIGITS), 16) / 16 ** DIGITS;
      if (!(draw >= 0)) return places;
      // Uniform within the octave: exact everywhere, which a power is not.
      const arc = nearest * (1 + draw);
      if (arc > beyond) places.push(placeAt(node.location, side === 0 ? arc : -arc));
    }
  }
  return places;
}

/** Whether one of the asker's draws led to us: nobody that we know lives nearer to that place. */
export function isDrawnTo(own: RingPlace, known: readonly RingPlace[], asker: RingPlace): boolean {
  return drawnPlaces(asker, 0).some((place) => {
    const ours = distance(own.location, place);
    return known.every((node) => node.key === asker.key || distance(node.location, place) >= ours);
  });
}

/** Whom of those that asked us a draw led here, as far as we know now: neighbours come, and the draw leads to them from then on. */
export function judgeDraws<T extends RingPlace & { readonly origin: string; readonly ringNeighbour: boolean }>(
  own: RingPlace,
  peers: readonly T[],
): readonly { readonly peer: T; readonly isDrawn: boolean }[] {
  return peers
    .filter((peer) => !peer.ringNeighbour && (peer.origin === 'longIn' || peer.origin === 'longAsked'))
    .map((peer) => ({ peer, isDrawn: isDrawnTo(own, peers, peer) }));
}
