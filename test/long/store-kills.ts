/**
 * The datastore under power cuts and kills, at acceptance size: every boundary of a 5,000-operation script, twice, lying disks, and 1,000 real
 * kill -9 under load.
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSeededRandom } from '../support/seeded-random.ts';
import { runCrashScript } from '../support/store-crashes.ts';
import { runKills } from '../support/store-kills.ts';
import type { LongResult } from './run.ts';

const OPERATIONS = 5_000;
const CUTS_WANTED = 10_000;
const KILLS = 1_000;
const ALIVE_MS = 120;
const REOPEN_MS_MAX = 2_000;

export async function run(seed: number): Promise<LongResult> {
  const cuts = await runCrashScript({ seed, operations: OPERATIONS, cutEvery: 1, cutsEach: 2 });
  const faults = { misdirected: 0.03, lost: 0.03, rot: 0.03 };
  const lying = await runCrashScript({ seed: seed + 1, operations: OPERATIONS / 5, cutEvery: 2, faults });
  const dir = mkdtempSync(join(tmpdir(), 'holloway-kills-'));
  try {
    const kills = await runKills(dir, KILLS, createSeededRandom(`kills ${seed}`), ALIVE_MS);
    const lines = [
      `power cuts: ${cuts.cuts} at ${cuts.boundaries} boundaries of ${OPERATIONS} operations; ${cuts.acknowledgedChecks} acknowledged things checked, ${cuts.lost} lost, ${cuts.badBytes} of ${cuts.reads} reads with other bytes; reopened in at most ${cuts.reopenMsMax.toFixed(0)} ms`,
      `  writes at the cuts: ${cuts.counters.writesLost} lost, ${cuts.counters.writesTorn} torn, ${cuts.counters.writesKept} kept`,
      `lying disk: ${lying.cuts} cuts, ${lying.counters.misdirected} writes misdirected, ${lying.counters.droppedSilently} dropped, ${lying.counters.bitsRotten} bits rotten; ${lying.damaged} damaged blocks found, ${lying.badBytes} of ${lying.reads} reads with other bytes`,
      `kill -9: ${kills.kills} under load; ${kills.acknowledged} acknowledged, ${kills.checked} checks, ${kills.lost} lost, ${kills.badBytes} with other bytes; reopened in at most ${kills.reopenMsMax.toFixed(0)} ms`,
      `with no failure in n checks the rate is below 3/n: ${(3 / cuts.acknowledgedChecks).toExponential(1)} (cuts), ${(3 / Math.max(1, kills.checked)).toExponential(1)} (kills)`,
      ...cuts.broken.slice(0, 5),
    ];
    const held =
      cuts.cuts >= CUTS_WANTED &&
      kills.kills === KILLS &&
      cuts.lost + cuts.badBytes + lying.badBytes + kills.lost + kills.badBytes === 0 &&
      Math.max(cuts.reopenMsMax, kills.reopenMsMax) < REOPEN_MS_MAX;
    return { held, lines };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
