/**
 * A process that works a store in a real directory as hard as it can, to be killed: `node store-worker.ts DIR SEED`.
 *
 * Shape   one line on stdout before it may delete ("D n") and after each acknowledged put ("A n"); "R ms" once the store is open. Lines
 *         go out by one write each, so what the parent has not read is still in the pipe after kill -9.
 * @module
 */
import { writeSync } from 'node:fs';
import { createDisk } from '../../daemon/io/disk.ts';
import { openTestStore } from '../daemon/store/store-bench.ts';
import { createSeededRandom } from './seeded-random.ts';
import { ITEMS, itemOf, KILL_SLOTS } from './store-kills.ts';

const WORKERS = 8;

const say = (line: string): void => void writeSync(1, `${line}\n`);
const [, , dir, seed] = process.argv;
const startedMs = performance.now();
const store = await openTestStore(createDisk(dir!), { slots: KILL_SLOTS });
say(`R ${(performance.now() - startedMs).toFixed(1)}`);
const random = createSeededRandom(`worker ${seed}`);

/** Each has numbers of its own: what two did to one would reach the parent in any order. */
async function work(_: unknown, index: number): Promise<never> {
  for (;;) {
    const number = Math.floor((random.unit() * ITEMS) / WORKERS) * WORKERS + index;
    const { ref, bytes } = itemOf(number);
    const what = random.unit();
    if (what < 0.2) {
      say(`D ${number}`);
      await store.delete(ref);
    } else if (what < 0.35) {
      await store.get(ref);
    } else if (what < 0.5) {
      await store.put(ref, 0, bytes, 'path');
    } else {
      const { type } = await store.put(ref, 0, bytes, 'owner');
      if (type === 'stored' || type === 'present') say(`A ${number}`);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}

await Promise.all(Array.from({ length: WORKERS }, work));
