/**
 * Whole nodes publish and fetch, first on a calm net, then under every fault the seed draws, then after it is over.
 *
 * Shape   a dozen publishers and readers are spared from crashes and from being cut off alone (a user without machine or line has no success to measure); all others may
 *         crash, stop, sleep and lose bits. Every document was acknowledged before it is asked for, so each is present content.
 *         A fetch is what the daemon's queue makes of it: an attempt that found no way out of the node is made again; how many were, is printed.
 *         Hops are those of single blocks that an exit found through the network, counted by the tap on the way back.
 * Unit    HTL-cut: requests of exits that ended because HTL was used up, as a share of requests of exits.
 * Source  issue "one simulator for everything"; reliability.md § 4 rows 3 and 5.
 * @module
 */
import type { Experiment, Figure } from '../experiment.ts';
import { createFastRandom } from '../world/fast-random.ts';
import { SimWorld } from '../world/sim-world.ts';
import { percent, percentile, round, wilson } from '../world/statistics.ts';
import { createTally } from '../world/tally.ts';
import { drawFaults, Weather } from '../world/weather.ts';
import { type FetchOutcome, fetchAsQueued, type Published, publish } from '../world/workload.ts';

const DEFAULT_NODES = 100;
const SHORT_NODES = 10;
const USERS = 12;
const DOCUMENT_SIZES = [900, 20_000, 60_000, 200_000];
const FAULTS_MS = 600_000;
/** Longer than any circuit lives, so that nothing of the load is left. */
const QUIET_MS = 700_000;
const TRANSFER_LIMIT_MS = 900_000;
/** Of a user whose own guard is cut off. */
const PATIENCE_MS = 180_000;

interface Counts {
  asked: number;
  found: number;
  /** Of those found: without the queue's having to try again. */
  firstTry: number;
}

