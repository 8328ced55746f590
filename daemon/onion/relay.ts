/**
 * The relay side: circuits of other people that pass through or end here.
 *
 * Shape   open (we are the last hop) -> extending (CREATE sent onward) -> extended (we peel and add, nothing else).
 * Unit    at most CIRCUITS_RELAYED_MAX circuits; each lives at most CIRCUIT_LIFE_MS and a minute, and carries at most
 *         CIRCUIT_CELLS_MAX cells a direction.
 *         Cells that pass, requests at the exit and their answers wait the delay that CREATE asked for; handshakes of the next hop do not.
 * Errors  a wrong tag, an unexpected cell, a refused EXTEND, a lost link: DESTROY to both sides, without a word why.
 * Why     only the last hop interprets: a relay in the middle could not tell a request from a block's answer but for the cell's size.
 *         Fetches and inserts are served at position 3 alone, because a shorter circuit would tell one relay who asks and what for.
 * Source  design § 4 (Circuits), § 10; anonymity § 7 rules 3, 8.
 * @module
 */
import {
  answerCircuitRequest,
  CIRCUIT_ANSWER_BYTES,
  CIRCUIT_POSITIONS_MAX,
  CIRCUIT_REQUEST_BYTES,
  type CircuitExtra,
} from '../../crypto/ntor.ts';
import {
  CIRCUIT_BUILD_TIMEOUT_MS,
  CIRCUIT_CELLS_MAX,
  CIRCUIT_LIFE_MS,
  CIRCUITS_PER_LINK_MAX,
  CIRCUITS_RELAYED_MAX,
  CREATES_PER_LINK_PER_SEC,
  HOP_DELAY_MS_MAX,
} from '../limits.ts';
import type { Link } from '../link/link-types.ts';
import type { Timer } from '../ports.ts';
import { createTokenBucket, type TokenBucket } from '../topology/token-bucket.ts';
import { bodyOf, type Cell, COMMAND, controlCell, newCell } from './cell.ts';
import { createDelayLines, type DelayLine } from './delay-line.ts';
import { createExitSide, type ExitSide } from './exit.ts';
import { checkExtend, createDialBudget, type Extension } from './extend.ts';
import { addLayer, createHop, type Hop, openLast, peelLayer, sealLast } from './hop.ts';
import { FLAG_PACED, type OnionParts, sendDestroy, servesCircuits } from './onion-parts.ts';
import { cellSizeFor, RELAY, readRelayMessage, writeRelayMessage } from './relay-message.ts';

/** The client retires a circuit at CIRCUIT_LIFE_MS by its own clock, counted from earlier than ours. */
const LIFE_GRACE_MS = 60_000;

export interface RelaySide {
  /** A CREATE under an id that is not in use. */
  create(link: Link, cell: Cell): void;
  readonly byPosition: { readonly guard: number; readonly middle: number; readonly exit: number };
  readonly cellsRelayed: number;
  stop(): void;
}

/** A circuit that asked for no delay. */
const NO_DELAY: DelayLine = { push: (_bytes, run) => run(), close: () => {} };

interface Onward {
  readonly link: Link;
  readonly circuitId: number;
}

