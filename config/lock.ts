/**
 * One daemon per home: a lock file that names its process, and never needs deleting by hand.
 *
 * Shape   JSON {pid, started, since}: `started` is the system's own record of when that process began, `since` is Unix ms.
 * Errors  HomeLocked when the process named there still runs; otherwise the file is left over and is replaced.
 * Why     a process id alone is reused by the system, so after a crash it may name a stranger: id and start time together do not.
 * Source  ux § 4 "Lock".
 * @module
 */
import { execFileSync } from 'node:child_process';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

export interface LockHolder {
  readonly pid: number;
  readonly started: string;
  readonly since: number;
}

export class HomeLocked extends Error {
  readonly holder: LockHolder;

  constructor(holder: LockHolder) {
    super(holderText(holder));
    this.name = 'HomeLocked';
    this.holder = holder;
  }
}

/** "pid 4121, since 14:02", with the date when it was another day. */
export function holderText(holder: LockHolder, nowMs: number = Date.now()): string {
  const since = new Date(holder.since);
  const time = since.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
  const isToday = since.toDateString() === new Date(nowMs).toDateString();
  return `pid ${holder.pid}, since ${isToday ? '' : `${since.toLocaleDateString('en-CA')} `}${time}`;
}

/** @returns how to release it */
export function acquireLock(path: string): () => void {
  const own = JSON.stringify({ pid: process.pid, started: processStart(process.pid) ?? '', since: Date.now() });
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, own, { mode: 0o600 });
  try {
    // A link appears with its content or not at all, and fails when another was faster.
    for (let attempt = 0; attempt < 5; attempt++) {
      if (tryLink(draft, path)) return () => releaseLock(path, own);
      removeStale(path);
    }
  } finally {
    rmSync(draft, { force: true });
  }
  throw new HomeLocked(readLock(path) ?? { pid: 0, started: '', since: Date.now() });
}

/** The daemon that holds the lock and still runs, if any. */
export function lockHolder(path: string): LockHolder | undefined {
  const holder = readLock(path);
  return holder !== undefined && isSameProcess(holder) ? holder : undefined;
}

/** Of a daemon that ended without removing its lock: it was killed, or the machine went down. */
export function staleHolder(path: string): LockHolder | undefined {
  const holder = readLock(path);
  return holder !== undefined && !isSameProcess(holder) ? holder : undefined;
}

export function isSameProcess(holder: { readonly pid: number; readonly started: string }): boolean {
  return processStart(holder.pid) === holder.started;
}

/** When the process began, as text that only equality is asked of; undefined when it does not run (zombies do not). */
export function processStart(pid: number): string | undefined {
  if (process.platform === 'linux') {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
      // The name in parentheses may hold anything, so count from its end: state is field 3, start time field 22.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
    } catch {
      return undefined;
    }
  }
  try {
    const text = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', `${pid}`], { encoding: 'utf8' }).trim();
    return text === '' || text.startsWith('Z') ? undefined : text.replace(/^\S+\s+/, '');
  } catch {
    return undefined;
  }
}

function readLock(path: string): LockHolder | undefined {
  try {
    const holder = JSON.parse(readFileSync(path, 'utf8')) as Partial<LockHolder>;
    const whole =
      typeof holder.pid === 'number' && typeof holder.started === 'string' && typeof holder.since === 'number';
    return whole ? (holder as LockHolder) : undefined;
  } catch {
    return undefined;
  }
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Moves the file aside before judging it: deleting by name could hit the lock of a faster rival. */
function removeStale(path: string): void {
  const seen = readLock(path);
  if (seen !== undefined && isSameProcess(seen)) throw new HomeLocked(seen);
  const aside = `${path}.stale.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const moved = readLock(aside);
  if (moved !== undefined && isSameProcess(moved)) tryLink(aside, path);
  rmSync(aside, { force: true });
}

function releaseLock(path: string, own: string): void {
  try {
    if (readFileSync(path, 'utf8') === own) rmSync(path);
  } catch {
    // It is gone already: nothing to release.
  }
}
