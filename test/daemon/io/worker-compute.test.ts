/**
 * Erasure coding in a worker gives what it gives inline, and takes nothing away from the caller.
 * @module
 */
import { constants, zstdCompressSync } from 'node:zlib';
import test from 'ava';
import { packBlocks, unpackBlocks } from '../../../daemon/io/compute-jobs.ts';
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

test('compress and decompress: the worker and this thread agree, and give the bytes back', async (t) => {
  const compute = createCompute();
  t.teardown(() => compute.close());
  const plain = new Uint8Array(1_048_576).fill(7);
  const frame = await compute.compress(plain);
  t.true(frame.length < 1_000);
  t.deepEqual(await inline.compress(plain), frame);
  for (const each of [compute, inline]) {
    t.deepEqual(await each.decompress(frame, plain.length), plain);
    t.is(await each.decompress(frame, plain.length - 1), undefined, 'more than was declared');
    t.is(await each.decompress(frame, plain.length + 1), undefined, 'less than was declared');
    t.is(await each.decompress(frame.subarray(0, -1), plain.length), undefined, 'cut off');
    t.is(await each.decompress(new Uint8Array(100), 100), undefined, 'no frame');
    t.is(await each.decompress(new Uint8Array(0), 1), undefined, 'nothing');
  }
});

test('decompress: frames that ask for a larger window, or are to be skipped, are refused', async (t) => {
  const plain = new Uint8Array(3_000_000).fill(1);
  const wide = zstdCompressSync(plain, {
    params: { [constants.ZSTD_c_windowLog]: 25, [constants.ZSTD_c_contentSizeFlag]: 0 },
  });
  t.is(await inline.decompress(wide, plain.length), undefined);
  const skippable = Uint8Array.of(0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4);
  t.is(await inline.decompress(skippable, 4), undefined);
});
