/**
 * A log file that never outgrows its limits: put aside at a size, a few of them kept.
 *
 * Shape   PATH is the current file, PATH.1 the one before, up to PATH.N; each 0600.
 * Unit    bytes; a line is never split, so a file ends at or just under the size, except one with a single longer line.
 * Errors  none: a disk that refuses costs the line. The next one tries again.
 * Why     synchronous appends, so that the last line before a crash is there; no external tool is needed, and one that moves the file
 *         (logrotate) is followed by reopen().
 * Source  ux § 4 "Logs".
 * @module
 */
import { closeSync, fstatSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';

export interface LogFile {
  write(line: string): void;
  /** Closes the file and opens what lies at the path now. */
  reopen(): void;
  close(): void;
}

export interface LogFileOptions {
  readonly path: string;
  readonly sizeMaxBytes: number;
  /** Files kept, the current one included. */
  readonly files: number;
}

export function createLogFile(options: LogFileOptions): LogFile {
  const { path, sizeMaxBytes, files } = options;
  let fd: number | undefined;
  let sizeBytes = 0;

  function open(): number {
    fd = openSync(path, 'a', 0o600);
    sizeBytes = fstatSync(fd).size;
    return fd;
  }

  function close(): void {
    if (fd !== undefined) closeSync(fd);
    fd = undefined;
  }

  function putAside(): void {
    close();
    if (files === 1) {
      rmSync(path, { force: true });
      return;
    }
    for (let i = files - 1; i > 1; i--) move(`${path}.${i - 1}`, `${path}.${i}`);
    move(path, `${path}.1`);
  }

  return {
    write(line) {
      const bytes = Buffer.from(`${line}\n`);
      try {
        let to = fd ?? open();
        if (sizeBytes > 0 && sizeBytes + bytes.length > sizeMaxBytes) {
          putAside();
          to = open();
        }
        writeSync(to, bytes);
        sizeBytes += bytes.length;
      } catch {
        // Full, read-only, or its directory went away: a log must not end what it reports on.
      }
    },
    reopen: close,
    close,
  };
}

function move(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
