/**
 * A whole network in virtual time: the product's createNode for every node, and everything around it simulated.
 *
 * Shape   a SimNode is a place (host, disk, identity) with lives: started, crashed, stopped, started again. All it does follows from
 *         the world's seed. Faults are methods here; each counts itself.
 * Unit    virtual milliseconds.
 * Errors  an exception inside an event is thrown from advance, runUntil or inTime.
 * Why     what the experiments claim must be claimed of the code that ships, so nothing of a node is modelled but its ports.
 * Source  design § 12, reliability.md §§ 1-3.
 * @module
 */

import { loadErasure } from '../../../crypto/erasure.ts';
import { createSeededCrypto } from '../../../crypto/seeded.ts';
import { hexKey } from '../../../daemon/ids.ts';
import { createInlineCompute } from '../../../daemon/io/worker-compute.ts';
import type { Link } from '../../../daemon/link/link-types.ts';
import { createNode } from '../../../daemon/node.ts';
import type { Node } from '../../../daemon/node-types.ts';
import type { Crypto, TraceEvent } from '../../../daemon/ports.ts';
import type { NodeSettings } from '../../../daemon/settings.ts';
import { ROLE } from '../../../daemon/wire/descriptor-types.ts';
import { createMemoryFiles, type MemoryFiles } from '../../support/memory-files.ts';
import { type Conduct, corrupt } from './attackers.ts';
import { createCheapCrypto } from './cheap-crypto.ts';
import { createEventTrace, type EventTrace } from './event-trace.ts';
import { createFastRandom, type SimRandom } from './fast-random.ts';
import { createFaultCounters, type FaultCounters } from './fault-counters.ts';
import { checkWorld } from './invariants.ts';
import { createRequestTap, type RequestTap } from './request-tap.ts';
import { createSimClock, type NodeClock, type SimClock } from './sim-clock.ts';
import { SimDisk } from './sim-disk.ts';
import { CALM, type Endpoint, type NetworkFaults, SimNetwork } from './sim-network.ts';

export type CryptoKind = 'cheap' | 'seeded';

export interface WorldOptions {
  readonly seed: number | string;
  /** "cheap": stand-ins of cheap-crypto.ts; "seeded": the real engine but for the KEM, at most 250 nodes. */
  readonly crypto?: CryptoKind;
  readonly settings?: Partial<NodeSettings>;
  readonly faults?: NetworkFaults;
  /** Nodes start this far apart while the world grows. */
  readonly joinEveryMs?: number;
}

export interface SimNode {
  readonly index: number;
  readonly host: string;
  readonly disk: SimDisk;
  readonly files: MemoryFiles;
  readonly random: SimRandom;
  /** Hex of the node id, once it has started. */
  id: string;
  lives: number;
  clock: NodeClock;
  endpoint: Endpoint | undefined;
  /** Undefined while it is down or still starting. */
  node: Node | undefined;
  isUp: boolean;
  /** When its machine last fell asleep. */
  sleptMs: number | undefined;
  /** Routing keys of copies that a routed message brought, over all lives. */
  readonly explained: Set<string>;
  encoded: Uint8Array;
}

/** The profile of design § 7 for nets of more than a dozen nodes. */
const FULL_PROFILE = {
  ringNeighboursEachSide: 4,
  longLinks: 16,
  peersMax: 64,
  owners: 3,
  ownersReplicated: 8,
} as const;
const SMALL_PROFILE = {
  ringNeighboursEachSide: 1,
  longLinks: 2,
  peersMax: 16,
  owners: 2,
  ownersReplicated: 2,
} as const;
export const SMALL_WORLD_MAX = 12;
/** A node's store: sparse, so only what it holds takes memory. */
const STORE_BYTES = 4 * 1024 * 1024;
const SEEDS_PER_NODE = 4;
const PORT = 9_480;
/** Nodes of the real engine live on private addresses, where no stamp is owed: one would take a second each. */
const SEEDED_NODES_MAX = 250;
const LOG_LINES_KEPT = 300;
/** A woken machine reads what has piled up within this time. */
const WAKING_MS = 10_000;

