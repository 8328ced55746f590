/**
 * What a store tells about its owner: an attacker asks any node for any key, and guesses whether that node's own user asked for it.
 *
 * Shape   every document is published by one node and fetched by one other. Afterwards every node is looked at for every block of it.
 *         Pairs (node, block) are "own" when that node's user asked for the block, and "never" when neither its reader nor its publisher;
 *         "published" pairs are judged apart. The score is whether the node holds the block. Every node reads and publishes
 *         equally often and "never" is counted on the same blocks, so that neither a node that owns much nor a block that many
 *         hold weighs on one side alone.
 * Unit    AUC: the chance that an own pair scores above a never pair, ties half: with a score of two values 1/2 + (own - never) / 2.
 *         An attacker may turn his score round, so the figure is the distance from 1/2.
 * Why     holding is read from the store itself, without a question's noise: nothing that a probe over the wire can learn says more. Who
 *         only relayed is as likely to hold it, and that is the point: holding is deniable because it does not depend on asking.
 * Source  anonymity.md A16 (B17a); design § 1 rule 3.
 * @module
 */
import { KIND, type RoutingKey, routingKey } from '../../../daemon/ids.ts';
import type { Experiment, Figure, Row } from '../experiment.ts';
import { SimWorld } from '../world/sim-world.ts';
import { round } from '../world/statistics.ts';
import { createTally } from '../world/tally.ts';
import { fetch, publish } from '../world/workload.ts';

const DEFAULT_NODES = 24;
const SHORT_NODES = 8;
const DEFAULT_RUNS = 8;
/** How often each node reads, and publishes, in a run. */
const ROUNDS = 2;
const SHORT_ROUNDS = 1;
/** Ten data blocks: above 16 blocks in all only the blocks that lead to a document have several places. */
const DOCUMENT_BYTES = 320_000;
const TOGETHER = 4;
const SETTLE_MS = 30_000;
const AUC_MAX = 0.51;

/** How often a pair of that kind was seen, and how often the node held the block. */
interface Seen {
  pairs: number;
  held: number;
}

interface Sightings {
  readonly own: Seen;
  readonly published: Seen;
  /** On the blocks that were asked for, and on all that were published. */
  readonly never: Seen;
  readonly neverOfAll: Seen;
}

function nothingSeen(): Sightings {
  const nothing = (): Seen => ({ pairs: 0, held: 0 });
  return { own: nothing(), published: nothing(), never: nothing(), neverOfAll: nothing() };
}

const experiment: Experiment = {
  name: 'probe',
  what: 'does a store tell what its own user asked for: AUC of an attacker who may ask any node for any key',
  defaults: { nodes: DEFAULT_NODES, runs: DEFAULT_RUNS },
  async run(options) {
    const nodes = options.nodes ?? (options.short ? SHORT_NODES : DEFAULT_NODES);
    const tally = createTally();
    const all = nothingSeen();
    for (let seed = options.seed; seed < options.seed + (options.short ? 1 : options.runs); seed++) {
      const world = new SimWorld({ seed });
      await world.grow(nodes);
      await world.advance(SETTLE_MS);
      options.progress(`seed ${seed}: ${nodes} nodes joined`);
      const seen = nothingSeen();
      const pairs = readersOf(world, options.short ? SHORT_ROUNDS : ROUNDS);
      for (let done = 0; done < pairs.length; done += TOGETHER) {
        const together = pairs.slice(done, done + TOGETHER);
        await world.inTime(Promise.all(together.map((pair) => passOn(world, pair, seen))), 900_000);
        options.progress(`seed ${seed}: ${done + together.length} of ${pairs.length} documents`);
      }
      for (const kind of ['own', 'published', 'never', 'neverOfAll'] as const) {
        all[kind].pairs += seen[kind].pairs;
        all[kind].held += seen[kind].held;
      }
      tally.rows.push({ seed, nodes, ...rowOf(seen) });
      tally.finish(seed, world);
    }
    tally.rows.push({ seed: 'all', nodes, ...rowOf(all) });
    tally.notes.add(
      `share of nodes that hold a block on account of the network alone: ${round(shareOf(all.never), 3)}`,
    );
    const figures = [
      figureOf('asked for by its own user', all.own, all.never, options.short),
      figureOf('published by its own user', all.published, all.neverOfAll, options.short),
    ];
    return tally.result(nodes, figures);
  },
};
export default experiment;

