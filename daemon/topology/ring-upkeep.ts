/**
 * The ring around us: who should be our neighbours, and the next step towards each that is not.
 *
 * Shape   improve() compares the nearest reachable nodes with our peers, asks over links that stand and dials the rest.
 * Unit    milliseconds of Clock.nowMs.
 * Why     whoever cannot be reached, answers too slowly or refused us is passed over for a while: one dead or hostile node must not
 *         keep the next one on the ring from becoming our neighbour. Of two nodes that want each other the one with the smaller key
 *         dials first, so that they do not end up with two links.
 * Source  design § 7.
 * @module
 */
import type { Links } from '../link/link-types.ts';
import type { Clock } from '../ports.ts';
import type { Descriptor } from '../wire/descriptor-types.ts';
import type { Dialler } from './dialler.ts';
import type { KnownNodes } from './known-nodes.ts';
import { type PeerLimits, ringWanted, WISH } from './peer-table.ts';
import type { Peering } from './peering.ts';
import type { RingPlace } from './ring-location.ts';

/** How long the larger key waits for the smaller one to dial. */
const YIELD_MS = 300;

export interface RingNode extends RingPlace {
  readonly descriptor: Descriptor;
}

export interface RingUpkeep {
  /** Who should be our ring neighbours, as far as we know and can reach them. */
  wanted(): readonly RingNode[];
  improve(): { readonly isComplete: boolean; readonly hasChanged: boolean };
}

export interface RingUpkeepDeps {
  readonly clock: Clock;
  readonly links: Links;
  readonly known: KnownNodes;
  readonly peering: Peering;
  readonly dialler: Dialler;
}

export interface RingUpkeepOptions extends PeerLimits {
  readonly own: () => RingPlace;
  /** Asks for improve() to be called again after that time. */
  readonly later: (delayMs: number) => void;
}

export function createRingUpkeep(deps: RingUpkeepDeps, options: RingUpkeepOptions): RingUpkeep {
  const { clock, links, known, peering, dialler } = deps;
  /** Since when a node has been wanted without being a peer. */
  const wantedSince = new Map<string, number>();
  let lastKeys = '';

  function wanted(): readonly RingNode[] {
    const others = known
      .reachable(clock.nowMs())
      .filter((node) => peering.get(node.key) === undefined)
      .filter((node) => !dialler.isSlow(node.key) && !peering.wasRefused(node.key));
    return ringWanted(options.own(), [...peering.peers(), ...others], options);
  }

  function approach(node: RingNode): void {
    const link = links.get(node.descriptor.nodeId);
    if (link?.isOpen) {
      if (!peering.isHeldBack(node.key)) peering.request(link, WISH.ring);
      return;
    }
    const since = wantedSince.get(node.key) ?? clock.nowMs();
    wantedSince.set(node.key, since);
    const yieldMs = options.own().key < node.key ? 0 : since + YIELD_MS - clock.nowMs();
    if (yieldMs > 0) options.later(yieldMs);
    else dialler.dial(node.descriptor);
  }

  return {
    wanted,
    improve() {
      const ring = wanted();
      const keys = new Set(ring.map((node) => node.key));
      for (const key of [...wantedSince.keys()]) if (!keys.has(key)) wantedSince.delete(key);
      let isComplete = true;
      for (const node of ring) {
        if (peering.get(node.key) !== undefined) {
          wantedSince.delete(node.key);
          continue;
        }
        isComplete = false;
        approach(node);
      }
      const text = [...keys].join();
      const hasChanged = text !== lastKeys;
      lastKeys = text;
      return { isComplete, hasChanged };
    },
  };
}
