/**
 * GF(2^8) with polynomial 0x11D, and the two matrices that erasure coding multiplies by.
 *
 * Shape   a matrix is rows of coefficients, one per output block, one column per input block. Block x of a segment is P(x) for the one
 *         polynomial P of degree < dataCount with P(i) = data block i: the systematic Vandermonde matrix, written as Lagrange's weights.
 * Errors  none: callers have checked the counts (at most 256 points, so all are distinct).
 * Why     Lagrange's form needs no matrix inversion for encoding, and only one of the size of what is lost for repair.
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

/** Weights of the data blocks in the blocks at `points`, each at least `dataCount`. */
export function blockRows(dataCount: number, points: readonly number[]): Uint8Array[] {
  // Subtraction is XOR. P(x) = sum of data[i] * prod(x - j) / ((x - i) * prod(i - j)), both products over j != i.
  const scale = Uint8Array.from({ length: dataCount }, (_, i) => {
    let product = 1;
    for (let j = 0; j < dataCount; j += 1) if (j !== i) product = multiply(product, i ^ j);
    return inverse(product);
  });
  return points.map((x) => {
    let all = 1;
    for (let j = 0; j < dataCount; j += 1) all = multiply(all, x ^ j);
    return Uint8Array.from(scale, (weight, i) => multiply(multiply(all, weight), inverse(x ^ i)));
  });
}

/**
 * Weights that give lost data blocks back.
 * @param lost their indices
 * @param checks points of as many check blocks, at least `dataCount` each
 * @returns one row per lost block; columns: the data blocks that are there, in order, then the check blocks as given
 */
export function repairRows(dataCount: number, lost: readonly number[], checks: readonly number[]): Uint8Array[] {
  const rows = blockRows(dataCount, checks);
  const isLost = new Set(lost);
  const there = Array.from({ length: dataCount }, (_, i) => i).filter((i) => !isLost.has(i));
  // check = A * there + B * lost, so lost = B^-1 * (A * there + check): the row operations that turn B into the unit matrix are done to [A | 1].
  const left = rows.map((row) => Uint8Array.from(lost, (i) => row[i]!));
  const right = rows.map((row, r) =>
    Uint8Array.from([...there.map((i) => row[i]!), ...checks.map((_, c) => (c === r ? 1 : 0))]),
  );
  for (let column = 0; column < lost.length; column += 1) {
    // Any square part of the rows is invertible (any k of n blocks restore), so a pivot is always found.
    const pivot = left.findIndex((row, r) => r >= column && row[column] !== 0);
    [left[column], left[pivot]] = [left[pivot]!, left[column]!];
    [right[column], right[pivot]] = [right[pivot]!, right[column]!];
    const unit = PRODUCTS[inverse(left[column]![column]!)]!;
    left[column] = left[column]!.map((value) => unit[value]!);
    right[column] = right[column]!.map((value) => unit[value]!);
    for (let row = 0; row < lost.length; row += 1) {
      const factor = left[row]![column]!;
      if (row === column || factor === 0) continue;
      addMultiple(left[row]!, left[column]!, factor);
      addMultiple(right[row]!, right[column]!, factor);
    }
  }
  return right;
}

/** into += factor * from */
export function addMultiple(into: Uint8Array, from: Uint8Array, factor: number): void {
  const product = PRODUCTS[factor]!;
  for (let i = 0; i < from.length; i += 1) into[i] = into[i]! ^ product[from[i]!]!;
}
