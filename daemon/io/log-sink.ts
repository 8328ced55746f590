/**
 * Where log lines go: one line of text or JSON each, and the last ones kept for the dashboard.
 *
 * Shape   text "2026-11-22T18:00:00.000Z warn  store  ..."; JSON {atMs, level, subsystem, text, repeats}.
 *         A line that repeats the one before is counted, and written again when the count reaches 10, 100, 1,000, ..., and
 *         once more with the full count before another line follows.
 * Unit    atMs is Unix time.
 * Why     a disk that refuses or a peer that knocks must not fill the operator's disk with one sentence. Control characters, among
 *         them those that turn the direction of writing, are taken out: a line ends on a terminal.
 *         This sink cannot know what a key is: that nothing secret is in a line is the writer's duty (ports.ts). What looks like one
 *         is taken out all the same (redact.ts); what is kept for the dashboard is so even when the owner turned that off for the file.
 * Source  ux § 4 "Logs".
 * @module
 */
import type { Log, LogLevel } from '../ports.ts';
import { redact } from './redact.ts';

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
  /** Over setLevel, for these subsystems alone; replaces what was set before. */
  setLevels(levels: Readonly<Record<string, LogLevel>>): void;
  setRedact(isOn: boolean): void;
  /** Told of every line that is written, until it takes itself off. */
  listen(listener: (line: KeptLine) => void): () => void;
  /** Writes the count of a repetition that is still being counted. */
  flush(): void;
}

export interface LogSinkOptions {
  /** The most talkative level that is taken. */
  readonly level: LogLevel;
  readonly write: (line: string) => void;
  readonly format: 'text' | 'json';
  readonly keep: number;
  readonly levels?: Readonly<Record<string, LogLevel>>;
  /** True when absent. */
  readonly redact?: boolean;
  readonly wallMs?: () => number;
}

const LEVELS: readonly LogLevel[] = ['error', 'warn', 'info', 'debug', 'trace'];
const LINE_CHARACTERS_MAX = 1_000;
/** C0, DEL, C1, line and paragraph separators, and the marks of bidirectional text. */
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

export function createLog(options: LogSinkOptions): LogSink {
  const wallMs = options.wallMs ?? Date.now;
  let talkativeness = LEVELS.indexOf(options.level);
  let bySubsystem = talkativenessOf(options.levels ?? {});
  let isRedacting = options.redact ?? true;
  const kept: KeptLine[] = [];
  const listeners = new Set<(line: KeptLine) => void>();
  /** Repeats of the last line as far as they were written. */
  let told = 0;
  let last: KeptLine | undefined;
  /** The last line's text as it goes to the file. */
  let lastRaw = '';

  function print(line: KeptLine): void {
    const shown = { ...line, text: isRedacting ? line.text : lastRaw };
    options.write(options.format === 'json' ? JSON.stringify(shown) : asText(shown));
    told = line.repeats;
    for (const listener of listeners) listener(shown);
  }

  function flush(): void {
    if (last !== undefined && last.repeats > told) print(last);
  }

  return {
    write(level, subsystem, given) {
      if (LEVELS.indexOf(level) > (bySubsystem.get(subsystem) ?? talkativeness)) return;
      const raw = given.slice(0, LINE_CHARACTERS_MAX).replace(UNPRINTABLE, '');
      const text = redact(raw);
      const atMs = wallMs();
      if (last !== undefined && last.level === level && last.subsystem === subsystem && lastRaw === raw) {
        last = { ...last, atMs, repeats: last.repeats + 1 };
        if (kept.length > 0) kept[kept.length - 1] = last;
        if (last.repeats >= told * 10) print(last);
        return;
      }
      flush();
      last = { atMs, level, subsystem, text, repeats: 1 };
      lastRaw = raw;
      kept.push(last);
      if (kept.length > options.keep) kept.shift();
      print(last);
    },
    setLevel(level) {
      talkativeness = LEVELS.indexOf(level);
    },
    setLevels(levels) {
      bySubsystem = talkativenessOf(levels);
    },
    setRedact(isOn) {
      isRedacting = isOn;
    },
    listen(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    lines: () => kept.slice(),
    flush,
  };
}

function talkativenessOf(levels: Readonly<Record<string, LogLevel>>): ReadonlyMap<string, number> {
  return new Map(Object.entries(levels).map(([subsystem, level]) => [subsystem, LEVELS.indexOf(level)]));
}

function asText(line: KeptLine): string {
  const times = line.repeats > 1 ? ` (${line.repeats} times)` : '';
  return `${new Date(line.atMs).toISOString()} ${line.level.padEnd(5)} ${line.subsystem} ${line.text}${times}`;
}
