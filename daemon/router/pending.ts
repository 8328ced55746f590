/**
 * Requests that other nodes wait on: which of them are one and the same.
 *
 * Shape   a row per (operation, kind, key, replica) that is being searched or placed, with everybody who waits on it.
 * Errors  none: `join` says what to answer.
 * Why     an arrival joins only if its HTL is strictly greater than the one the row was sent on with. Along any chain of waits
 *         HTL then never rises and falls at every join, so no cycle of waits can exist, and no id has to travel to find loops.
 * Source  design § 8.
 * @module
 */
import { type BlockRef, hexKey, type Replica } from '../ids.ts';
import { COALESCED_MAX } from '../limits.ts';
import type { Link } from '../link/link-types.ts';

export type RoutedOperation = 'fetch' | 'insert';

/** Somebody who waits: where the answer goes. */
export interface Asker {
  readonly link: Link;
  readonly id: number;
  readonly htl: number;
  readonly arrivedMs: number;
}

export interface PendingRow {
  readonly name: string;
  /** What it was sent on with; the same for every next hop tried. */
  readonly sentHtl: number;
  readonly askers: Asker[];
  /** Inserts: the block, so that another one under the same key is noticed. */
  readonly payload: Uint8Array | undefined;
}

export function refName(ref: BlockRef, replica: Replica): string {
  return `${ref.kind}/${replica}/${hexKey(ref.key)}`;
}

export class PendingTable {
  readonly #rows = new Map<string, PendingRow>();

  get size(): number {
    return this.#rows.size;
  }

  get(operation: RoutedOperation, refName: string): PendingRow | undefined {
    return this.#rows.get(`${operation}/${refName}`);
  }

  open(
    operation: RoutedOperation,
    refName: string,
    sentHtl: number,
    first: Asker,
    payload: Uint8Array | undefined,
  ): PendingRow {
    const row: PendingRow = { name: `${operation}/${refName}`, sentHtl, askers: [first], payload };
    this.#rows.set(row.name, row);
    return row;
  }

  join(row: PendingRow, asker: Asker): 'joined' | 'loop' | 'full' {
    if (asker.htl <= row.sentHtl) return 'loop';
    if (row.askers.length >= COALESCED_MAX) return 'full';
    row.askers.push(asker);
    return 'joined';
  }

  close(row: PendingRow): void {
    this.#rows.delete(row.name);
  }
}
