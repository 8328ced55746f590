/**
 * Erasure coding in a worker gives what it gives inline, and takes nothing away from the caller.
 * @module
 */
import test from 'ava';
import { packBlocks, unpackBlocks } from '../../../daemon/io/erasure-jobs.ts';
import { createCompute, createInlineCompute } from '../../../daemon/io/worker-compute.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';

const inline = createInlineCompute();

test('worker equals inline, also when many jobs are under way at once', async (t) => {
  const random = createSeededRandom('erasure');
  const compute = createCompute();
  t.teardown(() => compute.close());
  await Promise.all(
    [1, 2, 7, 16].map(async (dataCount) => {
      const data = Array.from({ length: dataCount }, () => random.bytes(512));
      const before = data.map((block) => block.slice());
      const checks = await compute.erasureEncode(data, dataCount + 1);
      t.deepEqual(data, before); // not transferred away
      t.deepEqual(checks, await inline.erasureEncode(data, dataCount + 1));

      const shards = [...data, ...checks].map((shard, index) => (index % 2 === 0 ? undefined : shard));
      t.deepEqual(await compute.erasureReconstruct(shards, dataCount), data);
      t.deepEqual(await inline.erasureReconstruct(shards, dataCount), data);
    }),
  );
});

test('what the codec refuses rejects that job alone', async (t) => {
  const random = createSeededRandom('refused');
  const compute = createCompute();
  t.teardown(() => compute.close());
  const data = [random.bytes(64), random.bytes(64)];
  await t.throwsAsync(compute.erasureEncode(data, 0), { instanceOf: RangeError });
  await t.throwsAsync(compute.erasureEncode([random.bytes(64), random.bytes(65)], 1), { instanceOf: RangeError });
  await t.throwsAsync(compute.erasureReconstruct([data[0], undefined, undefined], 2), { instanceOf: RangeError });
  t.is((await compute.erasureEncode(data, 2)).length, 2);
});

test('a worker that ended fails its jobs; the next job starts another', async (t) => {
  const data = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
  const compute = createCompute();
  t.teardown(() => compute.close());
  const cut = compute.erasureEncode(data, 2);
  await compute.close();
  await t.throwsAsync(cut, { instanceOf: RangeError });
  t.deepEqual(await compute.erasureEncode(data, 2), await inline.erasureEncode(data, 2));
});

test('packBlocks and unpackBlocks keep order and gaps', (t) => {
  const blocks = [Uint8Array.of(1, 2), undefined, Uint8Array.of(3, 4), undefined];
  t.deepEqual(unpackBlocks(packBlocks(blocks)), blocks);
  t.deepEqual(unpackBlocks(packBlocks([])), []);
});
