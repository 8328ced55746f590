/**
 * The check after publishing: over circuits of its own, few blocks, and a verdict that is true.
 * @module
 */
import test from 'ava';
import { SAMPLE_BLOCKS_MAX, Sampler } from '../../../daemon/client/publish-check.ts';
import { routingKey } from '../../../daemon/ids.ts';
import { BLOCK_PAYLOAD_MAX } from '../../../daemon/limits.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';
import { createFakeWorld, documentBytes, publishBytes } from './fake-circuits.ts';

test('verify: few blocks and the top come back over circuits of their own, after the others were closed', async (t) => {
  const world = createFakeWorld();
  let closedBefore = -1;
  world.onOpen = () => {
    closedBefore = world.closed;
  };
  await publishBytes(world, documentBytes(40 * BLOCK_PAYLOAD_MAX), { verify: true });
  t.is(world.opened.length, 2);
  t.is(closedBefore, 1);
  t.is(world.opened[1]!.blocks, SAMPLE_BLOCKS_MAX + 1);
  t.is(new Set(world.fetches.map(({ key }) => key)).size, SAMPLE_BLOCKS_MAX + 1);
  t.like(world.client.transfers()[0], { stage: 'done', verified: { asked: 9, found: 9 } });
  t.is(world.clock.timersPending, 0);
});

test('verify: without being asked nothing is fetched; a single block is its own sample', async (t) => {
  const world = createFakeWorld();
  await publishBytes(world, documentBytes(40 * BLOCK_PAYLOAD_MAX));
  t.is(world.fetches.length, 0);
  t.is(world.client.transfers()[0]!.verified, undefined);
  await publishBytes(world, documentBytes(10), { verify: true });
  t.like(world.client.transfers()[1], { verified: { asked: 1, found: 1 } });
});

test('verify: what was acknowledged and not kept is missed, and the document is published all the same', async (t) => {
  const world = createFakeWorld();
  world.onInsert = ({ replica }) => (replica === 0 ? { type: 'inserted', copies: 3 } : undefined); // a lie: nothing is kept
  const uri = await publishBytes(world, documentBytes(40 * BLOCK_PAYLOAD_MAX), { verify: true });
  t.true(uri.startsWith('CHK@'));
  t.like(world.client.transfers()[0], { stage: 'done', verified: { asked: 9, found: 1 } }); // the top stands at seven other places
});

test('verify: circuits that cannot be had make a verdict, not a failure', async (t) => {
  const world = createFakeWorld();
  world.onFetch = () => ({ type: 'circuitFailed' });
  const uri = await publishBytes(world, documentBytes(10), { verify: true });
  t.true(uri.startsWith('CHK@'));
  t.like(world.client.transfers()[0], { verified: { asked: 1, found: 0 } });
});

test('Sampler: every block has the same chance', (t) => {
  const counts = new Array<number>(40).fill(0);
  for (let seed = 0; seed < 2_000; seed++) {
    const sampler = new Sampler(createSeededRandom(seed));
    for (let i = 0; i < 40; i++) sampler.add({ key: routingKey(new Uint8Array(32).fill(i)), replicas: 1 });
    t.is(sampler.samples.length, SAMPLE_BLOCKS_MAX);
    for (const { key } of sampler.samples) counts[key[0]!]!++;
  }
  for (const count of counts) t.true(count > 300 && count < 500, `${count} of 400`);
});
