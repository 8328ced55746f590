/**
 * How long each step of a circuit's building may take: as long as circuits take here, several times over.
 *
 * Unit    milliseconds. HOP_MS_FIRST until circuits stand; then FACTOR times the median of the last BUILDS_KEPT whole builds, at least
 *         HOP_MS_MIN. All hops together have CIRCUIT_BUILD_TIMEOUT_MS (circuit.ts).
 * Why     a relay that accepts and then says nothing cost ten seconds each time it was drawn, and a few of them made documents fail
 *         that had a path. On a network that has become slow the median of old builds would refuse everything: so steps that
 *         time out with no circuit in between double the patience, SILENT_PER_DOUBLING at a time because builds run side by side.
 * @module
 */
import { CIRCUIT_BUILD_TIMEOUT_MS } from '../limits.ts';

export const HOP_MS_FIRST = 5_000;
export const HOP_MS_MIN = 2_000;
const FACTOR = 4;
const BUILDS_KEPT = 16;
const SILENT_PER_DOUBLING = 8;

export interface HopPatience {
  readonly hopMs: number;
  built(buildMs: number): void;
  /** A step had no answer in time. */
  silent(): void;
}

export function createHopPatience(): HopPatience {
  const builds: number[] = [];
  let silentInRow = 0;
  return {
    get hopMs() {
      const sorted = [...builds].sort((a, b) => a - b);
      const median = sorted[Math.floor(sorted.length / 2)];
      const usualMs = median === undefined ? HOP_MS_FIRST : Math.max(HOP_MS_MIN, FACTOR * median);
      return Math.min(usualMs * 2 ** Math.floor(silentInRow / SILENT_PER_DOUBLING), CIRCUIT_BUILD_TIMEOUT_MS);
    },
    built(buildMs) {
      silentInRow = 0;
      builds.push(buildMs);
      if (builds.length > BUILDS_KEPT) builds.shift();
    },
    silent() {
      if (silentInRow < 4 * SILENT_PER_DOUBLING) silentInRow++;
    },
  };
}
