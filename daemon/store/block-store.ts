/**
 * The datastore: what this node owns and what passed by, on disk, bounded, verified whenever it leaves.
 *
 * Shape   blocks (CHK) in slots (slot-shelf.ts), records in record-shelf.ts. Two regions share the slots (regions.ts): store keeps
 *         what lies nearest to our location (farthest-first.ts), cache what is asked for most (cache-policy.ts). Of store.size a
 *         32nd is for records, the rest for slots.
 * Errors  open throws LocalError `store_format` for a newer format, `bad_passphrase`, and the disk's own. A disk that only refuses
 *         writes does not keep the store from opening, and afterwards a disk that fails never throws: put answers
 *         {type:'failed', code}, the next put tries again, and reads go on.
 * Privacy an unsealed disk gives its thief the routing keys of owned blocks and a test for keys he knows, of cached blocks the test
 *         alone; no plain text, no times, and nothing of what was asked for. A sealed one gives him neither
 *         (decisions/0001-owned-refs-on-disk.md).
 * Source  design § 9.
 * @module
 */
import { assert } from '../errors.ts';
import { type BlockRef, type CopyReason, hexKey, KIND, type Replica, type RingLocation } from '../ids.ts';
import { locationOf } from '../keys/location.ts';
import { pointerVersion } from '../keys/node-ssk.ts';
import { BLOCK_BYTES } from '../limits.ts';
import type { Clock, Crypto, Disk, Log, Random } from '../ports.ts';
import { boundsOf } from './bounds.ts';
import { createCachePolicy } from './cache-policy.ts';
import { createFarthestFirst } from './farthest-first.ts';
import { coarseLocation } from './held-ref.ts';
import { readOwnedPage } from './owned-pages.ts';
import { createPauses } from './pauses.ts';
import { putFailure } from './put-failure.ts';
import { openRecordShelf } from './record-shelf.ts';
import { createRegions, type RegionCounts } from './regions.ts';
import { createResizer } from './resizer.ts';
import { openSequence } from './sequence.ts';
import { openSlotFile } from './slot-file.ts';
import { loadSlots } from './slot-load.ts';
import { createSlotShelf, heldRef } from './slot-shelf.ts';
import { createSlotTable } from './slot-table.ts';
import { createStoreKeys } from './store-keys.ts';
import { CACHE_SEQUENCE_KEY, openStoreRoot, readSize, SEQUENCE_KEY, STATE_TABLE, writeSize } from './store-root.ts';
import type { ManagedStore, PutResult, RegionStats } from './store-types.ts';
import { createVerifier } from './verifier.ts';

/** A disk that refuses everything is said so once in this time. */
const COMPLAINT_INTERVAL_MS = 60_000;

export interface StoreDeps {
  readonly disk: Disk;
  readonly crypto: Crypto;
  readonly random: Random;
  readonly clock: Clock;
  readonly log: Log;
}

export interface StoreOptions {
  /** Bounds both regions and the records together. */
  readonly sizeBytes: number;
  /** `sizeBytes` is for a new store only: one that was told a size keeps it. */
  readonly keepsSize?: boolean;
  readonly passphrase?: Uint8Array | undefined;
  /** log2 of scrypt's N for a new sealing; the tests' is lower. */
  readonly sealingLogN?: number;
  /** Asked when something has to go, never while opening. */
  readonly ownLocation: () => RingLocation;
  readonly verify: (ref: BlockRef, bytes: Uint8Array) => boolean;
  /** Whether a pointer record replaces the one that stands; by default the higher version does. */
  readonly supersedes?: (existing: Uint8Array, candidate: Uint8Array) => boolean;
  /** Days since 1970; by default the clock's, which tests set to what they like. */
  readonly nowDay?: () => number;
  /** A block that was held as owner no longer matched its key and was dropped: others may still have it. */
  readonly onLost?: (ref: BlockRef, replica: Replica) => void;
}

