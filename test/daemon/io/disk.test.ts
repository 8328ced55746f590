/**
 * Flat files and records in a real directory.
 * @module
 */
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import test, { type ExecutionContext } from 'ava';
import { LocalError } from '../../../daemon/errors.ts';
import { createDisk } from '../../../daemon/io/disk.ts';
import { asDiskError } from '../../../daemon/io/disk-error.ts';

function directory(t: ExecutionContext): string {
  const made = mkdtempSync(join(tmpdir(), 'holloway-disk-'));
  t.teardown(() => rmSync(made, { recursive: true, force: true }));
  return join(made, 'store');
}

test('blocks: what was written is read, new bytes are zero, the file has its size', async (t) => {
  const disk = createDisk(directory(t));
  const file = await disk.openBlocks('store-data');
  t.is(file.sizeBytes(), 0);
  await file.resize(1_000);
  t.deepEqual(await file.read(990, 10), new Uint8Array(10));
  await file.write(500, Uint8Array.of(1, 2, 3));
  t.deepEqual(await file.read(499, 5), Uint8Array.of(0, 1, 2, 3, 0));
  await file.flush();
  await file.resize(501);
  await file.resize(600);
  t.deepEqual(await file.read(500, 3), Uint8Array.of(1, 0, 0));
  await file.close();
  await file.close();
  t.is((await disk.openBlocks('store-data')).sizeBytes(), 600);
});

test('blocks: past the end and after close everything is disk_failed', async (t) => {
  const file = await createDisk(directory(t)).openBlocks('store-data');
  await file.resize(10);
  for (const attempt of [file.read(5, 6), file.write(5, new Uint8Array(6))]) {
    await t.throwsAsync(attempt, { instanceOf: LocalError, code: 'disk_failed' });
  }
  await Promise.all([file.flush(), file.close()]);
  for (const work of [
    () => file.read(0, 1),
    () => file.write(0, Uint8Array.of(1)),
    () => file.flush(),
    () => file.resize(1),
  ]) {
    await t.throwsAsync(work, { instanceOf: LocalError, code: 'disk_failed' });
  }
});

test('only the owner can read files and directory, and no name leads out of it', async (t) => {
  const dir = directory(t);
  const disk = createDisk(dir);
  const file = await disk.openBlocks('store-data');
  const records = await disk.openRecords('store');
  records.put('state', 'key', Uint8Array.of(1));
  t.is(statSync(dir).mode & 0o777, 0o700);
  const names = readdirSync(dir).sort();
  t.deepEqual(names, ['store-data.blocks', 'store.sqlite', 'store.sqlite-shm', 'store.sqlite-wal']);
  for (const name of names) t.is(statSync(join(dir, name)).mode & 0o777, 0o600, name);
  for (const name of ['../x', 'a/b', '', 'A', '.x'])
    await t.throwsAsync(disk.openBlocks(name), { instanceOf: RangeError });
  await file.close();
  records.close();
});

test('files that others could read are closed to them', async (t) => {
  const dir = directory(t);
  const disk = createDisk(dir);
  await (await disk.openBlocks('store-data')).close();
  chmodSync(join(dir, 'store-data.blocks'), 0o644);
  await (await disk.openBlocks('store-data')).close();
  t.is(statSync(join(dir, 'store-data.blocks')).mode & 0o777, 0o600);
});

const mapped = test.macro({
  exec(t, error: unknown, code: string) {
    t.is(asDiskError(error).code, code as never);
    t.is(asDiskError(error).cause, error);
  },
  title: (given = '') => `asDiskError: ${given}`,
});
const system = (code: string): Error => Object.assign(new Error(code), { code });
const sqlite = (errcode: number): Error => Object.assign(new Error('sqlite'), { code: 'ERR_SQLITE_ERROR', errcode });
for (const code of ['ENOSPC', 'EDQUOT', 'EFBIG']) test(code, mapped, system(code), 'disk_full');
for (const code of ['EROFS', 'EACCES', 'EPERM']) test(code, mapped, system(code), 'disk_read_only');
for (const code of ['EIO', 'EMFILE', 'EBADF']) test(code, mapped, system(code), 'disk_failed');
test('SQLITE_FULL', mapped, sqlite(13), 'disk_full');
test('SQLITE_READONLY_DBMOVED', mapped, sqlite(8 | (4 << 8)), 'disk_read_only');
test('SQLITE_IOERR_WRITE', mapped, sqlite(10 | (3 << 8)), 'disk_failed');
test('something that is no error', mapped, 'text', 'disk_failed');

