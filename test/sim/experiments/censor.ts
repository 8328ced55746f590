/**
 * An attacker puts his nodes nearest to all places of one document, and denies that he has it: is it still found?
 *
 * Shape   for each document a net of its own: honest nodes at random places, the attacker's shared out evenly among the places of its
 *         replicas, nearer than anybody. They are there before it is published. "denying" nodes say at once that they have nothing, and
 *         of every insert and copy that they stored it; "dropping" ones accept and stay silent. The figures take the worse of the two.
 * Unit    shares are of all nodes. A client makes up to 32 tries.
 * Source  anonymity.md A4 (B5), G9; issue "topology and routing".
 * @module
 */
import { ringLocation } from '../../../daemon/ids.ts';
import type { Experiment, Figure, Row } from '../experiment.ts';
import { atLeast, attackResult, type Share, shareText } from '../routers/attack-tally.ts';
import { placeNodes } from '../routers/node-places.ts';
import { type Conduct, denyAll, dropAll, RouterNet } from '../routers/router-net.ts';
import { createFastRandom } from '../world/fast-random.ts';
import { round } from '../world/statistics.ts';

const DEFAULT_NODES = 1_000;
const SHORT_NODES = 150;
const PEERS = 24;
const TRIES = 32;
const FETCHES = 100;
const SHORT_FETCHES = 20;
const EVERY_MS = 100;
/** How near the attacker sits: his nodes lie in so small a part of the ring around each place. */
const BESIDE = 1e-6;

const CASES = [
  { share: 0.01, replicas: 8, conduct: 'denying' },
  { share: 0.01, replicas: 8, conduct: 'dropping' },
  { share: 0.1, replicas: 8, conduct: 'denying' },
  { share: 0.1, replicas: 8, conduct: 'dropping' },
  { share: 0.2, replicas: 8, conduct: 'denying' },
  { share: 0.01, replicas: 1, conduct: 'denying' },
] as const;
const CONDUCTS: Readonly<Record<(typeof CASES)[number]['conduct'], Conduct>> = { denying: denyAll, dropping: dropAll };

const experiment: Experiment = {
  name: 'censor',
  what: "a document whose places the attacker's nodes surround: still found, and how many nodes hiding it takes",
  defaults: { nodes: DEFAULT_NODES, runs: 5 },
  async run(options) {
    const nodes = options.nodes ?? (options.short ? SHORT_NODES : DEFAULT_NODES);
    const runs = options.short ? 1 : options.runs;
    const sums = CASES.map(() => ({ asked: 0, held: 0, first: 0, tries: 0, placed: 0 }));
    const counted = { nodes, virtualMs: 0, messages: 0 };
    let refused = 0;
    for (let seed = options.seed; seed < options.seed + runs; seed++) {
      for (const [at, { share, replicas, conduct }] of CASES.entries()) {
        const random = createFastRandom(`censor ${seed} ${replicas}`);
        const places = Array.from({ length: replicas }, () => random.unit());
        const hostile = Math.round(nodes * share);
        const chosen = Array.from({ length: hostile }, (_, i) => {
          return (places[i % replicas]! + BESIDE * (random.unit() - 0.5) + 1) % 1;
        });
        const placed = placeNodes(nodes - hostile, chosen, random);
        const net = new RouterNet({
          seed: `censor ${seed} ${at}`,
          nodes: placed.nodes,
          peers: Math.min(options.peers ?? PEERS, nodes >> 2),
          placeOf: (_, replica) => ringLocation(places[replica % replicas]!),
        });
        for (const index of placed.chosen) {
          net.nodes[index]!.conduct = (message, reply) => {
            refused++;
            CONDUCTS[conduct](message, reply);
          };
        }
        const sum = sums[at]!;
        await net.each(1, 0, async () => {
          sum.placed += await net.publish(0, replicas);
        });
        await net.each(options.short ? SHORT_FETCHES : FETCHES, EVERY_MS, async () => {
          const tries = await net.fetch(0, replicas, TRIES);
          sum.asked++;
          if (tries === undefined) return;
          sum.held++;
          sum.tries += tries;
          if (tries === 1) sum.first++;
        });
        counted.messages += net.messages;
        counted.virtualMs += net.clock.nowMs();
        for (const node of net.nodes) node.router.stop();
      }
      options.progress(`seed ${seed} done`);
    }
    const rows: Row[] = CASES.map(({ share, replicas, conduct }, i) => ({
      hostileShare: share,
      hostile: Math.round(nodes * share),
      conduct,
      replicas,
      saidStored: sums[i]!.placed,
      fetches: sums[i]!.asked,
      found: sums[i]!.held,
      firstTry: round(sums[i]!.first / sums[i]!.asked, 4),
      triesMean: round(sums[i]!.tries / Math.max(1, sums[i]!.held), 2),
    }));
    const worst = (share: number): Share => {
      const found = CASES.flatMap((one, i) => (one.share === share && one.replicas === 8 ? [sums[i]!] : []));
      return found.reduce((a, b) => (b.held / b.asked < a.held / a.asked ? b : a));
    };
    const tenth = worst(0.1);
    const figures: Figure[] = [
      atLeast('found with 1 % of all nodes nearest to its places', worst(0.01), 0.999),
      {
        what: 'share of all nodes that pushes success under 50 %',
        wanted: '>= 10 %',
        measured: `${tenth.held / tenth.asked >= 0.5 ? 'more than' : 'at most'} 10 %; with 10 % found ${shareText(tenth)}`,
        reached: tenth.held / tenth.asked >= 0.5,
      },
    ];
    return attackResult(rows, figures, counted, { refused }, [
      'real routers without circuits; peers do not change while it runs; nothing is cached on the way',
      'saidStored counts replicas of which somebody said that they are stored: hostile nodes say so of what they threw away',
    ]);
  },
};
export default experiment;
