/**
 * What whole nodes do about a block that rots on the disk of one of its owners: dropped, asked for among the others, kept again.
 * @module
 */
import test from 'ava';
import { type BlockRef, KIND } from '../../daemon/ids.ts';
import { distance, locationOf } from '../../daemon/keys/location.ts';
import { chkRoutingKey } from '../../daemon/keys/node-chk.ts';
import { BLOCK_BYTES } from '../../daemon/limits.ts';
import type { ManagedStore } from '../../daemon/store/store-types.ts';
import { createMemoryWorld } from '../support/memory-world.ts';
import { createSeededRandom } from '../support/seeded-random.ts';
import { testCrypto } from '../support/test-crypto.ts';

const crypto = testCrypto('lost block');
const blocks = Array.from({ length: 3 }, (_, index) => {
  const bytes = createSeededRandom(`lost block ${index}`).bytes(BLOCK_BYTES);
  return { ref: { kind: KIND.chk, key: chkRoutingKey(crypto, bytes)! } satisfies BlockRef, bytes };
});

test('rotten blocks are found by a read and by verify, never served, and come back from the other owner', async (t) => {
  const world = createMemoryWorld({ seed: 7 });
  for (let i = 0; i < 3; i++) await world.add();
  t.true(await world.clock.runUntil(() => world.nodes.every((node) => node.snapshot().peers.length === 2), 20_000));
  // A surface is shown less of a node's store than there is.
  const [first, ...others] = world.nodes.map((node) => node.store as ManagedStore);
  for (const { ref, bytes } of blocks) {
    const place = locationOf(crypto, ref, 0);
    const away = (index: number): number => distance(world.nodes[index + 1]!.snapshot().location, place);
    const other = others[away(0) < away(1) ? 0 : 1]!; // its nearest node besides the first
    t.is((await first!.put(ref, 0, bytes, 'owner')).type, 'stored');
    t.is((await other.put(ref, 0, bytes, 'owner')).type, 'stored');
  }
  const data = world.disks[0]!.bytesOf('store-data');
  for (let slot = 0; slot < blocks.length; slot++) data[slot * BLOCK_BYTES + 77]! ^= 1;

  t.is(await first!.get(blocks[0]!.ref), undefined);
  const counters = () => world.nodes[0]!.snapshot().router.counters;
  t.true(await world.clock.runUntil(() => counters().healed === 1, 30_000));
  t.deepEqual(Buffer.from((await first!.get(blocks[0]!.ref))!), Buffer.from(blocks[0]!.bytes));

  t.true(first!.verify(2 ** 20));
  t.true(await world.clock.runUntil(() => counters().healed === 3, 60_000));
  t.like(first!.verifying, { isRunning: false, damaged: 2 });
  for (const { ref } of blocks) t.is(first!.reasonOf(ref), 'handoff');
  t.like(first!.stats(), { damaged: 3, copies: { owner: 3, path: 0, handoff: 3 } });
  t.is(counters().exitFetches, 0);
  await world.stop();
});
