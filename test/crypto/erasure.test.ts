import test from 'ava';
import fc from 'fast-check';
import { erasureEncode, erasureReconstruct, tableKernel } from '../../crypto/erasure.ts';
import { assembleKernel, createKernel } from '../../crypto/erasure-kernel.ts';
import { loadErasureOracle } from '../support/erasure-oracle.ts';
import { createSeededRandom } from '../support/seeded-random.ts';
import { hex, readVectors, unhex } from './vectors.ts';

function blocks(seed: string, count: number, size: number): Uint8Array[] {
  const random = createSeededRandom(seed);
  return Array.from({ length: count }, () => random.bytes(size));
}

test('erasureEncode: the frozen vector holds the matrix fast', (t) => {
  const vector = readVectors<{ data: string[]; check: string[] }>('erasure.json');
  t.deepEqual(erasureEncode(vector.data.map(unhex), vector.check.length).map(hex), vector.check);
});

/** GF(2^8) with polynomial 0x11D, bit by bit: nothing shared with the package. */
function multiply(a: number, b: number): number {
  let product = 0;
  for (let bit = 7; bit >= 0; bit -= 1) {
    product = (product << 1) ^ (product & 0x80 ? 0x11d : 0);
    if ((b >> bit) & 1) product ^= a;
  }
  return product;
}

test('erasureEncode: data and check blocks are values of one polynomial at 0, 1, 2 ...', (t) => {
  // What "systematic Vandermonde" means: block i is P(i) for the P of degree < k that the data blocks fix.
  const data = blocks('polynomial', 5, 3);
  const all = [...data, ...erasureEncode(data, 6)];
  const inverse = (a: number) => Array.from({ length: 256 }, (_, b) => b).find((b) => multiply(a, b) === 1)!;
  for (let x = data.length; x < all.length; x += 1) {
    const value = new Uint8Array(3);
    for (let i = 0; i < data.length; i += 1) {
      let weight = 1;
      for (let j = 0; j < data.length; j += 1) {
        if (j !== i) weight = multiply(weight, multiply(x ^ j, inverse(i ^ j)));
      }
      for (let byte = 0; byte < 3; byte += 1) value[byte] = value[byte]! ^ multiply(weight, data[i]![byte]!);
    }
    t.deepEqual(all[x], value, `block ${x}`);
  }
});

test('erasureReconstruct: any k of n blocks restore the data', (t) => {
  const shape = fc.record({
    dataCount: fc.integer({ min: 1, max: 20 }),
    checkCount: fc.integer({ min: 1, max: 20 }),
    size: fc.integer({ min: 1, max: 40 }),
    seed: fc.integer(),
  });
  fc.assert(
    fc.property(shape, ({ dataCount, checkCount, size, seed }) => {
      const data = blocks(`data ${seed}`, dataCount, size);
      const all = [...data, ...erasureEncode(data, checkCount)];
      const random = createSeededRandom(`order ${seed}`);
      const order = all.map((_, index) => ({ index, rank: random.unit() })).sort((a, b) => a.rank - b.rank);
      const kept = new Set(order.slice(0, dataCount).map(({ index }) => index));
      const shards = all.map((block, index) => (kept.has(index) ? block : undefined));
      t.deepEqual(erasureReconstruct(shards, dataCount), data);

      const [lost] = kept;
      shards[lost!] = undefined;
      t.throws(() => erasureReconstruct(shards, dataCount), { instanceOf: RangeError });
    }),
    { numRuns: 80 },
  );
});

test('erasure: a full segment, 128 + 128 blocks of 32,736 bytes, from its check blocks alone', (t) => {
  const data = blocks('one', 1, 128 * 32_736).flatMap((all) =>
    Array.from({ length: 128 }, (_, index) => all.slice(index * 32_736, (index + 1) * 32_736)),
  );
  const check = erasureEncode(data, 128);
  t.is(check.length, 128);
  const restored = erasureReconstruct([...data.map(() => undefined), ...check], 128);
  t.true(restored.every((block, index) => Buffer.compare(block, data[index]!) === 0));
});

