/**
 * Random delays of class strong at a relay: each cell of a circuit waits a while of its own, and none passes another.
 *
 * Shape   one line per circuit and direction: what is pushed runs at max(when the one before it ran, now + an exponential draw).
 * Unit    milliseconds, mean as the circuit's CREATE asked; bytes of what waits, DELAYED_BYTES_MAX over all lines.
 * Errors  past the cap the line whose first entry waits longest is killed, and with it its circuit: never a single cell.
 * Why     memoryless waits mix what arrives close together, and order must be kept because the nonces of a circuit are a counter. The
 *         mean is the circuit's own and never follows load, which an observer could change.
 * Source  design §§ 4, 10; anonymity § 7 rule 12.
 * @module
 */
import { DELAYED_BYTES_MAX } from '../limits.ts';
import type { Clock, Random, Timer } from '../ports.ts';

export interface DelayLine {
  /** @param run called later, never from within push */
  push(bytes: number, run: () => void): void;
  /** Forgets what waits. */
  close(): void;
}

export interface DelayLines {
  /** @param kill ends the circuit; its lines are closed by it */
  open(meanMs: number, kill: () => void): DelayLine;
  readonly waitingBytes: number;
}

interface Waiting {
  readonly bytes: number;
  readonly pushedAtMs: number;
  readonly dueMs: number;
  readonly run: () => void;
}

interface Line {
  readonly waiting: Waiting[];
  readonly kill: () => void;
}

export function createDelayLines(clock: Clock, random: Random, bytesMax: number = DELAYED_BYTES_MAX): DelayLines {
  const lines = new Set<Line>();
  let waitingBytes = 0;

  function relieve(): void {
    while (waitingBytes > bytesMax) {
      let oldest: Line | undefined;
      for (const line of lines) {
        const first = line.waiting[0];
        if (first === undefined) continue;
        if (oldest === undefined || first.pushedAtMs < oldest.waiting[0]!.pushedAtMs) oldest = line;
      }
      if (oldest === undefined) return;
      drop(oldest);
      oldest.kill();
    }
  }

  function drop(line: Line): void {
    for (const { bytes } of line.waiting.splice(0)) waitingBytes -= bytes;
  }

  return {
    open(meanMs, kill) {
      const line: Line = { waiting: [], kill };
      lines.add(line);
      let timer: Timer | undefined;
      let lastDueMs = 0;

      function arm(): void {
        const first = line.waiting[0];
        if (first === undefined) return;
        timer = clock.setTimer(Math.max(first.dueMs - clock.nowMs(), 0), () => {
          timer = undefined;
          const due = line.waiting.shift();
          if (due === undefined) return;
          waitingBytes -= due.bytes;
          due.run();
          if (timer === undefined) arm();
        });
      }

      return {
        push(bytes, run) {
          if (!lines.has(line)) return;
          const nowMs = clock.nowMs();
          lastDueMs = Math.max(lastDueMs, nowMs - meanMs * Math.log(1 - random.unit()));
          line.waiting.push({ bytes, pushedAtMs: nowMs, dueMs: lastDueMs, run });
          waitingBytes += bytes;
          if (timer === undefined) arm();
          relieve();
        },
        close() {
          drop(line);
          lines.delete(line);
          timer?.cancel();
        },
      };
    },
    get waitingBytes() {
      return waitingBytes;
    },
  };
}
