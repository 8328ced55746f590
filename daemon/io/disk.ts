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
    guard(() => mkdirSync(directory, { recursive: true, mode: 0o700 }));
    return join(directory, `${name}.${extension}`);
  };
  return {
    openBlocks: async (name) => openBlockFile(pathOf(name, 'blocks')),
    openRecords: async (name) => openRecords(pathOf(name, 'sqlite')),
  };
}

function openBlockFile(path: string): BlockStorage {
  const fd = guard(() => openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600));
  guard(() => chmodSync(path, 0o600));
  let sizeBytes = guard(() => fstatSync(fd)).size;
  let isOpen = true;
  /** Flushes under way hold the descriptor: closing it would let another file take its number. */
  let flushing: Promise<unknown> = Promise.resolve();

  const whileOpen = <T>(work: () => T): T => {
    if (!isOpen) throw asDiskError(new Error('the file is closed'));
    return guard(work);
  };

  return {
    sizeBytes: () => sizeBytes,
    async resize(given) {
      whileOpen(() => ftruncateSync(fd, given));
      sizeBytes = given;
    },
    async read(offset, length) {
      return whileOpen(() => {
        const bytes = new Uint8Array(length);
        for (let done = 0; done < length; ) {
          const count = readSync(fd, bytes, done, length - done, offset + done);
          if (count === 0) throw new Error('read past the end');
          done += count;
        }
        return bytes;
      });
    },
    async write(offset, bytes) {
      whileOpen(() => {
        if (offset + bytes.length > sizeBytes) throw new Error('write past the end');
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

function guard<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw asDiskError(error);
  }
}
