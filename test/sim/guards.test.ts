/**
 * The guards experiment in its short form: too few users for its figures, enough to see that guards are kept.
 * @module
 */
import test from 'ava';
import guards from './experiments/guards.ts';

test('sim guards: one guard for ever if it is always up, two where relays are up 96 % of the time', async (t) => {
  const result = await guards.run({
    seed: 1,
    runs: 1,
    nodes: undefined,
    peers: undefined,
    short: true,
    progress: () => {},
  });
  const [always, mostly, mix] = result.rows;
  t.is(always!.guardsMean, 1);
  t.is(always!.withoutGuardShare, 0);
  t.true(Number(mostly!.guardsMean) <= 2.2, `${mostly!.guardsMean}`);
  t.true(Number(mostly!.withoutGuardShare) < 0.01);
  t.true(Number(mix!.guardsMean) < 6, `${mix!.guardsMean}`);
  t.true(result.faults.guardChanges! > 1_000, 'guards did go away');
});
