/**
 * Blocks on disk: fixed slots in one flat file, and beside it one entry of 64 bytes for each.
 *
 * Shape   "store-data": slot i at i * 32,768, enciphered. "store-meta": entry i at i * 64:
 *           0  state 1 (0 free, 1 store, 2 cache), zero 1, sequence 6 big-endian
 *           8  digest 16
 *          24  sealed reference 36 (held-ref.ts); zero in the cache
 *          60  CRC-32 over u32 i and bytes 0..59
 *         A slot in use is freed on disk before its bytes change, then data, then its entry: cut anywhere, an entry either matches
 *         its slot or the block fails verification when read, and only that slot is lost.
 *         Both files grow as slots are first used, GROW_SLOTS at a time, never past what `bound` allows.
 * Errors  rejects with the LocalError of the disk. An entry that does not hold reads as free.
 * Why     three times LMDB's speed, and the file cannot outgrow its bound. The checksum is about faults, not about attackers: whoever
 *         writes to our disk can also free a slot, and a block proves itself by its key.
 * Source  libraries § 5; decisions/0001-owned-refs-on-disk.md.
 * @module
 */
import { BLOCK_BYTES } from '../limits.ts';
import type { Disk } from '../ports.ts';
import { crc32 } from './crc32.ts';
import { createGroupCommit } from './group-commit.ts';
import { grown, SLOT } from './slot-table.ts';

export const META_BYTES = 64;
/** What one slot costs of store.size. */
export const SLOT_COST_BYTES = BLOCK_BYTES + META_BYTES;
const META_READ_BYTES = 1_048_576;
/** 4 MiB: few enough resizes, and the file is at most that much longer than what was written. */
const GROW_SLOTS = 128;
const DIGEST_AT = 8;
const REF_AT = 24;
const CRC_AT = 60;
/** Buffers kept for reading: so many reads under way share them, others make their own. */
const SCRATCH_KEPT = 8;

export interface MetaEntry {
  readonly state: typeof SLOT.store | typeof SLOT.cache;
  readonly sequence: number;
  readonly digest: Uint8Array; // 16
  readonly sealedRef: Uint8Array; // 36
}

/** An entry where it was read: valid during the call it is handed to, for a million of them make no object each. */
export interface MetaView {
  slot: number;
  state: typeof SLOT.store | typeof SLOT.cache;
  sequence: number;
  bytes: Uint8Array;
  /** Where in `bytes` the digest and the sealed reference begin. */
  digestAt: number;
  refAt: number;
}

export interface SlotFile {
  /** Slots the files hold now. */
  slots(): number;
  /** The files never get more slots than this. */
  bound(slots: number): void;
  /** Cuts both files to so many slots. */
  truncate(slots: number): Promise<void>;
  /** Calls back for each entry in use, in slot order. */
  scan(each: (entry: MetaView) => void, from?: number, to?: number): Promise<void>;
  /** What `use` makes of the enciphered bytes, which are valid during the call. */
  read<T>(slot: number, use: (sealed: Uint8Array) => T): Promise<T>;
  /** Frees the slot on disk. */
  clear(slot: number): Promise<void>;
  /** Bytes, then entry, into a slot that is free on disk. @param between awaited after the bytes, before the entry */
  fill(slot: number, sealed: Uint8Array, entry: MetaEntry, between?: () => Promise<void>): Promise<void>;
  isFreeOnDisk(slot: number): boolean;
  /** Group commit: mark before the first write, commit after the last. */
  mark(): number;
  commit(mark: number): Promise<void>;
  close(): Promise<void>;
}

