/**
 * What the owner of a store may ask of it, and what it does by itself: another size, a look over everything, a seal, healing.
 * @module
 */
import test from 'ava';
import { LocalError } from '../../../daemon/errors.ts';
import { hexKey, ringLocation } from '../../../daemon/ids.ts';
import { locationOf } from '../../../daemon/keys/location.ts';
import { RECORDS_MAX } from '../../../daemon/limits.ts';
import type { BlockStorage, Disk } from '../../../daemon/ports.ts';
import { boundsOf } from '../../../daemon/store/bounds.ts';
import { CrashDisk } from '../../support/crash-disk.ts';
import { createMemoryDisk } from '../../support/memory-disk.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';
import {
  block,
  blocks,
  createPromptClock,
  crypto,
  isSame,
  openTestStore,
  ownedRefs,
  sizeFor,
  sskRecord,
  whenDone,
} from './store-bench.ts';

test('boundsOf: slots and records together keep to the size, and records to their own cap', (t) => {
  for (const sizeBytes of [0, 1e6, 16 * 2 ** 20, 4 * 2 ** 30]) {
    const { slots, records } = boundsOf(sizeBytes);
    t.true(slots * 32_832 <= sizeBytes);
    t.true(records >= 16 && records <= RECORDS_MAX);
  }
  t.is(boundsOf(64 * 2 ** 40).records, RECORDS_MAX);
});

test('resize smaller while it works: what was said goes, everything else stays, the files are cut, the size is remembered', async (t) => {
  const disk = createMemoryDisk();
  const store = await openTestStore(disk, { slots: 60 });
  const owned = blocks(0, 40);
  for (const { ref, bytes } of owned) await store.put(ref, 0, bytes, 'owner');
  for (const { ref, bytes } of blocks(100, 20)) await store.put(ref, 0, bytes, 'path');
  const plan = store.planResize(sizeFor(24));
  t.like(plan, { slots: 24, evictedStore: 28, evictedCache: 8, evictedRecords: 0 });
  t.is(store.stats().store.blocks + store.stats().cache.blocks, 60, 'a plan changes nothing');

  store.resize(sizeFor(24));
  t.true(store.resizing.isRunning);
  const late = block(200);
  const put = store.put(late.ref, 0, late.bytes, 'path');
  await whenDone(() => store.resizing.isRunning);
  await put;
  const { store: kept, cache, sizeBytes } = store.stats();
  t.is(kept.blocks + cache.blocks, 24);
  t.is(kept.evicted + cache.evicted, 37);
  t.is(sizeBytes, sizeFor(24));
  t.is(disk.bytesOf('store-data').length, 24 * 32_768);
  const before = new Set((await ownedRefs(store)).map(({ ref }) => hexKey(ref.key)));
  t.is(before.size, kept.blocks);
  await store.close();

  const again = await openTestStore(disk, { slots: 60, keepsSize: true });
  t.is(again.stats().sizeBytes, sizeFor(24));
  t.deepEqual(new Set((await ownedRefs(again)).map(({ ref }) => hexKey(ref.key))), before);
  for (const { ref, bytes } of owned) if (again.has(ref)) t.true(isSame(await again.get(ref), bytes));
  t.is(again.stats().damaged, 0);
});

test('resize larger while it works: there is room at once', async (t) => {
  const disk = createMemoryDisk();
  const store = await openTestStore(disk, { slots: 10 });
  for (const { ref, bytes } of blocks(0, 10)) await store.put(ref, 0, bytes, 'path');
  store.resize(sizeFor(400));
  t.false(store.resizing.isRunning);
  for (const { ref, bytes } of blocks(10, 290)) t.is((await store.put(ref, 0, bytes, 'owner')).type, 'stored');
  for (const { ref, bytes } of blocks(0, 300)) t.true(isSame(await store.get(ref), bytes));
  t.like(store.stats(), { store: { blocks: 290, evicted: 0 }, cache: { blocks: 10, evicted: 0 } });
});

