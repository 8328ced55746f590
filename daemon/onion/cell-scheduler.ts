/**
 * Whose cell goes next when a link is slower than its circuits.
 *
 * Shape   while the link takes cells they go straight through. Once it says "hold back", cells wait here, per circuit in order, and when it
 *         drains every waiting circuit sends one cell in turn.
 * Unit    bytes; at most LINK_QUEUE_BYTES_MAX wait per link.
 * Errors  past the cap the circuit whose waiting cells are oldest is cut, whole: never a single cell.
 *         Cells of paced circuits always wait, and leave only when the link's fixed pattern has a tick for them (`fill`): one large one if any
 *         waits, and small ones in what room is left, circuits in turn. Without the pattern they do not leave at all.
 * Why     one heavy circuit must not delay the others of a shared link. A relay that drops single cells would mark the circuit for whoever
 *         watches both sides; killing the oldest hits the one that a stalled reader fills (design § 4).
 * @module
 */
import { CELL_LARGE_BYTES, CIRCUITS_PER_LINK_MAX, FRAME_HEADER_BYTES, LINK_QUEUE_BYTES_MAX } from '../limits.ts';
import type { Link } from '../link/link-types.ts';
import type { Clock } from '../ports.ts';
import { readCircuitId } from './cell.ts';

interface WaitingCells {
  readonly cells: Uint8Array[];
  /** When the first of them came, and in what order among equals. */
  readonly sinceMs: number[];
}

/** Per circuit in order; the first entry is whose turn it is. */
interface Waiting {
  bytes: number;
  readonly circuits: Map<number, WaitingCells>;
}

interface LinkQueue extends Waiting {
  holdsBack: boolean;
  /** What leaves on ticks of the fixed pattern. */
  readonly paced: Waiting & { readonly ids: Set<number>; readonly last: Uint8Array[] };
}

export interface CellScheduler {
  send(link: Link, cell: Uint8Array): void;
  /** From now on cells of that circuit wait for the fixed pattern. */
  pace(link: Link, circuitId: number): void;
  /** Cells for one tick of the fixed pattern: at most `room` bytes with frame headers. */
  fill(link: Link, room: number): Uint8Array[];
  /** The link's own queue was full and it did not take that cell: it waits here, ahead of what follows it. */
  overflow(link: Link, cell: Uint8Array): void;
  /** Drops what waits for that circuit and sends `destroy`, which overtakes everything. */
  sendLast(link: Link, destroy: Uint8Array): void;
  /** Drops what waits for that circuit. */
  forget(link: Link, circuitId: number): void;
  drained(link: Link): void;
  closeLink(link: Link): void;
}

