import test from 'ava';
import fc from 'fast-check';
import { ringLocation } from '../../../daemon/ids.ts';
import {
  aroundTarget,
  clockwise,
  distance,
  harmonicDistance,
  inClockwiseOrder,
  nearestEachSide,
  placeAt,
  type RingPlace,
} from '../../../daemon/topology/ring-location.ts';

const location = fc.bigInt(0n, 2n ** 52n - 1n).map((units) => ringLocation(Number(units) / 2 ** 52));
const places = fc
  .uniqueArray(location, { minLength: 1, maxLength: 30 })
  .map((all): RingPlace[] => all.map((at, index) => ({ key: index.toString(16).padStart(4, '0'), location: at })));

test('distance: symmetric, at most half the ring, zero only for the same place', (t) => {
  fc.assert(
    fc.property(location, location, (a, b) => {
      const arc = distance(a, b);
      t.is(arc, distance(b, a));
      t.true(arc >= 0 && arc <= 0.5);
      t.is(arc === 0, a === b);
    }),
  );
});

test('clockwise: the two arcs between two places make the whole ring', (t) => {
  fc.assert(
    fc.property(places, (all) => {
      const [a, b] = [all[0]!, all.at(-1)!];
      if (a !== b) t.is(clockwise(a, b) + clockwise(b, a), 1);
    }),
  );
});

test('clockwise: nodes at one location are ordered by key, the same for both', (t) => {
  const low = { key: '01', location: ringLocation(0.25) };
  const high = { key: '02', location: ringLocation(0.25) };
  t.is(clockwise(low, high), 0);
  t.is(clockwise(high, low), 1);
});

test('nearestEachSide: my first node after is the one whose first node before is me', (t) => {
  fc.assert(
    fc.property(places, (all) => {
      for (const own of all) {
        const others = all.filter((node) => node !== own);
        const next = nearestEachSide(own, others, 1).after[0];
        if (next === undefined) continue;
        const back = nearestEachSide(
          next,
          all.filter((node) => node !== next),
          1,
        );
        t.is(back.before[0]?.key, own.key);
      }
    }),
  );
});

test('nearestEachSide: on a ring smaller than the wish, everybody once or twice, and none for a wish of none', (t) => {
  const [own, ...others] = [0.1, 0.3, 0.9].map((at, index) => ({ key: `${index}`, location: ringLocation(at) }));
  const { after, before } = nearestEachSide(own!, others, 4);
  t.deepEqual(
    after.map((node) => node.key),
    ['1', '2'],
  );
  t.deepEqual(
    before.map((node) => node.key),
    ['2', '1'],
  );
  t.deepEqual(nearestEachSide(own!, others, 0), { after: [], before: [] });
});

test('aroundTarget: holds the nearest on both sides and never more than asked', (t) => {
  fc.assert(
    fc.property(places, location, (all, target) => {
      const chosen = aroundTarget(target, all, 8);
      t.is(chosen.length, Math.min(8, all.length));
      const order = inClockwiseOrder({ key: '', location: target }, all);
      t.true(chosen.includes(order[0]!));
      t.true(chosen.includes(order.at(-1)!));
    }),
  );
});

test('placeAt: lies exactly at that distance, up to the grid of 2^-52', (t) => {
  fc.assert(
    fc.property(location, fc.double({ min: -0.5, max: 0.5, noNaN: true }), (from, arc) => {
      const place = placeAt(from, arc);
      t.true(place >= 0 && place < 1);
      t.true(Math.abs(distance(from, place) - Math.abs(arc)) < 2 ** -50);
    }),
  );
});

test('harmonicDistance: stays in its bounds, and each octave is as likely as the next', (t) => {
  const octaves = new Array<number>(8).fill(0);
  const draws = 8_000;
  for (let i = 0; i < draws; i++) {
    const drawn = harmonicDistance(i / draws, 2 ** -9);
    t.true(drawn >= 2 ** -9 - 2 ** -32 && drawn <= 0.5);
    octaves[Math.min(7, Math.floor(-Math.log2(drawn) - 1 + 1e-9))]! += 1;
  }
  for (const count of octaves) t.true(Math.abs(count - draws / 8) <= 2, octaves.join());
  t.is(harmonicDistance(0.5, 7), 0.5);
  t.true(harmonicDistance(0, 0) > 0);
});

test('nearestEachSide: few of many are what a sort would give, places at one location included', (t) => {
  const places = fc.array(fc.tuple(fc.nat({ max: 30 }), fc.nat({ max: 5_000 })), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(places, fc.nat({ max: 31 }), fc.integer({ min: 1, max: 9 }), (drawn, at, eachSide) => {
      const own = { key: '0', location: ringLocation(at / 32) };
      const keys = new Map(
        drawn.map(([unit, key]) => [`${key}`, { key: `${key}`, location: ringLocation(unit / 32) }]),
      );
      const nodes = [...keys.values()];
      const order = inClockwiseOrder(own, nodes);
      const { after, before } = nearestEachSide(own, nodes, eachSide);
      t.deepEqual(after, order.slice(0, eachSide));
      t.deepEqual(before, order.toReversed().slice(0, eachSide));
    }),
  );
});