test('resize: records beyond their share go too, the farthest', async (t) => {
  const store = await openTestStore(createMemoryDisk(), { slots: 100 });
  for (let i = 0; i < 40; i++) await store.put(sskRecord(i, 1).ref, 0, sskRecord(i, 1).bytes, 'owner');
  t.is(store.planResize(sizeFor(1)).evictedRecords, 24);
  store.resize(sizeFor(1));
  await whenDone(() => store.resizing.isRunning);
  t.like(store.stats(), { records: 16, recordsEvicted: 24 });
});

test('resize again while one is under way: the later size holds', async (t) => {
  const disk = createMemoryDisk();
  const store = await openTestStore(disk, { slots: 80 });
  for (const { ref, bytes } of blocks(0, 80)) await store.put(ref, 0, bytes, 'owner');
  store.resize(sizeFor(20));
  store.resize(sizeFor(50));
  await whenDone(() => store.resizing.isRunning);
  t.is(store.stats().store.blocks, 50);
  t.is(disk.bytesOf('store-data').length, 50 * 32_768);
});

test('power cut at every boundary of a resize: what was kept by then is there', async (t) => {
  const random = createSeededRandom('resize cuts');
  const disk = new CrashDisk(random);
  const store = await openTestStore(disk, { slots: 40 });
  const given = blocks(0, 40);
  for (const { ref, bytes } of given) await store.put(ref, 0, bytes, 'owner');
  const cuts: { disk: CrashDisk; kept: typeof given }[] = [];
  let boundaries = 0;
  disk.onBoundary = () => {
    if (boundaries++ % 4 === 0) cuts.push({ disk: disk.fork(), kept: given.filter(({ ref }) => store.has(ref)) });
  };
  store.resize(sizeFor(15));
  await whenDone(() => store.resizing.isRunning);
  disk.onBoundary = undefined;
  t.true(cuts.length > 10, `${cuts.length} cuts`);
  for (const cut of cuts) {
    const reopened = await openTestStore(cut.disk, { slots: 40 });
    let missing = 0;
    for (const { ref, bytes } of cut.kept) {
      const got = await reopened.get(ref);
      if (got === undefined || !crypto.equal(got, bytes)) missing++;
    }
    t.is(missing, 0);
  }
});

test('verify: rot in what is owned is found, dropped, counted and told; what passed by is left to its readers', async (t) => {
  const disk = createMemoryDisk();
  const lost: string[] = [];
  const clock = createPromptClock();
  const store = await openTestStore(disk, { slots: 60, clock, onLost: (ref) => lost.push(hexKey(ref.key)) });
  const owned = blocks(0, 40);
  for (const { ref, bytes } of owned) await store.put(ref, 3, bytes, 'owner');
  for (const { ref, bytes } of blocks(100, 10)) await store.put(ref, 0, bytes, 'path');
  const record = sskRecord(1, 1);
  await store.put(record.ref, 0, record.bytes, 'owner');
  const data = disk.bytesOf('store-data');
  for (const slot of [3, 17, 45]) data[slot * 32_768 + 100]! ^= 4;

  const startedMs = clock.nowMs();
  t.true(store.verify(1_048_576));
  t.false(store.verify(1_048_576), 'one at a time');
  await whenDone(() => store.verifying.isRunning);
  t.deepEqual(store.verifying, { isRunning: false, done: 41, total: 41, damaged: 2, cached: 10 });
  t.deepEqual(lost, [hexKey(owned[3]!.ref.key), hexKey(owned[17]!.ref.key)]);
  t.true(clock.nowMs() - startedMs >= 1_000, 'over a MiB of blocks at a MiB a second');
  t.like(store.stats(), { damaged: 2, store: { blocks: 38 }, lookups: 0 });
  t.is(await store.get(blocks(105, 1)[0]!.ref), undefined, 'slot 45 was a cached one');
  t.is(lost.length, 2, 'nobody owes us what only passed by');
});

