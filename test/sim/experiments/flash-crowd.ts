/**
 * Everybody wants one key within ten seconds of its publication.
 *
 * Shape   one document of one block beside its metadata; every other node fetches it at a random moment of the ten seconds. Copies are Data
 *         messages that nodes sent on a routed link, by sender; "origin side" are the nodes that held a copy before the crowd came
 *         (the owners that the publish made), the most of any one of them counting.
 * Unit    copies; load of a node in Data messages sent.
 * Source  reliability.md § 4 row 21.
 * @module
 */
import type { Experiment, Figure } from '../experiment.ts';
import { SimWorld } from '../world/sim-world.ts';
import { mean, percent, percentile, round } from '../world/statistics.ts';
import { createTally } from '../world/tally.ts';
import { fetch, publish } from '../world/workload.ts';

const CROWD_MS = 10_000;
const DOCUMENT_BYTES = 30_000;
const DEFAULT_NODES = 100;
const SHORT_NODES = 10;
/** Circuits need a moment after the last join, or the crowd measures that. */
const SETTLE_MS = 30_000;

const experiment: Experiment = {
  name: 'flash-crowd',
  what: 'all nodes fetch one new key within ten seconds',
  defaults: { nodes: DEFAULT_NODES, runs: 1 },
  async run(options) {
    const nodes = options.nodes ?? (options.short ? SHORT_NODES : DEFAULT_NODES);
    const runs = options.short ? 1 : options.runs;
    const tally = createTally();
    let asked = 0;
    let served = 0;
    let originMost = 0;
    let ratioMost = 0;
    for (let seed = options.seed; seed < options.seed + runs; seed++) {
      const world = new SimWorld({ seed });
      await world.grow(nodes);
      await world.advance(SETTLE_MS);
      options.progress(`seed ${seed}: ${nodes} nodes joined`);
      const published = await world.inTime(publish(world, 0, world.random.bytes(DOCUMENT_BYTES)), 600_000);
      if (published.type === 'failed') throw new Error(`the publish failed: ${published.code}`);
      const holders = world.up().filter(({ explained }) => explained.size > 0);
      const sentBefore = new Map(world.tap.dataSentBy);

      const readers = world.random.shuffled(world.up().filter(({ index }) => index !== 0));
      const under = [];
      for (const { index } of readers) {
        under.push(fetch(world, index, published.document));
        await world.advance(CROWD_MS / readers.length);
      }
      const outcomes = await world.inTime(Promise.all(under), 900_000);
      const found = outcomes.flatMap((outcome) => (outcome.type === 'fetched' ? [outcome.tookMs] : []));
      for (const outcome of outcomes)
        if (outcome.type === 'failed') tally.notes.add(`seed ${seed}: a fetch failed: ${outcome.code}`);
      asked += outcomes.length;
      served += found.length;

      const sent = world.up().map(({ index }) => (world.tap.dataSentBy.get(index) ?? 0) - (sentBefore.get(index) ?? 0));
      const originSent = holders.map(({ index }) => sent[index]!);
      // In a small network every exit may hold the block itself: then nobody has sent more than anybody else.
      const ratio = mean(sent) === 0 ? 1 : Math.max(...sent) / mean(sent);
      originMost = Math.max(originMost, ...originSent);
      ratioMost = Math.max(ratioMost, ratio);
      tally.rows.push({
        seed,
        nodes,
        served: found.length,
        asked: outcomes.length,
        p50Ms: round(percentile(found, 0.5), 0),
        p99Ms: round(percentile(found, 0.99), 0),
        holdersBefore: holders.length,
        holdersAfter: world.up().filter(({ explained }) => explained.size > 0).length,
        originCopiesMost: Math.max(...originSent),
        copiesSent: sent.reduce((sum, count) => sum + count, 0),
        busiestToMean: round(ratio),
      });
      tally.finish(seed, world);
    }
    const figures: Figure[] = [
      {
        what: 'served',
        wanted: '100 %',
        measured: `${percent(served / asked)} (${served} of ${asked})`,
        reached: served === asked,
      },
      {
        what: 'copies sent by any one node of the origin side',
        wanted: '<= 20',
        measured: `${originMost}`,
        reached: originMost <= 20,
      },
      {
        what: 'busiest node against the mean',
        wanted: '<= 10x',
        measured: `${round(ratioMost)}x`,
        reached: ratioMost <= 10,
      },
    ];
    tally.notes.add(
      'the document is replicated (at most 16 blocks), so its owners are up to 8 for each of several locations',
    );
    if (nodes < 1_000)
      tally.notes.add(`the figures are asked for at 1,000 nodes; this run has ${nodes} (--nodes 1000 runs them)`);
    return tally.result(nodes, figures);
  },
};
export default experiment;
