/**
 * Randomness that the same seed repeats: SHA-256 in counter mode, one stream per purpose.
 * @module
 */
import { hash } from 'node:crypto';
import type { Random } from '../../daemon/ports.ts';

export function createSeededRandom(seed: number | string): Random {
  const label = `${seed}`;
  let counter = 0;
  let pool = new Uint8Array(0);
  const bytes = (length: number): Uint8Array => {
    const out = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      if (pool.length === 0) pool = new Uint8Array(hash('sha256', `${label}/${counter++}`, 'buffer'));
      const part = pool.subarray(0, length - filled);
      out.set(part, filled);
      filled += part.length;
      pool = pool.subarray(part.length);
    }
    return out;
  };
  return {
    bytes,
    unit() {
      const draw = bytes(7);
      const view = new DataView(draw.buffer);
      return ((view.getUint32(0) & 0x000f_ffff) * 2 ** 24 + (view.getUint16(4) * 2 ** 8 + draw[6]!)) / 2 ** 44;
    },
    fork: (purpose) => createSeededRandom(`${label}|${purpose}`),
  };
}
