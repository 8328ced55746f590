/**
 * The store's parts by themselves: table, sketch, policy, checksum, group commit, sequence, seal.
 * @module
 */
import test from 'ava';
import fc from 'fast-check';
import { LocalError } from '../../../daemon/errors.ts';
import { KIND, routingKey } from '../../../daemon/ids.ts';
import { createCachePolicy } from '../../../daemon/store/cache-policy.ts';
import { crc32 } from '../../../daemon/store/crc32.ts';
import { createFrequencySketch } from '../../../daemon/store/frequency-sketch.ts';
import { createGroupCommit } from '../../../daemon/store/group-commit.ts';
import { decodeHeldRef, encodeHeldRef } from '../../../daemon/store/held-ref.ts';
import { openSequence } from '../../../daemon/store/sequence.ts';
import { createSlotTable, NO_SLOT } from '../../../daemon/store/slot-table.ts';
import { createStoreKeys } from '../../../daemon/store/store-keys.ts';
import { createMemoryDisk } from '../../support/memory-disk.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';
import { crypto } from './store-bench.ts';

/** Digests whose hash table buckets collide a lot: only two values of the first byte. */
const digest = fc.tuple(fc.constantFrom(3, 250), fc.nat(40)).map(([first, last]) => {
  const bytes = new Uint8Array(16);
  bytes[0] = first;
  bytes[15] = last;
  return bytes;
});

test('SlotTable: behaves as a Map under any order of link and unlink', (t) => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), digest), { maxLength: 200 }), (steps) => {
      const table = createSlotTable(82);
      const model = new Map<string, number>();
      const free = Array.from({ length: 82 }, (_, slot) => slot);
      for (const [isLink, bytes] of steps) {
        const name = bytes.join();
        const slot = model.get(name);
        if (isLink && slot === undefined) {
          const taken = free.pop()!;
          table.link(taken, bytes);
          model.set(name, taken);
        } else if (!isLink && slot !== undefined) {
          table.unlink(slot);
          model.delete(name);
          free.push(slot);
        }
        t.is(table.find(bytes), model.get(name) ?? NO_SLOT);
      }
      for (const [name, slot] of model) {
        t.is(table.find(Uint8Array.from(name.split(','), Number)), slot);
        t.is(table.digestOf(slot).join(), name);
      }
    }),
    { numRuns: 60 },
  );
});

test('crc32: the check value of its standard, and the same in pieces', (t) => {
  const bytes = Buffer.from('123456789');
  t.is(crc32(bytes), 0xcbf4_3926);
  t.is(crc32(bytes.subarray(4), crc32(bytes.subarray(0, 4))), 0xcbf4_3926);
  t.is(crc32(new Uint8Array(0)), 0);
});

test('FrequencySketch: never too low while young, capped, and halved with age', (t) => {
  const random = createSeededRandom(1);
  const sketch = createFrequencySketch(100);
  const often = random.bytes(16);
  for (let count = 0; count < 5; count++) sketch.count(often);
  t.is(sketch.estimate(often), 5);
  for (let count = 0; count < 50; count++) sketch.count(often);
  t.is(sketch.estimate(often), 15);
  t.true(sketch.estimate(random.bytes(16)) <= 15);
  for (let count = 0; count < 1_000; count++) sketch.count(random.bytes(16));
  t.true(sketch.estimate(often) < 15);
});

/** Share of requests served by a cache of `size` under the policy, and under LRU, on one trace of item numbers. */
function hitRatios(trace: readonly number[], size: number): { tiny: number; lru: number } {
  const table = createSlotTable(size);
  const policy = createCachePolicy(table);
  const slotOf = new Map<number, number>();
  const itemOf = new Map<number, number>();
  const lru = new Set<number>();
  const free = Array.from({ length: size }, (_, slot) => slot);
  const digests = new Map<number, Uint8Array>();
  let tinyHits = 0;
  let lruHits = 0;
  for (const item of trace) {
    let bytes = digests.get(item);
    if (bytes === undefined) {
      bytes = crypto.sha256(`${item}`).subarray(0, 16);
      digests.set(item, bytes);
    }
    policy.asked(bytes);
    const held = slotOf.get(item);
    if (held !== undefined) {
      tinyHits++;
      policy.touch(held);
    } else {
      let slot = free.pop();
      if (slot === undefined) {
        slot = policy.victim();
        policy.remove(slot);
        table.unlink(slot);
        slotOf.delete(itemOf.get(slot)!);
      }
      table.link(slot, bytes);
      slotOf.set(item, slot);
      itemOf.set(slot, item);
      policy.insert(slot);
    }
    if (lru.delete(item)) lruHits++;
    else if (lru.size === size) lru.delete(lru.values().next().value!);
    lru.add(item);
  }
  return { tiny: tinyHits / trace.length, lru: lruHits / trace.length };
}

function zipfTrace(items: number, length: number, exponent: number, seed: string): number[] {
  const random = createSeededRandom(seed);
  const sums: number[] = [];
  for (let rank = 1; rank <= items; rank++) sums.push((sums.at(-1) ?? 0) + rank ** -exponent);
  return Array.from({ length }, () => {
    const wanted = random.unit() * sums.at(-1)!;
    let low = 0;
    let high = items - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sums[middle]! < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  });
}

