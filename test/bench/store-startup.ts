/**
 * How long a full store takes to open, and what it costs: run as a process of its own, because memory is measured.
 *
 * Shape   `node store-startup.ts fill DIR BLOCKS` makes the entries of a store of that many blocks, half owned, half cached, in a
 *         sparse data file; `node store-startup.ts open DIR BLOCKS` opens it and prints one line of JSON.
 * Unit    milliseconds; MiB resident.
 * @module
 */
import { createCrypto } from '../../crypto/engine.ts';
import { KIND, ringLocation, routingKey } from '../../daemon/ids.ts';
import { createDisk } from '../../daemon/io/disk.ts';
import { createSystemClock } from '../../daemon/io/system-clock.ts';
import { createSystemRandom } from '../../daemon/io/system-random.ts';
import { locationOf } from '../../daemon/keys/location.ts';
import { verifyBlock } from '../../daemon/keys/verify.ts';
import { BLOCK_BYTES } from '../../daemon/limits.ts';
import type { Disk } from '../../daemon/ports.ts';
import { openStore } from '../../daemon/store/block-store.ts';
import { coarseLocation, encodeHeldRef } from '../../daemon/store/held-ref.ts';
import { openSlotFile, SLOT_COST_BYTES } from '../../daemon/store/slot-file.ts';
import { SLOT } from '../../daemon/store/slot-table.ts';
import { createStoreKeys, SEALED_REF_BYTES } from '../../daemon/store/store-keys.ts';
import { openStoreRoot } from '../../daemon/store/store-root.ts';

const MIB = 1024 * 1024;
const random = createSystemRandom();
const crypto = createCrypto({ engine: 'auto', randomBytes: (length) => random.bytes(length) });

export interface Startup {
  readonly openMs: number;
  readonly rssMib: number;
  readonly rssBeforeMib: number;
  readonly blocks: number;
}

function open(dir: string, blocks: number) {
  return openStore(
    { disk: createDisk(dir), crypto, random, clock: createSystemClock(), log: { write: () => {} } },
    {
      sizeBytes: Math.ceil((blocks * SLOT_COST_BYTES * 32) / 31) + SLOT_COST_BYTES,
      ownLocation: () => ringLocation(0.25),
      verify: (ref, bytes) => verifyBlock(crypto, ref, bytes),
    },
  );
}

/** Ages are spread as a long life spreads them: one owned entry stands for several that came and went. */
async function fill(dir: string, blocks: number): Promise<void> {
  await (await open(dir, blocks)).close();
  const disk = createDisk(dir);
  const hollow: Disk = {
    openRecords: (name) => disk.openRecords(name),
    async openBlocks(name) {
      const storage = await disk.openBlocks(name);
      return name === 'store-data' ? { ...storage, write: async () => {} } : storage;
    },
  };
  const records = await disk.openRecords('store');
  const slots = await openSlotFile(hollow);
  const { bytes: root } = await openStoreRoot({ crypto, random, records, slots }, undefined);
  const keys = createStoreKeys(crypto, root);
  slots.bound(blocks);
  const sealed = new Uint8Array(BLOCK_BYTES);
  let sequence = 0;
  for (let slot = 0; slot < blocks; slot++) {
    const ref = { kind: KIND.chk, key: routingKey(random.bytes(32)) };
    const isOwned = slot % 2 === 0;
    sequence += isOwned ? 1 + Math.floor(random.unit() * 16) : 0;
    const held = { ref, replica: 0, reason: 'owner', coarse: coarseLocation(locationOf(crypto, ref, 0)) } as const;
    await slots.fill(slot, sealed, {
      state: isOwned ? SLOT.store : SLOT.cache,
      sequence: isOwned ? sequence : Math.floor(random.unit() * 2 ** 40),
      digest: keys.digest(ref),
      sealedRef: isOwned ? keys.sealRef(sequence, encodeHeldRef(held)) : new Uint8Array(SEALED_REF_BYTES),
    });
  }
  await slots.close();
  records.close();
}

const [, , job, dir, count] = process.argv;
if (job === 'fill') await fill(dir!, Number(count));
if (job === 'open') {
  const rssBeforeMib = process.memoryUsage.rss() / MIB;
  const startedMs = performance.now();
  const store = await open(dir!, Number(count));
  const openMs = performance.now() - startedMs;
  const { store: owned, cache } = store.stats();
  const startup: Startup = {
    openMs,
    rssMib: process.memoryUsage.rss() / MIB,
    rssBeforeMib,
    blocks: owned.blocks + cache.blocks,
  };
  console.log(JSON.stringify(startup));
  await store.close();
}
