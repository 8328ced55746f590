/**
 * What path caching does: copies and hops against popularity in a network, and one cache against LRU, LFU and Belady's.
 *
 * Shape   rows "network": ranks in doubling groups, what they were asked, how many copies they have, how far they were. Rows "hits":
 *         shares of one trace that each policy answered, with and without scans.
 * Figures hit ratio at least 5 points above LRU on Zipf 0.8 with scans; slope of log copies against log popularity 0.5 +- 0.1,
 *         copies being all that exist (owners' and cached) and each doubling group of ranks counting once.
 * @module
 */
import { measureHitRatios, POLICIES } from '../caching/hit-ratios.ts';
import { type NetworkCachingResult, runNetworkCaching } from '../caching/network-caching.ts';
import type { Experiment, ExperimentOptions, ExperimentResult, Figure, Row } from '../experiment.ts';
import { OWNERS } from '../overlays/holloway.ts';
import { rounded, slopeOf } from '../routing/statistics.ts';
import { createTraceHash, type TraceHash } from '../routing/trace-hash.ts';

const EXPONENTS = [0.8, 1.0];
const KEYS_PER_NODE = 20;
const SLOTS_PER_NODE = 16;
const REQUESTS_PER_NODE = 400;
const PEERS = 20;

const TRACE_REQUESTS = 500_000;
const TRACE_KEYS = 100_000;
/** Of the keys of the trace. */
const SLOT_SHARES = [0.01, 0.05];
/** A fifth of all questions, each scan twice as long as the smaller cache. */
const SCANS = { scanLength: 2_000, scanEvery: 8_000 };
const NO_SCANS = { scanLength: 0, scanEvery: 0 };

interface Group {
  readonly firstRank: number;
  readonly ranks: number;
  readonly requestsMean: number;
  readonly cachedMean: number;
  readonly hopsMean: number;
}

interface Sum {
  readonly rows: Row[];
  readonly figures: Figure[];
  readonly notes: string[];
  messages: number;
  virtualMs: number;
}

async function run(options: ExperimentOptions): Promise<ExperimentResult> {
  const hash = createTraceHash();
  const nodes = options.nodes ?? (options.short ? 100 : experiment.defaults.nodes);
  const sum: Sum = { rows: [], figures: [], notes: [], messages: 0, virtualMs: 0 };
  for (let seed = options.seed; seed < options.seed + options.runs; seed++) {
    for (const exponent of EXPONENTS) {
      options.progress(`one cache, Zipf ${exponent.toFixed(1)}, seed ${seed}`);
      compareHits(exponent, seed, options.short ? 0.1 : 1, hash, sum);
    }
    for (const exponent of EXPONENTS) {
      options.progress(`${nodes} nodes, Zipf ${exponent.toFixed(1)}, seed ${seed}`);
      measureNetwork(nodes, options.peers ?? PEERS, exponent, seed, options.short, hash, sum);
    }
  }
  const { rows, figures, notes, messages, virtualMs } = sum;
  return { rows, figures, faults: {}, traceHash: hash.hex(), nodes, virtualMs, messages, broken: [], notes };
}

function compareHits(exponent: number, seed: number, effort: number, hash: TraceHash, sum: Sum): void {
  const keys = TRACE_KEYS * effort;
  for (const slotShare of SLOT_SHARES) {
    for (const scans of [NO_SCANS, SCANS]) {
      const slots = Math.round(keys * slotShare);
      const trace = {
        requests: TRACE_REQUESTS * effort,
        keys,
        exponent,
        scanLength: scans.scanLength * effort,
        scanEvery: scans.scanEvery * effort,
      };
      const ratios = measureHitRatios(trace, slots, `hits ${seed} ${exponent} ${slots}`, hash);
      const hasScans = scans.scanLength > 0;
      const ahead = (ratios.holloway - ratios.lru) * 100;
      const hitColumns = Object.fromEntries(POLICIES.map((policy) => [`${policy}Hits`, ratios[policy]]));
      sum.rows.push({ part: 'hits', zipf: exponent, slots, scans: hasScans, ...hitColumns, seed });
      if (exponent !== 0.8 || !hasScans) continue;
      sum.figures.push({
        what: `hit ratio above LRU, Zipf 0.8 with scans, ${slots} of ${keys} keys, seed ${seed}`,
        wanted: '>= 5 points',
        measured: `${ahead.toFixed(1)} points`,
        reached: ahead >= 5,
      });
    }
  }
}

