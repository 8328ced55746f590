/**
 * Popularity after Zipf: the key of rank r is asked for in proportion to r^-exponent.
 *
 * Unit    ranks count from 0, the most wanted key first.
 * Source  exponents 0.8 and 1.0: anonymity.md § 1.
 * @module
 */
import type { SimRandom } from '../world/fast-random.ts';

export interface Zipf {
  draw(random: SimRandom): number;
  /** Share of all questions that go to this rank. */
  shareOf(rank: number): number;
}

export function createZipf(keys: number, exponent: number): Zipf {
  const upTo = new Float64Array(keys);
  let total = 0;
  for (let rank = 0; rank < keys; rank++) {
    total += (rank + 1) ** -exponent;
    upTo[rank] = total;
  }
  return {
    draw(random) {
      const wanted = random.unit() * total;
      let low = 0;
      let high = keys - 1;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (upTo[middle]! > wanted) high = middle;
        else low = middle + 1;
      }
      return low;
    },
    shareOf: (rank) => (rank + 1) ** -exponent / total,
  };
}
