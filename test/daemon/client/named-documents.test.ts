import test from 'ava';
import type { FetchedMetadata } from '../../../daemon/client/client-types.ts';
import { encodeTarget, ownSubspace, recordRef, sealRecord } from '../../../daemon/client/signed-record.ts';
import { type ChkUri, parseUri, printUri, type SskUri, type UskUri } from '../../../daemon/client/uri.ts';
import { LocalError } from '../../../daemon/errors.ts';
import { hexKey, KIND } from '../../../daemon/ids.ts';
import { testCrypto } from '../../support/test-crypto.ts';
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

const crypto = testCrypto('named documents');

function newKey(world: FakeWorld): { insert: SskUri; request: SskUri } {
  const { insertUri, requestUri } = world.client.generateKeys();
  return { insert: parseUri(insertUri) as SskUri, request: parseUri(requestUri) as SskUri };
}

const named = (key: SskUri, name: string): string => printUri({ ...key, name });

function site(key: SskUri, name: string, edition: number, path: readonly string[] = []): string {
  const { subspace, cryptoKey, keyType, codec } = key;
  return printUri({ type: 'USK', subspace, cryptoKey, keyType, codec, site: name, edition, path });
}

async function fetched(world: FakeWorld, uri: string): Promise<{ bytes: Uint8Array; metadata: FetchedMetadata }> {
  const transfer = world.client.fetch(uri, { trafficClass: 'fast' });
  const bytes = await fetchBytes(world, transfer);
  return { bytes, metadata: await transfer.metadata };
}

async function failure(promise: Promise<unknown>): Promise<LocalError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof LocalError) return error;
  }
  throw new Error('it did not fail with a LocalError');
}

/** A pointer made by hand, put at the given places. */
function plantPointer(
  world: FakeWorld,
  key: SskUri,
  name: string,
  version: number,
  document: string,
  places: readonly number[],
): void {
  const space = ownSubspace(crypto, key.subspace, key.cryptoKey);
  const content = encodeTarget(parseUri(document) as ChkUri);
  const { ref, bytes } = sealRecord(crypto, KIND.pointer, space, name, version, content);
  for (const place of places) world.blocks.set(`${hexKey(ref.key)}/${place}`, bytes);
}

const EIGHT = [0, 1, 2, 3, 4, 5, 6, 7];

test('SSK: a document is published under a name and fetched by its request form, which is what publish gives', async (t) => {
  const world = createFakeWorld();
  const { insert, request } = newKey(world);
  const bytes = documentBytes(100_000);
  const uri = await publishBytes(world, bytes, { as: named(insert, 'essay.txt'), contentType: 'text/plain' });
  t.is(uri, named(request, 'essay.txt'));
  const found = await fetched(world, uri);
  t.is(Buffer.compare(found.bytes, bytes), 0);
  t.is(found.metadata.contentType, 'text/plain');
  t.regex(found.metadata.uri!, /^CHK@/);
  t.is(found.metadata.edition, undefined);
  t.is(Buffer.compare((await fetched(world, found.metadata.uri!)).bytes, bytes), 0);
  const { key } = recordRef(
    crypto,
    KIND.ssk,
    { publicKeyHash: request.subspace, cryptoKey: request.cryptoKey },
    'essay.txt',
  );
  t.true(EIGHT.every((place) => world.blocks.has(`${hexKey(key)}/${place}`)));
});

test('SSK: the same document again collides with nothing, another one under the name is a collision that leaves the first', async (t) => {
  const world = createFakeWorld();
  const { insert, request } = newKey(world);
  const first = documentBytes(500, 1);
  const convergent = { as: named(insert, 'a'), convergent: true };
  const uri = await publishBytes(world, first, convergent);
  t.is(await publishBytes(world, first, convergent), uri);
  const error = await failure(publishBytes(world, documentBytes(500, 2), { as: named(insert, 'a') }));
  t.is(error.code, 'collision');
  t.is(Buffer.compare((await fetched(world, named(request, 'a'))).bytes, first), 0);
});

