import test from 'ava';
import { BlockSpool, SPOOL_SLOT_BYTES } from '../../../../daemon/client/queue/block-spool.ts';
import { Journal } from '../../../../daemon/client/queue/journal.ts';
import { SealedFile } from '../../../../daemon/client/queue/sealed-file.ts';
import { routingKey } from '../../../../daemon/ids.ts';
import { BLOCK_BYTES, QUEUE_ENTRIES_MAX } from '../../../../daemon/limits.ts';
import { createMemoryFiles } from '../../../support/memory-files.ts';
import { testCrypto } from '../../../support/test-crypto.ts';
import { documentBytes, readAll } from '../fake-circuits.ts';
import { createQueueWorld, FETCH } from './queue-world.ts';

const KEY = new Uint8Array(32).fill(7);
const PATH = '/spool/x';
const keyOf = (i: number) => routingKey(new Uint8Array(32).fill(i));

test('SealedFile: goes on at any size it was saved at, and reads any range', async (t) => {
  const crypto = testCrypto();
  const files = createMemoryFiles();
  const bytes = documentBytes(200_001);
  let sizeBytes = 0;
  for (const to of [1, 65_536, 65_537, 131_072, 200_001]) {
    const file = await SealedFile.open(crypto, await files.open(PATH, 'private'), KEY, sizeBytes);
    await file.append(bytes.subarray(sizeBytes, to));
    await file.save();
    await file.append(new Uint8Array(70_000)); // not saved: it was never there
    await file.close();
    sizeBytes = to;
  }
  const file = await SealedFile.open(crypto, await files.open(PATH, 'private'), KEY, sizeBytes);
  t.is(Buffer.compare(await readAll(file.read()), bytes), 0);
  t.is(Buffer.compare(await readAll(file.read(65_530, 131_080)), bytes.subarray(65_530, 131_080)), 0);
});

test('SealedFile: a page that was changed, moved or cut off is refused', async (t) => {
  const crypto = testCrypto();
  const files = createMemoryFiles();
  const file = await SealedFile.open(crypto, await files.open(PATH, 'private'), KEY, 0);
  await file.append(documentBytes(150_000));
  await file.save();
  const sealed = files.contents.get(PATH)!.slice();
  const page = 65_536 + 28;
  const moved = sealed.slice();
  moved.set(sealed.subarray(0, page), page);
  const changed = sealed.slice();
  changed[page + 40]! ^= 1;
  for (const bytes of [moved, changed, sealed.subarray(0, page + 100)]) {
    files.put(PATH, bytes);
    const opened = SealedFile.open(crypto, await files.open(PATH, 'private'), KEY, 131_072);
    await t.throwsAsync(
      opened.then((found) => readAll(found.read())),
      { code: 'disk_failed' },
    );
  }
});

test('Journal: notes come back in order; a torn one and all behind it were never made', async (t) => {
  const crypto = testCrypto();
  const files = createMemoryFiles();
  const notes = [1, 200, 8_300, 0, 60_000].map((length, i) => documentBytes(length, i + 1));
  const journal = await Journal.open(crypto, await files.open(PATH, 'private'), KEY, () => t.fail());
  const offsets: number[] = [];
  for (const note of notes) offsets.push(await journal.append(note));
  t.deepEqual(await journal.read(offsets[2]!), notes[2]);
  const written = files.contents.get(PATH)!.slice();
  for (const length of [written.length, written.length - 1, offsets[3]! + 2, 3]) {
    files.put(PATH, written.subarray(0, length));
    const found: Uint8Array[] = [];
    const again = await Journal.open(crypto, await files.open(PATH, 'private'), KEY, (note) => found.push(note));
    const whole = offsets.filter((_, i) => (offsets[i + 1] ?? written.length) <= length).length;
    t.deepEqual(found, notes.slice(0, whole));
    t.is(await again.append(Uint8Array.of(5)), offsets[whole] ?? written.length);
  }
});

test('BlockSpool: keeps up to its cap, finds again what it kept, and gives room back', async (t) => {
  const crypto = testCrypto();
  const files = createMemoryFiles();
  const blocks = [1, 2, 3, 4].map((i) => documentBytes(BLOCK_BYTES, i));
  const spool = await BlockSpool.open(crypto, await files.open(PATH, 'private'), KEY, 3);
  blocks.forEach((block, i) => {
    spool.keep(keyOf(i), block);
  });
  t.is(spool.blocks, 3);
  t.false(spool.has(keyOf(3)));
  spool.drop([keyOf(1)]);
  spool.keep(keyOf(3), blocks[3]!);
  const damaged = files.contents.get(PATH)!.slice();
  damaged[SPOOL_SLOT_BYTES * 2 + 50]! ^= 1;
  files.put(PATH, damaged);
  const again = await BlockSpool.open(crypto, await files.open(PATH, 'private'), KEY, 3);
  t.deepEqual(
    [0, 1, 2, 3].map((i) => again.has(keyOf(i))),
    [true, false, false, true],
  );
  t.deepEqual(await again.read(keyOf(3)), blocks[3]);
  t.is(await again.read(keyOf(2)), undefined);
});

test('queue: holds so many entries and no more, until one is removed', async (t) => {
  const world = await createQueueWorld();
  await world.queue.stop(); // nothing starts
  const tag = Uint8Array.of(1);
  const wish = { ...FETCH, tag, persistence: 'reboot' as const, to: { type: 'none' as const } };
  const key = 'KSK@word';
  while (world.queue.entries().length < QUEUE_ENTRIES_MAX) await world.queue.fetch({ ...wish, uri: key });
  await t.throwsAsync(world.queue.fetch({ ...wish, uri: key }), { code: 'busy' });
  const [first] = world.queue.entries();
  await world.queue.remove(first!.id);
  await world.queue.fetch({ ...wish, uri: key });
  t.is(world.queue.entries().length, QUEUE_ENTRIES_MAX);
});
