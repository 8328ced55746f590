import test from 'ava';
import { createSha256Stream } from '../../../crypto/sha256-stream.ts';
import { readWhole } from '../../../daemon/client/splitfile/segment.ts';
import { LocalError } from '../../../daemon/errors.ts';
import { BLOCK_PAYLOAD_MAX, STALL_LIMIT_MS } from '../../../daemon/limits.ts';
import type { RemoteInsert } from '../../../daemon/onion/onion-types.ts';
import {
  chunked,
  createFakeWorld,
  documentBytes,
  type FakeWorld,
  fetchBytes,
  isSame,
  PUBLISH,
  publishBytes,
} from './fake-circuits.ts';

const SEGMENT = 128 * BLOCK_PAYLOAD_MAX;

async function reasonOf(world: FakeWorld, promise: Promise<unknown>): Promise<LocalError> {
  const outcome = await world.settled(promise);
  return (outcome as PromiseRejectedResult).reason as LocalError;
}

test('publish: every kind of refusal is tried again with growing pauses, and the document stands', async (t) => {
  const world = createFakeWorld();
  const refusals: (RemoteInsert | Promise<RemoteInsert>)[] = [
    { type: 'routeNotFound' },
    { type: 'rejectedLoop' },
    { type: 'inserted', copies: 0 },
    { type: 'circuitFailed' },
    { type: 'rejectedOverload', retryMs: 3_000, workBits: 0 },
  ];
  world.onInsert = ({ turn }) => refusals[turn - 1];
  const bytes = documentBytes(10 * BLOCK_PAYLOAD_MAX);
  const uri = await publishBytes(world, bytes);
  t.true(world.clock.nowMs() > 3_000);
  t.true(isSame(await fetchBytes(world, world.client.fetch(uri, { trafficClass: 'fast' })), bytes));
  t.true(world.client.transfers()[0]!.blocksMissed >= 5 * 20);
});

test('publish: a block that nobody takes is publish_failed after seven tries, with counts only', async (t) => {
  const world = createFakeWorld({ windowBlocks: 4 });
  let victim: string | undefined;
  world.onInsert = ({ key }) => {
    victim ??= key;
    return key === victim ? { type: 'timeout' } : undefined;
  };
  const error = await reasonOf(
    world,
    world.client.publish(chunked(documentBytes(10 * BLOCK_PAYLOAD_MAX)), PUBLISH).result,
  );
  t.is(error.code, 'publish_failed');
  t.is(error.detail, 'a block was refused 7 times; answers so far: 7 unanswered');
  t.is(world.inserts.filter(({ key }) => key === victim).length, 7);
  t.is(world.closed, 1);
  t.is(world.clock.timersPending, 0);
});

test('publish: half of the replicas suffice, and the others are not asked for long', async (t) => {
  const world = createFakeWorld();
  world.onInsert = ({ replica }) => (replica >= 4 ? { type: 'routeNotFound' } : undefined);
  await publishBytes(world, documentBytes(100));
  t.is(world.blocks.size, 4);
  t.true(world.inserts.length <= 4 + 4 * 3);

  const worse = createFakeWorld();
  worse.onInsert = ({ replica }) => (replica >= 3 ? { type: 'routeNotFound' } : undefined);
  const error = await reasonOf(worse, worse.client.publish(chunked(documentBytes(100)), PUBLISH).result);
  t.is(error.code, 'publish_failed');
});

test('publish: only overload, or no circuits at all, is named so', async (t) => {
  const world = createFakeWorld();
  world.onInsert = () => ({ type: 'rejectedOverload', retryMs: 10, workBits: 0 });
  t.is((await reasonOf(world, world.client.publish(chunked(documentBytes(9)), PUBLISH).result)).code, 'overloaded');
  world.onInsert = () => Promise.reject(new LocalError('offline'));
  t.is((await reasonOf(world, world.client.publish(chunked(documentBytes(9)), PUBLISH).result)).code, 'offline');
});

test('publish: the fewest copies of any block are reported', async (t) => {
  const world = createFakeWorld();
  let first = true;
  world.onInsert = () => {
    if (!first) return undefined;
    first = false;
    return { type: 'inserted', copies: 1 };
  };
  await publishBytes(world, documentBytes(10 * BLOCK_PAYLOAD_MAX));
  t.is(world.client.transfers()[0]!.copiesMin, 1);
});

test('publish: at most three segments are read before the first is placed', async (t) => {
  const world = createFakeWorld({ latencyMs: 1_000, windowBlocks: 16 });
  let given = 0;
  async function* source(): AsyncGenerator<Uint8Array> {
    const chunk = documentBytes(1 << 20);
    for (let i = 0; i < 20; i++) {
      given += chunk.length;
      yield chunk;
    }
  }
  const { id, result } = world.client.publish(source(), PUBLISH);
  await world.clock.advance(5_000);
  t.true(given <= 3 * SEGMENT + 2 * (1 << 20));
  t.is(world.inFlightMax, 16);
  world.client.cancel(id);
  t.is((await reasonOf(world, result)).code, 'cancelled');
  t.is(world.inFlight, 0);
  t.is(world.clock.timersPending, 0);
});

test('publish: blocks of a segment leave in no order that tells data from check blocks', async (t) => {
  const orders = await Promise.all(
    [1, 2].map(async (seed) => {
      const world = createFakeWorld({ seed, windowBlocks: 1 });
      await publishBytes(world, documentBytes(20 * BLOCK_PAYLOAD_MAX), { convergent: true });
      return world.inserts.map(({ key }) => key).slice(0, 40);
    }),
  );
  t.deepEqual(orders[0]!.toSorted(), orders[1]!.toSorted());
  t.notDeepEqual(orders[0], orders[1]);
});

test('publish: cancelled while its source gives nothing, the source is closed and the circuits too', async (t) => {
  const world = createFakeWorld();
  const held = { closed: false };
  const source: AsyncIterable<Uint8Array> = {
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise(() => {}),
      return: async () => {
        held.closed = true;
        return { done: true, value: undefined };
      },
    }),
  };
  const controller = new AbortController();
  const { result } = world.client.publish(source, PUBLISH, controller.signal);
  await world.clock.advance(STALL_LIMIT_MS * 2); // a slow source is no stall
  t.is(world.client.transfers()[0]!.stage, 'connecting');
  controller.abort();
  t.is((await reasonOf(world, result)).code, 'cancelled');
  t.true(held.closed);
  t.is(world.clock.timersPending, 0);
});

test('publish: inserts that are never answered end at the stall limit', async (t) => {
  const world = createFakeWorld();
  world.onInsert = () => new Promise(() => {});
  t.is((await reasonOf(world, world.client.publish(chunked(documentBytes(9)), PUBLISH).result)).code, 'stalled');
  t.is(world.clock.nowMs(), STALL_LIMIT_MS);
});

test('readWhole: takes what fits its limit and refuses one byte more', async (t) => {
  const signal = new AbortController().signal;
  const chunks = await readWhole(chunked(documentBytes(100), 30), 100, createSha256Stream(), signal);
  t.deepEqual(Buffer.concat(chunks), Buffer.from(documentBytes(100)));
  await t.throwsAsync(readWhole(chunked(documentBytes(101), 30), 100, createSha256Stream(), signal), {
    code: 'too_large',
  });
});
