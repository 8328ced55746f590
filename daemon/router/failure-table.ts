/**
 * Keys that were not found a moment ago, and peers that said so: both are answered, or passed over, at once for a while.
 *
 * Shape   one row per (kind, key, replica): until when the key itself counts as failed here, until when single peers do, and who asked:
 *         OFFERS_PER_KEY_MAX links at most, which hear of it when the key turns up (offers.ts).
 * Unit    milliseconds of Clock.nowMs; a row lives FAILURE_TABLE_MS at most.
 * Why     a popular key that does not exist would else cost the whole network a search per asker. The oldest row goes when
 *         the table is full: filling it with random keys only makes us search again. Requests of the own exit neither read
 *         nor write it, or probing would tell what its users asked for.
 * Source  design §§ 1, 8.
 * @module
 */
import { FAILURE_TABLE_MAX, FAILURE_TABLE_MS, OFFERS_PER_KEY_MAX, PEERS_MAX } from '../limits.ts';
import type { Link } from '../link/link-types.ts';

interface Row {
  keyUntilMs: number;
  readonly peers: Map<string, number>;
  readonly askers: Set<Link>;
  /** When nothing in the row can hold any more. */
  endMs: number;
}

export class FailureTable {
  readonly #rows = new Map<string, Row>();

  get size(): number {
    return this.#rows.size;
  }

  failKey(name: string, nowMs: number): void {
    this.#row(name, nowMs).keyUntilMs = nowMs + FAILURE_TABLE_MS;
  }

  failPeer(name: string, peerKey: string, nowMs: number, retryMs: number): void {
    const row = this.#row(name, nowMs);
    if (row.peers.size < PEERS_MAX || row.peers.has(peerKey)) {
      row.peers.set(peerKey, nowMs + Math.min(retryMs, FAILURE_TABLE_MS));
    }
  }

  /** @returns how much longer the key counts as failed; 0 when it does not */
  keyRemainingMs(name: string, nowMs: number): number {
    return Math.max(0, (this.#rows.get(name)?.keyUntilMs ?? 0) - nowMs);
  }

  peerRemainingMs(name: string, peerKey: string, nowMs: number): number {
    return Math.max(0, (this.#rows.get(name)?.peers.get(peerKey) ?? 0) - nowMs);
  }

  /** That link was told that the key is not there. */
  addAsker(name: string, link: Link): void {
    const row = this.#rows.get(name);
    if (row !== undefined && row.askers.size < OFFERS_PER_KEY_MAX) row.askers.add(link);
  }

  /** Whether anything is held against the key or a peer for it. */
  has(name: string, nowMs: number): boolean {
    return (this.#rows.get(name)?.endMs ?? 0) > nowMs;
  }

  /**
   * The key turned up.
   * @returns who asked for it in vain
   */
  forget(name: string): readonly Link[] {
    const row = this.#rows.get(name);
    this.#rows.delete(name);
    return row === undefined ? [] : [...row.askers];
  }

  /** Drops what is over. Rows stand in the order they were last written, so the first live one ends it. */
  prune(nowMs: number): void {
    for (const [name, row] of this.#rows) {
      if (row.endMs > nowMs) return;
      this.#rows.delete(name);
    }
  }

  #row(name: string, nowMs: number): Row {
    this.prune(nowMs);
    const row = this.#rows.get(name) ?? { keyUntilMs: 0, peers: new Map(), askers: new Set<Link>(), endMs: 0 };
    row.endMs = nowMs + FAILURE_TABLE_MS;
    this.#rows.delete(name);
    if (this.#rows.size >= FAILURE_TABLE_MAX) this.#rows.delete(this.#rows.keys().next().value!);
    this.#rows.set(name, row);
    return row;
  }
}
