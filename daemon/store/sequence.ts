/**
 * Numbers that are never given twice, not even after a crash: age of a block, and its place in the keystream of references.
 *
 * Shape   integers from 1; Records holds a mark above every number ever given, moved on by 2^20 at a time. What is owned and what
 *         passes by count apart: a busy cache would else thin out the keystream of owned references, and opening them slows down.
 * Errors  next() and reserve() pass on the LocalError of Records when the mark cannot be moved.
 * Why     a number read back from the newest block could be given again after a crash that lost that block's entry; two
 *         references under one stretch of keystream would show their difference. Age needs no time of day, and none is on disk.
 * @module
 */
import type { Records } from '../ports.ts';

const RESERVED_AT_ONCE = 2 ** 20;

export interface Sequence {
  next(): number;
  /** Makes sure that `count` numbers can be given without writing: inside a transaction that may yet be undone. */
  reserve(count: number): void;
}

export function openSequence(records: Records, table: string, key: string): Sequence {
  const kept = records.get(table, key);
  let given = kept === undefined ? 0 : Number(new DataView(kept.buffer, kept.byteOffset).getBigUint64(0));
  let mark = given;

  function reserve(count: number): void {
    if (given + count <= mark) return;
    const value = new Uint8Array(8);
    new DataView(value.buffer).setBigUint64(0, BigInt(mark + RESERVED_AT_ONCE));
    records.put(table, key, value);
    mark += RESERVED_AT_ONCE;
  }

  return {
    reserve,
    next() {
      reserve(1);
      given++;
      return given;
    },
  };
}