test('erasure: kernel and tables give the bytes of the package', async (t) => {
  const oracle = await loadErasureOracle();
  const kernel = createKernel()!;
  t.truthy(kernel, 'this Node has WebAssembly SIMD');
  // Shapes at, just under and just over what the kernel rounds to: groups of 8 outputs, lanes of 16 bytes, tiles of 2,048.
  const shapes: [dataCount: number, checkCount: number, size: number][] = [
    [1, 1, 1],
    [1, 255, 16],
    [2, 3, 15],
    [3, 7, 17],
    [5, 8, 2_047],
    [9, 9, 2_048],
    [16, 16, 2_049],
    [127, 129, 33],
    [121, 135, 40],
    [128, 128, 100],
  ]; // prettier-ignore
  for (const [dataCount, checkCount, size] of shapes) {
    const data = blocks(`oracle ${dataCount} ${checkCount}`, dataCount, size);
    const checks = oracle.encode(data, checkCount);
    t.deepEqual(erasureEncode(data, checkCount, kernel), checks, `kernel encodes ${dataCount} + ${checkCount}`);
    t.deepEqual(erasureEncode(data, checkCount, tableKernel), checks, `tables encode ${dataCount} + ${checkCount}`);

    const random = createSeededRandom(`lost ${dataCount} ${checkCount}`);
    const all: (Uint8Array | undefined)[] = [...data, ...checks];
    const order = Array.from(all.keys(), (index) => ({ index, rank: random.unit() })).sort((a, b) => a.rank - b.rank);
    for (const { index } of order.slice(0, checkCount)) all[index] = undefined;
    t.deepEqual(erasureReconstruct(all, dataCount, kernel), data);
    t.deepEqual(erasureReconstruct(all, dataCount, tableKernel), data);
  }
});

test('erasureReconstruct: also where the check blocks lie, the result is that of the package', async (t) => {
  const oracle = await loadErasureOracle();
  const data = blocks('lying data', 6, 50);
  const lies = blocks('lying checks', 6, 50);
  const shards = [undefined, data[1], undefined, data[3], undefined, data[5], undefined, ...lies.slice(1)];
  t.deepEqual(erasureReconstruct(shards, 6, createKernel()), oracle.reconstruct(shards, 6));
  t.deepEqual(erasureReconstruct(shards, 6, tableKernel), oracle.reconstruct(shards, 6));
});

test('assembleKernel: the same bytes each time, and few', (t) => {
  t.deepEqual(assembleKernel(), assembleKernel());
  t.true(assembleKernel().length < 1_024);
});

test('erasure: inputs are not changed, lost blocks come back in memory of their own', (t) => {
  const data = blocks('own', 3, 8);
  const copies = data.map((block) => block.slice());
  const check = erasureEncode(data, 2);
  t.true(check.every((block) => block.buffer.byteLength === 8));
  const [first, second, third] = erasureReconstruct([data[0], undefined, data[2], ...check], 3);
  t.is(first, data[0]);
  t.is(third, data[2]);
  t.deepEqual(second, copies[1]);
  t.is(second!.buffer.byteLength, 8);
  t.deepEqual(data, copies);
});

test('erasureReconstruct: nothing lost gives the given blocks', (t) => {
  const data = blocks('none', 2, 4);
  const restored = erasureReconstruct([...data, undefined], 2);
  t.true(restored.every((block, index) => block === data[index]));
});

const block = new Uint8Array(4);
const many = (count: number) => Array.from({ length: count }, () => block);
const REFUSED: [string, () => unknown][] = [
  ['no data block', () => erasureEncode([], 1)],
  ['129 data blocks', () => erasureEncode(many(129), 1)],
  ['no check block', () => erasureEncode(many(2), 0)],
  ['a negative count', () => erasureEncode(many(2), -1)],
  ['half a check block', () => erasureEncode(many(2), 1.5)],
  ['257 blocks together', () => erasureEncode(many(128), 129)],
  ['unequal sizes', () => erasureEncode([block, new Uint8Array(5)], 1)],
  ['empty blocks', () => erasureEncode([new Uint8Array(0)], 1)],
  ['shards without check blocks', () => erasureReconstruct(many(3), 3)],
  ['dataCount 0', () => erasureReconstruct(many(3), 0)],
  ['more than 256 shards', () => erasureReconstruct(many(257), 128)],
  ['shards of unequal sizes', () => erasureReconstruct([block, undefined, new Uint8Array(5)], 2)],
  ['no shard at all', () => erasureReconstruct([undefined, undefined], 1)],
];
for (const [what, call] of REFUSED) {
  test(`erasure: ${what} is a RangeError`, (t) => {
    t.throws(call, { instanceOf: RangeError });
  });
}

test('erasure: the largest counts are allowed', (t) => {
  t.is(erasureEncode(many(128), 128).length, 128);
  t.is(erasureEncode([block], 255).length, 255);
});
