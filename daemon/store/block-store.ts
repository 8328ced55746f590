/**
 * The datastore: what this node owns and what passed by, on disk, bounded, verified whenever it leaves.
 *
 * Shape   blocks (CHK) in slots (slot-file.ts) indexed in memory (slot-table.ts); records in record-shelf.ts. Two regions share the
 *         slots (regions.ts): store keeps what lies nearest to our location (farthest-first.ts), cache what is asked for most
 *         (cache-policy.ts). Of store.size a 32nd is for records, the rest for slots.
 * Rule    "owner" and "handoff" are acknowledged after a flush that covers them, many sharing one; "path" at once, without a flush.
 *         Nothing acknowledged is dropped but by eviction, `delete`, or because its bytes no longer match its key.
 * Errors  open throws LocalError `store_format` for a newer format, and the disk's own. Afterwards a disk that fails never throws:
 *         put answers {type:'failed', code}, the next put tries again, and reads go on.
 * Privacy an unsealed disk gives its thief the routing keys of owned blocks and a test for keys he knows, of cached blocks the test
 *         alone; no plain text, no times, and nothing of what was asked for (decisions/0001-owned-refs-on-disk.md).
 * Source  design § 9.
 * @module
 */
import { assert } from '../errors.ts';
import { type BlockRef, type CopyReason, hexKey, KIND, type Replica, type RingLocation, routingKey } from '../ids.ts';
import { locationOf } from '../keys/location.ts';
import { pointerVersion } from '../keys/node-ssk.ts';
import { BLOCK_BYTES } from '../limits.ts';
import type { Clock, Crypto, Disk, Log, Random } from '../ports.ts';
import { createCachePolicy } from './cache-policy.ts';
import { createFarthestFirst } from './farthest-first.ts';
import { coarseLocation, encodeHeldRef, type HeldRef, packFlags, unpackFlags } from './held-ref.ts';
import { putFailure } from './put-failure.ts';
import { openRecordShelf, RECORD_COST_BYTES } from './record-shelf.ts';
import { createRegions, type Region, type RegionCounts, type Taken } from './regions.ts';
import { openSequence } from './sequence.ts';
import { openSlotFile, SLOT_COST_BYTES } from './slot-file.ts';
import { loadSlots } from './slot-load.ts';
import { createSlotTable, NO_SLOT, SLOT } from './slot-table.ts';
import { createStoreKeys } from './store-keys.ts';
import { openStoreRoot, SEQUENCE_KEY, STATE_TABLE } from './store-root.ts';
import type { BlockStore, PutResult, RegionStats } from './store-types.ts';

const RECORDS_SHARE = 1 / 32;
const RECORDS_MIN = 16;
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
  /** Asked when something has to go, never while opening. */
  readonly ownLocation: () => RingLocation;
  readonly verify: (ref: BlockRef, bytes: Uint8Array) => boolean;
  /** Whether a pointer record replaces the one that stands; by default the higher version does. */
  readonly supersedes?: (existing: Uint8Array, candidate: Uint8Array) => boolean;
}

