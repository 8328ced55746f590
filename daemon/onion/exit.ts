/**
 * The last hop: turns FETCH and INSERT of a circuit into requests of this node's router, and its outcomes into answers.
 *
 * Shape   one per circuit; `handle` says false when the circuit must be destroyed.
 * Unit    at most CIRCUIT_REQUESTS_MAX under way per circuit.
 * Why     the exit keeps nothing: neither the key nor the block outlives the answer here. A dead circuit's answers are dropped.
 * Source  design §§ 1, 8; formats.md.
 * @module
 */
import { CIRCUIT_REQUESTS_MAX } from '../limits.ts';
import type { FetchOutcome, InsertOutcome } from '../router/router-types.ts';
import type { OnionDeps } from './onion-parts.ts';
import {
  decodeFetch,
  decodeInsert,
  encodeFailure,
  encodeInserted,
  type Failure,
  RELAY,
  type RelayMessage,
} from './relay-message.ts';

export interface ExitSide {
  /** False: the client broke the protocol. */
  handle(message: RelayMessage): boolean;
  /** Answers that come later are dropped. */
  close(): void;
}

/**
 * @param origin the link that the circuit came over
 * @param answer seals and sends one relay message to the client
 */
export function createExitSide(
  deps: OnionDeps,
  origin: string,
  answer: (type: number, requestId: number, data: Uint8Array) => void,
): ExitSide {
  const underWay = new Set<number>();
  let isOpen = true;

  const run = (requestId: number, outcome: Promise<FetchOutcome | InsertOutcome>): void => {
    underWay.add(requestId);
    const settle = (result: FetchOutcome | InsertOutcome): void => {
      if (!isOpen) return;
      underWay.delete(requestId);
      answer(...encodeOutcome(requestId, result));
    };
    outcome.then(settle, () => {
      // The router answers with values; if it throws, that is a fault of ours, and the asker still must not wait for nothing.
      deps.log.write('error', 'onion', 'the router failed a request of an exit');
      settle({ type: 'timeout' });
    });
  };

  return {
    handle({ type, requestId, data }) {
      if (underWay.size >= CIRCUIT_REQUESTS_MAX || underWay.has(requestId) || requestId === 0) return false;
      if (type === RELAY.fetch) {
        const request = decodeFetch(data);
        if (request === undefined) return false;
        run(requestId, deps.exits.fetch(request.ref, request.replica, origin));
        return true;
      }
      if (type === RELAY.insert) {
        const request = decodeInsert(data);
        if (request === undefined) return false;
        const { ref, replica, owners, work, payload } = request;
        run(requestId, deps.exits.insert(ref, replica, owners, work, payload, origin));
        return true;
      }
      return false;
    },
    close() {
      isOpen = false;
      underWay.clear();
    },
  };
}

function encodeOutcome(
  requestId: number,
  outcome: FetchOutcome | InsertOutcome,
): [type: number, requestId: number, data: Uint8Array] {
  switch (outcome.type) {
    case 'data':
      return [RELAY.data, requestId, outcome.payload];
    case 'collision':
      return [RELAY.collision, requestId, outcome.payload];
    case 'inserted':
      return [RELAY.inserted, requestId, encodeInserted(outcome.copies)];
    default:
      return [RELAY.failed, requestId, encodeFailure(outcome satisfies Failure)];
  }
}
