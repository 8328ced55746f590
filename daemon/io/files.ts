/**
 * The user's files and the spool as the Files port.
 *
 * Errors  LocalError: no_file for what cannot be read, no_write for a place that cannot be written, exists for a taken name, and the
 *         three of the disk (disk-error.ts). A path stands only in `detail`, because whoever gets it named it.
 * Why     reads and writes are synchronous inside, as in disk.ts; a flush waits for the device, so it goes to the thread pool. A finished
 *         file takes its name by a hard link, which fails when the name was taken meanwhile; the folder is flushed too, or a power
 *         cut could leave neither name.
 * @module
 */
import {
  closeSync,
  constants,
  fdatasync,
  fstatSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { LocalError } from '../errors.ts';
import type { FileFacts, Files, OpenFile } from '../ports.ts';
import { asDiskError } from './disk-error.ts';

const fdatasyncLater = promisify(fdatasync);
const PRIVATE = 0o600;
/** What the user's umask leaves of it. */
const ORDINARY = 0o666;
/** These are about the place, not about the disk. */
const BAD_PLACE: readonly string[] = [
  'ENOENT',
  'EACCES',
  'EPERM',
  'ENOTDIR',
  'EISDIR',
  'ENAMETOOLONG',
  'ELOOP',
  'ENXIO',
];
/** File systems without hard links. */
const NO_LINKS: readonly string[] = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'];

/** @param dataDir the spool is a folder in it, made when it is first needed */
export function createFiles(dataDir: string): Files {
  const spool = join(dataDir, 'spool');
  return {
    spool,
    join,
    async facts(path) {
      const stat = statSync(path, { throwIfNoEntry: false });
      if (stat === undefined) return undefined;
      const kind: FileFacts['kind'] = stat.isFile() ? 'file' : stat.isDirectory() ? 'folder' : 'other';
      return { kind, sizeBytes: stat.size, modifiedMs: stat.mtimeMs };
    },
    async open(path, access) {
      const flags = access === 'read' ? constants.O_RDONLY : constants.O_RDWR | constants.O_CREAT;
      return placed(access === 'read' ? 'no_file' : 'no_write', path, () => {
        if (access === 'private') mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
        // A pipe without a writer would hold up the whole process.
        const fd = openSync(path, flags | (constants.O_NONBLOCK ?? 0), access === 'private' ? PRIVATE : ORDINARY);
        if (fstatSync(fd).isFile()) return openFile(fd);
        closeSync(fd);
        throw new LocalError(access === 'read' ? 'no_file' : 'no_write', `${path} is no plain file`);
      });
    },
    async rename(from, to, replace) {
      await placed('no_write', to, async () => {
        if (replace) renameSync(from, to);
        else takeName(from, to);
        await flushFolder(dirname(to));
      });
    },
    async remove(path) {
      placed('no_write', path, () => rmSync(path, { force: true }));
    },
    async list(folder) {
      const found: { path: string; sizeBytes: number }[] = [];
      await walk(folder, '', found);
      return found.sort((a, b) => (a.path < b.path ? -1 : 1));
    },
  };
}

function openFile(fd: number): OpenFile {
  let isOpen = true;
  let flushing: Promise<unknown> = Promise.resolve();
  const whileOpen = <T>(work: () => T): T => {
    if (!isOpen) throw new LocalError('disk_failed', 'the file is closed');
    try {
      return work();
    } catch (error) {
      throw asDiskError(error);
    }
  };
  return {
    sizeBytes: () => whileOpen(() => fstatSync(fd).size),
    async read(offset, length) {
      return whileOpen(() => {
        const into = new Uint8Array(length);
        let done = 0;
        while (done < length) {
          const count = readSync(fd, into, done, length - done, offset + done);
          if (count === 0) break;
          done += count;
        }
        return into.subarray(0, done);
      });
    },
    async write(offset, bytes) {
      whileOpen(() => {
        for (let done = 0; done < bytes.length; ) {
          done += writeSync(fd, bytes, done, bytes.length - done, offset + done);
        }
      });
    },
    async truncate(sizeBytes) {
      whileOpen(() => ftruncateSync(fd, sizeBytes));
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
      await flushing; // it holds the descriptor, whose number another file would get
      closeSync(fd);
    },
  };
}

function takeName(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw new LocalError('exists', to, { cause: error });
    if (!NO_LINKS.includes(code)) throw error;
    if (lstatSync(to, { throwIfNoEntry: false }) !== undefined) throw new LocalError('exists', to, { cause: error });
    renameSync(from, to);
    return;
  }
  rmSync(from, { force: true });
}

async function flushFolder(path: string): Promise<void> {
  const fd = openSync(path, constants.O_RDONLY);
  try {
    await fdatasyncLater(fd);
  } catch {
    // Some file systems do not flush folders; the file itself is flushed.
  } finally {
    closeSync(fd);
  }
}

/** Symbolic links are not followed, or a folder could publish what lies outside of it. */
async function walk(root: string, below: string, found: { path: string; sizeBytes: number }[]): Promise<void> {
  const folder = join(root, below);
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw asPlaceError('no_file', folder, error);
  });
  for (const entry of entries) {
    const path = below === '' ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) await walk(root, path, found);
    else if (entry.isFile()) found.push({ path, sizeBytes: statSync(join(root, path)).size });
  }
}

function placed<T>(code: 'no_file' | 'no_write', path: string, work: () => T): T {
  try {
    const done = work();
    if (!(done instanceof Promise)) return done;
    return done.catch((error: unknown) => {
      throw asPlaceError(code, path, error);
    }) as T;
  } catch (error) {
    throw asPlaceError(code, path, error);
  }
}

function asPlaceError(code: 'no_file' | 'no_write', path: string, error: unknown): LocalError {
  const { code: system = '' } = error as NodeJS.ErrnoException;
  if (!(error instanceof LocalError) && BAD_PLACE.includes(system)) {
    return new LocalError(code, `${path} (${system})`, { cause: error });
  }
  return asDiskError(error);
}
