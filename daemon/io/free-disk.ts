/**
 * How much of the disk a store takes when nobody said: a tenth of what is free, within bounds.
 * @module
 */
import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { asDiskError } from './disk-error.ts';

const GIB = 1024 ** 3;
const SHARE = 1 / 10;
const LEAST_BYTES = GIB;
const MOST_BYTES = 64 * GIB;

/** @param directory or the nearest one above it that is there */
export function proposedStoreBytes(directory: string): number {
  try {
    const { bavail, bsize } = statfsSync(directory);
    return storeShareOf(bavail * bsize);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(directory) === directory)
      throw asDiskError(error);
    return proposedStoreBytes(dirname(directory));
  }
}

/** Undefined where the disk does not tell. */
export function freeBytesAt(directory: string): number | undefined {
  try {
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}

export function storeShareOf(freeBytes: number): number {
  return Math.floor(Math.min(MOST_BYTES, Math.max(LEAST_BYTES, freeBytes * SHARE)));
}
