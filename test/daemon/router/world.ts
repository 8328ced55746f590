/**
 * A small world of routers over links in memory: hand-made peer tables, real encodings, time moved by hand.
 *
 * Shape   world.node(location) has a router and a store; world.puppet(location) is a peer that does what the test says. `sent` is
 *         everything that went over a link, in order.
 * Why     blocks are a few hundred bytes and checked by a plain hash, so that fifty nodes cost milliseconds; the real block store
 *         and real blocks have tests of their own.
 * @module
 */
import { createHash } from 'node:crypto';
import type { Crypto } from '../../../crypto/provider.ts';
import {
  type BlockRef,
  type CopyReason,
  hexKey,
  KIND,
  type Replica,
  type RingLocation,
  ringLocation,
  routingKey,
} from '../../../daemon/ids.ts';
import { locationOf } from '../../../daemon/keys/location.ts';
import type { Link } from '../../../daemon/link/link-types.ts';
import type { Clock, TraceEvent } from '../../../daemon/ports.ts';
import { createRouter, type Router } from '../../../daemon/router/router.ts';
import type { BlockStore, OwnedPage, PutResult } from '../../../daemon/store/store-types.ts';
import type { Peer, RoutingView } from '../../../daemon/topology/topology-types.ts';
import { decodeMessage, encodeMessage } from '../../../daemon/wire/codec.ts';
import type { Descriptor } from '../../../daemon/wire/descriptor-types.ts';
import type { Message } from '../../../daemon/wire/messages.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';
import { testCrypto } from '../../support/test-crypto.ts';

export interface Sent {
  readonly atMs: number;
  readonly from: string;
  readonly to: string;
  readonly message: Message;
}

/** A store that holds everything it is given, and remembers how it was asked. */
export class MapStore implements BlockStore {
  readonly blocks = new Map<string, { ref: BlockRef; replica: Replica; bytes: Uint8Array; reason: CopyReason }>();
  readonly reads: { touch: boolean }[] = [];
  /** What put answers instead, when set. */
  refuse: PutResult | undefined;
  /** Awaited by every read and write when set: a disk that hangs. */
  gate: Promise<void> | undefined;

  async get(ref: BlockRef, options?: { touch?: boolean }): Promise<Uint8Array | undefined> {
    this.reads.push({ touch: options?.touch ?? true });
    await this.gate;
    return this.blocks.get(name(ref))?.bytes;
  }
  has(ref: BlockRef): boolean {
    return this.blocks.has(name(ref));
  }
  reasonOf(ref: BlockRef): CopyReason | undefined {
    return this.blocks.get(name(ref))?.reason;
  }
  async put(ref: BlockRef, replica: Replica, bytes: Uint8Array, reason: CopyReason): Promise<PutResult> {
    await this.gate;
    if (this.refuse !== undefined) return this.refuse;
    const held = this.blocks.get(name(ref));
    if (held !== undefined && hexKey(held.bytes) !== hexKey(bytes)) return { type: 'collision', existing: held.bytes };
    if (held !== undefined && (held.reason !== 'path' || reason === 'path')) return { type: 'present' };
    this.blocks.set(name(ref), { ref, replica, bytes, reason });
    return { type: 'stored' };
  }
  async delete(ref: BlockRef): Promise<void> {
    this.blocks.delete(name(ref));
  }
  stats(): never {
    throw new Error('the router does not ask for it');
  }
  async owned(): Promise<OwnedPage> {
    return { held: [...this.blocks.values()].filter(({ reason }) => reason !== 'path'), next: undefined };
  }
  async close(): Promise<void> {}
}

function name(ref: BlockRef): string {
  return `${ref.kind}/${hexKey(ref.key)}`;
}

/** A CHK-like test block: any bytes, under their hash. */
export function testBlock(seed: number | string): { ref: BlockRef; payload: Uint8Array } {
  const payload = createSeededRandom(`block|${seed}`).bytes(426);
  return {
    ref: { kind: KIND.chk, key: routingKey(new Uint8Array(createHash('sha256').update(payload).digest())) },
    payload,
  };
}

/** An SSK-like test record: valid when it begins with its key. `version` makes different ones under the same key. */
export function testRecord(seed: number | string, version: number): { ref: BlockRef; payload: Uint8Array } {
  const key = createSeededRandom(`record|${seed}`).bytes(32);
  const payload = new Uint8Array(500).fill(version);
  payload.set(key);
  return { ref: { kind: KIND.ssk, key: routingKey(key) }, payload };
}

export function testVerify(ref: BlockRef, bytes: Uint8Array): boolean {
  if (ref.kind !== KIND.chk) return hexKey(bytes.subarray(0, 32)) === hexKey(ref.key);
  return createHash('sha256').update(bytes).digest('hex') === hexKey(ref.key);
}

interface End {
  readonly name: string;
  readonly location: RingLocation;
  receive(link: TestLink, message: Message): void;
  closed(link: TestLink): void;
  addPeer(peer: Peer): void;
  dropPeer(peer: Peer): void;
}

