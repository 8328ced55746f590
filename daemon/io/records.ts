/**
 * Named tables of small values in one SQLite file, as the Records port.
 *
 * Shape   each table is (key text primary key, value blob) without rowid; write-ahead log, synchronous = FULL, so that what
 *         returned is on disk; deleted content is overwritten with zeros in the database's own pages.
 * Errors  LocalError as in disk.ts; `store_format` when the file is no database.
 * Why     transactions without a native package; the calls are synchronous and small, and a node makes few.
 * Source  libraries § 5.
 * @module
 */
import { chmodSync, closeSync, constants, openSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { LocalError } from '../errors.ts';
import type { Records } from '../ports.ts';
import { asDiskError, primaryCode } from './disk-error.ts';

const TABLE = /^[a-z][a-z0-9-]{0,63}$/;
/** SQLITE_CORRUPT and SQLITE_NOTADB. */
const NO_DATABASE: readonly number[] = [11, 26];

interface Table {
  readonly get: StatementSync;
  readonly put: StatementSync;
  readonly delete: StatementSync;
  readonly entries: StatementSync;
}

export function openRecords(path: string): Records {
  const database = openDatabase(path);
  const tables = new Map<string, Table>();
  let isOpen = true;
  let isInTransaction = false;

  function table(name: string): Table {
    const known = tables.get(name);
    if (known !== undefined) return known;
    if (!TABLE.test(name)) throw new RangeError(`not a table name: ${name}`);
    database.exec(
      `CREATE TABLE IF NOT EXISTS "${name}" (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID, STRICT`,
    );
    const made: Table = {
      get: database.prepare(`SELECT value FROM "${name}" WHERE key = ?`),
      put: database.prepare(
        `INSERT INTO "${name}" VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
      ),
      delete: database.prepare(`DELETE FROM "${name}" WHERE key = ?`),
      entries: database.prepare(`SELECT key, value FROM "${name}" ORDER BY key`),
    };
    tables.set(name, made);
    return made;
  }

  return {
    get: (name, key) => guard(() => table(name).get.get(key)?.value as Uint8Array | undefined),
    put: (name, key, value) => {
      guard(() => table(name).put.run(key, value));
    },
    delete: (name, key) => {
      guard(() => table(name).delete.run(key));
    },
    entries: (name) =>
      guard(() =>
        table(name)
          .entries.all()
          .map((row) => [row.key as string, row.value as Uint8Array]),
      ),

    transaction(work) {
      if (isInTransaction) return work(); // part of the one under way
      guard(() => database.exec('BEGIN IMMEDIATE'));
      isInTransaction = true;
      try {
        work();
        guard(() => database.exec('COMMIT'));
      } catch (error) {
        // A table made inside is undone too, and some errors have rolled back already.
        tables.clear();
        if (database.isTransaction) guard(() => database.exec('ROLLBACK'));
        throw error;
      } finally {
        isInTransaction = false;
      }
    },

    close() {
      if (!isOpen) return;
      isOpen = false;
      guard(() => database.close());
    },
  };
}

function openDatabase(path: string): DatabaseSync {
  // SQLite gives its log and its shared memory the mode of the database.
  guard(() => closeSync(openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600)));
  guard(() => chmodSync(path, 0o600));
  const database = guard(() => new DatabaseSync(path));
  try {
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON');
    return database;
  } catch (error) {
    database.close();
    const isNoDatabase = NO_DATABASE.includes(primaryCode(error));
    throw isNoDatabase ? new LocalError('store_format', undefined, { cause: error }) : asDiskError(error);
  }
}

/** Our own mistakes (RangeError, TypeError) pass; everything SQLite or the system says becomes a LocalError. */
function guard<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) throw error;
    throw asDiskError(error);
  }
}
