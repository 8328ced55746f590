/**
 * A directory as the Disk port: flat files of blocks, and SQLite for records.
 *
 * Shape   NAME.blocks and NAME.sqlite in one directory; files 0600, the directory 0700.
 * Errors  LocalError: `disk_full` for ENOSPC, EDQUOT and EFBIG, `disk_read_only` for EROFS, EACCES and EPERM, else `disk_failed`.
 * Why     reads and writes are synchronous inside: 17 us each while the page cache holds the block, against 60 us through the
 *         thread pool. A flush waits for the device, so it goes to the pool.
 *         Node offers no fallocate: a file is given its length and takes its room as it is written, so that a disk
 *         which others fill meanwhile says `disk_full` at a write.
 * Source  libraries § 5.
 * @module
 */
import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fdatasync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { BlockStorage, Disk } from '../ports.ts';
import { asDiskError } from './disk-error.ts';
import { openRecords } from './records.ts';

const fdatasyncLater = promisify(fdatasync);
const NAME = /^[a-z][a-z0-9-]{0,63}$/;

/** @param directory made if it is not there */
export function createDisk(directory: string): Disk {
  const pathOf = (name: string, extension: string): string => {
    if (!NAME.test(name)) throw new RangeError(`not a storage name: ${name}`);
    guard(() => existsSync(directory) || mkdirSync(directory, { recursive: true, mode: 0o700 }));
    return join(directory, `${name}.${extension}`);
  };
  return {
    openBlocks: async (name) => openBlockFile(pathOf(name, 'blocks')),
    openRecords: async (name) => openRecords(pathOf(name, 'sqlite')),
  };
}

/** A file that may not be written is opened for reading, and again for writing whenever something is to be written. */
function openBlockFile(path: string): BlockStorage {
  let { fd, isWritable } = guard(() => openFile(path));
  let sizeBytes = guard(() => fstatSync(fd)).size;
  let isOpen = true;
  /** Flushes under way hold the descriptor: closing it would let another file take its number. */
  let flushing: Promise<unknown> = Promise.resolve();

  const whileOpen = <T>(work: () => T): T => {
    if (!isOpen) throw asDiskError(new Error('the file is closed'));
    return guard(work);
  };

  function requireWritable(): void {
    if (isWritable) return;
    const writable = openSync(path, constants.O_RDWR);
    const readOnly = fd;
    fd = writable;
    isWritable = true;
    void flushing.then(() => closeSync(readOnly));
  }

  return {
    sizeBytes: () => sizeBytes,
    async resize(given) {
      whileOpen(() => {
        requireWritable();
        ftruncateSync(fd, given);
      });
      sizeBytes = given;
    },
    async read(offset, length, into = new Uint8Array(length)) {
      return whileOpen(() => {
        for (let done = 0; done < length; ) {
          const count = readSync(fd, into, done, length - done, offset + done);
          if (count === 0) throw new Error('read past the end');
          done += count;
        }
        return into;
      });
    },
    async write(offset, bytes) {
      whileOpen(() => {
        if (offset + bytes.length > sizeBytes) throw new Error('write past the end');
        requireWritable();
        for (let done = 0; done < bytes.length; ) {
          done += writeSync(fd, bytes, done, bytes.length - done, offset + done);
        }
      });
    },
    async flush() {
      const flush = whileOpen(() => fdatasyncLater(fd)).catch((error: unknown) => {
        throw asDiskError(error);
      });
      flushing = Promise.allSettled([flushing, flush]);
      await flush;
    },
    async close() {
      if (!isOpen) return;
      isOpen = false;
      await flushing;
      guard(() => closeSync(fd));
    },
  };
}

function openFile(path: string): { fd: number; isWritable: boolean } {
  try {
    const fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
    chmodSync(path, 0o600);
    return { fd, isWritable: true };
  } catch (error) {
    if (asDiskError(error).code !== 'disk_read_only') throw error;
    return { fd: openSync(path, constants.O_RDONLY), isWritable: false };
  }
}

function guard<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw asDiskError(error);
  }
}
