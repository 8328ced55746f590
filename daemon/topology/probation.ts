/**
 * Since when we have known each node, and who is too new to be read from.
 *
 * Shape   the first time each peer became one is kept by key, PROBATION_MS long; whoever was a peer in an earlier life of this node is not new.
 * Unit    milliseconds of Clock.nowMs.
 * Errors  none; past PROBATION_NODES_MAX the oldest entry goes, and its node is new again when it comes back.
 * Why     a flood of joiners becomes everybody's neighbours within minutes, and says that nothing is there. Blocks of before lie with the
 *         nodes of before, so those are asked first, and stay neighbours of ours for as long as those around us are new. It buys an hour in
 *         which prefix rules and stamps make the flood dear, and costs nothing in a network that is young as a whole: where all are new,
 *         nobody is.
 * Source  anonymity § 3 A5; sim -- sybil-flood.
 * @module
 */
import { PROBATION_NODES_MAX } from '../limits.ts';
import type { Clock } from '../ports.ts';

export const PROBATION_MS = 3_600_000;

export interface Probation {
  /** That node was a peer before this life. */
  vouch(key: string): void;
  /** That node is a peer now; @returns whether it is too new to be read from */
  isNew(key: string): boolean;
}

export function createProbation(deps: { readonly clock: Clock }): Probation {
  const { clock } = deps;
  const sinceMs = new Map<string, number>();
  const keep = (key: string, atMs: number): void => {
    sinceMs.set(key, atMs);
    const oldest = sinceMs.keys().next().value;
    if (sinceMs.size > PROBATION_NODES_MAX && oldest !== undefined) sinceMs.delete(oldest);
  };
  return {
    vouch: (key) => keep(key, Number.NEGATIVE_INFINITY),
    isNew(key) {
      const nowMs = clock.nowMs();
      if (!sinceMs.has(key)) keep(key, nowMs);
      return nowMs - sinceMs.get(key)! < PROBATION_MS;
    },
  };
}
