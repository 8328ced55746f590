/**
 * What the topology remembers of each open link, and how much it lets that link cost us.
 *
 * Shape   one row per open link, gone when it closes: budgets for what a stranger may make us do, the hour it told, and when the node
 *         at its other end announced itself over it.
 * Unit    tokens per second, see the constants.
 * Why     an announce is work for other nodes and an unknown descriptor costs a signature check: both are paid from a budget per link.
 * @module
 */
import type { Link } from '../link/link-types.ts';
import type { HourTold } from './network-hour.ts';
import { createTokenBucket, type TokenBucket } from './token-bucket.ts';

/** A burst for a network that starts all at once; then what a link between busy neighbours carries. */
const ANNOUNCES_BURST = 64;
const ANNOUNCES_PER_SEC = 8;
const PULLS_BURST = 16;
const PULLS_PER_SEC = 2;
/** Descriptors never seen before. */
const DESCRIPTORS_BURST = 256;
const DESCRIPTORS_PER_SEC = 16;
const REQUESTS_BURST = 16;
const REQUESTS_PER_SEC = 1;

export interface LinkState {
  readonly link: Link;
  readonly announces: TokenBucket;
  readonly pulls: TokenBucket;
  readonly descriptors: TokenBucket;
  readonly requests: TokenBucket;
  /** When the node at the other end last announced itself over this link. */
  announcedMs: number | undefined;
  hourTold: HourTold | undefined;
}

export function createLinkState(link: Link, nowMs: number): LinkState {
  return {
    link,
    announces: createTokenBucket(ANNOUNCES_BURST, ANNOUNCES_PER_SEC, nowMs),
    pulls: createTokenBucket(PULLS_BURST, PULLS_PER_SEC, nowMs),
    descriptors: createTokenBucket(DESCRIPTORS_BURST, DESCRIPTORS_PER_SEC, nowMs),
    requests: createTokenBucket(REQUESTS_BURST, REQUESTS_PER_SEC, nowMs),
    announcedMs: undefined,
    hourTold: undefined,
  };
}
