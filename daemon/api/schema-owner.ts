/**
 * What the owner of a node sees on demand, and never in a Status: blocks of one transfer, busy keys, the way of one key.
 *
 * Unit    ...Ms milliseconds; places and distances are fractions of the ring.
 * @module
 */

/** GET /v1/transfers/ID/map, of a transfer that runs; of one that does not, nothing is shown. */
export interface BlockMapDocument {
  readonly v: 1;
  readonly id: string;
  /** Of the document under way; 0 while that is not known. */
  readonly segments: number;
  readonly shown: readonly {
    readonly segment: number;
    /** How many of its blocks suffice. */
    readonly needed: number;
    readonly have: number;
    readonly asked: number;
    readonly missed: number;
    readonly open: number;
    /** A character a block: # have, > asked, x missed, . not asked. */
    readonly blocks: string;
  }[];
}

/** GET /v1/busy-keys. */
export interface BusyKeysDocument {
  readonly v: 1;
  readonly isCounting: boolean;
  /** Busiest first, at most 20. */
  readonly keys: readonly {
    /** k-3f9: drawn at random, good for this count. */
    readonly alias: string;
    readonly kind: string;
    /** Two decimals. */
    readonly place: number;
    /** At most; the true number is not lower than count - error. */
    readonly count: number;
    readonly error: number;
  }[];
}

/** GET /v1/route: the way of the traced key as far as this node takes part in it. */
export interface RouteDocument {
  readonly v: 1;
  readonly isTracing: boolean;
  readonly place: number;
  readonly ownDistance: number;
  /** Where a request would go now, best first; empty: nobody is nearer than this node. */
  readonly candidates: readonly {
    readonly alias: string;
    readonly distance: number;
    /** A peer of that peer is what makes it good. */
    readonly byClaim: boolean;
  }[];
  /** Oldest first, at most 64. */
  readonly steps: readonly {
    readonly agoMs: number;
    readonly type: 'arrived' | 'asked' | 'back' | 'ended';
    readonly alias: string | null;
    /** fetch or insert; the answer of a peer; how it ended. */
    readonly what: string;
    readonly tookMs: number | null;
    readonly htl: number | null;
  }[];
}

/** POST /v1/peers/add. */
export interface PeersAddedDocument {
  readonly v: 1;
  readonly tried: number;
  readonly linked: number;
}
