/**
 * What the system and SQLite say about a disk, as one of the three refusals the core knows.
 * @module
 */
import { LocalError } from '../errors.ts';

const FULL: readonly string[] = ['ENOSPC', 'EDQUOT', 'EFBIG'];
const READ_ONLY: readonly string[] = ['EROFS', 'EACCES', 'EPERM'];
/** SQLite's primary result codes (sqlite.org/rescode.html); extended ones carry them in the low byte. */
const SQLITE = { perm: 3, readonly: 8, full: 13 } as const;

export function asDiskError(error: unknown): LocalError {
  if (error instanceof LocalError) return error;
  return new LocalError(codeOf(error), undefined, { cause: error });
}

function codeOf(error: unknown): 'disk_full' | 'disk_read_only' | 'disk_failed' {
  if (!(error instanceof Error)) return 'disk_failed';
  const { code } = error as Error & { code?: unknown };
  const primary = primaryCode(error);
  if (primary === SQLITE.full) return 'disk_full';
  if (primary === SQLITE.readonly || primary === SQLITE.perm) return 'disk_read_only';
  if (typeof code !== 'string') return 'disk_failed';
  if (FULL.includes(code)) return 'disk_full';
  return READ_ONLY.includes(code) ? 'disk_read_only' : 'disk_failed';
}

/** SQLite's primary result code, or 0 for an error that is not SQLite's. */
export function primaryCode(error: unknown): number {
  const errcode = error instanceof Error && 'errcode' in error ? error.errcode : undefined;
  return typeof errcode === 'number' ? errcode & 0xff : 0;
}
