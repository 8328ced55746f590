/**
 * Asks an overlay the questions of a workload and sums up how it answered.
 *
 * Shape   from a random node to a random place; the same seed asks every overlay the same.
 * Unit    percentiles and means of hops are over the lookups that reached the holder.
 * @module
 */
import type { Overlay } from '../overlays/overlay-types.ts';
import { createFastRandom } from '../world/fast-random.ts';
import { drawPlace, type NodeSet } from './node-set.ts';
import { createTally, type MeanFigure, percentile, type ShareFigure, shareOf } from './statistics.ts';
import type { TraceHash } from './trace-hash.ts';

export interface Measurement {
  readonly overlay: string;
  readonly degreeMean: number;
  readonly lookups: number;
  readonly hops: MeanFigure;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly success: ShareFigure;
  readonly messages: MeanFigure;
  readonly messagesTotal: number;
}

export function measureLookups(
  nodes: NodeSet,
  overlay: Overlay,
  lookups: number,
  seed: string,
  trace: TraceHash,
): Measurement {
  const random = createFastRandom(seed);
  const hops = new Uint32Array(lookups);
  const hopsTally = createTally();
  const messagesTally = createTally();
  let found = 0;
  let messagesTotal = 0;
  for (let i = 0; i < lookups; i++) {
    const outcome = overlay.lookup(random.below(nodes.count), drawPlace(random));
    if (outcome.found) {
      hops[found++] = outcome.hops;
      hopsTally.add(outcome.hops);
    }
    messagesTally.add(outcome.messages);
    messagesTotal += outcome.messages;
    trace.add(outcome.found ? outcome.hops : -1 - outcome.hops);
    trace.add(outcome.end);
  }
  const sorted = hops.subarray(0, found).sort();
  const hopsFigure = hopsTally.figure();
  const messagesFigure = messagesTally.figure();
  // What is derived goes into the trace too: a machine that counts differently must not look the same.
  for (const figure of [hopsFigure, messagesFigure]) trace.add(Math.round(figure.mean * 1_000));
  return {
    overlay: overlay.name,
    degreeMean: overlay.degreeMean,
    lookups,
    hops: hopsFigure,
    p50: percentile(sorted, 0.5),
    p95: percentile(sorted, 0.95),
    p99: percentile(sorted, 0.99),
    success: shareOf(found, lookups),
    messages: messagesFigure,
    messagesTotal,
  };
}
