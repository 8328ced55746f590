/**
 * The datastore over the memory disk: what it keeps, gives up, survives and refuses.
 * @module
 */
import test from 'ava';
import { LocalError } from '../../../daemon/errors.ts';
import { hexKey, KIND, ringLocation } from '../../../daemon/ids.ts';
import { distance, locationOf } from '../../../daemon/keys/location.ts';
import { RECORDS_CACHED_MAX } from '../../../daemon/limits.ts';
import { createMemoryDisk } from '../../support/memory-disk.ts';
import {
  type Block,
  block,
  blocks,
  crypto,
  isSame,
  openTestStore,
  ownedRefs,
  pointerRecord,
  sizeFor,
  sskRecord,
  whenDone,
} from './store-bench.ts';

/** The block that lies nearest to a place, which a full store takes from anybody. */
function nearest(given: Block[], place: number): Block {
  const far = ({ ref }: Block): number => distance(locationOf(crypto, ref, 0), ringLocation(place));
  return given.reduce((best, other) => (far(other) < far(best) ? other : best));
}

test('put, get, has, reasonOf: what goes in comes out, and says why it is there', async (t) => {
  const store = await openTestStore(createMemoryDisk());
  const [owned, passed, handed, absent] = blocks(0, 4);
  t.deepEqual(await store.put(owned!.ref, 0, owned!.bytes, 'owner'), { type: 'stored' });
  t.deepEqual(await store.put(passed!.ref, 0, passed!.bytes, 'path'), { type: 'stored' });
  t.deepEqual(await store.put(handed!.ref, 3, handed!.bytes, 'handoff'), { type: 'stored' });
  for (const kept of [owned!, passed!, handed!]) {
    t.true(isSame(await store.get(kept.ref), kept.bytes));
    t.true(store.has(kept.ref));
  }
  t.is(await store.get(absent!.ref), undefined);
  t.false(store.has(absent!.ref));
  t.deepEqual(
    [owned!, passed!, handed!, absent!].map(({ ref }) => store.reasonOf(ref)),
    ['owner', 'path', 'handoff', undefined],
  );
  t.deepEqual(await store.put(owned!.ref, 0, owned!.bytes, 'owner'), { type: 'present' });
  t.like(store.stats(), { lookups: 4, misses: 1, damaged: 0, copies: { owner: 1, path: 1, handoff: 1 } });
  t.like(store.stats().store, { blocks: 2, hits: 2 });
  t.like(store.stats().cache, { blocks: 1, hits: 1 });
});

test('get without touch changes no counter', async (t) => {
  const store = await openTestStore(createMemoryDisk());
  const { ref, bytes } = block(1);
  await store.put(ref, 0, bytes, 'path');
  const before = store.stats();
  t.true(isSame(await store.get(ref, { touch: false }), bytes));
  t.is(await store.get(block(2).ref, { touch: false }), undefined);
  t.deepEqual(store.stats(), before);
});

test('reopen: blocks, records, reasons and owned references are as before', async (t) => {
  const disk = createMemoryDisk();
  const first = await openTestStore(disk);
  const kept = blocks(0, 12);
  for (const [index, { ref, bytes }] of kept.entries())
    await first.put(ref, index % 8, bytes, index % 2 === 0 ? 'owner' : 'path');
  const ssk = sskRecord(1, 1);
  await first.put(ssk.ref, 5, ssk.bytes, 'handoff');
  const owned = (await ownedRefs(first)).map(({ ref, replica }) => `${hexKey(ref.key)}/${replica}`).sort();
  t.is(owned.length, 7);
  await first.close();

  const second = await openTestStore(disk);
  for (const { ref, bytes } of kept) t.true(isSame(await second.get(ref), bytes));
  t.true(isSame(await second.get(ssk.ref), ssk.bytes));
  t.is(second.reasonOf(ssk.ref), 'handoff');
  t.deepEqual(
    kept.map(({ ref }) => second.reasonOf(ref)),
    kept.map((_, index) => (index % 2 === 0 ? 'owner' : 'path')),
  );
  t.deepEqual((await ownedRefs(second)).map(({ ref, replica }) => `${hexKey(ref.key)}/${replica}`).sort(), owned);
  t.is(second.stats().store.blocks + second.stats().cache.blocks, 12);
});