test('CachePolicy: on Zipf 0.8 with scans at least 5 points above LRU', (t) => {
  const trace = zipfTrace(5_000, 20_000, 0.8, 'zipf');
  const scanned = trace.flatMap((item, index) =>
    index % 4_000 === 3_999 ? Array.from({ length: 1_000 }, (_, step) => 1_000_000 + index + step) : [item],
  );
  const { tiny, lru } = hitRatios(scanned, 250);
  t.true(tiny >= lru + 0.05, `TinyLFU ${tiny.toFixed(3)}, LRU ${lru.toFixed(3)}`);
});

test('CachePolicy: when popularity turns over altogether it follows', (t) => {
  const trace = zipfTrace(2_000, 10_000, 1, 'old').concat(
    zipfTrace(2_000, 15_000, 1, 'new').map((item) => item + 50_000),
  );
  const { tiny, lru } = hitRatios(trace, 200);
  t.true(tiny >= lru - 0.01, `TinyLFU ${tiny.toFixed(3)}, LRU ${lru.toFixed(3)}`);
});

test('GroupCommit: who comes while a flush runs shares the next one', async (t) => {
  const running: PromiseWithResolvers<void>[] = [];
  const commits = createGroupCommit(() => {
    const flush = Promise.withResolvers<void>();
    running.push(flush);
    return flush.promise;
  });
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const first = [commits.commit(commits.mark()), commits.commit(commits.mark())];
  await turn();
  t.is(running.length, 1);
  const second = [commits.commit(commits.mark()), commits.commit(commits.mark()), commits.commit(commits.mark())];
  await turn();
  t.is(running.length, 1);
  running[0]!.resolve();
  await Promise.all(first);
  await turn();
  t.is(running.length, 2);
  running[1]!.resolve();
  await Promise.all(second);
  t.is(commits.flushes, 2);
});

test('GroupCommit: a failed flush fails everybody who wrote before it failed, and nobody later', async (t) => {
  let isBroken = true;
  const release = Promise.withResolvers<void>();
  const commits = createGroupCommit(async () => {
    await release.promise;
    if (isBroken) throw new LocalError('disk_failed');
  });
  const markBefore = commits.mark();
  const failing = commits.commit(markBefore);
  await new Promise((resolve) => setImmediate(resolve));
  const joined = commits.commit(commits.mark());
  release.resolve();
  await t.throwsAsync(failing, { code: 'disk_failed' });
  isBroken = false;
  await t.throwsAsync(joined, { code: 'disk_failed' });
  await t.throwsAsync(commits.commit(markBefore), { code: 'disk_failed' });
  await t.notThrowsAsync(commits.commit(commits.mark()));
});

test('Sequence: no number comes twice over any number of crashes', async (t) => {
  const records = await createMemoryDisk().openRecords('store');
  let last = 0;
  for (let opening = 0; opening < 5; opening++) {
    const sequence = openSequence(records, 'store', 'sequence');
    for (let draw = 0; draw < 10; draw++) {
      const number = sequence.next();
      t.true(number > last);
      last = number;
    }
  }
});

test('StoreKeys: sealing twice opens, each number and each key has its own stretch', (t) => {
  const keys = createStoreKeys(crypto, new Uint8Array(32).fill(1));
  const others = createStoreKeys(crypto, new Uint8Array(32).fill(2));
  const plain = new Uint8Array(36).fill(7);
  const seen = new Set<string>();
  for (const sequence of [1, 2, 255, 256, 257, 1_000_000, 2 ** 40]) {
    const sealed = keys.sealRef(sequence, plain);
    t.deepEqual(keys.sealRef(sequence, sealed), plain);
    seen.add(sealed.join()).add(others.sealRef(sequence, plain).join());
  }
  t.is(seen.size, 14);
});

test('StoreKeys: digest and slot key depend on kind, key and root', (t) => {
  const keys = createStoreKeys(crypto, new Uint8Array(32).fill(1));
  const others = createStoreKeys(crypto, new Uint8Array(32).fill(2));
  const key = routingKey(new Uint8Array(32).fill(3));
  const digests = [keys, others].flatMap((some) =>
    Object.values(KIND).map((kind) => some.digest({ kind, key }).join()),
  );
  t.is(new Set(digests).size, 8);
  const bytes = new Uint8Array(100);
  const ref = { kind: KIND.ssk, key };
  const sealed = keys.cipher(ref, 5, bytes);
  t.deepEqual(keys.cipher(ref, 5, sealed), bytes);
  for (const other of [keys.cipher(ref, 6, bytes), others.cipher(ref, 5, bytes)]) t.notDeepEqual(other, sealed);
});

test('HeldRef: decode(encode(x)) is x', (t) => {
  fc.assert(
    fc.property(
      fc.constantFrom(...Object.values(KIND)),
      fc.nat(7),
      fc.constantFrom('owner', 'handoff'),
      fc.nat(2 ** 24 - 1),
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      (kind, replica, reason, coarse, key) => {
        const held = { ref: { kind, key: routingKey(key) }, replica, reason: reason as 'owner' | 'handoff', coarse };
        t.deepEqual(decodeHeldRef(encodeHeldRef(held)), held);
      },
    ),
    { numRuns: 50 },
  );
  t.is(decodeHeldRef(new Uint8Array(36)), undefined);
});