/** @param cut destroys the circuit of that id on that link; its waiting cells are gone already */
export function createCellScheduler(clock: Clock, cut: (link: Link, circuitId: number) => void): CellScheduler {
  const queues = new Map<number, LinkQueue>();

  const queueOf = (link: Link): LinkQueue => {
    let queue = queues.get(link.handle);
    if (queue === undefined) {
      queue = {
        holdsBack: false,
        bytes: 0,
        circuits: new Map(),
        paced: { bytes: 0, circuits: new Map(), ids: new Set(), last: [] },
      };
      queues.set(link.handle, queue);
    }
    return queue;
  };

  const forget = (queue: LinkQueue, circuitId: number): void => {
    drop(queue, circuitId);
    drop(queue.paced, circuitId);
    queue.paced.ids.delete(circuitId);
  };

  const relieve = (link: Link, queue: LinkQueue): void => {
    while (queue.bytes + queue.paced.bytes > LINK_QUEUE_BYTES_MAX) {
      const oldestId = oldestOf(queue, queue.paced);
      if (oldestId === undefined) return;
      forget(queue, oldestId);
      cut(link, oldestId);
    }
  };

  const push = (waiting: Waiting, cell: Uint8Array, end: 'front' | 'back' = 'back'): void => {
    const circuitId = readCircuitId(cell);
    const entry = waiting.circuits.get(circuitId) ?? { cells: [], sinceMs: [] };
    if (entry.cells.length === 0) waiting.circuits.set(circuitId, entry);
    const add = end === 'front' ? 'unshift' : 'push';
    entry.cells[add](cell);
    entry.sinceMs[add](clock.nowMs());
    waiting.bytes += cell.length;
  };

  return {
    send(link, cell) {
      if (!link.isOpen) return;
      const queue = queueOf(link);
      if (queue.paced.ids.has(readCircuitId(cell))) {
        push(queue.paced, cell);
        relieve(link, queue);
      } else if (queue.holdsBack) {
        push(queue, cell);
        relieve(link, queue);
      } else {
        queue.holdsBack = !link.sendCell(cell);
      }
    },
    pace(link, circuitId) {
      queueOf(link).paced.ids.add(circuitId);
    },
    fill(link, room) {
      const paced = queues.get(link.handle)?.paced;
      const cells: Uint8Array[] = [];
      if (paced === undefined) return cells;
      let left = room;
      const take = (cell: Uint8Array | undefined): boolean => {
        if (cell === undefined) return false;
        left -= cell.length + FRAME_HEADER_BYTES;
        cells.push(cell);
        return true;
      };
      const fits = (cell: Uint8Array): boolean => cell.length + FRAME_HEADER_BYTES <= left;
      // Small ones first would keep a large one waiting for ever.
      take(nextOf(paced, (cell) => cell.length === CELL_LARGE_BYTES && fits(cell)));
      while (paced.last[0] !== undefined && fits(paced.last[0])) take(paced.last.shift());
      while (take(nextOf(paced, fits)));
      return cells;
    },
    sendLast(link, destroy) {
      const circuitId = readCircuitId(destroy);
      const queue = queues.get(link.handle);
      if (queue !== undefined) forget(queue, circuitId);
      if (!link.isOpen) return;
      // On a paced link every end of a circuit waits for a tick: sent at once it would be seen.
      if (!link.pacing?.isOn) return void link.sendCell(destroy);
      const { last } = queueOf(link).paced;
      if (last.length < CIRCUITS_PER_LINK_MAX) last.push(destroy);
      else link.close('ERR_LIMIT'); // it opens and closes faster than the pattern can say so
    },
    forget(link, circuitId) {
      const queue = queues.get(link.handle);
      if (queue !== undefined) forget(queue, circuitId);
    },
    overflow(link, cell) {
      const queue = queueOf(link);
      queue.holdsBack = true;
      push(queue, cell, 'front');
      relieve(link, queue);
    },
    drained(link) {
      const queue = queues.get(link.handle);
      if (queue === undefined) return;
      queue.holdsBack = false;
      while (!queue.holdsBack) {
        const cell = nextOf(queue, () => true);
        if (cell === undefined) return;
        queue.holdsBack = !link.sendCell(cell);
      }
    },
    closeLink(link) {
      queues.delete(link.handle);
    },
  };
}

function drop(waiting: Waiting, circuitId: number): void {
  for (const cell of waiting.circuits.get(circuitId)?.cells ?? []) waiting.bytes -= cell.length;
  waiting.circuits.delete(circuitId);
}

/** The next cell of the first circuit whose next cell may go; that circuit goes to the end of the line, or out of it. */
function nextOf(waiting: Waiting, may: (cell: Uint8Array) => boolean): Uint8Array | undefined {
  for (const [circuitId, entry] of waiting.circuits) {
    if (!may(entry.cells[0]!)) continue;
    const cell = entry.cells.shift()!;
    entry.sinceMs.shift();
    waiting.bytes -= cell.length;
    waiting.circuits.delete(circuitId);
    if (entry.cells.length > 0) waiting.circuits.set(circuitId, entry);
    return cell;
  }
  return undefined;
}

function oldestOf(...queues: readonly Waiting[]): number | undefined {
  let oldestId: number | undefined;
  let oldestMs = Number.POSITIVE_INFINITY;
  for (const { circuits } of queues) {
    for (const [circuitId, { sinceMs }] of circuits) {
      if (sinceMs[0]! >= oldestMs) continue;
      oldestMs = sinceMs[0]!;
      oldestId = circuitId;
    }
  }
  return oldestId;
}