test('a power cut: every acknowledged block is there afterwards', async (t) => {
  const disk = createMemoryDisk();
  const store = await openTestStore(disk, { slots: 40 });
  await Promise.all(blocks(100, 5).map(({ ref, bytes }) => store.put(ref, 0, bytes, 'path')));
  const results = await Promise.all(
    blocks(0, 15).map(async (given) => [given, (await store.put(given.ref, 0, given.bytes, 'owner')).type] as const),
  );
  // These are cut while they are written.
  const lost = blocks(50, 5).map(({ ref, bytes }) => store.put(ref, 0, bytes, 'owner'));
  disk.crash();
  t.deepEqual(new Set((await Promise.all(lost)).map(({ type }) => type)), new Set(['failed']));

  const reopened = await openTestStore(disk, { slots: 40 });
  for (const [{ ref, bytes }, type] of results) {
    t.is(type, 'stored');
    t.true(isSame(await reopened.get(ref), bytes));
  }
  for (const { ref } of blocks(50, 5)) t.false(reopened.has(ref));
});

test('a cached block that becomes ours is acknowledged only when a flush has covered it', async (t) => {
  const disk = createMemoryDisk();
  const store = await openTestStore(disk);
  const { ref, bytes } = block(1);
  await store.put(ref, 0, bytes, 'path');
  t.deepEqual(await store.put(ref, 2, bytes, 'owner'), { type: 'stored' });
  t.is(store.reasonOf(ref), 'owner');
  t.like(store.stats(), { store: { blocks: 1 }, cache: { blocks: 0 } });
  disk.crash();
  const reopened = await openTestStore(disk);
  t.true(isSame(await reopened.get(ref), bytes));
  t.like(reopened.stats(), { store: { blocks: 1 }, cache: { blocks: 0 } });
});

test('a failed flush acknowledges nobody, and nothing of it is called present afterwards', async (t) => {
  const disk = createMemoryDisk();
  const store = await openTestStore(disk);
  const given = blocks(0, 3);
  const warm = block(9);
  await store.put(warm.ref, 0, warm.bytes, 'owner');
  const [first] = given;
  await store.put(first!.ref, 0, first!.bytes, 'path');
  const puts = given.slice(1).map(({ ref, bytes }) => store.put(ref, 0, bytes, 'owner'));
  await Promise.resolve();
  // Data and entry of both are written by now or next; whichever write or flush comes meets the fault.
  disk.failNext('disk_failed', 4);
  for (const result of await Promise.all(puts)) t.deepEqual(result, { type: 'failed', code: 'disk_failed' });
  disk.failNext('disk_failed', 0);
  for (const { ref } of given.slice(1)) t.false(store.has(ref));
  for (const { ref, bytes } of given.slice(1)) t.deepEqual(await store.put(ref, 0, bytes, 'owner'), { type: 'stored' });
  t.true(isSame(await store.get(warm.ref), warm.bytes));
});

