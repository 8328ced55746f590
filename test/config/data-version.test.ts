import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { readCrash, removeCrash, writeCrash } from '../../config/crash-marker.ts';
import { DATA_LAYOUT, DataVersionError, prepareData, readStamp } from '../../config/data-version.ts';
import { acquireLock, holderText, staleHolder } from '../../config/lock.ts';

function scratch(t: ExecutionContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'hw-data-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  return dir;
}

test('prepareData: stamps a new directory, and a known one again only for another version', (t) => {
  const dir = scratch(t);
  t.deepEqual(prepareData(dir, '1.0.0', 'garden'), []);
  t.deepEqual(readStamp(dir), { layout: DATA_LAYOUT, version: '1.0.0', network: 'garden' });
  t.is(statSync(join(dir, 'layout.json')).mode & 0o777, 0o600);
  t.deepEqual(prepareData(dir, '1.1.0', 'garden'), []);
  t.is(readStamp(dir)?.version, '1.1.0');
});

test('prepareData: what has no stamp is brought forward, and its files closed to others', (t) => {
  const dir = scratch(t);
  writeFileSync(join(dir, 'store.sqlite'), '', { mode: 0o644 });
  writeFileSync(join(dir, 'store.sqlite-wal'), '', { mode: 0o644 });
  t.deepEqual(prepareData(dir, '1.0.0', 'garden'), ['0 -> 1']);
  t.is(statSync(join(dir, 'store.sqlite-wal')).mode & 0o777, 0o600);
  t.deepEqual(prepareData(dir, '1.0.0', 'garden'), []);
});

test('prepareData: a newer layout and another network are refused, and nothing is touched', (t) => {
  const dir = scratch(t);
  prepareData(dir, '1.0.0', 'garden');
  const before = readFileSync(join(dir, 'layout.json'), 'utf8');
  t.like(
    t.throws(() => prepareData(dir, '1.0.0', 'orchard'), { instanceOf: DataVersionError }),
    { reason: 'network' },
  );
  t.is(readFileSync(join(dir, 'layout.json'), 'utf8'), before);
  writeFileSync(join(dir, 'layout.json'), JSON.stringify({ layout: DATA_LAYOUT + 1, version: '9', network: 'garden' }));
  t.like(
    t.throws(() => prepareData(dir, '1.0.0', 'garden'), { instanceOf: DataVersionError }),
    { reason: 'newer' },
  );
});

test('crash marker: written, read, removed; a damaged one is none', (t) => {
  const path = join(scratch(t), 'crash.json');
  const crash = { atMs: 5, version: '1', code: 'TypeError', places: ['a.ts:1:2'] };
  t.is(readCrash(path), undefined);
  writeCrash(path, crash);
  t.deepEqual(readCrash(path), crash);
  removeCrash(path);
  t.is(readCrash(path), undefined);
  writeFileSync(path, '{"atMs":');
  t.is(readCrash(path), undefined);
  t.notThrows(() => writeCrash('/nonexistent/crash.json', crash));
});

test('lock: one that nobody holds is told apart from a living one, and since when is said shortly', (t) => {
  const path = join(scratch(t), 'daemon.lock');
  t.is(staleHolder(path), undefined);
  const release = acquireLock(path);
  t.is(staleHolder(path), undefined);
  release();
  writeFileSync(path, JSON.stringify({ pid: process.pid, started: 'another time', since: 1 }));
  t.is(staleHolder(path)?.pid, process.pid);
  const since = new Date(2026, 10, 22, 14, 2).getTime();
  t.is(holderText({ pid: 4121, started: '', since }, since + 1_000), 'pid 4121, since 14:02');
  t.is(holderText({ pid: 4121, started: '', since }, since + 86_400_000), 'pid 4121, since 2026-11-22 14:02');
});
