/**
 * Caches to compare with: least recently used, least frequently used, and Belady's, which knows the future.
 *
 * Unit    capacity in keys.
 * Why     LFU counts every question ever, of keys it does not hold too, and ties go to the longer unused: the strongest form of it, and one
 *         no node could afford. Belady's may refuse a newcomer that is wanted later than all it holds; ours may refuse as well, so
 *         this is the bound that applies.
 * Source  Belady, IBM Systems Journal 1966.
 * @module
 */
import type { Cache } from './cache-types.ts';

export function createLru(capacity: number): Cache {
  const held = new Set<number>();
  return {
    get(key) {
      if (!held.delete(key)) return false;
      held.add(key);
      return true;
    },
    put(key) {
      if (held.size >= capacity) held.delete(held.values().next().value!);
      held.add(key);
    },
  };
}

export function createLfu(capacity: number): Cache {
  const asked = new Map<number, number>();
  const held = new Set<number>();
  const least = createHeap();
  return {
    get(key, position) {
      const times = (asked.get(key) ?? 0) + 1;
      asked.set(key, times);
      if (!held.has(key)) return false;
      least.push(key, rankOf(times, position));
      return true;
    },
    put(key, position) {
      if (held.size >= capacity) {
        const victim = least.pop();
        if (victim !== undefined) held.delete(victim);
      }
      held.add(key);
      least.push(key, rankOf(asked.get(key) ?? 0, position));
    },
  };
}

/** Fewer questions first, then the longer unused. */
const POSITIONS = 2 ** 32;
const rankOf = (times: number, position: number): number => times * POSITIONS + position;

/** @param trace the very questions that it will be asked, in order */
export function createBelady(capacity: number, trace: ArrayLike<number>): Cache {
  const nextUse = new Float64Array(trace.length);
  const seenAt = new Map<number, number>();
  for (let i = trace.length - 1; i >= 0; i--) {
    nextUse[i] = seenAt.get(trace[i]!) ?? Number.POSITIVE_INFINITY;
    seenAt.set(trace[i]!, i);
  }
  const held = new Map<number, number>();
  const latest = createHeap();
  const keep = (key: number, position: number): void => {
    held.set(key, nextUse[position]!);
    latest.push(key, -nextUse[position]!);
  };
  return {
    get(key, position) {
      if (!held.has(key)) return false;
      keep(key, position);
      return true;
    },
    put(key, position) {
      if (held.size >= capacity) {
        const victim = latest.peek()!;
        if (held.get(victim)! <= nextUse[position]!) return;
        latest.pop();
        held.delete(victim);
      }
      keep(key, position);
    },
  };
}

interface Heap {
  /** A second push of a key replaces its rank. */
  push(key: number, rank: number): void;
  /** The key of least rank. */
  peek(): number | undefined;
  pop(): number | undefined;
}

/** A binary heap; entries that were replaced stay until they reach the top. */
function createHeap(): Heap {
  const keys: number[] = [];
  const ranks: number[] = [];
  const current = new Map<number, number>();

  function swap(a: number, b: number): void {
    [keys[a], keys[b]] = [keys[b]!, keys[a]!];
    [ranks[a], ranks[b]] = [ranks[b]!, ranks[a]!];
  }

  function removeTop(): void {
    swap(0, keys.length - 1);
    keys.pop();
    ranks.pop();
    for (let at = 0; ; ) {
      let child = at * 2 + 1;
      if (child >= keys.length) return;
      if (child + 1 < keys.length && ranks[child + 1]! < ranks[child]!) child++;
      if (ranks[at]! <= ranks[child]!) return;
      swap(at, child);
      at = child;
    }
  }

  function peek(): number | undefined {
    while (keys.length > 0 && current.get(keys[0]!) !== ranks[0]) removeTop();
    return keys[0];
  }

  return {
    push(key, rank) {
      current.set(key, rank);
      keys.push(key);
      ranks.push(rank);
      for (let at = keys.length - 1; at > 0; ) {
        const parent = (at - 1) >> 1;
        if (ranks[parent]! <= ranks[at]!) return;
        swap(at, parent);
        at = parent;
      }
    },
    peek,
    pop() {
      const key = peek();
      if (key === undefined) return undefined;
      current.delete(key);
      removeTop();
      return key;
    },
  };
}
