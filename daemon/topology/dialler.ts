/**
 * Dials of the topology: few at once, one per node, failures remembered by whom they concern.
 *
 * Shape   dial() is a wish; what follows comes through linkOpened, or through `failed`.
 * Unit    milliseconds of Clock.nowMs.
 * Why     a cap on dials under way keeps a list of dead or hostile addresses from using up sockets, and from making us a tool for
 *         knocking at other people's doors.
 * @module
 */
import { TOPOLOGY_DIALS_MAX } from '../limits.ts';
import type { Link, Links } from '../link/link-types.ts';
import type { Clock } from '../ports.ts';
import type { Descriptor } from '../wire/descriptor-types.ts';
import { keyOf } from './peering.ts';

/** A dial that takes longer no longer keeps the next best node waiting. */
const SLOW_MS = 1_000;

export interface Dialler {
  /** False: too many are under way. */
  dial(to: Descriptor): boolean;
  isDialling(key: string): boolean;
  isSlow(key: string): boolean;
  readonly underWay: number;
}

export function createDialler(
  deps: { readonly clock: Clock; readonly links: Links },
  events: { readonly opened: (link: Link) => void; readonly failed: (key: string) => void },
): Dialler {
  const { clock, links } = deps;
  const dials = new Map<string, number>();
  return {
    get underWay() {
      return dials.size;
    },
    isDialling: (key) => dials.has(key),
    isSlow: (key) => clock.nowMs() - (dials.get(key) ?? Number.POSITIVE_INFINITY) >= SLOW_MS,
    dial(to) {
      const key = keyOf(to);
      if (dials.has(key)) return true;
      if (dials.size >= TOPOLOGY_DIALS_MAX) return false;
      dials.set(key, clock.nowMs());
      links.connect(to).then(
        (link) => {
          dials.delete(key);
          events.opened(link);
        },
        () => {
          dials.delete(key);
          events.failed(key);
        },
      );
      return true;
    },
  };
}
