/**
 * Making a store larger or smaller while it runs.
 *
 * Shape   larger: more slots may be given out, at once. Smaller: no slot past the new end is given out any more; what must go is given
 *         up, what lies past the end moves into free slots below it, one flush, then the files are cut.
 * Unit    JOBS_AT_ONCE slots, then a pause: the node answers in between.
 * Errors  a disk that refuses ends the job; nothing acknowledged is lost by that, and the next start or resize goes on with it.
 * Why     of two copies with one digest the newer one stands at the next start, so the bytes of a moved copy are flushed before its
 *         entry is written, and its entry before the files are cut: a cut at any moment loses nothing.
 * @module
 */
import type { Bounds } from './bounds.ts';
import type { CachePolicy } from './cache-policy.ts';
import type { Pauses } from './pauses.ts';
import type { RecordShelf } from './record-shelf.ts';
import type { Regions } from './regions.ts';
import type { SlotFile } from './slot-file.ts';
import type { SlotShelf } from './slot-shelf.ts';
import { NO_SLOT, SLOT, type SlotTable } from './slot-table.ts';
import type { JobProgress, ResizePlan } from './store-types.ts';

const JOBS_AT_ONCE = 64;
const PAUSE_MS = 2;

export interface Resizer {
  plan(bounds: Bounds): ResizePlan;
  /** From now on these hold; the rest happens in the background. */
  begin(bounds: Bounds): void;
  readonly progress: JobProgress;
  /** Ends what is under way, once the pauses have ended; the next start goes on with it. */
  stop(): Promise<void>;
}

interface ResizerDeps {
  readonly pauses: Pauses;
  readonly slots: SlotFile;
  readonly table: SlotTable;
  readonly regions: Regions;
  readonly policy: CachePolicy;
  readonly blocks: SlotShelf;
  readonly shelf: RecordShelf;
  readonly onDiskError: (error: unknown) => void;
}

export function createResizer(deps: ResizerDeps): Resizer {
  const { pauses, slots, table, regions, policy, blocks, shelf } = deps;
  /** Rises when a job begins or all must end: an older one then ends by itself. */
  let turn = 0;
  let running: Promise<void> = Promise.resolve();
  let isRunning = false;
  let done = 0;
  let total = 0;

  const pause = (): Promise<void> => pauses.wait(PAUSE_MS);

  async function shrink(mine: number): Promise<void> {
    for (let more = shelf.ownedCount > shelf.max; more && mine === turn; await pause()) more = shelf.trim(JOBS_AT_ONCE);
    while (mine === turn && regions.used > regions.limit) {
      for (let i = 0; i < JOBS_AT_ONCE && regions.used > regions.limit; i++, done++) {
        const slot = regions.leastWanted();
        if (slot === NO_SLOT) break; // the rest is being written; it settles, and is seen in the next round
        await blocks.evict(slot);
      }
      await pause();
    }
    const moving: Promise<void>[] = [];
    for (let slot = regions.limit; slot < table.capacity && mine === turn; slot++) {
      const state = table.state[slot];
      if (state === SLOT.busy) {
        await pause(); // a put that began before
        slot--;
      } else if (state !== SLOT.free) {
        moving.push(blocks.move(slot));
        done++;
      }
      if (moving.length < JOBS_AT_ONCE && slot + 1 < table.capacity) continue;
      await Promise.all(moving.splice(0)); // they share a flush
      await pause();
    }
    await Promise.all(moving);
    if (mine !== turn) return;
    await slots.commit(slots.mark());
    if (mine === turn) await slots.truncate(regions.limit);
  }

  async function work(before: Promise<void>, mine: number): Promise<void> {
    await before;
    if (mine !== turn) return;
    isRunning = true;
    try {
      await shrink(mine);
    } catch (error) {
      deps.onDiskError(error);
    }
    if (mine === turn) isRunning = false;
  }

  return {
    plan({ sizeBytes, slots: limit, records }) {
      const over = Math.max(0, regions.used - limit);
      const cacheDue = limit - Math.floor(limit / 2);
      const overCache = Math.min(over, Math.max(0, regions.cache.blocks - cacheDue));
      return {
        sizeBytes,
        slots: limit,
        evictedStore: over - overCache,
        evictedCache: overCache,
        evictedRecords: Math.max(0, shelf.ownedCount - records),
      };
    },

    begin({ slots: limit, records }) {
      turn++;
      if (limit > table.capacity) {
        table.grow(limit);
        policy.grow();
      }
      slots.bound(limit);
      shelf.setMax(records);
      regions.setLimit(limit);
      done = 0;
      total = Math.max(0, regions.used - limit);
      for (let slot = limit; slot < table.capacity; slot++) if (table.state[slot] !== SLOT.free) total++;
      isRunning = total > 0 || shelf.ownedCount > records || slots.slots() > limit;
      if (isRunning) running = work(running, turn);
    },

    get progress() {
      return { isRunning, done: Math.min(done, total), total };
    },

    async stop() {
      turn++;
      isRunning = false;
      await running;
    },
  };
}
