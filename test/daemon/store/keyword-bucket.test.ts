import test from 'ava';
import { keywordBucket, sealKeyword } from '../../../daemon/client/keyword.ts';
import { joinRecords, splitBundle } from '../../../daemon/keys/node-keyword.ts';
import { verifyBlock } from '../../../daemon/keys/verify.ts';
import {
  KEYWORD_BUNDLE_MAX,
  KEYWORD_RECORDS_MAX,
  KEYWORD_WORK_BITS_MIN,
  SSK_RECORD_BYTES,
} from '../../../daemon/limits.ts';
import { createMemoryDisk } from '../../support/memory-disk.ts';
import { crypto, openTestStore } from './store-bench.ts';

const CONTENT = { uri: `CHK@${'A'.repeat(43)},${'A'.repeat(43)},SAEAAAE`, contentType: undefined, title: undefined };
const BUCKET = keywordBucket(crypto, new Uint8Array(64).fill(5), 0);

const announced = (sizeBytes: number, day = 0, bits = 0): Promise<Uint8Array> =>
  sealKeyword(crypto, BUCKET, { ...CONTENT, sizeBytes }, day, bits, async () => {});

test('a bucket takes records one by one and in bundles, answers with what fits a block, and survives a restart', async (t) => {
  const disk = createMemoryDisk();
  const store = await openTestStore(disk, { slots: 200 });
  const { ref } = BUCKET;
  const first = await announced(1, 0, KEYWORD_WORK_BITS_MIN);
  t.is((await store.put(ref, 2, first, 'path')).type, 'declined', 'a bucket that only passes by is not kept');
  t.is((await store.put(ref, 2, first, 'owner')).type, 'stored');
  t.is((await store.put(ref, 2, first, 'owner')).type, 'present');
  t.true(verifyBlock(crypto, ref, (await store.get(ref))!));
  t.is(store.stats().records, 1);
  const more = await Promise.all(Array.from({ length: 80 }, (_, i) => announced(i + 2)));
  for (let at = 0; at < more.length; at += 20) {
    t.is(
      (await store.put(ref, 2, joinRecords(more.slice(at, at + 20)), at % 40 === 0 ? 'owner' : 'path')).type,
      'stored',
    );
  }
  t.is(store.stats().records, KEYWORD_RECORDS_MAX, 'each record counts against the size of the store');
  const answer = (await store.get(ref))!;
  t.is(answer.length, KEYWORD_BUNDLE_MAX * SSK_RECORD_BYTES);
  t.true(
    splitBundle(answer).some((record) => Buffer.compare(record, first) === 0),
    'most work is always among them',
  );
  t.is((await store.put(ref, 2, await announced(500, -5 >>> 0), 'owner')).type, 'declined', 'of a day to come');
  const again = await openTestStore(disk, { slots: 200 });
  t.is(again.stats().records, KEYWORD_RECORDS_MAX);
  t.is(Buffer.compare((await again.get(ref))!, answer), 0);
  await again.delete(ref);
  t.is(again.stats().records, 0);
});

test('a bucket that would be more than all records may be is left as it was', async (t) => {
  const store = await openTestStore(createMemoryDisk(), { slots: 1 });
  const { ref } = BUCKET;
  const twenty = await Promise.all(Array.from({ length: 20 }, (_, i) => announced(i)));
  t.is((await store.put(ref, 0, twenty[0]!, 'owner')).type, 'stored');
  t.is((await store.put(ref, 0, joinRecords(twenty), 'owner')).type, 'declined');
  t.is(store.stats().records, 1);
  t.is(Buffer.compare((await store.get(ref))!, twenty[0]!), 0);
});

test('buckets do not outgrow the share of records: the farthest goes for a nearer one', async (t) => {
  const store = await openTestStore(createMemoryDisk(), { slots: 1 }); // 16 records at least
  for (let b = 1; b <= 8; b++) {
    const bucket = keywordBucket(crypto, new Uint8Array(64).fill(b), b);
    for (let i = 0; i < 6; i++) {
      const record = await sealKeyword(crypto, bucket, { ...CONTENT, sizeBytes: i }, 0, 0, async () => {});
      await store.put(bucket.ref, 0, record, 'owner');
      t.true(store.stats().records <= 16, `${store.stats().records} after ${b}.${i}`);
    }
  }
  t.true(store.stats().records > 0);
});
