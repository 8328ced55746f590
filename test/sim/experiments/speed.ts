/**
 * What the simulator itself costs: processor seconds and memory of whole nodes that join and then live for half an hour.
 *
 * Shape   nodes join one after the other, some documents are published, and for 30 virtual minutes every node fetches one of them every
 *         ten minutes on average, the popular ones more often (Zipf 0.8). Joining and living are counted apart, because the one
 *         is paid once and the other grows with the time.
 * Unit    processor seconds of the whole process, collector and compiler included: wall time says more about what else the machine
 *         does. A message is one that a layer above the link was given; pings, cells and the records around them are in its price.
 * Source  issue "one simulator for everything": 1,000 nodes, 30 virtual minutes, 10 minutes, 8 GiB.
 * @module
 */
import { createZipf } from '../caching/zipf.ts';
import type { Experiment, Figure } from '../experiment.ts';
import { SimWorld } from '../world/sim-world.ts';
import { percent, round } from '../world/statistics.ts';
import { createTally } from '../world/tally.ts';
import { type FetchOutcome, fetch, type Published, publish } from '../world/workload.ts';

const DEFAULT_NODES = 1_000;
const SHORT_NODES = 8;
const LIFE_MS = 1_800_000;
const SHORT_LIFE_MS = 120_000;
const FETCH_EVERY_MS = 600_000;
const SHORT_FETCH_EVERY_MS = 30_000;
const DOCUMENTS = 40;
const SIZES = [900, 20_000, 60_000];
const ZIPF = 0.8;
const TRANSFER_LIMIT_MS = 900_000;
const WALL_WANTED_SEC = 600;
const MEMORY_WANTED_GIB = 8;

const experiment: Experiment = {
  name: 'speed',
  what: 'what a simulated node and a message cost, joining and under normal load',
  defaults: { nodes: DEFAULT_NODES, runs: 1 },
  async run(options) {
    const nodes = options.nodes ?? (options.short ? SHORT_NODES : DEFAULT_NODES);
    const lifeMs = options.short ? SHORT_LIFE_MS : LIFE_MS;
    const tally = createTally();
    let wallMost = 0;
    let asked = 0;
    let found = 0;
    for (let seed = options.seed; seed < options.seed + options.runs; seed++) {
      const world = new SimWorld({ seed });
      const begun = meter(world);
      if (!(await world.grow(nodes))) tally.notes.add(`seed ${seed}: not every node had joined when the load began`);
      const joined = begun();
      options.progress(`seed ${seed}: ${nodes} nodes joined in ${joined.cpuSec} processor s`);

      const living = meter(world);
      const documents: Published[] = [];
      for (let i = 0; i < (options.short ? 4 : DOCUMENTS); i++) {
        const bytes = world.random.bytes(SIZES[i % SIZES.length]!);
        const outcome = await world.inTime(publish(world, world.random.below(nodes), bytes), TRANSFER_LIMIT_MS);
        if (outcome.type === 'published') documents.push(outcome.document);
        else tally.notes.add(`seed ${seed}: a publish failed: ${outcome.code}`);
      }
      if (documents.length === 0) throw new Error('nothing could be published');
      const popularity = createZipf(documents.length, ZIPF);
      const under: Promise<FetchOutcome>[] = [];
      const fetchEveryMs = options.short ? SHORT_FETCH_EVERY_MS : FETCH_EVERY_MS;
      const endMs = world.clock.nowMs() + lifeMs;
      for (;;) {
        const gapMs = world.random.exponential(fetchEveryMs / nodes);
        if (world.clock.nowMs() + gapMs >= endMs) break;
        await world.advance(gapMs);
        under.push(fetch(world, world.random.below(nodes), documents[popularity.draw(world.random)]!));
      }
      await world.advance(Math.max(0, endMs - world.clock.nowMs()));
      const outcomes = await world.inTime(Promise.all(under), TRANSFER_LIMIT_MS);
      const life = living();
      asked += outcomes.length;
      found += outcomes.filter(({ type }) => type === 'fetched').length;
      wallMost = Math.max(wallMost, joined.wallSec + life.wallSec);
      for (const [phase, cost] of [
        ['joining', joined],
        [`${round(lifeMs / 60_000)} minutes`, life],
      ] as const) {
        tally.rows.push({
          seed,
          nodes,
          phase,
          virtualSec: cost.virtualSec,
          cpuSec: cost.cpuSec,
          wallSec: cost.wallSec,
          messages: cost.messages,
          usPerMessage: round((cost.cpuSec * 1e6) / Math.max(1, cost.messages)),
          events: cost.events,
          usPerEvent: round((cost.cpuSec * 1e6) / Math.max(1, cost.events)),
          msPerNodeSecond: round((cost.cpuSec * 1e3) / nodes / Math.max(1, cost.virtualSec), 3),
        });
      }
      tally.finish(seed, world);
    }
    const memoryGib = (process.resourceUsage().maxRSS * 1_024) / 2 ** 30;
    const costs: Figure[] = [
      {
        what: `${nodes} nodes, joining and ${round(lifeMs / 60_000)} virtual minutes of load, wall time`,
        wanted: `<= ${WALL_WANTED_SEC} s at ${DEFAULT_NODES} nodes`,
        measured: `${round(wallMost)} s`,
        reached: wallMost <= WALL_WANTED_SEC,
      },
      {
        what: 'peak memory',
        wanted: `<= ${MEMORY_WANTED_GIB} GiB at ${DEFAULT_NODES} nodes`,
        measured: `${round(memoryGib)} GiB`,
        reached: memoryGib <= MEMORY_WANTED_GIB,
      },
    ];
    const figures: Figure[] = [
      // A test must not depend on how busy the machine is.
      ...(options.short ? [] : costs),
      {
        what: 'found under normal load',
        wanted: '>= 99.9 %',
        measured: `${percent(found / Math.max(1, asked))} (${found} of ${asked})`,
        reached: asked > 0 && found / asked >= 0.999,
      },
    ];
    return tally.result(nodes, figures);
  },
};
export default experiment;

interface Cost {
  readonly cpuSec: number;
  readonly wallSec: number;
  readonly virtualSec: number;
  readonly messages: number;
  readonly events: number;
}

/** Starts counting; the function returned says what it was. */
function meter(world: SimWorld): () => Cost {
  const cpu = process.cpuUsage();
  const startedMs = performance.now();
  const nowMs = world.clock.nowMs();
  const { messages } = world.tap;
  const { events } = world.clock;
  return () => {
    const { user, system } = process.cpuUsage(cpu);
    return {
      cpuSec: round((user + system) / 1e6),
      wallSec: round((performance.now() - startedMs) / 1_000),
      virtualSec: round((world.clock.nowMs() - nowMs) / 1_000),
      messages: world.tap.messages - messages,
      events: world.clock.events - events,
    };
  };
}
