/**
 * A year of guards: how many users ever have a bad guard and a bad exit in one circuit, with the product's own choice of guards.
 *
 * Shape   `--nodes N` clients, each with relays of its own of which a share of 10 % is bad, 100 circuits a day for 365 days. Three worlds:
 *         every relay always up; relays that come and go, all as the best of Freenet's; and the whole mix measured there.
 * Unit    milliseconds of virtual time; availability as in reliability row 4: 37 % of nodes up 96 % of the time, 33 % 56 %, 30 % 16 %.
 * Figures loss <= f + 0.02 with guards always up, <= 1 - (1 - f)^2 + 0.02 under churn.
 * Why     guards are the real code (daemon/onion/guard.ts), driven by dials that succeed or fail; circuits are drawn, because which exit is
 *         bad depends on nothing else.
 * @module
 */
import { hexKey, type NodeId, nodeId, ringLocation } from '../../../daemon/ids.ts';
import { createGuards } from '../../../daemon/onion/guard.ts';
import { GUARD_PATIENCE_MS, type OnionDeps } from '../../../daemon/onion/onion.ts';
import { createRelayUptime } from '../../../daemon/onion/relay-uptime.ts';
import { BINDING, type Descriptor, ROLE } from '../../../daemon/wire/descriptor-types.ts';
import type { Experiment, ExperimentOptions, ExperimentResult, Figure, Row } from '../experiment.ts';
import { shareOf } from '../routing/statistics.ts';
import { createTraceHash, type TraceHash } from '../routing/trace-hash.ts';
import { createFastRandom, type SimRandom } from '../world/fast-random.ts';

const CLIENTS = 1_000;
const CLIENTS_SHORT = 6;
const RELAYS = 60;
const BAD_SHARE = 0.1;
const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;
const DAY_MS = 24 * HOUR_MS;
/** The product looks every hour. Here later looks are thinned out: a year of hours for thousands of users takes too long. */
const lookEveryMs = (nowMs: number): number => (nowMs < 3 * DAY_MS ? 1 : nowMs < 10 * DAY_MS ? 3 : 8) * HOUR_MS;
const CIRCUIT_EVERY_MS = (24 * HOUR_MS) / 100;
/** Mean session of Freenet's nodes (Roos and others, 2014). */
const SESSION_MS = 513 * 60_000;
/** A descriptor stays in views for a day after its node went. */
const VIEW_MS = 24 * HOUR_MS;
const OWN_ID = nodeId(new Uint8Array(32).fill(255));

interface Availability {
  readonly share: number;
  readonly up: number;
}

const WORLDS: Readonly<Record<string, readonly Availability[]>> = {
  'always up': [{ share: 1, up: 1 }],
  'up 96 %': [{ share: 1, up: 0.96 }],
  'Freenet mix': [
    { share: 0.37, up: 0.96 },
    { share: 0.33, up: 0.56 },
    { share: 0.3, up: 0.16 },
  ],
};

interface Relay {
  readonly descriptor: Descriptor;
  readonly isBad: boolean;
  readonly up: number;
  isUp: boolean;
  /** When its state changes; lazily, because most relays are never a guard. */
  untilMs: number;
}

interface Year {
  readonly guards: number;
  readonly isLost: boolean;
  readonly firstLossMs: number | undefined;
  /** Time in which no guard answered. */
  readonly offlineMs: number;
  readonly changes: number;
}

