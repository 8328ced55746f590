import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { acquireLock, HomeLocked, isSameProcess, lockHolder, processStart } from '../../config/lock.ts';

function lockPath(t: ExecutionContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'hw-lock-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  return join(dir, 'daemon.lock');
}

test('acquireLock: one holder at a time, named by pid, gone after release', (t) => {
  const path = lockPath(t);
  const release = acquireLock(path);
  const error = t.throws(() => acquireLock(path), { instanceOf: HomeLocked });
  t.is(error?.holder.pid, process.pid);
  t.is(lockHolder(path)?.pid, process.pid);
  release();
  t.is(lockHolder(path), undefined);
  acquireLock(path)();
  t.deepEqual(readdirSync(join(path, '..')), [], 'nothing is left lying around');
});

test('acquireLock: a lock of a dead process, of a reused pid, or full of garbage is replaced', (t) => {
  const path = lockPath(t);
  const stale = [
    JSON.stringify({ pid: 2 ** 22 + 1, started: '1', since: 1 }),
    JSON.stringify({ pid: process.pid, started: 'another start', since: 1 }),
    '{"pid":',
    '',
  ];
  for (const text of stale) {
    writeFileSync(path, text);
    t.is(lockHolder(path), undefined);
    const release = acquireLock(path);
    t.is((JSON.parse(readFileSync(path, 'utf8')) as { pid: number }).pid, process.pid);
    release();
  }
});

test('a release takes away only its own lock', (t) => {
  const path = lockPath(t);
  const release = acquireLock(path);
  writeFileSync(path, 'of somebody else');
  release();
  t.is(readFileSync(path, 'utf8'), 'of somebody else');
});

test('processStart tells a running process from one that is not', (t) => {
  const started = processStart(process.pid);
  t.truthy(started);
  t.true(isSameProcess({ pid: process.pid, started: started! }));
  t.is(processStart(2 ** 22 + 1), undefined);
});
