/**
 * What the attack experiments on routers hand back: figures with intervals, and a hash over everything that was counted.
 * @module
 */
import { hash } from 'node:crypto';
import type { ExperimentResult, Figure, Row } from '../experiment.ts';
import { percent, wilson } from '../world/statistics.ts';

export interface Share {
  asked: number;
  held: number;
}

export function shareText({ asked, held }: Share): string {
  const { low, high } = wilson(held, asked);
  return `${percent(held / asked)} (${held} of ${asked}; 95 % interval ${percent(low)} to ${percent(high)})`;
}

export function atLeast(what: string, share: Share, least: number): Figure {
  return {
    what,
    wanted: `>= ${Number((least * 100).toFixed(4))} %`,
    measured: shareText(share),
    reached: share.asked > 0 && share.held / share.asked >= least,
  };
}

export function attackResult(
  rows: readonly Row[],
  figures: readonly Figure[],
  counted: { readonly nodes: number; readonly virtualMs: number; readonly messages: number },
  faults: Readonly<Record<string, number>>,
  notes: readonly string[],
): ExperimentResult {
  const broken = Object.entries(faults).flatMap(([name, count]) =>
    count === 0 ? [{ seed: 0, what: `the fault ${name} never fired` }] : [],
  );
  const traceHash = hash('sha256', JSON.stringify([rows, counted, faults]));
  return { rows, figures, faults, traceHash, ...counted, broken, notes };
}
