/**
 * Directories and ranges through the client: what comes back, and what was asked for to get it.
 * @module
 */
import test from 'ava';
import type { DirectoryFile, DirectoryOptions, FetchOptions } from '../../../daemon/client/client-types.ts';
import { parseUri, printUri } from '../../../daemon/client/uri.ts';
import { BLOCK_PAYLOAD_MAX } from '../../../daemon/limits.ts';
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

const FAST = { trafficClass: 'fast' } as const;
const SEGMENT = 128 * BLOCK_PAYLOAD_MAX;

async function* filesOf(tree: ReadonlyMap<string, Uint8Array>): AsyncGenerator<DirectoryFile> {
  for (const [path, bytes] of tree) yield { path, sizeBytes: bytes.length, content: chunked(bytes) };
}

async function publishTree(
  world: FakeWorld,
  tree: ReadonlyMap<string, Uint8Array>,
  options: Partial<DirectoryOptions> = {},
): Promise<string> {
  const outcome = await world.settled(world.client.publishDirectory(filesOf(tree), { ...PUBLISH, ...options }).result);
  if (outcome.status === 'rejected') throw outcome.reason;
  return outcome.value;
}

async function fetchTree(
  world: FakeWorld,
  uri: string,
  options: Partial<FetchOptions> = {},
): Promise<Map<string, Uint8Array>> {
  const transfer = world.client.fetch(uri, { ...FAST, ...options });
  const bytes = await fetchBytes(world, transfer);
  const { directory } = await transfer.metadata;
  let at = 0;
  const tree = new Map<string, Uint8Array>();
  for (const { path, sizeBytes } of directory!.files) {
    tree.set(path, bytes.slice(at, at + sizeBytes));
    at += sizeBytes;
  }
  if (at !== bytes.length) throw new Error('the content is longer than its files');
  return tree;
}

const sorted = (tree: ReadonlyMap<string, Uint8Array>): [string, Uint8Array][] =>
  [...tree].sort(([a], [b]) => (a < b ? -1 : 1));

for (const options of [{}, { compress: true }, { convergent: true }]) {
  test(`directory: 2,000 files come back with their names, in few blocks; ${JSON.stringify(options)}`, async (t) => {
    const world = createFakeWorld();
    const tree = new Map(
      Array.from(
        { length: 2_000 },
        (_, i) => [`dir ${i % 7}/sub/Datei ä ${i}.txt`, documentBytes((i * 37) % 900, i)] as const,
      ),
    );
    const uri = await publishTree(world, tree, options);
    t.true(new Set(world.inserts.map(({ key }) => key)).size < 90);
    const got = await fetchTree(world, uri);
    t.deepEqual([...got.keys()].sort(), [...tree.keys()].sort());
    for (const [path, content] of tree) t.true(isSame(content, got.get(path)), path);
    const bytes = [...tree.values()].reduce((sum, { length }) => sum + length, 0);
    for (const progress of world.client.transfers()) t.like(progress, { stage: 'done', bytes, totalBytes: bytes });
    t.is(world.opened.length, 2); // one set of circuits each way
    t.is(world.closed, 2);
    t.is(world.clock.timersPending, 0);
  });
}

test('directory: large files are documents of their own; packed ones share up to four segments', async (t) => {
  const world = createFakeWorld({ windowBlocks: 64 });
  const tree = new Map([
    ['one', documentBytes(SEGMENT, 1)],
    ['large', documentBytes(SEGMENT + 1, 2)],
    ['empty', new Uint8Array(0)],
    ['two', documentBytes(10, 3)],
  ]);
  const uri = await publishTree(world, tree, { contentType: 'text/x-site', name: 'site', defaultPath: 'two' });
  const transfer = world.client.fetch(uri, { ...FAST, listOnly: true });
  t.is((await fetchBytes(world, transfer)).length, 0);
  const { directory, ...rest } = await transfer.metadata;
  t.like(rest, { sizeBytes: 2 * SEGMENT + 11, contentBytes: 0, contentType: 'text/x-site', name: 'site' });
  t.deepEqual(directory!.files.map(({ path }) => path).sort(), ['empty', 'large', 'one', 'two']);
  t.is(directory!.defaultPath, 'two');
  const got = await fetchTree(world, uri);
  for (const [path, bytes] of tree) t.is(Buffer.compare(got.get(path)!, bytes), 0, path);
});

