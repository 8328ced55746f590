/**
 * Waiting between pieces of background work, until it is over or everything ends.
 * @module
 */
import type { Clock, Timer } from '../ports.ts';

export interface Pauses {
  wait(ms: number): Promise<void>;
  /** Wakes whoever waits; from now on nobody waits. */
  end(): void;
}

export function createPauses(clock: Clock): Pauses {
  const waiting = new Map<Timer, () => void>();
  let isOver = false;
  return {
    wait(ms) {
      if (isOver) return Promise.resolve();
      return new Promise((resolve) => {
        const timer = clock.setTimer(ms, () => {
          waiting.delete(timer);
          resolve();
        });
        waiting.set(timer, resolve);
      });
    },
    end() {
      isOver = true;
      for (const [timer, wake] of waiting) {
        timer.cancel();
        wake();
      }
      waiting.clear();
    },
  };
}
