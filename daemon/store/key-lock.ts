/**
 * One at a time under one name: a second put of a block waits for the first, then looks again.
 * @module
 */
export interface KeyLock {
  run<T>(name: string, work: () => Promise<T>): Promise<T>;
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
}

export function createKeyLock(): KeyLock {
  const held = new Map<string, Promise<unknown>>();
  return {
    async run(name, work) {
      for (let other = held.get(name); other !== undefined; other = held.get(name)) await other;
      const result = work();
      const released = result.then(
        () => held.delete(name),
        () => held.delete(name),
      );
      held.set(name, released);
      return result;
    },
    async idle() {
      while (held.size > 0) await Promise.all(held.values());
    },
  };
}
