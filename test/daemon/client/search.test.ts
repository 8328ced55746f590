import test from 'ava';
import fc from 'fast-check';
import {
  decodeContent,
  encodeContent,
  keywordBucket,
  keywordSecret,
  normaliseWords,
  openKeyword,
  sealKeyword,
} from '../../../daemon/client/keyword.ts';
import type { SearchHit } from '../../../daemon/client/search.ts';
import { LocalError } from '../../../daemon/errors.ts';
import { KIND } from '../../../daemon/ids.ts';
import { joinRecords, keywordWorkBits, mergeKeywords, splitBundle } from '../../../daemon/keys/node-keyword.ts';
import { verifyBlock } from '../../../daemon/keys/verify.ts';
import {
  KEYWORD_BUNDLE_MAX,
  KEYWORD_DAYS,
  KEYWORD_RECORDS_MAX,
  KEYWORD_WORK_BITS_MIN,
  KEYWORDS_MAX,
} from '../../../daemon/limits.ts';
import { testCrypto } from '../../support/test-crypto.ts';
import { createFakeWorld, documentBytes, type FakeWorld, publishBytes } from './fake-circuits.ts';

const crypto = testCrypto('keywords');
const CHK = `CHK@${'A'.repeat(43)},${'A'.repeat(43)},SAEAAAE`;
const BUCKET = keywordBucket(crypto, keywordSecret(crypto, 'bees'), 3);
const DAY = 20_000;
const CONTENT = { uri: CHK, sizeBytes: 5, contentType: undefined, title: undefined };

function sealed(day = DAY, sizeBytes = 5, bits = KEYWORD_WORK_BITS_MIN): Promise<Uint8Array> {
  return sealKeyword(crypto, BUCKET, { ...CONTENT, sizeBytes }, day, bits, async () => {});
}

/** Work is what costs here: one record serves all that need any. */
const plain = sealed(DAY, 77);

async function hitsOf(world: FakeWorld, ...words: string[]): Promise<readonly SearchHit[]> {
  const outcome = await world.settled(world.client.search(words, { trafficClass: 'fast' }));
  if (outcome.status === 'rejected') throw outcome.reason;
  return outcome.value.hits;
}

test('search: what was announced is found by its words, more words first, with type, size and title', async (t) => {
  const world = createFakeWorld();
  const one = await publishBytes(world, documentBytes(70_000, 1), {
    keywords: ['Garden', ' bees '],
    name: 'On bees.txt',
    contentType: 'text/plain',
  });
  const other = await publishBytes(world, documentBytes(30, 2), { keywords: ['garden'] });
  const hits = await hitsOf(world, 'bees', 'GARDEN');
  t.deepEqual(
    hits.map(({ uri, words, sizeBytes }) => ({ uri, words, sizeBytes })),
    [
      { uri: one, words: 2, sizeBytes: 70_000 },
      { uri: other, words: 1, sizeBytes: 30 },
    ],
  );
  t.like(hits[0], { title: 'On bees.txt', contentType: 'text/plain', ageDays: 0 });
  t.true(hits.every(({ workBits }) => workBits >= 16));
  t.deepEqual(await hitsOf(world, 'nothing'), []);
});

test('search: words are few, short and not empty', async (t) => {
  t.deepEqual(normaliseWords(['Bees', 'bees ', '', 'ﬁg']), ['bees', 'fig']);
  t.throws(() => normaliseWords(Array.from({ length: KEYWORDS_MAX + 1 }, (_, i) => `w${i}`)), {
    instanceOf: LocalError,
  });
  t.throws(() => normaliseWords(['x'.repeat(65)]), { instanceOf: LocalError });
  const world = createFakeWorld();
  t.is((await world.settled(world.client.search([' '], { trafficClass: 'fast' }))).status, 'rejected');
});

test('search: when no circuit answers it says so, instead of nothing found', async (t) => {
  const world = createFakeWorld();
  world.onFetch = () => ({ type: 'routeNotFound' });
  const outcome = await world.settled(world.client.search(['bees'], { trafficClass: 'fast' }));
  t.true(outcome.status === 'rejected' && (outcome.reason as LocalError).code === 'no_route');
});

test('keyword record: opens for who knows the word, and is a valid bundle of one', async (t) => {
  const record = await plain;
  t.is(record.length, 1_186);
  t.true(verifyBlock(crypto, BUCKET.ref, record));
  t.like(openKeyword(crypto, BUCKET, record), { uri: CHK, sizeBytes: 77, day: DAY });
  const other = keywordBucket(crypto, keywordSecret(crypto, 'wasps'), 3);
  t.is(openKeyword(crypto, other, record), undefined);
  t.false(verifyBlock(crypto, other.ref, record));
  t.false(verifyBlock(crypto, { kind: KIND.ssk, key: BUCKET.ref.key }, record));
});