async function run(options: ExperimentOptions): Promise<ExperimentResult> {
  const clients = options.nodes ?? (options.short ? CLIENTS_SHORT : CLIENTS);
  const trace = createTraceHash();
  const rows: Row[] = [];
  const figures: Figure[] = [];
  let changes = 0;
  for (const [world, mix] of Object.entries(WORLDS)) {
    options.progress(world);
    const years: Year[] = [];
    for (let seed = options.seed; seed < options.seed + options.runs; seed++) {
      for (let client = 0; client < clients; client++) {
        years.push(liveYear(createFastRandom(`guards ${world} ${seed} ${client}`), mix, trace));
      }
    }
    changes += years.reduce((sum, year) => sum + year.changes, 0);
    const lost = shareOf(years.filter(({ isLost }) => isLost).length, years.length);
    const guardCounts = years.map(({ guards }) => guards).sort((a, b) => a - b);
    rows.push({
      world,
      clients: years.length,
      lostShare: Number(lost.share.toFixed(4)),
      lostLow95: Number(lost.low.toFixed(4)),
      guardsMean: Number((guardCounts.reduce((sum, count) => sum + count, 0) / years.length).toFixed(2)),
      guardsP95: guardCounts[Math.floor(0.95 * (years.length - 1))]!,
      withoutGuardShare: Number(
        (years.reduce((sum, { offlineMs }) => sum + offlineMs, 0) / (years.length * YEAR_MS)).toFixed(5),
      ),
    });
    const limit = world === 'always up' ? BAD_SHARE + 0.02 : 1 - (1 - BAD_SHARE) ** 2 + 0.02;
    figures.push({
      what: `users with any guard and exit both bad within a year, relays ${world}`,
      wanted: `<= ${limit.toFixed(2)}`,
      measured: `${lost.share.toFixed(4)} of ${years.length}`,
      reached: lost.share <= limit,
    });
  }
  return {
    rows,
    figures,
    faults: { guardChanges: changes },
    traceHash: trace.hex(),
    nodes: clients,
    virtualMs: YEAR_MS,
    messages: 0,
    broken: [],
    notes: [
      'The figure for churn allows two guards a year: one in use, one spare. What is above it is a third and more, drawn because all known ones were away for six hours.',
      'What a bad guard gains that kills the circuits it cannot watch is bounded by its build budget (daemon/onion/build-budget.ts and its test).',
    ],
  };
}

function liveYear(random: SimRandom, mix: readonly Availability[], trace: TraceHash): Year {
  let nowMs = 0;
  const relays = Array.from({ length: RELAYS }, (_, index) => makeRelay(random, mix, index));
  const byKey = new Map(relays.map((relay) => [Buffer.from(relay.descriptor.nodeId).toString('hex'), relay]));
  const listed = (): Descriptor[] =>
    relays.filter((relay) => isInView(relay, random, nowMs)).map(({ descriptor }) => descriptor);
  const deps = {
    clock: { nowMs: () => nowMs, wallMs: () => nowMs },
    random,
    log: { write: () => {} },
    records: { entries: () => [] },
    relays: { relays: listed },
    links: { all: () => [{ isOpen: true }] },
    decodeDescriptor: () => relays[0]!.descriptor,
  } as unknown as OnionDeps;
  const rules = { ownNodeId: OWN_ID, prefixRules: false };
  const rows = { load: () => [], save: () => {} };
  const uptime = createRelayUptime(rows, rules, random);
  let sampled: string[] = [];
  let sampleAtMs = 0;
  const look = (): void => {
    const hour = Math.floor(nowMs / HOUR_MS);
    if (nowMs >= sampleAtMs) {
      sampled = uptime.sample(listed(), hour).map(({ nodeId }) => hexKey(nodeId));
      sampleAtMs = nowMs + DAY_MS;
    }
    for (const key of sampled) {
      const relay = byKey.get(key)!;
      settle(relay, random, nowMs);
      uptime.looked(key, relay.isUp, hour);
    }
  };
  look();
  let lookAtMs = lookEveryMs(0);
  // Looks in order of time, as far as `untilMs`.
  const lookUntil = (untilMs: number): void => {
    for (; lookAtMs <= untilMs; lookAtMs += lookEveryMs(lookAtMs)) {
      nowMs = lookAtMs;
      look();
    }
    nowMs = untilMs;
  };
  const looks = { isReady: () => true, round: () => {}, stop: () => {} };
  const guards = createGuards(deps, rules, GUARD_PATIENCE_MS, { rows, uptime, looks });
  const used = new Set<string>();
  let firstLossMs: number | undefined;
  let offlineMs = 0;
  let changes = 0;
  guards.current();
  let key = guards.currentKey!;
  while (nowMs < YEAR_MS) {
    const guard = byKey.get(key)!;
    settle(guard, random, nowMs);
    if (guard.isUp) {
      guards.dialled(key);
      used.add(key);
      const untilMs = Math.min(guard.untilMs, YEAR_MS);
      if (guard.isBad && firstLossMs === undefined) {
        // Circuits until the first whose exit is bad too.
        const circuits = Math.ceil(Math.log(1 - random.unit()) / Math.log(1 - BAD_SHARE));
        const atMs = nowMs + circuits * CIRCUIT_EVERY_MS;
        if (atMs <= untilMs) firstLossMs = atMs;
      }
      lookUntil(untilMs);
      continue;
    }
    const dialMs = Math.max(nowMs, guards.dialAtMs);
    settle(guard, random, dialMs);
    offlineMs += dialMs - nowMs;
    lookUntil(dialMs);
    if (!guard.isUp) guards.dialFailed(key);
    const next = guards.currentKey!;
    if (next !== key) changes++;
    key = next;
  }
  trace.add(used.size);
  trace.add(firstLossMs === undefined ? -1 : Math.floor(firstLossMs / HOUR_MS));
  return { guards: used.size, isLost: firstLossMs !== undefined, firstLossMs, offlineMs, changes };
}

