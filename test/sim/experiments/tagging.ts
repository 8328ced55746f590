/**
 * Can an attacker mark cells at one place of a circuit and know them again at another?
 *
 * Shape   `--nodes N` circuits are attacked, each once: a way of tampering, a segment and a direction, all in equal shares. Forward the next
 *         hop must find it. Backward the relays hold no key to find it with: they put their own layer over it, and the client
 *         finds it; what they send on must then have nothing in common with what reached them.
 * Figures 0 cells recognisable beyond the next honest hop; every tampered circuit dead; 0 forged messages taken; changes in the tail that no
 *         layer covers leave no trace; and the control, layers without tags, is recognised every time.
 * Why     what is left is one bit: that a circuit died, and when. The rows count it.
 * @module
 */
import { createCrypto } from '../../../crypto/engine.ts';
import type { Experiment, ExperimentOptions, ExperimentResult, Figure, Row } from '../experiment.ts';
import { createTraceHash } from '../routing/trace-hash.ts';
import {
  CIRCUIT_IDS,
  CircuitModel,
  type Direction,
  type Message,
  type Passage,
  type Segment,
  untaggedControl,
} from '../tagging/circuit-model.ts';
import { type Scene, TAMPERINGS, type Tampering, tailChange } from '../tagging/tampering.ts';
import { createFastRandom, type SimRandom } from '../world/fast-random.ts';

const TRIALS = 1_000_000;
const TRIALS_SHORT = 1_200;
const LARGE_SHARE = 1 / 64;
const CONTROLS = 200;
/** As many equal bytes in a row, at the same place of 2,040: chance gives it once in 10^16 cells. */
const RUN_RECOGNISED = 8;
const SEGMENTS: readonly Segment[] = [0, 1, 2];
const DIRECTIONS: readonly Direction[] = ['forward', 'backward'];

interface Tallied {
  trials: number;
  recognised: number;
  survived: number;
  forged: number;
  diedAtOnce: number;
  diedLater: number;
}

interface Overlap {
  equal: number;
  compared: number;
}

async function run(options: ExperimentOptions): Promise<ExperimentResult> {
  const trials = options.nodes ?? (options.short ? TRIALS_SHORT : TRIALS);
  const trace = createTraceHash();
  const table = new Map<string, Tallied>();
  const faults: Record<string, number> = {};
  const broken: { seed: number; what: string }[] = [];
  const overlap: Overlap = { equal: 0, compared: 0 };
  const tails = { changed: 0, traced: 0 };
  let controls = 0;
  let messages = 0;
  for (let seed = options.seed; seed < options.seed + options.runs; seed++) {
    const random = createFastRandom(`tagging ${seed}`);
    const crypto = createCrypto({ engine: 'auto', randomBytes: (length) => random.bytes(length) });
    const foreign = {
      forward: foreignCell(crypto, random, 'forward'),
      backward: foreignCell(crypto, random, 'backward'),
    };
    const names = Object.keys(TAMPERINGS);
    for (let trial = 0; trial < trials; trial++) {
      if (trial > 0 && trial % 50_000 === 0) options.progress(`${trial} circuits, seed ${seed}`);
      const name = names[trial % names.length]!;
      const round = Math.floor(trial / names.length);
      const direction = DIRECTIONS[round % 2]!;
      const segment = SEGMENTS[Math.floor(round / 2) % 3]!;
      const passage = attack(crypto, random, TAMPERINGS[name]!, direction, segment, foreign[direction]);
      messages += 3;
      faults[name] = (faults[name] ?? 0) + 1;
      const tallied = tally(table, direction, segment, passage, overlap);
      trace.add(passage.delivered.length * 8 + (passage.deadAt ?? 7));
      if (tallied !== undefined) broken.push({ seed, what: `${name}, ${direction}, segment ${segment}: ${tallied}` });
    }
    for (let i = 0; i < Math.ceil(trials / 20); i++) {
      const segment = SEGMENTS[1 + (i % 2)]!;
      const direction = DIRECTIONS[Math.floor(i / 2) % 2]!;
      const { delivered, reached, beyond } = attack(crypto, random, tailChange, direction, segment, foreign[direction]);
      tails.changed++;
      const carried = beyond.some((cell, index) => longestRun(reached[index]!, cell, 8) >= RUN_RECOGNISED);
      if (delivered.length !== 3 || carried) tails.traced++;
    }
    for (let i = 0; i < CONTROLS; i++) if (untaggedControl(crypto, random.below(2_040))) controls++;
  }
  faults['tail changed'] = tails.changed;
  return {
    rows: [...table].map(([key, tallied]) => rowOf(key, tallied)),
    figures: figuresOf(table, overlap, tails, controls, options.runs),
    faults,
    traceHash: trace.hex(),
    nodes: 3,
    virtualMs: 0,
    messages,
    broken: broken.slice(0, 20),
    notes: [
      'Keys are drawn instead of agreed; cells, layers and their reading are the product. test/daemon/onion/tampering.test.ts does the same to whole relays.',
      'What remains to an attacker is that a circuit died, and when: one bit a circuit, which costs him the circuit.',
    ],
  };
}

