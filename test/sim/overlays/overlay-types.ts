/**
 * What every overlay of the comparison can do: find the node that holds a key, over the same nodes, for the same questions.
 *
 * Unit    hops: nodes asked one after another until the holder was, detours included; a lookup by the holder itself takes 0.
 *         messages: requests, answers and, where a protocol has them, acceptances.
 * Why     each overlay places a key by its own rule (nearest on the ring, successor, nearest by XOR) on exactly one node, and a lookup
 *         counts as found only when that very node was reached: no caches, no second copy, so that routing alone is compared.
 * @module
 */
import type { RingLocation } from '../../../daemon/ids.ts';

export interface LookupOutcome {
  readonly found: boolean;
  readonly hops: number;
  readonly messages: number;
  /** The node where it ended. */
  readonly end: number;
}

export interface Overlay {
  readonly name: string;
  /** Mean links per node: relations where they are mutual, entries of its own table where not. */
  readonly degreeMean: number;
  lookup(from: number, target: RingLocation): LookupOutcome;
  /** What its trace says about the lookups so far, for the notes. */
  notes?(): readonly string[];
}