export async function openSlotFile(disk: Disk): Promise<SlotFile> {
  const data = await disk.openBlocks('store-data');
  const meta = await disk.openBlocks('store-meta');
  const commits = createGroupCommit(async () => {
    await Promise.all([data.flush(), meta.flush()]);
  });
  const scratch: Uint8Array[] = [];
  let boundSlots = 0;
  let growing: Promise<void> | undefined;
  /** Entries that are not zero on disk, even those that do not hold: they are cleared before their slot changes. */
  let usedOnDisk = new Uint8Array(Math.floor(meta.sizeBytes() / META_BYTES));

  /** A cut between the two may leave one file longer; what only one of them has is no slot. */
  const slots = (): number =>
    Math.min(Math.floor(meta.sizeBytes() / META_BYTES), Math.floor(data.sizeBytes() / BLOCK_BYTES));

  async function growFor(slot: number): Promise<void> {
    const wanted = Math.min(boundSlots, Math.ceil((slot + 1) / GROW_SLOTS) * GROW_SLOTS);
    if (data.sizeBytes() < wanted * BLOCK_BYTES) await data.resize(wanted * BLOCK_BYTES);
    if (meta.sizeBytes() < wanted * META_BYTES) await meta.resize(wanted * META_BYTES);
    if (usedOnDisk.length < wanted) usedOnDisk = grown(usedOnDisk, new Uint8Array(wanted));
  }

  return {
    slots,

    bound(wanted) {
      boundSlots = wanted;
    },

    async truncate(wanted) {
      if (meta.sizeBytes() > wanted * META_BYTES) await meta.resize(wanted * META_BYTES);
      if (data.sizeBytes() > wanted * BLOCK_BYTES) await data.resize(wanted * BLOCK_BYTES);
      usedOnDisk = usedOnDisk.slice(0, wanted);
    },

    async scan(each, from = 0, to = usedOnDisk.length) {
      const readable = slots();
      const endBytes = Math.min(to, usedOnDisk.length) * META_BYTES;
      const buffer = new Uint8Array(Math.min(META_READ_BYTES, Math.max(0, endBytes - from * META_BYTES)));
      const view: MetaView = {
        slot: 0,
        state: SLOT.store,
        sequence: 0,
        bytes: new Uint8Array(0),
        digestAt: 0,
        refAt: 0,
      };
      for (let at = from * META_BYTES; at < endBytes; at += META_READ_BYTES) {
        const length = Math.min(META_READ_BYTES, endBytes - at);
        const chunk = await meta.read(at, length, buffer.subarray(0, length));
        for (let offset = 0; offset < chunk.length; offset += META_BYTES) {
          const slot = (at + offset) / META_BYTES;
          if (isZero(chunk, offset)) continue;
          usedOnDisk[slot] = 1;
          const state = chunk[offset];
          if (state !== SLOT.store && state !== SLOT.cache) continue;
          if (slot >= readable || readUint32(chunk, offset + CRC_AT) !== checksum(slot, chunk, offset)) continue;
          view.slot = slot;
          view.state = state;
          view.sequence = (chunk[offset + 2]! * 256 + chunk[offset + 3]!) * 2 ** 32 + readUint32(chunk, offset + 4);
          view.bytes = chunk;
          view.digestAt = offset + DIGEST_AT;
          view.refAt = offset + REF_AT;
          each(view);
        }
      }
    },

    async read(slot, use) {
      const into = scratch.pop() ?? new Uint8Array(BLOCK_BYTES);
      try {
        return use(await data.read(slot * BLOCK_BYTES, BLOCK_BYTES, into));
      } finally {
        if (scratch.length < SCRATCH_KEPT) scratch.push(into);
      }
    },

    async clear(slot) {
      if (slot >= usedOnDisk.length) return;
      await meta.write(slot * META_BYTES, new Uint8Array(META_BYTES));
      usedOnDisk[slot] = 0;
    },

    async fill(slot, sealed, entry, between) {
      while (slot >= slots()) {
        growing ??= growFor(slot).finally(() => {
          growing = undefined;
        });
        await growing;
      }
      await data.write(slot * BLOCK_BYTES, sealed);
      await between?.();
      usedOnDisk[slot] = 1; // before the write: a torn entry must be cleared too
      await meta.write(slot * META_BYTES, encodeMeta(slot, entry));
    },

    isFreeOnDisk: (slot) => slot >= usedOnDisk.length || usedOnDisk[slot] === 0,
    mark: () => commits.mark(),
    commit: (mark) => commits.commit(mark),

    async close() {
      try {
        await commits.commit(commits.mark());
      } finally {
        await Promise.all([data.close(), meta.close()]);
      }
    },
  };
}

function isZero(bytes: Uint8Array, from: number): boolean {
  for (let at = from; at < from + META_BYTES; at++) if (bytes[at] !== 0) return false;
  return true;
}

function readUint32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

function encodeMeta(slot: number, entry: MetaEntry): Uint8Array {
  const bytes = new Uint8Array(META_BYTES);
  const view = new DataView(bytes.buffer);
  bytes[0] = entry.state;
  view.setUint16(2, Math.floor(entry.sequence / 2 ** 32));
  view.setUint32(4, entry.sequence % 2 ** 32);
  bytes.set(entry.digest, DIGEST_AT);
  bytes.set(entry.sealedRef, REF_AT);
  view.setUint32(CRC_AT, checksum(slot, bytes, 0));
  return bytes;
}

const place = new Uint8Array(4);

/** The slot number is covered, so that an entry written to the wrong place does not hold there. */
function checksum(slot: number, bytes: Uint8Array, from: number): number {
  place[0] = slot >>> 24;
  place[1] = slot >>> 16;
  place[2] = slot >>> 8;
  place[3] = slot;
  return crc32(bytes, crc32(place), from, from + CRC_AT);
}