for (const code of ['disk_full', 'disk_read_only', 'disk_failed'] as const) {
  test(`${code}: writes are refused and counted, reads go on, and the next put succeeds without a restart`, async (t) => {
    const disk = createMemoryDisk();
    const logged: string[] = [];
    const store = await openTestStore(disk, { slots: 8, logged });
    const kept = blocks(0, 4);
    for (const { ref, bytes } of kept) t.is((await store.put(ref, 0, bytes, 'owner')).type, 'stored');
    for (const { ref, bytes } of blocks(10, 4)) await store.put(ref, 0, bytes, 'path');

    const fresh = nearest(blocks(20, 40), 0.25);
    disk.failNext(code, 1_000);
    for (const reason of ['owner', 'path', 'handoff'] as const) {
      t.deepEqual(await store.put(fresh.ref, 0, fresh.bytes, reason), { type: 'failed', code });
    }
    t.deepEqual(await store.put(sskRecord(1, 1).ref, 0, sskRecord(1, 1).bytes, 'owner'), { type: 'failed', code });
    t.is(store.stats().writeFailures, 4);
    // A full store had to make room for those puts: nothing may have been given up for a write that never happened.
    for (const { ref, bytes } of [...kept, ...blocks(10, 4)]) t.true(isSame(await store.get(ref), bytes));
    t.is(logged.filter((line) => line.includes(code)).length, 1);

    disk.failNext(code, 0);
    t.deepEqual(await store.put(fresh.ref, 0, fresh.bytes, 'path'), { type: 'stored' });
    t.true(isSame(await store.get(fresh.ref), fresh.bytes));
    t.true(logged.at(-1)?.includes('takes writes again'));
  });
}

test('a flipped byte: the block is dropped and counted, never served, and its slot is used again', async (t) => {
  const disk = createMemoryDisk();
  const store = await openTestStore(disk, { slots: 4 });
  const kept = blocks(0, 4);
  for (const { ref, bytes } of kept.slice(0, 2)) await store.put(ref, 0, bytes, 'owner');
  for (const { ref, bytes } of kept.slice(2)) await store.put(ref, 0, bytes, 'path');
  const data = disk.bytesOf('store-data');
  for (let at = 17; at < data.length; at += 32_768) data[at]! ^= 4;
  for (const { ref } of kept) t.is(await store.get(ref), undefined);
  t.is(store.stats().damaged, 4);
  t.like(store.stats(), { store: { blocks: 0, evicted: 0 }, cache: { blocks: 0, evicted: 0 } });
  for (const { ref, bytes } of kept) t.deepEqual(await store.put(ref, 0, bytes, 'owner'), { type: 'stored' });
  for (const { ref, bytes } of kept) t.true(isSame(await store.get(ref), bytes));
});

test('damaged entries: only their blocks are lost when the store opens', async (t) => {
  const disk = createMemoryDisk();
  const store = await openTestStore(disk, { slots: 16 });
  const kept = blocks(0, 16);
  for (const { ref, bytes } of kept) await store.put(ref, 0, bytes, 'path');
  await store.close();
  const meta = disk.bytesOf('store-meta');
  for (let slot = 0; slot < 16; slot += 2) meta[slot * 64 + ((slot * 7) % 64)]! ^= 0x10;
  const reopened = await openTestStore(disk, { slots: 16 });
  t.is(reopened.stats().cache.blocks, 8);
  let found = 0;
  for (const { ref, bytes } of kept) {
    const got = await reopened.get(ref);
    if (got !== undefined) t.true(isSame(got, bytes));
    found += got === undefined ? 0 : 1;
  }
  t.is(found, 8);
  for (const { ref, bytes } of blocks(100, 16))
    t.is((await reopened.put(ref, 0, bytes, 'owner')).type !== 'failed', true);
});

test('entries written to another slot do not hold there', async (t) => {
  const disk = createMemoryDisk();
  const store = await openTestStore(disk, { slots: 4 });
  const { ref, bytes } = block(0);
  await store.put(ref, 0, bytes, 'owner');
  await store.close();
  const meta = disk.bytesOf('store-meta');
  meta.copyWithin(64, 0, 64);
  meta.fill(0, 0, 64);
  t.is((await openTestStore(disk, { slots: 4 })).stats().store.blocks, 0);
});

