/**
 * Builds circuits for whoever wants one, all through the guard in use, with patience when builds fail.
 *
 * Shape   a job stays in line until it gets its circuit or is cancelled; documents go before the stock of ready circuits.
 * Unit    BUILDS_MAX builds at once; pause after the k-th failure in a row beyond FREE_FAILURES: 50 ms * 2^k, at most 30 s, and then one
 *         build at a time until one stands. Builds that were under way when a pause began count no more: one dead relay that sixteen of
 *         them had drawn is one piece of news, not sixteen.
 *         Failures through one guard are bounded for good (build-budget.ts).
 * Why     the guard's link is dialled once for all jobs. Failing builds slow down instead of going elsewhere, because an attacker who
 *         kills what he cannot watch gains by every retry (anonymity § 3 A11).
 * Source  design § 10; anonymity § 7 rule 25.
 * @module
 */
import { hexKey, type TrafficClass } from '../ids.ts';
import type { Link } from '../link/link-types.ts';
import type { Timer } from '../ports.ts';
import type { Descriptor } from '../wire/descriptor-types.ts';
import type { BuildBudget } from './build-budget.ts';
import { buildCircuit, type ClientCircuit } from './circuit.ts';
import type { Guards } from './guard.ts';
import { createHopPatience } from './hop-patience.ts';
import { CIRCUIT_CLASSES, type OnionParts } from './onion-parts.ts';
import { choosePath } from './path.ts';
import { createRelayHealth } from './relay-health.ts';

const BUILDS_MAX = 16;
const FREE_FAILURES = 8;
const PAUSE_FIRST_MS = 50;
const PAUSE_MAX_MS = 30_000;
/** How often we look again while the view is too small for a path. */
const LOOK_AGAIN_MS = 250;

export interface BuildJob {
  readonly isUrgent: boolean;
  readonly trafficClass: TrafficClass;
  /** hexKeys of exits that should not be drawn again; the same function in all jobs of one owner. */
  readonly usedExits: () => ReadonlySet<string>;
  built(circuit: ClientCircuit): void;
}

export interface CircuitBuilder {
  submit(job: BuildJob): void;
  /** The job gets no circuit any more. */
  cancel(job: BuildJob): void;
  /** Every circuit of ours that is not closed, oldest first. */
  readonly circuits: ReadonlySet<ClientCircuit>;
  readonly building: number;
  readonly built: number;
  readonly failures: number;
  stop(): void;
}

