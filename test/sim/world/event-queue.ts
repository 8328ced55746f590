/**
 * What is due next: a heap of four children a node, and beside it a plain queue for what is due this very instant.
 *
 * Shape   ordered by time, then by the number the event was given; times and numbers lie in arrays of their own, so that a search
 *         for the least child reads one line of memory and not four objects.
 * Unit    milliseconds.
 * Why     a thousand nodes have a hundred thousand timers set, and of all events more than half are due at once: those never enter
 *         the heap.
 * @module
 */
export interface Due {
  dueMs: number;
  /** Rises with each event that is set. */
  order: number;
}

const CHILDREN = 4;
const ROOM_AT_FIRST = 1_024;

export class EventQueue<T extends Due> {
  #times = new Float64Array(ROOM_AT_FIRST);
  #orders = new Float64Array(ROOM_AT_FIRST);
  readonly #events: T[] = [];
  /** Due now, in order; those before #nowAt are gone. */
  #now: T[] = [];
  #nowAt = 0;

  /** @param nowMs an event due at this time waits in the plain queue */
  push(event: T, nowMs: number): void {
    const last = this.#now.at(-1);
    if (event.dueMs === nowMs && (last === undefined || last.dueMs <= nowMs)) this.#now.push(event);
    else this.#pushLater(event);
  }

  /** The earliest, still in the queue. */
  peek(): T | undefined {
    const now = this.#now[this.#nowAt];
    const later = this.#events[0];
    if (now === undefined || later === undefined) return now ?? later;
    return later.dueMs < now.dueMs || (later.dueMs === now.dueMs && later.order < now.order) ? later : now;
  }

  /** Takes out what peek() shows. */
  drop(): void {
    const event = this.peek();
    if (event === undefined) return;
    if (event !== this.#now[this.#nowAt]) {
      this.#dropLater();
      return;
    }
    this.#nowAt++;
    if (this.#nowAt === this.#now.length) {
      this.#now.length = 0;
      this.#nowAt = 0;
    }
  }

  #pushLater(event: T): void {
    let at = this.#events.length;
    this.#events.push(event);
    if (at === this.#times.length) this.#grow();
    while (at > 0) {
      const parent = (at - 1) >> 2;
      if (!this.#isBefore(event.dueMs, event.order, parent)) break;
      this.#move(parent, at);
      at = parent;
    }
    this.#place(event, at);
  }

  #dropLater(): void {
    const last = this.#events.pop()!;
    const count = this.#events.length;
    if (count === 0) return;
    let at = 0;
    for (;;) {
      const first = at * CHILDREN + 1;
      if (first >= count) break;
      let least = first;
      for (let child = first + 1; child < Math.min(first + CHILDREN, count); child++) {
        if (this.#isBefore(this.#times[child]!, this.#orders[child]!, least)) least = child;
      }
      if (this.#isBefore(last.dueMs, last.order, least)) break;
      this.#move(least, at);
      at = least;
    }
    this.#place(last, at);
  }

  #isBefore(dueMs: number, order: number, at: number): boolean {
    const other = this.#times[at]!;
    return dueMs < other || (dueMs === other && order < this.#orders[at]!);
  }

  #move(from: number, to: number): void {
    this.#times[to] = this.#times[from]!;
    this.#orders[to] = this.#orders[from]!;
    this.#events[to] = this.#events[from]!;
  }

  #place(event: T, at: number): void {
    this.#times[at] = event.dueMs;
    this.#orders[at] = event.order;
    this.#events[at] = event;
  }

  #grow(): void {
    this.#times = doubled(this.#times);
    this.#orders = doubled(this.#orders);
  }
}

function doubled(array: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const grown = new Float64Array(array.length * 2);
  grown.set(array);
  return grown;
}
