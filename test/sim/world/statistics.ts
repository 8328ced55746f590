/**
 * Means, percentiles and intervals, each the plain way.
 * @module
 */
import { hash } from 'node:crypto';

export function mean(values: readonly number[]): number {
  return values.length === 0 ? Number.NaN : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Nearest rank: the smallest value that at least this share of them does not exceed. */
export function percentile(values: readonly number[], share: number): number {
  if (values.length === 0) return Number.NaN;
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
}

/** Wilson's 95 % interval of a share; with no failures in n its lower end is about 1 - 3.84 / n. */
export function wilson(successes: number, trials: number): { readonly low: number; readonly high: number } {
  if (trials === 0) return { low: 0, high: 1 };
  const z = 1.96;
  const share = successes / trials;
  const scale = 1 + (z * z) / trials;
  const centre = (share + (z * z) / (2 * trials)) / scale;
  const half = (z / scale) * Math.sqrt((share * (1 - share)) / trials + (z * z) / (4 * trials * trials));
  return { low: Math.max(0, centre - half), high: Math.min(1, centre + half) };
}

export function round(value: number, digits = 2): number {
  return Number(value.toFixed(digits));
}

export function percent(share: number): string {
  return Number.isNaN(share) ? 'nothing measured' : `${(share * 100).toFixed(2)} %`;
}

/** One hash of several worlds: itself when there is one. */
export function combineHashes(hashes: readonly string[]): string {
  return hashes.length === 1 ? hashes[0]! : hash('sha256', hashes.join('\n'));
}
