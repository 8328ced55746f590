/**
 * Where the bytes of a fetch grow: a file of the user's beside its final name, or a sealed one in the spool.
 *
 * Shape   append, save (flushed), and at the end `finish`; opened again it has what it had at the mark it is opened with.
 * Errors  LocalError: no_write, exists, the disk's own.
 * Why     a file appears under its name when it is whole and flushed, never before.
 * Source  ux § 2 "Resume".
 * @module
 */
import { LocalError } from '../../errors.ts';
import type { Crypto, Files, OpenFile } from '../../ports.ts';
import type { FetchRequest } from '../queue-types.ts';
import { SealedFile } from './sealed-file.ts';

const READ_BYTES = 262_144;

export interface Output {
  append(bytes: Uint8Array): Promise<void>;
  save(): Promise<void>;
  /** What was appended, this time or before. */
  read(from?: number, to?: number): AsyncIterable<Uint8Array>;
  /** Saves, and gives it its name. */
  finish(): Promise<void>;
  close(): Promise<void>;
}

export interface OutputPlace {
  readonly to: FetchRequest['to'];
  /** In the spool, for what does not go to the user's disk. */
  readonly sealedPath: string;
  readonly key: Uint8Array;
}

/** @param sizeBytes what was saved before; undefined comes back when that is not there any more */
export async function openOutput(
  crypto: Crypto,
  files: Files,
  place: OutputPlace,
  sizeBytes: number,
): Promise<Output | undefined> {
  if (place.to.type === 'disk') return openDiskOutput(files, place.to.path, place.to.replace === true, sizeBytes);
  const file = await files.open(place.sealedPath, 'private');
  try {
    return sealedOutput(await SealedFile.open(crypto, file, place.key, sizeBytes));
  } catch (error) {
    await file.close();
    if (sizeBytes > 0 && error instanceof LocalError) return undefined;
    throw error;
  }
}

export function partOf(path: string): string {
  return `${path}.part`;
}

async function openDiskOutput(
  files: Files,
  path: string,
  replace: boolean,
  savedBytes: number,
): Promise<Output | undefined> {
  const part = partOf(path);
  const file = await files.open(part, 'write');
  if (file.sizeBytes() < savedBytes) {
    await file.close();
    return undefined;
  }
  await file.truncate(savedBytes);
  let sizeBytes = savedBytes;
  return {
    async append(bytes) {
      await file.write(sizeBytes, bytes);
      sizeBytes += bytes.length;
    },
    save: () => file.flush(),
    read: (from = 0, to = sizeBytes) => readFile(file, from, to),
    async finish() {
      await file.flush();
      await files.rename(part, path, replace);
    },
    close: () => file.close(),
  };
}

function sealedOutput(file: SealedFile): Output {
  return {
    append: (bytes) => file.append(bytes),
    save: () => file.save(),
    read: (from, to) => file.read(from, to),
    finish: () => file.save(),
    close: () => file.close(),
  };
}

/** Bytes [from, to) of a file; it must be as long. */
export async function* readFile(file: OpenFile, from: number, to: number): AsyncGenerator<Uint8Array> {
  for (let at = from; at < to; ) {
    const bytes = await file.read(at, Math.min(READ_BYTES, to - at));
    if (bytes.length === 0) throw new LocalError('disk_failed', 'a file became shorter while it was read');
    at += bytes.length;
    yield bytes;
  }
}
