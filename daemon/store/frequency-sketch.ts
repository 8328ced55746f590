/**
 * How often a digest was asked for of late, about: a count-min sketch that ages.
 *
 * Shape   4 rows of counters 0..15, one byte each; a digest's four 32-bit words choose one in each row; the estimate is the least.
 *         After 10 questions per slot all counters are halved, so that yesterday's fame fades.
 * Unit    4 to 8 bytes a slot.
 * Why     counts also what is not kept, which is the point: a newcomer is judged by the questions before it came. Digests are
 *         keyed with a secret of this node, so nobody can pick keys that share the counters of a popular one. The counts are in
 *         memory only: what was asked for is on no disk.
 * Source  Einziger, Friedman, Manes, "TinyLFU", ACM TOS 2017, § 3.
 * @module
 */
const ROWS = 4;
const COUNTER_MAX = 15;
const QUESTIONS_PER_SLOT = 10;

export interface FrequencySketch {
  count(digest: Uint8Array): void;
  estimate(digest: Uint8Array): number;
}

export function createFrequencySketch(slots: number): FrequencySketch {
  const width = 2 ** Math.max(6, Math.ceil(Math.log2(Math.max(1, slots))));
  const counters = new Uint8Array(ROWS * width);
  const agesAfter = QUESTIONS_PER_SLOT * Math.max(1, slots);
  let counted = 0;

  const place = (digest: Uint8Array, row: number): number => {
    const at = row * 4;
    const word = digest[at]! | (digest[at + 1]! << 8) | (digest[at + 2]! << 16) | (digest[at + 3]! << 24);
    return row * width + (word & (width - 1));
  };

  const estimate = (digest: Uint8Array): number => {
    let least = COUNTER_MAX;
    for (let row = 0; row < ROWS; row++) least = Math.min(least, counters[place(digest, row)]!);
    return least;
  };

  return {
    estimate,
    count(digest) {
      const least = estimate(digest);
      // Raising only the least counters keeps the others' overestimate from growing (conservative update).
      if (least < COUNTER_MAX) {
        for (let row = 0; row < ROWS; row++) {
          const at = place(digest, row);
          if (counters[at] === least) counters[at] = least + 1;
        }
      }
      if (++counted < agesAfter) return;
      counted >>>= 1;
      for (let i = 0; i < counters.length; i++) counters[i]! >>>= 1;
    },
  };
}
