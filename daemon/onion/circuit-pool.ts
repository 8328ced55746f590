/**
 * Circuits made ahead, so that the next document's first request need not wait for three handshakes.
 *
 * Shape   keeps `circuitsReady` circuits, each with another exit; a document takes what is there, and new ones are made. None comes back.
 * Unit    a circuit waits at most READY_LIFE_MS (spread over a quarter), then another is made.
 * Why     waiting circuits are made on our own clock, before anybody knows what for: their making says nothing of a document.
 *         They are of class fast: delays are asked for when a circuit is made, so class strong makes its own.
 * Source  design § 10.
 * @module
 */
import { hexKey } from '../ids.ts';
import { CIRCUIT_LIFE_MS } from '../limits.ts';
import type { Clock, Random, Timer } from '../ports.ts';
import type { ClientCircuit } from './circuit.ts';
import type { BuildJob, CircuitBuilder } from './circuit-builder.ts';

const READY_LIFE_MS = CIRCUIT_LIFE_MS / 2;
/** New ones are begun this long after some were taken, up to twice as long: their handshakes would slow the document just begun. */
const REFILL_AFTER_MS = 400;

export interface CircuitPool {
  start(): void;
  /** At most `count` ready circuits with exits all different; they are the caller's from now on. */
  take(count: number): ClientCircuit[];
  readonly ready: number;
  isReady(circuit: ClientCircuit): boolean;
  stop(): void;
}

export function createCircuitPool(
  clock: Clock,
  random: Random,
  builder: CircuitBuilder,
  circuitsReady: number,
): CircuitPool {
  const ready = new Map<ClientCircuit, Timer>();
  const jobs = new Set<BuildJob>();
  let running = false;
  let refill: Timer | undefined;

  const usedExits = (): ReadonlySet<string> => new Set([...ready.keys()].map(exitKey));

  function fill(): void {
    while (running && ready.size + jobs.size < circuitsReady) {
      const job: BuildJob = {
        isUrgent: false,
        trafficClass: 'fast',
        usedExits,
        built: (circuit) => keep(job, circuit),
      };
      jobs.add(job);
      builder.submit(job);
    }
  }

  function keep(job: BuildJob, circuit: ClientCircuit): void {
    jobs.delete(job);
    const timer = clock.setTimer(READY_LIFE_MS * (1 - random.unit() / 4), () => circuit.close());
    ready.set(circuit, timer);
    const lost = (): void => {
      timer.cancel();
      if (ready.delete(circuit)) fill();
    };
    circuit.attach({ message: () => false, closed: lost });
  }

  return {
    start() {
      running = true;
      fill();
    },
    take(count) {
      const taken: ClientCircuit[] = [];
      const exits = new Set<string>();
      for (const [circuit, timer] of ready) {
        if (taken.length >= count) break;
        if (exits.has(exitKey(circuit))) continue;
        exits.add(exitKey(circuit));
        timer.cancel();
        ready.delete(circuit);
        taken.push(circuit);
      }
      refill ??= clock.setTimer(REFILL_AFTER_MS * (1 + random.unit()), () => {
        refill = undefined;
        fill();
      });
      return taken;
    },
    get ready() {
      return ready.size;
    },
    isReady: (circuit) => ready.has(circuit),
    stop() {
      running = false;
      refill?.cancel();
      for (const job of jobs) builder.cancel(job);
      jobs.clear();
      for (const circuit of [...ready.keys()]) circuit.close();
    },
  };
}

export function exitKey(circuit: ClientCircuit): string {
  return hexKey(circuit.path[2].nodeId);
}
