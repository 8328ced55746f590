/**
 * What happened here to the requests for one key that the owner of this node asked to see.
 *
 * Shape   one key at a time; the latest STEPS_MAX steps, oldest first.
 * Unit    Clock.nowMs.
 * Why     on demand, in memory, gone when it ends. Only what peers sent us is seen: what leaves circuits at our exit is not traced, and our own
 *         requests never pass here.
 * Source  ux § 1.2 (Routing).
 * @module
 */
import { type BlockRef, hexKey, type RingLocation } from '../ids.ts';

const STEPS_MAX = 64;

export type TraceStep =
  | {
      readonly type: 'arrived';
      readonly what: 'fetch' | 'insert';
      readonly peerKey: string;
      readonly htl: number;
      readonly atMs: number;
    }
  | { readonly type: 'asked'; readonly peerKey: string; readonly byClaim: boolean; readonly atMs: number }
  | {
      readonly type: 'back';
      readonly peerKey: string;
      readonly outcome: string;
      readonly tookMs: number;
      readonly atMs: number;
    }
  | { readonly type: 'ended'; readonly outcome: string; readonly atMs: number };

/** Where this node would send a request for it now, best first. */
export interface RouteCandidate {
  readonly peerKey: string;
  /** Of the peer to the place. */
  readonly distance: number;
  /** A peer of that peer is what makes it good. */
  readonly byClaim: boolean;
}

export interface TraceReading {
  readonly place: RingLocation;
  readonly ownDistance: number;
  readonly candidates: readonly RouteCandidate[];
  readonly steps: readonly TraceStep[];
}

export class KeyTrace {
  readonly ref: BlockRef;
  readonly #name: string;
  readonly #steps: TraceStep[] = [];

  constructor(ref: BlockRef) {
    this.ref = ref;
    this.#name = nameOf(ref);
  }

  note(ref: BlockRef, step: TraceStep): void {
    if (nameOf(ref) !== this.#name) return;
    this.#steps.push(step);
    if (this.#steps.length > STEPS_MAX) this.#steps.shift();
  }

  get steps(): readonly TraceStep[] {
    return this.#steps;
  }
}

function nameOf({ kind, key }: BlockRef): string {
  return `${kind}/${hexKey(key)}`;
}
