/**
 * What a size in bytes means: so many slots for blocks, so many records.
 * @module
 */
import { RECORDS_MAX } from '../limits.ts';
import { RECORD_COST_BYTES } from './record-shelf.ts';
import { SLOT_COST_BYTES } from './slot-file.ts';

const RECORDS_SHARE = 1 / 32;
const RECORDS_MIN = 16;

export interface Bounds {
  readonly sizeBytes: number;
  readonly slots: number;
  readonly records: number;
}

export function boundsOf(sizeBytes: number): Bounds {
  const forRecords = Math.max(RECORDS_MIN, Math.floor((sizeBytes * RECORDS_SHARE) / RECORD_COST_BYTES));
  return {
    sizeBytes,
    slots: Math.max(0, Math.floor((sizeBytes * (1 - RECORDS_SHARE)) / SLOT_COST_BYTES)),
    records: Math.min(RECORDS_MAX, forRecords),
  };
}
