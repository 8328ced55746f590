/**
 * The keys that are asked for most, counted in a bounded table, and only while the owner of the node wants it.
 *
 * Shape   space-saving sketch: BUSY_KEYS counters; a key without one takes over the smallest and inherits its count as its error.
 * Unit    requests of peers since counting began; the true count of a key lies between count - error and count.
 * Why     off until asked for, in memory only and gone when counting stops: what a node keeps about keys can be taken from it. Only what peers
 *         ask of us is counted; what leaves circuits here, or is our own, never is.
 * Source  ux § 1.2 (Store); Metwally, Agrawal, El Abbadi: Efficient computation of frequent and top-k elements (2005).
 * @module
 */
import type { RingLocation } from '../ids.ts';

const BUSY_KEYS = 20;

export interface BusyKey {
  /** Its name in the router: for an alias, never for a screen. */
  readonly name: string;
  readonly place: RingLocation;
  readonly count: number;
  readonly error: number;
}

export class BusyKeys {
  readonly #counters = new Map<string, { place: RingLocation; count: number; error: number }>();

  add(name: string, place: () => RingLocation): void {
    const known = this.#counters.get(name);
    if (known !== undefined) {
      known.count++;
      return;
    }
    let error = 0;
    if (this.#counters.size >= BUSY_KEYS) {
      let least: string | undefined;
      for (const [other, { count }] of this.#counters) {
        if (least === undefined || count < error) [least, error] = [other, count];
      }
      this.#counters.delete(least!);
    }
    this.#counters.set(name, { place: place(), count: error + 1, error });
  }

  /** Busiest first; the one that came first among equals. */
  list(): readonly BusyKey[] {
    return [...this.#counters].map(([name, counter]) => ({ name, ...counter })).sort((a, b) => b.count - a.count);
  }
}
