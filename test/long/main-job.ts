/**
 * The main job at acceptance size: 20 MiB of random bytes over ten real daemons.
 * @module
 */

import { startDevnet } from '../support/devnet.ts';
import { runMainJob } from '../support/main-job.ts';
import { createSeededRandom } from '../support/seeded-random.ts';
import type { LongResult } from './run.ts';

const NODES = 10;
const BYTES = 20 * 1024 * 1024;

export async function run(seed: number): Promise<LongResult> {
  const devnet = await startDevnet(NODES, { env: { HOLLOWAY_DEBUG_TRACE: 'true' } });
  try {
    const report = await runMainJob(devnet, createSeededRandom(seed).bytes(BYTES));
    const [first, ...later] = report.hopsPerFetch;
    const laterMean = later.reduce((sum, hops) => sum + hops, 0) / later.length;
    const fewer = laterMean < first!;
    const lines = [
      ...report.lines,
      `routed hops: first fetch ${first}, later ones ${laterMean.toFixed(0)} on average`,
      ...report.broken.map((what) => `BROKEN: ${what}`),
    ];
    return { held: report.broken.length === 0 && fewer, lines };
  } finally {
    await devnet.down();
  }
}