test('SSK: with seven of eight places gone it is found at the eighth; with all gone it is not found', async (t) => {
  const world = createFakeWorld();
  const { insert } = newKey(world);
  const bytes = documentBytes(10);
  const uri = await publishBytes(world, bytes, { as: named(insert, 'x') });
  const { subspace, cryptoKey } = parseUri(uri) as SskUri;
  const { key } = recordRef(crypto, KIND.ssk, { publicKeyHash: subspace, cryptoKey }, 'x');
  for (const place of EIGHT.slice(0, 7)) world.blocks.delete(`${hexKey(key)}/${place}`);
  t.true(isSame((await fetched(world, uri)).bytes, bytes));
  world.blocks.delete(`${hexKey(key)}/7`);
  const transfer = world.client.fetch(uri, { trafficClass: 'fast' });
  t.is((await failure(fetchBytes(world, transfer))).code, 'not_found');
});

test('KSK: a word publishes and fetches; letters composed in another way are the same word', async (t) => {
  const world = createFakeWorld();
  const bytes = documentBytes(20);
  const uri = await publishBytes(world, bytes, { as: 'KSK@Mu\u0308ll' });
  t.true(isSame((await fetched(world, uri)).bytes, bytes));
  t.true(isSame((await fetched(world, 'KSK@M\u00fcll')).bytes, bytes));
  t.is((await failure(publishBytes(world, documentBytes(21), { as: 'KSK@M\u00fcll' }))).code, 'collision');
});

test('USK: editions count up, the newest is one round of three requests, older ones stay readable', async (t) => {
  const world = createFakeWorld();
  const { insert, request } = newKey(world);
  const editions = [documentBytes(30, 1), documentBytes(30, 2), documentBytes(30, 3)];
  for (const [edition, bytes] of editions.entries()) {
    t.is(await publishBytes(world, bytes, { as: site(insert, 'blog', -1) }), site(request, 'blog', edition));
  }
  const reader = createFakeWorld({ seed: 2 });
  for (const [name, bytes] of world.blocks) reader.blocks.set(name, bytes);
  const newest = await fetched(reader, site(request, 'blog', -1));
  t.true(isSame(newest.bytes, editions[2]));
  t.like(newest.metadata, { edition: 2, isForked: undefined });
  t.is(reader.fetches.length, 3 + 1);
  const before = await fetched(reader, site(request, 'blog', 1));
  t.true(isSame(before.bytes, editions[1]));
  t.is(before.metadata.edition, 1);
});

test('USK: an edition that is named is taken if it is free, else the one after the newest', async (t) => {
  const world = createFakeWorld();
  const { insert, request } = newKey(world);
  t.is(await publishBytes(world, documentBytes(1, 1), { as: site(insert, 's', 7) }), site(request, 's', 7));
  t.is(await publishBytes(world, documentBytes(1, 2), { as: site(insert, 's', 3) }), site(request, 's', 8));
  t.is(await publishBytes(world, documentBytes(1, 3), { as: site(insert, 's', 8) }), site(request, 's', 9));
});

test('USK: two machines with one key at once get two editions, and neither is lost', async (t) => {
  const world = createFakeWorld({ latencyMs: 20 });
  const { insert, request } = newKey(world);
  const both = await Promise.all([
    world.settled(world.client.publish(chunked(documentBytes(40, 1)), { ...PUBLISH, as: site(insert, 's', 0) }).result),
    world.settled(world.client.publish(chunked(documentBytes(40, 2)), { ...PUBLISH, as: site(insert, 's', 0) }).result),
  ]);
  const uris = both.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value : String(outcome.reason)));
  t.deepEqual(new Set(uris).size, 2);
  const newest = await fetched(world, site(request, 's', -1));
  t.is(newest.metadata.edition, Math.max(...uris.map((uri) => (parseUri(uri) as UskUri).edition)));
});