export function createRelaySide(parts: OnionParts): RelaySide {
  const { deps, options, table, scheduler } = parts;
  const { clock, crypto, links } = deps;
  const dials = createDialBudget();
  const delays = createDelayLines(clock, deps.random.fork('delays'));
  const circuits = new Set<{ position: number; destroy(): void }>();
  /** A circuit is destroyed in no time, so the cap alone would let one link ask for handshakes without end. */
  const creates = new WeakMap<Link, TokenBucket>();
  let cellsRelayed = 0;

  function bucketOf(link: Link): TokenBucket {
    let bucket = creates.get(link);
    if (bucket === undefined) {
      bucket = createTokenBucket(CIRCUITS_PER_LINK_MAX, CREATES_PER_LINK_PER_SEC, clock.nowMs());
      creates.set(link, bucket);
    }
    return bucket;
  }

  function create(link: Link, cell: Cell) {
    const refuse = (): void => sendDestroy(parts, link, cell.circuitId);
    if (!servesCircuits(options.role) || circuits.size >= CIRCUITS_RELAYED_MAX) return refuse();
    if (!bucketOf(link).take(clock.nowMs())) return refuse();
    const answer = answerCircuitRequest(crypto, {
      nodeId: options.ownNodeId,
      onionKeys: options.onionKeys(),
      data: bodyOf(cell.bytes).subarray(0, CIRCUIT_REQUEST_BYTES),
    });
    if (answer === null || !mayServe(link, answer)) return refuse();
    const circuit = relayCircuit(link, cell.circuitId, answer, createHop(crypto, answer.keys));
    if (!table.accept(link, cell.circuitId, circuit.endpoint)) {
      circuit.drop();
      return refuse();
    }
    if (answer.flags === FLAG_PACED) scheduler.pace(link, cell.circuitId);
    scheduler.send(link, controlCell(crypto, cell.circuitId, COMMAND.created, answer.created));
  }

  /** A delay or a flag that we cannot keep would be promised to the client and broken: refused instead. */
  function mayServe(link: Link, { position, delay, flags }: CircuitExtra): boolean {
    if (delay > HOP_DELAY_MS_MAX) return false;
    return flags === 0 || (flags === FLAG_PACED && position === 1 && link.pacing?.isOn === true);
  }

  function relayCircuit(back: Link, backId: number, { position, delay }: CircuitExtra, hop: Hop) {
    let state: 'open' | 'extending' | 'extended' | 'dead' = 'open';
    let onward: Onward | undefined;
    let exit: ExitSide | undefined;
    let cellsForward = 0;
    let cellsBackward = 0;
    let backIsGone = false;
    const life: Timer = clock.setTimer(CIRCUIT_LIFE_MS + LIFE_GRACE_MS, destroy);
    let extendTimer: Timer | undefined;
    const self = { position, destroy };
    circuits.add(self);
    const forward = delay > 0 ? delays.open(delay, destroy) : NO_DELAY;
    const backward = delay > 0 ? delays.open(delay, destroy) : NO_DELAY;

    /** Frees everything; says nothing to anybody. */
    function drop(): boolean {
      if (state === 'dead') return false;
      state = 'dead';
      life.cancel();
      extendTimer?.cancel();
      exit?.close();
      forward.close();
      backward.close();
      hop.wipe();
      circuits.delete(self);
      return true;
    }
    function destroy(): void {
      if (!drop()) return;
      if (!backIsGone) {
        table.remove(back, backId);
        sendDestroy(parts, back, backId);
      }
      if (onward === undefined) return;
      table.remove(onward.link, onward.circuitId);
      sendDestroy(parts, onward.link, onward.circuitId);
    }

    /** A relay message to the client, when we are the last hop. */
    function answer(type: number, requestId: number, data: Uint8Array) {
      if (state === 'dead') return;
      const size = cellSizeFor(data.length, position);
      if (size === undefined || ++cellsBackward > CIRCUIT_CELLS_MAX) return destroy();
      const cell = newCell(size, backId, COMMAND.relay);
      writeRelayMessage(cell, type, requestId, [data]);
      sealLast(crypto, hop, position, cell, size);
      if (state === 'open') backward.push(cell.length, () => scheduler.send(back, cell));
      else scheduler.send(back, cell);
    }

    function fromClient(cell: Cell) {
      if (cell.command !== COMMAND.relay || ++cellsForward > CIRCUIT_CELLS_MAX) return destroy();
      if (state === 'extended') {
        const peeled = peelLayer(crypto, hop, position, cell.bytes, cell.size, onward!.circuitId);
        if (peeled === undefined) return destroy();
        cellsRelayed++;
        const { link } = onward!;
        forward.push(peeled.length, () => scheduler.send(link, peeled));
        return;
      }
      const plaintext = openLast(hop, position, cell.bytes, cell.size);
      const message = plaintext === undefined ? undefined : readRelayMessage(plaintext);
      if (message === undefined) return destroy();
      if (message.type === RELAY.padding) return;
      if (state !== 'open') return destroy();
      if (message.type === RELAY.extend) {
        const extension = checkExtend(deps, options, back, position, message.data);
        return extension === undefined ? destroy() : extend(extension);
      }
      if (position !== CIRCUIT_POSITIONS_MAX) return destroy();
      exit ??= createExitSide(deps, back.peerKey, answer);
      const side = exit;
      forward.push(cell.bytes.length, () => {
        if (!side.handle(message)) destroy();
      });
    }

    function extend({ target, createData }: Extension) {
      state = 'extending';
      extendTimer = clock.setTimer(CIRCUIT_BUILD_TIMEOUT_MS, destroy);
      const open = links.get(target.nodeId);
      if (open?.isOpen) return extendOver(open, createData);
      if (!dials.take(target, clock.nowMs())) return destroy();
      const kept = createData.slice();
      links.connect(target).then((link) => extendOver(link, kept), destroy);
    }

    function extendOver(link: Link, createData: Uint8Array) {
      if (state !== 'extending') return;
      const circuitId = link.isOpen ? table.draw(link, { cell: fromNext, cut: cutNext }) : undefined;
      if (circuitId === undefined) return destroy();
      onward = { link, circuitId };
      scheduler.send(link, controlCell(crypto, circuitId, COMMAND.create, createData));
    }

    function fromNext(cell: Cell) {
      if (state === 'extending' && cell.command === COMMAND.created) {
        extendTimer?.cancel();
        state = 'extended';
        const created = bodyOf(cell.bytes).subarray(0, CIRCUIT_ANSWER_BYTES);
        return answer(RELAY.extended, 0, created);
      }
      if (state !== 'extended' || cell.command !== COMMAND.relay) return destroy();
      if (++cellsBackward > CIRCUIT_CELLS_MAX) return destroy();
      cellsRelayed++;
      const layered = addLayer(crypto, hop, position, cell.bytes, cell.size, backId);
      backward.push(layered.length, () => scheduler.send(back, layered));
    }

    function cutNext(): void {
      onward = undefined;
      destroy();
    }
    function cutBack(): void {
      backIsGone = true;
      destroy();
    }

    return { endpoint: { cell: fromClient, cut: cutBack }, drop };
  }

  return {
    create,
    get byPosition() {
      const counts = { guard: 0, middle: 0, exit: 0 };
      for (const { position } of circuits) {
        if (position === 1) counts.guard++;
        else if (position === 2) counts.middle++;
        else counts.exit++;
      }
      return counts;
    },
    get cellsRelayed() {
      return cellsRelayed;
    },
    stop() {
      for (const circuit of [...circuits]) circuit.destroy();
    },
  };
}
