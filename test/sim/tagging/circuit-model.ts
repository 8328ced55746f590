/**
 * One circuit of three hops as cells see it: the product's layers and cell reading, with an attacker on any one of its three links.
 *
 * Shape   segment 0 is client-guard, 1 guard-middle, 2 middle-exit. `carry` brings cells from one end to the other through all hops; `tamper`
 *         is handed what is in flight on one segment, all of it at once, and gives back what arrives there.
 * Why     a link to a colluding hop and that hop itself are the same thing to everybody else, so three segments in two directions cover
 *         every position an attacker can have. Keys are drawn, not agreed: a million handshakes would measure handshakes.
 * @module
 */
import type { CellSize } from '../../../crypto/cell-cipher.ts';
import type { Crypto } from '../../../crypto/provider.ts';
import { COMMAND, newCell, readCell } from '../../../daemon/onion/cell.ts';
import {
  addLayer,
  createHop,
  type Hop,
  openAllLayers,
  openLast,
  peelLayer,
  sealAllLayers,
  sealLast,
} from '../../../daemon/onion/hop.ts';
import { RELAY, readRelayMessage, writeRelayMessage } from '../../../daemon/onion/relay-message.ts';

export type Direction = 'forward' | 'backward';
export type Segment = 0 | 1 | 2;

export const HOPS = 3;
/** Each link has an id of its own for the circuit. */
export const CIRCUIT_IDS = [0x8000_0011, 0x8000_0022, 0x8000_0033] as const;

export interface Message {
  readonly requestId: number;
  readonly data: Uint8Array;
  readonly size: CellSize;
}

export interface Passage {
  /** Request ids in the order in which the far end took them. */
  readonly delivered: readonly number[];
  /** What arrived differs from what was sent under that id. */
  readonly forged: number;
  /** Index of the hop that found something wrong (0 guard .. 2 exit; -1 the client); undefined: nobody. */
  readonly deadAt: number | undefined;
  /** Cells that left the hop behind the attacker, in order. */
  readonly beyond: readonly Uint8Array[];
  /** Cells that reached that hop. */
  readonly reached: readonly Uint8Array[];
  /** How many of them, from the first on, were as sent. */
  readonly untouched: number;
}

export class CircuitModel {
  readonly #crypto: Crypto;
  readonly #client: readonly Hop[];
  readonly #relays: readonly Hop[];

  constructor(crypto: Crypto) {
    this.#crypto = crypto;
    const keys = Array.from({ length: HOPS }, () => ({
      forward: crypto.randomBytes(32),
      backward: crypto.randomBytes(32),
    }));
    const copies = keys.map(({ forward, backward }) => ({ forward: forward.slice(), backward: backward.slice() }));
    this.#client = keys.map((pair) => createHop(crypto, pair));
    this.#relays = copies.map((pair) => createHop(crypto, pair));
  }

  /** Cells as they leave the sending end. */
  send(direction: Direction, messages: readonly Message[]): Uint8Array[] {
    return messages.map(({ requestId, data, size }) => {
      const cell = newCell(size, CIRCUIT_IDS[direction === 'forward' ? 0 : 2], COMMAND.relay);
      writeRelayMessage(cell, RELAY.data, requestId, [data]);
      if (direction === 'forward') sealAllLayers(this.#client, cell, size);
      else sealLast(this.#crypto, this.#relays[2]!, HOPS, cell, size);
      return cell;
    });
  }

  carry(
    direction: Direction,
    messages: readonly Message[],
    segment: Segment,
    tamper: (cells: Uint8Array[]) => Uint8Array[],
  ): Passage {
    const isForward = direction === 'forward';
    const segments: Segment[] = isForward ? [0, 1, 2] : [2, 1, 0];
    let cells = this.send(direction, messages);
    let deadAt: number | undefined;
    let reached: Uint8Array[] = [];
    let beyond: Uint8Array[] = [];
    let untouched = 0;
    const delivered: number[] = [];
    let forged = 0;
    for (const at of segments) {
      if (at === segment) {
        const sent = cells;
        cells = tamper(cells);
        reached = cells;
        untouched = cells.findIndex((cell, index) => cell !== sent[index]);
      }
      const hop = isForward ? at : at - 1;
      const onward: Uint8Array[] = [];
      for (const bytes of cells) {
        const cell = readCell(bytes);
        // Unreadable: the link closes. Another id: not our circuit. Another command: nothing of a standing circuit.
        if (cell !== undefined && cell.circuitId !== CIRCUIT_IDS[at]) continue;
        const isSound = cell !== undefined && cell.command === COMMAND.relay;
        const passed = isSound ? this.#pass(isForward, hop, bytes, cell.size) : undefined;
        if (passed === undefined) {
          deadAt ??= hop;
          break;
        }
        onward.push(passed);
      }
      if (at === segment) beyond = onward;
      cells = onward;
    }
    for (const plaintext of cells) {
      const message = readRelayMessage(plaintext);
      const sent = messages.find(({ requestId }) => requestId === message?.requestId);
      if (message === undefined || sent === undefined || !this.#crypto.equal(sent.data, message.data)) forged++;
      else delivered.push(message.requestId);
    }
    return { delivered, forged, deadAt, beyond, reached, untouched };
  }

  /** One cell through one hop: the cell it sends on, or at an end the plaintext; undefined kills the circuit. */
  #pass(isForward: boolean, hop: number, bytes: Uint8Array, size: CellSize): Uint8Array | undefined {
    if (isForward) {
      if (hop === HOPS - 1) return openLast(this.#relays[hop]!, HOPS, bytes, size);
      return peelLayer(this.#crypto, this.#relays[hop]!, hop + 1, bytes, size, CIRCUIT_IDS[hop + 1]!);
    }
    if (hop < 0) return openAllLayers(this.#client, bytes, size);
    return addLayer(this.#crypto, this.#relays[hop]!, hop + 1, bytes, size, CIRCUIT_IDS[hop]!);
  }
}

/** Bytes at the end of the body that the receiver at this segment drops: no layer covers them. */
export function tailBytes(segment: Segment): number {
  return 16 * segment;
}

/** Layers that carry no tag, as Tor's first onion had them: the control, on which a tag must be seen. */
export function untaggedControl(crypto: Crypto, at: number): boolean {
  const keys = Array.from({ length: HOPS }, () => crypto.randomBytes(32));
  const nonce = new Uint8Array(12);
  const plaintext = new Uint8Array(2_040);
  let body = plaintext;
  for (const key of keys) body = bodyXor(crypto, key, nonce, body);
  const tampered = body.slice();
  tampered[at]! ^= 1;
  let seen = tampered;
  for (const key of keys) seen = bodyXor(crypto, key, nonce, seen);
  return seen[at] === (plaintext[at]! ^ 1);
}

function bodyXor(crypto: Crypto, key: Uint8Array, nonce: Uint8Array, body: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(crypto.chacha20Xor(key, nonce, body));
}
