/**
 * A process of its own that runs out of file descriptors with a store open: the test process must not, others' tests run in it.
 * Prints one JSON line of what happened. Usage: node test/support/no-descriptors.ts DIR
 * @module
 */
import { closeSync, openSync } from 'node:fs';
import { createDisk } from '../../daemon/io/disk.ts';
import { blocks, openTestStore, sskRecord } from '../daemon/store/store-bench.ts';

const store = await openTestStore(createDisk(process.argv[2]!), { slots: 64 });
const [kept, fresh] = blocks(0, 2);
await store.put(kept!.ref, 0, kept!.bytes, 'owner');
await store.put(sskRecord(1, 1).ref, 0, sskRecord(1, 1).bytes, 'owner');
const record = sskRecord(2, 1);
const hogs: number[] = [];
let ended: unknown;
try {
  for (;;) hogs.push(openSync('/dev/null', 'r'));
} catch (error) {
  ended = (error as NodeJS.ErrnoException).code;
}
const same = (bytes: Uint8Array | undefined, wanted: Uint8Array): boolean =>
  bytes !== undefined && Buffer.compare(bytes, wanted) === 0;
const readWithout = same(await store.get(kept!.ref), kept!.bytes);
const results = [
  (await store.put(fresh!.ref, 0, fresh!.bytes, 'owner')).type,
  (await store.put(record.ref, 0, record.bytes, 'owner')).type,
];
for (const fd of hogs) closeSync(fd);
const readAfter = same(await store.get(fresh!.ref), fresh!.bytes);
await store.close();
console.log(JSON.stringify({ ended, readWithout, results, readAfter }));
