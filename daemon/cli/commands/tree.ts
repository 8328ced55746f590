/**
 * Folders on their way in and out: which files of a folder are published, and how a fetched folder is written.
 *
 * Shape   reading: plain files only, links are never followed, names that begin with a dot are left out unless asked for; small files first, each
 *         group in the order of its paths. Writing: into NAME.part, each file flushed, then the folder takes its name.
 * Errors  no_file for what cannot be read, exists for a name that is taken, usage for a path that no folder may hold.
 * Why     a hidden file (.env, .git) or the target of a link is what people publish by mistake. Paths from the network were checked by the daemon; they
 *         are checked again here, where they become files.
 * @module
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { treeHeader } from '../../api/schema-client.ts';
import { SEGMENT_BYTES_MAX } from '../../client/document-shape.ts';
import { comparePaths, pathFault } from '../../client/listing.ts';
import { LocalError } from '../../errors.ts';
import { DIRECTORY_ENTRIES_MAX } from '../../limits.ts';

interface FoundFile {
  readonly path: string;
  readonly sizeBytes: number;
}

export interface FoundTree {
  readonly files: readonly FoundFile[];
  readonly sizeBytes: number;
  /** Left out: names that begin with a dot, and what is neither file nor folder. */
  readonly hidden: number;
  readonly special: number;
}

export async function findFiles(folder: string, options: { readonly all: boolean }): Promise<FoundTree> {
  const files: FoundFile[] = [];
  let hidden = 0;
  let special = 0;
  const walk = async (below: string): Promise<void> => {
    const entries = await readdir(join(folder, below), { withFileTypes: true }).catch((error: unknown) => {
      throw unreadable(join(folder, below), error);
    });
    for (const entry of entries) {
      const path = below === '' ? entry.name : `${below}/${entry.name}`;
      if (entry.name.startsWith('.') && !options.all) hidden++;
      else if (entry.isDirectory()) await walk(path);
      else if (!entry.isFile()) special++;
      else {
        const fault = pathFault(path);
        if (fault !== undefined) throw new LocalError('usage', `${path} cannot be published: ${fault}`);
        const { size } = await stat(join(folder, path)).catch((error: unknown) => {
          throw unreadable(join(folder, path), error);
        });
        files.push({ path, sizeBytes: size });
        if (files.length > DIRECTORY_ENTRIES_MAX) {
          throw new LocalError('too_large', `a folder may have ${DIRECTORY_ENTRIES_MAX} files`);
        }
      }
    }
  };
  await walk('');
  const isLarge = ({ sizeBytes }: FoundFile): number => (sizeBytes > SEGMENT_BYTES_MAX ? 1 : 0);
  files.sort((a, b) => isLarge(a) - isLarge(b) || comparePaths(a.path, b.path));
  return { files, sizeBytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0), hidden, special };
}

async function hashOf(path: string, sizeBytes: number): Promise<Uint8Array> {
  const hash = createHash('sha256');
  try {
    if (sizeBytes > 0) {
      for await (const bytes of createReadStream(path, { end: sizeBytes - 1, highWaterMark: 256 * 1024 })) {
        hash.update(bytes as Buffer);
      }
    }
  } catch (error) {
    throw unreadable(path, error);
  }
  return hash.digest();
}

/**
 * The body of publish-tree.
 * @param withHashes each file is read twice: what the daemon has published before, it will not insert again
 */
export async function* readTree(
  folder: string,
  files: readonly FoundFile[],
  withHashes = false,
): AsyncGenerator<Uint8Array> {
  for (const { path, sizeBytes } of files) {
    const full = join(folder, path);
    yield treeHeader(path, sizeBytes, withHashes ? await hashOf(full, sizeBytes) : undefined);
    if (sizeBytes === 0) continue;
    let read = 0;
    try {
      // No byte past the size that was announced; one too few is seen below.
      for await (const bytes of createReadStream(full, { end: sizeBytes - 1, highWaterMark: 256 * 1024 })) {
        read += (bytes as Buffer).length;
        yield bytes as Buffer;
      }
    } catch (error) {
      throw unreadable(full, error);
    }
    if (read !== sizeBytes) throw new LocalError('no_file', `${full} changed while it was read`);
  }
}

/** @param content the files one after the other, as the control API gives them */
export async function writeTree(
  content: AsyncIterable<Uint8Array>,
  files: readonly FoundFile[],
  folder: string,
): Promise<void> {
  const part = `${folder}.part`;
  await makeNew(part);
  try {
    const made = new Set<string>([part]);
    const source = new Splitter(content);
    for (const { path, sizeBytes } of files) {
      const fault = pathFault(path);
      if (fault !== undefined) throw new LocalError('bad_manifest', `a path in the folder is not acceptable: ${fault}`);
      const full = join(part, ...path.split('/'));
      if (!made.has(dirname(full))) await mkdir(dirname(full), { recursive: true });
      made.add(dirname(full));
      // 'wx': a name that this file system takes for one written before (case, accents) is an error, never an overwrite.
      const handle = await open(full, 'wx');
      try {
        for await (const bytes of source.take(sizeBytes)) await handle.writeFile(bytes);
        await handle.sync();
      } finally {
        await handle.close();
      }
    }
    await source.end();
    await rename(part, folder);
  } catch (error) {
    await rm(part, { recursive: true, force: true });
    throw error;
  }
}

async function makeNew(folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw new LocalError('exists', folder, { cause: error });
    throw error;
  }
}

/** Cuts a stream at given lengths. */
class Splitter {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(content: AsyncIterable<Uint8Array>) {
    this.#chunks = content[Symbol.asyncIterator]();
  }

  async *take(length: number): AsyncGenerator<Uint8Array> {
    for (let missing = length; missing > 0; ) {
      if (this.#rest.length === 0) {
        const { done, value } = await this.#chunks.next();
        if (done === true) throw new LocalError('incomplete', 'the content was cut off');
        this.#rest = value;
      }
      const part = this.#rest.subarray(0, missing);
      this.#rest = this.#rest.subarray(part.length);
      missing -= part.length;
      yield part;
    }
  }

  /** Waits for the end, which says that all of it was whole. */
  async end(): Promise<void> {
    const { done } = await this.#chunks.next();
    if (done !== true || this.#rest.length > 0)
      throw new LocalError('internal', 'the content is longer than its files');
  }
}

function unreadable(path: string, error: unknown): unknown {
  if (error instanceof LocalError) return error;
  return new LocalError('no_file', `${path} (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`, { cause: error });
}
