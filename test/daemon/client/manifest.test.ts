import test from 'ava';
import fc from 'fast-check';
import {
  blocksOf,
  checkBlocksFor,
  dataBlocksOf,
  entriesOf,
  payloadBytesOf,
  replicasOf,
  SIZE_MAX,
  segmentAt,
  segmentStart,
  shapeOf,
} from '../../../daemon/client/document-shape.ts';
import {
  decodeInner,
  decodeManifest,
  decodeTop,
  encodeManifest,
  type ManifestNode,
  type ManifestTop,
} from '../../../daemon/client/manifest.ts';
import { ManifestBuilder } from '../../../daemon/client/manifest-builder.ts';
import { CODEC } from '../../../daemon/client/uri.ts';
import { LocalError } from '../../../daemon/errors.ts';
import { type RoutingKey, routingKey } from '../../../daemon/ids.ts';
import { BLOCK_PAYLOAD_MAX } from '../../../daemon/limits.ts';

const SEGMENT = 128 * BLOCK_PAYLOAD_MAX;
const keyOf = (number: number): RoutingKey => {
  const bytes = new Uint8Array(32);
  new DataView(bytes.buffer).setUint32(0, number);
  return routingKey(bytes);
};
const keys = (count: number): RoutingKey[] => Array.from({ length: count }, (_, i) => keyOf(i));
const top = (sizeBytes: number): ManifestTop => ({
  sizeBytes,
  codec: CODEC.none,
  storedBytes: sizeBytes,
  isListing: false,
  sha256: new Uint8Array(32).fill(3),
  contentType: 'text/plain',
  name: undefined,
});
const leaf = (sizeBytes: number): ManifestNode => ({
  level: 0,
  top: top(sizeBytes),
  segments: [{ dataCount: 2, keys: keys(5) }],
  children: [],
});

test('manifest: decode(encode(x)) is x, for a leaf and an inner top', (t) => {
  const node = leaf(40_000);
  t.deepEqual(decodeManifest(encodeManifest(node)), node);
  const inner: ManifestNode = { level: 1, top: top(4 * SEGMENT), segments: [], children: keys(2) };
  t.deepEqual(decodeTop(encodeManifest(inner), CODEC.none).node, inner);
});

const compressed = (sizeBytes: number, storedBytes: number): ManifestNode => ({
  ...leaf(0),
  top: { ...top(sizeBytes), codec: CODEC.zstd, storedBytes },
});

test('manifest: a compressed document has the shape of what is stored', (t) => {
  const node = compressed(5_000_000, 40_000);
  const { shape, top: read } = decodeTop(encodeManifest(node), CODEC.zstd);
  t.is(shape.sizeBytes, 40_000);
  t.like(read, { sizeBytes: 5_000_000, storedBytes: 40_000 });
});

const refusesCompressed = test.macro({
  exec(t, node: ManifestNode, codec: 0 | 1, says: RegExp) {
    const error = t.throws(() => decodeTop(encodeManifest(node), codec), { code: 'bad_manifest' });
    t.regex(error!.message, says);
  },
  title: (given = '') => `manifest of a compressed document refuses ${given}`,
});
test(
  'another compression than its key says',
  refusesCompressed,
  compressed(5_000_000, 40_000),
  CODEC.none,
  /of its key/,
);
test('none where its key says some', refusesCompressed, leaf(40_000), CODEC.zstd, /of its key/);
test('more stored than plain bytes', refusesCompressed, compressed(39_995, 40_000), CODEC.zstd, /two sizes/);
test(
  'more pieces than stored bytes',
  refusesCompressed,
  compressed(8_001 * 1_048_576, 40_000),
  CODEC.zstd,
  /two sizes/,
);
test('an empty document', refusesCompressed, compressed(0, 0), CODEC.zstd, /two sizes/);

test('manifest: the largest leaf, with the longest metadata, fits a block', (t) => {
  const metadata = { contentType: 'x'.repeat(255), name: 'y'.repeat(1_024) };
  const segments = Array.from({ length: 3 }, () => ({ dataCount: 128, keys: keys(256) }));
  const bytes = encodeManifest({ level: 0, top: { ...top(3 * SEGMENT), ...metadata }, segments, children: [] });
  t.true(bytes.length <= BLOCK_PAYLOAD_MAX);
  t.like(decodeTop(bytes, CODEC.none).top, metadata);
});

