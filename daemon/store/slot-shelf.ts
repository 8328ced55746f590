/**
 * Blocks (CHK) in slots: getting, putting, dropping, moving, and what each must promise.
 *
 * Shape   slot-file.ts on disk, slot-table.ts in memory, regions.ts for who gets room.
 * Rule    "owner" and "handoff" are acknowledged after a flush that covers them, many sharing one; "path" at once, without a flush.
 *         Nothing acknowledged is dropped but by eviction, `delete`, or because its bytes no longer match its key; and nothing is
 *         called present to a would-be owner before it was read and verified once more.
 * Errors  the LocalError of the disk; a put that throws has changed nothing that could still be read.
 * Why     a block whose sector cannot be read stays listed (the cable may be loose), but the next put writes it anew.
 * Source  design § 9.
 * @module
 */
import { LocalError } from '../errors.ts';
import { type BlockRef, type CopyReason, hexKey, KIND, type Replica, routingKey } from '../ids.ts';
import type { CachePolicy } from './cache-policy.ts';
import { decodeHeldRef, encodeHeldRef, type HeldRef, packFlags, unpackFlags } from './held-ref.ts';
import { createKeyLock, type KeyLock } from './key-lock.ts';
import type { Region, Regions, Taken } from './regions.ts';
import type { Sequence } from './sequence.ts';
import type { SlotFile } from './slot-file.ts';
import { NO_SLOT, SLOT, type SlotTable } from './slot-table.ts';
import { SEALED_REF_BYTES, type StoreKeys } from './store-keys.ts';
import type { PutResult } from './store-types.ts';

export interface SlotShelfDeps {
  readonly slots: SlotFile;
  readonly table: SlotTable;
  readonly regions: Regions;
  readonly policy: CachePolicy;
  readonly keys: StoreKeys;
  /** Of the store region, and of the cache. */
  readonly sequence: Sequence;
  readonly cacheSequence: Sequence;
  readonly verify: (ref: BlockRef, bytes: Uint8Array) => boolean;
  /** A block no longer matched its key; `owned` as whose it was held. */
  readonly onDamage: (ref: BlockRef, owned: { readonly replica: Replica } | undefined) => void;
  readonly onDiskError: (error: unknown) => void;
  /** Whether everything found when the store opened has been flushed since. */
  readonly isSettled: boolean;
}

export interface SlotShelf {
  get(ref: BlockRef, touch: boolean): Promise<Uint8Array | undefined>;
  /** Throws the LocalError of the disk. */
  put(held: HeldRef, bytes: Uint8Array): Promise<PutResult>;
  delete(ref: BlockRef): Promise<void>;
  has(ref: BlockRef): boolean;
  reasonOf(ref: BlockRef): CopyReason | undefined;
  /** What an entry on disk says of an owned block that is in the table; undefined when it says nothing usable. */
  ownedIn(from: number, to: number): Promise<HeldRef[]>;
  /** False: damaged, and dropped. */
  check(ref: BlockRef): Promise<boolean>;
  /** Gives up a held slot. */
  evict(slot: number): Promise<void>;
  /** Copies what stands in `slot` into a free slot below the limit; gives it up where there is none. */
  move(slot: number): Promise<void>;
  readonly lock: KeyLock;
  readonly hits: { readonly store: number; readonly cache: number };
}

