import test from 'ava';
import type { DirectoryFile } from '../../../daemon/client/client-types.ts';
import { parseUri, printUri, type SskUri } from '../../../daemon/client/uri.ts';
import { LocalError } from '../../../daemon/errors.ts';
import { testCrypto } from '../../support/test-crypto.ts';
import { chunked, createFakeWorld, documentBytes, type FakeWorld, fetchBytes, PUBLISH } from './fake-circuits.ts';

const crypto = testCrypto('site');

async function* folder(files: Record<string, Uint8Array>): AsyncGenerator<DirectoryFile> {
  for (const [path, bytes] of Object.entries(files)) {
    yield { path, sizeBytes: bytes.length, content: chunked(bytes), sha256: crypto.sha256(bytes) };
  }
}

interface Published {
  readonly uri: string;
  readonly files: { readonly inserted: number; readonly kept: number; readonly insertedBytes: number };
}

async function publish(world: FakeWorld, as: string, files: Record<string, Uint8Array>): Promise<Published> {
  const { result } = world.client.publishDirectory(folder(files), { ...PUBLISH, as });
  const outcome = await world.settled(result);
  if (outcome.status === 'rejected') throw outcome.reason;
  return { uri: outcome.value, files: world.client.transfers().at(-1)!.files! };
}

function newSite(world: FakeWorld): { as: string; reader: string } {
  const { insertUri, requestUri } = world.client.generateKeys();
  const usk = (text: string): string => {
    const { subspace, cryptoKey, keyType, codec } = parseUri(text) as SskUri;
    return printUri({ type: 'USK', subspace, cryptoKey, keyType, codec, site: 'site', edition: -1, path: [] });
  };
  return { as: usk(insertUri), reader: usk(requestUri) };
}

const read = (world: FakeWorld, uri: string): Promise<Uint8Array> =>
  fetchBytes(world, world.client.fetch(uri, { trafficClass: 'fast' }));

test('site: an update inserts what changed and keeps the rest, and readers get all of it', async (t) => {
  const world = createFakeWorld();
  const { as, reader } = newSite(world);
  const first = {
    'index.html': documentBytes(1_000, 1),
    'a/b.txt': documentBytes(90_000, 2),
    'photo.jpg': documentBytes(5_000_000, 3),
    empty: new Uint8Array(0),
  };
  t.deepEqual((await publish(world, as, first)).files, { inserted: 4, kept: 0, insertedBytes: 5_091_000 });

  const before = world.inserts.length;
  const second = { ...first, 'index.html': documentBytes(1_001, 4), 'new.txt': documentBytes(10, 5) };
  const updated = await publish(world, as, second);
  t.deepEqual(updated.files, { inserted: 3, kept: 2, insertedBytes: 1_011 });
  t.regex(updated.uri, /\/site\/1$/);
  t.true(world.inserts.length - before < 100, `${world.inserts.length - before} inserts for two small files`);
  for (const [path, bytes] of Object.entries(second)) {
    t.is(Buffer.compare(await read(world, `${reader}/${path}`), bytes), 0, path);
  }
  t.is(Buffer.compare(await read(world, `${reader.replace('/-1', '/0')}/index.html`), first['index.html']), 0);
});

test('site: a file that moved keeps its place; one that came back after an edition without it is inserted', async (t) => {
  const world = createFakeWorld();
  const { as, reader } = newSite(world);
  const bytes = documentBytes(50_000, 1);
  await publish(world, as, { 'old-name': bytes, other: documentBytes(10, 2) });
  t.like((await publish(world, as, { 'new/name': bytes, other: documentBytes(10, 2) })).files, {
    inserted: 0,
    kept: 2,
  });
  t.is(Buffer.compare(await read(world, `${reader}/new/name`), bytes), 0);
  t.like((await publish(world, as, { other: documentBytes(10, 2) })).files, { kept: 1 });
  t.like((await publish(world, as, { 'new/name': bytes })).files, { inserted: 1, kept: 0 });
});

test('site: two sites under one key do not share, and an SSK remembers nothing', async (t) => {
  const world = createFakeWorld();
  const { as } = newSite(world);
  const files = { a: documentBytes(100, 1) };
  await publish(world, as, files);
  t.like((await publish(world, as.replace('/site/', '/other/'), files)).files, { inserted: 1 });
  const ssk = as.replace('USK@', 'SSK@').replace('/site/-1', '/one');
  t.true((await publish(world, ssk, files)).files === undefined);
});

test('site: a file that is not what its hash said is not published', async (t) => {
  const world = createFakeWorld();
  const { as } = newSite(world);
  async function* changed(): AsyncGenerator<DirectoryFile> {
    yield {
      path: 'a',
      sizeBytes: 3,
      content: chunked(documentBytes(3, 1)),
      sha256: crypto.sha256(documentBytes(3, 2)),
    };
  }
  const outcome = await world.settled(world.client.publishDirectory(changed(), { ...PUBLISH, as }).result);
  t.true(outcome.status === 'rejected' && outcome.reason instanceof LocalError);
  t.is((await world.settled(world.client.newestEdition(as, { trafficClass: 'fast' }))).status, 'rejected');
});
