/**
 * Where log lines go: one line of text or JSON each, and the last ones kept for the dashboard.
 *
 * Shape   text "2026-11-22T18:00:00.000Z warn  store  ..."; JSON {atMs, level, subsystem, text, repeats}.
 *         A line that repeats the one before is counted, and written again when the count reaches 10, 100, 1,000, ..., and
 *         once more with the full count before another line follows.
 * Unit    atMs is Unix time.
 * Why     a disk that refuses or a peer that knocks must not fill the operator's disk with one sentence. Control characters, among
 *         them those that turn the direction of writing, are taken out: a line ends on a terminal.
 *         This sink cannot know what a key is: that nothing secret is in a line is the writer's duty (ports.ts).
 * @module
 */
import type { Log, LogLevel } from '../ports.ts';

export interface KeptLine {
  readonly atMs: number; // of the last repetition
  readonly level: LogLevel;
  readonly subsystem: string;
  readonly text: string;
  readonly repeats: number; // 1: seen once
}

export interface LogSink extends Log {
  /** The last ones, oldest first. */
  lines(): readonly KeptLine[];
  /** From the next line on. */
  setLevel(level: LogLevel): void;
  /** Writes the count of a repetition that is still being counted. */
  flush(): void;
}

export interface LogSinkOptions {
  /** The most talkative level that is taken. */
  readonly level: LogLevel;
  readonly write: (line: string) => void;
  readonly format: 'text' | 'json';
  readonly keep: number;
  readonly wallMs?: () => number;
}

const LEVELS: readonly LogLevel[] = ['error', 'warn', 'info', 'debug', 'trace'];
const LINE_CHARACTERS_MAX = 1_000;
/** C0, DEL, C1, line and paragraph separators, and the marks of bidirectional text. */
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

export function createLog(options: LogSinkOptions): LogSink {
  const wallMs = options.wallMs ?? Date.now;
  let talkativeness = LEVELS.indexOf(options.level);
  const kept: KeptLine[] = [];
  /** Repeats of the last line as far as they were written. */
  let told = 0;
  let last: KeptLine | undefined;

  function print(line: KeptLine): void {
    options.write(options.format === 'json' ? JSON.stringify(line) : asText(line));
    told = line.repeats;
  }

  function flush(): void {
    if (last !== undefined && last.repeats > told) print(last);
  }

  return {
    write(level, subsystem, given) {
      if (LEVELS.indexOf(level) > talkativeness) return;
      const text = given.slice(0, LINE_CHARACTERS_MAX).replace(UNPRINTABLE, '');
      const atMs = wallMs();
      if (last !== undefined && last.level === level && last.subsystem === subsystem && last.text === text) {
        last = { ...last, atMs, repeats: last.repeats + 1 };
        if (kept.length > 0) kept[kept.length - 1] = last;
        if (last.repeats >= told * 10) print(last);
        return;
      }
      flush();
      last = { atMs, level, subsystem, text, repeats: 1 };
      kept.push(last);
      if (kept.length > options.keep) kept.shift();
      print(last);
    },
    setLevel(level) {
      talkativeness = LEVELS.indexOf(level);
    },
    lines: () => kept.slice(),
    flush,
  };
}

function asText(line: KeptLine): string {
  const times = line.repeats > 1 ? ` (${line.repeats} times)` : '';
  return `${new Date(line.atMs).toISOString()} ${line.level.padEnd(5)} ${line.subsystem} ${line.text}${times}`;
}
