/**
 * A long script of puts, gets, deletes and evictions on a disk that is cut at its every boundary; each cut is opened and looked at.
 *
 * Shape   the script runs once; at a boundary the disk is forked (crash-disk.ts) with the list of what was acknowledged by then and
 *         not given up since. The fork must open, still have all of that, byte for byte, and serve nothing else but right bytes.
 * @module
 */
import { ringLocation } from '../../daemon/ids.ts';
import { verifyBlock } from '../../daemon/keys/verify.ts';
import type { Clock, Random } from '../../daemon/ports.ts';
import { openStore } from '../../daemon/store/block-store.ts';
import type { ManagedStore } from '../../daemon/store/store-types.ts';
import {
  type Block,
  block,
  createPromptClock,
  crypto,
  isSame,
  pointerRecord,
  sizeFor,
  sskRecord,
} from '../daemon/store/store-bench.ts';
import { type CrashCounters, CrashDisk, type WriteFaults } from './crash-disk.ts';
import { createSeededRandom } from './seeded-random.ts';

const SLOTS = 24;
const BLOCKS = 160;
const RECORDS = 40;

export interface CrashScript {
  readonly seed: number;
  readonly operations: number;
  /** Every so many boundaries one is cut. */
  readonly cutEvery: number;
  /** So many times, each with coins of its own. */
  readonly cutsEach?: number;
  /** A disk that lies: what was acknowledged may then be gone, but nothing may come back changed. */
  readonly faults?: WriteFaults;
}

export interface CrashReport {
  readonly boundaries: number;
  readonly cuts: number;
  /** Checks that an acknowledged block or record was there after a cut. */
  readonly acknowledgedChecks: number;
  readonly lost: number;
  /** Blocks the reopened stores dropped because they no longer matched their keys. */
  readonly damaged: number;
  readonly badBytes: number;
  readonly reads: number;
  readonly reopenMsMax: number;
  readonly counters: CrashCounters;
  readonly broken: readonly string[];
}

interface Cut {
  readonly disk: CrashDisk;
  readonly boundary: number;
  readonly acknowledged: readonly Item[];
}

interface Item extends Block {
  readonly name: string;
}

export async function runCrashScript(script: CrashScript): Promise<CrashReport> {
  const random = createSeededRandom(`crashes ${script.seed}`);
  const disk = new CrashDisk(random.fork('disk'));
  const clock = createPromptClock();
  const items = makeItems();
  const acknowledged = new Map<string, Item>();
  const broken: string[] = [];
  const totals = {
    boundaries: 0,
    cuts: 0,
    acknowledgedChecks: 0,
    lost: 0,
    damaged: 0,
    badBytes: 0,
    reads: 0,
    reopenMsMax: 0,
  };
  let waiting: Cut[] = [];

  const store = await open(disk, clock, random);
  if (script.faults !== undefined) disk.faults = script.faults;
  disk.onBoundary = () => {
    if (totals.boundaries++ % script.cutEvery !== 0) return;
    // What the living store gave up is not owed any more; what is under way was either acknowledged or is not owed yet.
    for (const [name, item] of acknowledged) if (store.reasonOf(item.ref) === undefined) acknowledged.delete(name);
    const owed = [...acknowledged.values()];
    for (let i = 0; i < (script.cutsEach ?? 1); i++) {
      waiting.push({ disk: disk.fork(), boundary: totals.boundaries, acknowledged: owed });
    }
  };

  for (let done = 0; done < script.operations; ) {
    const together = 1 + Math.floor(random.unit() * 4);
    await Promise.all(
      Array.from({ length: together }, () => operate(store, pick(items, random), random, acknowledged)),
    );
    done += together;
    const cuts = waiting;
    waiting = [];
    for (const cut of cuts) await lookAt(cut);
  }
  disk.onBoundary = undefined;
  await store.close();

  async function lookAt(cut: Cut): Promise<void> {
    totals.cuts++;
    const startedMs = performance.now();
    const reopened = await open(cut.disk, clock, random);
    totals.reopenMsMax = Math.max(totals.reopenMsMax, performance.now() - startedMs);
    const owed = new Set(cut.acknowledged.map(({ name }) => name));
    for (const item of items) {
      const isOwed = owed.has(item.name);
      if (!isOwed && !reopened.has(item.ref)) continue;
      totals.reads++;
      if (isOwed) totals.acknowledgedChecks++;
      const bytes = await reopened.get(item.ref);
      if (bytes === undefined && isOwed) {
        totals.lost++;
        if (script.faults === undefined)
          broken.push(`boundary ${cut.boundary}: ${item.name} was acknowledged and is gone`);
      }
      if (bytes !== undefined && !isSame(bytes, item.bytes)) {
        totals.badBytes++;
        broken.push(`boundary ${cut.boundary}: ${item.name} came back with other bytes`);
      }
    }
    totals.damaged += reopened.stats().damaged;
    await reopened.close();
  }

  return { ...totals, counters: disk.counters, broken };
}

function open(disk: CrashDisk, clock: Clock, random: Random): Promise<ManagedStore> {
  return openStore(
    { disk, crypto, random: random.fork('root'), clock, log: { write: () => {} } },
    {
      sizeBytes: sizeFor(SLOTS),
      ownLocation: () => ringLocation(0.25),
      verify: (ref, bytes) => verifyBlock(crypto, ref, bytes),
    },
  );
}

function makeItems(): Item[] {
  const named = (kind: string, number: number, made: Block): Item => ({ ...made, name: `${kind} ${number}` });
  return [
    ...Array.from({ length: BLOCKS }, (_, number) => named('block', number, block(number))),
    ...Array.from({ length: RECORDS }, (_, number) => named('record', number, sskRecord(number, 1))),
    ...Array.from({ length: RECORDS / 4 }, (_, number) => named('pointer', number, pointerRecord(number, 1))),
  ];
}

async function operate(
  store: ManagedStore,
  item: Item,
  random: Random,
  acknowledged: Map<string, Item>,
): Promise<void> {
  const what = random.unit();
  if (what < 0.1) {
    acknowledged.delete(item.name);
    await store.delete(item.ref);
  } else if (what < 0.25) {
    await store.get(item.ref);
  } else {
    const reason = what < 0.4 ? 'path' : what < 0.85 ? 'owner' : 'handoff';
    const { type } = await store.put(item.ref, Math.floor(random.unit() * 8), item.bytes, reason);
    const isDurable = reason !== 'path' && (type === 'stored' || type === 'present');
    if (isDurable && store.reasonOf(item.ref) !== undefined) acknowledged.set(item.name, item);
  }
}

function pick(items: readonly Item[], random: Random): Item {
  return items[Math.floor(random.unit() * items.length)]!;
}
