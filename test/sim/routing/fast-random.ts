/**
 * Randomness for millions of draws: sfc32, seeded from a label through SHA-256.
 *
 * Unit    unit() is a multiple of 2^-53 in [0, 1); word() is a uint32.
 * Why     the seeded random of test/support hashes for every draw, about 1 us; a network of 100,000 nodes takes tens of millions.
 *         sfc32 passes PractRand and costs a few nanoseconds. It guards nothing: simulation only.
 * Source  Chris Doty-Humphrey, PractRand (public domain description of sfc).
 * @module
 */
import { hash } from 'node:crypto';

export interface FastRandom {
  word(): number;
  unit(): number;
  /** Uniform in 0..count - 1. */
  below(count: number): number;
  /** Another stream, a function of this one's label and `purpose` only. */
  fork(purpose: string): FastRandom;
}

const WARM_UP_ROUNDS = 12;

export function createFastRandom(label: string | number): FastRandom {
  const seed = hash('sha256', `fast random ${label}`, 'buffer');
  let a = seed.readInt32LE(0);
  let b = seed.readInt32LE(4);
  let c = seed.readInt32LE(8);
  let counter = 1;

  const word = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    c |= 0;
    return sum >>> 0;
  };
  for (let i = 0; i < WARM_UP_ROUNDS; i++) word();

  const unit = (): number => ((word() >>> 5) * 2 ** 26 + (word() >>> 6)) / 2 ** 53;
  return {
    word,
    unit,
    below: (count) => Math.floor(unit() * count),
    fork: (purpose) => createFastRandom(`${label}|${purpose}`),
  };
}

/** Fisher-Yates, in place. */
export function shuffle(values: Int32Array, random: FastRandom): Int32Array {
  for (let i = values.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    const kept = values[i]!;
    values[i] = values[j]!;
    values[j] = kept;
  }
  return values;
}