function makeRelay(random: SimRandom, mix: readonly Availability[], index: number): Relay {
  const { up } = drawKind(random, mix);
  const bytes = new Uint8Array(32).fill(index);
  const id: NodeId = nodeId(bytes);
  const descriptor = {
    nodeId: id,
    identityKey: bytes,
    sequence: 1,
    linkKey: bytes,
    onionKey: bytes,
    nextOnionKey: bytes,
    addresses: [{ host: `9.${index}.0.1`, port: 9_480 }],
    role: ROLE.full,
    location: ringLocation(0),
    binding: BINDING.nodeId,
    bindingIndex: 0,
    stamp: new Uint8Array(8),
    version: 'sim',
    issuedHour: 1,
    encoded: Uint8Array.of(index),
  } as Descriptor;
  return { descriptor, isBad: random.chance(BAD_SHARE), up, isUp: random.chance(up), untilMs: 0 };
}

function drawKind(random: SimRandom, mix: readonly Availability[]): Availability {
  let rest = random.unit();
  for (const kind of mix) {
    rest -= kind.share;
    if (rest < 0) return kind;
  }
  return mix[0]!;
}

const downMsOf = ({ up }: Relay): number => (SESSION_MS * (1 - up)) / up;

/** Brings a relay's state to `nowMs`: sessions and absences are memoryless, so one not looked at for long is drawn anew. */
function settle(relay: Relay, random: SimRandom, nowMs: number): void {
  if (relay.up === 1) {
    relay.isUp = true;
    relay.untilMs = Number.POSITIVE_INFINITY;
    return;
  }
  if (nowMs - relay.untilMs > 30 * 24 * HOUR_MS || relay.untilMs === 0) {
    relay.isUp = random.chance(relay.up);
    relay.untilMs = nowMs + random.exponential(relay.isUp ? SESSION_MS : downMsOf(relay));
  }
  while (relay.untilMs <= nowMs) {
    relay.isUp = !relay.isUp;
    relay.untilMs += random.exponential(relay.isUp ? SESSION_MS : downMsOf(relay));
  }
}

/** Whether views still list it: it is up, or has been within a day. */
function isInView(relay: Relay, random: SimRandom, nowMs: number): boolean {
  settle(relay, random, nowMs);
  return relay.isUp || random.chance(1 - Math.exp(-VIEW_MS / downMsOf(relay)));
}

const experiment: Experiment = {
  name: 'guards',
  what: 'a year of 100 circuits a day with 10 % bad relays: who ever has a bad guard and a bad exit together',
  defaults: { nodes: CLIENTS, runs: 1 },
  run,
};
export default experiment;
