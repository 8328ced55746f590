/**
 * The main job end to end, on ten real daemons: publish, fetch from every node, three killed, fetch again. The acceptance size of it
 * is `npm run long -- main-job`.
 * @module
 */
import test from 'ava';
import { startDevnet } from '../../support/devnet.ts';
import { runMainJob } from '../../support/main-job.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';

test('ten daemons: a document is fetched from everywhere, outlives three kills, and only routed nodes keep copies', async (t) => {
  t.timeout(120_000);
  const devnet = await startDevnet(10, { env: { HOLLOWAY_DEBUG_TRACE: 'true' } });
  try {
    const report = await runMainJob(devnet, createSeededRandom('main job').bytes(1_500_000));
    for (const line of report.lines) t.log(line);
    t.deepEqual(report.broken, []);
    t.is(report.hopsPerFetch.length, 10);
    t.true(report.cacheAnswers.reduce((sum, answers) => sum + answers, 0) > 0, 'some fetches ended at cached copies');
  } finally {
    await devnet.down();
  }
});