test('full of owned blocks: the farthest goes, a still farther one is declined, the bound holds', async (t) => {
  const own = ringLocation(0.25);
  const store = await openTestStore(createMemoryDisk(), { slots: 20, ownLocation: () => own });
  const given = blocks(0, 60);
  const far = (ref: (typeof given)[number]['ref']): number => distance(locationOf(crypto, ref, 0), own);
  for (const { ref, bytes } of given) {
    const worst = Math.max(...(await ownedRefs(store)).map((held) => far(held.ref)), 0);
    const isFull = (await ownedRefs(store)).length === 20;
    const { type } = await store.put(ref, 0, bytes, 'owner');
    t.is(type, isFull && far(ref) > worst ? 'declined' : 'stored');
    t.true(store.stats().store.blocks <= 20);
  }
  const nearest = given
    .map(({ ref }) => far(ref))
    .sort((a, b) => a - b)
    .slice(0, 20);
  t.deepEqual(
    (await ownedRefs(store)).map(({ ref }) => far(ref)).sort((a, b) => a - b),
    nearest,
  );
});

test('when our location moves, what is far from the new one goes', async (t) => {
  let own = ringLocation(0.1);
  const store = await openTestStore(createMemoryDisk(), { slots: 10, ownLocation: () => own });
  for (const { ref, bytes } of blocks(0, 30)) await store.put(ref, 0, bytes, 'owner');
  own = ringLocation(0.6);
  for (const { ref, bytes } of blocks(30, 60)) await store.put(ref, 0, bytes, 'owner');
  const far = (await ownedRefs(store)).map(({ ref }) => distance(locationOf(crypto, ref, 0), own));
  const best = blocks(30, 60)
    .map(({ ref }) => distance(locationOf(crypto, ref, 0), own))
    .sort((a, b) => a - b);
  t.true(Math.max(...far) <= best[9]! + 2 ** -24);
});

test('regions: either uses what the other leaves, and gives it back down to half', async (t) => {
  const store = await openTestStore(createMemoryDisk(), { slots: 20 });
  for (const { ref, bytes } of blocks(0, 30)) await store.put(ref, 0, bytes, 'path');
  t.like(store.stats(), { cache: { blocks: 20 }, store: { blocks: 0 } });
  for (const { ref, bytes } of blocks(100, 30)) await store.put(ref, 0, bytes, 'owner');
  t.like(store.stats(), { cache: { blocks: 10 }, store: { blocks: 10 } });
  for (const { ref, bytes } of blocks(200, 30)) await store.put(ref, 0, bytes, 'path');
  t.like(store.stats(), { cache: { blocks: 10 }, store: { blocks: 10 } });
  t.is(store.stats().store.bytesMax, 10 * 32_768);

  const other = await openTestStore(createMemoryDisk(), { slots: 20 });
  for (const { ref, bytes } of blocks(0, 30)) await other.put(ref, 0, bytes, 'owner');
  t.like(other.stats(), { store: { blocks: 20, bytesMax: 20 * 32_768 } });
  for (const { ref, bytes } of blocks(100, 30)) await other.put(ref, 0, bytes, 'path');
  t.like(other.stats(), { cache: { blocks: 10 }, store: { blocks: 10 } });
});

test('a scan does not wash out what is asked for often', async (t) => {
  const store = await openTestStore(createMemoryDisk(), { slots: 40 });
  const popular = blocks(0, 10);
  for (const { ref, bytes } of popular) await store.put(ref, 0, bytes, 'path');
  for (let round = 0; round < 4; round++) for (const { ref } of popular) await store.get(ref);
  for (const { ref, bytes } of blocks(1_000, 200)) {
    await store.get(ref);
    await store.put(ref, 0, bytes, 'path');
  }
  t.is(popular.filter(({ ref }) => store.has(ref)).length, 10);
  t.true(store.stats().cache.blocks <= 40);
});

