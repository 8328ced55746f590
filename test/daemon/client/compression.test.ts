/**
 * Compressed documents: what comes back, what is saved, and what a liar's frames do.
 * @module
 */
import { randomBytes } from 'node:crypto';
import { constants, zstdCompressSync } from 'node:zlib';
import test from 'ava';
import fc from 'fast-check';
import { createSha256Stream } from '../../../crypto/sha256-stream.ts';
import { createAssembly } from '../../../daemon/client/assembly.ts';
import { ByteSource } from '../../../daemon/client/byte-source.ts';
import { encodeSource, FrameReader, storedBytesRange } from '../../../daemon/client/compression.ts';
import { type ChkUri, CODEC, parseUri, printUri } from '../../../daemon/client/uri.ts';
import { LocalError } from '../../../daemon/errors.ts';
import { createInlineCompute } from '../../../daemon/io/worker-compute.ts';
import { BLOCK_PAYLOAD_MAX, COMPRESSED_PIECE_BYTES } from '../../../daemon/limits.ts';
import { testCrypto } from '../../support/test-crypto.ts';
import { chunked, createFakeWorld, documentBytes, fetchBytes, isSame, publishBytes, readAll } from './fake-circuits.ts';

const FAST = { trafficClass: 'fast' } as const;
const compute = createInlineCompute();
const never = new AbortController().signal;

/** Shrinks well, and differs from piece to piece. */
function textBytes(length: number): Uint8Array {
  let text = '';
  for (let line = 0; text.length < length; line++) text += `line ${line} of a document that says little\n`;
  return new Uint8Array(Buffer.from(text).subarray(0, length));
}

async function encoded(bytes: Uint8Array, chunkBytes = 100_000): Promise<{ codec: number; stored: Uint8Array }> {
  const source = new ByteSource(chunked(bytes, chunkBytes), undefined, never);
  const { codec, bytes: stored } = await encodeSource(compute, source, true);
  return { codec, stored: await readAll(stored) };
}

for (const size of [
  BLOCK_PAYLOAD_MAX + 1,
  COMPRESSED_PIECE_BYTES - 1,
  COMPRESSED_PIECE_BYTES,
  COMPRESSED_PIECE_BYTES + 1,
  3 * COMPRESSED_PIECE_BYTES + 5,
]) {
  test(`client: ${size} bytes published with compress come back, in fewer blocks`, async (t) => {
    const world = createFakeWorld();
    const bytes = textBytes(size);
    const uri = await publishBytes(world, bytes, { compress: true, contentType: 'text/plain' });
    t.is((parseUri(uri) as ChkUri).codec, CODEC.zstd);
    const keys = new Set(world.inserts.map(({ key }) => key));
    t.true(keys.size < size / BLOCK_PAYLOAD_MAX + 5, `${keys.size} blocks`);
    const transfer = world.client.fetch(uri, FAST);
    t.is(Buffer.compare(await fetchBytes(world, transfer), bytes), 0);
    t.like(await transfer.metadata, { sizeBytes: size, contentType: 'text/plain' });
    for (const progress of world.client.transfers()) t.like(progress, { stage: 'done', bytes: size, totalBytes: size });
  });
}

test('client: what does not shrink, fits one block, or is convergent is not compressed', async (t) => {
  const world = createFakeWorld();
  for (const [bytes, options] of [
    [new Uint8Array(randomBytes(200_000)), { compress: true }],
    [textBytes(BLOCK_PAYLOAD_MAX), { compress: true }],
    [new Uint8Array(0), { compress: true }],
    [textBytes(200_000), { compress: true, convergent: true }],
    [textBytes(200_000), {}],
  ] as const) {
    const uri = await publishBytes(world, bytes, options);
    t.is((parseUri(uri) as ChkUri).codec, CODEC.none);
    t.true(isSame(await fetchBytes(world, world.client.fetch(uri, FAST)), bytes));
  }
});

test('client: a key with its compression changed opens nothing', async (t) => {
  const world = createFakeWorld();
  const uri = parseUri(await publishBytes(world, textBytes(200_000), { compress: true })) as ChkUri;
  await t.throwsAsync(fetchBytes(world, world.client.fetch(printUri({ ...uri, codec: CODEC.none }), FAST)), {
    code: 'verify_failed',
  });
  await t.throwsAsync(world.client.fetch(printUri({ ...uri, keyType: 0 }), FAST).metadata, { code: 'bad_uri' });
});

test('encodeSource: a piece that does not shrink is stored as it is, at four bytes', async (t) => {
  const noise = randomBytes(COMPRESSED_PIECE_BYTES);
  const bytes = new Uint8Array(Buffer.concat([textBytes(COMPRESSED_PIECE_BYTES), noise, textBytes(10)]));
  const { codec, stored } = await encoded(bytes);
  t.is(codec, CODEC.zstd);
  const at = Buffer.from(stored).indexOf(noise);
  t.deepEqual(stored.subarray(at - 4, at), Uint8Array.of(0x80, 0x10, 0, 0));
  const { min, max } = storedBytesRange(bytes.length);
  t.true(stored.length >= min && stored.length <= max);
});