export class SimWorld {
  readonly seed: string;
  readonly clock: SimClock = createSimClock();
  readonly trace: EventTrace = createEventTrace();
  readonly counters: FaultCounters = createFaultCounters();
  readonly network: SimNetwork;
  readonly random: SimRandom;
  readonly tap: RequestTap;
  readonly nodes: SimNode[] = [];
  /** Nodes that are attackers (attackers.ts). */
  readonly hostile = new Map<number, Conduct>();
  readonly #corrupted = new WeakSet<Link>();
  readonly byId = new Map<string, number>();
  readonly logged: string[] = [];
  /** What went wrong outside of any check: error lines of logs, failed starts. */
  readonly broken: string[] = [];
  readonly #crypto: CryptoKind;
  readonly #settings: Partial<NodeSettings>;
  readonly #joinEveryMs: number;

  constructor(options: WorldOptions) {
    this.seed = `${options.seed}`;
    this.random = createFastRandom(`${this.seed}|world`);
    this.#crypto = options.crypto ?? 'cheap';
    this.#settings = options.settings ?? {};
    this.#joinEveryMs = options.joinEveryMs ?? 100;
    this.network = new SimNetwork({
      seed: this.seed,
      clock: this.clock,
      trace: this.trace,
      counters: this.counters,
      faults: options.faults ?? CALM,
    });
    this.tap = createRequestTap(this.crypto('tap'), {
      isHonest: (index) => !this.hostile.has(index),
      sleptSinceMs: (index) => {
        const { clock, sleptMs } = this.nodes[index]!;
        return this.clock.nowMs() - clock.frozenUntilMs < WAKING_MS ? sleptMs : undefined;
      },
    });
  }

  crypto(purpose: string): Crypto {
    const random = createFastRandom(`${this.seed}|crypto|${purpose}`);
    const randomBytes = (length: number): Uint8Array => random.bytes(length);
    return this.#crypto === 'cheap' ? createCheapCrypto({ randomBytes }) : createSeededCrypto({ randomBytes });
  }

  /** What is printed beside every result of this world. */
  get cryptoNote(): string {
    return this.#crypto === 'cheap'
      ? 'cryptography is simulated (cheap-crypto.ts): sizes, flows and failures are real, secrets are not'
      : 'cryptography is real but for the KEM and the source of randomness (crypto/seeded.ts)';
  }

  settingsFor(count: number): Omit<NodeSettings, 'listen' | 'seeds'> {
    return {
      networkName: 'sim',
      role: ROLE.full,
      advertise: undefined,
      allowPrivateAddresses: this.#crypto === 'seeded',
      prefixRules: true,
      storeBytes: STORE_BYTES,
      publishClass: 'fast',
      fetchClass: 'fast',
      circuitsReady: 2,
      ...(count <= SMALL_WORLD_MAX ? SMALL_PROFILE : FULL_PROFILE),
      ...this.#settings,
    };
  }

  /** Every node in a /16 of its own, on public addresses unless that would cost stamps. */
  hostOf(index: number): string {
    if (this.#crypto === 'seeded') {
      if (index >= SEEDED_NODES_MAX) throw new RangeError(`at most ${SEEDED_NODES_MAX} nodes with real cryptography`);
      return `10.${index + 1}.0.1`;
    }
    const random = createFastRandom(`${this.seed}|host|${index}`);
    return `${20 + (index % 70)}.${Math.floor(index / 70) % 256}.${random.below(256)}.${1 + random.below(250)}`;
  }

  /** Adds a place without starting anything there. */
  addPlace(host?: string): SimNode {
    const index = this.nodes.length;
    const random = createFastRandom(`${this.seed}|node|${index}`);
    const place: SimNode = {
      index,
      host: host ?? this.hostOf(index),
      disk: new SimDisk(this.clock, random.fork('disk'), this.counters),
      files: createMemoryFiles(),
      random,
      id: '',
      lives: 0,
      clock: this.clock.nodeClock(0),
      endpoint: undefined,
      node: undefined,
      isUp: false,
      sleptMs: undefined,
      explained: new Set(),
      encoded: new Uint8Array(0),
    };
    place.clock.dead = true;
    this.nodes.push(place);
    return place;
  }