test('nothing on disk names a key or shows a block', async (t) => {
  const disk = createMemoryDisk();
  const store = await openTestStore(disk, { slots: 16 });
  const given = [...blocks(0, 8), sskRecord(1, 7), pointerRecord(2, 3)];
  for (const [index, { ref, bytes }] of given.entries())
    await store.put(ref, 0, bytes, index % 2 === 0 ? 'owner' : 'path');
  const records = await disk.openRecords('store');
  const all = Buffer.concat([
    disk.bytesOf('store-data'),
    disk.bytesOf('store-meta'),
    ...['store', 'records', 'record-refs'].flatMap((table) =>
      records.entries(table).flatMap(([key, value]) => [Buffer.from(key), Buffer.from(key, 'hex'), value]),
    ),
  ]);
  const isThere = (part: Uint8Array | string): boolean => all.includes(Buffer.from(part));
  t.true(all.length > 16 * 32_768);
  t.true(isThere(disk.bytesOf('store-data').subarray(40_000, 40_032)));
  for (const { ref, bytes } of given) {
    t.false(isThere(ref.key));
    t.false(isThere(ref.key.subarray(0, 12)));
    t.false(isThere(hexKey(ref.key)));
    t.false(isThere(bytes.subarray(32, 64)));
    t.false(isThere(bytes.subarray(4, 36))); // of a record: its public key
  }
});

test('the same blocks in two stores leave nothing in common', async (t) => {
  const images: Buffer[] = [];
  for (const random of ['one', 'other']) {
    const disk = createMemoryDisk();
    const store = await openTestStore(disk, { slots: 2, random });
    const { ref, bytes } = block(1);
    await store.put(ref, 0, bytes, 'owner');
    images.push(Buffer.from(disk.bytesOf('store-data').slice(0, 32_768)));
    images.push(Buffer.from(disk.bytesOf('store-meta').slice(8, 60)));
  }
  for (let at = 0; at < 32_768; at += 16)
    t.notDeepEqual(images[0]!.subarray(at, at + 16), images[2]!.subarray(at, at + 16));
  t.notDeepEqual(images[1], images[3]);
});

test('records: the first one wins, the same is present, another collides', async (t) => {
  const store = await openTestStore(createMemoryDisk());
  const first = sskRecord(1, 1);
  const second = sskRecord(1, 2);
  t.deepEqual(first.ref.key, second.ref.key);
  t.is((await store.put(first.ref, 0, first.bytes, 'owner')).type, 'stored');
  t.is((await store.put(first.ref, 0, first.bytes, 'path')).type, 'present');
  t.deepEqual(await store.put(second.ref, 0, second.bytes, 'owner'), { type: 'collision', existing: first.bytes });
  t.true(isSame(await store.get(first.ref), first.bytes));
  t.is(store.stats().records, 1);
  await store.delete(first.ref);
  t.is((await store.put(second.ref, 0, second.bytes, 'owner')).type, 'stored');
});

test('pointers: the higher version wins, a lower one and a fork collide', async (t) => {
  const store = await openTestStore(createMemoryDisk());
  const [two, three, fork, one] = [
    pointerRecord(1, 2),
    pointerRecord(1, 3),
    pointerRecord(1, 3, 5),
    pointerRecord(1, 1),
  ];
  t.is((await store.put(two.ref, 0, two.bytes, 'owner')).type, 'stored');
  t.is((await store.put(three.ref, 0, three.bytes, 'owner')).type, 'stored');
  t.deepEqual(await store.put(one.ref, 0, one.bytes, 'owner'), { type: 'collision', existing: three.bytes });
  t.deepEqual(await store.put(fork.ref, 0, fork.bytes, 'owner'), { type: 'collision', existing: three.bytes });
  t.true(isSame(await store.get(two.ref), three.bytes));
  t.is(store.stats().records, 1);
});

