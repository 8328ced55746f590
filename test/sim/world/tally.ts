/**
 * What the runs of one experiment add up to: faults, hashes, broken invariants, time and messages.
 * @module
 */
import type { ExperimentResult, Figure, Row } from '../experiment.ts';
import { addFaults, createFaultCounters, type FaultClass, reportFaults } from './fault-counters.ts';
import type { SimWorld } from './sim-world.ts';
import { combineHashes } from './statistics.ts';

export interface Tally {
  readonly rows: Row[];
  readonly notes: Set<string>;
  /** A world is over: its counters and broken invariants go in. `meant`: classes that must have fired. */
  finish(
    seed: number,
    world: SimWorld,
    options?: { readonly quiet?: boolean; readonly meant?: readonly FaultClass[] },
  ): void;
  result(nodes: number, figures: readonly Figure[]): ExperimentResult;
}

export function createTally(): Tally {
  const faults = createFaultCounters();
  const meantEver = new Set<FaultClass>();
  const broken: { seed: number; what: string }[] = [];
  const hashes: string[] = [];
  const rows: Row[] = [];
  const notes = new Set<string>();
  let virtualMs = 0;
  let messages = 0;
  return {
    rows,
    notes,
    finish(seed, world, { quiet = false, meant = [] } = {}) {
      for (const what of world.check(quiet)) broken.push({ seed, what });
      for (const name of meant) {
        meantEver.add(name);
        if (world.counters[name] === 0)
          broken.push({ seed, what: `the fault class ${name} was drawn and never fired` });
      }
      notes.add(world.cryptoNote);
      hashes.push(world.trace.hash());
      addFaults(faults, world.counters);
      virtualMs += world.clock.nowMs();
      messages += world.tap.messages;
    },
    result: (nodes, figures) => ({
      rows,
      figures,
      faults: reportFaults(faults, [...meantEver]),
      traceHash: combineHashes(hashes),
      nodes,
      virtualMs,
      messages,
      broken,
      notes: [...notes],
    }),
  };
}
