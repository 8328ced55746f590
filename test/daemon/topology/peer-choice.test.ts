import test from 'ava';
import { ringLocation } from '../../../daemon/ids.ts';
import { estimateNodes, longTarget, nearestCandidate } from '../../../daemon/topology/peer-choice.ts';
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
