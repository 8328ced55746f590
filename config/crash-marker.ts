/**
 * What is left behind by a daemon that did not end by itself, for `doctor` and the next start to find.
 *
 * Shape   JSON {v, atMs, version, code, places}: `code` is the error's name or "killed"; `places` are file:line:column of our code.
 * Why     never the error's message: it could hold what must not be written down.
 * @module
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';

export interface Crash {
  readonly atMs: number; // Unix ms
  readonly version: string;
  readonly code: string;
  readonly places: readonly string[];
}

export function writeCrash(path: string, crash: Crash): void {
  try {
    writeFileSync(path, `${JSON.stringify({ v: 1, ...crash })}\n`, { mode: 0o600 });
  } catch {
    // A full disk may be why it ended.
  }
}

/** Undefined when there is none, or none that can be read. */
export function readCrash(path: string): Crash | undefined {
  try {
    const found = JSON.parse(readFileSync(path, 'utf8')) as Partial<Crash>;
    const { atMs, version, code, places } = found;
    const isWhole = typeof atMs === 'number' && typeof version === 'string' && typeof code === 'string';
    return isWhole && Array.isArray(places) ? { atMs, version, code, places: places.map(String) } : undefined;
  } catch {
    return undefined;
  }
}

export function removeCrash(path: string): void {
  rmSync(path, { force: true });
}