function attack(
  crypto: ReturnType<typeof createCrypto>,
  random: SimRandom,
  tampering: Tampering,
  direction: Direction,
  segment: Segment,
  foreign: Uint8Array,
): Passage {
  const circuit = new CircuitModel(crypto);
  const isLarge = random.chance(LARGE_SHARE);
  const make = (requestId: number): Message => ({
    requestId,
    data: random.bytes(16 + random.below(1_900)),
    size: isLarge && requestId === 2 ? 'large' : 'small',
  });
  const other: Direction = direction === 'forward' ? 'backward' : 'forward';
  const reverse = circuit.send(other, [make(9)])[0]!;
  const renamed = (cell: Uint8Array): Uint8Array => underId(cell, CIRCUIT_IDS[segment]);
  const scene: Scene = { random, segment, foreign: renamed(foreign), reverse: renamed(reverse) };
  return circuit.carry(direction, [make(1), make(2), make(3)], segment, (cells) => tampering(cells, scene));
}

function foreignCell(crypto: ReturnType<typeof createCrypto>, random: SimRandom, direction: Direction): Uint8Array {
  return new CircuitModel(crypto).send(direction, [{ requestId: 5, data: random.bytes(100), size: 'small' }])[0]!;
}

function underId(cell: Uint8Array, circuitId: number): Uint8Array {
  const renamed = cell.slice();
  new DataView(renamed.buffer).setUint32(0, circuitId);
  return renamed;
}

/** Counts a trial; a sentence if it broke what must always hold. */
function tally(
  table: Map<string, Tallied>,
  direction: Direction,
  segment: Segment,
  passage: Passage,
  overlap: Overlap,
): string | undefined {
  const key = `${direction} ${segment}`;
  const row = table.get(key) ?? { trials: 0, recognised: 0, survived: 0, forged: 0, diedAtOnce: 0, diedLater: 0 };
  table.set(key, row);
  row.trials++;
  const { delivered, forged, deadAt, reached, beyond, untouched } = passage;
  // A relay on the way back sees a wrong shape or command; what is inside only the client can check.
  const findsIt = direction === 'forward' ? [segment] : [segment - 1, -1];
  let problem: string | undefined;
  if (!delivered.every((requestId, index) => requestId === index + 1)) problem = 'messages were taken out of order';
  if (forged > 0) {
    row.forged++;
    problem = 'a message that nobody sent was taken';
  }
  if (deadAt === undefined) {
    row.survived++;
    problem = 'the circuit lives on';
  } else {
    if (!findsIt.includes(deadAt)) problem = `found at hop ${deadAt}`;
    if (delivered.length === untouched) row.diedAtOnce++;
    else row.diedLater++;
  }
  // Forward: nothing from the first change on may leave the hop. Backward: what leaves may have nothing in common with what came.
  if (direction === 'forward') {
    if (beyond.length > untouched) row.recognised++;
  } else if (segment > 0) {
    for (const [index, cell] of beyond.entries()) {
      if (index < untouched || reached[index]!.length !== cell.length) continue;
      if (longestRun(reached[index]!, cell, 8, overlap) >= RUN_RECOGNISED) row.recognised++;
    }
  }
  return problem;
}

/** The longest row of equal bytes at the same place, from `from` on. */
function longestRun(a: Uint8Array, b: Uint8Array, from: number, overlap?: Overlap): number {
  let longest = 0;
  let current = 0;
  let equal = 0;
  const end = Math.min(a.length, b.length, 2_048);
  for (let i = from; i < end; i++) {
    if (a[i] === b[i]) {
      equal++;
      current++;
      if (current > longest) longest = current;
    } else current = 0;
  }
  if (overlap !== undefined) {
    overlap.equal += equal;
    overlap.compared += end - from;
  }
  return longest;
}

function rowOf(key: string, { trials, recognised, survived, forged, diedAtOnce, diedLater }: Tallied): Row {
  const [direction, segment] = key.split(' ');
  const where = ['client-guard', 'guard-middle', 'middle-exit'][Number(segment)]!;
  return { where, direction: direction!, circuits: trials, recognised, survived, forged, diedAtOnce, diedLater };
}

function figuresOf(
  table: ReadonlyMap<string, Tallied>,
  overlap: Overlap,
  tails: { readonly changed: number; readonly traced: number },
  controls: number,
  runs: number,
): Figure[] {
  const sum = (pick: (row: Tallied) => number): number =>
    [...table.values()].reduce((total, row) => total + pick(row), 0);
  const trials = sum((row) => row.trials);
  const zero = (what: string, count: number): Figure => ({
    what,
    wanted: '0',
    measured: `${count} of ${trials}`,
    reached: count === 0,
  });
  const expected = overlap.compared / 256;
  const sigmas = (overlap.equal - expected) / Math.sqrt(expected * (255 / 256));
  return [
    zero(
      'cells recognisable beyond the next honest hop',
      sum((row) => row.recognised),
    ),
    zero(
      'tampered circuits that live on',
      sum((row) => row.survived),
    ),
    zero(
      'messages taken that nobody sent',
      sum((row) => row.forged),
    ),
    {
      what: 'equal bytes before and after an honest hop, backward, against chance',
      wanted: '|z| <= 5',
      measured: `${sigmas.toFixed(2)} over ${overlap.compared} bytes`,
      reached: Math.abs(sigmas) <= 5,
    },
    {
      what: 'changes of the uncovered tail that left a trace',
      wanted: '0',
      measured: `${tails.traced} of ${tails.changed}`,
      reached: tails.traced === 0,
    },
    {
      what: 'control: a flipped bit recognised through layers without tags',
      wanted: `${CONTROLS * runs}`,
      measured: `${controls}`,
      reached: controls === CONTROLS * runs,
    },
  ];
}

const experiment: Experiment = {
  name: 'tagging',
  what: 'cells changed, dropped, repeated, swapped at every hop and direction: is anything recognised further on?',
  defaults: { nodes: TRIALS, runs: 1 },
  run,
};
export default experiment;
