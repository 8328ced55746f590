/**
 * What each peer's answers were worth, by how far from it the keys lay: chance of success and time, fed by every request sent on.
 *
 * Shape   per peer and per octave of distance: successes, failures, time of the successes; the same for all peers together. A fit over the
 *         octaves makes success fall and time rise with distance, whatever noise says (pool adjacent violators). factorOf() turns a peer's
 *         fit and everybody's into a factor on the distance that next-hop.ts compares.
 * Unit    milliseconds; octave 0 is a quarter to half of the ring, OCTAVES - 1 everything below. Counts halve every HALF_LIFE_MS, in steps.
 * Errors  a record that does not parse is dropped: nothing is known of that peer then.
 * Why     success counts only on keys known to be there: "not found" says nothing for or against a peer, until another one finds the key.
 *         The factor is bounded and near 1 changes nothing, so plain closeness stays the floor: a wrong estimate costs a detour, never a
 *         dead end, and a peer that drops what it accepts is soon asked last. Only halving and comparing: no logarithm whose last bit
 *         could differ between machines.
 * Source  design § 8; pool adjacent violators: Ayer et al. (1955).
 * @module
 */
import { ESTIMATES_MAX } from '../limits.ts';
import type { Records } from '../ports.ts';

const OCTAVES = 12;
const HALF_LIFE_MS = 1_800_000;
/** What everybody's record weighs against a peer's own, in samples. */
const PRIOR = 4;
/** A peer with less to its name is like everybody. */
const SAMPLES_MIN = 4;
/** Fits no further apart than this are taken for equal. */
const DEADBAND = 1.5;
const FACTOR_MIN = 0.5;
const FACTOR_MAX = 32;
const SUCCESS_FLOOR = 0.02;
/** With so many samples, and less than this share of everybody's success, a peer is of no use. */
const USELESS_SAMPLES_MIN = 8;
const USELESS_SHARE = 0.25;
const TABLE = 'route-estimates';
const FIELDS = 3;

interface Tally {
  successes: number;
  failures: number;
  timeMs: number;
}

interface Row {
  readonly octaves: Tally[];
  halvedMs: number;
  fit: Fit | undefined;
  changed: boolean;
}

interface Fit {
  readonly success: readonly number[];
  /** 0: nothing known. */
  readonly timeMs: readonly number[];
  readonly samples: number;
}

export class Estimates {
  readonly #peers = new Map<string, Row>();
  readonly #all: Row;

  constructor(nowMs: number) {
    this.#all = emptyRow(nowMs);
  }

  get size(): number {
    return this.#peers.size;
  }

