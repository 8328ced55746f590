/**
 * GF(2^8) with polynomial 0x11D, and the matrices that erasure coding multiplies by.
 *
 * Shape   a matrix is rows of coefficients, one per output block, one column per input block. Block x of a segment is P(x) for the one
 *         polynomial P of degree < dataCount with P(i) = data block i: the systematic Vandermonde matrix, written as Lagrange's weights.
 * Errors  none: callers have checked the counts (at most 256 points, so all are distinct).
 * Why     any dataCount blocks fix that polynomial, so check blocks from data blocks and lost blocks from what is left are one formula,
 *         with no matrix to invert.
 * Source  J. S. Plank's tutorial on Reed-Solomon in RAID-like systems, with the 2003 correction; Lagrange interpolation.
 * @module
 */

const POLYNOMIAL = 0x11d;

/** EXP[i] = 2^i, twice around, so that the sum of two logarithms is an index. */
const EXP = new Uint8Array(510);
const LOG = new Uint8Array(256);
for (let power = 0, value = 1; power < 255; power += 1) {
  EXP[power] = value;
  EXP[power + 255] = value;
  LOG[value] = power;
  value <<= 1;
  if (value > 0xff) value ^= POLYNOMIAL;
}

export function multiply(a: number, b: number): number {
  return a === 0 || b === 0 ? 0 : EXP[LOG[a]! + LOG[b]!]!;
}

/** @param a not 0 */
function inverse(a: number): number {
  return EXP[255 - LOG[a]!]!;
}

/** Row c holds c times each byte: 64 KiB. */
export const PRODUCTS: readonly Uint8Array[] = Array.from({ length: 256 }, (_, c) =>
  Uint8Array.from({ length: 256 }, (_, byte) => multiply(c, byte)),
);

/**
 * Weights of the blocks at `points` in the blocks at `targets`: one row per target, one column per point.
 * @param points all different, as many as the segment has data blocks
 * @param targets none of them among the points
 */
export function interpolationRows(points: readonly number[], targets: readonly number[]): Uint8Array[] {
  // Subtraction is XOR. P(x) = sum over i of P(p[i]) * prod(x - p[j]) / ((x - p[i]) * prod(p[i] - p[j])), both products over j != i.
  const scales = points.map((point) => {
    let product = 1;
    for (const other of points) if (other !== point) product = multiply(product, point ^ other);
    return inverse(product);
  });
  return targets.map((x) => {
    let all = 1;
    for (const point of points) all = multiply(all, x ^ point);
    return Uint8Array.from(points, (point, i) => multiply(multiply(all, scales[i]!), inverse(x ^ point)));
  });
}

/** into += factor * from */
export function addMultiple(into: Uint8Array, from: Uint8Array, factor: number): void {
  const product = PRODUCTS[factor]!;
  for (let i = 0; i < from.length; i += 1) into[i] = into[i]! ^ product[from[i]!]!;
}
