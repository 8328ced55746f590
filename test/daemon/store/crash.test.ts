/**
 * Power cuts at the boundaries of a script, disks that lie, sectors that rot. The long form is `npm run long -- store-kills`.
 * @module
 */
import test from 'ava';
import { createMemoryDisk } from '../../support/memory-disk.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';
import { runCrashScript } from '../../support/store-crashes.ts';
import { blocks, isSame, openTestStore } from './store-bench.ts';

const SECTOR_BYTES = 512;

for (const seed of [1, 2]) {
  test(`cut at boundaries of a script, seed ${seed}: nothing acknowledged is lost, no other bytes come back`, async (t) => {
    const report = await runCrashScript({ seed, operations: 80, cutEvery: 8 });
    t.deepEqual(report.broken, []);
    t.true(report.cuts > 20 && report.acknowledgedChecks > 100, `${report.cuts} cuts`);
    const { writesLost, writesTorn, writesKept } = report.counters;
    t.true(Math.min(writesLost, writesTorn, writesKept) > 0);
  });
}

test('a disk that misdirects, drops and rots writes: damage is found, no other bytes come back', async (t) => {
  const faults = { misdirected: 0.05, lost: 0.05, rot: 0.05 };
  const report = await runCrashScript({ seed: 3, operations: 100, cutEvery: 8, faults });
  t.deepEqual(report.broken, []);
  t.is(report.badBytes, 0);
  t.true(report.damaged > 0);
  const { misdirected, droppedSilently, bitsRotten } = report.counters;
  t.true(Math.min(misdirected, droppedSilently, bitsRotten) > 0);
});

test('a tenth of all sectors damaged: every block that lost one is missing and counted, every other one is served', async (t) => {
  const disk = createMemoryDisk();
  const store = await openTestStore(disk, { slots: 120 });
  const kept = blocks(0, 120);
  for (const [index, { ref, bytes }] of kept.entries())
    await store.put(ref, 0, bytes, index % 2 === 0 ? 'owner' : 'path');
  await store.close();

  const random = createSeededRandom('sectors');
  const isHit = new Set<number>();
  for (const [name, slotBytes] of [
    ['store-data', 32_768],
    ['store-meta', 64],
  ] as const) {
    const bytes = disk.bytesOf(name);
    // Sectors damaged are drawn by runs of 8, as disks lose them: else hardly a block of 64 would be left whole.
    for (let at = 0; at < bytes.length; at += 8 * SECTOR_BYTES) {
      if (random.unit() >= 0.1) continue;
      for (let i = at; i < Math.min(at + 8 * SECTOR_BYTES, bytes.length); i++)
        bytes[i]! ^= 1 + Math.floor(random.unit() * 255);
      for (let slot = Math.floor(at / slotBytes); slot * slotBytes < at + 8 * SECTOR_BYTES; slot++) isHit.add(slot);
    }
  }
  const reopened = await openTestStore(disk, { slots: 120 });
  const found = reopened.stats().store.blocks + reopened.stats().cache.blocks;
  let missing = 0;
  for (const [slot, { ref, bytes }] of kept.entries()) {
    const got = await reopened.get(ref);
    t.true(isHit.has(slot) ? got === undefined : isSame(got, bytes)); // slots were given out in order
    if (got === undefined) missing++;
  }
  t.true(missing > 40 && missing < 100, `${missing} missing`);
  t.is(missing, [...isHit].filter((slot) => slot < 120).length);
  t.is(reopened.stats().damaged, missing - (120 - found)); // entries that did not hold were never listed
});
