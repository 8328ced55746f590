/**
 * A million forged or old records: none may be accepted by a relay, a store or a reader.
 * @module
 */
import { createForger } from '../support/forged-records.ts';
import type { LongResult } from './run.ts';

const COUNT = 1_000_000;
const STEP = 50_000;

export async function run(seed: number): Promise<LongResult> {
  const forger = await createForger(seed);
  const tried: Record<string, number> = {};
  const accepted: Record<string, number> = {};
  const add = (to: Record<string, number>, more: Readonly<Record<string, number>>): void => {
    for (const [sort, count] of Object.entries(more)) to[sort] = (to[sort] ?? 0) + count;
  };
  for (let done = 0; done < COUNT; done += STEP) {
    const result = await forger.attack(STEP);
    add(tried, result.tried);
    add(accepted, result.accepted);
    console.error(`${done + STEP} of ${COUNT}`);
  }
  const total = Object.values(accepted).reduce((sum, count) => sum + count, 0);
  return {
    held: total === 0 && forger.genuineHold(),
    lines: [
      `${COUNT} forged or old records, ${total} accepted; the genuine ones they were made from still hold: ${forger.genuineHold()}`,
      ...Object.entries(tried).map(
        ([sort, count]) => `${sort.padEnd(46)} ${count} tried, ${accepted[sort] ?? 0} accepted`,
      ),
    ],
  };
}
