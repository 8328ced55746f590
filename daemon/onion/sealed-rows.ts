/**
 * Rows of one table, sealed under a key of the identity: who our guards are cannot be read from a copy of the table alone.
 *
 * Shape   row = nonce 12, ChaCha20-Poly1305(content), with "table/name" as associated data. Names are numbers and say nothing.
 * Errors  a row that does not open (another identity's, damaged, moved) is as if it were not there. A disk that refuses writes costs what was to
 *         be kept, and a line in the log.
 * Why     guards are kept for months: the list of them, found in a backup, says through whom this user can be reached.
 * Source  design § 10; anonymity § 7 rule 4.
 * @module
 */
import { LocalError } from '../errors.ts';
import type { Crypto, Log, Random, Records } from '../ports.ts';

const NONCE_BYTES = 12;

export interface SealedRows {
  /** In order of their names. */
  load(): Uint8Array[];
  /** These and no others, in one transaction. */
  save(rows: readonly Uint8Array[]): void;
}

/** @param key 32 bytes */
export function createSealedRows(
  deps: { readonly crypto: Crypto; readonly random: Random; readonly records: Records; readonly log: Log },
  table: string,
  key: Uint8Array,
): SealedRows {
  const { crypto, random, records, log } = deps;
  const aead = crypto.aeadKey(key);
  const nameOf = (index: number): string => `${index}`.padStart(3, '0');
  const contextOf = (name: string): Uint8Array => new TextEncoder().encode(`${table}/${name}`);
  return {
    load() {
      return records.entries(table).flatMap(([name, row]) => {
        const content = aead.open(row.subarray(0, NONCE_BYTES), row.subarray(NONCE_BYTES), contextOf(name));
        return content === null ? [] : [content];
      });
    },
    save(rows) {
      try {
        records.transaction(() => write(rows));
      } catch (error) {
        if (!(error instanceof LocalError)) throw error;
        log.write('warn', 'onion', 'what is kept of guards could not be written');
      }
    },
  };

  function write(rows: readonly Uint8Array[]): void {
    for (const [name] of records.entries(table).slice(rows.length)) records.delete(table, name);
    rows.forEach((content, index) => {
      const nonce = random.bytes(NONCE_BYTES);
      const sealed = aead.seal(nonce, content, contextOf(nameOf(index)));
      const row = new Uint8Array(NONCE_BYTES + sealed.length);
      row.set(nonce);
      row.set(sealed, NONCE_BYTES);
      records.put(table, nameOf(index), row);
    });
  }
}