/** @param keepPattern the guard's link carries the fixed pattern if it should; false: it cannot */
export function createCircuitBuilder(
  parts: OnionParts,
  guards: Guards,
  budget: BuildBudget,
  keepPattern: (link: Link) => boolean,
): CircuitBuilder {
  const { deps, options } = parts;
  const { clock, links, relays, random } = deps;
  const health = createRelayHealth();
  const patience = createHopPatience();
  const circuits = new Set<ClientCircuit>();
  const waiting: BuildJob[] = [];
  const underWay = new Map<ClientCircuit, BuildJob>();
  let dialling = false;
  let dialled: Link | undefined;
  let stopped = false;
  let pauseUntilMs = 0;
  let pausedAtMs = Number.NEGATIVE_INFINITY;
  let failuresInRow = 0;
  let aliases = 0;
  let built = 0;
  let failures = 0;
  let timer: Timer | undefined;

  function lookAgainAt(atMs: number): void {
    timer?.cancel();
    timer = stopped ? undefined : clock.setTimer(Math.max(atMs - clock.nowMs(), 0), pump);
  }

  function pump() {
    timer?.cancel();
    timer = undefined;
    while (!stopped && waiting.length > 0 && underWay.size < buildsNow()) {
      const nowMs = clock.nowMs();
      if (nowMs < pauseUntilMs) return lookAgainAt(pauseUntilMs);
      const guard = guards.current();
      if (guard === undefined) return lookAgainAt(nowMs + LOOK_AGAIN_MS);
      const mayBuildAtMs = budget.mayBuildAtMs(hexKey(guard.nodeId), nowMs);
      if (mayBuildAtMs > nowMs) return lookAgainAt(mayBuildAtMs);
      const link = linkTo(guard);
      if (link === undefined) return dialGuard(guard);
      const job = nextJob(keepPattern(link));
      if (job === undefined) return lookAgainAt(nowMs + LOOK_AGAIN_MS);
      const wish = {
        guard,
        usedExits: usedExitsOf(job),
        failedLately: (key: string) => health.failedLately(key, nowMs),
      };
      const path = choosePath(relays.relays(), options, wish, random);
      if (path === undefined) return lookAgainAt(nowMs + LOOK_AGAIN_MS);
      const wanted = CIRCUIT_CLASSES[job.trafficClass];
      const hopMs = wanted.hopDelayMs > 0 ? wanted.buildTimeoutMs : patience.hopMs;
      const circuit = buildCircuit(parts, link, path, aliases + 1, hopMs, wanted, { ready, closed });
      // The link is full: circuits on it must end first.
      if (circuit === undefined) return lookAgainAt(nowMs + LOOK_AGAIN_MS);
      aliases++;
      if (circuit.state === 'closed') return lookAgainAt(nowMs + LOOK_AGAIN_MS);
      waiting.splice(waiting.indexOf(job), 1);
      circuits.add(circuit);
      underWay.set(circuit, job);
    }
  }

  /**
   * Who has nothing yet goes first: else one document that wants its sixteenth exit keeps another from its first circuit.
   * Class strong over a link without the pattern would be a lie: it waits, and gives up in its own time.
   */
  function nextJob(isPaced: boolean): BuildJob | undefined {
    const possible = isPaced ? waiting : waiting.filter((job) => job.trafficClass !== 'strong');
    const urgent = possible.filter((job) => job.isUrgent);
    return urgent.find((job) => usedExitsOf(job).size === 0) ?? urgent[0] ?? possible[0];
  }

  const buildsNow = (): number => (failuresInRow > FREE_FAILURES ? 1 : BUILDS_MAX);

  function linkTo(guard: Descriptor): Link | undefined {
    const link = links.get(guard.nodeId) ?? dialled;
    return link?.isOpen && link.peerKey === hexKey(guard.nodeId) ? link : undefined;
  }

  /** What the job's owner has, and what is being built for the same owner. */
  function usedExitsOf(job: BuildJob): ReadonlySet<string> {
    const used = new Set(job.usedExits());
    for (const [circuit, other] of underWay) {
      if (other.usedExits === job.usedExits) used.add(hexKey(circuit.path[2].nodeId));
    }
    return used;
  }

  function dialGuard(guard: Descriptor) {
    if (dialling) return;
    if (clock.nowMs() < guards.dialAtMs) return lookAgainAt(guards.dialAtMs);
    dialling = true;
    const key = hexKey(guard.nodeId);
    const settle = (report: (key: string) => void): void => {
      dialling = false;
      if (stopped) return;
      report(key);
      pump();
    };
    links.connect(guard).then(
      (link) => {
        dialled = link;
        settle(link.isOpen ? guards.dialled : guards.dialFailed);
      },
      // The view does not hear of it: what we name to others must not say who our guard is.
      () => settle(guards.dialFailed),
    );
  }

  function ready(circuit: ClientCircuit): void {
    const job = underWay.get(circuit);
    underWay.delete(circuit);
    built++;
    failuresInRow = 0;
    // Delays and ticks say nothing of the relays.
    if (circuit.buildMs !== undefined && job?.trafficClass !== 'strong') patience.built(circuit.buildMs);
    budget.worked(hexKey(circuit.path[0].nodeId), clock.nowMs());
    for (const { nodeId } of circuit.path) health.worked(hexKey(nodeId));
    if (job === undefined) circuit.close();
    else job.built(circuit);
    pump();
  }

  function closed(circuit: ClientCircuit, hop: number | undefined, silent: boolean): void {
    circuits.delete(circuit);
    const job = underWay.get(circuit);
    underWay.delete(circuit);
    if (hop === undefined || stopped) return;
    // Without a job it was cancelled, which is nobody's failure.
    if (job !== undefined) {
      waiting.unshift(job);
      if (silent && job.trafficClass !== 'strong') patience.silent();
      noteFailure(circuit, hop);
    }
    // Not from within the call that closed it: the cell that did so is still being handled.
    if (timer === undefined) lookAgainAt(Math.max(pauseUntilMs, clock.nowMs()));
  }

  function noteFailure(circuit: ClientCircuit, hop: number): void {
    failures++;
    const nowMs = clock.nowMs();
    if (circuit.createdAtMs > pausedAtMs) failuresInRow++;
    if (failuresInRow > FREE_FAILURES && circuit.createdAtMs > pausedAtMs) {
      pausedAtMs = nowMs;
      pauseUntilMs = nowMs + Math.min(PAUSE_FIRST_MS * 2 ** (failuresInRow - FREE_FAILURES), PAUSE_MAX_MS);
    }
    if (hop === 0) return;
    const guardKey = hexKey(circuit.path[0].nodeId);
    // A lost link is nobody's judgement on what it carried.
    if (linkTo(circuit.path[0]) !== undefined) budget.failed(guardKey, nowMs);
    if (budget.mayBuildAtMs(guardKey, nowMs) > nowMs)
      deps.log.write('warn', 'onion', 'most circuits through the guard fail: new ones are built slowly');
    const relay = circuit.path[hop]!;
    if (health.failed(hexKey(relay.nodeId), nowMs)) deps.relayFailed?.(relay.nodeId);
  }

  return {
    submit(job) {
      waiting.push(job);
      pump();
    },
    cancel(job) {
      const at = waiting.indexOf(job);
      if (at >= 0) waiting.splice(at, 1);
      for (const [circuit, other] of underWay) {
        if (other !== job) continue;
        underWay.delete(circuit);
        circuit.close();
      }
    },
    circuits,
    get building() {
      return underWay.size;
    },
    get built() {
      return built;
    },
    get failures() {
      return failures;
    },
    stop() {
      stopped = true;
      timer?.cancel();
      waiting.length = 0;
      underWay.clear();
      for (const circuit of [...circuits]) circuit.close();
    },
  };
}
