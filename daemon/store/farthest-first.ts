/**
 * Which block of the store region lies farthest from our location; of equally far ones the oldest.
 *
 * Shape   a binary heap of (slot, sequence) filled on the first question. Slots that were evicted or rewritten stay in it until
 *         they reach the top and are seen to be stale; it is rebuilt when stale ones outnumber the rest, or when we moved.
 * Unit    distance in 2^-24 of the ring (held-ref.ts).
 * Why     a node that never fills its disk never pays for the order.
 * @module
 */
import { coarseDistance } from './held-ref.ts';
import { SLOT, type SlotTable } from './slot-table.ts';

export interface FarthestFirst {
  /** Call after `slot` entered the store region. */
  add(slot: number): void;
  farthest(): { readonly slot: number; readonly distance: number } | undefined;
}

interface Entry {
  readonly slot: number;
  readonly sequence: number;
  readonly distance: number;
}

const STALE_ALLOWED = 1_024;

/** @param ownCoarse our own location, asked again before every answer */
export function createFarthestFirst(table: SlotTable, ownCoarse: () => number): FarthestFirst {
  let heap: Entry[] = [];
  /** Our location when the heap was filled; undefined: not filled yet. */
  let centre: number | undefined;
  let heldWhenFilled = 0;

  const isCurrent = (entry: Entry): boolean =>
    table.state[entry.slot] === SLOT.store && table.sequence[entry.slot] === entry.sequence;

  function fill(around: number): void {
    heap = [];
    centre = around;
    for (let slot = 0; slot < table.capacity; slot++) if (table.state[slot] === SLOT.store) put(slot, around);
    heldWhenFilled = heap.length;
  }

  function put(slot: number, around: number): void {
    const distance = coarseDistance(table.coarse[slot]!, around);
    pushEntry(heap, { slot, sequence: table.sequence[slot]!, distance });
  }

  return {
    add(slot) {
      if (centre !== undefined) put(slot, centre);
    },
    farthest() {
      const around = ownCoarse();
      if (centre !== around || heap.length > 2 * heldWhenFilled + STALE_ALLOWED) fill(around);
      while (heap[0] !== undefined && !isCurrent(heap[0])) popEntry(heap);
      return heap[0];
    },
  };
}

/** Before: farther, or as far and older. */
function before(a: Entry, b: Entry): boolean {
  return a.distance > b.distance || (a.distance === b.distance && a.sequence < b.sequence);
}

function pushEntry(heap: Entry[], entry: Entry): void {
  let at = heap.length;
  heap.push(entry);
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!before(entry, heap[parent]!)) break;
    heap[at] = heap[parent]!;
    at = parent;
  }
  heap[at] = entry;
}

function popEntry(heap: Entry[]): void {
  const last = heap.pop()!;
  if (heap.length === 0) return;
  let at = 0;
  for (;;) {
    let child = at * 2 + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
    if (!before(heap[child]!, last)) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = last;
}
