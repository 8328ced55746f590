/**
 * The network below all nodes: where they are, how far apart, what is blocked, and streams between them.
 *
 * Shape   each node has one host and may listen on one port there. A pair of nodes has a latency (lognormal: median 40 ms, p95 200 ms),
 *         a direction of it a bandwidth (lognormal, median 20 Mbit/s). TCP's own repair is modelled as time: what is lost, doubled
 *         or overtaken below the stream arrives late, in order and once. Damage the checksum misses arrives as a changed byte.
 *         A direction can be blocked (cut cable, partition, clog): what is under way then waits, and comes after a retransmission
 *         timeout once it is free again, unless the stream has been given up meanwhile.
 * Unit    milliseconds, bytes, bytes per second; rates are per segment of 1,460 bytes.
 * Why     ports.ts promises the core an ordered stream, so faults below it may only show as time, silence or an end.
 * Source  anonymity.md § 1 (link delay), reliability.md § 4 rows 5 and 6.
 * @module
 */
import { LocalError } from '../../../daemon/errors.ts';
import type { ByteStream, Listener, NetAddress, Transport } from '../../../daemon/ports.ts';
import type { EventTrace } from './event-trace.ts';
import { createFastRandom, type SimRandom } from './fast-random.ts';
import type { FaultCounters } from './fault-counters.ts';
import type { NodeClock, SimClock } from './sim-clock.ts';
import { SimStream } from './sim-stream.ts';

/** Sigma of a lognormal whose 95th percentile is five times its median: ln 5 / 1.6449. */
const LATENCY_SIGMA = 0.9785;
const LATENCY_MEDIAN_MS = 40;
const LATENCY_MAX_MS = 2_000;
const BANDWIDTH_MEDIAN = 2_500_000;
const BANDWIDTH_SIGMA = 0.8;
const SEGMENT_BYTES = 1_460;
/** RFC 6298's least retransmission timeout as systems use it. */
const RETRANSMIT_MS = 200;
const LOCAL_PORTS_FROM = 20_000;

export interface NetworkFaults {
  /** Chance per segment. */
  readonly lossRate: number;
  readonly duplicateRate: number;
  readonly reorderRate: number;
  readonly corruptRate: number;
  /** Of damaged segments, the share whose damage TCP's checksum misses. */
  readonly corruptThrough: number;
  /** Chance that a write arrives in two pieces. */
  readonly splitRate: number;
}

export const CALM: NetworkFaults = {
  lossRate: 0,
  duplicateRate: 0,
  reorderRate: 0,
  corruptRate: 0,
  corruptThrough: 0,
  splitRate: 0,
};

export interface NetworkOptions {
  readonly seed: string;
  readonly clock: SimClock;
  readonly trace: EventTrace;
  readonly counters: FaultCounters;
  faults: NetworkFaults;
}

/** One life of one node as the network knows it. */
export interface Endpoint {
  readonly index: number;
  readonly host: string;
  readonly clock: NodeClock;
  listening: { readonly port: number; readonly accept: (stream: ByteStream) => void } | undefined;
  readonly streams: Set<SimStream>;
}

interface Path {
  readonly latencyMs: number;
  readonly bytesPerMs: number;
  /** When the last byte put on this direction leaves the wire. */
  freeAtMs: number;
}

export class SimNetwork {
  readonly clock: SimClock;
  readonly counters: FaultCounters;
  readonly trace: EventTrace;
  readonly random: SimRandom;
  faults: NetworkFaults;
  readonly #seed: string;
  readonly #hosts = new Map<string, Endpoint>();
  readonly #paths = new Map<number, Path>();
  readonly #blocks = new Set<(from: number, to: number) => boolean>();
  readonly #held = new Set<SimStream>();
  #nextPort = LOCAL_PORTS_FROM;
  bytes = 0;
  deliveries = 0;

  constructor(options: NetworkOptions) {
    this.clock = options.clock;
    this.counters = options.counters;
    this.trace = options.trace;
    this.faults = options.faults;
    this.#seed = options.seed;
    this.random = createFastRandom(`${options.seed}|network`);
  }

  /** Brings a life of a node onto the network at its host; an earlier life there must have been removed. */
  attach(index: number, host: string, clock: NodeClock): Endpoint {
    const endpoint: Endpoint = { index, host, clock, listening: undefined, streams: new Set() };
    this.#hosts.set(host, endpoint);
    return endpoint;
  }