export class TestLink implements Link {
  readonly handle: number;
  readonly peer: Descriptor | undefined;
  readonly peerKey: string;
  readonly dialledByUs: boolean;
  readonly remote = { host: '127.0.0.1', port: 1 };
  readonly openedAtMs = 0;
  readonly rttMs = undefined;
  readonly counters = { bytesIn: 0, bytesOut: 0, recordsIn: 0, recordsOut: 0, paddingBytesOut: 0 };
  readonly queuedBytes = 0;
  readonly exporterSecret: Uint8Array;
  isOpen = true;
  closedWith: string | undefined;
  other!: TestLink;
  readonly owner: End;
  readonly #world: World;

  constructor(world: World, owner: End, far: End, secret: Uint8Array, dialledByUs: boolean, light = false) {
    this.handle = world.nextHandle++;
    this.#world = world;
    this.owner = owner;
    this.peer = light ? undefined : ({ location: far.location } as Descriptor);
    this.peerKey = light ? `light-${this.handle}` : far.name;
    this.exporterSecret = secret;
    this.dialledByUs = dialledByUs;
  }

  sendMessage(message: Message): boolean {
    if (this.isOpen) this.#world.carry(this, message);
    return true;
  }
  sendCell(): boolean {
    throw new Error('the router sends no cells');
  }
  close(reason: string): void {
    if (!this.isOpen) return;
    this.closedWith = reason;
    this.#world.cut(this);
  }
}

export interface PuppetCall {
  readonly link: TestLink;
  readonly message: Message;
}

/** A peer without a router. `onMessage` may answer at once; the rest is kept in `received`. */
export class Puppet implements End {
  readonly name: string;
  readonly location: RingLocation;
  readonly received: PuppetCall[] = [];
  onMessage: ((call: PuppetCall) => void) | undefined;

  constructor(name: string, location: RingLocation) {
    this.name = name;
    this.location = location;
  }
  receive(link: TestLink, message: Message): void {
    this.received.push({ link, message });
    this.onMessage?.({ link, message });
  }
  of<Type extends Message['type']>(type: Type): Extract<Message, { type: Type }>[] {
    return this.received.map(({ message }) => message).filter((message) => message.type === type) as Extract<
      Message,
      { type: Type }
    >[];
  }
  types(): string[] {
    return this.received.map(({ message }) => message.type);
  }
  closed(): void {}
  addPeer(): void {}
  dropPeer(): void {}
}

export class WorldNode implements End {
  readonly name: string;
  readonly location: RingLocation;
  readonly store: BlockStore;
  readonly peers: Peer[] = [];
  readonly trace: TraceEvent[] = [];
  readonly log: string[] = [];
  readonly router: Router;
  readonly links: TestLink[] = [];
  /** A node that hears nothing any more, and says nothing. */
  silent = false;
  estimatedNodes = 100;

  constructor(world: World, name: string, location: RingLocation, store: BlockStore) {
    this.name = name;
    this.location = location;
    this.store = store;
    const view: RoutingView = {
      ownLocation: location,
      peers: () => this.peers,
      estimatedNodes: () => this.estimatedNodes,
    };
    this.router = createRouter(
      {
        clock: world.clock,
        random: createSeededRandom(`${world.seed}|${name}`),
        crypto: world.crypto,
        log: { write: (_level, _subsystem, text) => void this.log.push(text) },
        view,
        store,
        verify: world.verify,
        locate: (ref, replica) => world.locate(ref, replica),
        trace: { record: (event) => void this.trace.push(event) },
      },
      { owners: 3, ownersReplicated: 8, handoffBytesPerSec: world.handoffBytesPerSec },
    );
  }
  get map(): MapStore {
    return this.store as MapStore;
  }
  receive(link: TestLink, message: Message): void {
    if (!this.silent) this.router.handleMessage(link, message);
  }
  closed(link: TestLink): void {
    this.router.linkClosed(link);
  }
  addPeer(peer: Peer): void {
    this.peers.push(peer);
    this.router.peerUp(peer);
  }
  dropPeer(peer: Peer): void {
    this.peers.splice(this.peers.indexOf(peer), 1);
    this.router.peerDown(peer);
  }
}

export class World {
  readonly clock = createManualClock();
  readonly crypto: Crypto;
  readonly seed: number | string;
  readonly latencyMs: number;
  readonly nodes: WorldNode[] = [];
  readonly sent: Sent[] = [];
  verify: (ref: BlockRef, bytes: Uint8Array) => boolean = testVerify;
  nextHandle = 1;
  /** Of nodes made from now on. */
  handoffBytesPerSec = 0;
  /** Where keys lie, when a test wants to say so. */
  placeOf: ((ref: BlockRef, replica: Replica) => number) | undefined;
  #ends = 0;

  constructor(options: { seed?: number | string; latencyMs?: number } = {}) {
    this.seed = options.seed ?? 1;
    this.latencyMs = options.latencyMs ?? 20;
    this.crypto = testCrypto(this.seed);
  }

  locate(ref: BlockRef, replica: Replica): RingLocation {
    return this.placeOf === undefined
      ? locationOf(this.crypto, ref, replica)
      : ringLocation(this.placeOf(ref, replica));
  }

