import test from 'ava';
import fc from 'fast-check';
import { BlockMap, type BlockState } from '../../../daemon/client/block-map.ts';

test('block map: what is here stays here, whatever is asked or missed after', (t) => {
  const map = new BlockMap();
  map.begin(3);
  map.open(1, 5, 3);
  for (const [index, state] of [
    [0, 'asked'],
    [0, 'have'],
    [0, 'missed'],
    [1, 'missed'],
    [4, 'asked'],
  ] as const)
    map.set(1, index, state);
  t.deepEqual(map.read(), { segments: 3, shown: [{ segment: 1, needed: 3, blocks: '#x..>' }] });
  map.begin(0);
  map.set(0, 2, 'asked');
  t.deepEqual(map.read(), { segments: 0, shown: [{ segment: 0, needed: 3, blocks: '..>' }] });
});

test('block map: bounded, whatever a document asks for', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(5_000), fc.nat(70_000), fc.constantFrom<BlockState>('open', 'asked', 'missed', 'have'))),
      (steps) => {
        const map = new BlockMap();
        for (const [segment, index, state] of steps) map.set(segment, index, state);
        map.open(9, 60_000, 60_000);
        const { shown } = map.read();
        return shown.length <= 8 && shown.every(({ blocks }) => blocks.length <= 256);
      },
    ),
    { numRuns: 50 },
  );
  t.pass();
});
