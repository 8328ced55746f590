/**
 * What goes where: the result alone on stdout, everything else on stderr, errors in three parts with a stable code.
 *
 * Shape   with --json exactly one document on stdout, also on failure: {"v":1,"error":{code, what, cause, next, detail}}.
 * Errors  EPIPE ends the process quietly with 0: whoever read the pipe has what they wanted.
 * Why     scripts depend on it. No text here is coloured unless it goes to a terminal, and nothing that came from outside reaches a
 *         terminal raw (`printable`).
 * Source  ux § 2.1.
 * @module
 */
import { DataVersionError } from '../../config/data-version.ts';
import { HomeLocked } from '../../config/lock.ts';
import { PathError } from '../../config/paths.ts';
import { ConfigError } from '../../config/schema.ts';
import { LocalError, USER_ERRORS } from '../errors.ts';

export interface OutputOptions {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly debug: boolean;
}

export interface Output extends OutputOptions {
  /** One line of the result; nothing with --json. */
  line(text: string): void;
  /** One record: columns padded on a terminal, separated by tabs elsewhere. */
  table(rows: readonly (readonly string[])[]): void;
  /** The one document of --json; nothing without it. */
  document(value: object): void;
  /** For people, on stderr; silenced by --quiet. */
  note(text: string): void;
  /** From now on advice names this command where it says COMMAND; before, the program alone. */
  commandIs(name: string): void;
  /** Says what failed and answers the exit code. */
  failure(error: unknown): number;
}

/** Ended by a signal: no failure to explain, only an exit code. */
export class Interrupted extends Error {
  readonly exitCode: number;

  constructor(signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP') {
    super(signal);
    this.name = 'Interrupted';
    this.exitCode = signal === 'SIGINT' ? 130 : signal === 'SIGTERM' ? 143 : 129;
  }
}

export function createOutput(
  options: OutputOptions,
  stdout: NodeJS.WriteStream = process.stdout,
  stderr: NodeJS.WriteStream = process.stderr,
): Output {
  let command = '';
  const line = (text: string): void => {
    if (!options.json) stdout.write(`${text}\n`);
  };
  return {
    ...options,
    line,
    table(rows) {
      const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
      for (const row of rows) {
        const cells = stdout.isTTY ? row.map((cell, column) => cell.padEnd(widths[column] ?? 0)) : row;
        line(cells.join(stdout.isTTY ? '  ' : '\t').trimEnd());
      }
    },
    document(value) {
      if (options.json) stdout.write(`${JSON.stringify(value)}\n`);
    },
    note(text) {
      if (!options.quiet && text !== '') stderr.write(`${text}\n`);
    },
    commandIs(name) {
      command = name;
    },
    failure(error) {
      if (error instanceof Interrupted) {
        if (options.json)
          stdout.write(
            `${JSON.stringify({ v: 1, error: describe(new LocalError('cancelled', 'by a signal'), command) })}\n`,
          );
        return error.exitCode;
      }
      const local = localErrorOf(error);
      const { code, what, cause, next, detail } = describe(local, command);
      if (options.json) stdout.write(`${JSON.stringify({ v: 1, error: { code, what, cause, next, detail } })}\n`);
      else {
        const head = detail === null ? what : `${what}: ${detail}`;
        stderr.write(`holloway: ${printable(head)}  [${code}]\n  cause  ${cause}\n  next   ${next}\n`);
      }
      if (options.debug) stderr.write(`${printable((error as Error)?.stack ?? String(error), true)}\n`);
      return USER_ERRORS[local.code].exit;
    },
  };
}

/** Every error has a code of the table; what nobody expected is `internal`, and its message stays inside unless --debug. */
export function localErrorOf(error: unknown): LocalError {
  if (error instanceof LocalError) return error;
  if (error instanceof ConfigError) return new LocalError('bad_config', error.message, { cause: error });
  if (error instanceof PathError) return new LocalError('bad_home', error.message, { cause: error });
  if (error instanceof DataVersionError) {
    return new LocalError(error.reason === 'newer' ? 'store_format' : 'other_network', error.message, { cause: error });
  }
  if (error instanceof HomeLocked) return new LocalError('running', error.message, { cause: error });
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (code === 'ENOSPC' || code === 'EDQUOT') return new LocalError('disk_full', undefined, { cause: error });
  if (code === 'EROFS') return new LocalError('disk_read_only', undefined, { cause: error });
  return new LocalError('internal', code, { cause: error });
}

function describe(error: LocalError, command: string) {
  const { what, cause, next } = USER_ERRORS[error.code];
  return {
    code: error.code,
    what,
    cause,
    next: next.replace('COMMAND ', command === '' ? '' : `${command} `),
    detail: error.detail ?? null,
  };
}

/** Control and format characters (escape sequences, bidi overrides, zero-width) become U+FFFD before a terminal sees them. */
export function printable(text: string, keepLines = false): string {
  return text
    .toWellFormed()
    .replaceAll(/[\p{Cc}\p{Cf}\p{Cn}\p{Co}\p{Zl}\p{Zp}]/gu, (found) =>
      keepLines && found === '\n' ? found : '\uFFFD',
    );
}

/** A pipe reader that goes away is no error of ours. A result that stdout does not take is; words that stderr does not take are lost. */
export function endQuietlyOnBrokenPipe(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(0);
      if (stream === process.stderr) return;
      process.exit(createOutput({ json: false, quiet: false, debug: false }).failure(error));
    });
  }
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** 310 KiB, 1.1 MiB: three digits at most. */
export function sizeText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1_000 && unit < UNITS.length - 1) {
    value /= 1_024;
    unit++;
  }
  return `${unit > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} ${UNITS[unit]}`;
}

export function durationText(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min`;
  if (ms < 172_800_000) return `${Math.floor(ms / 3_600_000)} h`;
  return `${Math.floor(ms / 86_400_000)} d`;
}
