import test from 'ava';
import { createReplayGuard } from '../../../daemon/link/replay.ts';
import { createMemoryDisk } from '../../support/memory-disk.ts';
import { silentLog } from './world.ts';

const KEY = new Uint8Array(32).fill(1);
const OLD_KEY = new Uint8Array(32).fill(2);
const mac = (n: number): Uint8Array => new Uint8Array(16).fill(n);

test('replay guard: remembers per link key, across restarts', async (t) => {
  const records = await createMemoryDisk().openRecords('node');
  const guard = createReplayGuard(records, silentLog);
  t.false(guard.seen(KEY, mac(1)));
  t.true(guard.remember(KEY, mac(1)));
  t.true(guard.seen(KEY, mac(1)));
  t.false(guard.seen(OLD_KEY, mac(1)));
  t.true(createReplayGuard(records, silentLog).seen(KEY, mac(1)));
});

test('replay guard: at its cap it refuses, for that key alone, after a restart too', async (t) => {
  const records = await createMemoryDisk().openRecords('node');
  const warnings: string[] = [];
  const log = { write: (_level: string, _subsystem: string, text: string) => warnings.push(text) };
  const guard = createReplayGuard(records, log, 3);
  for (let i = 0; i < 3; i++) t.true(guard.remember(KEY, mac(i)));
  t.false(guard.remember(KEY, mac(3)));
  t.false(guard.remember(KEY, mac(4)));
  t.is(warnings.length, 1);
  t.true(guard.remember(OLD_KEY, mac(3)));
  t.false(createReplayGuard(records, log, 3).remember(KEY, mac(5)));
});

test('replay guard: what belongs to a forgotten link key is dropped', async (t) => {
  const records = await createMemoryDisk().openRecords('node');
  const guard = createReplayGuard(records, silentLog, 1);
  guard.remember(KEY, mac(1));
  guard.remember(OLD_KEY, mac(1));
  guard.keepOnly([KEY]);
  t.is(records.entries('link-replay').length, 1);
  t.true(guard.seen(KEY, mac(1)));
  t.true(guard.remember(OLD_KEY, mac(2)), 'its count is gone too');
});

test('replay guard: a disk that refuses writes does not make it forget', async (t) => {
  const disk = createMemoryDisk();
  const guard = createReplayGuard(await disk.openRecords('node'), silentLog);
  disk.failNext('disk_full');
  t.true(guard.remember(KEY, mac(1)));
  t.true(guard.seen(KEY, mac(1)));
  guard.keepOnly([OLD_KEY]);
  t.false(guard.seen(KEY, mac(1)));
});