test('directory: one file of it costs the blocks it stands in, and has its name', async (t) => {
  const world = createFakeWorld();
  const tree = new Map(Array.from({ length: 40 }, (_, i) => [`d/${i}`, documentBytes(BLOCK_PAYLOAD_MAX, i)] as const));
  const uri = await publishTree(world, tree);
  world.fetches.length = 0;
  const transfer = world.client.fetch(`${uri}/d/7`, FAST);
  t.true(isSame(await fetchBytes(world, transfer), tree.get('d/7')));
  t.like(await transfer.metadata, { sizeBytes: BLOCK_PAYLOAD_MAX, name: '7', directory: undefined });
  t.is(world.fetches.length, 4); // listing: top and block; document: top and block
  const part = world.client.fetch(`${uri}/d/7`, { ...FAST, range: { from: 5, to: 9 } });
  t.true(isSame(await fetchBytes(world, part), tree.get('d/7')!.slice(5, 9)));
});

test('directory: a folder in it is that folder, with paths from there', async (t) => {
  const world = createFakeWorld();
  const tree = new Map(['a/x', 'a/b/y', 'ab', 'z'].map((path, i) => [path, documentBytes(10 + i, i)]));
  const uri = await publishTree(world, tree, { defaultPath: 'a/x' });
  const got = await fetchTree(world, `${uri}/a`);
  t.deepEqual(sorted(got), [
    ['b/y', tree.get('a/b/y')!],
    ['x', tree.get('a/x')!],
  ]); // prettier-ignore
  const transfer = world.client.fetch(`${uri}/a/`, FAST);
  await fetchBytes(world, transfer);
  t.like(await transfer.metadata, { name: 'a', directory: { defaultPath: 'x' } });
});

test('directory: what is not in it, a range of it, more than allowed and a path in a file have their codes', async (t) => {
  const world = createFakeWorld();
  const uri = await publishTree(world, new Map([['a', documentBytes(50_000)]]));
  const fails = (key: string, options: Partial<FetchOptions>, code: string) =>
    t.throwsAsync(fetchBytes(world, world.client.fetch(key, { ...FAST, ...options })), { code });
  await fails(`${uri}/b`, {}, 'not_found');
  await fails(`${uri}/a/b`, {}, 'not_found');
  await fails(uri, { range: { from: 0, to: 1 } }, 'usage');
  await fails(uri, { maxBytes: 49_999 }, 'too_large');
  await fails(`${await publishBytes(world, documentBytes(50_000))}/a/b`, {}, 'bad_uri');
  t.is(world.inFlight, 0);
});

for (const [what, paths, options] of [
  ['no file', [], {}],
  ['a path twice', ['a', 'a'], {}],
  ['a path outside', ['../a'], {}],
  ['a file that is a folder', ['a', 'a/b'], {}],
  ['a default document that is not there', ['a'], { defaultPath: 'b' }],
] as const) {
  test(`directory: ${what} is refused as usage, and the source is closed`, async (t) => {
    const world = createFakeWorld();
    let closed = false;
    async function* files(): AsyncGenerator<DirectoryFile> {
      try {
        for (const path of paths) yield { path, sizeBytes: 3, content: chunked(documentBytes(3)) };
      } finally {
        closed = true;
      }
    }
    const outcome = await world.settled(world.client.publishDirectory(files(), { ...PUBLISH, ...options }).result);
    t.is((outcome as PromiseRejectedResult).reason.code, 'usage');
    t.true(closed);
    t.is(world.closed, world.opened.length);
  });
}

test('directory: a file that grows or shrinks while it is read fails the publish', async (t) => {
  for (const sizeBytes of [2, 4]) {
    const world = createFakeWorld();
    const files = async function* (): AsyncGenerator<DirectoryFile> {
      yield { path: 'a', sizeBytes, content: chunked(documentBytes(3)) };
    };
    const outcome = await world.settled(world.client.publishDirectory(files(), PUBLISH).result);
    t.is((outcome as PromiseRejectedResult).reason.code, 'cancelled');
  }
});

