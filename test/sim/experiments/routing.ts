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
import { createFlood } from '../overlays/flood.ts';
import { createFreenet07 } from '../overlays/freenet07.ts';
import { createHolloway } from '../overlays/holloway.ts';
import { createKademlia } from '../overlays/kademlia.ts';
import type { Overlay } from '../overlays/overlay-types.ts';
import { buildRandomGraph } from '../overlays/random-graph.ts';
import { createRandomWalk } from '../overlays/random-walk.ts';
import type { Links } from '../routing/links.ts';
import { type Measurement, measureLookups } from '../routing/measure.ts';
import { drawNodes, type NodeSet } from '../routing/node-set.ts';
import { buildProductLinks } from '../routing/product-links.ts';
import { rounded } from '../routing/statistics.ts';
import { createTraceHash, type TraceHash } from '../routing/trace-hash.ts';
import { createFastRandom, type SimRandom } from '../world/fast-random.ts';

const SIZES = [100, 1_000, 10_000, 100_000];
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
  {
    make: ({ nodes, links, seed }) => createHolloway(nodes, links, { name: 'holloway', lookAhead: true, seed }),
    lookups: 100_000,
  },
  {
    make: ({ nodes, links, seed }) => createHolloway(nodes, links, { name: 'holloway-greedy', lookAhead: false, seed }),
    lookups: 50_000,
  },
  { make: makeWithThreeNeighbours, lookups: 50_000 },
  { make: ({ nodes, peers }) => createChord(nodes, peers, false), lookups: 50_000 },
  { make: ({ nodes, peers }) => createChord(nodes, peers, true), lookups: 50_000 },
  {
    make: ({ nodes, peers, seed }) => createKademlia(nodes, peers, createFastRandom(`${seed} kademlia`)),
    lookups: 20_000,
  },
  { make: (ground) => createFlood(ground.nodes, randomGraphOf(ground)), lookups: 200 },
  { make: (ground) => createRandomWalk(ground.nodes, randomGraphOf(ground), walkDraws(ground)), lookups: 2_000 },
  {
    make: ({ nodes, peers, seed }) => createFreenet07(nodes, peers, createFastRandom(`${seed} freenet`)),
    lookups: 10_000,
  },
];

/** Ours with three ring neighbours on either side instead of four: what the fourth costs where links are few. */
function makeWithThreeNeighbours({ nodes, peers, seed }: Ground): Overlay {
  const links = buildProductLinks(nodes, peers, `${seed} three neighbours`, 3);
  return createHolloway(nodes, links, { name: 'holloway-ring3', lookAhead: true, seed });
}

const randomGraphOf = ({ nodes, peers, seed }: Ground): Links =>
  buildRandomGraph(nodes.count, peers, createFastRandom(`${seed} random graph`));
const walkDraws = ({ seed }: Ground): SimRandom => createFastRandom(`${seed} walks`);

interface Cell extends Measurement {
  readonly nodes: number;
  readonly peers: number;
  readonly seed: number;
  readonly overlayNotes: readonly string[];
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
    virtualMs: Math.round(
      cells.reduce(
        (ms, { overlay, lookups, nodes }) => ms + (overlay.startsWith('holloway') ? (lookups * 1_000) / nodes : 0),
        0,
      ),
    ),
    messages: cells.reduce((total, cell) => total + cell.messagesTotal, 0),
    broken: [],
    notes: notesOf(cells),
  };
}

function measureGround(count: number, peers: number, seed: number, effort: number, trace: TraceHash): Cell[] {
  const label = `routing ${seed} ${count} ${peers}`;
  const nodes = drawNodes(count, createFastRandom(`${label} nodes`));
  const links = buildProductLinks(nodes, peers, `${label} links`);
  return CONTENDERS.map(({ make, lookups }) => {
    const overlay = make({ nodes, links, peers, seed: `${label} overlay` });
    const asked = Math.max(1, Math.round(lookups * effort));
    const measured = measureLookups(nodes, overlay, asked, `${label} questions`, trace);
    return { ...measured, nodes: count, peers, seed, overlayNotes: overlay.notes?.() ?? [] };
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
    measured: `${(worst.success.share * 100).toFixed(3)} % of ${worst.lookups} (${placeOf(worst)})`,
    reached: worst.success.share >= 0.999,
  });
  for (const rival of ['chord', 'chord-dense', 'kademlia']) figures.push(fewerHopsThan(rival, cells));
  return figures;
}

const placeOf = (cell: Cell): string => `${cell.nodes} nodes, ${cell.peers} peers`;

/** A mean over the few lookups that a starved overlay still answers says nothing. */
const SUCCESS_TO_COUNT = 0.99;

/** In every cell where the rival finds what it is asked for, our mean against its mean. */
function fewerHopsThan(rival: string, cells: readonly Cell[]): Figure {
  const more: string[] = [];
  let closest = Number.POSITIVE_INFINITY;
  for (const ours of cells.filter((cell) => cell.overlay === 'holloway')) {
    const theirs = cells.find(
      (cell) =>
        cell.overlay === rival && cell.nodes === ours.nodes && cell.peers === ours.peers && cell.seed === ours.seed,
    )!;
    if (theirs.success.share < SUCCESS_TO_COUNT) continue;
    const saved = theirs.hops.mean - ours.hops.mean;
    closest = Math.min(closest, saved);
    if (saved <= 0) more.push(`${placeOf(ours)}: ${ours.hops.mean.toFixed(2)} against ${theirs.hops.mean.toFixed(2)}`);
  }
  return {
    what: `fewer hops than ${rival} at equal degree, every cell`,
    wanted: '> 0 saved',
    measured: more.length === 0 ? `at least ${closest.toFixed(2)} saved` : `more at ${more.join('; ')}`,
    reached: more.length === 0,
  };
}

function notesOf(cells: readonly Cell[]): string[] {
  return [
    'Calm net: nobody is slow, busy, dead or lying; each key lies on one node, and only reaching that node counts.',
    'With 10 peers the eight ring neighbours leave two long links; holloway-ring3 shows what two more long ones would do.',
    'Within 1/2048 of the ring around the key claims are too coarse to help: there our route is plain greedy.',
    ...cells
      .filter(({ overlay }) => overlay === 'holloway')
      .flatMap((cell) => cell.overlayNotes.map((note) => `${cell.overlay}, ${placeOf(cell)}: ${note}`)),
  ];
}

const experiment: Experiment = {
  name: 'routing',
  what: 'hops, success and messages against network size, beside Chord, Kademlia, flooding, random walks and Freenet 0.7',
  defaults: { nodes: 10_000, runs: 1 },
  run,
};
export default experiment;