function measureNetwork(
  nodes: number,
  peers: number,
  exponent: number,
  seed: number,
  short: boolean,
  hash: TraceHash,
  sum: Sum,
): void {
  const result = runNetworkCaching(
    {
      nodes,
      peers,
      keys: nodes * KEYS_PER_NODE,
      exponent,
      slotsPerNode: SLOTS_PER_NODE,
      requests: nodes * (short ? REQUESTS_PER_NODE / 4 : REQUESTS_PER_NODE),
      seed: `cache ${seed} ${exponent}`,
    },
    hash,
  );
  sum.messages += result.messages;
  sum.virtualMs += result.virtualMs;
  const groups = groupRanks(result);
  for (const group of groups) sum.rows.push(rowOf(group, nodes, exponent, seed));
  const slope = slopeOf(groups.map((group) => pointOf(group, OWNERS)));
  const where = `Zipf ${exponent.toFixed(1)}, ${nodes} nodes, seed ${seed}`;
  const measured = slope === undefined ? 'no slope' : slope.toFixed(3);
  // A network of a hundred nodes has room for no slope: its most wanted keys are at every node they can reach.
  if (!short) {
    sum.figures.push({
      what: `slope of log copies against log popularity, ${where}`,
      wanted: '0.4 .. 0.6',
      measured,
      reached: slope !== undefined && slope >= 0.4 && slope <= 0.6,
    });
  }
  sum.notes.push(
    `${where}: ${result.foundInCache} of ${result.found} answers came from a cache. Slope ${measured}: ${bendsOf(groups)}`,
  );
}

/** Ranks 1, 2-3, 4-7, ...: as wide on a logarithmic scale. Groups that nobody asked for are left out. */
function groupRanks({ copies, requests, hopsSum }: NetworkCachingResult): Group[] {
  const groups: Group[] = [];
  for (let first = 0; first < copies.length; first = first * 2 + 1) {
    const end = Math.min(copies.length, first * 2 + 1);
    let cached = 0;
    let asked = 0;
    let hops = 0;
    for (let rank = first; rank < end; rank++) {
      cached += copies[rank]!;
      asked += requests[rank]!;
      hops += hopsSum[rank]!;
    }
    const ranks = end - first;
    if (asked === 0) continue;
    groups.push({
      firstRank: first + 1,
      ranks,
      requestsMean: asked / ranks,
      cachedMean: cached / ranks,
      hopsMean: hops / asked,
    });
  }
  return groups;
}

function pointOf(group: Group, copiesBesides: number): { readonly x: number; readonly y: number } {
  return { x: Math.log(group.requestsMean), y: Math.log(group.cachedMean + copiesBesides) };
}

/** The curve is no straight line: this says where it is how steep. */
function bendsOf(groups: readonly Group[]): string {
  const third = Math.ceil(groups.length / 3);
  const slopes = [0, 1, 2].map((part) =>
    slopeOf(groups.slice(part * third, (part + 1) * third).map((group) => pointOf(group, OWNERS))),
  );
  const [head, middle, tail] = slopes.map((slope) => slope?.toFixed(2) ?? 'none');
  return `in the head ${head}, in the middle ${middle}, in the tail ${tail}.`;
}

function rowOf(group: Group, nodes: number, exponent: number, seed: number): Row {
  return {
    part: 'network',
    zipf: exponent,
    nodes,
    firstRank: group.firstRank,
    ranks: group.ranks,
    requestsMean: rounded(group.requestsMean, 2),
    cachedMean: rounded(group.cachedMean, 2),
    copiesMean: rounded(group.cachedMean + OWNERS, 2),
    hops: rounded(group.hopsMean, 2),
    seed,
  };
}

const experiment: Experiment = {
  name: 'cache',
  what: 'copies and hops against popularity, and hit ratios beside LRU, LFU and Belady',
  defaults: { nodes: 1_000, runs: 1 },
  run,
};
export default experiment;
