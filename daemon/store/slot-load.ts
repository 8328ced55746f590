/**
 * Opening the slots: the index rebuilt from the entries on disk, and the file brought to its size.
 *
 * Shape   entries are taken in order of sequence, oldest first: the order in which references are quick to open, and the cache's
 *         order of age.
 * Rule    a file that must shrink moves what lies past its new end into free slots, owned blocks first; what finds none is lost.
 *         Of two entries with one digest the one in the store region stands, or the newer.
 * Errors  the LocalError of the disk.
 * Why     everything found is flushed once before the store opens: after a kill, entries may be in the system's cache alone,
 *         and must not be called present as if they were durable.
 * @module
 */
import { decodeHeldRef, encodeHeldRef, type HeldRef, packFlags } from './held-ref.ts';
import type { Region, Regions } from './regions.ts';
import type { Sequence } from './sequence.ts';
import type { SlotFile } from './slot-file.ts';
import { NO_SLOT, SLOT, type SlotTable } from './slot-table.ts';
import { DIGEST_BYTES, SEALED_REF_BYTES, type StoreKeys } from './store-keys.ts';

interface LoadDeps {
  readonly slots: SlotFile;
  readonly table: SlotTable;
  readonly regions: Regions;
  readonly keys: StoreKeys;
  readonly sequence: Sequence;
}

interface Stray {
  readonly slot: number;
  readonly region: Region;
  readonly digest: Uint8Array;
  readonly held: HeldRef;
}

export async function loadSlots(deps: LoadDeps): Promise<void> {
  const { slots, table, regions } = deps;
  const strays = await adoptEntries(deps);
  regions.ready();
  if (slots.slots() < table.capacity) await slots.resize(table.capacity);
  for (const stray of strays) await moveIn(deps, stray);
  const mark = slots.mark();
  await slots.commit(mark);
  await slots.resize(table.capacity);
}

async function adoptEntries({ slots, table, regions, keys }: LoadDeps): Promise<Stray[]> {
  const onDisk = slots.slots();
  const region = new Uint8Array(onDisk);
  const sequence = new Float64Array(onDisk);
  const digests = new Uint8Array(onDisk * DIGEST_BYTES);
  const sealed = new Uint8Array(onDisk * SEALED_REF_BYTES);
  let found = 0;
  const order = new Uint32Array(onDisk);
  await slots.scan((slot, entry) => {
    region[slot] = entry.state;
    sequence[slot] = entry.sequence;
    digests.set(entry.digest, slot * DIGEST_BYTES);
    sealed.set(entry.sealedRef, slot * SEALED_REF_BYTES);
    order[found++] = slot;
  });

  const strays: Stray[] = [];
  for (const slot of order.subarray(0, found).sort((a, b) => sequence[a]! - sequence[b]!)) {
    const held = decodeHeldRef(keys.sealRef(sequence[slot]!, sealed.subarray(slot * SEALED_REF_BYTES)));
    if (held === undefined) continue;
    const digest = digests.subarray(slot * DIGEST_BYTES, (slot + 1) * DIGEST_BYTES);
    if (slot >= table.capacity) {
      strays.push({ slot, region: region[slot] as Region, digest, held });
      continue;
    }
    const twin = table.find(digest);
    if (twin !== NO_SLOT && table.state[twin] === SLOT.store && region[slot] === SLOT.cache) continue;
    if (twin !== NO_SLOT) regions.giveBack(twin, regions.hide(twin).region, undefined);
    fillRow(table, slot, sequence[slot]!, held);
    regions.adopt(slot, region[slot] as Region, digest);
  }
  return [
    ...strays.filter((stray) => stray.region === SLOT.store),
    ...strays.filter((stray) => stray.region !== SLOT.store),
  ];
}

function fillRow(table: SlotTable, slot: number, sequence: number, held: HeldRef): void {
  table.sequence[slot] = sequence;
  table.coarse[slot] = held.coarse;
  table.flags[slot] = packFlags(held);
  table.keyOf(slot).set(held.ref.key);
}

async function moveIn({ slots, table, regions, keys, sequence }: LoadDeps, stray: Stray): Promise<void> {
  if (regions.freeCount === 0 || table.find(stray.digest) !== NO_SLOT) return;
  const taken = regions.take(stray.region, stray.held.coarse);
  if (taken === undefined) return;
  const bytes = await slots.read(stray.slot);
  const number = sequence.next();
  const sealedRef = keys.sealRef(number, encodeHeldRef(stray.held));
  if (!slots.isFreeOnDisk(taken.slot)) await slots.clear(taken.slot);
  await slots.fill(taken.slot, bytes, { state: stray.region, sequence: number, digest: stray.digest, sealedRef });
  fillRow(table, taken.slot, number, stray.held);
  regions.settle(taken.slot, stray.region, stray.digest);
}