test('records that pass by are kept in memory, up to their cap, and become durable as ours', async (t) => {
  const disk = createMemoryDisk();
  const store = await openTestStore(disk);
  const kept = sskRecord(1, 1);
  t.is((await store.put(kept.ref, 0, kept.bytes, 'path')).type, 'stored');
  t.is((await store.put(kept.ref, 0, kept.bytes, 'owner')).type, 'stored');
  const passing = sskRecord(2, 1);
  await store.put(passing.ref, 0, passing.bytes, 'path');
  t.true(isSame(await store.get(passing.ref), passing.bytes));
  for (let number = 0; number < RECORDS_CACHED_MAX; number++) {
    // Only what a put reads back is verified: these need no signature to take their place.
    const ref = { kind: KIND.ssk, key: crypto.sha256(`passing ${number}`) as typeof passing.ref.key };
    await store.put(ref, 0, passing.bytes, 'path');
  }
  t.is(store.stats().records, RECORDS_CACHED_MAX + 1);
  t.is(await store.get(passing.ref), undefined);
  const reopened = await openTestStore(disk);
  t.is(reopened.stats().records, 1);
  t.true(isSame(await reopened.get(kept.ref), kept.bytes));
});

test('records as owner have their share of the size: the farthest goes', async (t) => {
  const own = ringLocation(0.25);
  const store = await openTestStore(createMemoryDisk(), { slots: 1, ownLocation: () => own }); // 16 records at least
  const given = Array.from({ length: 30 }, (_, index) => sskRecord(index, 1));
  for (const { ref, bytes } of given) t.not((await store.put(ref, 0, bytes, 'owner')).type, 'failed');
  t.is(store.stats().records, 16);
  const far = given.map(({ ref }) => distance(locationOf(crypto, ref, 0), own)).sort((a, b) => a - b);
  const held = (await ownedRefs(store))
    .map(({ ref }) => distance(locationOf(crypto, ref, 0), own))
    .sort((a, b) => a - b);
  t.deepEqual(held, far.slice(0, 16));
});

test('a damaged record is dropped and counted', async (t) => {
  const disk = createMemoryDisk();
  const store = await openTestStore(disk);
  const { ref, bytes } = sskRecord(1, 1);
  await store.put(ref, 0, bytes, 'owner');
  const records = await disk.openRecords('store');
  const [[key, value]] = records.entries('records') as [[string, Uint8Array]];
  value[300]! ^= 1;
  records.put('records', key, value);
  t.is(await store.get(ref), undefined);
  t.is(store.stats().damaged, 1);
  t.deepEqual(records.entries('record-refs'), []);
  t.is((await store.put(ref, 0, bytes, 'owner')).type, 'stored');
});

test('delete: gone at once and after reopening', async (t) => {
  const disk = createMemoryDisk();
  const store = await openTestStore(disk);
  const { ref, bytes } = block(1);
  await store.put(ref, 0, bytes, 'owner');
  await store.delete(ref);
  t.is(await store.get(ref), undefined);
  await store.close();
  t.false((await openTestStore(disk)).has(ref));
});

test('a newer format, an unknown sealing and a missing root are refused as store_format', async (t) => {
  for (const [key, value] of [
    ['format', [2]],
    ['root', [1, ...new Uint8Array(32)]],
    ['root', [0, 1]],
  ] as const) {
    const disk = createMemoryDisk();
    await (await openTestStore(disk)).close();
    (await disk.openRecords('store')).put('store', key, Uint8Array.from(value));
    await t.throwsAsync(openTestStore(disk), { instanceOf: LocalError, code: 'store_format' });
  }
});

test('slots without their records are emptied: nobody could ask for what is in them', async (t) => {
  const disk = createMemoryDisk();
  const store = await openTestStore(disk, { slots: 4 });
  for (const { ref, bytes } of blocks(0, 4)) await store.put(ref, 0, bytes, 'owner');
  await store.close();
  (await disk.openRecords('store')).delete('store', 'format');
  const anew = await openTestStore(disk, { slots: 4 });
  t.is(anew.stats().store.blocks, 0);
  t.true(disk.bytesOf('store-meta').every((byte) => byte === 0));
});