test('manifest: any bytes give a node or bad_manifest', (t) => {
  const good = encodeManifest(leaf(40_000));
  const changed = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 4 }).map((changes) => {
    const bytes = good.slice();
    for (const [at, value] of changes) bytes[at] = value;
    return bytes;
  });
  const cut = fc.nat(good.length - 1).map((length) => good.slice(0, length));
  let refused = 0;
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), changed, cut), (bytes) => {
      try {
        const { node } = decodeTop(bytes, CODEC.none);
        t.deepEqual(decodeManifest(encodeManifest(node)), node);
      } catch (error) {
        refused++;
        t.true(error instanceof LocalError && error.code === 'bad_manifest', String(error));
      }
    }),
    { numRuns: 500 },
  );
  t.true(refused > 0);
});

const refuses = test.macro({
  exec(t, bytes: Uint8Array, says: RegExp) {
    const error = t.throws(() => decodeTop(bytes, CODEC.none), { instanceOf: LocalError, code: 'bad_manifest' });
    t.regex(error!.message, says);
  },
  title: (given = '') => `manifest refuses ${given}`,
});
const edit = (node: ManifestNode, change: (bytes: Uint8Array, view: DataView) => void): Uint8Array => {
  const bytes = encodeManifest(node);
  change(bytes, new DataView(bytes.buffer));
  return bytes;
};
const COUNT_AT = 4 + 8 + 32 + 1 + 1 + 10 + 2;
test(
  'a newer version',
  refuses,
  edit(leaf(40_000), (bytes) => bytes.set([2], 0)),
  /version/,
);
test(
  'a depth of five',
  refuses,
  edit(leaf(40_000), (bytes) => bytes.set([4], 1)),
  /deeper/,
);
test('a block that is not the top', refuses, encodeManifest({ ...leaf(40_000), top: undefined }), /not a top/);
test(
  'reserved bits',
  refuses,
  edit(leaf(40_000), (bytes) => bytes.set([1], 3)),
  /reserved/,
);
test(
  'a size no manifest can hold',
  refuses,
  edit(leaf(40_000), (_, view) => view.setBigUint64(4, BigInt(SIZE_MAX) + 1n)),
  /more bytes/,
);
test('a size that needs more segments', refuses, encodeManifest(leaf(4 * SEGMENT)), /depth contradicts/);
test('a size that needs another count of blocks', refuses, encodeManifest(leaf(90_000)), /data blocks contradict/);
test(
  'a count of 65,535 segments',
  refuses,
  edit(leaf(40_000), (_, view) => view.setUint16(COUNT_AT, 65_535)),
  /entries/,
);
test(
  'no segment at all',
  refuses,
  edit(leaf(40_000), (_, view) => view.setUint16(COUNT_AT, 0)),
  /entries/,
);
test(
  'a second segment that is not there',
  refuses,
  edit(leaf(40_000), (_, view) => view.setUint16(COUNT_AT, 2)),
  /cut off/,
);
test(
  'check blocks against the rule',
  refuses,
  edit(leaf(40_000), (_, view) => view.setUint16(COUNT_AT + 4, 128)),
  /blocks than allowed/,
);
test(
  'an unknown compression',
  refuses,
  edit(leaf(40_000), (bytes) => bytes.set([2], 44)),
  /compression/,
);
test(
  'a control character in the type',
  refuses,
  edit(leaf(40_000), (bytes) => bytes.set([10], 46)),
  /acceptable/,
);
test('bytes after the end', refuses, new Uint8Array([...encodeManifest(leaf(40_000)), 0]), /follow/);
test(
  'an inner top with too few children',
  refuses,
  encodeManifest({ level: 1, top: top(SEGMENT * 9), segments: [], children: keys(2) }),
  /entries contradict/,
);
test(
  'an inner top over one leaf',
  refuses,
  encodeManifest({ level: 1, top: top(1), segments: [], children: keys(1) }),
  /depth contradicts/,
);

test('decodeInner: a leaf at the wrong place, level or with a top is refused', (t) => {
  const shape = shapeOf(3 * SEGMENT + SEGMENT / 2); // its second leaf has one segment of 64 blocks
  const second = { ...leaf(0), top: undefined, segments: [{ dataCount: 64, keys: keys(128) }] };
  t.deepEqual(decodeInner(encodeManifest(second), shape, 0, 1), second);
  t.throws(() => decodeInner(encodeManifest(second), shape, 0, 0), { code: 'bad_manifest' });
  t.throws(() => decodeInner(encodeManifest(second), shape, 1, 0), { code: 'bad_manifest' });
  t.throws(() => decodeInner(encodeManifest(leaf(40_000)), shape, 0, 1), { code: 'bad_manifest' });
});

