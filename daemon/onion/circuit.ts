/**
 * A circuit of ours: built hop by hop, then a way for relay messages to and from its exit.
 *
 * Shape   CREATE to the guard, then EXTEND through what stands, until the path's three hops are there; then `ready`, once. `closed`
 *         comes exactly once, whatever ends it, with the hop that was being added if it never became ready.
 * Unit    the class's build timeout for all hops together, and hopMs for each (hop-patience.ts); cells counted per direction.
 * Errors  a wrong tag, a wrong handshake, an unexpected cell, a lost link, a DESTROY: closed.
 * Why     a strong circuit asks each relay for its delay, and the guard for the fixed pattern, in the sealed part of CREATE. Telescoped, so that the guard never meets the exit's handshake in the clear, and each layer has its own ephemeral keys.
 * Source  design § 4 (Circuits), § 10.
 * @module
 */
import { CIRCUIT_ANSWER_BYTES, type CircuitRequest, createCircuitRequest } from '../../crypto/ntor.ts';
import type { Link } from '../link/link-types.ts';
import type { Timer } from '../ports.ts';
import { bodyOf, type Cell, COMMAND, controlCell, newCell } from './cell.ts';
import { createHop, type Hop, openAllLayers, sealAllLayers } from './hop.ts';
import { type CircuitClass, FLAG_PACED, type OnionParts, sendDestroy } from './onion-parts.ts';
import type { Path } from './path.ts';
import {
  cellSizeFor,
  encodeExtend,
  isExtended,
  RELAY,
  type RelayMessage,
  readRelayMessage,
  writeRelayMessage,
} from './relay-message.ts';

export interface ClientCircuit {
  /** Counts up from 1 in this process; for the surfaces, never on the wire. */
  readonly alias: number;
  readonly path: Path;
  readonly state: 'building' | 'ready' | 'closed';
  readonly createdAtMs: number;
  readonly buildMs: number | undefined;
  readonly hops: number;
  readonly cellsIn: number;
  readonly cellsOut: number;
  /** Clock.nowMs of the last cell that came back. */
  readonly heardAtMs: number;
  /** Seals and sends one message to the exit; false if it fits no cell or the circuit is not ready. */
  send(type: number, requestId: number, parts: readonly Uint8Array[]): boolean;
  /** Who hears the exit's messages and of the end; set once, by whoever takes the ready circuit. */
  attach(user: CircuitUser): void;
  close(): void;
}

export interface CircuitUser {
  /** False: the exit broke the protocol, and the circuit is closed. `data` may be kept. */
  message(message: RelayMessage): boolean;
  closed(): void;
}

export interface BuildEvents {
  ready(circuit: ClientCircuit): void;
  /** `hop`: index in the path of the relay that was being added; undefined once the circuit was ready. `silent`: no answer came. */
  closed(circuit: ClientCircuit, hop: number | undefined, silent: boolean): void;
}

/** Starts building over the guard's open link; undefined when the link takes no more circuits. */
export function buildCircuit(
  parts: OnionParts,
  link: Link,
  path: Path,
  alias: number,
  hopMs: number,
  wanted: CircuitClass,
  events: BuildEvents,
): ClientCircuit | undefined {
  const { clock, crypto } = parts.deps;
  const createdAtMs = clock.nowMs();
  const isPaced = wanted.name === 'strong';
  const hops: Hop[] = [];
  let state: ClientCircuit['state'] = 'building';
  let pending: CircuitRequest | undefined;
  let user: CircuitUser | undefined;
  let buildMs: number | undefined;
  let cellsIn = 0;
  let cellsOut = 0;
  let heardAtMs = createdAtMs;
  let timer: Timer | undefined;
  let hopTimer: Timer | undefined;
  let isSilent = false;

  const drawn = parts.table.draw(link, { cell: receive, cut: end });
  if (drawn === undefined) return undefined;
  const circuitId = drawn;

  const circuit: ClientCircuit = {
    alias,
    path,
    get state() {
      return state;
    },
    createdAtMs,
    get buildMs() {
      return buildMs;
    },
    get hops() {
      return hops.length;
    },
    get cellsIn() {
      return cellsIn;
    },
    get cellsOut() {
      return cellsOut;
    },
    get heardAtMs() {
      return heardAtMs;
    },
    send: (type, requestId, data) => state === 'ready' && sendMessage(type, requestId, data),
    attach(given) {
      user = given;
    },
    close,
  };

  function start(): void {
    if (isPaced) parts.scheduler.pace(link, circuitId);
    timer = clock.setTimer(wanted.buildTimeoutMs, giveUp);
    hopTimer = clock.setTimer(hopMs, giveUp);
    cellsOut++;
    parts.scheduler.send(link, controlCell(crypto, circuitId, COMMAND.create, requestTo(0)));
  }

  function giveUp(): void {
    isSilent = true;
    close();
  }

  function requestTo(index: number): Uint8Array {
    const { nodeId, onionKey } = path[index]!;
    const extra = { position: index + 1, delay: wanted.hopDelayMs, flags: isPaced && index === 0 ? FLAG_PACED : 0 };
    pending = createCircuitRequest(crypto, { nodeId, onionKey, ...extra });
    return pending.data;
  }

  function sendMessage(type: number, requestId: number, data: readonly Uint8Array[]): boolean {
    const dataBytes = data.reduce((sum, part) => sum + part.length, 0);
    const size = cellSizeFor(dataBytes, hops.length);
    if (size === undefined) return false;
    const cell = newCell(size, circuitId, COMMAND.relay);
    writeRelayMessage(cell, type, requestId, data);
    sealAllLayers(hops, cell, size);
    cellsOut++;
    parts.scheduler.send(link, cell);
    return true;
  }

  function receive(cell: Cell) {
    cellsIn++;
    heardAtMs = clock.nowMs();
    if (cell.command === COMMAND.created && hops.length === 0) {
      return addHop(bodyOf(cell.bytes).subarray(0, CIRCUIT_ANSWER_BYTES));
    }
    if (cell.command !== COMMAND.relay || hops.length === 0) return close();
    const plaintext = openAllLayers(hops, cell.bytes, cell.size);
    const message = plaintext === undefined ? undefined : readRelayMessage(plaintext);
    if (message === undefined) return close();
    if (message.type === RELAY.padding) return;
    if (state === 'building') return isExtended(message) ? addHop(message.data) : close();
    if (user === undefined || !user.message(message)) close();
  }

  function addHop(answer: Uint8Array) {
    const keys = pending?.finish(answer) ?? null;
    pending = undefined;
    if (keys === null) return close();
    hops.push(createHop(crypto, keys));
    const next = path[hops.length];
    hopTimer?.cancel();
    if (next !== undefined) {
      hopTimer = clock.setTimer(hopMs, giveUp);
      sendMessage(RELAY.extend, 0, [encodeExtend(next.encoded, requestTo(hops.length))]);
      return;
    }
    timer?.cancel();
    state = 'ready';
    buildMs = clock.nowMs() - createdAtMs;
    events.ready(circuit);
  }

  /** Ends it with a word to the guard. */
  function close(): void {
    if (state === 'closed') return;
    parts.table.remove(link, circuitId);
    sendDestroy(parts, link, circuitId);
    end();
  }

  /** Ends it when this side is gone already. */
  function end(): void {
    if (state === 'closed') return;
    const failedHop = state === 'building' ? hops.length : undefined;
    state = 'closed';
    timer?.cancel();
    hopTimer?.cancel();
    for (const hop of hops) hop.wipe();
    events.closed(circuit, failedHop, isSilent);
    user?.closed();
  }

  start();
  return circuit;
}