test('close ends what runs in the background', async (t) => {
  const store = await openTestStore(createMemoryDisk(), { slots: 60 });
  for (const { ref, bytes } of blocks(0, 60)) await store.put(ref, 0, bytes, 'owner');
  store.verify(65_536);
  store.resize(sizeFor(10));
  await store.close();
  t.false(store.resizing.isRunning);
  t.false(store.verifying.isRunning);
});

test('passphrase: nothing opens without it, and it changes without a slot being written', async (t) => {
  const disk = createMemoryDisk();
  const sealed = await openTestStore(disk, { slots: 8, passphrase: 'one' });
  const given = blocks(0, 6);
  for (const { ref, bytes } of given) await sealed.put(ref, 0, bytes, 'owner');
  t.true(sealed.stats().isSealed);
  await sealed.close();
  for (const passphrase of [undefined, 'two', 'One', 'one ']) {
    await t.throwsAsync(openTestStore(disk, { slots: 8, passphrase }), {
      instanceOf: LocalError,
      code: 'bad_passphrase',
    });
  }

  const store = await openTestStore(disk, { slots: 8, passphrase: 'one' });
  const before = [disk.bytesOf('store-data').slice(), disk.bytesOf('store-meta').slice()];
  store.changePassphrase(new TextEncoder().encode('two'));
  await store.close();
  t.true(isSame(disk.bytesOf('store-data'), before[0]!) && isSame(disk.bytesOf('store-meta'), before[1]!));
  await t.throwsAsync(openTestStore(disk, { slots: 8, passphrase: 'one' }), { code: 'bad_passphrase' });

  const changed = await openTestStore(disk, { slots: 8, passphrase: 'two' });
  for (const { ref, bytes } of given) t.true(isSame(await changed.get(ref), bytes));
  changed.changePassphrase(undefined);
  t.false(changed.stats().isSealed);
  await changed.close();
  const open = await openTestStore(disk, { slots: 8 });
  for (const { ref, bytes } of given) t.true(isSame(await open.get(ref), bytes));
});

test('a sealed disk has nothing by which a known key could be tested', async (t) => {
  const disk = createMemoryDisk();
  const store = await openTestStore(disk, { slots: 4, passphrase: 'secret' });
  const { ref, bytes } = block(1);
  await store.put(ref, 0, bytes, 'owner');
  await store.close();
  const records = await disk.openRecords('store');
  const root = records.get('store', 'root')!;
  t.is(root.length, 80);
  // A thief knows the key and tries every 32 bytes he finds as the root: none names the slot of the block.
  const digestOnDisk = disk.bytesOf('store-meta').slice(8, 24);
  for (let at = 0; at + 32 <= root.length; at++) {
    const indexKey = crypto.hkdf(root.subarray(at, at + 32), '', 'holloway store index', 32);
    t.notDeepEqual(crypto.hmac(indexKey, Uint8Array.of(1), ref.key).slice(0, 16), digestOnDisk);
  }
});

test('a root whose sealing asks for more than a machine has is refused', async (t) => {
  for (const [at, value] of [
    [1, 40],
    [2, 200],
    [3, 99],
    [1, 0],
  ] as const) {
    const disk = createMemoryDisk();
    await (await openTestStore(disk, { passphrase: 'x' })).close();
    const records = await disk.openRecords('store');
    const root = records.get('store', 'root')!;
    root[at] = value;
    records.put('store', 'root', root);
    await t.throwsAsync(openTestStore(disk, { passphrase: 'x' }), { instanceOf: LocalError, code: 'store_format' });
  }
});

test('a passphrase given to an unsealed store seals it', async (t) => {
  const disk = createMemoryDisk();
  const store = await openTestStore(disk);
  const { ref, bytes } = block(1);
  await store.put(ref, 0, bytes, 'owner');
  await store.close();
  const sealed = await openTestStore(disk, { passphrase: 'now' });
  t.true(isSame(await sealed.get(ref), bytes));
  await sealed.close();
  await t.throwsAsync(openTestStore(disk), { code: 'bad_passphrase' });
});

