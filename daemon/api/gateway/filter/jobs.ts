/**
 * What goes to the filter's thread and comes back.
 * @module
 */
import type { PageAddress } from './urls.ts';

export interface FilterJob {
  readonly id: number;
  readonly kind: 'html' | 'css';
  readonly bytes: Uint8Array;
  readonly charset: string | undefined;
  readonly page: PageAddress;
}

export type FilterReply =
  | {
      readonly id: number;
      readonly text: string;
      readonly others: number;
      readonly removed: number;
      readonly loaded: readonly string[];
    }
  | { readonly id: number; readonly fault: string };

/** The first message of a thread: it has read its code and waits. */
export const READY = 'ready';
