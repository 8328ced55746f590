/**
 * Questions that one cache hears: Zipf, and now and then a crawler that asks for one key after another, each once.
 *
 * Unit    keys 0..keys - 1 are the popular ones, what a scan asks for lies above and never comes again.
 * @module
 */
import type { SimRandom } from '../world/fast-random.ts';
import { createZipf } from './zipf.ts';

export interface TraceOptions {
  readonly requests: number;
  readonly keys: number;
  readonly exponent: number;
  /** Length of one scan, and how many other questions lie between two; 0: no scans. */
  readonly scanLength: number;
  readonly scanEvery: number;
}

export function drawTrace(options: TraceOptions, random: SimRandom): Int32Array {
  const zipf = createZipf(options.keys, options.exponent);
  const trace = new Int32Array(options.requests);
  let scanned = options.keys;
  let scanLeft = 0;
  let untilScan = options.scanEvery;
  for (let i = 0; i < trace.length; i++) {
    if (scanLeft > 0) {
      trace[i] = scanned++;
      scanLeft--;
      continue;
    }
    trace[i] = zipf.draw(random);
    if (options.scanLength > 0 && --untilScan <= 0) {
      scanLeft = options.scanLength;
      untilScan = options.scanEvery;
    }
  }
  return trace;
}
