/**
 * Whether the relays of our view still live: one after the other is looked for, on a clock of our own.
 *
 * Shape   every VALIDATE_MS one relay of the view to which no link stands, in an order drawn anew each time all have had their turn. A relay
 *         that does not prove itself is left out for a while (known-nodes.ts), and the next one of the sample takes its place.
 * Unit    milliseconds, jittered by a quarter; 1,024 relays take about 17 hours.
 * Errors  none.
 * Why     a sampler keeps the smallest rank it ever saw, so without this it would keep the dead (Brahms § 3.2, validation). The clock runs
 *         whether circuits are built or not: who is looked for, and when, says nothing about what its owner does.
 * Source  design § 7; anonymity § 7 rules 22, 26.
 * @module
 */
import { hexKey } from '../ids.ts';
import type { LinkProber, Links } from '../link/link-types.ts';
import type { Clock, Random, Timer } from '../ports.ts';
import type { Descriptor } from '../wire/descriptor-types.ts';
import { sampleOf } from './gossip-view.ts';
import type { KnownNodes } from './known-nodes.ts';

export const VALIDATE_MS = 60_000;

export interface Validation {
  start(): void;
  stop(): void;
}

export function createValidation(deps: {
  readonly clock: Clock;
  readonly random: Random;
  readonly links: LinkProber & Pick<Links, 'get'>;
  readonly known: Pick<KnownNodes, 'relays' | 'found' | 'failed'>;
}): Validation {
  const { clock, random, links, known } = deps;
  let waiting: Descriptor[] = [];
  let timer: Timer | undefined;
  let running = false;

  function schedule(): void {
    timer = clock.setTimer(VALIDATE_MS * (0.75 + 0.5 * random.unit()), () => {
      look();
      schedule();
    });
  }

  function look(): void {
    const relays = known.relays(clock.nowMs());
    if (waiting.length === 0) waiting = sampleOf(relays, relays.length, random);
    const present = new Set(relays);
    // A link that stands is proof enough; who left the view, or has a newer descriptor, is no longer asked for by this one.
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      if (!present.has(next) || links.get(next.nodeId)?.isOpen) continue;
      probe(next);
      return;
    }
  }

  function probe(relay: Descriptor): void {
    links.probe(relay).then(
      () => {
        if (running) known.found(relay);
      },
      () => {
        if (running) known.failed(hexKey(relay.nodeId), clock.nowMs());
      },
    );
  }

  return {
    start() {
      running = true;
      schedule();
    },
    stop() {
      running = false;
      timer?.cancel();
      waiting = [];
    },
  };
}
