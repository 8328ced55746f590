import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { createFiles } from '../../../daemon/io/files.ts';

function withFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'hw-files-'));
  return work(folder).finally(() => rmSync(folder, { recursive: true, force: true }));
}

test('files: what is written is read, a name is taken once, and given away only when asked', (t) =>
  withFolder(async (folder) => {
    const files = createFiles(join(folder, 'data'));
    const path = join(folder, 'a.part');
    const file = await files.open(path, 'write');
    await file.write(3, Uint8Array.of(1, 2, 3));
    await file.flush();
    t.is(file.sizeBytes(), 6);
    t.deepEqual([...(await file.read(2, 100))], [0, 1, 2, 3]);
    await file.truncate(4);
    await file.close();
    await t.throwsAsync(file.read(0, 1), { code: 'disk_failed' });
    await files.rename(path, join(folder, 'a'), false);
    t.deepEqual(await files.facts(path), undefined);
    t.like(await files.facts(join(folder, 'a')), { kind: 'file', sizeBytes: 4 });
    writeFileSync(path, 'other');
    await t.throwsAsync(files.rename(path, join(folder, 'a'), false), { code: 'exists' });
    t.is(readFileSync(path, 'utf8'), 'other');
    await files.rename(path, join(folder, 'a'), true);
    t.is(readFileSync(join(folder, 'a'), 'utf8'), 'other');
  }));

test('files: the spool is for our own user alone, made when it is needed', (t) =>
  withFolder(async (folder) => {
    const files = createFiles(join(folder, 'data'));
    t.deepEqual(readdirSync(folder), []);
    const path = files.join(files.spool, 'x.content');
    await (await files.open(path, 'private')).close();
    t.is(statSync(path).mode & 0o777, 0o600);
    t.is(statSync(files.spool).mode & 0o777, 0o700);
    await files.remove(path);
    await files.remove(path);
    t.deepEqual(await files.list(files.spool), []);
  }));

test('files: a folder is listed by bytes, without links, and what is no file is refused', (t) =>
  withFolder(async (folder) => {
    mkdirSync(join(folder, 'b'));
    writeFileSync(join(folder, 'b', 'z'), 'zz');
    writeFileSync(join(folder, 'B'), '');
    writeFileSync(join(folder, 'a'), 'a');
    symlinkSync('/etc/passwd', join(folder, 'link'));
    const files = createFiles(join(folder, 'data'));
    t.deepEqual(await files.list(folder), [
      { path: 'B', sizeBytes: 0 },
      { path: 'a', sizeBytes: 1 },
      { path: 'b/z', sizeBytes: 2 },
    ]);
    t.like(await files.facts(join(folder, 'b')), { kind: 'folder' });
    await t.throwsAsync(files.open(join(folder, 'b'), 'read'), { code: 'no_file' });
    await t.throwsAsync(files.open(join(folder, 'none'), 'read'), { code: 'no_file' });
    await t.throwsAsync(files.open(join(folder, 'none', 'x'), 'write'), { code: 'no_write' });
    await t.throwsAsync(files.open('/dev/null', 'write'), { code: 'no_write' });
    await t.throwsAsync(files.list(join(folder, 'none')), { code: 'no_file' });
  }));