export async function openStore(deps: StoreDeps, options: StoreOptions): Promise<BlockStore> {
  const { crypto, clock, log } = deps;
  const recordsMax = Math.max(RECORDS_MIN, Math.floor((options.sizeBytes * RECORDS_SHARE) / RECORD_COST_BYTES));
  const slotCount = Math.max(0, Math.floor((options.sizeBytes * (1 - RECORDS_SHARE)) / SLOT_COST_BYTES));

  const records = await deps.disk.openRecords('store');
  const slots = await openSlotFile(deps.disk);
  const keys = createStoreKeys(crypto, await openStoreRoot(records, slots, deps.random));
  const sequence = openSequence(records, STATE_TABLE, SEQUENCE_KEY);
  const table = createSlotTable(slotCount);
  const policy = createCachePolicy(table);
  const ownCoarse = (): number => coarseLocation(options.ownLocation());
  const regions = createRegions({ table, policy, farthest: createFarthestFirst(table, ownCoarse), ownCoarse });
  const shelf = openRecordShelf(
    { crypto, records, keys, sequence },
    {
      recordsMax,
      ownLocation: options.ownLocation,
      verify: options.verify,
      supersedes: options.supersedes ?? hasHigherVersion,
    },
  );
  await loadSlots({ slots, table, regions, keys, sequence });

  /** Puts under way by digest: a second one waits and then looks again. */
  const writing = new Map<string, Promise<unknown>>();
  /** Slots of the store region that no flush has covered yet. */
  const unflushed = new Map<number, { readonly sequence: number; readonly mark: number }>();
  const copies: Record<CopyReason, number> = { owner: 0, path: 0, handoff: 0 };
  const hits = { store: 0, cache: 0 };
  let lookups = 0;
  let misses = 0;
  let damaged = 0;
  let writeFailures = 0;
  let complainedAtMs: number | undefined;
  let closing: Promise<void> | undefined;

  // --- reading ---

  async function getBlock(ref: BlockRef, touch: boolean): Promise<Uint8Array | undefined> {
    const digest = keys.digest(ref);
    if (touch) policy.asked(digest);
    for (;;) {
      const slot = table.find(digest);
      if (slot === NO_SLOT) return undefined;
      const number = table.sequence[slot];
      const bytes = await readSlot(ref, slot);
      // While we read, the slot may have been given to another block: then what we read says nothing.
      if (table.find(digest) !== slot || table.sequence[slot] !== number) continue;
      if (bytes === undefined) return undefined;
      if (options.verify(ref, bytes)) {
        if (touch) served(slot);
        return bytes;
      }
      damaged++;
      log.write('warn', 'store', 'a block no longer matched its key and was dropped');
      await discard(slot);
      return undefined;
    }
  }

  async function readSlot(ref: BlockRef, slot: number): Promise<Uint8Array | undefined> {
    try {
      return keys.cipher(ref, 0, await slots.read(slot));
    } catch (error) {
      complain(putFailure(error).code);
      return undefined;
    }
  }

  function served(slot: number): void {
    if (table.state[slot] === SLOT.store) {
      hits.store++;
      return;
    }
    hits.cache++;
    policy.touch(slot);
  }

  /** Forgets a slot that is held, on disk too if the disk lets us. */
  async function discard(slot: number): Promise<void> {
    const { region } = regions.hide(slot);
    try {
      await slots.clear(slot);
    } catch (error) {
      complain(putFailure(error).code);
    }
    regions.giveBack(slot, region, undefined);
  }

  // --- writing ---

  async function putBlock(ref: BlockRef, replica: Replica, bytes: Uint8Array, reason: CopyReason): Promise<PutResult> {
    const digest = keys.digest(ref);
    const name = hexKey(digest);
    for (let other = writing.get(name); other !== undefined; other = writing.get(name)) await other;
    const coarse = coarseLocation(locationOf(crypto, ref, replica));
    const work = writeBlock({ ref: { kind: ref.kind, key: ref.key }, replica, reason, coarse }, digest, bytes);
    writing.set(
      name,
      work.then(
        () => writing.delete(name),
        () => writing.delete(name),
      ),
    );
    try {
      return await work;
    } catch (error) {
      return putFailure(error);
    }
  }

  async function writeBlock(held: HeldRef, digest: Uint8Array, bytes: Uint8Array): Promise<PutResult> {
    const region: Region = held.reason === 'path' ? SLOT.cache : SLOT.store;
    const present = table.find(digest);
    if (present !== NO_SLOT && region === SLOT.cache) return { type: 'present' };
    if (present !== NO_SLOT && table.state[present] === SLOT.store) return acknowledge(present, { type: 'present' });

    const taken = regions.take(region, held.coarse);
    if (taken === undefined) return { type: 'declined' };
    const mark = slots.mark();
    const number = await fillSlot(taken, region, held, digest, bytes);
    // What passed by before is ours now: the new copy stands for both.
    const cached = table.find(digest);
    if (cached !== NO_SLOT) await discard(cached);
    const { slot } = taken;
    table.sequence[slot] = number;
    table.coarse[slot] = held.coarse;
    table.flags[slot] = packFlags(held);
    if (region === SLOT.store) table.keyOf(slot).set(held.ref.key);
    regions.settle(slot, region, digest);
    if (region === SLOT.cache) return { type: 'stored' };
    unflushed.set(slot, { sequence: number, mark });
    return acknowledge(slot, { type: 'stored' });
  }

  /** @returns the sequence number written; when it throws, the slot is given back, and stands as before if nothing was changed */
  async function fillSlot(
    taken: Taken,
    region: Region,
    held: HeldRef,
    digest: Uint8Array,
    bytes: Uint8Array,
  ): Promise<number> {
    let displaced = taken.displaced;
    try {
      const number = sequence.next();
      if (!slots.isFreeOnDisk(taken.slot)) await slots.clear(taken.slot);
      displaced = undefined;
      const sealedRef = keys.sealRef(number, encodeHeldRef(held));
      await slots.fill(taken.slot, keys.cipher(held.ref, 0, bytes), {
        state: region,
        sequence: number,
        digest,
        sealedRef,
      });
      return number;
    } catch (error) {
      regions.giveBack(taken.slot, region, displaced);
      throw error;
    }
  }

  /** Answers `result` once a flush has covered the slot; if that flush fails, the slot is no copy that anybody may count on. */
  async function acknowledge(slot: number, result: PutResult): Promise<PutResult> {
    const number = table.sequence[slot];
    const pending = unflushed.get(slot);
    if (pending === undefined || pending.sequence !== number) return result;
    try {
      await slots.commit(pending.mark);
    } catch (error) {
      if (table.state[slot] === SLOT.store && table.sequence[slot] === number) await discard(slot);
      throw error;
    } finally {
      if (unflushed.get(slot) === pending) unflushed.delete(slot);
    }
    return result;
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

  // --- the whole ---

  function regionStats(counts: RegionCounts, other: RegionCounts, hitCount: number): RegionStats {
    return {
      blocks: counts.blocks,
      bytes: counts.blocks * BLOCK_BYTES,
      // What is due, and what the other region leaves unused.
      bytesMax: Math.max(Math.floor(slotCount / 2), slotCount - other.blocks) * BLOCK_BYTES,
      hits: hitCount,
      evicted: counts.evicted,
    };
  }

  async function close(): Promise<void> {
    await Promise.allSettled(writing.values());
    try {
      await slots.close();
    } finally {
      records.close();
    }
  }

  return {
    async get(ref, { touch = true } = {}) {
      if (closing !== undefined) return undefined;
      const bytes = ref.kind === KIND.chk ? await getBlock(ref, touch) : shelf.get(ref);
      if (touch) lookups++;
      if (touch && bytes === undefined) misses++;
      return bytes;
    },

    has(ref) {
      return ref.kind === KIND.chk ? table.find(keys.digest(ref)) !== NO_SLOT : shelf.reasonOf(ref) !== undefined;
    },

    reasonOf(ref) {
      if (ref.kind !== KIND.chk) return shelf.reasonOf(ref);
      const slot = table.find(keys.digest(ref));
      return slot === NO_SLOT ? undefined : unpackFlags(table.flags[slot]!)?.reason;
    },

    async put(ref, replica, bytes, reason) {
      if (closing !== undefined) return { type: 'declined' };
      assert(ref.kind !== KIND.chk || bytes.length === BLOCK_BYTES, 'a verified block has the size of a slot');
      const result =
        ref.kind === KIND.chk ? await putBlock(ref, replica, bytes, reason) : shelf.put(ref, replica, bytes, reason);
      account(result, reason);
      return result;
    },

    async delete(ref) {
      if (ref.kind !== KIND.chk) return shelf.delete(ref);
      const digest = keys.digest(ref);
      const name = hexKey(digest);
      for (let other = writing.get(name); other !== undefined; other = writing.get(name)) await other;
      const slot = table.find(digest);
      if (slot !== NO_SLOT) await discard(slot);
    },

    stats() {
      return {
        store: regionStats(regions.store, regions.cache, hits.store),
        cache: regionStats(regions.cache, regions.store, hits.cache),
        records: shelf.count,
        lookups,
        misses,
        damaged: damaged + shelf.damaged,
        writeFailures,
        copies: { ...copies },
      };
    },

    ownedRefs() {
      const found = shelf.owned();
      for (let slot = 0; slot < table.capacity; slot++) {
        const flags = table.state[slot] === SLOT.store ? unpackFlags(table.flags[slot]!) : undefined;
        if (flags === undefined) continue;
        const ref = { kind: flags.kind, key: routingKey(table.keyOf(slot).slice()) };
        found.push({ ref, replica: flags.replica });
      }
      return found;
    },

    close() {
      closing ??= close();
      return closing;
    },
  };
}

function hasHigherVersion(existing: Uint8Array, candidate: Uint8Array): boolean {
  return (pointerVersion(candidate) ?? -1) > (pointerVersion(existing) ?? -1);
}
