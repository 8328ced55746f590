/**
 * The datastore in a real directory: reopening, flipped bytes, and what can be read from the files.
 * @module
 */
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { hexKey } from '../../../daemon/ids.ts';
import { createDisk } from '../../../daemon/io/disk.ts';
import { blocks, isSame, openTestStore, ownedRefs, sizeFor, sskRecord } from './store-bench.ts';

function directory(t: ExecutionContext): string {
  const made = mkdtempSync(join(tmpdir(), 'holloway-store-'));
  t.teardown(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

function flipByte(path: string, at: number): void {
  const fd = openSync(path, 'r+');
  const byte = new Uint8Array(1);
  readSync(fd, byte, 0, 1, at);
  byte[0]! ^= 1;
  writeSync(fd, byte, 0, 1, at);
  closeSync(fd);
}

test('put, reopen, get; the files keep to their size', async (t) => {
  const dir = directory(t);
  const store = await openTestStore(createDisk(dir), { slots: 24 });
  const given = blocks(0, 24);
  const results = await Promise.all(
    given.map(({ ref, bytes }, i) => store.put(ref, 0, bytes, i % 2 === 0 ? 'owner' : 'path')),
  );
  t.true(results.every(({ type }) => type === 'stored'));
  const record = sskRecord(1, 1);
  t.is((await store.put(record.ref, 0, record.bytes, 'owner')).type, 'stored');
  await store.close();
  t.true(readFileSync(join(dir, 'store-data.blocks')).length <= sizeFor(24));

  const reopened = await openTestStore(createDisk(dir), { slots: 24 });
  for (const { ref, bytes } of given) t.true(isSame(await reopened.get(ref), bytes));
  t.true(isSame(await reopened.get(record.ref), record.bytes));
  t.is((await ownedRefs(reopened)).length, 13);
  await reopened.close();
});

test('a byte flipped in the file under an open store: undefined, counted, and the slot is good again', async (t) => {
  const dir = directory(t);
  const store = await openTestStore(createDisk(dir), { slots: 1 });
  const [only, next] = blocks(0, 2);
  t.is((await store.put(only!.ref, 0, only!.bytes, 'owner')).type, 'stored');
  flipByte(join(dir, 'store-data.blocks'), 20_000);
  t.is(await store.get(only!.ref), undefined);
  t.is(store.stats().damaged, 1);
  t.is((await store.put(next!.ref, 0, next!.bytes, 'owner')).type, 'stored');
  t.true(isSame(await store.get(next!.ref), next!.bytes));
  await store.close();
});

test('no file of the store holds a routing key or a piece of a block', async (t) => {
  const dir = directory(t);
  const store = await openTestStore(createDisk(dir), { slots: 8 });
  const given = [...blocks(0, 6), sskRecord(1, 1)];
  for (const [i, { ref, bytes }] of given.entries()) await store.put(ref, 0, bytes, i % 3 === 0 ? 'path' : 'owner');
  const read = (): Buffer[] => readdirSync(dir).map((name) => readFileSync(join(dir, name)));
  const whileOpen = read();
  await store.close();
  for (const file of [...whileOpen, ...read()]) {
    for (const { ref, bytes } of given) {
      t.false(file.includes(Buffer.from(ref.key).subarray(0, 12)));
      t.false(file.includes(hexKey(ref.key)));
      t.false(file.includes(Buffer.from(bytes).subarray(4, 36)));
    }
  }
});
