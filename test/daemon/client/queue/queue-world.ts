/**
 * A queue over the fake network of fake-circuits.ts, with files in memory: lives can be ended at any moment and begun again.
 * @module
 */
import { createQueue, type PersistentQueue } from '../../../../daemon/client/queue/queue.ts';
import type { FetchRequest, PublishRequest, QueueEntry } from '../../../../daemon/client/queue-types.ts';
import type { ResumableClient } from '../../../../daemon/client/resume-types.ts';
import { LocalError } from '../../../../daemon/errors.ts';
import type { Records } from '../../../../daemon/ports.ts';
import { createMemoryDisk } from '../../../support/memory-disk.ts';
import { createMemoryFiles, type MemoryFiles } from '../../../support/memory-files.ts';
import { createSeededRandom } from '../../../support/seeded-random.ts';
import { testCrypto } from '../../../support/test-crypto.ts';
import { createFakeWorld, type FakeWorld } from '../fake-circuits.ts';

export interface QueueWorld {
  readonly net: FakeWorld;
  readonly files: MemoryFiles;
  readonly records: Records;
  queue: PersistentQueue;
  /** The home takes nothing, neither rows nor spool; the user's files go on. */
  readonly home: { isFull: boolean };
  /** As after kill -9: nothing is told, the next life finds what was written. */
  kill(): Promise<void>;
  /** Lets time run until the entry is in one of the states. */
  until(id: string, ...states: QueueEntry['state'][]): Promise<QueueEntry>;
}

export async function createQueueWorld(
  options: { seed?: number; windowBlocks?: number; latencyMs?: number; spoolBytesMax?: number } = {},
): Promise<QueueWorld> {
  const { seed = 1, spoolBytesMax } = options;
  const net = createFakeWorld(options);
  const files = createMemoryFiles();
  const records = await createMemoryDisk().openRecords('queue');
  const home = { isFull: false };
  let lives = 0;
  const refusing = <T extends object>(of: T, calls: readonly string[], path = ''): T => {
    return new Proxy(of, {
      get(target, name) {
        const value = Reflect.get(target, name) as unknown;
        if (typeof value !== 'function' || !calls.includes(String(name))) return value;
        return (...given: unknown[]) => {
          if (home.isFull && String(given[0]).startsWith(path)) throw new LocalError('disk_full');
          return value.apply(target, given) as unknown;
        };
      },
    });
  };
  const begin = (client: ResumableClient): PersistentQueue => {
    const life = ++lives;
    const isOver = (): boolean => life !== lives;
    return createQueue({
      clock: net.clock,
      random: createSeededRandom(`${seed}/${lives}`),
      crypto: testCrypto(`${seed}/${lives}`),
      log: { write: (level, subsystem, text) => net.logged.push(`${level} ${subsystem}: ${text}`) },
      records: mortal(refusing(records, ['put', 'delete', 'transaction']), isOver),
      files: mortal(refusing(files, ['open'], `${files.spool}/`), isOver, ['open']),
      client,
      key: new Uint8Array(32).fill(9),
      ...(spoolBytesMax === undefined ? {} : { spoolBytesMax }),
    });
  };
  const world: QueueWorld = {
    home,
    net,
    files,
    records,
    queue: begin(net.client),
    async kill() {
      world.queue = begin(net.nextLife());
      await world.queue.start();
    },
    async until(id, ...states) {
      const isThere = (): boolean => {
        const entry = world.queue.entry(id);
        return entry !== undefined && states.includes(entry.state);
      };
      const came = await net.clock.runUntil(isThere, 3_600_000);
      const entry = world.queue.entry(id);
      if (!came || entry === undefined) {
        throw new Error(`the entry is ${entry?.state} (${entry?.error?.code}: ${entry?.error?.detail})`);
      }
      return entry;
    },
  };
  await world.queue.start();
  return world;
}

export const FETCH: Omit<FetchRequest, 'uri' | 'to'> = {
  priority: 3,
  persistence: 'forever',
  retries: 0,
  options: { trafficClass: 'fast' },
};

export const PUBLISH_REQUEST: Omit<PublishRequest, 'from'> = {
  priority: 3,
  persistence: 'forever',
  retries: 0,
  options: { trafficClass: 'fast', convergent: false },
};

/** The same object until its life is over; then every call hangs, as nothing goes on in a process that was killed. */
function mortal<T extends object>(of: T, isOver: () => boolean, gives: readonly string[] = []): T {
  return new Proxy(of, {
    get(target, name) {
      const value = Reflect.get(target, name) as unknown;
      if (typeof value !== 'function') return value;
      return (...given: unknown[]) => {
        if (isOver()) return new Promise(() => {});
        const result = value.apply(target, given) as unknown;
        if (!gives.includes(String(name))) return result;
        return (result as Promise<object>).then((made) => mortal(made, isOver));
      };
    },
  });
}