  /** Grows a network of `count` nodes, one after the other, and lets it settle. Resolves when all have joined, or after the limit. */
  async grow(count: number, limitMs = 600_000): Promise<boolean> {
    await loadErasure();
    const settings = this.settingsFor(count);
    for (let i = 0; i < count; i++) this.addPlace();
    for (const place of this.nodes) {
      await this.start(place.index, settings);
      await this.clock.advance(this.#joinEveryMs);
    }
    return this.clock.runUntil(
      everySecond(this.clock, () => this.isReady()),
      limitMs,
    );
  }

  /** Every honest living node has peers and can build circuits. */
  isReady(): boolean {
    const wanted = Math.min(3, this.nodes.length - 1);
    return this.nodes.every((place) => {
      if (!place.isUp || this.hostile.has(place.index)) return true;
      const snapshot = place.node?.snapshot();
      return snapshot !== undefined && snapshot.peers.length > 0 && snapshot.onion.usableRelays >= wanted;
    });
  }

  /** As begin, moving time on until the node stands. */
  start(index: number, settings = this.settingsFor(this.nodes.length)): Promise<void> {
    return this.inTime(this.begin(index, settings), 60_000);
  }

  /** A new life at this place: same host, same disk, same identity as before. Somebody else must move time on. */
  async begin(index: number, settings = this.settingsFor(this.nodes.length)): Promise<void> {
    const place = this.nodes[index]!;
    if (place.isUp) throw new Error(`node ${index} is up already`);
    const life = place.lives++;
    if (life > 0) this.counters.restart++;
    place.clock = this.clock.nodeClock(place.clock.wallOffsetMs);
    place.isUp = true;
    const { clock } = place;
    const endpoint = this.network.attach(index, place.host, clock);
    place.endpoint = endpoint;
    const starting = createNode(
      {
        clock,
        random: place.random.fork(`life-${life}`),
        crypto: this.crypto(`${index}|${life}`),
        transport: this.network.transport(endpoint),
        disk: place.disk,
        files: place.files,
        compute: createInlineCompute(),
        log: { write: (level, subsystem, text) => this.#log(index, level, `${subsystem}: ${text}`) },
      },
      { ...settings, listen: { host: place.host, port: PORT }, seeds: this.#seedsFor(place) },
      {
        version: 'sim',
        trace: true,
        observer: {
          received: (link, message) => {
            const conduct = this.hostile.get(index);
            if (conduct !== undefined) corrupt(this, conduct, link, this.#corrupted);
            const from = link.peer === undefined ? -1 : (this.byId.get(link.peerKey) ?? -1);
            this.trace.record(this.clock.nowMs(), `${message.type} ${from} ${index}`);
            this.tap.received(this.clock.nowMs(), from, index, message);
          },
          traced: (event) => this.#traced(place, event),
        },
      },
    );
    const node = await starting;
    if (clock.dead) return; // crashed while it started
    place.node = node;
    place.encoded = node.descriptor.encoded;
    place.id = hexKey(node.descriptor.nodeId);
    this.byId.set(place.id, index);
    this.trace.record(this.clock.nowMs(), `up ${index}`);
  }

  #seedsFor(place: SimNode): Uint8Array[] {
    const known = this.nodes.filter(
      (other) => other !== place && other.encoded.length > 0 && !this.hostile.has(other.index),
    );
    const up = known.filter((other) => other.isUp);
    return place.random
      .shuffled(up.length > 0 ? up : known)
      .slice(0, SEEDS_PER_NODE)
      .map(({ encoded }) => encoded);
  }

  #traced(place: SimNode, event: TraceEvent): void {
    const key = hexKey(event.ref.key);
    if (event.type === 'copyKept') {
      place.explained.add(key);
      this.trace.record(this.clock.nowMs(), `kept ${place.index} ${event.reason} ${event.by} ${key}`);
      return;
    }
    this.trace.record(this.clock.nowMs(), `circuit ${place.index} ${event.operation} ${key}`);
    if (event.relays.includes(place.id)) this.broken.push(`node ${place.index} is a relay of its own circuit`);
    if (new Set(event.relays).size !== event.relays.length)
      this.broken.push(`node ${place.index} built a circuit with a node twice`);
  }

  #log(index: number, level: string, text: string): void {
    if (level === 'debug' || level === 'trace') return;
    this.logged.push(`${this.clock.nowMs().toFixed(0)} node ${index} ${level} ${text}`);
    if (this.logged.length > LOG_LINES_KEPT) this.logged.splice(0, LOG_LINES_KEPT / 2);
  }

  /** The process is killed; with `power`, the machine with it: unflushed writes are lost or torn, and its links fall silent. */
  crash(index: number, power = true): void {
    const place = this.nodes[index]!;
    if (!place.isUp) return;
    this.counters.crash++;
    this.trace.record(this.clock.nowMs(), `crash ${index}`);
    this.#end(place, power);
    if (power) place.disk.crash();
    else place.disk.release();
  }

  #end(place: SimNode, silently: boolean): void {
    place.clock.dead = true;
    if (place.endpoint !== undefined) this.network.detach(place.endpoint, silently);
    place.endpoint = undefined;
    place.node = undefined;
    place.isUp = false;
    this.tap.forget(place.index);
  }

