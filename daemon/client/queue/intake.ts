/**
 * What is handed over to be published later: taken over into the spool, within the room that it may fill.
 *
 * Shape   `Intake.begin` opens the sealed file of an entry; `take` runs the work that fills it, and gives the bytes received.
 * Unit    bytes of content, of publishes that are not done and of fetches into the spool.
 * Errors  LocalError busy above the room, cancelled when the source breaks; on failure nothing is left of the file.
 * @module
 */
import { LocalError } from '../../errors.ts';
import { DIRECTORY_ENTRIES_MAX } from '../../limits.ts';
import type { Crypto, Files } from '../../ports.ts';
import type { QueuedFile } from '../queue-types.ts';
import type { EntryBase, TreeFile } from './entry.ts';
import type { EntryTable } from './entry-table.ts';
import { SealedFile } from './sealed-file.ts';
import type { SpoolFiles } from './spool-files.ts';

export interface Taking {
  /** @returns the bytes received */
  take(work: (add: (bytes: AsyncIterable<Uint8Array>) => Promise<number>) => Promise<unknown>): Promise<number>;
}

export class Intake {
  readonly #crypto: Crypto;
  readonly #files: Files;
  readonly #spool: SpoolFiles;
  readonly #table: EntryTable;
  readonly #bytesMax: number;
  #receivingBytes = 0;

  constructor(crypto: Crypto, files: Files, spool: SpoolFiles, table: EntryTable, bytesMax: number) {
    this.#crypto = crypto;
    this.#files = files;
    this.#spool = spool;
    this.#table = table;
    this.#bytesMax = bytesMax;
  }

  /** @throws LocalError busy */
  requireRoom(moreBytes: number): void {
    let used = this.#receivingBytes + moreBytes;
    for (const entry of this.#table.all()) {
      if (entry.kind === 'publish')
        used += 'sizeBytes' in entry.from && entry.state !== 'done' ? entry.from.sizeBytes : 0;
      else if (entry.to.type !== 'disk') used += entry.metadata?.contentBytes ?? 0;
    }
    if (used > this.#bytesMax) throw new LocalError('busy', `the spool may hold ${this.#bytesMax} bytes`);
  }

  async begin(base: EntryBase): Promise<Taking> {
    const file = await this.#files.open(this.#spool.path(base.id, 'content'), 'private');
    const sealed = await SealedFile.open(this.#crypto, file, this.#spool.keyOf(base, 'content'), 0);
    let received = 0;
    const add = async (bytes: AsyncIterable<Uint8Array>): Promise<number> => {
      const before = received;
      for await (const part of bytes) {
        this.#receivingBytes += part.length;
        received += part.length;
        this.requireRoom(0);
        await sealed.append(part);
      }
      return received - before;
    };
    return {
      take: async (work) => {
        try {
          await work(add);
          await sealed.save();
          return received;
        } catch (error) {
          await this.#spool.remove(base.id, 'content').catch(() => {});
          if (error instanceof LocalError) throw error;
          throw new LocalError('cancelled', 'the input could not be read to its end', { cause: error });
        } finally {
          this.#receivingBytes -= received;
          await sealed.close();
        }
      },
    };
  }
}

/** @param add takes bytes over, and says how many they were */
export async function receiveTree(
  files: AsyncIterable<QueuedFile>,
  tree: TreeFile[],
  add: (bytes: AsyncIterable<Uint8Array>) => Promise<number>,
): Promise<void> {
  let offset = 0;
  for await (const file of files) {
    const { path } = file;
    if (tree.length >= DIRECTORY_ENTRIES_MAX) {
      throw new LocalError('too_large', `a folder may have ${DIRECTORY_ENTRIES_MAX} files`);
    }
    if (file.from === 'disk') tree.push({ path, from: 'disk', diskPath: file.diskPath });
    else if (file.from === 'key') tree.push({ path, from: 'key', uri: file.uri, sizeBytes: file.sizeBytes });
    else {
      const sizeBytes = await add(file.content);
      if (sizeBytes !== file.sizeBytes) throw new LocalError('usage', 'a file is not as long as was said');
      tree.push({ path, from: 'spool', offset, sizeBytes });
      offset += sizeBytes;
    }
  }
}
