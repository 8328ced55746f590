/**
 * A network is cut in two for two minutes and heals: how long until everybody reaches everybody again.
 *
 * Shape   reachability is measured as a user would: after the heal, every 10 virtual seconds pairs of nodes from both sides are drawn;
 *         one publishes, the other fetches. Full: both ring neighbours of every node are its true ones, and every drawn pair works.
 * Unit    virtual seconds.
 * Source  reliability.md § 4 row 6: 120 s after the heal.
 * @module
 */
import type { Experiment, Row } from '../experiment.ts';
import { addFaults, createFaultCounters, reportFaults } from '../world/fault-counters.ts';
import { ringIsWhole } from '../world/ring.ts';
import { everySecond, SimWorld } from '../world/sim-world.ts';
import { combineHashes, percentile, round } from '../world/statistics.ts';
import { fetch, publish } from '../world/workload.ts';

const CUT_MS = 120_000;
/** No link across outlives a cut of this length either: a silent peer is given up after 45 s. */
const SHORT_CUT_MS = 60_000;
const LIMIT_MS = 120_000;
const PROBE_EVERY_MS = 10_000;
const PAIRS = 5;
const DOCUMENT_BYTES = 20_000;

const experiment: Experiment = {
  name: 'partition',
  what: 'time until a network that was cut in two is one again',
  defaults: { nodes: 60, runs: 3 },
  async run(options) {
    const nodes = options.nodes ?? (options.short ? 14 : 60);
    const runs = options.short ? 1 : options.runs;
    const faults = createFaultCounters();
    const rows: Row[] = [];
    const broken: { seed: number; what: string }[] = [];
    const hashes: string[] = [];
    let virtualMs = 0;
    let messages = 0;
    const notes = new Set<string>();
    for (let seed = options.seed; seed < options.seed + runs; seed++) {
      const world = new SimWorld({ seed });
      notes.add(world.cryptoNote);
      const ready = await world.grow(nodes);
      if (!ready) notes.add(`seed ${seed}: not every node had joined before the cut`);
      options.progress(`seed ${seed}: ${nodes} nodes joined in ${round(world.clock.nowMs() / 1_000)} virtual s`);
      const half = new Set(world.random.shuffled(world.nodes.map(({ index }) => index)).slice(0, nodes >> 1));
      const heal = world.partition((index) => (half.has(index) ? 1 : 0));
      await world.advance(options.short ? SHORT_CUT_MS : CUT_MS);
      const crossBefore = crossLinks(world, half);
      heal();
      const healedMs = world.clock.nowMs();
      const ringOk = await world.clock.runUntil(
        everySecond(world.clock, () => ringIsWhole(world)),
        LIMIT_MS * 3,
      );
      const ringMs = world.clock.nowMs() - healedMs;
      const probe = await firstGoodProbe(world, half, healedMs);
      const check = world.check();
      for (const what of check) broken.push({ seed, what });
      rows.push({
        seed,
        nodes,
        crossLinksAtHeal: crossBefore,
        ringWholeSec: ringOk ? round(ringMs / 1_000) : null,
        allPairsWorkSec: probe === undefined ? null : round(probe / 1_000),
        fullSec: ringOk && probe !== undefined ? round(Math.max(ringMs, probe) / 1_000) : null,
      });
      hashes.push(world.trace.hash());
      addFaults(faults, world.counters);
      virtualMs += world.clock.nowMs();
      messages += world.tap.messages;
    }
    const full = rows.map(({ fullSec }) => fullSec);
    const worst = full.includes(null) ? Number.POSITIVE_INFINITY : percentile(full as number[], 1);
    return {
      rows,
      figures: [
        {
          what: 'time to full reachability after the heal, worst seed',
          wanted: '<= 120 s',
          measured: Number.isFinite(worst) ? `${round(worst)} s` : 'not within 360 s',
          reached: worst <= 120,
        },
      ],
      faults: reportFaults(faults, ['partition', 'heldByBlock', 'dialLost']),
      traceHash: combineHashes(hashes),
      nodes,
      virtualMs,
      messages,
      broken,
      notes: [...notes],
    };
  },
};
export default experiment;

function crossLinks(world: SimWorld, half: ReadonlySet<number>): number {
  let count = 0;
  for (const { index, node } of world.up()) {
    for (const link of node!.snapshot().links) {
      const other = world.byId.get(link.peerKey);
      if (other !== undefined && half.has(index) !== half.has(other)) count++;
    }
  }
  return count;
}

/** Milliseconds from the heal to the first round of probes in which every drawn pair across the cut worked. */
async function firstGoodProbe(
  world: SimWorld,
  half: ReadonlySet<number>,
  healedMs: number,
): Promise<number | undefined> {
  while (world.clock.nowMs() - healedMs < LIMIT_MS * 3) {
    const left = world.random.shuffled(world.up().filter(({ index }) => half.has(index)));
    const right = world.random.shuffled(world.up().filter(({ index }) => !half.has(index)));
    const works: boolean[] = [];
    for (let i = 0; i < PAIRS; i++) {
      const [from, to] = i % 2 === 0 ? [left[i]!, right[i]!] : [right[i]!, left[i]!];
      const published = await world.inTime(publish(world, from.index, world.random.bytes(DOCUMENT_BYTES)), 600_000);
      const fetched =
        published.type === 'published' && (await world.inTime(fetch(world, to.index, published.document), 600_000));
      works.push(fetched !== false && fetched.type === 'fetched');
      if (!works.at(-1)) break;
    }
    if (works.every((work) => work)) return world.clock.nowMs() - healedMs;
    await world.advance(PROBE_EVERY_MS);
  }
  return undefined;
}