export function createSlotShelf(deps: SlotShelfDeps): SlotShelf {
  const { slots, table, regions, policy, keys } = deps;
  const lock = createKeyLock();
  /** Slots of the store region that no flush has covered yet. */
  const unflushed = new Map<number, { readonly sequence: number; readonly mark: number }>();
  /** Slots that could not be read of late. */
  const unreadable = new Set<number>();
  const hits = { store: 0, cache: 0 };
  let isSettled = deps.isSettled;

  // --- reading ---

  async function get(ref: BlockRef, digest: Uint8Array, touch: boolean): Promise<Uint8Array | undefined> {
    for (;;) {
      const slot = table.find(digest);
      if (slot === NO_SLOT) return undefined;
      const number = table.sequence[slot];
      const bytes = await readSlot(ref, slot);
      // While we read, the slot may have been given to another block: then what we read says nothing.
      if (table.find(digest) !== slot || table.sequence[slot] !== number) continue;
      if (bytes === undefined) return undefined;
      if (deps.verify(ref, bytes)) {
        if (touch) served(slot);
        return bytes;
      }
      const flags = table.state[slot] === SLOT.store ? unpackFlags(table.flags[slot]!) : undefined;
      await discard(slot);
      deps.onDamage(ref, flags);
      return undefined;
    }
  }

  async function readSlot(ref: BlockRef, slot: number): Promise<Uint8Array | undefined> {
    try {
      const bytes = await slots.read(slot, (sealed) => keys.cipher(ref, 0, sealed));
      unreadable.delete(slot);
      return bytes;
    } catch (error) {
      if (!(error instanceof LocalError)) throw error;
      unreadable.add(slot);
      deps.onDiskError(error);
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
    unreadable.delete(slot);
    try {
      await slots.clear(slot);
    } catch (error) {
      deps.onDiskError(error);
    }
    regions.giveBack(slot, region, undefined);
  }

  // --- writing ---

  async function write(held: HeldRef, digest: Uint8Array, bytes: Uint8Array): Promise<PutResult> {
    const region: Region = held.reason === 'path' ? SLOT.cache : SLOT.store;
    const present = table.find(digest);
    if (present !== NO_SLOT && region === SLOT.cache) return { type: 'present' };
    if (present !== NO_SLOT && table.state[present] === SLOT.store) {
      if ((await get(held.ref, digest, false)) !== undefined) return acknowledge(present, { type: 'present' });
      if (unreadable.has(present) && table.find(digest) === present) await discard(present);
    }

    const taken = regions.take(region, held.coarse);
    if (taken === undefined) return { type: 'declined' };
    const mark = slots.mark();
    const number = await fillSlot(taken, region, held, digest, keys.cipher(held.ref, 0, bytes));
    // What passed by before is ours now: the new copy stands for both.
    const cached = table.find(digest);
    if (cached !== NO_SLOT) await discard(cached);
    show(taken.slot, region, digest, number, packFlags(held), held.coarse);
    if (region === SLOT.cache) return { type: 'stored' };
    unflushed.set(taken.slot, { sequence: number, mark });
    return acknowledge(taken.slot, { type: 'stored' });
  }

  function show(slot: number, region: Region, digest: Uint8Array, number: number, flags: number, coarse: number): void {
    table.sequence[slot] = number;
    table.coarse[slot] = coarse;
    table.flags[slot] = flags;
    regions.settle(slot, region, digest);
  }

  /** @returns the sequence number written; when it throws, the slot is given back, and stands as before if nothing was changed */
  async function fillSlot(
    taken: Taken,
    region: Region,
    held: HeldRef | undefined,
    digest: Uint8Array,
    sealed: Uint8Array,
    between?: () => Promise<void>,
  ): Promise<number> {
    let displaced = taken.displaced;
    try {
      const number = (region === SLOT.store ? deps.sequence : deps.cacheSequence).next();
      if (!slots.isFreeOnDisk(taken.slot)) await slots.clear(taken.slot);
      displaced = undefined;
      unreadable.delete(taken.slot);
      const isOwned = region === SLOT.store && held !== undefined;
      const sealedRef = isOwned ? keys.sealRef(number, encodeHeldRef(held)) : new Uint8Array(SEALED_REF_BYTES);
      await slots.fill(taken.slot, sealed, { state: region, sequence: number, digest, sealedRef }, between);
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
    if (pending === undefined || pending.sequence !== number) {
      if (!isSettled) await slots.commit(slots.mark());
      isSettled = true;
      return result;
    }
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

  async function moveLocked(slot: number, digest: Uint8Array): Promise<void> {
    const region = table.state[slot];
    if (table.find(digest) !== slot || (region !== SLOT.store && region !== SLOT.cache)) return;
    const [held] = region === SLOT.store ? await ownedIn(slot, slot + 1) : [];
    const hasRoom = regions.freeCount > 0 && (region === SLOT.cache || held !== undefined);
    const taken = hasRoom && table.find(digest) === slot ? regions.take(region, table.coarse[slot]!) : undefined;
    if (taken === undefined) {
      if (table.find(digest) === slot) await evict(slot);
      return;
    }
    const { flags, coarse } = { flags: table.flags[slot]!, coarse: table.coarse[slot]! };
    let number: number;
    try {
      const sealed = await slots.read(slot, (bytes) => bytes.slice());
      // Of two entries with one digest the newer stands at the next start: its bytes must be there before it is.
      number = await fillSlot(taken, region, held, digest, sealed, () => slots.commit(slots.mark()));
    } catch (error) {
      if (table.state[taken.slot] === SLOT.busy) regions.giveBack(taken.slot, region, undefined);
      throw error;
    }
    if (table.find(digest) === slot) {
      regions.giveBack(slot, regions.hide(slot).region, undefined);
      show(taken.slot, region, digest, number, flags, coarse);
    } else {
      // Given up while it was copied.
      await slots.clear(taken.slot);
      regions.giveBack(taken.slot, region, undefined);
    }
  }

  async function evict(slot: number): Promise<void> {
    const region = table.state[slot] === SLOT.store ? regions.store : regions.cache;
    await discard(slot);
    region.evicted++;
  }

  async function ownedIn(from: number, to: number): Promise<HeldRef[]> {
    const found: HeldRef[] = [];
    await slots.scan(
      ({ slot, state, sequence, bytes, refAt }) => {
        const isCurrent = table.state[slot] === SLOT.store && table.sequence[slot] === sequence;
        if (!isCurrent || state !== SLOT.store) return;
        const held = decodeHeldRef(keys.sealRef(sequence, bytes.subarray(refAt, refAt + SEALED_REF_BYTES)));
        if (held?.ref.kind === KIND.chk) found.push(held);
      },
      from,
      to,
    );
    return found;
  }

  const nameOf = (digest: Uint8Array): string => hexKey(digest);

  return {
    lock,
    hits,
    ownedIn,
    evict,

    async get(ref, touch) {
      const digest = keys.digest(ref);
      if (touch) policy.asked(digest);
      return get(ref, digest, touch);
    },

    put(held, bytes) {
      const digest = keys.digest(held.ref);
      return lock.run(nameOf(digest), () => write(held, digest, bytes));
    },

    delete(ref) {
      const digest = keys.digest(ref);
      return lock.run(nameOf(digest), async () => {
        const slot = table.find(digest);
        if (slot !== NO_SLOT) await discard(slot);
      });
    },

    has: (ref) => table.find(keys.digest(ref)) !== NO_SLOT,

    reasonOf(ref) {
      const slot = table.find(keys.digest(ref));
      return slot === NO_SLOT ? undefined : unpackFlags(table.flags[slot]!)?.reason;
    },

    async check(ref) {
      const digest = keys.digest(ref);
      const slot = table.find(digest);
      if (slot === NO_SLOT) return true;
      return (await get(ref, digest, false)) !== undefined || table.find(digest) !== NO_SLOT;
    },

    move(slot) {
      const digest = table.digestOf(slot).slice();
      return lock.run(nameOf(digest), () => moveLocked(slot, digest));
    },
  };
}

/** What is written down of a block that is put. */
export function heldRef(ref: BlockRef, replica: Replica, reason: CopyReason, coarse: number): HeldRef {
  return { ref: { kind: ref.kind, key: routingKey(ref.key) }, replica, reason, coarse };
}
