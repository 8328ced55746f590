/**
 * Figures with their uncertainty: means, percentiles, shares.
 *
 * Unit    an interval is given by its half width (means) or its ends (shares), at 95 %.
 * Source  Wilson, JASA 1927, for shares: with no failure in n it gives about 3.8 / n, a little more than the rule of three.
 * @module
 */
const Z95 = 1.959_964;

export interface MeanFigure {
  readonly mean: number;
  /** Half the width of the 95 % interval; 0 for fewer than two values. */
  readonly margin: number;
}

/** Sums up values one by one. */
export interface Tally {
  add(value: number): void;
  figure(): MeanFigure;
}

export function createTally(): Tally {
  let count = 0;
  let sum = 0;
  let squares = 0;
  return {
    add(value) {
      count++;
      sum += value;
      squares += value * value;
    },
    figure() {
      if (count === 0) return { mean: 0, margin: 0 };
      const mean = sum / count;
      const spread = Math.max(0, squares - sum * mean);
      return { mean, margin: count < 2 ? 0 : Z95 * Math.sqrt(spread / (count - 1) / count) };
    },
  };
}

export function meanOf(values: readonly number[]): MeanFigure {
  const tally = createTally();
  for (const value of values) tally.add(value);
  return tally.figure();
}

/** The least value that at least `share` of all do not exceed; 0 without values. */
export function percentile(sorted: ArrayLike<number>, share: number): number {
  if (sorted.length === 0) return 0;
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)]!;
}

export interface ShareFigure {
  readonly share: number;
  readonly low: number;
  readonly high: number;
}

export function shareOf(hits: number, count: number): ShareFigure {
  if (count === 0) return { share: 0, low: 0, high: 1 };
  const share = hits / count;
  const z2 = (Z95 * Z95) / count;
  const centre = (share + z2 / 2) / (1 + z2);
  const half = (Z95 * Math.sqrt((share * (1 - share)) / count + z2 / (4 * count))) / (1 + z2);
  return { share, low: Math.max(0, centre - half), high: Math.min(1, centre + half) };
}

/** Slope of the least-squares line through the points; undefined for fewer than two different x. */
export function slopeOf(points: readonly { readonly x: number; readonly y: number }[]): number | undefined {
  const meanX = meanOf(points.map((point) => point.x)).mean;
  const meanY = meanOf(points.map((point) => point.y)).mean;
  let across = 0;
  let spread = 0;
  for (const { x, y } of points) {
    across += (x - meanX) * (y - meanY);
    spread += (x - meanX) ** 2;
  }
  return spread === 0 ? undefined : across / spread;
}

export function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
