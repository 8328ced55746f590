/**
 * Nodes come and go as on Freenet: is what was published still there, and for how long.
 *
 * Shape   documents are published on a standing net, then churn begins. A few nodes never leave: they ask, so that a failure means that
 *         content was missing and not its reader. Every hour of virtual time they fetch documents nobody has asked for since ("untouched")
 *         and documents asked for every hour ("asked"). A "block" is a document of one block, a "document" has several.
 * Unit    virtual hours; 4 by default, because whole nodes cost about 0.4 ms a virtual second each: 72 hours of 300 nodes are a day's run.
 * Source  anonymity.md § 1, reliability.md § 4 row 4; churn.ts for the distributions.
 * @module
 */
import type { Experiment, Figure } from '../experiment.ts';
import { startChurn } from '../world/churn.ts';
import { SimWorld } from '../world/sim-world.ts';
import { percent, round } from '../world/statistics.ts';
import { createTally } from '../world/tally.ts';
import { fetch, type Published, publish } from '../world/workload.ts';

const HOUR_MS = 3_600_000;
const DEFAULT_NODES = 40;
const SHORT_NODES = 12;
const HOURS = 4;
/** What the figures were asked for. */
const HOURS_WANTED = 72;
const READERS = 4;
const ONE_BLOCK_BYTES = 800;
const DOCUMENT_BYTES = 150_000;
const TRANSFER_LIMIT_MS = 900_000;

interface Counts {
  asked: number;
  found: number;
}

const experiment: Experiment = {
  name: 'churn',
  what: 'what is still found while nodes come and go as measured on Freenet',
  defaults: { nodes: DEFAULT_NODES, runs: 1 },
  async run(options) {
    const nodes = options.nodes ?? (options.short ? SHORT_NODES : DEFAULT_NODES);
    const runs = options.short ? 1 : options.runs;
    const rounds = options.short ? 1 : HOURS;
    const roundMs = options.short ? HOUR_MS / 6 : HOUR_MS;
    const tally = createTally();
    const blocks: Counts = { asked: 0, found: 0 };
    const documents: Counts = { asked: 0, found: 0 };
    for (let seed = options.seed; seed < options.seed + runs; seed++) {
      const world = new SimWorld({ seed });
      await world.grow(nodes);
      const readers = world.random.shuffled(world.up().map(({ index }) => index)).slice(0, READERS);
      const perRound = options.short ? 1 : 3;
      const sets: { readonly untouched: Published[]; readonly asked: Published[] } = { untouched: [], asked: [] };
      for (let i = 0; i < perRound * (rounds + 1) * 2; i++) {
        const bytes = world.random.bytes(i % 2 === 0 ? ONE_BLOCK_BYTES : DOCUMENT_BYTES);
        const outcome = await world.inTime(publish(world, readers[i % READERS]!, bytes), TRANSFER_LIMIT_MS);
        if (outcome.type === 'failed')
          tally.notes.add(`seed ${seed}: a publish before the churn failed: ${outcome.code}`);
        else (i < perRound * 2 ? sets.asked : sets.untouched).push(outcome.document);
      }
      options.progress(
        `seed ${seed}: ${nodes} nodes, ${sets.asked.length + sets.untouched.length} documents published`,
      );
      const churn = startChurn(world, new Set(readers));
      for (let turn = 1; turn <= rounds; turn++) {
        await world.advance(roundMs);
        const untouched = sets.untouched.splice(0, perRound * 2);
        const counts = { asked: 0, untouched: 0 };
        for (const [kind, list] of [
          ['asked', sets.asked],
          ['untouched', untouched],
        ] as const) {
          for (const document of list) {
            const reader = readers[world.random.below(READERS)]!;
            const outcome = await world.inTime(fetch(world, reader, document), TRANSFER_LIMIT_MS);
            const sum = document.bytes.length === ONE_BLOCK_BYTES ? blocks : documents;
            sum.asked++;
            if (outcome.type === 'fetched') {
              sum.found++;
              counts[kind]++;
            } else if (outcome.type === 'failed') {
              tally.notes.add(`seed ${seed}: a fetch of ${kind} content failed: ${outcome.code}`);
            }
          }
        }
        tally.rows.push({
          seed,
          nodes,
          virtualHours: round((turn * roundMs) / HOUR_MS),
          up: world.up().length,
          sessionsEnded: churn.ends,
          sessionsBegun: churn.starts,
          askedFound: counts.asked,
          askedOf: sets.asked.length,
          untouchedFound: counts.untouched,
          untouchedOf: untouched.length,
        });
        options.progress(`seed ${seed}: round ${turn} of ${rounds}, ${world.up().length} up`);
      }
      churn.stop();
      tally.finish(seed, world, { meant: options.short ? [] : ['cleanStop', 'crash', 'restart'] });
    }
    const figures: Figure[] = [
      figure('single blocks found', '>= 99 %', blocks, 0.99),
      figure('whole documents found', '>= 99.9 %', documents, 0.999),
    ];
    const hours = (rounds * roundMs) / HOUR_MS;
    if (hours < HOURS_WANTED) {
      tally.notes.add(
        `${round(hours)} virtual hours, not the ${HOURS_WANTED} and 7 days that were asked for: whole nodes are too dear for them`,
      );
    }
    return tally.result(nodes, figures);
  },
};
export default experiment;

function figure(what: string, wanted: string, { asked, found }: Counts, least: number): Figure {
  return {
    what,
    wanted,
    measured: `${percent(found / asked)} (${found} of ${asked})`,
    reached: asked > 0 && found / asked >= least,
  };
}