  node(location: number, store: BlockStore = new MapStore()): WorldNode {
    const node = new WorldNode(this, this.#name(), ringLocation(location), store);
    this.nodes.push(node);
    return node;
  }

  puppet(location: number): Puppet {
    return new Puppet(this.#name(), ringLocation(location));
  }

  /** Both become each other's peer. Returns a's end of the link. */
  connect(a: End, b: End, claims: { a?: number[]; b?: number[] } = {}): TestLink {
    const secret = new Uint8Array(createHash('sha256').update(`${this.seed}|${a.name}|${b.name}`).digest());
    const atA = new TestLink(this, a, b, secret, true);
    const atB = new TestLink(this, b, a, secret, false);
    atA.other = atB;
    atB.other = atA;
    a.addPeer(peerOf(atA, b, claims.b ?? []));
    b.addPeer(peerOf(atB, a, claims.a ?? []));
    return atA;
  }

  /** A link from somebody who showed no descriptor and is nobody's peer. Returns his end. */
  lightLink(from: Puppet, to: End): TestLink {
    const secret = new Uint8Array(32);
    const atFrom = new TestLink(this, from, to, secret, true);
    const atTo = new TestLink(this, to, from, secret, false, true);
    atFrom.other = atTo;
    atTo.other = atFrom;
    return atFrom;
  }

  /** Encoded, carried after the latency, decoded: in order. */
  carry(link: TestLink, message: Message): void {
    this.sent.push({ atMs: this.clock.nowMs(), from: link.owner.name, to: link.other.owner.name, message });
    const bytes = encodeMessage(message);
    this.clock.setTimer(this.latencyMs, () => {
      if (link.other.isOpen) link.other.owner.receive(link.other, decodeMessage(bytes));
    });
  }

  cut(link: TestLink): void {
    for (const end of [link, link.other]) {
      if (!end.isOpen) continue;
      end.isOpen = false;
      const { owner } = end;
      if (owner instanceof WorldNode) {
        const peer = owner.peers.find((one) => one.link === end);
        if (peer !== undefined) owner.dropPeer(peer);
      }
      owner.closed(end);
    }
  }

  /** Cuts every link of a node. */
  kill(node: WorldNode): void {
    for (const peer of [...node.peers]) this.cut(peer.link as TestLink);
  }

  /** What everybody has told his peers by now of his other peers. */
  tellClaims(): void {
    for (const node of this.nodes) {
      for (const [index, peer] of node.peers.entries()) {
        const far = this.nodes.find((one) => one.name === peer.key);
        if (far === undefined) continue;
        const claims = far.peers.map((one) => Math.round(one.location * 4096) % 4096);
        node.peers[index] = { ...peer, claims };
      }
    }
  }

  async settle<T>(promise: Promise<T>, limitMs = 30_000): Promise<T> {
    let done = false;
    promise.then(
      () => {
        done = true;
      },
      () => {
        done = true;
      },
    );
    if (!(await this.clock.runUntil(() => done, limitMs))) throw new Error('no outcome within the limit');
    return promise;
  }

  stopAll(): void {
    for (const node of this.nodes) node.router.stop();
  }

  #name(): string {
    return createHash('sha256')
      .update(`${this.seed}|end|${this.#ends++}`)
      .digest('hex');
  }
}

function peerOf(link: TestLink, far: End, claims: readonly number[]): Peer {
  return {
    key: far.name,
    descriptor: link.peer!,
    location: far.location,
    link,
    since: 0,
    ringNeighbour: false,
    claims,
  };
}

/** A ring with `eachSide` neighbours on both sides and harmonic long links: the topology of design § 7 in small. */
export function ringWorld(options: { seed: number; nodes: number; eachSide?: number; longLinks?: number }): World {
  const world = new World({ seed: options.seed });
  const random = createSeededRandom(`ring|${options.seed}`);
  const places = Array.from({ length: options.nodes }, () => random.unit()).sort((a, b) => a - b);
  const ring = places.map((place) => world.node(place));
  for (const node of ring) node.estimatedNodes = options.nodes;
  const linked = new Set<string>();
  const link = (i: number, j: number): void => {
    const pair = `${Math.min(i, j)}-${Math.max(i, j)}`;
    if (i === j || linked.has(pair)) return;
    linked.add(pair);
    world.connect(ring[i]!, ring[j]!);
  };
  for (let i = 0; i < ring.length; i++) {
    for (let step = 1; step <= (options.eachSide ?? 2); step++) link(i, (i + step) % ring.length);
    for (let k = 0; k < (options.longLinks ?? 2); k++) {
      const away = Math.floor(Math.exp(random.unit() * Math.log(ring.length / 2)));
      link(i, (i + (random.unit() < 0.5 ? away : ring.length - away)) % ring.length);
    }
  }
  world.tellClaims();
  return world;
}

export const NO_WORK = new Uint8Array(8);

/** Every Fetch or Insert chain: per (operation, key), hop by hop, what was sent. */
export function messagesOf(world: World, type: Message['type']): Sent[] {
  return world.sent.filter((sent) => sent.message.type === type);
}

export type { Clock };
