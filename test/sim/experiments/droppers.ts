/**
 * A part of all nodes takes every request and drops it: what clients still find, and what it costs.
 *
 * Shape   blocks are published and fetched with the droppers in place, through real routers; a client asks up to 16 exits, droppers among
 *         them. Rows: share of droppers, replicas. Cost: messages of all nodes for each block found, against the same net without them.
 *         The A/B rows run the same with closeness alone choosing the next hop.
 * Source  anonymity.md A4, G10; issue "topology and routing".
 * @module
 */
import type { Experiment, Figure, Row } from '../experiment.ts';
import { atLeast, attackResult, type Share } from '../routers/attack-tally.ts';
import { dropAll, RouterNet } from '../routers/router-net.ts';
import { drawNodes } from '../routing/node-set.ts';
import { createFastRandom } from '../world/fast-random.ts';
import { round } from '../world/statistics.ts';

const DEFAULT_NODES = 1_000;
const SHORT_NODES = 120;
const PEERS = 24;
const TRIES = 16;
const BLOCKS = 60;
const FETCHES = 3_000;
const SHORT_FETCHES = 200;
const EVERY_MS = 20;

interface Case {
  readonly dropping: number;
  readonly replicas: number;
  readonly usesEstimates: boolean;
  readonly share: number;
}
/** The last number: of FETCHES, what this row takes. */
const CASES: readonly Case[] = [
  { dropping: 0, replicas: 8, usesEstimates: true, share: 0.2 },
  { dropping: 0.2, replicas: 8, usesEstimates: true, share: 1 },
  { dropping: 0.33, replicas: 8, usesEstimates: true, share: 0.5 },
  { dropping: 0.2, replicas: 8, usesEstimates: false, share: 0.2 },
  { dropping: 0.33, replicas: 8, usesEstimates: false, share: 0.2 },
  { dropping: 0.2, replicas: 1, usesEstimates: true, share: 0.2 },
];

interface Sum extends Share {
  first: number;
  tries: number;
  messages: number;
}

const experiment: Experiment = {
  name: 'droppers',
  what: 'blocks found while 20 % and 33 % of the nodes silently drop what they accept',
  defaults: { nodes: DEFAULT_NODES, runs: 5 },
  async run(options) {
    const nodes = options.nodes ?? (options.short ? SHORT_NODES : DEFAULT_NODES);
    const runs = options.short ? 1 : options.runs;
    const sums = CASES.map((): Sum => ({ asked: 0, held: 0, first: 0, tries: 0, messages: 0 }));
    const counted = { nodes, virtualMs: 0, messages: 0 };
    let dropped = 0;
    for (let seed = options.seed; seed < options.seed + runs; seed++) {
      for (const [at, { dropping, replicas, usesEstimates, share }] of CASES.entries()) {
        const name = `droppers ${seed}`; // the same net and droppers for every case of a seed
        const peers = Math.min(options.peers ?? PEERS, nodes >> 2);
        const net = new RouterNet({
          seed: name,
          nodes: drawNodes(nodes, createFastRandom(name)),
          peers,
          usesEstimates,
        });
        const order = createFastRandom(`${name} order`).shuffled(net.nodes);
        for (const node of order.slice(0, Math.round(nodes * dropping))) {
          node.conduct = (message, reply) => {
            dropped++;
            dropAll(message, reply);
          };
        }
        await net.each(BLOCKS, 500, async (block) => void (await net.publish(block, replicas)));
        await net.clock.advance(60_000); // what hostile nodes keep waiting of the publishing is over by then
        const sum = sums[at]!;
        const before = net.messages;
        await net.each(Math.round((options.short ? SHORT_FETCHES : FETCHES) * share), EVERY_MS, async (i) => {
          const tries = await net.fetch(i % BLOCKS, replicas, TRIES);
          sum.asked++;
          if (tries === undefined) return;
          sum.held++;
          sum.tries += tries;
          if (tries === 1) sum.first++;
        });
        sum.messages += net.messages - before;
        counted.messages += net.messages;
        counted.virtualMs += net.clock.nowMs();
        for (const node of net.nodes) node.router.stop();
      }
      options.progress(`seed ${seed} done`);
    }
    const cost = (sum: Sum): number => sum.messages / Math.max(1, sum.held);
    const calm = cost(sums[0]!);
    const rows: Row[] = CASES.map(({ dropping, replicas, usesEstimates }, i) => {
      const sum = sums[i]!;
      return {
        dropping,
        replicas,
        chosenBy: usesEstimates ? 'closeness and estimates' : 'closeness alone',
        fetches: sum.asked,
        found: sum.held,
        firstTry: round(sum.first / sum.asked, 4),
        triesMean: round(sum.tries / Math.max(1, sum.held), 3),
        messagesPerFound: round(cost(sum), 1),
        timesCalm: round(cost(sum) / calm, 2),
      };
    });
    const price = (what: string, sum: Sum): Figure => ({
      what,
      wanted: '<= 8 times the messages of a calm net',
      measured: `${round(cost(sum) / calm, 2)} times`,
      reached: cost(sum) / calm <= 8,
    });
    const gain = (a: Sum, b: Sum): string =>
      `${round((100 * a.first) / a.asked, 1)} % at the first try against ${round((100 * b.first) / b.asked, 1)} %, ` +
      `${round(cost(a), 1)} messages a block against ${round(cost(b), 1)}`;
    const figures = [
      atLeast('found within 16 tries, 20 % dropping', sums[1]!, 0.9999),
      atLeast('found within 16 tries, 33 % dropping', sums[2]!, 0.99),
      price('cost with 20 % dropping', sums[1]!),
      price('cost with 33 % dropping', sums[2]!),
    ];
    return attackResult(rows, figures, counted, { dropped }, [
      `A/B, estimates against closeness alone, 20 % dropping: ${gain(sums[1]!, sums[3]!)}`,
      `A/B, 33 % dropping: ${gain(sums[2]!, sums[4]!)}`,
      'real routers without circuits: an exit is drawn anew for each try, hostile ones included; nothing is cached on the way',
    ]);
  },
};
export default experiment;
