import test from 'ava';
import { GOSSIP_PULLED_MAX, GOSSIP_PUSHES_MAX, GOSSIP_VIEW_MAX } from '../../../daemon/limits.ts';
import { createGossipView } from '../../../daemon/topology/gossip-view.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';

const keys = (name: string, count: number): string[] => Array.from({ length: count }, (_, i) => `${name}${i}`);
const HONEST = keys('h', 80);
const HOSTILE = keys('x', 20);
const EVERYBODY = [...HONEST, ...HOSTILE];

function withPushes(seed: string, pushes: readonly string[], pulls: readonly string[]) {
  const view = createGossipView(createSeededRandom(seed));
  for (const key of pushes) view.pushed(key);
  view.pulled(pulls);
  return view;
}

test('GossipView: a turn draws from pushes, pulls and the sample, and never past its size', (t) => {
  const view = withPushes('parts', keys('h', 20), keys('x', 20));
  t.true(view.turn([...EVERYBODY, ...keys('s', 400)]));
  t.true(view.keys.length <= GOSSIP_VIEW_MAX && view.keys.length >= 28);
  t.is(new Set(view.keys).size, view.keys.length);
  t.is(view.keys.filter((key) => key.startsWith('h')).length >= 14, true);
});

test('GossipView: a turn with more pushes than the limit renews nothing, and the next one begins afresh', (t) => {
  const view = withPushes('flood', keys('h', 5), keys('h', 30));
  t.true(view.turn(EVERYBODY));
  const before = view.keys;
  for (const key of keys('p', GOSSIP_PUSHES_MAX + 1)) view.pushed(key);
  view.pulled(HONEST);
  t.false(view.turn([...EVERYBODY, ...keys('p', GOSSIP_PUSHES_MAX + 1)]));
  t.is(view.keys, before);
  for (const key of keys('h', GOSSIP_PUSHES_MAX)) view.pushed(key);
  view.pulled(HONEST);
  t.true(view.turn(EVERYBODY));
});

test('GossipView: pushing often counts once, and without a push or a pull nothing is renewed', (t) => {
  const often = withPushes('often', Array<string>(1_000).fill('h1'), keys('h', 4));
  t.true(often.turn(EVERYBODY));
  t.false(withPushes('no pull', keys('h', 4), []).turn(EVERYBODY));
  t.false(withPushes('no push', [], keys('h', 4)).turn(EVERYBODY));
});

test('GossipView: who is not in the sample of usable nodes gets in by neither way', (t) => {
  const view = withPushes('named', ['name1', 'h1'], ['name2', 'h2', 'h3']);
  t.true(view.turn(HONEST));
  t.deepEqual(
    view.keys.filter((key) => key.startsWith('name')),
    [],
  );
});

test('GossipView: what pulls bring is remembered up to its cap', (t) => {
  const view = withPushes('cap', ['h1'], Array<string>(GOSSIP_PULLED_MAX).fill('h2'));
  view.pulled(Array<string>(5_000).fill('x1')); // comes too late to count
  t.true(view.turn(['h1', 'h2', 'x1', ...keys('s', 10_000)]));
  t.false(view.keys.includes('x1'));
});

test('GossipView: partners come from the view, and from the sample while nobody of the view can be used', (t) => {
  const view = withPushes('partner', ['h1'], ['h2']);
  t.true(EVERYBODY.includes(view.partner(EVERYBODY, () => true)!));
  view.turn(['h1', 'h2']);
  for (let i = 0; i < 20; i++) t.true(['h1', 'h2'].includes(view.partner(EVERYBODY, () => true)!));
  t.is(
    view.partner(EVERYBODY, (key) => key === 'x3'),
    'x3',
  );
  t.is(
    view.partner([], () => false),
    undefined,
  );
});
