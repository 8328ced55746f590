/**
 * A battery that tells bytes from random ones: byte, bit, serial and runs statistics, and one for ML-KEM's coefficients.
 *
 * Unit    each result is in standard deviations from what uniform bytes give; beyond 5 is about one in two million.
 * Why     an X25519 point shows its clear top bit, an ML-KEM key that no coefficient reaches 3,329: whatever is to look like noise must not.
 * @module
 */

/** FIPS 203: coefficients are below this, packed in 12 bits that could hold 4,096. */
const Q = 3_329;
const COEFFICIENTS = 4_096;

export interface Deviation {
  readonly test: string;
  readonly sigmas: number;
}

/** All tests but that of the coefficients, over samples joined end to end. */
export function deviations(samples: readonly Uint8Array[]): Deviation[] {
  const bytes = new Uint8Array(Buffer.concat(samples));
  return [bytesOf(bytes), bitsOf(bytes), serialOf(bytes), runsOf(bytes), pairsOf(bytes)];
}

/** The same bit of every sample, each place by itself: the largest deviation. Samples have at least `places` bytes. */
export function bitByPlace(samples: readonly Uint8Array[], places: number): Deviation {
  let worst = 0;
  for (let bit = 0; bit < places * 8; bit++) {
    const ones = samples.reduce((sum, sample) => sum + ((sample[bit >> 3]! >> (bit & 7)) & 1), 0);
    worst = Math.max(worst, Math.abs(ones - samples.length / 2) / Math.sqrt(samples.length / 4));
  }
  return { test: `bit by place, worst of ${places * 8}`, sigmas: worst };
}

/** Read as ML-KEM reads a key: pairs of 12-bit numbers in 3 bytes. Uniform bytes reach 3,329 in 18.7 % of them. */
export function coefficients(samples: readonly Uint8Array[]): Deviation {
  let high = 0;
  let count = 0;
  for (const sample of samples) {
    for (let at = 0; at + 3 <= sample.length; at += 3) {
      const first = sample[at]! | ((sample[at + 1]! & 15) << 8);
      const second = (sample[at + 1]! >> 4) | (sample[at + 2]! << 4);
      if (first >= Q) high++;
      if (second >= Q) high++;
      count += 2;
    }
  }
  const share = (COEFFICIENTS - Q) / COEFFICIENTS;
  return { test: 'ML-KEM coefficients', sigmas: (high - count * share) / Math.sqrt(count * share * (1 - share)) };
}

function bytesOf(bytes: Uint8Array): Deviation {
  const seen = new Float64Array(256);
  for (const byte of bytes) seen[byte]!++;
  return { test: 'bytes', sigmas: chiSigmas(seen, bytes.length / 256) };
}

function bitsOf(bytes: Uint8Array): Deviation {
  let ones = 0;
  for (const byte of bytes) ones += popCount(byte);
  const bits = bytes.length * 8;
  return { test: 'bits', sigmas: (ones - bits / 2) / Math.sqrt(bits / 4) };
}

/** Pairs of neighbouring bytes, by their high halves and by their low halves. */
function serialOf(bytes: Uint8Array): Deviation {
  const seen = new Float64Array(65_536);
  for (let i = 0; i + 1 < bytes.length; i += 2) seen[bytes[i]! * 256 + bytes[i + 1]!]!++;
  return { test: 'serial', sigmas: chiSigmas(seen, Math.floor(bytes.length / 2) / 65_536) };
}

/** How often one bit differs from the next. */
function runsOf(bytes: Uint8Array): Deviation {
  let changes = 0;
  let previous = bytes[0]! >> 7;
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit--) {
      const value = (byte >> bit) & 1;
      if (value !== previous) changes++;
      previous = value;
    }
  }
  const places = bytes.length * 8 - 1;
  return { test: 'runs', sigmas: (changes - places / 2) / Math.sqrt(places / 4) };
}

/** Bytes equal to the one 16, 32 or 64 before: what a repeated block or a fixed structure shows. */
function pairsOf(bytes: Uint8Array): Deviation {
  let worst = 0;
  for (const apart of [1, 12, 16, 32, 64]) {
    let equal = 0;
    for (let i = apart; i < bytes.length; i++) if (bytes[i] === bytes[i - apart]) equal++;
    const expected = (bytes.length - apart) / 256;
    worst = Math.max(worst, Math.abs(equal - expected) / Math.sqrt(expected * (255 / 256)));
  }
  return { test: 'repeats', sigmas: worst };
}

/** Chi-square as standard deviations (Wilson and Hilferty's cube root, good to far tails). */
function chiSigmas(seen: Float64Array, expected: number): number {
  const freedom = seen.length - 1;
  const chi = seen.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  const spread = 2 / (9 * freedom);
  return (Math.cbrt(chi / freedom) - (1 - spread)) / Math.sqrt(spread);
}

function popCount(byte: number): number {
  let ones = 0;
  for (let rest = byte; rest > 0; rest &= rest - 1) ones++;
  return ones;
}
