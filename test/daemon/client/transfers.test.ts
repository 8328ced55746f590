import test from 'ava';
import { Handoff } from '../../../daemon/client/handoff.ts';
import { Window, type WorkSource } from '../../../daemon/client/window.ts';
import { TRANSFERS_ACTIVE_MAX, TRANSFERS_MAX } from '../../../daemon/limits.ts';
import { chunked, createFakeWorld, documentBytes, PUBLISH, publishBytes } from './fake-circuits.ts';

const FAST = { trafficClass: 'fast' } as const;

test('transfers: ids are 16 hexadecimal characters, newest last, and differ', async (t) => {
  const world = createFakeWorld();
  await publishBytes(world, documentBytes(1));
  await publishBytes(world, documentBytes(1));
  const ids = world.client.transfers().map(({ id }) => id);
  t.is(new Set(ids).size, 2);
  for (const id of ids) t.regex(id, /^[0-9a-f]{16}$/);
});

test('transfers: no more than the active cap run, the next one waits for a place, the one over the table is busy', async (t) => {
  const world = createFakeWorld();
  world.onInsert = () => new Promise(() => {});
  const all = Array.from({ length: TRANSFERS_MAX }, () => world.client.publish(chunked(documentBytes(1)), PUBLISH));
  await world.clock.settle();
  t.is(world.opened.length, TRANSFERS_ACTIVE_MAX);
  t.is(
    world.client.transfers().filter(({ stage }) => stage === 'waiting').length,
    TRANSFERS_MAX - TRANSFERS_ACTIVE_MAX,
  );
  t.throws(() => world.client.publish(chunked(documentBytes(1)), PUBLISH), { code: 'busy' });
  t.throws(() => world.client.fetch('KSK@x', FAST), { code: 'busy' });

  world.client.cancel(all[TRANSFERS_ACTIVE_MAX]!.id); // the first in the queue gives up its turn
  world.client.cancel(all[0]!.id);
  await world.clock.settle();
  t.is(world.opened.length, TRANSFERS_ACTIVE_MAX + 1);
  t.is(world.client.transfers()[TRANSFERS_ACTIVE_MAX + 1]!.stage, 'inserting');
  await world.clock.settle();
  for (const { id } of all) world.client.cancel(id);
  await world.clock.settle();
  t.is(world.clock.timersPending, 0);
  t.is(world.closed, world.opened.length);
});

test('transfers: ended ones are forgotten, oldest first, when their place is needed', async (t) => {
  const world = createFakeWorld();
  for (let i = 0; i < TRANSFERS_MAX; i++) world.client.fetch(`bad ${i}`, FAST);
  await world.clock.settle();
  const [first, second] = world.client.transfers();
  world.client.fetch('bad again', FAST);
  const left = world.client.transfers();
  t.is(left.length, TRANSFERS_MAX);
  t.false(left.some(({ id }) => id === first!.id));
  t.true(left.some(({ id }) => id === second!.id));
});

test('transfers: a failure that nobody looks at does no harm', async (t) => {
  const world = createFakeWorld();
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => {
    unhandled.push(reason);
  };
  process.on('unhandledRejection', note);
  const uri = await publishBytes(world, documentBytes(40_000));
  world.blocks.clear();
  world.client.fetch('nonsense', FAST);
  world.client.fetch(uri, FAST);
  world.client.publish(chunked(documentBytes(1)), { ...PUBLISH, name: '\n' });
  await world.clock.advance(60_000);
  process.off('unhandledRejection', note);
  t.deepEqual(unhandled, []);
  t.is(world.client.transfers().filter(({ stage }) => stage === 'failed').length, 3);
});

test('transfers: a listener hears each change until it stops listening', async (t) => {
  const world = createFakeWorld();
  let heard = 0;
  const stop = world.client.onProgress(() => heard++);
  await publishBytes(world, documentBytes(1));
  t.true(heard >= 8);
  stop();
  const before = heard;
  await publishBytes(world, documentBytes(1));
  t.is(heard, before);
});

test('transfers: a listener that throws is told no more, and the transfer goes on', async (t) => {
  const world = createFakeWorld();
  let heard = 0;
  world.client.onProgress(() => {
    heard++;
    throw new Error('drawing failed');
  });
  await publishBytes(world, documentBytes(1));
  t.is(heard, 1);
  t.true(world.logged.some((line) => line.startsWith('error client')));
});

test('transfers: a publish refused as busy, or cancelled before its turn, closes its source', async (t) => {
  const world = createFakeWorld();
  world.onInsert = () => new Promise(() => {});
  const ids = Array.from({ length: TRANSFERS_MAX }, () => world.client.publish(chunked(documentBytes(1)), PUBLISH).id);
  let closed = 0;
  const source = (): AsyncIterable<Uint8Array> => ({
    [Symbol.asyncIterator]: () => ({
      next: async () => ({ done: true, value: undefined }),
      return: async () => {
        closed++;
        return { done: true, value: undefined };
      },
    }),
  });
  t.throws(() => world.client.publish(source(), PUBLISH), { code: 'busy' });
  t.is(closed, 1);
  world.client.cancel(ids.at(-1)!);
  await world.clock.settle();
  const late = world.client.publish(source(), PUBLISH);
  world.client.cancel(late.id);
  await t.throwsAsync(late.result, { code: 'cancelled' });
  await world.clock.settle();
  t.is(closed, 2);
});

test('Window: never more than its slots, earlier sources first, and a source that wakes up is asked again', async (t) => {
  let slots = 2;
  const window = new Window(() => slots);
  const started: string[] = [];
  const finish: (() => void)[] = [];
  const source = (name: string, count: number): WorkSource & { more(): void } => ({
    take() {
      if (count === 0) return undefined;
      count--;
      return () => {
        started.push(name);
        return new Promise((resolve) => finish.push(resolve));
      };
    },
    more() {
      count++;
    },
  });
  const a = source('a', 1);
  window.add(a);
  window.add(source('b', 2));
  t.deepEqual(started, ['a', 'b']);
  a.more();
  window.pump();
  t.is(window.inFlight, 2);
  finish[0]!();
  await new Promise((resolve) => setImmediate(resolve));
  t.deepEqual(started, ['a', 'b', 'a']);
  slots = 3;
  window.pump();
  t.deepEqual(started, ['a', 'b', 'a', 'b']);
});

test('Handoff: a value waits for its taker, a failure drops what was offered, an end is an end', async (t) => {
  const handoff = new Handoff<number>();
  let taken = false;
  const put = handoff.put(1).then(() => {
    taken = true;
  });
  await Promise.resolve();
  t.false(taken);
  t.is(await handoff.take(), 1);
  await put;
  const wish = handoff.take();
  await handoff.put(2);
  t.is(await wish, 2);
  const offered = handoff.put(3);
  handoff.fail(new Error('gone'));
  await t.throwsAsync(offered, { message: 'gone' });
  await t.throwsAsync(handoff.take(), { message: 'gone' });
  await t.throwsAsync(handoff.put(4), { message: 'gone' });
  const ended = new Handoff<number>();
  const last = ended.take();
  ended.end();
  t.is(await last, undefined);
  t.is(await ended.take(), undefined);
});
