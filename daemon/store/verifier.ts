/**
 * `store verify`: everything owned is read once and what no longer matches its key is dropped, while the node works.
 *
 * Shape   slots in order, then records; a pause after each piece keeps it under the rate that was asked for.
 * Unit    bytes per second of blocks read.
 * Why     rot in a block that nobody asks for is found only by looking. What passed by cannot be checked so: its keys are not on this
 *         disk on purpose; it is verified when somebody asks for it, like everything else.
 * @module
 */
import { BLOCK_BYTES } from '../limits.ts';
import type { Pauses } from './pauses.ts';
import type { RecordShelf } from './record-shelf.ts';
import type { Regions } from './regions.ts';
import type { SlotShelf } from './slot-shelf.ts';
import type { SlotTable } from './slot-table.ts';
import type { VerifyProgress } from './store-types.ts';

/** Slots whose entries are read at once. */
const PAGE_SLOTS = 256;
/** Blocks between two pauses: half a MiB. */
const BLOCKS_AT_ONCE = 16;
const RECORDS_AT_ONCE = 64;
const RECORDS_PAUSE_MS = 5;

export interface Verifier {
  begin(bytesPerSec: number): boolean;
  readonly progress: VerifyProgress;
  /** Once the pauses have ended. */
  stop(): Promise<void>;
}

interface VerifierDeps {
  readonly pauses: Pauses;
  readonly table: SlotTable;
  readonly regions: Regions;
  readonly blocks: SlotShelf;
  readonly shelf: RecordShelf;
  readonly onDiskError: (error: unknown) => void;
}

export function createVerifier({ pauses, table, regions, blocks, shelf, onDiskError }: VerifierDeps): Verifier {
  let isRunning = false;
  let isStopping = false;
  let running: Promise<void> = Promise.resolve();
  let done = 0;
  let total = 0;
  let damaged = 0;
  let cached = 0;

  async function verifyBlocks(bytesPerSec: number): Promise<void> {
    const pauseMs = Math.max(1, Math.ceil((BLOCKS_AT_ONCE * BLOCK_BYTES * 1_000) / bytesPerSec));
    for (let from = 0; from < table.capacity && !isStopping; from += PAGE_SLOTS) {
      for (const { ref } of await blocks.ownedIn(from, from + PAGE_SLOTS)) {
        if (isStopping) return;
        if (!(await blocks.check(ref))) damaged++;
        if (++done % BLOCKS_AT_ONCE === 0) await pauses.wait(pauseMs);
      }
    }
  }

  async function verifyRecords(): Promise<void> {
    for (let row = 0; row < shelf.rows && !isStopping; row++) {
      const matches = shelf.checkAt(row);
      if (matches === undefined) continue;
      if (!matches) damaged++;
      if (++done % RECORDS_AT_ONCE === 0) await pauses.wait(RECORDS_PAUSE_MS);
    }
  }

  return {
    begin(bytesPerSec) {
      if (isRunning) return false;
      isRunning = true;
      done = 0;
      damaged = 0;
      cached = regions.cache.blocks;
      total = regions.store.blocks + shelf.ownedCount;
      running = verifyBlocks(bytesPerSec)
        .then(verifyRecords)
        .catch(onDiskError)
        .finally(() => {
          isRunning = false;
        });
      return true;
    },

    get progress() {
      return { isRunning, done: Math.min(done, total), total, damaged, cached };
    },

    async stop() {
      isStopping = true;
      await running;
    },
  };
}