  /** As leave, moving time on until the node is gone. */
  stop(index: number): Promise<void> {
    return this.inTime(this.leave(index), 120_000);
  }

  /** Leaves in good order; afterwards no timer of that life may be left. Somebody else must move time on. */
  async leave(index: number): Promise<void> {
    const place = this.nodes[index]!;
    const { node, clock } = place;
    if (node === undefined) return;
    this.counters.cleanStop++;
    place.node = undefined;
    await node.stop();
    // What was on its way to it arrives at a closed door, and a disk may still be flushing.
    await new Promise<void>((resolve) => this.clock.setTimer(5_000, resolve));
    if (clock.pending > 0) this.broken.push(`node ${index} left ${clock.pending} timers behind when it stopped`);
    this.#end(place, false);
    place.disk.release();
    this.trace.record(this.clock.nowMs(), `stop ${index}`);
  }

  /** The machine sleeps: everything due meanwhile happens when it wakes. */
  suspend(index: number, ms: number): void {
    this.counters.suspend++;
    const place = this.nodes[index]!;
    const nowMs = this.clock.nowMs();
    if (place.clock.frozenUntilMs <= nowMs) place.sleptMs = nowMs;
    place.clock.frozenUntilMs = nowMs + ms;
    this.trace.record(this.clock.nowMs(), `suspend ${index} ${ms.toFixed(0)}`);
  }

  /** The wall clock of one node leaps, now and for its later lives. */
  jumpClock(index: number, ms: number): void {
    this.counters.clockJump++;
    this.nodes[index]!.clock.wallOffsetMs += ms;
    this.trace.record(this.clock.nowMs(), `jump ${index} ${ms.toFixed(0)}`);
  }

  /** Nodes on different sides cannot reach each other until the returned function is called. */
  partition(sideOf: (index: number) => number): () => void {
    this.counters.partition++;
    this.trace.record(this.clock.nowMs(), 'partition');
    const heal = this.network.block((from, to) => sideOf(from) !== sideOf(to));
    return () => {
      this.trace.record(this.clock.nowMs(), 'heal');
      heal();
    };
  }

  up(): SimNode[] {
    return this.nodes.filter((place) => place.node !== undefined && !this.hostile.has(place.index));
  }

  advance(ms: number): Promise<void> {
    return this.clock.advance(ms);
  }

  /** Runs virtual time on until the promise settles. */
  async inTime<T>(promise: Promise<T>, limitMs: number): Promise<T> {
    let settled = false;
    const watched = promise.finally(() => {
      settled = true;
    });
    watched.catch(() => {});
    if (!(await this.clock.runUntil(() => settled, limitMs)))
      throw new Error(`not settled within ${limitMs} virtual ms`);
    return watched;
  }

  /** Stops every node; then nothing may be left. */
  async stopAll(): Promise<void> {
    for (const place of this.nodes) if (place.node !== undefined) await this.stop(place.index);
  }

  /** Broken invariants so far; `quiet`: the world has been idle long enough that nothing may be under way. */
  check(quiet = false): string[] {
    return [...this.broken, ...this.tap.broken, ...checkWorld(this, quiet)];
  }
}

/** A condition that costs something, asked once in a virtual second instead of after each event. */
export function everySecond(clock: SimClock, holds: () => boolean): () => boolean {
  let askedMs = Number.NEGATIVE_INFINITY;
  let last = false;
  return () => {
    if (clock.nowMs() - askedMs < 1_000) return last;
    askedMs = clock.nowMs();
    last = holds();
    return last;
  };
}
