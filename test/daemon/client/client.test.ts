import test from 'ava';
import { BLOCK_BYTES, BLOCK_PAYLOAD_MAX } from '../../../daemon/limits.ts';
import { chunked, createFakeWorld, documentBytes, fetchBytes, isSame, PUBLISH, publishBytes } from './fake-circuits.ts';

const SEGMENT = 128 * BLOCK_PAYLOAD_MAX;

for (const size of [
  0,
  1,
  BLOCK_PAYLOAD_MAX - 1,
  BLOCK_PAYLOAD_MAX,
  BLOCK_PAYLOAD_MAX + 1,
  7 * BLOCK_PAYLOAD_MAX,
  8 * BLOCK_PAYLOAD_MAX,
]) {
  test(`client: ${size} bytes come back as they were published`, async (t) => {
    const world = createFakeWorld();
    const bytes = documentBytes(size);
    const uri = await publishBytes(world, bytes);
    const transfer = world.client.fetch(uri, { trafficClass: 'fast' });
    t.true(isSame(await fetchBytes(world, transfer), bytes));
    t.like(await transfer.metadata, {
      sizeBytes: size,
      contentBytes: size,
      contentType: undefined,
      name: undefined,
    });
    t.is(world.closed, 2);
    t.is(world.inFlight, 0);
  });
}

for (const size of [SEGMENT - 1, SEGMENT, SEGMENT + 1]) {
  test(`client: ${size} bytes, at a segment's border, come back`, async (t) => {
    const world = createFakeWorld();
    const bytes = documentBytes(size);
    const uri = await publishBytes(world, bytes);
    t.deepEqual(Buffer.compare(await fetchBytes(world, world.client.fetch(uri, { trafficClass: 'fast' })), bytes), 0);
  });
}

test('client: four segments need two leaves and a top, and come back in order from the last places of the leaves', async (t) => {
  const world = createFakeWorld({ windowBlocks: 64 });
  const bytes = documentBytes(3 * SEGMENT + 10);
  const uri = await publishBytes(world, bytes, { contentType: 'text/plain' });
  const inserted = new Set(world.inserts.map(({ key }) => key));
  t.is(inserted.size, 2 * 256 + 65 + 65 + 64 + 64 + 3);
  const leaves = [...inserted].filter((key) => world.blocks.has(`${key}/3`) && !world.blocks.has(`${key}/4`));
  t.is(leaves.length, 2);
  for (const key of leaves) for (const replica of [0, 1, 2]) world.blocks.delete(`${key}/${replica}`);
  const transfer = world.client.fetch(uri, { trafficClass: 'fast' });
  t.is(Buffer.compare(await fetchBytes(world, transfer), bytes), 0);
  t.is((await transfer.metadata).contentType, 'text/plain');
  t.true(world.inFlightMax <= 64);
  const progress = world.client.transfers().at(-1)!;
  t.like(progress, {
    stage: 'done',
    bytes: bytes.length,
    totalBytes: bytes.length,
    blocksNeeded: 385 + 3,
    blocksHave: 388,
    blocksInFlight: 0,
  });
});

test('client: content type and name stand in the manifest only when given', async (t) => {
  const world = createFakeWorld();
  const uri = await publishBytes(world, documentBytes(5), { contentType: 'image/png', name: 'Müll & co.png' });
  const transfer = world.client.fetch(uri, { trafficClass: 'fast' });
  await fetchBytes(world, transfer);
  t.like(await transfer.metadata, {
    sizeBytes: 5,
    contentBytes: 5,
    contentType: 'image/png',
    name: 'Müll & co.png',
  });
});

test('client: a document of one block is that block at eight places; a small one stands at four, its top at eight', async (t) => {
  const single = createFakeWorld();
  await publishBytes(single, documentBytes(100));
  t.deepEqual(single.inserts.map(({ replica }) => replica).sort(), [0, 1, 2, 3, 4, 5, 6, 7]);
  t.is(new Set(single.inserts.map(({ key }) => key)).size, 1);

  const small = createFakeWorld();
  await publishBytes(small, documentBytes(7 * BLOCK_PAYLOAD_MAX)); // 7 + 7 + 1 blocks
  t.is(small.inserts.length, 14 * 4 + 8);
  t.true(small.inserts.every(({ owners }) => owners === 8));

  const large = createFakeWorld();
  await publishBytes(large, documentBytes(8 * BLOCK_PAYLOAD_MAX)); // 8 + 8 + 1 blocks
  t.is(large.inserts.length, 16 + 8);
  t.is(large.inserts.filter(({ owners }) => owners === 3).length, 16);
});

test('client: what is inserted is whole sealed blocks, and shows no run of the plaintext', async (t) => {
  const world = createFakeWorld();
  const plain = new Uint8Array(3 * BLOCK_PAYLOAD_MAX).fill(0x41);
  await publishBytes(world, plain, { name: 'AAAAAAAAAAAAAAAA' });
  const run = Buffer.from('AAAAAAAA');
  for (const block of world.blocks.values()) {
    t.is(block.length, BLOCK_BYTES);
    t.is(Buffer.from(block).indexOf(run), -1);
  }
  t.is(new Set([...world.blocks.values()].map((block) => Buffer.from(block).toString('latin1'))).size, 3 + 3 + 1);
});

