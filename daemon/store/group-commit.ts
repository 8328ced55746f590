/**
 * Many writers, few flushes: who asks while a flush runs shares the next one.
 *
 * Shape   take `mark()` before writing, `commit(mark)` after; it resolves when a flush that began after the call has ended.
 * Errors  rejects with what flush rejected with, for everybody whose writes may have come before the failed flush.
 * Why     after a failed fsync the system may forget that pages were dirty, and the next fsync then succeeds without them: so a
 *         failure is passed on to all who wrote before it ended, not only to those whom the failed flush was for.
 * Source  design § 9; Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020.
 * @module
 */
export interface GroupCommit {
  mark(): number;
  commit(mark: number): Promise<void>;
  /** Flushes begun since start. */
  readonly flushes: number;
}

export function createGroupCommit(flush: () => Promise<void>): GroupCommit {
  let failures = 0;
  let lastFailure: unknown;
  let flushes = 0;
  let isFlushing = false;
  let waiting: PromiseWithResolvers<void> | undefined;

  async function flushWhileAsked(): Promise<void> {
    isFlushing = true;
    await null; // whoever writes in the same turn joins
    while (waiting !== undefined) {
      const batch = waiting;
      waiting = undefined;
      flushes++;
      try {
        await flush();
        batch.resolve();
      } catch (error) {
        failures++;
        lastFailure = error;
        batch.reject(error);
      }
    }
    isFlushing = false;
  }

  return {
    mark: () => failures,
    async commit(mark) {
      if (mark === failures) {
        waiting ??= Promise.withResolvers<void>();
        const batch = waiting;
        if (!isFlushing) void flushWhileAsked();
        await batch.promise;
      }
      if (mark !== failures) throw lastFailure;
    },
    get flushes() {
      return flushes;
    },
  };
}
