/**
 * Blocks on disk: fixed slots in one flat file, and beside it one entry of 64 bytes for each.
 *
 * Shape   "store-data": slot i at i * 32,768, enciphered. "store-meta": entry i at i * 64:
 *           0  state 1 (0 free, 1 store, 2 cache), zero 1, sequence 6 big-endian
 *           8  digest 16, sealed reference 36 (held-ref.ts)
 *          60  CRC-32 over u32 i and bytes 0..59
 *         A slot in use is freed on disk before its bytes change, then data, then its entry: cut anywhere, an entry either matches
 *         its slot or the block fails verification when read, and only that slot is lost.
 * Errors  rejects with the LocalError of the disk. An entry that does not hold reads as free.
 * Why     three times LMDB's speed, and the file cannot outgrow its bound. The checksum is about faults, not about attackers: whoever
 *         writes to our disk can also free a slot, and a block proves itself by its key.
 * Source  libraries § 5; decisions/0001-owned-refs-on-disk.md.
 * @module
 */
import { BLOCK_BYTES } from '../limits.ts';
import type { BlockStorage, Disk } from '../ports.ts';
import { crc32 } from './crc32.ts';
import { createGroupCommit } from './group-commit.ts';
import { SLOT } from './slot-table.ts';
import { DIGEST_BYTES, SEALED_REF_BYTES } from './store-keys.ts';

export const META_BYTES = 64;
/** What one slot costs of store.size. */
export const SLOT_COST_BYTES = BLOCK_BYTES + META_BYTES;
const META_READ_BYTES = 1_048_576;
const DIGEST_AT = 8;
const REF_AT = 24;
const CRC_AT = 60;

export interface MetaEntry {
  readonly state: typeof SLOT.store | typeof SLOT.cache;
  readonly sequence: number;
  readonly digest: Uint8Array; // 16
  readonly sealedRef: Uint8Array; // 36
}

export interface SlotFile {
  /** Slots the file has now. */
  slots(): number;
  /** Grows or shrinks both files. */
  resize(slots: number): Promise<void>;
  /** Calls back for each entry in use, in slot order; the arrays are views that are valid during the call. */
  scan(each: (slot: number, entry: MetaEntry) => void): Promise<void>;
  read(slot: number): Promise<Uint8Array>;
  /** Frees the slot on disk. */
  clear(slot: number): Promise<void>;
  /** Bytes, then entry, into a slot that is free on disk. */
  fill(slot: number, sealed: Uint8Array, entry: MetaEntry): Promise<void>;
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
  let usedOnDisk = new Uint8Array(Math.floor(meta.sizeBytes() / META_BYTES));

  return {
    slots: () => usedOnDisk.length,

    async resize(slots) {
      await resizeTo(meta, slots * META_BYTES);
      await resizeTo(data, slots * BLOCK_BYTES);
      const used = new Uint8Array(slots);
      used.set(usedOnDisk.subarray(0, slots));
      usedOnDisk = used;
    },

    async scan(each) {
      const totalBytes = usedOnDisk.length * META_BYTES;
      for (let at = 0; at < totalBytes; at += META_READ_BYTES) {
        const chunk = await meta.read(at, Math.min(META_READ_BYTES, totalBytes - at));
        for (let offset = 0; offset < chunk.length; offset += META_BYTES) {
          const slot = (at + offset) / META_BYTES;
          const bytes = chunk.subarray(offset, offset + META_BYTES);
          if (bytes[0] === SLOT.free) continue;
          usedOnDisk[slot] = 1; // even an entry that does not hold is freed on disk before its slot changes
          const entry = decodeMeta(slot, bytes);
          if (entry !== undefined) each(slot, entry);
        }
      }
    },

    read: (slot) => data.read(slot * BLOCK_BYTES, BLOCK_BYTES),

    async clear(slot) {
      await meta.write(slot * META_BYTES, new Uint8Array(META_BYTES));
      usedOnDisk[slot] = 0;
    },

    async fill(slot, sealed, entry) {
      await data.write(slot * BLOCK_BYTES, sealed);
      usedOnDisk[slot] = 1; // before the write: a torn entry must be cleared too
      await meta.write(slot * META_BYTES, encodeMeta(slot, entry));
    },

    isFreeOnDisk: (slot) => usedOnDisk[slot] === 0,
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

async function resizeTo(storage: BlockStorage, sizeBytes: number): Promise<void> {
  if (storage.sizeBytes() !== sizeBytes) await storage.resize(sizeBytes);
}

function encodeMeta(slot: number, entry: MetaEntry): Uint8Array {
  const bytes = new Uint8Array(META_BYTES);
  const view = new DataView(bytes.buffer);
  bytes[0] = entry.state;
  view.setUint16(2, Math.floor(entry.sequence / 2 ** 32));
  view.setUint32(4, entry.sequence % 2 ** 32);
  bytes.set(entry.digest, DIGEST_AT);
  bytes.set(entry.sealedRef, REF_AT);
  view.setUint32(CRC_AT, checksum(slot, bytes));
  return bytes;
}

function decodeMeta(slot: number, bytes: Uint8Array): MetaEntry | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, META_BYTES);
  const state = bytes[0];
  if (state !== SLOT.store && state !== SLOT.cache) return undefined;
  if (view.getUint32(CRC_AT) !== checksum(slot, bytes)) return undefined;
  return {
    state,
    sequence: view.getUint16(2) * 2 ** 32 + view.getUint32(4),
    digest: bytes.subarray(DIGEST_AT, DIGEST_AT + DIGEST_BYTES),
    sealedRef: bytes.subarray(REF_AT, REF_AT + SEALED_REF_BYTES),
  };
}

/** The slot number is covered, so that an entry written to the wrong place does not hold there. */
function checksum(slot: number, bytes: Uint8Array): number {
  const place = Uint8Array.of(slot >>> 24, slot >>> 16, slot >>> 8, slot);
  return crc32(bytes.subarray(0, CRC_AT), crc32(place));
}
