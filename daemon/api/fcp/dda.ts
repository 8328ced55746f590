/**
 * Direct disk access: a client shows that it may itself read and write a directory before the node does so in its name.
 *
 * Shape   ask makes the files of a test and says where; answer looks at what the client made of it. One table per connection.
 * Unit    FCP_DDA_DIRECTORIES_MAX directories; the oldest is forgotten first.
 * Errors  FcpError with the Directory in place of the Identifier, since these messages have none.
 * Why     FCP knows no passwords: without the test any local program could have the node read or overwrite what belongs to its owner.
 *         The files have random names and content, and are gone after the answer or when the connection ends.
 * Source  FCPv2 TestDDARequest, TestDDAResponse; the FileHash rule of ClientPut.
 * @module
 */
import { createHash } from 'node:crypto';
import { createReadStream, type Stats } from 'node:fs';
import { lstat, open, readFile, realpath, rm, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { FCP_DDA_DIRECTORIES_MAX } from '../../limits.ts';
import type { Random } from '../../ports.ts';
import { FcpError } from './fcp-error.ts';
import type { OutFields } from './output.ts';

interface Test {
  readonly directory: string;
  readonly readFile: string | undefined;
  readonly readContent: string;
  readonly writeFile: string | undefined;
  readonly writeContent: string;
}

interface Allowed {
  readonly read: boolean;
  readonly write: boolean;
}

const NAME_BYTES = 12;
const CONTENT_BYTES = 32;

export class DirectAccess {
  readonly #random: Random;
  readonly #tests = new Map<string, Test>();
  readonly #allowed = new Map<string, Allowed>();

  constructor(random: Random) {
    this.#random = random;
  }

  /** Fields of TestDDAReply. */
  async ask(asked: string, wantsRead: boolean, wantsWrite: boolean): Promise<OutFields> {
    const directory = await existingDirectory(asked);
    if (!wantsRead && !wantsWrite) {
      throw new FcpError('invalidField', 'neither reading nor writing is wanted', { identifier: asked });
    }
    await this.#discard(this.#tests.get(directory));
    const name = (): string => join(directory, `.holloway-dda-${this.#hex(NAME_BYTES)}.tmp`);
    const test: Test = {
      directory,
      readFile: wantsRead ? name() : undefined,
      readContent: this.#hex(CONTENT_BYTES),
      writeFile: wantsWrite ? name() : undefined,
      writeContent: this.#hex(CONTENT_BYTES),
    };
    let { readFile } = test;
    if (readFile !== undefined && !(await create(readFile, test.readContent))) readFile = undefined;
    keep(this.#tests, directory, { ...test, readFile }, (old) => void this.#discard(old));
    return {
      Directory: asked,
      ReadFilename: readFile,
      WriteFilename: test.writeFile,
      ContentToWrite: test.writeFile === undefined ? undefined : test.writeContent,
    };
  }

  /** Fields of TestDDAComplete. */
  async answer(asked: string, readContent: string | undefined): Promise<OutFields> {
    const directory = await existingDirectory(asked);
    const test = this.#tests.get(directory);
    if (test === undefined) throw new FcpError('ddaDenied', 'no TestDDARequest is open for it', { identifier: asked });
    this.#tests.delete(directory);
    const read = test.readFile !== undefined && readContent === test.readContent;
    const write = test.writeFile !== undefined && (await holds(test.writeFile, test.writeContent));
    await this.#discard(test);
    const before = this.#allowed.get(directory);
    keep(this.#allowed, directory, { read: read || before?.read === true, write: write || before?.write === true });
    return {
      Directory: asked,
      ReadDirectoryAllowed: test.readFile === undefined ? undefined : read,
      WriteDirectoryAllowed: test.writeFile === undefined ? undefined : write,
    };
  }

  /** @returns the absolute path, its directory free of links */
  async requireRead(path: string): Promise<string> {
    const real = await placeOf(path);
    if (this.#allowed.get(dirname(real))?.read !== true) throw new FcpError('ddaDenied');
    return real;
  }

  async requireWrite(path: string): Promise<string> {
    const real = await placeOf(path);
    if (this.#allowed.get(dirname(real))?.write !== true) throw new FcpError('ddaDenied');
    return real;
  }

  /** The directory itself was tested, or the one it lies in. */
  async requireReadTree(path: string): Promise<string> {
    const real = await existingDirectory(path);
    const isAllowed = this.#allowed.get(real)?.read === true || this.#allowed.get(dirname(real))?.read === true;
    if (!isAllowed) throw new FcpError('ddaDenied');
    return real;
  }

  async close(): Promise<void> {
    const tests = [...this.#tests.values()];
    this.#tests.clear();
    for (const test of tests) await this.#discard(test);
  }

  async #discard(test: Test | undefined): Promise<void> {
    if (test === undefined) return;
    for (const file of [test.readFile, test.writeFile]) {
      if (file === undefined) continue;
      // The client may have made something else of that name: only a plain file is taken away.
      const found = await lstat(file).catch(() => undefined);
      if (found?.isFile() === true) await rm(file, { force: true }).catch(() => {});
    }
  }

  #hex(bytes: number): string {
    return Buffer.from(this.#random.bytes(bytes)).toString('hex');
  }
}

/** Says which file is meant before anything is opened. @throws FcpError */
export async function placeOf(path: string): Promise<string> {
  if (!isAbsolute(path)) throw new FcpError('invalidField', 'a file needs its whole path');
  const whole = resolve(path);
  try {
    return join(await realpath(dirname(whole)), whole.slice(whole.lastIndexOf('/') + 1));
  } catch {
    throw new FcpError('fileNotFound', 'its directory does not exist');
  }
}

/** Base64(SHA-256(ConnectionIdentifier '-' Identifier '-' content)): whoever can say it has read the file. */
export async function fileHashMatches(path: string, prefix: string, hash: string): Promise<boolean> {
  const sha256 = createHash('sha256').update(prefix);
  for await (const bytes of createReadStream(path)) sha256.update(bytes as Buffer);
  return sha256.digest('base64') === hash.trim();
}

async function existingDirectory(path: string): Promise<string> {
  if (!isAbsolute(path)) throw new FcpError('invalidField', 'Directory needs its whole path', { identifier: path });
  let found: Stats;
  try {
    found = await stat(path);
  } catch {
    throw new FcpError('fileNotFound', 'there is no such directory', { identifier: path });
  }
  if (!found.isDirectory()) throw new FcpError('notAFile', 'that is not a directory', { identifier: path });
  return realpath(path);
}

/** Never over something that exists, and readable by others, since the client may be another user. */
async function create(path: string, content: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx', 0o644);
    await file.writeFile(content);
    await file.close();
    return true;
  } catch {
    return false;
  }
}

async function holds(path: string, content: string): Promise<boolean> {
  try {
    const found = await lstat(path);
    return found.isFile() && found.size <= 4 * CONTENT_BYTES && (await readFile(path, 'utf8')).trim() === content;
  } catch {
    return false;
  }
}

function keep<T>(table: Map<string, T>, key: string, value: T, dropped?: (value: T) => void): void {
  table.delete(key);
  table.set(key, value);
  for (const [oldest, old] of table) {
    if (table.size <= FCP_DDA_DIRECTORIES_MAX) return;
    table.delete(oldest);
    dropped?.(old);
  }
}