  /** @param weight of a failure: less for one that may be another node's */
  note(peerKey: string, distance: number, result: { tookMs: number } | 'failed', nowMs: number, weight = 1): void {
    const octave = octaveOf(distance);
    for (const row of [this.#row(peerKey, nowMs), this.#all]) {
      halve(row, nowMs);
      const tally = row.octaves[octave]!;
      if (result === 'failed') tally.failures += weight;
      else {
        tally.successes += weight;
        tally.timeMs += result.tookMs * weight;
      }
      row.fit = undefined;
      row.changed = true;
    }
  }

  /** What the distance promised by that peer is multiplied with: 1 for whoever does as everybody does. */
  factorOf(peerKey: string, distance: number): number {
    const row = this.#peers.get(peerKey);
    if (row === undefined) return 1;
    const own = fitOf(row);
    if (own.samples < SAMPLES_MIN) return 1;
    const all = fitOf(this.#all);
    const octave = octaveOf(distance);
    const everybody = all.success[octave]!;
    const success = (own.success[octave]! * own.samples + everybody * PRIOR) / (own.samples + PRIOR);
    const [ownMs, allMs] = [own.timeMs[octave]!, all.timeMs[octave]!];
    const slower = ownMs > 0 && allMs > 0 ? Math.sqrt(ownMs / allMs) : 1;
    // Squared: a request that is dropped costs seconds, one more hop costs a tenth of one.
    const factor = (everybody / Math.max(success, SUCCESS_FLOOR)) ** 2 * slower;
    if (factor < DEADBAND && factor > 1 / DEADBAND) return 1;
    return Math.min(Math.max(factor, FACTOR_MIN), FACTOR_MAX);
  }

  /** Whether hardly anything that this peer was asked came to something, where others did better. */
  isUseless(peerKey: string): boolean {
    const row = this.#peers.get(peerKey);
    if (row === undefined) return false;
    const own = totalOf(row);
    const all = totalOf(this.#all);
    if (own.samples < USELESS_SAMPLES_MIN) return false;
    return own.successes / own.samples < (all.successes / all.samples) * USELESS_SHARE;
  }

  /** How long an answer from there takes; 0 when nothing is known. */
  expectedMs(peerKey: string, distance: number): number {
    const octave = octaveOf(distance);
    const row = this.#peers.get(peerKey);
    const own = row === undefined ? 0 : fitOf(row).timeMs[octave]!;
    return own > 0 ? own : fitOf(this.#all).timeMs[octave]!;
  }

  /** What was known of that peer before this life, if nothing is yet. */
  load(records: Records, peerKey: string, nowMs: number): void {
    if (this.#peers.has(peerKey)) return;
    const bytes = records.get(TABLE, peerKey);
    if (bytes === undefined) return;
    if (bytes.length !== OCTAVES * FIELDS * 4) {
      records.delete(TABLE, peerKey);
      return;
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const row = this.#row(peerKey, nowMs);
    row.octaves.forEach((tally, octave) => {
      const at = (field: number): number => {
        const value = view.getFloat32((octave * FIELDS + field) * 4);
        return Number.isFinite(value) && value >= 0 ? value : 0;
      };
      Object.assign(tally, { successes: at(0), failures: at(1), timeMs: at(2) });
    });
  }

  /** Writes what changed, and forgets on disk whom we no longer remember. */
  save(records: Records): void {
    records.transaction(() => {
      for (const [peerKey, row] of this.#peers) {
        if (!row.changed) continue;
        row.changed = false;
        const bytes = new Uint8Array(OCTAVES * FIELDS * 4);
        const view = new DataView(bytes.buffer);
        row.octaves.forEach(({ successes, failures, timeMs }, octave) => {
          [successes, failures, timeMs].forEach((value, field) => {
            view.setFloat32((octave * FIELDS + field) * 4, value);
          });
        });
        records.put(TABLE, peerKey, bytes);
      }
      const kept = records.entries(TABLE).map(([key]) => key);
      const foreign = kept.filter((key) => !this.#peers.has(key));
      for (const key of foreign.slice(0, Math.max(0, kept.length - ESTIMATES_MAX))) records.delete(TABLE, key);
    });
  }

  #row(peerKey: string, nowMs: number): Row {
    const row = this.#peers.get(peerKey) ?? emptyRow(nowMs);
    this.#peers.delete(peerKey);
    this.#peers.set(peerKey, row);
    if (this.#peers.size > ESTIMATES_MAX) this.#peers.delete(this.#peers.keys().next().value!);
    return row;
  }
}

/** floor(-log2(2 distance)), kept in bounds; exact. */
export function octaveOf(distance: number): number {
  return Math.min(Math.max(Math.clz32(Math.floor(Math.min(distance, 0.499999999) * 2 ** 32)) - 1, 0), OCTAVES - 1);
}

function totalOf(row: Row): { readonly successes: number; readonly samples: number } {
  let [successes, samples] = [0, 0];
  for (const tally of row.octaves) {
    successes += tally.successes;
    samples += tally.successes + tally.failures;
  }
  return { successes, samples };
}

function emptyRow(nowMs: number): Row {
  const octaves = Array.from({ length: OCTAVES }, () => ({ successes: 0, failures: 0, timeMs: 0 }));
  return { octaves, halvedMs: nowMs, fit: undefined, changed: false };
}

function halve(row: Row, nowMs: number): void {
  const times = Math.floor((nowMs - row.halvedMs) / HALF_LIFE_MS);
  if (times < 1) return;
  row.halvedMs += times * HALF_LIFE_MS;
  for (const tally of row.octaves) {
    tally.successes /= 2 ** times;
    tally.failures /= 2 ** times;
    tally.timeMs /= 2 ** times;
  }
}

function fitOf(row: Row): Fit {
  if (row.fit !== undefined) return row.fit;
  const { octaves } = row;
  const success = monotone(
    octaves.map(({ successes, failures }) => ({ sum: successes, weight: successes + failures })),
    1,
  );
  const timeMs = monotone(
    octaves.map(({ successes, timeMs: sum }) => ({ sum, weight: successes })),
    -1,
  );
  const samples = octaves.reduce((sum, { successes, failures }) => sum + successes + failures, 0);
  row.fit = { success, timeMs, samples };
  return row.fit;
}

/**
 * Means that never fall (direction 1) or never rise (-1) along the list, nearest to the given ones by weight.
 * A stretch without weight takes the value before it, or the first there is.
 */
export function monotone(
  items: readonly { readonly sum: number; readonly weight: number }[],
  direction: 1 | -1,
): number[] {
  const pools: { sum: number; weight: number; length: number }[] = [];
  const mean = (pool: { sum: number; weight: number }): number => (pool.weight > 0 ? pool.sum / pool.weight : 0);
  for (const { sum, weight } of items) {
    let pool = { sum, weight, length: 1 };
    for (let last = pools.at(-1); last !== undefined; last = pools.at(-1)) {
      const isInOrder = (mean(pool) - mean(last)) * direction >= 0;
      if (pool.weight > 0 && last.weight > 0 && isInOrder) break;
      pools.pop();
      pool = { sum: pool.sum + last.sum, weight: pool.weight + last.weight, length: pool.length + last.length };
    }
    pools.push(pool);
  }
  return pools.flatMap((pool) => new Array<number>(pool.length).fill(mean(pool)));
}
