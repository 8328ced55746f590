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
import { chmodSync, closeSync, constants, openSync, statSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
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

/** A file that may not be written is opened for reading, and again for writing whenever something is to be written. */
export function openRecords(path: string): Records {
  let { database, isWritable } = openDatabase(path);
  let tables = new Map<string, Table | undefined>();
  let isOpen = true;
  let isInTransaction = false;

  /** Undefined: it is not there, and cannot be made. */
  function table(name: string): Table | undefined {
    if (tables.has(name)) return tables.get(name);
    if (!TABLE.test(name)) throw new RangeError(`not a table name: ${name}`);
    if (isWritable) {
      database.exec(
        `CREATE TABLE IF NOT EXISTS "${name}" (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID, STRICT`,
      );
    } else if (database.prepare('SELECT 1 FROM sqlite_schema WHERE name = ?').get(name) === undefined) {
      tables.set(name, undefined);
      return undefined;
    }
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

  function requireWritable(): void {
    if (isWritable) return;
    const writable = openForWriting(path);
    database.close();
    database = writable;
    isWritable = true;
    tables = new Map();
  }

  return {
    get: (name, key) => guard(() => table(name)?.get.get(key)?.value as Uint8Array | undefined),
    put: (name, key, value) => {
      guard(() => {
        requireWritable();
        table(name)!.put.run(key, value);
      });
    },
    delete: (name, key) => {
      guard(() => {
        requireWritable();
        table(name)!.delete.run(key);
      });
    },
    entries: (name) =>
      guard(
        () =>
          table(name)
            ?.entries.all()
            .map((row) => [row.key as string, row.value as Uint8Array]) ?? [],
      ),

    transaction(work) {
      if (isInTransaction) return work(); // part of the one under way
      guard(() => {
        requireWritable();
        database.exec('BEGIN IMMEDIATE');
      });
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

function openDatabase(path: string): { database: DatabaseSync; isWritable: boolean } {
  try {
    return { database: openForWriting(path), isWritable: true };
  } catch (error) {
    if (!(error instanceof LocalError) || error.code !== 'disk_read_only') throw error;
    return { database: openForReading(path), isWritable: false };
  }
}

function openForWriting(path: string): DatabaseSync {
  // SQLite gives its log and its shared memory the mode of the database.
  guard(() => closeSync(openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600)));
  guard(() => chmodSync(path, 0o600));
  return prepared(
    () => new DatabaseSync(path),
    'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON',
  );
}

/** Without a log beside it SQLite reads such a file only when told that nobody will ever change it under its eyes. */
function openForReading(path: string): DatabaseSync {
  const look = 'SELECT count(*) FROM sqlite_schema';
  try {
    return prepared(() => new DatabaseSync(path, { readOnly: true }), look);
  } catch (error) {
    if (statSync(`${path}-wal`, { throwIfNoEntry: false })?.size) throw error;
    const url = pathToFileURL(path);
    url.searchParams.set('immutable', '1');
    return prepared(() => new DatabaseSync(url, { readOnly: true }), look);
  }
}

function prepared(open: () => DatabaseSync, first: string): DatabaseSync {
  const database = guard(open);
  try {
    database.exec(first);
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
