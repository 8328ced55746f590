/**
 * The system's cryptographic randomness as the Random port.
 *
 * Shape   small draws come from a pool of 4 KiB that is filled by one call; every byte is given out once and wiped from the pool
 *         as it is taken, so that no later look at our memory shows what earlier keys were made of.
 * Why     a system call for each 8-byte id costs more than the id's whole message. Streams apart are the simulator's need:
 *         here nobody can tell draws of one purpose from those of another, so `fork` is this source again.
 * @module
 */
import { randomFillSync } from 'node:crypto';
import type { Random } from '../ports.ts';

const POOL_BYTES = 4_096;
const SMALL_BYTES = 256;

export function createSystemRandom(): Random {
  const pool = new Uint8Array(POOL_BYTES);
  const view = new DataView(pool.buffer);
  let used = POOL_BYTES;

  /** Where `length` fresh bytes begin in the pool. */
  function take(length: number): number {
    if (used + length > POOL_BYTES) {
      randomFillSync(pool);
      used = 0;
    }
    const at = used;
    used += length;
    return at;
  }

  const random: Random = {
    bytes(length) {
      if (length > SMALL_BYTES) return randomFillSync(new Uint8Array(length));
      const at = take(length);
      const drawn = pool.slice(at, at + length);
      pool.fill(0, at, at + length);
      return drawn;
    },
    unit() {
      const at = take(8);
      const high = view.getUint32(at);
      const low = view.getUint32(at + 4) >>> 12;
      pool.fill(0, at, at + 8);
      return (high * 2 ** 20 + low) / 2 ** 52;
    },
    fork: () => random,
  };
  return random;
}
