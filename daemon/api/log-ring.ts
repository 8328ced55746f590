/**
 * The last log lines in memory, for the dashboard; every line goes on to the real sink.
 *
 * Shape   lines like the one before are folded: `repeats` counts them.
 * @module
 */
import { LOG_LINES_KEPT } from '../limits.ts';
import type { Log, LogLevel } from '../ports.ts';
import type { LogLine } from './schema.ts';

export interface LogRing extends Log {
  /** Oldest first; at most `max`. */
  lines(max: number): readonly LogLine[];
}

export function createLogRing(sink: Log, wallMs: () => number, kept: LogLevel): LogRing {
  const order: readonly LogLevel[] = ['error', 'warn', 'info', 'debug', 'trace'];
  const lines: LogLine[] = [];
  return {
    write(level, subsystem, text) {
      sink.write(level, subsystem, text);
      if (order.indexOf(level) > order.indexOf(kept)) return;
      const last = lines.at(-1);
      const same = last !== undefined && last.text === text && last.subsystem === subsystem && last.level === level;
      const repeats = same ? last.repeats + 1 : 1;
      if (same) lines.pop();
      lines.push({ atMs: wallMs(), level, subsystem, text, repeats });
      if (lines.length > LOG_LINES_KEPT) lines.shift();
    },
    lines: (max) => lines.slice(-max),
  };
}
