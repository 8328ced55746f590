/**
 * A histogram as one line per class: label, bar, count. The longest bar is the largest class; the axis begins at 0.
 * @module
 */
import type { Area } from '../cells.ts';
import { formatCount, padStart } from '../format.ts';
import { bar, type Frame } from './frame.ts';

export interface HistogramClass {
  readonly label: string;
  readonly count: number;
}

export function histogram(frame: Frame, area: Area, classes: readonly HistogramClass[], labelWidth: number): void {
  const most = Math.max(1, ...classes.map(({ count }) => count));
  const countWidth = Math.max(5, ...classes.map(({ count }) => formatCount(count).length));
  const room = area.width - labelWidth - countWidth - 2;
  for (const [y, { label, count }] of classes.entries()) {
    frame.canvas.text(area, 0, y, padStart(label, labelWidth), 'label');
    if (room >= 3) bar(frame, area, labelWidth + 1, y, room, count / most);
    frame.canvas.textRight(area, y, formatCount(count));
  }
}

/** The log2 classes between the first and the last used one, thinned to at most `most` by joining neighbours. */
export function timeClasses(buckets: readonly number[], most: number): HistogramClass[] {
  const used = [...buckets.keys()].filter((bucket) => buckets[bucket]! > 0);
  if (used.length === 0 || most <= 0) return [];
  const [from, to] = [used[0]!, used.at(-1)!];
  const joined = Math.max(1, Math.ceil((to - from + 1) / most));
  const classes: HistogramClass[] = [];
  for (let bucket = from; bucket <= to; bucket += joined) {
    const count = buckets.slice(bucket, bucket + joined).reduce((sum, value) => sum + value, 0);
    classes.push({ label: `≤ ${spanText(2 ** (bucket + joined))}`, count });
  }
  return classes;
}

function spanText(ms: number): string {
  if (ms < 1_000) return `${ms} ms`;
  return ms < 100_000 ? `${(ms / 1_000).toFixed(ms < 10_000 ? 1 : 0)} s` : `${Math.round(ms / 60_000)} min`;
}