interface Pair {
  readonly by: number;
  readonly reader: number;
}

/** Every node reads once a round what another one publishes; who from whom is drawn anew each round. */
function readersOf(world: SimWorld, rounds: number): Pair[] {
  return Array.from({ length: rounds }).flatMap(() => {
    const order = world.random.shuffled(world.up().map(({ index }) => index));
    return order.map((by, place) => ({ by, reader: order[(place + 1) % order.length]! }));
  });
}

/** One document from one user to another; then every node is asked for each of its blocks. */
async function passOn(world: SimWorld, { by, reader }: Pair, seen: Sightings): Promise<void> {
  const publisherSaid = watchTrace(world, by);
  const published = await publish(world, by, world.random.bytes(DOCUMENT_BYTES));
  if (published.type === 'failed') return;
  const inserted = publisherSaid('insert');
  const readerSaid = watchTrace(world, reader);
  const outcome = await fetch(world, reader, published.document);
  if (outcome.type !== 'fetched') return;
  const asked = readerSaid('fetch');
  for (const [name, key] of inserted) {
    for (const { index, node } of world.up()) {
      const isHeld = node!.holds({ kind: KIND.chk, key }) !== undefined;
      const count = (kind: Seen): void => {
        kind.pairs++;
        if (isHeld) kind.held++;
      };
      if (index === by) count(seen.published);
      else if (index !== reader) count(seen.neverOfAll);
      if (index !== by && asked.has(name)) count(index === reader ? seen.own : seen.never);
    }
  }
}

/** Blocks that leave a node through its circuits from now on, as its trace names them: only a simulated world can see these. */
function watchTrace(world: SimWorld, index: number): (operation: 'fetch' | 'insert') => Map<string, RoutingKey> {
  const { node } = world.nodes[index]!;
  const from = node!.traceEvents().length;
  return (operation) => {
    const blocks = new Map<string, RoutingKey>();
    for (const event of node!.traceEvents().slice(from)) {
      if (event.type !== 'circuitRequest' || event.operation !== operation || event.ref.kind !== KIND.chk) continue;
      blocks.set(Buffer.from(event.ref.key).toString('hex'), routingKey(event.ref.key));
    }
    return blocks;
  };
}

function shareOf({ pairs, held }: Seen): number {
  return pairs === 0 ? 0 : held / pairs;
}

function aucOf(own: Seen, never: Seen): number {
  return 0.5 + (shareOf(own) - shareOf(never)) / 2;
}

/** Half the width of the 95 % interval, blocks taken as independent; those of one document are not quite. */
function marginOf(own: Seen, never: Seen): number {
  const variance = (seen: Seen): number => (seen.pairs === 0 ? 1 : (shareOf(seen) * (1 - shareOf(seen))) / seen.pairs);
  return (1.96 * Math.sqrt(variance(own) + variance(never))) / 2;
}

function rowOf({ own, published, never, neverOfAll }: Sightings): Row {
  return {
    ownPairs: own.pairs,
    ownHeld: round(shareOf(own), 4),
    neverHeld: round(shareOf(never), 4),
    ownAuc: round(aucOf(own, never), 4),
    ownMargin: round(marginOf(own, never), 4),
    publishedPairs: published.pairs,
    publishedHeld: round(shareOf(published), 4),
    neverOfAllHeld: round(shareOf(neverOfAll), 4),
    publishedAuc: round(aucOf(published, neverOfAll), 4),
    publishedMargin: round(marginOf(published, neverOfAll), 4),
  };
}

function figureOf(what: string, own: Seen, never: Seen, short: boolean): Figure {
  const auc = aucOf(own, never);
  const margin = marginOf(own, never);
  const turned = Math.max(auc, 1 - auc);
  return {
    what: `AUC of "${what}" against "never"`,
    wanted: `<= ${AUC_MAX}`,
    measured: `${round(turned, 4)} +- ${round(margin, 4)} (${own.pairs} against ${never.pairs} pairs)`,
    // A short run cannot tell 0.51 from 0.5: it misses only what it is sure of.
    reached: own.pairs > 0 && turned - (short ? margin : 0) <= AUC_MAX,
  };
}
