import { createHash } from 'node:crypto';
import test from 'ava';
import { type RingLocation, ringLocation } from '../../../daemon/ids.ts';
import { DRAWN_OCTAVES, drawnPlaces, isDrawnTo, judgeDraws } from '../../../daemon/topology/long-draws.ts';
import { distance } from '../../../daemon/topology/ring-location.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';

const node = (name: string, at: number): { key: string; location: RingLocation } => ({
  key: createHash('sha256').update(name).digest('hex'),
  location: ringLocation(at),
});

test('drawnPlaces: one for each octave and side, each within its octave, the same for everybody who computes them', (t) => {
  const own = node('a', 0.3);
  const places = drawnPlaces(own, 0);
  t.is(places.length, 2 * DRAWN_OCTAVES);
  t.deepEqual(drawnPlaces({ ...own }, 0), places);
  places.forEach((place, index) => {
    const octave = Math.floor(index / 2);
    const away = distance(place, own.location);
    t.true(away >= 2 ** -(octave + 2) - 1e-12 && away < 2 ** -(octave + 1));
    t.is((place - own.location + 1) % 1 < 0.5, index % 2 === 0);
  });
});

test('drawnPlaces: none within the reach of the ring neighbours, none for what is no node id', (t) => {
  const own = node('b', 0.9);
  t.true(drawnPlaces(own, 0.06).every((place) => distance(place, own.location) > 0.06));
  t.deepEqual(drawnPlaces({ key: 'own', location: ringLocation(0.1) }, 0), []);
});

test('isDrawnTo: of a whole network, each far place leads to one node, and a node that asks all is owed few places', (t) => {
  const random = createSeededRandom('draws');
  const everybody = Array.from({ length: 300 }, (_, i) => node(`n${i}`, random.unit()));
  let owed = 0;
  for (const asker of everybody.slice(0, 20)) {
    const others = everybody.filter((one) => one !== asker);
    for (const place of drawnPlaces(asker, 4 / 300)) {
      const nearest = others.toSorted((a, b) => distance(a.location, place) - distance(b.location, place))[0]!;
      t.true(isDrawnTo(nearest, others, asker));
    }
    owed += others.filter((one) => isDrawnTo(one, others, asker)).length;
  }
  t.true(owed / 20 < 24, `${owed / 20} of 299`);
});

test('judgeDraws: who stands between us and the place makes the asker one that just asked', (t) => {
  const own = node('own', 0.5);
  const asker = { ...node('asker', 0.1), origin: 'longIn', ringNeighbour: false };
  const place = drawnPlaces(asker, 0.25)[0]!;
  const here = { ...own, location: ringLocation((place + 0.002) % 1) };
  const between = { ...node('between', (place + 0.001) % 1), origin: 'ring', ringNeighbour: true };
  const after = { ...node('after', (place + 0.003) % 1), origin: 'ring', ringNeighbour: true };
  t.deepEqual(
    judgeDraws(here, [asker, after]).map(({ isDrawn }) => isDrawn),
    [true],
  );
  t.deepEqual(
    judgeDraws(here, [asker, between, after]).map(({ peer, isDrawn }) => [peer.key, isDrawn]),
    [[asker.key, false]],
  );
});
