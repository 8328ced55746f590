/**
 * Randomness for the simulator: the same seed gives the same draws, and a draw costs nanoseconds.
 *
 * Shape   sfc32 (Chris Doty-Humphrey's small fast counter), its state taken from SHA-256 of the seed; fork hashes seed and purpose.
 * Why     a world of a thousand nodes draws some ten million times; SHA-256 in counter mode would be a tenth of the run.
 * @module
 */
import { hash } from 'node:crypto';
import type { Random } from '../../../daemon/ports.ts';

export interface SimRandom extends Random {
  /** Whole number in 0..below - 1. */
  below(below: number): number;
  /** Standard normal (Box and Muller). */
  normal(): number;
  /** exp(N(mu, sigma)). */
  logNormal(mu: number, sigma: number): number;
  /** Exponential with this mean. */
  exponential(mean: number): number;
  /** True with this probability. */
  chance(probability: number): boolean;
  /** A fresh array in random order. */
  shuffled<T>(items: readonly T[]): T[];
  fork(purpose: string): SimRandom;
}

export function createFastRandom(seed: number | string): SimRandom {
  const label = `${seed}`;
  const digest = hash('sha256', label, 'buffer');
  let a = digest.readInt32LE(0);
  let b = digest.readInt32LE(4);
  let c = digest.readInt32LE(8);
  let counter = digest.readInt32LE(12);
  const next = (): number => {
    const out = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + out) | 0;
    return out >>> 0;
  };
  for (let i = 0; i < 12; i++) next();
  const unit = (): number => (next() * 2 ** 20 + (next() >>> 12)) / 2 ** 52;
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - unit())) * Math.cos(2 * Math.PI * unit());
  return {
    bytes(length) {
      const out = new Uint8Array(length);
      let at = 0;
      for (; at + 4 <= length; at += 4) {
        const word = next();
        out[at] = word;
        out[at + 1] = word >>> 8;
        out[at + 2] = word >>> 16;
        out[at + 3] = word >>> 24;
      }
      if (at < length) for (let word = next(); at < length; at++, word >>>= 8) out[at] = word;
      return out;
    },
    unit,
    below: (below) => Math.floor(unit() * below),
    normal,
    logNormal: (mu, sigma) => Math.exp(mu + sigma * normal()),
    exponential: (mean) => -mean * Math.log(1 - unit()),
    chance: (probability) => probability > 0 && unit() < probability,
    shuffled(items) {
      const out = [...items];
      for (let i = out.length - 1; i > 0; i--) {
        const j = Math.floor(unit() * (i + 1));
        [out[i], out[j]] = [out[j]!, out[i]!];
      }
      return out;
    },
    fork: (purpose) => createFastRandom(`${label}|${purpose}`),
  };
}
