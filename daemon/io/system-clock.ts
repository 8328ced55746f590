/**
 * The machine's clocks and timers as the Clock port.
 *
 * Unit    milliseconds; nowMs does not move when the host's time of day is set.
 * Why     Node fires a timer at once when its delay exceeds 2^31 - 1 ms (24.8 days): longer ones are set in steps. A delay of
 *         nothing goes by setImmediate, which costs no millisecond.
 * @module
 */
import type { Clock } from '../ports.ts';

const DELAY_MS_MAX = 2 ** 31 - 1;

export function createSystemClock(): Clock {
  return {
    nowMs: () => performance.now(),
    wallMs: () => Date.now(),
    setTimer(delayMs, fire) {
      if (delayMs <= 0) {
        const immediate = setImmediate(fire);
        return { cancel: () => clearImmediate(immediate) };
      }
      let leftMs = delayMs;
      let timeout: NodeJS.Timeout;
      const step = (): void => {
        const stepMs = Math.min(leftMs, DELAY_MS_MAX);
        leftMs -= stepMs;
        timeout = setTimeout(leftMs > 0 ? step : fire, stepMs);
      };
      step();
      return { cancel: () => clearTimeout(timeout) };
    },
  };
}
