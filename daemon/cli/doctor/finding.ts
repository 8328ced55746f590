/**
 * What one check of `doctor` found.
 *
 * Shape   level ok, warn or fail; `code` is stable; `next` says what to do, and `run` is the same as a command for a shell, when one
 *         command does it. `fix` is what --fix does by itself: only what loses nothing.
 * @module
 */
import { USER_ERRORS } from '../../errors.ts';

/** Codes beside those of USER_ERRORS: code -> exit code when it is a failure. */
const OWN_CODES = {
  runtime_old: 8,
  permissions: 8,
  old_lock: 8,
  crashed: 8,
  disk_low: 8,
  store_damaged: 8,
  socket_taken: 8,
  clock_off: 8,
  logs_unredacted: 8,
  unreachable: 9,
  peers_few: 9,
  versions_apart: 9,
  circuits_failing: 9,
  round_trip_failed: 9,
  gateway_wrong: 8,
} as const;

export type FindingCode = keyof typeof OWN_CODES | keyof typeof USER_ERRORS;

export interface Finding {
  readonly check: string;
  readonly level: 'ok' | 'warn' | 'fail';
  readonly code: FindingCode | null;
  readonly text: string;
  readonly next: string | null;
  readonly run: string | null;
  readonly fix?: () => void;
}

export function fine(check: string, text: string): Finding {
  return { check, level: 'ok', code: null, text, next: null, run: null };
}

interface Trouble {
  readonly code: FindingCode;
  readonly text: string;
  readonly next: string;
  /** A command that does what `next` says. */
  readonly run?: string;
  readonly fix?: () => void;
}

export function trouble(level: 'warn' | 'fail', check: string, given: Trouble): Finding {
  const { code, text, next, run = null, fix } = given;
  return { check, level, code, text, next, run, ...(fix === undefined ? {} : { fix }) };
}

/** 0, or 8 when something of this machine failed, or 9 when only the network did. */
export function exitOf(findings: readonly Finding[]): number {
  const exits = findings.filter(({ level }) => level === 'fail').map(({ code }) => exitOfCode(code!));
  if (exits.length === 0) return 0;
  return exits.some((exit) => exit !== 9) ? 8 : 9;
}

function exitOfCode(code: FindingCode): number {
  return Object.hasOwn(OWN_CODES, code)
    ? OWN_CODES[code as keyof typeof OWN_CODES]
    : USER_ERRORS[code as keyof typeof USER_ERRORS].exit;
}

/** A word of a shell command, as it must be typed. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./~-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