test('shapeOf: counts, sums and the small-document rule', (t) => {
  t.like(shapeOf(0), { dataBlocks: 1, segments: 1, levels: [1] });
  t.is(payloadBytesOf(shapeOf(0), 0, 0), 0);
  t.like(shapeOf(3 * SEGMENT), { segments: 3, levels: [1] });
  t.like(shapeOf(3 * SEGMENT + 1), { segments: 4, levels: [2, 1] });
  t.deepEqual(shapeOf(SIZE_MAX).levels, [256 ** 3, 256 ** 2, 256, 1]);
  const split = (dataBlocks: number): number[] => {
    const shape = shapeOf(dataBlocks * BLOCK_PAYLOAD_MAX);
    return Array.from({ length: shape.segments }, (_, segment) => dataBlocksOf(shape, segment));
  };
  t.deepEqual([1, 63, 128].map(split), [[1], [63], [128]]);
  t.deepEqual([129, 130, 191, 192, 256, 257].map(split), [
    [65, 64],
    [65, 65],
    [96, 95],
    [128, 64],
    [128, 128],
    [128, 65, 64],
  ]);
  t.is(blocksOf(shapeOf(7 * BLOCK_PAYLOAD_MAX)), 15);
  t.deepEqual([replicasOf(shapeOf(7 * BLOCK_PAYLOAD_MAX)), replicasOf(shapeOf(7 * BLOCK_PAYLOAD_MAX + 1))], [4, 1]);
  fc.assert(
    fc.property(fc.nat(40 * SEGMENT), (size) => {
      const shape = shapeOf(size);
      let sum = 0;
      let blocks = shape.levels.reduce((all, count) => all + count, 0);
      for (let s = 0; s < shape.segments; s++) {
        const dataBlocks = dataBlocksOf(shape, s);
        t.true(dataBlocks <= 128 && (shape.segments === 1 || dataBlocks >= 64));
        t.is(segmentStart(shape, s), sum);
        if (size > 0) t.is(segmentAt(shape, sum), s);
        if (sum > 0) t.is(segmentAt(shape, sum - 1), s - 1);
        for (let i = 0; i < dataBlocks; i++) sum += payloadBytesOf(shape, s, i);
        blocks += dataBlocks + checkBlocksFor(dataBlocks);
      }
      t.is(sum, size);
      t.is(segmentStart(shape, shape.segments), size);
      t.is(blocksOf(shape), blocks);
    }),
    { numRuns: 30 },
  );
});

test('ManifestBuilder: the tree it builds is the one the size implies, three levels deep', async (t) => {
  const segmentCount = 3 * 256 * 2 + 4; // two full inner blocks and a third of two leaves
  const size = segmentCount * SEGMENT;
  const stored = new Map<number, { payload: Uint8Array; segment: number; index: number }>();
  const builder = new ManifestBuilder(async ({ place, payload }) => {
    stored.set(stored.size, { payload, segment: place.segment, index: place.index });
    return keyOf(stored.size - 1);
  });
  const segment = { dataCount: 128, keys: keys(256) };
  for (let i = 0; i < segmentCount; i++) await builder.add(segment);
  const { payload, place } = await builder.finish(top(size));
  t.deepEqual([place.segment, place.index], [0, 0]);
  const { node, shape } = decodeTop(payload, CODEC.none);
  t.deepEqual(shape.levels, [514, 3, 1]);
  t.is(stored.size, 517);
  let leaves = 0;
  const walk = (parent: ManifestNode, level: number, position: number): void => {
    if (level === 0) {
      leaves++;
      return;
    }
    parent.children.forEach((key, i) => {
      const child = stored.get(new DataView(key.buffer, key.byteOffset).getUint32(0))!;
      const childPosition = position * 256 + i;
      t.deepEqual([child.segment, child.index], [childPosition, level]);
      walk(decodeInner(child.payload, shape, level - 1, childPosition), level - 1, childPosition);
    });
  };
  walk(node, 2, 0);
  t.is(leaves, 514);
  t.is(entriesOf(shape, 0, 513), 1);
});
