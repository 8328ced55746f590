/**
 * Requests over one ready circuit: ids, window, timeouts, and who waits for which answer.
 *
 * Shape   an outcome is given exactly once per request: the exit's, `timeout`, or `circuitFailed` when the circuit ends first.
 * Unit    the class's request timeout, a little more than the longest deadline an exit sets. The channel retires, taking nothing new,
 *         before its circuit is too old or has carried too many cells.
 * Why     a request given up still counts in the window until its answer comes, because the exit still counts it. An answer to a request
 *         never made is a broken exit. When nothing at all came back for the whole timeout the circuit itself is dead.
 * Source  design §§ 8, 10.
 * @module
 */
import { CIRCUIT_CELLS_MAX, CIRCUIT_LIFE_MS } from '../limits.ts';
import type { Clock, Timer } from '../ports.ts';
import type { ClientCircuit } from './circuit.ts';
import { CIRCUIT_CLASSES } from './onion-parts.ts';
import type { RelayMessage } from './relay-message.ts';
import type { RequestWindow } from './window.ts';

export const REQUEST_TIMEOUT_MS = CIRCUIT_CLASSES.fast.requestTimeoutMs;

/** How a request ends without an answer. */
export type Unanswered = { readonly type: 'timeout' | 'circuitFailed' };

export interface ChannelRequest<Outcome> {
  readonly type: number;
  readonly parts: readonly Uint8Array[];
  /** Undefined: that is no answer to this, the exit broke the protocol. */
  decode(message: RelayMessage): Outcome | undefined;
  done(outcome: Outcome | Unanswered): void;
}

export interface RequestChannel {
  readonly circuit: ClientCircuit;
  readonly window: number;
  readonly hasRoom: boolean;
  readonly isRetired: boolean;
  readonly underWay: number;
  /** Undefined: the circuit did not take it. Else: gives the request up, and `done` is not called any more. */
  ask<Outcome>(request: ChannelRequest<Outcome>): (() => void) | undefined;
  close(): void;
}

export interface ChannelEvents {
  /** Something ended: there may be room. */
  room(): void;
  /** Takes nothing new from now on; closed once what is under way has ended. */
  retired(): void;
  closed(): void;
}

interface Waiting {
  readonly sentAtMs: number;
  timer: Timer;
  /** Nobody waits any more; the exit's answer is still due. */
  isGivenUp: boolean;
  /** Decodes; what to tell the asker then, or undefined for a broken answer. */
  decode(message: RelayMessage): (() => void) | undefined;
  unanswered(type: Unanswered['type']): void;
}

export interface ChannelRules {
  /** Age of the circuit at which it retires. */
  readonly lifeMs: number;
  readonly timeoutMs: number;
  readonly window: RequestWindow;
}

export function createRequestChannel(
  clock: Clock,
  circuit: ClientCircuit,
  { lifeMs, timeoutMs, window }: ChannelRules,
  events: ChannelEvents,
): RequestChannel {
  const waiting = new Map<number, Waiting>();
  let lastId = 0;
  let isRetired = false;
  const ageMs = clock.nowMs() - circuit.createdAtMs;
  const lifeTimer = clock.setTimer(Math.max(lifeMs - ageMs, 0), retire);

  function retire(): void {
    if (isRetired || circuit.state === 'closed') return;
    isRetired = true;
    events.retired();
    if (waiting.size === 0) circuit.close();
  }

  function timedOut(entry: Waiting) {
    if (clock.nowMs() - circuit.heardAtMs >= timeoutMs) return circuit.close();
    // Late, but the circuit lives: the asker is told, and the place in the window stays taken for as long again.
    entry.timer = clock.setTimer(timeoutMs, () => circuit.close());
    if (!entry.isGivenUp) entry.unanswered('timeout');
    entry.isGivenUp = true;
  }

  circuit.attach({
    message(message) {
      const entry = waiting.get(message.requestId);
      const tell = entry?.decode(message);
      if (entry === undefined || tell === undefined) return false;
      waiting.delete(message.requestId);
      entry.timer.cancel();
      const nowMs = clock.nowMs();
      window.answered(nowMs - entry.sentAtMs, nowMs);
      if (!entry.isGivenUp) tell();
      if (isRetired && waiting.size === 0) circuit.close();
      else events.room();
      return true;
    },
    closed() {
      isRetired = true;
      lifeTimer.cancel();
      const left = [...waiting.values()];
      waiting.clear();
      for (const entry of left) entry.timer.cancel();
      events.closed();
      for (const entry of left) if (!entry.isGivenUp) entry.unanswered('circuitFailed');
    },
  });

  return {
    circuit,
    get window() {
      return window.size;
    },
    get hasRoom() {
      return !isRetired && circuit.state === 'ready' && waiting.size < window.size;
    },
    get isRetired() {
      return isRetired;
    },
    get underWay() {
      return waiting.size;
    },
    ask(request) {
      const id = lastId + 1;
      if (!circuit.send(request.type, id, request.parts)) return undefined;
      lastId = id;
      const entry: Waiting = {
        sentAtMs: clock.nowMs(),
        timer: clock.setTimer(timeoutMs, () => timedOut(entry)),
        isGivenUp: false,
        decode(message) {
          const outcome = request.decode(message);
          return outcome === undefined ? undefined : () => request.done(outcome);
        },
        unanswered: (type) => request.done({ type }),
      };
      waiting.set(id, entry);
      if (Math.max(circuit.cellsOut, circuit.cellsIn + waiting.size) >= CIRCUIT_CELLS_MAX) retire();
      return () => {
        entry.isGivenUp = true;
      };
    },
    close() {
      circuit.close();
    },
  };
}

/** When a circuit of a document retires: early enough to answer what is under way within CIRCUIT_LIFE_MS. */
export function retireAfterMs(unit: number, timeoutMs: number): number {
  // Spread over a tenth, so that the circuits of one document do not all change at one moment.
  return (CIRCUIT_LIFE_MS - timeoutMs) * (1 - unit / 10);
}