test('directory: a listing that is no listing is bad_manifest', async (t) => {
  const world = createFakeWorld();
  const uri = parseUri(await publishTree(world, new Map([['a', documentBytes(3)]])));
  t.is(uri.type, 'CHK');
  // The same document said to be compressed is another one: its blocks do not open.
  await t.throwsAsync(fetchBytes(world, world.client.fetch(printUri({ ...uri, codec: 1 } as typeof uri), FAST)), {
    code: 'verify_failed',
  });
});

/** Of 2 segments and a block, the last two have 65 and 64 blocks. */
const LAST_AT = SEGMENT + 65 * BLOCK_PAYLOAD_MAX;

test('range: a part of the middle asks for its blocks, and for no others', async (t) => {
  const world = createFakeWorld({ windowBlocks: 64 });
  const bytes = documentBytes(2 * SEGMENT + 5);
  const uri = await publishBytes(world, bytes);
  for (const [from, to, blocks] of [
    [SEGMENT - 100, SEGMENT + 100, 2],
    [SEGMENT + 1_000_000, SEGMENT + 1_000_000 + 1_048_576, 33],
    [2 * SEGMENT, 2 * SEGMENT + 5, 1],
    [LAST_AT - 100, LAST_AT + 100, 2],
    [LAST_AT, LAST_AT + 1, 1],
    [BLOCK_PAYLOAD_MAX, 2 * BLOCK_PAYLOAD_MAX, 1],
  ] as const) {
    world.fetches.length = 0;
    const transfer = world.client.fetch(uri, { ...FAST, range: { from, to } });
    t.is(Buffer.compare(await fetchBytes(world, transfer), bytes.subarray(from, to)), 0);
    t.like(await transfer.metadata, { sizeBytes: bytes.length, contentBytes: to - from });
    t.is(world.fetches.length, blocks + 1); // and the top
    t.like(world.client.transfers().at(-1), { blocksNeeded: blocks + 1, blocksHave: blocks + 1, bytes: to - from });
  }
  const past = world.client.fetch(uri, { ...FAST, range: { from: bytes.length - 3, to: bytes.length + 10 } });
  t.true(isSame(await fetchBytes(world, past), bytes.slice(-3)));
  const outside = world.client.fetch(uri, { ...FAST, range: { from: bytes.length, to: bytes.length + 10 } });
  t.is((await fetchBytes(world, outside)).length, 0);
});

test('range: a lost block in it is computed from the others', async (t) => {
  const world = createFakeWorld();
  const bytes = documentBytes(20 * BLOCK_PAYLOAD_MAX);
  const uri = await publishBytes(world, bytes);
  const range = { from: 3 * BLOCK_PAYLOAD_MAX, to: 5 * BLOCK_PAYLOAD_MAX };
  world.fetches.length = 0;
  await fetchBytes(world, world.client.fetch(uri, { ...FAST, range }));
  const asked = new Set(world.fetches.map(({ key }) => key));
  const [, lost] = asked; // the first one is the top
  world.blocks.delete(`${lost}/0`);
  t.true(
    isSame(await fetchBytes(world, world.client.fetch(uri, { ...FAST, range })), bytes.slice(range.from, range.to)),
  );
});

test('range: of a compressed document and of one block', async (t) => {
  const world = createFakeWorld();
  const bytes = new Uint8Array(3_000_000).fill(5);
  bytes.set([1, 2, 3], 1_048_575);
  const uri = await publishBytes(world, bytes, { compress: true });
  const part = world.client.fetch(uri, { ...FAST, range: { from: 1_048_574, to: 1_048_579 } });
  t.deepEqual(await fetchBytes(world, part), Uint8Array.of(5, 1, 2, 3, 5));
  const single = await publishBytes(world, documentBytes(100));
  t.deepEqual(
    await fetchBytes(world, world.client.fetch(single, { ...FAST, range: { from: 9, to: 12 } })),
    documentBytes(100).slice(9, 12),
  );
});