/** Gives what a reader hands out, or the code it fails with. */
async function unpacked(stored: readonly Uint8Array[], sizeBytes: number): Promise<Uint8Array | string> {
  const frames = new FrameReader(compute, sizeBytes);
  const pieces: Uint8Array[] = [];
  try {
    for (const chunk of stored) {
      frames.push(chunk);
      for (let piece = await frames.next(); piece !== undefined; piece = await frames.next()) pieces.push(piece);
    }
  } catch (error) {
    if (!(error instanceof LocalError)) throw error;
    return error.code;
  }
  return frames.ended ? new Uint8Array(Buffer.concat(pieces)) : 'cut off';
}

test('FrameReader: any cut of the stored bytes gives the document', async (t) => {
  const bytes = textBytes(COMPRESSED_PIECE_BYTES + 70_000);
  const { stored } = await encoded(bytes);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(stored.length), { maxLength: 12 }), async (cuts) => {
      const ends = [...cuts, stored.length].sort((a, b) => a - b);
      const chunks = ends.map((end, i) => stored.subarray(i === 0 ? 0 : ends[i - 1], end)).filter((c) => c.length > 0);
      t.is(Buffer.compare((await unpacked(chunks, bytes.length)) as Uint8Array, bytes), 0);
    }),
    { numRuns: 25 },
  );
});

test('FrameReader: bombs, lies and rubbish are bad_manifest and never more than a piece', async (t) => {
  const frameOf = (plain: Uint8Array, lie = 0): Uint8Array => {
    const frame = zstdCompressSync(plain);
    const head = Buffer.alloc(4);
    head.writeUInt32BE(frame.length + lie);
    return Buffer.concat([head, frame]);
  };
  t.is(await unpacked([frameOf(new Uint8Array(64 << 20))], COMPRESSED_PIECE_BYTES), 'bad_manifest');
  t.is(await unpacked([frameOf(new Uint8Array(5_000))], 5_001), 'bad_manifest');
  t.is(await unpacked([frameOf(new Uint8Array(5_000), -1)], 5_000), 'bad_manifest');
  t.is(await unpacked([frameOf(new Uint8Array(5_000)), Uint8Array.of(1)], 5_000), 'bad_manifest');
  t.is(await unpacked([Uint8Array.of(0x7f, 255, 255, 255)], 5_000), 'bad_manifest');
  t.is(await unpacked([Uint8Array.of(0x80, 0, 0x13, 0x87)], 5_000), 'bad_manifest'); // stored as it is, one byte short
  t.is(await unpacked([Uint8Array.of(0, 0, 0, 0)], 5_000), 'bad_manifest');
  const wide = zstdCompressSync(new Uint8Array(1 << 20), { params: { [constants.ZSTD_c_windowLog]: 27 } });
  t.is(await unpacked([Buffer.concat([Buffer.from([0, 0, 0, wide.length]), wide])], 1 << 19), 'bad_manifest');
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 80 }), fc.integer({ min: 1, max: 200 }), async (rubbish, size) => {
      const result = await unpacked([rubbish], size);
      t.true(typeof result === 'string' || result.length === size);
    }),
  );
});

test('assembly: the last piece is kept back when the hash does not hold', async (t) => {
  const bytes = textBytes(2 * COMPRESSED_PIECE_BYTES);
  const { stored } = await encoded(bytes);
  const top = {
    sizeBytes: bytes.length,
    storedBytes: stored.length,
    codec: CODEC.zstd,
    isListing: false,
    contentType: undefined,
    name: undefined,
  };
  const hash = createSha256Stream();
  hash.update(bytes);
  const given = async (sha256: Uint8Array): Promise<[number, string]> => {
    let count = 0;
    try {
      const assembly = createAssembly(compute, { ...top, sha256 }, testCrypto());
      for await (const { chunks } of assembly.take([stored], true)) {
        for (const part of chunks) count += part.length;
      }
      return [count, 'whole'];
    } catch (error) {
      return [count, (error as LocalError).code];
    }
  };
  t.deepEqual(await given(hash.digest()), [bytes.length, 'whole']);
  t.deepEqual(await given(new Uint8Array(32)), [COMPRESSED_PIECE_BYTES, 'verify_failed']);
});

test('client: a compressing publish lets go of its source when it is cancelled', async (t) => {
  const world = createFakeWorld();
  let closed = false;
  async function* hanging(): AsyncGenerator<Uint8Array> {
    yield textBytes(2 * COMPRESSED_PIECE_BYTES);
    yield documentBytes(10);
    await new Promise(() => {});
  }
  const iterator = hanging();
  const close = async (): Promise<IteratorReturnResult<undefined>> => {
    closed = true;
    return { done: true, value: undefined };
  };
  const source = { [Symbol.asyncIterator]: () => ({ next: () => iterator.next(), return: close }) };
  const { id, result } = world.client.publish(source, { trafficClass: 'fast', convergent: false, compress: true });
  await world.clock.settle();
  world.client.cancel(id);
  const outcome = await world.settled(result);
  t.is(outcome.status, 'rejected');
  t.true(closed);
});