test('a directory that cannot be made is a LocalError', async (t) => {
  const dir = directory(t);
  writeFileSync(dir, 'a file stands here');
  await t.throwsAsync(createDisk(dir).openBlocks('store-data'), { instanceOf: LocalError, code: 'disk_failed' });
});

test('records: put, replace, get, delete, entries in key order', async (t) => {
  const records = await createDisk(directory(t)).openRecords('node');
  t.is(records.get('peers', 'b'), undefined);
  for (const key of ['b', 'a', 'B', 'ab']) records.put('peers', key, Buffer.from(key));
  records.put('peers', 'b', Uint8Array.of(7));
  t.deepEqual(new Uint8Array(records.get('peers', 'b')!), Uint8Array.of(7));
  t.deepEqual(
    records.entries('peers').map(([key]) => key),
    ['B', 'a', 'ab', 'b'],
  );
  records.delete('peers', 'a');
  records.delete('peers', 'a');
  t.deepEqual(
    records.entries('peers').map(([key]) => key),
    ['B', 'ab', 'b'],
  );
  t.deepEqual(records.entries('others'), []);
  t.throws(() => records.get('no "such', 'x'), { instanceOf: RangeError });
  records.close();
  records.close();
});

test('records: a transaction is all or nothing, tables made inside included', async (t) => {
  const dir = directory(t);
  const records = await createDisk(dir).openRecords('node');
  records.put('peers', 'kept', Uint8Array.of(1));
  const failure = new Error('on purpose');
  t.throws(
    () =>
      records.transaction(() => {
        records.put('peers', 'kept', Uint8Array.of(2));
        records.put('fresh', 'x', Uint8Array.of(3));
        records.transaction(() => records.put('peers', 'inner', Uint8Array.of(4)));
        throw failure;
      }),
    { is: failure },
  );
  t.deepEqual(records.entries('peers'), [['kept', records.get('peers', 'kept')!]]);
  t.deepEqual([...records.get('peers', 'kept')!], [1]);
  t.deepEqual(records.entries('fresh'), []);
  records.transaction(() => {
    records.put('peers', 'one', Uint8Array.of(5));
    records.put('fresh', 'two', Uint8Array.of(6));
  });
  records.close();

  const reopened = await createDisk(dir).openRecords('node');
  t.deepEqual([...reopened.get('peers', 'one')!, ...reopened.get('fresh', 'two')!], [5, 6]);
  reopened.close();
});

test('records: what returned is in the log on disk without close', async (t) => {
  const dir = directory(t);
  const records = await createDisk(dir).openRecords('node');
  records.put('peers', 'key', Buffer.from('a value to look for'));
  t.true(readFileSync(join(dir, 'node.sqlite-wal')).includes('a value to look for'));
  records.close();
});

test('records: a file that is no database is store_format, a full one disk_full', async (t) => {
  const dir = directory(t);
  const disk = createDisk(dir);
  const records = await disk.openRecords('node');
  records.put('peers', 'x', new Uint8Array(10));
  records.close();
  writeFileSync(join(dir, 'other.sqlite'), Buffer.alloc(8_192, 'not a database '));
  await t.throwsAsync(disk.openRecords('other'), { instanceOf: LocalError, code: 'store_format' });

  // SQLite's own error of a full database, as the mapping will meet it.
  const small = new DatabaseSync(':memory:');
  small.exec('PRAGMA max_page_count = 2; CREATE TABLE t (x)');
  const error = t.throws(() => small.prepare('INSERT INTO t VALUES (zeroblob(100000))').run());
  t.is(asDiskError(error).code, 'disk_full');
});
