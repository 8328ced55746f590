/**
 * SHA-256 over a stream of small numbers, so that two runs can be told to have gone the same way.
 *
 * Unit    each number is hashed as an int32, little-endian.
 * @module
 */
import { createHash } from 'node:crypto';

export interface TraceHash {
  add(value: number): void;
  /** Ends the stream. */
  hex(): string;
}

const BUFFERED = 16_384;

export function createTraceHash(): TraceHash {
  const digest = createHash('sha256');
  const bytes = Buffer.alloc(BUFFERED * 4);
  let used = 0;
  const flush = (): void => {
    digest.update(bytes.subarray(0, used));
    used = 0;
  };
  return {
    add(value) {
      if (used === bytes.length) flush();
      used = bytes.writeInt32LE(value | 0, used);
    },
    hex() {
      flush();
      return digest.digest('hex');
    },
  };
}