test('a disk that refuses writes when the store opens: it opens, serves, refuses, and goes on when the disk does', async (t) => {
  const disk = createMemoryDisk();
  const first = await openTestStore(disk, { slots: 8 });
  const given = blocks(0, 4);
  for (const { ref, bytes } of given) await first.put(ref, 0, bytes, 'owner');
  await first.close();
  const logged: string[] = [];
  disk.failNext('disk_read_only', 1e9);
  const store = await openTestStore(disk, { slots: 8, logged });
  for (const { ref, bytes } of given) t.true(isSame(await store.get(ref), bytes));
  const fresh = block(9);
  const refused = { type: 'failed', code: 'disk_read_only' } as const;
  t.deepEqual(await store.put(fresh.ref, 0, fresh.bytes, 'owner'), refused);
  // Not even what is there counts as durable: nothing could be flushed since it was found.
  t.deepEqual(await store.put(given[0]!.ref, 0, given[0]!.bytes, 'owner'), refused);
  t.true(logged.some((line) => line.includes('disk_read_only')));
  disk.failNext('disk_read_only', 0);
  t.deepEqual(await store.put(given[0]!.ref, 0, given[0]!.bytes, 'owner'), { type: 'present' });
  t.deepEqual(await store.put(fresh.ref, 0, fresh.bytes, 'owner'), { type: 'stored' });
});

/** A disk on which single calls can be made to fail. */
function failing(disk: Disk, fails: (name: string, call: 'flush' | 'read') => boolean): Disk {
  return {
    openRecords: (name) => disk.openRecords(name),
    async openBlocks(name) {
      const storage = await disk.openBlocks(name);
      const guard = (call: 'flush' | 'read'): void => {
        if (fails(name, call)) throw new LocalError('disk_failed', 'on purpose');
      };
      return {
        ...storage,
        async flush() {
          guard('flush');
          await storage.flush();
        },
        async read(offset, length) {
          guard('read');
          return storage.read(offset, length);
        },
      } satisfies BlockStorage;
    },
  };
}

test('a flush that fails: the block is dropped at once, in memory and on the disk', async (t) => {
  const disk = createMemoryDisk();
  let fails = false;
  const store = await openTestStore(
    failing(disk, (_, call) => fails && call === 'flush'),
    { slots: 8 },
  );
  const { ref, bytes } = block(1);
  fails = true;
  t.deepEqual(await store.put(ref, 0, bytes, 'owner'), { type: 'failed', code: 'disk_failed' });
  t.false(store.has(ref));
  t.is(store.stats().store.blocks, 0);
  t.true(disk.bytesOf('store-meta').every((byte) => byte === 0));
  fails = false;
  t.deepEqual(await store.put(ref, 0, bytes, 'owner'), { type: 'stored' });
  t.like(store.stats(), { store: { blocks: 1 }, writeFailures: 1 });
});

test('a sector that cannot be read: not served, still listed, and written anew by the next put', async (t) => {
  const disk = createMemoryDisk();
  let fails = false;
  const store = await openTestStore(
    failing(disk, (name, call) => fails && name === 'store-data' && call === 'read'),
    {
      slots: 8,
    },
  );
  const { ref, bytes } = block(1);
  await store.put(ref, 0, bytes, 'owner');
  fails = true;
  t.is(await store.get(ref), undefined);
  t.true(store.has(ref));
  t.deepEqual(await store.put(ref, 0, bytes, 'owner'), { type: 'stored' });
  fails = false;
  t.true(isSame(await store.get(ref), bytes));
  t.is(store.stats().store.blocks, 1);
  t.is(store.stats().damaged, 0);
});

