/**
 * Work of inserts: found in slices, brought when a busy node asks for it, and not before.
 * @module
 */
import test from 'ava';
import { KIND, routingKey } from '../../../daemon/ids.ts';
import { searchInsertWork } from '../../../daemon/onion/work-search.ts';
import { checkInsertWork } from '../../../daemon/router/insert-work.ts';
import { ROLE } from '../../../daemon/wire/descriptor-types.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';
import { testCrypto } from '../../support/test-crypto.ts';
import { createOnionWorld, inTime } from './onion-world.ts';

const KEY = routingKey(createSeededRandom('work').bytes(32));

test('searchInsertWork: finds what the check takes, for that replica alone, giving way between slices; the signal ends it', async (t) => {
  const clock = createManualClock();
  const crypto = testCrypto('work');
  let slices = 0;
  const counting = {
    ...clock,
    setTimer(delayMs: number, fire: () => void) {
      slices++;
      return clock.setTimer(delayMs, fire);
    },
  };
  const search = searchInsertWork({ clock: counting, crypto }, { key: KEY, replica: 2, bits: 15 }, undefined);
  let work: Uint8Array | undefined;
  void search.then((found) => {
    work = found;
  });
  await clock.runUntil(() => work !== undefined, 1_000);
  await clock.settle();
  work ??= await search;
  t.true(slices > 0);
  t.true(checkInsertWork(crypto, KEY, 2, work, 15));
  t.false(checkInsertWork(crypto, KEY, 3, work, 15));
  const gone = new AbortController();
  const endless = searchInsertWork({ clock, crypto }, { key: KEY, replica: 0, bits: 32 }, gone.signal);
  gone.abort(new Error('enough'));
  void clock.advance(1);
  await t.throwsAsync(endless, { message: 'enough' });
});

test('insert: none at first; what was asked for from then on, and less when it was enough', async (t) => {
  const world = await createOnionWorld(1);
  const client = world.add({ role: ROLE.light });
  for (let i = 0; i < 4; i++) world.add();
  let bits = 0;
  const brought: Uint8Array[] = [];
  world.onInsert = async (_payload, { ref, replica, work }) => {
    brought.push(work);
    if (!checkInsertWork(world.crypto, ref.key, replica, work, bits))
      return { type: 'rejectedOverload', retryMs: 10, workBits: bits };
    return { type: 'inserted', copies: 3 };
  };
  const circuits = await inTime(world, client.onion.open({ trafficClass: 'fast', padding: false, blocks: 1 }));
  const insert = () => inTime(world, circuits.insert({ kind: KIND.chk, key: KEY }, 1, 3, new Uint8Array(32_768)));
  t.is((await insert()).type, 'inserted');
  t.deepEqual(brought[0], new Uint8Array(8));
  bits = 6;
  t.deepEqual(await insert(), { type: 'rejectedOverload', retryMs: 10, workBits: 6 });
  t.is((await insert()).type, 'inserted');
  bits = 0;
  for (let i = 0; i < 8; i++) t.is((await insert()).type, 'inserted');
  t.deepEqual(brought.at(-1), new Uint8Array(8), 'nobody asks any more');
  world.stop();
});
