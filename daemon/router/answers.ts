/**
 * What goes back over a link, made from what a search or an insert came to.
 *
 * Why     the wire has no word for a timeout or for zero copies: to the asker both mean that this way led nowhere, and that the
 *         next best peer should be asked.
 * @module
 */
import type { Message } from '../wire/messages.ts';
import type { HopFailure } from './onward.ts';

export type FetchResult = { readonly type: 'data'; readonly payload: Uint8Array } | HopFailure;
export type InsertResult =
  | { readonly type: 'inserted'; readonly copies: number }
  | { readonly type: 'collision'; readonly payload: Uint8Array }
  | HopFailure;

export function answerOf(id: number, result: FetchResult | InsertResult): Message {
  switch (result.type) {
    case 'data':
      return { type: 'Data', id, payload: result.payload };
    case 'inserted':
      return { type: 'Inserted', id, copies: result.copies };
    case 'collision':
      return { type: 'Collision', id, payload: result.payload };
    case 'dataNotFound':
      return { type: 'DataNotFound', id };
    case 'recentlyFailed':
      return { type: 'RecentlyFailed', id, retryMs: Math.ceil(result.retryMs) };
    case 'rejectedLoop':
      return { type: 'RejectedLoop', id };
    case 'rejectedOverload':
      return { type: 'RejectedOverload', id, retryMs: result.retryMs, workBits: result.workBits };
    case 'routeNotFound':
    case 'timeout':
    case 'noCopies':
      return { type: 'RouteNotFound', id };
  }
  result satisfies never;
}
