import test from 'ava';
import fc from 'fast-check';
import { ringLocation } from '../../../daemon/ids.ts';
import { claimWeights } from '../../../daemon/router/claim-weights.ts';
import { claimShareMax, Shares } from '../../../daemon/router/peer-memory.ts';

const AT = ringLocation(0.5);

test('claimWeights: a list with as many claims in each octave is believed whole', (t) => {
  const claims = [1, 2, 3, 4, 5, 6].flatMap((octave) => [0.5 + 0.7 / 2 ** octave, 0.5 - 0.6 / 2 ** octave]);
  const list = claims.map((place) => Math.round(place * 4_096));
  t.deepEqual(claimWeights(AT, list), Array<number>(list.length).fill(1));
});

test('claimWeights: a list that covers the ring evenly keeps a small part of its weight far away', (t) => {
  const list = Array.from({ length: 64 }, (_, i) => i * 64);
  const weights = claimWeights(AT, list);
  list.forEach((claim, index) => {
    const away = Math.abs(claim / 4_096 - 0.5);
    if (away > 0.25) t.true(weights[index]! <= (6 / 31) ** 2, `${away}`);
    else if (away > 0.125 && away < 0.25) t.true(weights[index]! <= (6 / 15) ** 2);
  });
});

test('claimWeights: in (0, 1], one for each claim, anew when the peer is elsewhere', (t) => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 4_095 }), { maxLength: 64 }), fc.nat({ max: 4_095 }), (list, at) => {
      const weights = claimWeights(ringLocation(at / 4_096), list);
      t.is(weights.length, list.length);
      t.true(weights.every((weight) => weight > 0 && weight <= 1));
      t.deepEqual(claimWeights(ringLocation(at / 4_096), [...list]), weights);
    }),
    { numRuns: 50 },
  );
});

test('claimShareMax: twice the even share of one peer, a tenth at least; past it a peer is over', (t) => {
  t.is(claimShareMax(24), 0.1);
  t.is(claimShareMax(8), 0.25);
  const shares = new Shares();
  for (let i = 0; i < 9; i++) shares.chosen('a');
  t.false(shares.over(24, claimShareMax(24)).has('a'));
  shares.chosen('a');
  t.true(shares.over(24, claimShareMax(24)).has('a'));
});