const experiment: Experiment = {
  name: 'network',
  what: 'whole nodes publish and fetch: calm, under drawn faults, and afterwards',
  defaults: { nodes: DEFAULT_NODES, runs: 1 },
  async run(options) {
    const nodes = options.nodes ?? (options.short ? SHORT_NODES : DEFAULT_NODES);
    const runs = options.short ? 1 : options.runs;
    const documents = options.short ? 3 : 20;
    const fetchesPerPhase = options.short ? 6 : 100;
    const tally = createTally();
    const hops: number[] = [];
    const calm: Counts = { asked: 0, found: 0, firstTry: 0 };
    const stormy: Counts = { asked: 0, found: 0, firstTry: 0 };
    const after: Counts = { asked: 0, found: 0, firstTry: 0 };
    let exitFetches = 0;
    let htlCut = 0;

    for (let seed = options.seed; seed < options.seed + runs; seed++) {
      const world = new SimWorld({ seed });
      const plan = drawFaults(createFastRandom(`${seed}|plan`));
      const startedMs = performance.now();
      if (!(await world.grow(nodes))) tally.notes.add(`seed ${seed}: not every node had joined when the load began`);
      options.progress(
        `seed ${seed}: ${nodes} nodes joined in ${round(world.clock.nowMs() / 1_000)} virtual s, ${round((performance.now() - startedMs) / 1_000)} s`,
      );
      const users = world.random.shuffled(world.up().map(({ index }) => index)).slice(0, Math.min(USERS, nodes >> 1));

      const published: Published[] = [];
      let publishFailures = 0;
      for (let i = 0; i < documents; i++) {
        const bytes = world.random.bytes(DOCUMENT_SIZES[i % DOCUMENT_SIZES.length]!);
        const outcome = await world.inTime(publish(world, users[i % users.length]!, bytes), TRANSFER_LIMIT_MS);
        if (outcome.type === 'published') published.push(outcome.document);
        else {
          publishFailures++;
          tally.notes.add(`seed ${seed}: a publish on the calm net failed: ${outcome.code}`);
        }
      }
      if (published.length === 0) throw new Error('nothing could be published');
      options.progress(`seed ${seed}: ${published.length} documents published`);

      let failures: string[] = [];
      const load = async (counts: Counts, spreadMs: number): Promise<number[]> => {
        failures = [];
        const under: Promise<FetchOutcome>[] = [];
        for (let i = 0; i < fetchesPerPhase; i++) {
          const by = users[world.random.below(users.length)]!;
          const document = published[world.random.below(published.length)]!;
          under.push(fetchAsQueued(world, by, document, PATIENCE_MS));
          await world.advance(spreadMs / fetchesPerPhase);
        }
        const outcomes = await world.inTime(Promise.all(under), TRANSFER_LIMIT_MS);
        const took: number[] = [];
        for (const outcome of outcomes) {
          if (outcome.type === 'gone') continue;
          counts.asked++;
          if (outcome.type === 'fetched') counts.found++;
          if (outcome.type === 'fetched' && outcome.retries === 0) counts.firstTry++;
          if (outcome.type === 'failed') failures.push(outcome.code);
          took.push(outcome.tookMs);
        }
        return took;
      };
      const row = (phase: string, counts: Counts, before: Counts, took: readonly number[], hopsFrom: number): void => {
        const own = world.tap.hops.slice(hopsFrom);
        tally.rows.push({
          seed,
          nodes,
          phase,
          fetches: counts.asked - before.asked,
          found: counts.found - before.found,
          firstTry: counts.firstTry - before.firstTry,
          p50Ms: round(percentile(took, 0.5), 0),
          p99Ms: round(percentile(took, 0.99), 0),
          blocksFound: own.length,
          hopsMean: own.length === 0 ? null : round(own.reduce((sum, value) => sum + value, 0) / own.length),
          hopsP50: own.length === 0 ? null : percentile(own, 0.5),
          hopsP99: own.length === 0 ? null : percentile(own, 0.99),
          publishFailures,
          failures: failures.length === 0 ? null : [...new Set(failures)].join(' '),
        });
      };

      for (const [phase, counts] of [
        ['calm', calm],
        ['faults', stormy],
        ['after', after],
      ] as const) {
        const before = { ...counts };
        const hopsFrom = world.tap.hops.length;
        const weather = phase === 'faults' ? new Weather(world, plan, new Set(users)) : undefined;
        const spanMs = options.short ? FAULTS_MS / 4 : FAULTS_MS;
        weather?.start(spanMs);
        const took = await load(counts, phase === 'faults' ? spanMs : 60_000);
        await weather?.calm();
        if (phase === 'faults') await world.clock.runUntil(() => world.isReady(), 120_000);
        row(phase, counts, before, took, hopsFrom);
        options.progress(`seed ${seed}: phase ${phase} done at ${round(world.clock.nowMs() / 1_000)} virtual s`);
      }
      hops.push(...world.tap.hops);
      for (const { node } of world.up()) {
        const { counters } = node!.snapshot().router;
        exitFetches += counters.exitFetches;
        htlCut += counters.htlExhausted;
      }
      await world.advance(QUIET_MS);
      tally.finish(seed, world, { quiet: true, meant: plan.meant });
    }

    const firstTry = calm.firstTry + stormy.firstTry + after.firstTry;
    const all = { asked: calm.asked + stormy.asked + after.asked, found: calm.found + stormy.found + after.found };
    const interval = wilson(all.found, all.asked);
    const figures: Figure[] = [
      share('present content found, all phases', '>= 99.9 %', all, 0.999),
      share('present content found, calm net', '>= 99.9 %', calm, 0.999),
      {
        what: 'median hops',
        wanted: '<= 5',
        measured: `${percentile(hops, 0.5)}`,
        reached: percentile(hops, 0.5) <= 5,
      },
      {
        what: 'p99 hops',
        wanted: '<= 12',
        measured: `${percentile(hops, 0.99)}`,
        reached: percentile(hops, 0.99) <= 12,
      },
      {
        what: 'requests cut by HTL',
        wanted: '< 0.1 %',
        measured: percent(exitFetches === 0 ? 0 : htlCut / exitFetches),
        reached: exitFetches > 0 && htlCut / exitFetches < 0.001,
      },
    ];
    tally.notes.add(
      `found at the first try: ${firstTry} of ${all.asked}; the rest found no way out of their node (guard cut off) and were tried again as the queue does`,
    );
    tally.notes.add(
      `95 % interval of what was found in all phases: ${percent(interval.low)} to ${percent(interval.high)}`,
    );
    tally.notes.add('hops are of blocks that came over a routed hop; an exit that held the block itself adds none');
    if (nodes < 1_000)
      tally.notes.add(`the figures are asked for at 1,000 nodes; this run has ${nodes} (--nodes 1000 runs them)`);
    return tally.result(nodes, figures);
  },
};
export default experiment;

function share(what: string, wanted: string, { asked, found }: Pick<Counts, 'asked' | 'found'>, least: number): Figure {
  return {
    what,
    wanted,
    measured: `${percent(found / asked)} (${found} of ${asked})`,
    reached: asked > 0 && found / asked >= least,
  };
}