test('keyword bundle: any changed bit, too little work, wrong order, a name twice and too many are refused', async (t) => {
  const records = [await sealed(DAY, 1), await plain];
  const inOrder = [...records];
  inOrder.sort((a, b) => Buffer.compare(a.subarray(36, 68), b.subarray(36, 68)));
  const bundle = joinRecords(inOrder);
  t.true(verifyBlock(crypto, BUCKET.ref, bundle));
  t.false(verifyBlock(crypto, BUCKET.ref, joinRecords([...inOrder].reverse())));
  t.false(verifyBlock(crypto, BUCKET.ref, joinRecords([inOrder[0]!, inOrder[0]!])));
  t.false(verifyBlock(crypto, BUCKET.ref, bundle.subarray(0, bundle.length - 1)));
  t.false(verifyBlock(crypto, BUCKET.ref, new Uint8Array(0)));
  t.false(verifyBlock(crypto, BUCKET.ref, joinRecords(Array(KEYWORD_BUNDLE_MAX + 1).fill(inOrder[0]!))));
  const lazy = await sealKeyword(crypto, BUCKET, { ...CONTENT, sizeBytes: 9 }, DAY, 0, async () => {});
  t.is(verifyBlock(crypto, BUCKET.ref, lazy), keywordWorkBits(crypto, lazy) >= KEYWORD_WORK_BITS_MIN);
  fc.assert(
    fc.property(fc.nat(bundle.length * 8 - 1), (bit) => {
      const changed = bundle.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      return !verifyBlock(crypto, BUCKET.ref, changed);
    }),
    { numRuns: 60 },
  );
});

test('a bucket keeps the most work, then the newest; old ones and those of days to come go; a known name stays as it was', async (t) => {
  const template = await plain;
  let count = 0;
  const fake = (day: number): Uint8Array => {
    const record = template.slice(); // the signature does not matter here: it was checked before
    new DataView(record.buffer).setUint32(36, day);
    new DataView(record.buffer).setUint32(60, count++);
    return record;
  };
  const many = Array.from({ length: KEYWORD_RECORDS_MAX + 10 }, () => fake(DAY));
  const { records } = mergeKeywords(crypto, [], many, DAY);
  t.is(records.length, KEYWORD_RECORDS_MAX);
  const bits = (record: Uint8Array): number => keywordWorkBits(crypto, record);
  const kept = new Set(records);
  const worstKept = Math.min(...records.map(bits));
  t.true(many.filter((record) => !kept.has(record)).every((record) => bits(record) <= worstKept));
  t.false(mergeKeywords(crypto, records, [records[5]!], DAY).changed);
  t.is(mergeKeywords(crypto, [], [fake(DAY - KEYWORD_DAYS), fake(DAY + 2)], DAY).records.length, 0);
  t.is(mergeKeywords(crypto, [], [fake(DAY - KEYWORD_DAYS + 1), fake(DAY + 1)], DAY).records.length, 2);
  t.is(mergeKeywords(crypto, records, [], DAY + KEYWORD_DAYS).records.length, 0);
  const sameName = records[0]!.slice();
  sameName[200]! ^= 1;
  t.is(
    mergeKeywords(crypto, records, [sameName], DAY).records.some((record) => record === sameName),
    false,
  );
});

test('search: junk in a bucket, forged bundles and content that is no key are passed over', async (t) => {
  const world = createFakeWorld();
  const uri = await publishBytes(world, documentBytes(3), { keywords: ['bees'] });
  const [name, bundle] = [...world.blocks].find(([, bytes]) => bytes.length === 1_186)!;
  const key = name.split('/')[0]!;
  for (let replica = 0; replica < 2; replica++) {
    const forged = bundle.slice();
    forged[500]! ^= 1;
    world.blocks.set(`${key}/${replica}`, forged);
  }
  t.deepEqual(
    (await hitsOf(world, 'bees')).map((hit) => hit.uri),
    [uri],
  );
  t.is(splitBundle(bundle).length, 1);
});

test('keyword content: what is encoded decodes; any other bytes give undefined and never throw', (t) => {
  const full = { uri: CHK, sizeBytes: 2 ** 40, contentType: 'text/plain', title: 'Über Bienen' };
  t.deepEqual(decodeContent(encodeContent(full)), full);
  t.deepEqual(decodeContent(encodeContent(CONTENT)), CONTENT);
  for (const uri of ['KSK@word', 'nothing', CHK.replace('SAEAAAE', 'SAEDAAE')]) {
    t.is(decodeContent(encodeContent({ ...full, uri })), undefined, uri);
  }
  t.is(decodeContent(encodeContent({ ...full, title: 'a\u001b[2J' })), undefined);
  t.throws(() => encodeContent({ ...full, title: 'x'.repeat(1_000) }), { instanceOf: LocalError });
  const good = encodeContent(full);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(good.length - 1), fc.nat(255), (bytes, at, value) => {
      decodeContent(bytes);
      const changed = good.slice();
      changed[at] = value;
      decodeContent(changed);
      decodeContent(good.subarray(0, at));
      return true;
    }),
  );
});
