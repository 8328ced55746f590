/**
 * Whose cell goes next when a link is slower than its circuits.
 *
 * Shape   while the link takes cells they go straight through. Once it says "hold back", cells wait here, per circuit in order, and when it
 *         drains every waiting circuit sends one cell in turn.
 * Unit    bytes; at most LINK_QUEUE_BYTES_MAX wait per link.
 * Errors  past the cap the circuit whose waiting cells are oldest is cut, whole: never a single cell.
 * Why     one heavy circuit must not delay the others of a shared link. A relay that drops single cells would mark the circuit for whoever
 *         watches both sides; killing the oldest hits the one that a stalled reader fills (design § 4).
 * @module
 */
import { LINK_QUEUE_BYTES_MAX } from '../limits.ts';
import type { Link } from '../link/link-types.ts';
import type { Clock } from '../ports.ts';
import { readCircuitId } from './cell.ts';

interface WaitingCells {
  readonly cells: Uint8Array[];
  /** When the first of them came, and in what order among equals. */
  readonly sinceMs: number[];
}

interface LinkQueue {
  holdsBack: boolean;
  bytes: number;
  readonly waiting: Map<number, WaitingCells>;
}

export interface CellScheduler {
  send(link: Link, cell: Uint8Array): void;
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
      queue = { holdsBack: false, bytes: 0, waiting: new Map() };
      queues.set(link.handle, queue);
    }
    return queue;
  };

  const forget = (queue: LinkQueue, circuitId: number): void => {
    for (const cell of queue.waiting.get(circuitId)?.cells ?? []) queue.bytes -= cell.length;
    queue.waiting.delete(circuitId);
  };

  const relieve = (link: Link, queue: LinkQueue): void => {
    while (queue.bytes > LINK_QUEUE_BYTES_MAX) {
      let oldestId: number | undefined;
      let oldestMs = Number.POSITIVE_INFINITY;
      for (const [circuitId, { sinceMs }] of queue.waiting) {
        if (sinceMs[0]! >= oldestMs) continue;
        oldestMs = sinceMs[0]!;
        oldestId = circuitId;
      }
      if (oldestId === undefined) return;
      forget(queue, oldestId);
      cut(link, oldestId);
    }
  };

  return {
    send(link, cell) {
      if (!link.isOpen) return;
      const queue = queueOf(link);
      if (!queue.holdsBack) {
        queue.holdsBack = !link.sendCell(cell);
        return;
      }
      const circuitId = readCircuitId(cell);
      const waiting = queue.waiting.get(circuitId) ?? { cells: [], sinceMs: [] };
      if (waiting.cells.length === 0) queue.waiting.set(circuitId, waiting);
      waiting.cells.push(cell);
      waiting.sinceMs.push(clock.nowMs());
      queue.bytes += cell.length;
      relieve(link, queue);
    },
    sendLast(link, destroy) {
      const queue = queues.get(link.handle);
      if (queue !== undefined) forget(queue, readCircuitId(destroy));
      if (link.isOpen) link.sendCell(destroy);
    },
    forget(link, circuitId) {
      const queue = queues.get(link.handle);
      if (queue !== undefined) forget(queue, circuitId);
    },
    drained(link) {
      const queue = queues.get(link.handle);
      if (queue === undefined) return;
      queue.holdsBack = false;
      while (!queue.holdsBack && queue.waiting.size > 0) {
        const [circuitId, waiting] = queue.waiting.entries().next().value!;
        const cell = waiting.cells.shift()!;
        waiting.sinceMs.shift();
        queue.bytes -= cell.length;
        // To the end of the line, or out of it.
        queue.waiting.delete(circuitId);
        if (waiting.cells.length > 0) queue.waiting.set(circuitId, waiting);
        queue.holdsBack = !link.sendCell(cell);
      }
    },
    closeLink(link) {
      queues.delete(link.handle);
    },
  };
}
