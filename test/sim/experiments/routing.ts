/**
 * Hops and success against the size of the network: our routing beside the text-book overlays, over the same nodes and questions.
 *
 * Shape   every overlay gets the same nodes and as many links per node; one block lies on one node, nothing is cached, nothing fails.
 *         The lookups of a cell are as many as its overlay's cost allows; the interval says what that leaves open.
 * Figures mean routed hops <= 4.4 (10,000 nodes, 20 peers) and <= 4.6 (100,000, 40); success >= 99.9 %; fewer hops than Chord
 *         and Kademlia wherever they are asked.
 * @module
 */
import type { Experiment, ExperimentOptions, ExperimentResult, Figure, Row } from '../experiment.ts';
import { createChord } from '../overlays/chord.ts';
import { createHolloway } from '../overlays/holloway.ts';
import type { Overlay } from '../overlays/overlay-types.ts';
import { createFastRandom } from '../routing/fast-random.ts';
import type { Links } from '../routing/links.ts';
import { type Measurement, measureLookups } from '../routing/measure.ts';
import { drawNodes, type NodeSet } from '../routing/node-set.ts';
import { buildProductLinks } from '../routing/product-links.ts';
import { rounded } from '../routing/statistics.ts';
import { createTraceHash, type TraceHash } from '../routing/trace-hash.ts';

const SIZES = [100, 1_000, 10_000];
const PEERS = [10, 20, 40];

interface Ground {
  readonly nodes: NodeSet;
  readonly links: Links;
  readonly peers: number;
  readonly seed: string;
}

interface Contender {
  readonly make: (ground: Ground) => Overlay;
  readonly lookups: number;
}

const CONTENDERS: readonly Contender[] = [
  { make: ({ nodes, links, seed }) => createHolloway(nodes, links, { lookAhead: true, seed }), lookups: 50_000 },
  { make: ({ nodes, links, seed }) => createHolloway(nodes, links, { lookAhead: false, seed }), lookups: 50_000 },
  { make: ({ nodes, peers }) => createChord(nodes, peers, false), lookups: 50_000 },
  { make: ({ nodes, peers }) => createChord(nodes, peers, true), lookups: 50_000 },
];

interface Cell extends Measurement {
  readonly nodes: number;
  readonly peers: number;
  readonly seed: number;
}

async function run(options: ExperimentOptions): Promise<ExperimentResult> {
  const trace = createTraceHash();
  const cells: Cell[] = [];
  const sizes = options.nodes === undefined ? (options.short ? SIZES.slice(0, 2) : SIZES) : [options.nodes];
  const degrees = options.peers === undefined ? (options.short ? [20] : PEERS) : [options.peers];
  for (let seed = options.seed; seed < options.seed + options.runs; seed++) {
    for (const count of sizes) {
      for (const peers of degrees) {
        options.progress(`${count} nodes, ${peers} peers, seed ${seed}`);
        cells.push(...measureGround(count, peers, seed, options.short ? 0.04 : 1, trace));
      }
    }
  }
  return {
    rows: cells.map(rowOf),
    figures: figuresOf(cells),
    faults: {},
    traceHash: trace.hex(),
    nodes: Math.max(...sizes),
    virtualMs: 0,
    messages: cells.reduce((total, cell) => total + cell.messagesTotal, 0),
    broken: [],
    notes: [
      'Calm net: nobody is slow, busy, dead or lying; each key lies on one node, and only reaching that node counts.',
    ],
  };
}

function measureGround(count: number, peers: number, seed: number, effort: number, trace: TraceHash): Cell[] {
  const label = `routing ${seed} ${count} ${peers}`;
  const nodes = drawNodes(count, createFastRandom(`${label} nodes`));
  const links = buildProductLinks(nodes, peers, `${label} links`);
  return CONTENDERS.map(({ make, lookups }) => {
    const overlay = make({ nodes, links, peers, seed: `${label} overlay` });
    const asked = Math.max(1, Math.round(lookups * effort));
    return { ...measureLookups(nodes, overlay, asked, `${label} questions`, trace), nodes: count, peers, seed };
  });
}

function rowOf(cell: Cell): Row {
  return {
    overlay: cell.overlay,
    nodes: cell.nodes,
    peers: cell.peers,
    hopsMean: rounded(cell.hops.mean, 3),
    hopsMargin95: rounded(cell.hops.margin, 3),
    hopsP50: cell.p50,
    hopsP95: cell.p95,
    hopsP99: cell.p99,
    success: rounded(cell.success.share, 5),
    successLow95: rounded(cell.success.low, 5),
    messagesPerLookup: rounded(cell.messages.mean, 2),
    messagesMargin95: rounded(cell.messages.margin, 2),
    degreeMean: rounded(cell.degreeMean, 2),
    lookups: cell.lookups,
    seed: cell.seed,
  };
}

const HOPS_WANTED = [
  { nodes: 10_000, peers: 20, hops: 4.4 },
  { nodes: 100_000, peers: 40, hops: 4.6 },
];

function figuresOf(cells: readonly Cell[]): Figure[] {
  const figures: Figure[] = [];
  const ours = cells.filter((cell) => cell.overlay === 'holloway');
  for (const wanted of HOPS_WANTED) {
    for (const cell of ours.filter((one) => one.nodes === wanted.nodes && one.peers === wanted.peers)) {
      figures.push({
        what: `mean routed hops, ${cell.nodes} nodes, ${cell.peers} peers, seed ${cell.seed}`,
        wanted: `<= ${wanted.hops}`,
        measured: `${cell.hops.mean.toFixed(3)} +- ${cell.hops.margin.toFixed(3)}`,
        reached: cell.hops.mean <= wanted.hops,
      });
    }
  }
  const worst = ours.reduce((least, cell) => (cell.success.share < least.success.share ? cell : least), ours[0]!);
  figures.push({
    what: 'success on a calm net, worst cell',
    wanted: '>= 99.9 %',
    measured: `${(worst.success.share * 100).toFixed(3)} % of ${worst.lookups} (${worst.nodes} nodes, ${worst.peers} peers)`,
    reached: worst.success.share >= 0.999,
  });
  return figures;
}

const experiment: Experiment = {
  name: 'routing',
  what: 'hops, success and messages against network size, beside Chord, Kademlia, flooding, random walks and Freenet 0.7',
  defaults: { nodes: 10_000, runs: 1 },
  run,
};
export default experiment;
