import test from 'ava';
import type { Message } from '../../../daemon/wire/messages.ts';
import { type Puppet, testBlock, World } from './world.ts';

const { ref, payload } = testBlock('wanted');

function scene(hopPlaces: number[]) {
  const world = new World({ latencyMs: 10 });
  world.placeOf = () => 0.5;
  const node = world.node(0.3);
  const asker = world.puppet(0.1);
  const link = world.connect(asker, node);
  const hops = hopPlaces.map((place) => world.puppet(place));
  for (const hop of hops) world.connect(hop, node);
  return { world, node, asker, link, hops };
}

const fetchOf = (id: number, key = ref.key): Message => ({
  type: 'Fetch',
  id,
  kind: 1,
  key,
  replica: 0,
  htl: 10,
  deadlineMs: 10_000,
});

/** Accepts and then says nothing, or the block after a while. */
function accepting(world: World, puppet: Puppet, dataAfterMs?: number): void {
  puppet.onMessage = ({ link, message }) => {
    if (message.type !== 'Fetch') return;
    link.sendMessage({ type: 'Accepted', id: message.id });
    if (dataAfterMs === undefined) return;
    world.clock.setTimer(dataAfterMs, () => link.sendMessage({ type: 'Data', id: message.id, payload }));
  };
}

test('Fetch: a peer that accepts and then says nothing costs its patience, not the deadline', async (t) => {
  const { world, node, asker, link, hops } = scene([0.49, 0.45]);
  accepting(world, hops[0]!);
  accepting(world, hops[1]!, 0);
  link.sendMessage(fetchOf(1));
  await world.clock.advance(3_000);
  t.deepEqual(asker.types(), ['Accepted', 'Data']);
  t.is(hops[1]!.of('Fetch').length, 1);
  t.is(node.router.snapshot().pending, 0);
  await world.clock.advance(10_000);
  t.deepEqual(asker.types(), ['Accepted', 'Data'], 'the silent one is forgotten without a second answer');
  t.is(world.clock.timersPending, 0);
});

test('Fetch: the first one asked may still be the one that answers', async (t) => {
  const { world, asker, link, hops } = scene([0.49, 0.45]);
  accepting(world, hops[0]!, 4_000);
  accepting(world, hops[1]!);
  link.sendMessage(fetchOf(1));
  await world.clock.advance(4_100);
  t.deepEqual(asker.types(), ['Accepted', 'Data']);
  world.stopAll();
});

test('Fetch: who drops what it accepts is asked last after a while', async (t) => {
  const { world, link, hops } = scene([0.49, 0.45]);
  accepting(world, hops[0]!);
  hops[1]!.onMessage = ({ link: from, message }) => {
    if (message.type !== 'Fetch') return;
    const block = blocks.find((one) => Buffer.compare(one.ref.key, message.key) === 0)!;
    from.sendMessage({ type: 'Data', id: message.id, payload: block.payload });
  };
  const blocks = Array.from({ length: 20 }, (_, i) => testBlock(`b${i}`));
  for (const [i, block] of blocks.entries()) {
    link.sendMessage(fetchOf(i, block.ref.key));
    await world.clock.advance(i < 16 ? 12_000 : 500);
  }
  const late = blocks.slice(16).map((block) => Buffer.from(block.ref.key).toString('hex'));
  const asked = hops[0]!.of('Fetch').filter(({ key }) => late.includes(Buffer.from(key).toString('hex')));
  t.is(asked.length, 0);
  world.stopAll();
});
