/**
 * What the cache region keeps: W-TinyLFU, so that one crawl through everything does not wash out what many ask for.
 *
 * Shape   three queues of slots, newest first: a small window where everything new begins, then, for those that win their
 *         contest, probation and (asked for again there) protected. When a slot is needed, the window's oldest meets
 *         probation's oldest: the one asked for less often, by the sketch, goes; on a tie the newcomer goes.
 * Unit    9 bytes a slot and the sketch.
 * Why     LRU gives every stranger's single request the power to push out a popular block; pure counting never forgets.
 * Source  Einziger, Friedman, Manes, "TinyLFU", ACM TOS 2017, §§ 3-4.
 * @module
 */
import { createFrequencySketch } from './frequency-sketch.ts';
import { grown, NO_SLOT, type SlotTable } from './slot-table.ts';

/** Share of the cached blocks that are in the window; of the others, share that may be protected. */
const WINDOW_SHARE = 1 / 64;
const PROTECTED_SHARE = 0.8;

const QUEUE = { none: 0, window: 1, probation: 2, protected: 3 } as const;
type Queue = (typeof QUEUE)[keyof typeof QUEUE];
/** The rings' anchors stand before the slots, so that the arrays can grow. */
const ANCHORS = 4;

export interface CachePolicy {
  /** A request for this digest, whether we have it or not. */
  asked(digest: Uint8Array): void;
  /** `slot` was served. */
  touch(slot: number): void;
  insert(slot: number): void;
  /** As `insert`, of what was kept before a restart: it has been through the window. */
  adopt(slot: number): void;
  remove(slot: number): void;
  /** The slot to give up now (it stays until `remove`), NO_SLOT when nothing is cached. */
  victim(): number;
  /** After the table grew. What was counted so far is forgotten: the sketch has another width. */
  grow(): void;
}

export function createCachePolicy(table: SlotTable): CachePolicy {
  let sketch = createFrequencySketch(table.capacity);
  // Rings: next of an anchor is the newest, previous the oldest. A slot stands at its number + ANCHORS.
  let next = new Int32Array(table.capacity + ANCHORS);
  let previous = new Int32Array(table.capacity + ANCHORS);
  let queueOf = new Uint8Array(table.capacity);
  const lengths = [0, 0, 0, 0];
  for (const anchor of Object.values(QUEUE)) {
    next[anchor] = anchor;
    previous[anchor] = anchor;
  }

  function unlink(slot: number): void {
    const queue = queueOf[slot]!;
    if (queue === QUEUE.none) return;
    const at = slot + ANCHORS;
    next[previous[at]!] = next[at]!;
    previous[next[at]!] = previous[at]!;
    queueOf[slot] = QUEUE.none;
    lengths[queue]!--;
  }

  function moveToFront(slot: number, queue: Queue): void {
    unlink(slot);
    const at = slot + ANCHORS;
    const first = next[queue]!;
    next[at] = first;
    previous[at] = queue;
    previous[first] = at;
    next[queue] = at;
    queueOf[slot] = queue;
    lengths[queue]!++;
  }

  const oldest = (queue: Queue): number => (lengths[queue] === 0 ? NO_SLOT : previous[queue]! - ANCHORS);
  const frequency = (slot: number): number => sketch.estimate(table.digestOf(slot));
  const mainLength = (): number => lengths[QUEUE.probation]! + lengths[QUEUE.protected]!;
  const windowMax = (): number => Math.max(1, Math.floor((lengths[QUEUE.window]! + mainLength()) * WINDOW_SHARE));

  return {
    asked: (digest) => sketch.count(digest),

    insert(slot) {
      moveToFront(slot, QUEUE.window);
      while (lengths[QUEUE.window]! > windowMax()) moveToFront(oldest(QUEUE.window), QUEUE.probation);
    },

    adopt: (slot) => moveToFront(slot, QUEUE.probation),

    touch(slot) {
      if (queueOf[slot] === QUEUE.none) return;
      if (queueOf[slot] === QUEUE.window) return moveToFront(slot, QUEUE.window);
      moveToFront(slot, QUEUE.protected);
      while (lengths[QUEUE.protected]! > mainLength() * PROTECTED_SHARE && lengths[QUEUE.protected]! > 1) {
        moveToFront(oldest(QUEUE.protected), QUEUE.probation);
      }
    },

    remove: unlink,

    victim() {
      const held = lengths[QUEUE.probation]! > 0 ? oldest(QUEUE.probation) : oldest(QUEUE.protected);
      const candidate = oldest(QUEUE.window);
      if (held === NO_SLOT || candidate === NO_SLOT) return held === NO_SLOT ? candidate : held;
      if (lengths[QUEUE.window]! < windowMax()) return held;
      if (frequency(candidate) <= frequency(held)) return candidate;
      moveToFront(candidate, QUEUE.probation);
      return held;
    },

    grow() {
      sketch = createFrequencySketch(table.capacity);
      next = grown(next, new Int32Array(table.capacity + ANCHORS));
      previous = grown(previous, new Int32Array(table.capacity + ANCHORS));
      queueOf = grown(queueOf, new Uint8Array(table.capacity));
    },
  };
}
