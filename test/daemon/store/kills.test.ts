/**
 * A few real kill -9 under load; a thousand of them are in `npm run long -- store-kills`.
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { createSeededRandom } from '../../support/seeded-random.ts';
import { runKills } from '../../support/store-kills.ts';

test('kill -9 under load: what was acknowledged is there, nothing else comes back', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'holloway-kills-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const report = await runKills(dir, 4, createSeededRandom('kills'), 150);
  t.like(report, { kills: 4, lost: 0, badBytes: 0 });
  t.true(report.acknowledged > 0 && report.checked > 0);
  t.true(report.reopenMsMax < 2_000);
});