test('another size at the next start: a larger store keeps all, a smaller one gives up what it must and is cut', async (t) => {
  const disk = createMemoryDisk();
  const store = await openTestStore(disk, { slots: 10 });
  for (const { ref, bytes } of blocks(0, 4)) await store.put(ref, 0, bytes, 'path');
  for (const { ref, bytes } of blocks(10, 4)) await store.put(ref, 0, bytes, 'owner');
  await store.delete(block(1).ref);
  await store.delete(block(2).ref);
  await store.close();

  const larger = await openTestStore(disk, { slots: 300 });
  t.like(larger.stats(), { store: { blocks: 4 }, cache: { blocks: 2 } });
  for (const { ref, bytes } of blocks(100, 20)) await larger.put(ref, 0, bytes, 'owner');
  t.like(larger.stats(), { store: { blocks: 24 }, cache: { blocks: 2 } });
  await larger.close();
  t.is(disk.bytesOf('store-data').length, 128 * 32_768); // grown by steps of 128 slots

  const smaller = await openTestStore(disk, { slots: 8 });
  await whenDone(() => smaller.resizing.isRunning);
  t.is(disk.bytesOf('store-data').length, 8 * 32_768);
  t.is(disk.bytesOf('store-meta').length, 8 * 64);
  t.like(smaller.stats(), { store: { blocks: 6, evicted: 18 }, cache: { blocks: 2, evicted: 0 } });
  let held = 0;
  for (const { ref, bytes } of [...blocks(0, 20), ...blocks(100, 20)]) {
    const got = await smaller.get(ref);
    if (got !== undefined) t.true(isSame(got, bytes));
    if (got !== undefined) held++;
  }
  t.is(held, 8);
  await smaller.close();
  const again = await openTestStore(disk, { slots: 8 });
  t.like(again.stats(), { store: { blocks: 6 }, cache: { blocks: 2 } });
});

test('many puts at once share flushes and count once each', async (t) => {
  const disk = createMemoryDisk();
  let flushes = 0;
  const counting = {
    ...disk,
    openBlocks: async (name: string) => {
      const storage = await disk.openBlocks(name);
      const flush = (): Promise<void> => {
        flushes++;
        return storage.flush();
      };
      return { ...storage, flush };
    },
  };
  const store = await openTestStore(counting, { slots: 64 });
  flushes = 0;
  const given = blocks(0, 20);
  const results = await Promise.all([...given, ...given].map(({ ref, bytes }) => store.put(ref, 0, bytes, 'owner')));
  t.is(results.filter(({ type }) => type === 'stored').length, 20);
  t.is(results.filter(({ type }) => type === 'present').length, 20);
  t.true(flushes <= 8, `${flushes} flushes of two files`);
  t.is(store.stats().copies.owner, 20);
});

test('a store of no size keeps nothing and fails nowhere', async (t) => {
  const store = await openTestStore(createMemoryDisk(), { slots: 0 });
  const { ref, bytes } = block(1);
  t.deepEqual(await store.put(ref, 0, bytes, 'owner'), { type: 'declined' });
  t.deepEqual(await store.put(ref, 0, bytes, 'path'), { type: 'declined' });
  t.is(await store.get(ref), undefined);
});

test('close: waits for what is written, twice is once, and afterwards everything is declined', async (t) => {
  const disk = createMemoryDisk();
  const store = await openTestStore(disk);
  const { ref, bytes } = block(1);
  const put = store.put(ref, 0, bytes, 'owner');
  await Promise.all([store.close(), store.close()]);
  t.is((await put).type, 'stored');
  t.deepEqual(await store.put(block(2).ref, 0, block(2).bytes, 'owner'), { type: 'declined' });
  t.is(await store.get(ref), undefined);
  t.true(isSame(await (await openTestStore(disk)).get(ref), bytes));
});

test('the files stay within the size that was asked for', async (t) => {
  const disk = createMemoryDisk();
  const store = await openTestStore(disk, { slots: 33 });
  for (const { ref, bytes } of blocks(0, 50)) await store.put(ref, 0, bytes, 'path');
  t.true(disk.bytesOf('store-data').length + disk.bytesOf('store-meta').length <= sizeFor(33));
});
