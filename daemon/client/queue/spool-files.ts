/**
 * The files that entries of the queue have in the spool: their names, their keys, their end.
 *
 * Shape   ID.blocks (block-spool.ts), ID.content (sealed-file.ts), ID.journal (publish-journal.ts), each under a key of its own.
 * Why     an id is random and says nothing about the document, and the keys stand in the sealed row.
 * @module
 */
import { assert } from '../../errors.ts';
import type { Crypto, Files } from '../../ports.ts';
import { decodeKeyText } from '../base64.ts';
import type { EntryBase } from './entry.ts';

type Part = 'blocks' | 'content' | 'journal';
const NAME = /^([0-9a-f]{16})\.(?:blocks|content|journal)$/;

export interface SpoolFiles {
  path(id: string, part: Part): string;
  keyOf(entry: Pick<EntryBase, 'fileKey'>, part: Part): Uint8Array;
  /** Those that are there. */
  remove(id: string, ...parts: Part[]): Promise<void>;
  /** Removes what belongs to none of these entries: left over from a crash, or from entries that ended with the daemon. */
  removeOthers(isKnown: (id: string) => boolean): Promise<void>;
}

export function createSpoolFiles(crypto: Crypto, files: Files): SpoolFiles {
  const path = (id: string, part: Part): string => files.join(files.spool, `${id}.${part}`);
  return {
    path,
    keyOf(entry, part) {
      const key = decodeKeyText(entry.fileKey);
      assert(key !== undefined, 'the key of a row is what was written there');
      return crypto.hkdf(key, '', `holloway spool ${part}`, 32);
    },
    async remove(id, ...parts) {
      for (const part of parts) await files.remove(path(id, part));
    },
    async removeOthers(isKnown) {
      if ((await files.facts(files.spool)) === undefined) return;
      for (const found of await files.list(files.spool)) {
        const id = NAME.exec(found.path)?.[1];
        if (id !== undefined && !isKnown(id)) await files.remove(files.join(files.spool, found.path));
      }
    },
  };
}