test('USK: an exit that shows an old pointer is outvoted by two others; when all show it, a reader who knows better refuses', async (t) => {
  const world = createFakeWorld();
  const { insert, request } = newKey(world);
  const old = await publishBytes(world, documentBytes(9, 1));
  const recent = await publishBytes(world, documentBytes(9, 2));
  plantPointer(world, insert, 's', 5, recent, EIGHT);
  plantPointer(world, insert, 's', 4, old, [0, 3]);
  t.is((await fetched(world, site(request, 's', -1))).metadata.edition, 5);
  plantPointer(world, insert, 's', 4, old, EIGHT);
  const transfer = world.client.fetch(site(request, 's', -1), { trafficClass: 'fast' });
  t.is((await failure(fetchBytes(world, transfer))).code, 'outdated');
  plantPointer(world, insert, 's', 5, recent, [6]);
  t.is((await fetched(world, site(request, 's', -1))).metadata.edition, 5, 'all eight are asked before it is refused');
});

test('USK: two records of one version are a fork: the one seen first stays, and the reader is told', async (t) => {
  const world = createFakeWorld();
  const { insert, request } = newKey(world);
  const one = await publishBytes(world, documentBytes(9, 1));
  const other = await publishBytes(world, documentBytes(9, 2));
  plantPointer(world, insert, 's', 1, one, EIGHT);
  t.like((await fetched(world, site(request, 's', -1))).metadata, { uri: one, isForked: undefined });
  plantPointer(world, insert, 's', 1, other, EIGHT.slice(0, 7));
  const forked = await fetched(world, site(request, 's', -1));
  t.true(forked.metadata.isForked);
  t.is(forked.metadata.edition, 1);
});

test('newestEdition: says edition, keys and path, opens no transfer, and takes a USK only', async (t) => {
  const world = createFakeWorld();
  const { insert, request } = newKey(world);
  await publishBytes(world, documentBytes(11), { as: site(insert, 'blog', 4) });
  const before = world.client.transfers().length;
  const asked = world.client.newestEdition(site(request, 'blog', 0, ['a', 'b.html']), { trafficClass: 'fast' });
  const outcome = await world.settled(asked);
  t.is(outcome.status, 'fulfilled');
  const found = await asked;
  t.is(found.uri, site(request, 'blog', 4, ['a', 'b.html']));
  t.regex(found.documentUri, /^CHK@.*\/a\/b\.html$/);
  t.like(found, { edition: 4, isForked: false });
  t.is(world.client.transfers().length, before);
  const wrong = await failure(world.client.newestEdition(named(request, 'x'), { trafficClass: 'fast' }));
  t.is(wrong.code, 'bad_uri');
});

const refused = test.macro({
  async exec(t, as: (key: { insert: SskUri; request: SskUri }) => string) {
    const world = createFakeWorld();
    const error = await failure(publishBytes(world, documentBytes(5), { as: as(newKey(world)) }));
    t.is(error.code, 'bad_uri');
    t.is(world.inserts.length, 0, 'nothing left before the key was looked at');
  },
  title: (given = '') => `publish refuses ${given} before the first block leaves`,
});
test('the form for readers', refused, ({ request }) => named(request, 'a'));
test('a CHK', refused, () => `CHK@${'A'.repeat(43)},${'A'.repeat(43)},SAEAAAE`);
test('an SSK without a name', refused, ({ insert }) => printUri(insert));
test('a path below a name', refused, ({ insert }) => printUri({ ...insert, name: 'a', path: ['b'] }));

test('fetch refuses the private form of a key, and says so', async (t) => {
  const world = createFakeWorld();
  const { insert } = newKey(world);
  for (const uri of [named(insert, 'a'), site(insert, 's', 0)]) {
    const transfer = world.client.fetch(uri, { trafficClass: 'fast' });
    const error = await failure(fetchBytes(world, transfer));
    t.is(error.code, 'bad_uri');
    t.regex(error.detail!, /private form/);
  }
});

test('records leave over circuits of their own, and nothing is logged of names and keys', async (t) => {
  const world = createFakeWorld();
  const { insert } = newKey(world);
  const uri = await publishBytes(world, documentBytes(5), { as: named(insert, 'diary') });
  t.is(world.opened.length, 2);
  t.is(world.closed, 2);
  t.false(world.logged.some((line) => line.includes('diary') || line.includes(uri.slice(4, 20))));
});
