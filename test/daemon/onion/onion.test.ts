/**
 * Whole circuits: build, fetch, insert; what each hop sees; documents, exits, the guard.
 * @module
 */
import test from 'ava';
import { type BlockRef, hexKey, KIND, routingKey } from '../../../daemon/ids.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';
import { blockFor, createOnionWorld, inTime, type OnionWorld } from './onion-world.ts';

const FAST = { trafficClass: 'fast', padding: false, blocks: 10 } as const;

function ref(seed: number): BlockRef {
  return { kind: KIND.chk, key: routingKey(createSeededRandom(seed).bytes(32)) };
}

async function worldOf(count: number, seed = 1): Promise<OnionWorld> {
  const world = await createOnionWorld(seed);
  for (let i = 0; i < count; i++) world.add();
  return world;
}

test("open, fetch, insert: through three relays, and the answers are the exit's", async (t) => {
  const world = await worldOf(5);
  const client = world.nodes[0]!;
  const circuits = await inTime(world, client.onion.open(FAST));
  t.is(circuits.trafficClass, 'fast');
  const wanted = ref(1);
  const fetched = await inTime(world, circuits.fetch(wanted, 2));
  t.is(fetched.type, 'data');
  if (fetched.type === 'data') t.deepEqual(fetched.payload, blockFor(wanted.key));
  const block = createSeededRandom('block').bytes(32_768);
  t.deepEqual(await inTime(world, circuits.insert(wanted, 0, 3, block)), { type: 'inserted', copies: 3 });

  t.is(world.exitCalls.length, 2);
  t.like(world.exitCalls[0], { operation: 'fetch', key: hexKey(wanted.key), replica: 2 });
  t.like(world.exitCalls[1], { operation: 'insert', key: hexKey(wanted.key), replica: 0, owners: 3 });
  t.deepEqual(world.exitCalls[1]!.payload, block);
  t.true(
    world.exitCalls.every(({ at }) => at !== 0),
    'never the own router',
  );
  circuits.close();
  world.stop();
  await world.clock.advance(50); // what is on the wire arrives and is ignored
  t.is(world.clock.timersPending, 0);
});
