import test from 'ava';
import { type BlockRef, KIND, ringLocation } from '../../../daemon/ids.ts';
import { chkRoutingKey } from '../../../daemon/keys/node-chk.ts';
import { verifyBlock } from '../../../daemon/keys/verify.ts';
import { BLOCK_BYTES } from '../../../daemon/limits.ts';
import { openStore } from '../../../daemon/store/block-store.ts';
import type { BlockStore } from '../../../daemon/store/store-types.ts';
import { createMemoryDisk } from '../../support/memory-disk.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';
import { NO_WORK, World } from './world.ts';

function storeAt(world: World, place: number): Promise<BlockStore> {
  return openStore(
    {
      disk: createMemoryDisk(),
      crypto: world.crypto,
      random: createSeededRandom(`store|${place}`),
      clock: world.clock,
      log: { write: () => {} },
    },
    {
      sizeBytes: 64 * (BLOCK_BYTES + 4_096),
      ownLocation: () => ringLocation(place),
      verify: (ref, bytes) => verifyBlock(world.crypto, ref, bytes),
    },
  );
}

test('whole blocks, the real store and the real check: placed, found, counted, and cached on the way', async (t) => {
  const world = new World({ latencyMs: 5 });
  world.verify = (ref, bytes) => verifyBlock(world.crypto, ref, bytes);
  world.placeOf = () => 0.45;
  const places = [0.05, 0.15, 0.3, 0.44];
  const line = [];
  for (const place of places) line.push(world.node(place, await storeAt(world, place)));
  for (let i = 1; i < line.length; i++) world.connect(line[i - 1]!, line[i]!);
  for (const node of line) node.estimatedNodes = 2;
  const payload = createSeededRandom('whole block').bytes(BLOCK_BYTES);
  const ref: BlockRef = { kind: KIND.chk, key: chkRoutingKey(world.crypto, payload)! };

  t.deepEqual(await world.settle(line[0]!.router.insert(ref, 0, 3, NO_WORK, payload)), { type: 'inserted', copies: 1 });
  await world.clock.settle();
  t.deepEqual(
    line.map((node) => node.store.reasonOf(ref)),
    [undefined, 'path', 'path', 'owner'],
  );
  t.deepEqual(await world.settle(line[0]!.router.fetch(ref, 0)), { type: 'data', payload });
  t.like(line[1]!.router.snapshot().counters, { found: 1, foundInCache: 1 });
  for (const node of line.slice(1, 3)) await node.store.delete(ref);
  t.deepEqual(await world.settle(line[0]!.router.fetch(ref, 0)), { type: 'data', payload });
  t.like(line[3]!.router.snapshot().counters, { found: 1, foundInStore: 1 });
  t.is(line[1]!.store.reasonOf(ref), 'path');
  t.is(line[0]!.store.stats().lookups, 0, 'the exit leaves its own store untouched');

  const bad = Uint8Array.from(payload);
  bad[100]! ^= 1;
  t.deepEqual(await world.settle(line[0]!.router.insert(ref, 0, 3, NO_WORK, bad)), { type: 'badBlock' });
  world.stopAll();
  for (const node of line) await node.store.close();
});