export async function openStore(deps: StoreDeps, options: StoreOptions): Promise<ManagedStore> {
  const { crypto, clock, log } = deps;
  const records = await deps.disk.openRecords('store');
  const slots = await openSlotFile(deps.disk);
  const root = await openStoreRoot(
    { crypto, random: deps.random, records, slots },
    options.passphrase,
    options.sealingLogN,
  );
  const keys = createStoreKeys(crypto, root.bytes);
  const sequence = openSequence(records, STATE_TABLE, SEQUENCE_KEY);
  const cacheSequence = openSequence(records, STATE_TABLE, CACHE_SEQUENCE_KEY);
  const pauses = createPauses(clock);

  let bounds = boundsOf((options.keepsSize === true ? readSize(records) : undefined) ?? options.sizeBytes);
  const table = createSlotTable(Math.max(bounds.slots, slots.slots()));
  const policy = createCachePolicy(table);
  const ownCoarse = (): number => coarseLocation(options.ownLocation());
  const regions = createRegions({ table, policy, farthest: createFarthestFirst(table, ownCoarse), ownCoarse });

  const copies: Record<CopyReason, number> = { owner: 0, path: 0, handoff: 0 };
  let lookups = 0;
  let misses = 0;
  let damaged = 0;
  let writeFailures = 0;
  let complainedAtMs: number | undefined;
  let closing: Promise<void> | undefined;

  const shelf = openRecordShelf(
    { crypto, clock, records, keys, sequence },
    {
      recordsMax: bounds.records,
      ownLocation: options.ownLocation,
      verify: options.verify,
      supersedes: options.supersedes ?? hasHigherVersion,
      nowDay: options.nowDay ?? (() => Math.floor(clock.nowMs() / 86_400_000)),
    },
  );
  await loadSlots({ slots, table, regions, keys });
  const blocks = createSlotShelf({
    slots,
    table,
    regions,
    policy,
    keys,
    sequence,
    cacheSequence,
    verify: options.verify,
    onDamage(ref, owned) {
      damaged++;
      log.write('warn', 'store', 'a block no longer matched its key and was dropped');
      if (owned !== undefined) options.onLost?.(ref, owned.replica);
    },
    onDiskError,
    isSettled: await trySettle(),
  });
  const background = { pauses, table, regions, blocks, shelf, onDiskError };
  const resizer = createResizer({ ...background, slots, policy });
  const verifier = createVerifier(background);
  rememberSize(bounds.sizeBytes);
  resizer.begin(bounds);

  /** After a kill, entries may be in the system's cache alone: they must not be called present as if they were durable. */
  async function trySettle(): Promise<boolean> {
    try {
      await slots.commit(slots.mark());
      return true;
    } catch (error) {
      onDiskError(error);
      return false;
    }
  }

  function rememberSize(sizeBytes: number): void {
    if (readSize(records) === sizeBytes) return;
    try {
      writeSize(records, sizeBytes);
    } catch (error) {
      onDiskError(error);
    }
  }

  function onDiskError(error: unknown): void {
    complain(putFailure(error).code);
  }

  function account(result: PutResult, reason: CopyReason): void {
    if (result.type === 'failed') {
      writeFailures++;
      complain(result.code);
    } else if (result.type === 'stored') {
      copies[reason]++;
      if (complainedAtMs !== undefined) log.write('info', 'store', 'the disk takes writes again');
      complainedAtMs = undefined;
    }
  }

  function complain(code: 'disk_full' | 'disk_read_only' | 'disk_failed'): void {
    const nowMs = clock.nowMs();
    if (complainedAtMs !== undefined && nowMs - complainedAtMs < COMPLAINT_INTERVAL_MS) return;
    complainedAtMs = nowMs;
    log.write('error', 'store', `the disk refuses: ${code}; what is readable is still served`);
  }

  async function putBlock(ref: BlockRef, replica: Replica, bytes: Uint8Array, reason: CopyReason): Promise<PutResult> {
    // A cache chooses by what is asked for, not by place.
    const coarse = reason === 'path' ? 0 : coarseLocation(locationOf(crypto, ref, replica));
    try {
      return await blocks.put(heldRef(ref, replica, reason, coarse), bytes);
    } catch (error) {
      return putFailure(error);
    }
  }

  function regionStats(counts: RegionCounts, other: RegionCounts, hits: number): RegionStats {
    return {
      blocks: counts.blocks,
      bytes: counts.blocks * BLOCK_BYTES,
      // What is due, and what the other region leaves unused.
      bytesMax: Math.max(Math.floor(regions.limit / 2), regions.limit - other.blocks) * BLOCK_BYTES,
      hits,
      evicted: counts.evicted,
    };
  }

  async function close(): Promise<void> {
    pauses.end();
    await Promise.all([resizer.stop(), verifier.stop()]);
    shelf.close();
    await blocks.lock.idle();
    try {
      await slots.close();
    } finally {
      records.close();
    }
  }

  return {
    async get(ref, { touch = true } = {}) {
      if (closing !== undefined) return undefined;
      const bytes = ref.kind === KIND.chk ? await blocks.get(ref, touch) : shelf.get(ref);
      if (touch) lookups++;
      if (touch && bytes === undefined) misses++;
      return bytes;
    },

    has: (ref) => (ref.kind === KIND.chk ? blocks.has(ref) : shelf.reasonOf(ref) !== undefined),
    reasonOf: (ref) => (ref.kind === KIND.chk ? blocks.reasonOf(ref) : shelf.reasonOf(ref)),

    async put(ref, replica, bytes, reason) {
      if (closing !== undefined) return { type: 'declined' };
      assert(ref.kind !== KIND.chk || bytes.length === BLOCK_BYTES, 'a verified block has the size of a slot');
      const result =
        ref.kind === KIND.chk
          ? await putBlock(ref, replica, bytes, reason)
          : await blocks.lock.run(`record ${ref.kind} ${hexKey(ref.key)}`, () =>
              shelf.put(ref, replica, bytes, reason),
            );
      account(result, reason);
      return result;
    },

    async delete(ref) {
      if (ref.kind === KIND.chk) await blocks.delete(ref);
      else shelf.delete(ref);
    },

    stats() {
      return {
        store: regionStats(regions.store, regions.cache, blocks.hits.store),
        cache: regionStats(regions.cache, regions.store, blocks.hits.cache),
        records: shelf.count,
        recordsEvicted: shelf.evicted,
        lookups,
        misses,
        damaged: damaged + shelf.damaged,
        writeFailures,
        copies: { ...copies },
        sizeBytes: bounds.sizeBytes,
        isSealed: root.isSealed,
      };
    },

    owned: (from, wanted) => readOwnedPage({ table, blocks, shelf }, from, wanted),

    verify: (bytesPerSec) => closing === undefined && verifier.begin(bytesPerSec),
    get verifying() {
      return verifier.progress;
    },

    planResize: (sizeBytes) => resizer.plan(boundsOf(sizeBytes)),
    resize(sizeBytes) {
      if (closing !== undefined) return;
      writeSize(records, sizeBytes);
      bounds = boundsOf(sizeBytes);
      resizer.begin(bounds);
    },
    get resizing() {
      return resizer.progress;
    },

    changePassphrase: (passphrase) => root.seal(passphrase),
    secretFor: (purpose) => crypto.hkdf(root.bytes, '', `holloway ${purpose}`, 32),

    close() {
      closing ??= close();
      return closing;
    },
  };
}

function hasHigherVersion(existing: Uint8Array, candidate: Uint8Array): boolean {
  return (pointerVersion(candidate) ?? -1) > (pointerVersion(existing) ?? -1);
}