test('present is only said of what was read and verified again', async (t) => {
  const disk = createMemoryDisk();
  const lost: string[] = [];
  const store = await openTestStore(disk, { slots: 8, onLost: (ref) => lost.push(hexKey(ref.key)) });
  const { ref, bytes } = block(1);
  await store.put(ref, 0, bytes, 'owner');
  disk.bytesOf('store-data')[500]! ^= 1;
  t.deepEqual(await store.put(ref, 0, bytes, 'owner'), { type: 'stored' });
  t.true(isSame(await store.get(ref), bytes));
  t.is(store.stats().damaged, 1);
});

test('owned: pages name every owned block and record once, and only what is wanted', async (t) => {
  const store = await openTestStore(createMemoryDisk(), { slots: 600 });
  const given = blocks(0, 300);
  for (const [index, { ref, bytes }] of given.entries()) await store.put(ref, index % 8, bytes, 'owner');
  for (const { ref, bytes } of blocks(1_000, 20)) await store.put(ref, 0, bytes, 'path');
  const record = sskRecord(1, 1);
  await store.put(record.ref, 5, record.bytes, 'handoff');
  const name = ({ ref, replica }: { ref: { kind: number; key: Uint8Array }; replica: number }): string =>
    `${ref.kind}/${replica}/${hexKey(ref.key as never)}`;
  const all = (await ownedRefs(store)).map(name);
  t.deepEqual(
    all.toSorted(),
    [...given.map(({ ref }, index) => name({ ref, replica: index % 8 })), name({ ref: record.ref, replica: 5 })].sort(),
  );
  const half: string[] = [];
  for (let from: number | undefined = 0; from !== undefined; ) {
    const page = await store.owned(from, (coarse) => coarse < 2 ** 23);
    half.push(...page.held.map(name));
    from = page.next;
  }
  const expected = given
    .map(({ ref }, index) => ({ ref, replica: index % 8 }))
    .filter(({ ref, replica }) => locationOf(crypto, ref, replica) < ringLocation(0.5));
  t.true(expected.every((held) => half.includes(name(held))));
  t.true(half.length <= expected.length + 1);
});

test('records that arrive together become durable in one transaction', async (t) => {
  const disk = createMemoryDisk();
  let transactions = 0;
  const counting: Disk = {
    openBlocks: (name) => disk.openBlocks(name),
    async openRecords(name) {
      const records = await disk.openRecords(name);
      return {
        ...records,
        transaction(work) {
          transactions++;
          records.transaction(work);
        },
      };
    },
  };
  const store = await openTestStore(counting);
  transactions = 0;
  const given = Array.from({ length: 30 }, (_, index) => sskRecord(index, 1));
  const results = await Promise.all(given.map(({ ref, bytes }) => store.put(ref, 0, bytes, 'owner')));
  t.true(results.every(({ type }) => type === 'stored'));
  t.is(transactions, 1);
  t.is((await openTestStore(disk)).stats().records, 30);
});

test('records of a transaction that fails are all refused, and nothing was given up for them', async (t) => {
  const disk = createMemoryDisk();
  const store = await openTestStore(disk, { slots: 1 }); // 16 records at most
  const kept = Array.from({ length: 16 }, (_, index) => sskRecord(index, 1));
  for (const { ref, bytes } of kept) await store.put(ref, 0, bytes, 'owner');
  disk.failNext('disk_full', 1);
  const late = Array.from({ length: 8 }, (_, index) => sskRecord(100 + index, 1));
  const results = await Promise.all(late.map(({ ref, bytes }) => store.put(ref, 0, bytes, 'owner')));
  t.true(results.some(({ type }) => type === 'failed'));
  t.true(results.every(({ type }) => type === 'failed' || type === 'declined'));
  for (const { ref, bytes } of kept) t.true(isSame(await store.get(ref), bytes));
  t.is(store.stats().records, 16);
  t.is((await ownedRefs(store)).length, 16);
});
