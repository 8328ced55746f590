import test from 'ava';
import { type RingLocation, ringLocation } from '../../../daemon/ids.ts';
import {
  estimateNodes,
  longTarget,
  nearestCandidate,
  ringEachSideFor,
  spreadTarget,
} from '../../../daemon/topology/peer-choice.ts';
import { distance } from '../../../daemon/topology/ring-location.ts';

const OWN = { key: 'own', location: ringLocation(0.5) };
const even = (count: number) =>
  Array.from({ length: count - 1 }, (_, index) => ({
    key: `${index}`.padStart(6, '0'),
    location: ringLocation((0.5 + (index + 1) / count) % 1),
  }));

test('estimateNodes: density around us speaks for a network larger than what we know', (t) => {
  t.is(estimateNodes(OWN, even(1_000), 4, 100, 24), 1_000);
});

test('estimateNodes: exact on a small network that is known whole, and never under 1 + peers', (t) => {
  t.is(estimateNodes(OWN, even(10), 4, 9, 9), 10);
  t.is(estimateNodes(OWN, even(10), 1, 9, 4), 10);
  t.is(estimateNodes(OWN, even(10), 1, 0, 4), 5);
  t.is(estimateNodes(OWN, [], 1, 0, 0), 1);
});

test('longTarget: both directions, never nearer than the ring neighbours reach', (t) => {
  const sides = new Set<boolean>();
  for (let i = 0; i < 100; i++) {
    const target = longTarget(OWN.location, { distance: i / 100, side: ((i * 37) % 100) / 100 }, 1_000, 4);
    t.true(distance(OWN.location, target) >= 4 / 1_000 - 2 ** -30);
    sides.add(target > OWN.location);
  }
  t.is(sides.size, 2);
});

test('nearestCandidate: the one nearest to the target, unless we are', (t) => {
  const nodes = even(10);
  t.is(nearestCandidate(OWN, ringLocation(0.79), nodes)?.location, nodes[2]!.location);
  t.is(nearestCandidate(OWN, ringLocation(0.501), nodes), undefined);
  t.is(nearestCandidate(OWN, ringLocation(0.7), []), undefined);
});

test('spreadTarget: of the places drawn, the one farthest on the log scale of its side from what we have', (t) => {
  const own = OWN.location;
  const draws = [0.2, 0.5, 0.8].map((at) => ({ distance: at, side: 0.25 }));
  const [near, middle, far] = draws.map((draw) => longTarget(own, draw, 1_000, 4)) as [
    RingLocation,
    RingLocation,
    RingLocation,
  ];
  t.is(spreadTarget(own, draws, [], 1_000, 4), near, 'nothing there yet: the first');
  t.is(spreadTarget(own, draws, [near], 1_000, 4), far);
  t.is(spreadTarget(own, draws, [near, far], 1_000, 4), middle);
  const across = longTarget(own, { distance: 0.2, side: 0.75 }, 1_000, 4);
  t.is(spreadTarget(own, draws, [across], 1_000, 4), near, 'the other side does not count');
});

test('ringEachSideFor: as wanted where there is room, a quarter of it otherwise, never none', (t) => {
  t.deepEqual(
    [
      ringEachSideFor(4, 32),
      ringEachSideFor(4, 16),
      ringEachSideFor(4, 13),
      ringEachSideFor(1, 16),
      ringEachSideFor(4, 2),
    ],
    [4, 4, 3, 1, 1],
  );
});
