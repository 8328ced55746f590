/**
 * Requests that other nodes wait on: how many there may be, and which of them are one and the same.
 *
 * Shape   a slot per request received and not yet answered (counted in all, by peer, and apart for those that hold a block);
 *         a row per (operation, kind, key, replica) that is being searched or placed, with everybody who waits on it.
 * Errors  none: `join` and `admit` say what to answer.
 * Why     an arrival joins only if its HTL is strictly greater than the one the row was sent on with. Along any chain of waits
 *         HTL then never rises and falls at every join, so no cycle of waits can exist, and no id has to travel to find loops.
 *         Slots are counted by peer, not by link: closing a link and dialling again frees none. Who sends requests through a circuit
 *         is nobody we could count, and a closed circuit's work goes on: so what leaves circuits here has a share of its own.
 * Source  design § 8.
 * @module
 */
import { type BlockRef, hexKey, type Replica } from '../ids.ts';
import {
  COALESCED_MAX,
  PENDING_EXIT_INSERTS_MAX,
  PENDING_EXITS_MAX,
  PENDING_INSERTS_MAX,
  PENDING_PER_PEER_MAX,
  PENDING_REQUESTS_MAX,
} from '../limits.ts';
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

/** Room for work: every request received holds one slot until it is answered, those of the own exit too. */
export class Slots {
  readonly #perPeer = new Map<string, number>();
  #total = 0;
  #inserts = 0;
  #exits = 0;
  #exitInserts = 0;

  get total(): number {
    return this.#total;
  }

  /** @param peerKey undefined for the own exit */
  admit(peerKey: string | undefined, holdsBlock: boolean): boolean {
    if (this.#total >= PENDING_REQUESTS_MAX) return false;
    if (holdsBlock && this.#inserts >= PENDING_INSERTS_MAX) return false;
    if (peerKey === undefined) {
      if (this.#exits >= PENDING_EXITS_MAX || (holdsBlock && this.#exitInserts >= PENDING_EXIT_INSERTS_MAX))
        return false;
      this.#exits++;
      if (holdsBlock) this.#exitInserts++;
    } else {
      const held = this.#perPeer.get(peerKey) ?? 0;
      if (held >= PENDING_PER_PEER_MAX) return false;
      this.#perPeer.set(peerKey, held + 1);
    }
    this.#total++;
    if (holdsBlock) this.#inserts++;
    return true;
  }

  release(peerKey: string | undefined, holdsBlock: boolean): void {
    this.#total--;
    if (holdsBlock) this.#inserts--;
    if (peerKey === undefined) {
      this.#exits--;
      if (holdsBlock) this.#exitInserts--;
      return;
    }
    const held = this.#perPeer.get(peerKey)! - 1;
    if (held === 0) this.#perPeer.delete(peerKey);
    else this.#perPeer.set(peerKey, held);
  }
}