test('client: convergent twice gives the same URI, random a different one, other metadata another one', async (t) => {
  const world = createFakeWorld();
  const bytes = documentBytes(2 * BLOCK_PAYLOAD_MAX);
  const first = await publishBytes(world, bytes, { convergent: true });
  t.is(await publishBytes(createFakeWorld({ seed: 2 }), bytes, { convergent: true }), first);
  t.not(await publishBytes(createFakeWorld({ seed: 2 }), bytes, { convergent: true, contentType: 'a/b' }), first);
  t.not(await publishBytes(world, bytes), await publishBytes(world, bytes));
  t.true(isSame(await fetchBytes(world, world.client.fetch(first, { trafficClass: 'fast' })), bytes));
});

test('client: the class goes to the circuits, and strong asks for padding', async (t) => {
  const world = createFakeWorld();
  const uri = await publishBytes(world, documentBytes(9), { trafficClass: 'strong' });
  await fetchBytes(world, world.client.fetch(uri, { trafficClass: 'fast' }));
  t.deepEqual(
    world.opened.map(({ trafficClass, padding }) => ({ trafficClass, padding })),
    [
      { trafficClass: 'strong', padding: true },
      { trafficClass: 'fast', padding: false },
    ],
  );
  t.is(world.opened[0]!.blocks, 1);
  t.deepEqual(
    world.client.transfers().map(({ trafficClass }) => trafficClass),
    ['strong', 'fast'],
  );
  world.classGiven = 'fast';
  await publishBytes(world, documentBytes(9), { trafficClass: 'strong' });
  t.is(world.client.transfers().at(-1)!.trafficClass, 'fast'); // what the circuits are, not what was wished
});

test('client: stages are named in order, from the first second', async (t) => {
  const world = createFakeWorld({ latencyMs: 10 });
  const stages: string[] = [];
  const stop = world.client.onProgress(({ stage, kind }) => {
    if (stages.at(-1) !== `${kind} ${stage}`) stages.push(`${kind} ${stage}`);
  });
  const uri = await publishBytes(world, documentBytes(10), { contentType: 'text/plain' });
  await fetchBytes(world, world.client.fetch(uri, { trafficClass: 'fast' }));
  stop();
  await publishBytes(world, documentBytes(10));
  t.deepEqual(stages, [
    'publish waiting',
    'publish connecting',
    'publish inserting',
    'publish done',
    'fetch waiting',
    'fetch connecting',
    'fetch searching top block',
    'fetch reading metadata',
    'fetch fetching',
    'fetch checking',
    'fetch done',
  ]);
});

test('client: nothing that is logged or listed holds a part of the URI', async (t) => {
  const world = createFakeWorld();
  const uri = await publishBytes(world, documentBytes(10), { name: 'private name' });
  await fetchBytes(world, world.client.fetch(uri, { trafficClass: 'fast' }));
  const [routing, secret] = uri.slice(4).split(',');
  const seen = JSON.stringify([world.logged, world.client.transfers()]);
  for (const part of [routing!, secret!, 'private name', Buffer.from(routing!).toString('hex')])
    t.false(seen.includes(part));
});

test('client: a bad URI, a bad content type and an input that breaks end with their codes', async (t) => {
  const world = createFakeWorld();
  const bad = world.client.fetch('CHK@nonsense', { trafficClass: 'fast' });
  await t.throwsAsync(bad.metadata, { code: 'bad_uri' });
  await t.throwsAsync(fetchBytes(world, bad), { code: 'bad_uri' });
  await t.throwsAsync(publishBytes(world, documentBytes(1), { contentType: 'text/plain\r\nX: y' }), { code: 'usage' });
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield documentBytes(10);
    throw new Error('the pipe broke');
  }
  const outcome = await world.settled(world.client.publish(broken(), PUBLISH).result);
  t.is(outcome.status, 'rejected');
  t.is((outcome as PromiseRejectedResult).reason.code, 'cancelled');
  t.is(world.opened.length, 0);
});

test('client: a path of one name after a single file is taken as its name, more is refused', async (t) => {
  const world = createFakeWorld();
  const uri = await publishBytes(world, documentBytes(3));
  const named = world.client.fetch(`${uri}/photo.jpg`, { trafficClass: 'fast' });
  await fetchBytes(world, named);
  t.is((await named.metadata).name, 'photo.jpg');
  await t.throwsAsync(world.client.fetch(`${uri}/a/b`, { trafficClass: 'fast' }).metadata, { code: 'bad_uri' });
});

test('client: chunks of any size give the same document', async (t) => {
  const bytes = documentBytes(2 * BLOCK_PAYLOAD_MAX + 5);
  const uris = new Set<string>();
  for (const chunkBytes of [999, BLOCK_PAYLOAD_MAX, 1 << 20]) {
    const world = createFakeWorld();
    const outcome = await world.settled(
      world.client.publish(chunked(bytes, chunkBytes), { ...PUBLISH, convergent: true }).result,
    );
    uris.add((outcome as PromiseFulfilledResult<string>).value);
  }
  t.is(uris.size, 1);
});
