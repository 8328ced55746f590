/**
 * A disk that is really full, really read-only, and a process out of file descriptors. Needs the right to mount; else it says that it
 * was skipped, and the memory disk's faults stand in (block-store.test.ts, managed-store.test.ts).
 * @module
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { createDisk } from '../../../daemon/io/disk.ts';
import { blocks, isSame, openTestStore, sskRecord } from './store-bench.ts';

/** A small file system of our own, or undefined where nobody lets us have one. */
function smallDisk(t: ExecutionContext, mib: number): string | undefined {
  const dir = mkdtempSync(join(tmpdir(), 'holloway-mount-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mib}m`, 'none', dir], { stdio: 'ignore' });
  } catch {
    rmSync(dir, { recursive: true });
    t.log('skipped: mounting is not allowed here');
    t.pass();
    return undefined;
  }
  t.teardown(() => {
    execFileSync('umount', ['-l', dir]);
    rmSync(dir, { recursive: true });
  });
  return dir;
}

const remount = (dir: string, how: 'ro' | 'rw'): void => {
  execFileSync('mount', ['-o', `remount,${how}`, dir]);
};

test.serial(
  'a full disk: reads go on, writes are refused as disk_full, and go on when there is room again',
  async (t) => {
    const dir = smallDisk(t, 3);
    if (dir === undefined) return;
    const store = await openTestStore(createDisk(join(dir, 'data')), { slots: 64 });
    const kept = blocks(0, 20);
    for (const { ref, bytes } of kept) t.is((await store.put(ref, 0, bytes, 'owner')).type, 'stored');
    const hog = join(dir, 'hog');
    t.throws(() => writeFileSync(hog, Buffer.alloc(8 * 2 ** 20)), { code: 'ENOSPC' });
    t.true(existsSync(hog));

    const fresh = blocks(100, 10);
    for (const { ref, bytes } of fresh) {
      t.deepEqual(await store.put(ref, 0, bytes, 'owner'), { type: 'failed', code: 'disk_full' });
    }
    for (const { ref, bytes } of kept) t.true(isSame(await store.get(ref), bytes));
    t.is(store.stats().writeFailures, 10);
    rmSync(hog);
    for (const { ref, bytes } of fresh) t.is((await store.put(ref, 0, bytes, 'owner')).type, 'stored');
    for (const { ref, bytes } of [...kept, ...fresh]) t.true(isSame(await store.get(ref), bytes));
    await store.close();
  },
);

test.serial(
  'a disk that turns read-only, also before a start: it serves, refuses, and writes again without a restart',
  async (t) => {
    const dir = smallDisk(t, 8);
    if (dir === undefined) return;
    const first = await openTestStore(createDisk(join(dir, 'data')), { slots: 64 });
    const kept = blocks(0, 10);
    for (const { ref, bytes } of kept) await first.put(ref, 0, bytes, 'owner');
    const record = sskRecord(1, 1);
    await first.put(record.ref, 0, record.bytes, 'owner');
    await first.close(); // a file open for writing would forbid the remount

    remount(dir, 'ro');
    const store = await openTestStore(createDisk(join(dir, 'data')), { slots: 64 });
    for (const { ref, bytes } of kept) t.true(isSame(await store.get(ref), bytes));
    t.true(isSame(await store.get(record.ref), record.bytes));
    const refused = { type: 'failed', code: 'disk_read_only' } as const;
    const [fresh] = blocks(50, 1);
    t.deepEqual(await store.put(fresh!.ref, 0, fresh!.bytes, 'owner'), refused);
    t.deepEqual(await store.put(sskRecord(2, 1).ref, 0, sskRecord(2, 1).bytes, 'owner'), refused);

    remount(dir, 'rw');
    t.deepEqual(await store.put(fresh!.ref, 0, fresh!.bytes, 'owner'), { type: 'stored' });
    t.deepEqual(await store.put(sskRecord(2, 1).ref, 0, sskRecord(2, 1).bytes, 'owner'), { type: 'stored' });
    await store.close();
    const again = await openTestStore(createDisk(join(dir, 'data')), { slots: 64 });
    t.true(isSame(await again.get(fresh!.ref), fresh!.bytes));
    t.is(again.stats().records, 2);
    await again.close();
  },
);

test.serial('no file descriptor left: an open store needs none', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'holloway-fds-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const script = fileURLToPath(new URL('../../support/no-descriptors.ts', import.meta.url));
  const said = execFileSync(process.execPath, [script, dir], { encoding: 'utf8' });
  t.deepEqual(JSON.parse(said), {
    ended: 'EMFILE',
    readWithout: true,
    results: ['stored', 'stored'],
    readAfter: true,
  });
});
