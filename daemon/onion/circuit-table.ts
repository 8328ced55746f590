/**
 * Which circuit a cell on a link belongs to: (link, circuit id) -> the machine that handles it, at most so many per link and side.
 *
 * Errors  `draw` is undefined and `accept` false when the cap of that side of the link is reached or the id may not be used.
 * Why     counted apart by who opened them, because otherwise a peer could fill the link and keep us from opening ours.
 * @module
 */
import { CIRCUITS_PER_LINK_MAX } from '../limits.ts';
import type { Link } from '../link/link-types.ts';
import type { Random } from '../ports.ts';
import { type Cell, DIALLER_BIT } from './cell.ts';

/** One end of a circuit at one link. */
export interface CellEndpoint {
  cell(cell: Cell): void;
  /** This end is gone (the link closed, or a DESTROY came or went here) and its entry with it: the circuit must die. Called once. */
  cut(): void;
}

interface LinkCircuits {
  readonly endpoints: Map<number, CellEndpoint>;
  ownCount: number;
  peerCount: number;
}

export interface CircuitTable {
  /** Draws a free id for a circuit that we open on that link. */
  draw(link: Link, endpoint: CellEndpoint): number | undefined;
  /** Enters a circuit that the peer opened under an id of its choice. */
  accept(link: Link, circuitId: number, endpoint: CellEndpoint): boolean;
  find(link: Link, circuitId: number): CellEndpoint | undefined;
  remove(link: Link, circuitId: number): void;
  hasCircuits(link: Link): boolean;
  /** Forgets the link and cuts every circuit on it. */
  closeLink(link: Link): void;
}

export function createCircuitTable(random: Random): CircuitTable {
  const links = new Map<number, LinkCircuits>();

  const circuitsOf = (link: Link): LinkCircuits => {
    let circuits = links.get(link.handle);
    if (circuits === undefined) {
      circuits = { endpoints: new Map(), ownCount: 0, peerCount: 0 };
      links.set(link.handle, circuits);
    }
    return circuits;
  };
  const isOurs = (link: Link, circuitId: number): boolean => circuitId >= DIALLER_BIT === link.dialledByUs;

  return {
    draw(link, endpoint) {
      const circuits = circuitsOf(link);
      if (circuits.ownCount >= CIRCUITS_PER_LINK_MAX) return undefined;
      // Half the id space holds 2^31 ids and at most CIRCUITS_PER_LINK_MAX are taken: this ends at the first draw but for bad luck.
      for (;;) {
        const low = Math.floor(random.unit() * DIALLER_BIT);
        const circuitId = link.dialledByUs ? low + DIALLER_BIT : low;
        if (circuits.endpoints.has(circuitId)) continue;
        circuits.endpoints.set(circuitId, endpoint);
        circuits.ownCount++;
        return circuitId;
      }
    },
    accept(link, circuitId, endpoint) {
      const circuits = circuitsOf(link);
      if (isOurs(link, circuitId) || circuits.endpoints.has(circuitId)) return false;
      if (circuits.peerCount >= CIRCUITS_PER_LINK_MAX) return false;
      circuits.endpoints.set(circuitId, endpoint);
      circuits.peerCount++;
      return true;
    },
    find: (link, circuitId) => links.get(link.handle)?.endpoints.get(circuitId),
    remove(link, circuitId) {
      const circuits = links.get(link.handle);
      if (circuits === undefined || !circuits.endpoints.delete(circuitId)) return;
      if (isOurs(link, circuitId)) circuits.ownCount--;
      else circuits.peerCount--;
      if (circuits.endpoints.size === 0) links.delete(link.handle);
    },
    hasCircuits: (link) => links.has(link.handle),
    closeLink(link) {
      const circuits = links.get(link.handle);
      links.delete(link.handle);
      for (const endpoint of circuits?.endpoints.values() ?? []) endpoint.cut();
    },
  };
}
