/**
 * First flights that were answered once and never will be again.
 *
 * Shape   per link key the 16-byte MACs of accepted first flights, in the Records table "link-replay" under
 *         hex(first 8 bytes of the link key) + hex(MAC); forgotten when the link key is.
 * Errors  remember() is false once REPLAY_ENTRIES_MAX are kept for a key: the flight must be refused. A disk that refuses
 *         writes does not cut us off: the entry then lives in memory until the process ends.
 * Why     no clock is involved, so nobody has to agree on one before a handshake. A replayed flight that were answered would
 *         tell whoever recorded it that here is a Holloway node.
 * Source  design § 4.
 * @module
 */
import { LocalError } from '../errors.ts';
import { hexKey } from '../ids.ts';
import { REPLAY_ENTRIES_MAX } from '../limits.ts';
import type { Log, Records } from '../ports.ts';

const TABLE = 'link-replay';
const EMPTY = new Uint8Array(0);
const KEY_NAME_CHARS = 16;

export interface ReplayGuard {
  seen(linkKey: Uint8Array, mac: Uint8Array): boolean;
  /** False: the key's table is full. */
  remember(linkKey: Uint8Array, mac: Uint8Array): boolean;
  /** Drops what was kept for other link keys. */
  keepOnly(linkKeys: readonly Uint8Array[]): void;
}

/** @param entriesMax per link key; the tests lower it */
export function createReplayGuard(
  records: Records | undefined,
  log: Log,
  entriesMax: number = REPLAY_ENTRIES_MAX,
): ReplayGuard {
  const counts = new Map<string, number>();
  /** Everything if there are no records, else only what the disk refused. */
  const inMemory = new Set<string>();
  const full = new Set<string>();
  let kept: string[] = [];
  for (const [key] of records?.entries(TABLE) ?? []) count(key, 1);

  function count(key: string, by: number): void {
    const name = key.slice(0, KEY_NAME_CHARS);
    counts.set(name, (counts.get(name) ?? 0) + by);
  }

  return {
    seen(linkKey, mac) {
      const key = entryKey(linkKey, mac);
      return inMemory.has(key) || records?.get(TABLE, key) !== undefined;
    },
    remember(linkKey, mac) {
      const key = entryKey(linkKey, mac);
      const name = key.slice(0, KEY_NAME_CHARS);
      if ((counts.get(name) ?? 0) >= entriesMax) {
        if (!full.has(name))
          log.write('warn', 'link', 'the replay table is full: links are refused until the link key turns');
        full.add(name);
        return false;
      }
      count(key, 1);
      if (records === undefined) {
        inMemory.add(key);
        return true;
      }
      try {
        records.put(TABLE, key, EMPTY);
      } catch (error) {
        if (!(error instanceof LocalError)) throw error;
        inMemory.add(key);
        log.write('warn', 'link', `a first flight is remembered in memory only: ${error.code}`);
      }
      return true;
    },
    keepOnly(linkKeys) {
      const names = linkKeys.map(keyName);
      if (names.length === kept.length && names.every((name, i) => name === kept[i])) return;
      kept = names;
      const stale = (key: string): boolean => !names.includes(key.slice(0, KEY_NAME_CHARS));
      for (const key of [...inMemory]) if (stale(key)) inMemory.delete(key);
      for (const name of [...counts.keys()]) if (stale(name)) counts.delete(name);
      for (const name of [...full]) if (stale(name)) full.delete(name);
      if (records === undefined) return;
      try {
        records.transaction(() => {
          for (const [key] of records.entries(TABLE)) if (stale(key)) records.delete(TABLE, key);
        });
      } catch (error) {
        if (!(error instanceof LocalError)) throw error;
        log.write('warn', 'link', `old replay entries stay for now: ${error.code}`);
      }
    },
  };
}

function keyName(linkKey: Uint8Array): string {
  return hexKey(linkKey.subarray(0, KEY_NAME_CHARS / 2));
}

function entryKey(linkKey: Uint8Array, mac: Uint8Array): string {
  return keyName(linkKey) + hexKey(mac);
}
