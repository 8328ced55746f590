/**
 * Peers kept on disk, so that a node that was here before comes back without a seed.
 *
 * Shape   Records table "peers": node id in hex -> u64 order of last use, then the signed descriptor. The oldest go first.
 * Errors  a row that no longer decodes, verifies or holds is deleted, and nothing else happens.
 * Why     written a few seconds after a change and in one transaction: a join makes a dozen peers, and each write waits for the disk.
 * Source  design § 7; issue "topology": a restart reconnects to remembered peers without seeds.
 * @module
 */
import { PEERS_REMEMBERED_MAX } from '../limits.ts';
import type { Clock, Log, Records } from '../ports.ts';
import type { Descriptor } from '../wire/descriptor-types.ts';
import { keyOf } from './peering.ts';

const TABLE = 'peers';
const ORDER_BYTES = 8;
const WRITE_DELAY_MS = 2_000;

export interface RememberedPeers {
  /** Newest first. */
  load(): readonly { readonly key: string; readonly encoded: Uint8Array }[];
  forget(key: string): void;
  remember(peer: Descriptor): void;
  /** Writes what is due. */
  upkeep(): void;
  flush(): void;
}

export function createRememberedPeers(deps: {
  readonly clock: Clock;
  readonly records: Records;
  readonly log: Log;
}): RememberedPeers {
  const { clock, records, log } = deps;
  const unwritten = new Map<string, Descriptor>();
  let dueMs: number | undefined;
  let order = 0;

  function rows(): { key: string; order: number; encoded: Uint8Array }[] {
    return records
      .entries(TABLE)
      .filter(([, value]) => value.length > ORDER_BYTES)
      .map(([key, value]) => ({
        key,
        order: Number(new DataView(value.buffer, value.byteOffset, ORDER_BYTES).getBigUint64(0)),
        encoded: value.subarray(ORDER_BYTES),
      }))
      .sort((a, b) => b.order - a.order);
  }

  function write(): void {
    records.transaction(() => {
      for (const [key, descriptor] of unwritten) {
        const value = new Uint8Array(ORDER_BYTES + descriptor.encoded.length);
        new DataView(value.buffer).setBigUint64(0, BigInt(++order));
        value.set(descriptor.encoded, ORDER_BYTES);
        records.put(TABLE, key, value);
      }
      for (const row of rows().slice(PEERS_REMEMBERED_MAX)) records.delete(TABLE, row.key);
    });
  }

  function flush(): void {
    dueMs = undefined;
    if (unwritten.size === 0) return;
    try {
      write();
      unwritten.clear();
    } catch {
      // A full or failing disk costs us a quick return after a restart, nothing now: the next change tries again.
      log.write('warn', 'topology', 'the peers could not be written down');
    }
  }

  return {
    load() {
      const found = rows();
      order = Math.max(0, ...found.map((row) => row.order));
      return found;
    },
    forget(key) {
      unwritten.delete(key);
      records.delete(TABLE, key);
    },
    remember(peer) {
      unwritten.set(keyOf(peer), peer);
      while (unwritten.size > PEERS_REMEMBERED_MAX) unwritten.delete(unwritten.keys().next().value!);
      dueMs ??= clock.nowMs() + WRITE_DELAY_MS;
    },
    upkeep() {
      if (dueMs !== undefined && clock.nowMs() >= dueMs) flush();
    },
    flush,
  };
}