  /** The node is gone at once: its streams end at the other side (a reset), or fall silent if the machine died. */
  detach(endpoint: Endpoint, silently: boolean): void {
    if (this.#hosts.get(endpoint.host) === endpoint) this.#hosts.delete(endpoint.host);
    endpoint.listening = undefined;
    for (const stream of [...endpoint.streams]) stream.vanish(silently);
    endpoint.streams.clear();
  }

  transport(endpoint: Endpoint): Transport {
    return {
      dial: (to) => this.#dial(endpoint, to),
      listen: async (at, accept): Promise<Listener> => {
        if (endpoint.listening !== undefined) throw new LocalError('port_in_use', `${at.host}:${at.port}`);
        const port = at.port === 0 ? this.#nextPort++ : at.port;
        const mine = { port, accept };
        endpoint.listening = mine;
        return {
          address: { host: at.host, port },
          close: () => {
            if (endpoint.listening === mine) endpoint.listening = undefined;
          },
        };
      },
    };
  }

  #dial(from: Endpoint, address: NetAddress): ByteStream {
    const to = this.#hosts.get(address.host);
    const near = new SimStream(this, from, address);
    if (to === undefined || from.clock.dead) {
      // Nobody has that host now: a router says so, or nothing ever comes.
      if (this.random.chance(0.5)) {
        this.counters.dialRefused++;
        near.refuse(2 * LATENCY_MEDIAN_MS);
      } else {
        this.counters.dialLost++;
      }
      return near;
    }
    const roundMs = this.path(from.index, to.index).latencyMs + this.path(to.index, from.index).latencyMs;
    this.clock.setTimer(roundMs, () => {
      const listening = to.listening;
      if (this.isBlocked(from.index, to.index) || this.isBlocked(to.index, from.index)) {
        this.counters.dialLost++;
        return;
      }
      if (to.clock.dead) return; // its machine is gone: silence
      if (listening === undefined || listening.port !== address.port) {
        this.counters.dialRefused++;
        near.refuse(0);
        return;
      }
      if (near.isClosed || from.clock.dead) return;
      const far = new SimStream(this, to, { host: from.host, port: this.#nextPort++ });
      near.join(far);
      far.join(near);
      this.trace.record(this.clock.nowMs(), `stream ${from.index} ${to.index}`);
      this.clock.setOwnedTimer(to.clock, 0, () => listening.accept(far));
      this.clock.setOwnedTimer(from.clock, 0, () => near.opened());
    });
    return near;
  }

  #latency(a: number, b: number): number {
    const low = Math.min(a, b);
    const high = Math.max(a, b);
    const random = createFastRandom(`${this.#seed}|latency|${low}|${high}`);
    return Math.min(LATENCY_MAX_MS, random.logNormal(Math.log(LATENCY_MEDIAN_MS), LATENCY_SIGMA));
  }

  path(from: number, to: number): Path {
    const key = from * 0x10000 + to;
    const known = this.#paths.get(key);
    if (known !== undefined) return known;
    const random = createFastRandom(`${this.#seed}|bandwidth|${from}|${to}`);
    const bytesPerSec = random.logNormal(Math.log(BANDWIDTH_MEDIAN), BANDWIDTH_SIGMA);
    const path: Path = { latencyMs: this.#latency(from, to), bytesPerMs: bytesPerSec / 1_000, freeAtMs: 0 };
    this.#paths.set(key, path);
    return path;
  }

  /** When bytes written now have crossed from one node to the other, TCP's repairs included. */
  arrivalMs(from: number, to: number, length: number): number {
    const path = this.path(from, to);
    const nowMs = this.clock.nowMs();
    if (path.freeAtMs > nowMs) this.counters.bandwidth++;
    path.freeAtMs = Math.max(nowMs, path.freeAtMs) + length / path.bytesPerMs;
    const jitterMs = path.latencyMs * 0.1 * this.random.unit();
    this.counters.latency++;
    return path.freeAtMs + path.latencyMs + jitterMs + this.#repairMs(path.latencyMs, length);
  }

  #repairMs(latencyMs: number, length: number): number {
    const { faults, random, counters } = this;
    if (faults === CALM) return 0;
    const segments = Math.ceil(length / SEGMENT_BYTES);
    const any = (rate: number): boolean => rate > 0 && random.chance(1 - (1 - rate) ** segments);
    let ms = 0;
    if (any(faults.lossRate)) {
      counters.lossRetransmitted++;
      ms += Math.max(RETRANSMIT_MS, 2 * latencyMs);
      // The segment sent again may be lost as well, and then the timeout doubles.
      for (let wait = RETRANSMIT_MS * 2; random.chance(faults.lossRate) && wait < 10_000; wait *= 2) ms += wait;
    }
    if (any(faults.corruptRate)) {
      counters.corruptedBelow++;
      ms += Math.max(RETRANSMIT_MS, 2 * latencyMs);
    }
    if (any(faults.duplicateRate)) counters.duplicatedBelow++;
    if (any(faults.reorderRate)) {
      counters.reorderedBelow++;
      ms += latencyMs * random.unit();
    }
    return ms;
  }

  /** A changed copy, when damage that nobody below notices hits this write. */
  damaged(bytes: Uint8Array): Uint8Array | undefined {
    const { faults, random } = this;
    const rate = faults.corruptRate * faults.corruptThrough;
    if (rate === 0 || !random.chance(1 - (1 - rate) ** Math.ceil(bytes.length / SEGMENT_BYTES))) return undefined;
    this.counters.corruptedThrough++;
    const copy = bytes.slice();
    copy[random.below(copy.length)]! ^= 1 << random.below(8);
    return copy;
  }

  isBlocked(from: number, to: number): boolean {
    for (const block of this.#blocks) if (block(from, to)) return true;
    return false;
  }

  /** Blocks a set of directions until the returned function is called. */
  block(directions: (from: number, to: number) => boolean): () => void {
    this.#blocks.add(directions);
    return () => {
      if (!this.#blocks.delete(directions)) return;
      for (const stream of [...this.#held]) {
        if (stream.tryRelease(RETRANSMIT_MS)) this.#held.delete(stream);
      }
    };
  }

  /** A stream waits for a block to end. */
  hold(stream: SimStream): void {
    this.counters.heldByBlock++;
    this.#held.add(stream);
  }

  forget(stream: SimStream): void {
    this.#held.delete(stream);
  }

  /** Ends every stream between two nodes, as a router that lost its table does. */
  cut(a: Endpoint, b: Endpoint): number {
    let ended = 0;
    for (const stream of [...a.streams]) {
      if (stream.peer?.endpoint !== b) continue;
      stream.peer.reset();
      stream.reset();
      ended++;
    }
    return ended;
  }
}
