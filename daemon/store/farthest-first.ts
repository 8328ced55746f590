/**
 * Which block of the store region lies farthest from our location; of equally far ones the oldest.
 *
 * Shape   a binary heap of slot numbers that knows where each slot stands in it; built on the first question, and anew when our
 *         location moved.
 * Unit    8 bytes a slot from the first question on; distance in 2^-24 of the ring (held-ref.ts).
 * Why     a node that never fills its disk never pays for the order; and a heap of objects would cost a full store five times that.
 * @module
 */
import { coarseDistance } from './held-ref.ts';
import { grown, NO_SLOT, SLOT, type SlotTable } from './slot-table.ts';

export interface FarthestFirst {
  /** Call after `slot` entered the store region. */
  add(slot: number): void;
  /** Call before or after it left. */
  remove(slot: number): void;
  /** NO_SLOT when the region is empty. */
  farthest(): number;
  distanceOf(slot: number): number;
}

const NOWHERE = -1;

/** @param ownCoarse our own location, asked again before every answer */
export function createFarthestFirst(table: SlotTable, ownCoarse: () => number): FarthestFirst {
  let heap = new Int32Array(0);
  let places = new Int32Array(0);
  let count = 0;
  /** Our location when the heap was built; undefined: not built yet. */
  let centre: number | undefined;

  function build(around: number): void {
    centre = around;
    heap = new Int32Array(table.capacity);
    places = new Int32Array(table.capacity).fill(NOWHERE);
    count = 0;
    for (let slot = 0; slot < table.capacity; slot++) if (table.state[slot] === SLOT.store) put(count++, slot);
    for (let at = (count >> 1) - 1; at >= 0; at--) sink(at);
  }

  function put(at: number, slot: number): void {
    heap[at] = slot;
    places[slot] = at;
  }

  /** Before: farther, or as far and older. */
  function goesBefore(a: number, b: number): boolean {
    const away = coarseDistance(table.coarse[a]!, centre!) - coarseDistance(table.coarse[b]!, centre!);
    return away > 0 || (away === 0 && table.sequence[a]! < table.sequence[b]!);
  }

  function rise(from: number): void {
    const slot = heap[from]!;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!goesBefore(slot, heap[parent]!)) break;
      put(at, heap[parent]!);
      at = parent;
    }
    put(at, slot);
  }

  function sink(from: number): void {
    const slot = heap[from]!;
    let at = from;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= count) break;
      if (child + 1 < count && goesBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!goesBefore(heap[child]!, slot)) break;
      put(at, heap[child]!);
      at = child;
    }
    put(at, slot);
  }

  return {
    add(slot) {
      if (centre === undefined) return;
      if (places.length < table.capacity) {
        heap = grown(heap, new Int32Array(table.capacity));
        places = grown(places, new Int32Array(table.capacity).fill(NOWHERE));
      }
      put(count, slot);
      rise(count++);
    },

    remove(slot) {
      const at = places[slot] ?? NOWHERE;
      if (centre === undefined || at === NOWHERE) return;
      places[slot] = NOWHERE;
      const last = heap[--count]!;
      if (last === slot) return;
      put(at, last);
      rise(at);
      sink(places[last]!);
    },

    farthest() {
      const around = ownCoarse();
      if (centre !== around) build(around);
      return count === 0 ? NO_SLOT : heap[0]!;
    },

    distanceOf: (slot) => coarseDistance(table.coarse[slot]!, ownCoarse()),
  };
}
