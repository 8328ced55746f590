import test from 'ava';
import { createForger } from '../../support/forged-records.ts';

test('forged and old records of every sort: none is accepted, and the genuine ones are', async (t) => {
  const forger = await createForger(1);
  t.true(forger.genuineHold());
  const { tried, accepted } = await forger.attack(forger.sorts.length * 40);
  t.is(Object.keys(tried).length, forger.sorts.length);
  t.deepEqual(accepted, {});
  t.true(forger.genuineHold());
});
