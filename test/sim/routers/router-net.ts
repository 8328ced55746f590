/**
 * A network of real routers over the links that the product's choice of peers leads to; everything below and above them is a stand-in.
 *
 * Shape   RouterNet builds `count` routers (daemon/router) with stores in memory. Messages travel as objects, after a latency that belongs
 *         to the link. A node with a conduct does not route: it does what its conduct says with each message. A client is a few lines:
 *         it asks one exit after another, each for another replica.
 * Unit    virtual milliseconds; latency per link lognormal with median 20 ms one way.
 * Why     whole nodes cost a hundred times as much, and what these experiments attack is routing and ownership. What is left out is said
 *         by each experiment: circuits (an exit is drawn at random), the link layer, and changes of peers while it runs.
 * @module
 */
import {
  type BlockRef,
  type CopyReason,
  KIND,
  type Replica,
  type RingLocation,
  ringLocation,
  routingKey,
} from '../../../daemon/ids.ts';
import { distance } from '../../../daemon/keys/location.ts';
import type { Link } from '../../../daemon/link/link-types.ts';
import { createRouter, type Router } from '../../../daemon/router/router.ts';
import type { BlockStore, OwnedPage, PutResult } from '../../../daemon/store/store-types.ts';
import { roundedLocations } from '../../../daemon/topology/claims.ts';
import type { Peer } from '../../../daemon/topology/topology-types.ts';
import type { Descriptor } from '../../../daemon/wire/descriptor-types.ts';
import type { Message } from '../../../daemon/wire/messages.ts';
import type { Links } from '../routing/links.ts';
import type { NodeSet } from '../routing/node-set.ts';
import { buildProductLinks, nodeKey } from '../routing/product-links.ts';
import { createCheapCrypto } from '../world/cheap-crypto.ts';
import { createFastRandom, type SimRandom } from '../world/fast-random.ts';
import { createSimClock, type SimClock } from '../world/sim-clock.ts';

const LATENCY_MU = Math.log(20);
const LATENCY_SIGMA = 0.7;
export const OWNERS = 3;
export const OWNERS_REPLICATED = 8;
const STRANGER_LATENCY_MS = 5;
const NO_WORK = new Uint8Array(8);

/** What a hostile node does with a message; what it sends back goes through `reply`. */
export type Conduct = (message: Message, reply: (message: Message) => void) => void;

export interface RouterNetOptions {
  readonly seed: string;
  readonly nodes: NodeSet;
  readonly peers: number;
  readonly usesEstimates?: boolean;
  /** Instead of those that the product's choice of peers leads to. */
  readonly links?: Links;
  /** What each node says of its own peers' places; by default the truth. */
  readonly claimsOf?: (node: number, truth: readonly number[]) => readonly number[];
  /** Whom a node has known too shortly to read from; by default nobody. */
  readonly isNew?: (node: number, peer: number) => boolean;
  readonly placeOf?: (block: number, replica: Replica) => RingLocation;
}

export interface NetNode {
  readonly index: number;
  readonly router: Router;
  readonly peers: Peer[];
  readonly store: PlainStore;
  conduct: Conduct | undefined;
}

/** Holds what it is given. */
export class PlainStore implements BlockStore {
  readonly #held = new Map<number, { bytes: Uint8Array; reason: CopyReason }>();
  async get(ref: BlockRef): Promise<Uint8Array | undefined> {
    return this.#held.get(blockOf(ref))?.bytes;
  }
  has(ref: BlockRef): boolean {
    return this.#held.has(blockOf(ref));
  }
  reasonOf(ref: BlockRef): CopyReason | undefined {
    return this.#held.get(blockOf(ref))?.reason;
  }
  async put(ref: BlockRef, _replica: Replica, bytes: Uint8Array, reason: CopyReason): Promise<PutResult> {
    // Blocks that passed by are not kept: these experiments ask what owners alone achieve.
    if (reason === 'path') return { type: 'present' };
    if (this.#held.has(blockOf(ref))) return { type: 'present' };
    this.#held.set(blockOf(ref), { bytes, reason });
    return { type: 'stored' };
  }
  async delete(ref: BlockRef): Promise<void> {
    this.#held.delete(blockOf(ref));
  }
  stats(): never {
    throw new Error('a router does not ask for it');
  }
  async owned(): Promise<OwnedPage> {
    return { held: [], next: undefined };
  }
  async close(): Promise<void> {}
}

/** Block number n: its key is n, and its bytes begin with its key. */
export function refOf(block: number): BlockRef {
  const key = new Uint8Array(32);
  new DataView(key.buffer).setUint32(0, block);
  return { kind: KIND.chk, key: routingKey(key) };
}

function blockOf(ref: BlockRef): number {
  return new DataView(ref.key.buffer, ref.key.byteOffset).getUint32(0);
}

export function payloadOf(block: number): Uint8Array {
  const payload = new Uint8Array(36);
  payload.set(refOf(block).key);
  return payload;
}

export class RouterNet {
  readonly clock: SimClock = createSimClock();
  readonly random: SimRandom;
  readonly nodes: NetNode[] = [];
  readonly places: NodeSet;
  readonly #options: RouterNetOptions;
  /** Messages by all, since the start. */
  messages = 0;

  constructor(options: RouterNetOptions) {
    const { seed, nodes: places, peers } = options;
    this.#options = options;
    this.places = places;
    this.random = createFastRandom(`${seed} net`);
    const crypto = createCheapCrypto({ randomBytes: (length) => this.random.bytes(length) });
    const links = options.links ?? buildProductLinks(places, peers, seed);
    for (let index = 0; index < places.count; index++) {
      const store = new PlainStore();
      const own: Peer[] = [];
      const router = createRouter(
        {
          clock: this.clock,
          random: createFastRandom(`${seed}|router|${index}`),
          crypto,
          log: { write: () => {} },
          view: { ownLocation: places.locationOf(index), peers: () => own, estimatedNodes: () => places.count },
          store,
          verify: (ref, bytes) => bytes.length === 36 && blockOf(ref) === new DataView(bytes.buffer).getUint32(0),
          locate: (ref, replica) => this.locate(blockOf(ref), replica),
        },
        {
          owners: OWNERS,
          ownersReplicated: OWNERS_REPLICATED,
          usesEstimates: options.usesEstimates ?? true,
        },
      );
      this.nodes.push({ index, router, peers: own, store, conduct: undefined });
    }
    this.#isNew = options.isNew ?? (() => false);
    const claims = this.nodes.map(({ index }) => {
      const around = Array.from({ length: links.degrees[index]! }, (_, i) => ({
        location: places.locations[links.at(index, i)]!,
      }));
      const truth = roundedLocations(around);
      return options.claimsOf?.(index, truth) ?? truth;
    });
    for (let a = 0; a < places.count; a++) {
      for (let i = 0; i < links.degrees[a]!; i++) {
        const b = links.at(a, i);
        if (a < b) this.#join(a, b, claims);
      }
    }
  }

  /** Where a replica of a block lies. */
  locate(block: number, replica: Replica): RingLocation {
    const given = this.#options.placeOf?.(block, replica);
    if (given !== undefined) return given;
    let word = Math.imul(block * 8 + replica + 1, 0x9e3779b1);
    word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
    word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
    return ringLocation(((word ^ (word >>> 16)) >>> 0) / 2 ** 32);
  }

  isHonest(index: number): boolean {
    return this.nodes[index]!.conduct === undefined;
  }

  /** The nodes nearest to a place, nearest first. */
  nearest(place: RingLocation, count: number): number[] {
    const { places } = this;
    const at = places.nearest(place);
    const around = new Set<number>();
    for (let step = 0; step <= count; step++) {
      around.add((at + step) % places.count);
      around.add((at - step + places.count) % places.count);
    }
    const away = (node: number): number => distance(places.locationOf(node), place);
    return [...around].sort((a, b) => away(a) - away(b) || a - b).slice(0, count);
  }

  /** That node owns the block, as if it had been published before. */
  hold(index: number, block: number): void {
    void this.nodes[index]!.store.put(refOf(block), 0, payloadOf(block), 'owner');
  }

  /** One request of a circuit that ends at that node; a hostile exit answers nothing. */
  async fetchAt(exit: number, block: number, replica: Replica): Promise<boolean> {
    if (!this.isHonest(exit)) return false;
    const outcome = await this.nodes[exit]!.router.fetch(refOf(block), replica, `client of ${exit}`);
    return outcome.type === 'data';
  }

  /** Up to `tries` requests, each at another exit and for the next replica; how many it took, or undefined. */
  async fetch(block: number, replicas: number, tries: number): Promise<number | undefined> {
    const first = this.random.below(replicas);
    const exits = new Set<number>();
    for (let turn = 1; turn <= tries; turn++) {
      let exit = this.random.below(this.places.count);
      while (exits.has(exit)) exit = this.random.below(this.places.count);
      exits.add(exit);
      if (await this.fetchAt(exit, block, (first + turn) % replicas)) return turn;
    }
    return undefined;
  }

  /** As a client publishes: every replica until owners say that they have it, over another exit each time. */
  async publish(block: number, replicas: number, triesEach = 4): Promise<number> {
    const owners = replicas > 1 ? OWNERS_REPLICATED : OWNERS;
    let placed = 0;
    await Promise.all(
      Array.from({ length: replicas }, async (_, replica) => {
        for (let turn = 0; turn < triesEach; turn++) {
          const exit = this.random.below(this.places.count);
          if (!this.isHonest(exit)) continue;
          const outcome = await this.nodes[exit]!.router.insert(
            refOf(block),
            replica,
            owners,
            NO_WORK,
            payloadOf(block),
            `client of ${exit}`,
          );
          if (outcome.type !== 'inserted' || outcome.copies === 0) continue;
          placed++;
          return;
        }
      }),
    );
    return placed;
  }

  /** Runs `work(i)` for i = 0..count-1, one begun every `everyMs`, and time on until all have ended. */
  async each(count: number, everyMs: number, work: (index: number) => Promise<void>): Promise<void> {
    let left = count;
    let failure: unknown;
    for (let i = 0; i < count; i++) {
      this.clock.setTimer(i * everyMs, () => {
        work(i).then(
          () => left--,
          (error) => {
            failure = error;
            left = 0;
          },
        );
      });
    }
    await this.clock.runUntil(() => left === 0, count * everyMs + 3_600_000);
    if (failure !== undefined) throw failure;
  }

  #join(a: number, b: number, claims: readonly (readonly number[])[]): void {
    const latencyMs = this.random.logNormal(LATENCY_MU, LATENCY_SIGMA);
    const secret = this.random.bytes(32);
    const atA = new NetLink(this, a, b, latencyMs, secret);
    const atB = new NetLink(this, b, a, latencyMs, secret);
    atA.other = atB;
    atB.other = atA;
    this.#addPeer(a, b, atA, claims[b]!);
    this.#addPeer(b, a, atB, claims[a]!);
  }

  #isNew: (node: number, peer: number) => boolean = () => false;

  #addPeer(node: number, peer: number, link: NetLink, claims: readonly number[]): void {
    const location = this.places.locationOf(peer);
    const entry: Peer = {
      key: nodeKey(peer),
      descriptor: link.peer,
      location,
      link,
      since: 0,
      ringNeighbour: false,
      onProbation: this.#isNew(node, peer),
      claims,
    };
    this.nodes[node]!.peers.push(entry);
    this.nodes[node]!.router.peerUp(entry);
  }

  /** A link from outside to that node, which is nobody's peer; what the node answers goes to `hear`. */
  strangerLink(to: number, hear: (message: Message) => void): { send(message: Message): void; close(): void } {
    const secret = this.random.bytes(32);
    const atStranger = new NetLink(this, -1, to, STRANGER_LATENCY_MS, secret, hear);
    const atNode = new NetLink(this, to, to, STRANGER_LATENCY_MS, secret);
    atStranger.other = atNode;
    atNode.other = atStranger;
    return { send: (message) => void atStranger.sendMessage(message), close: () => atStranger.close() };
  }

  deliver(link: NetLink, message: Message): void {
    if (link.hear !== undefined) {
      link.hear(message);
      return;
    }
    const { router, conduct } = this.nodes[link.owner]!;
    if (conduct === undefined) router.handleMessage(link, message);
    else conduct(message, (answer) => void link.sendMessage(answer));
  }
}

class NetLink implements Link {
  static #handles = 0;
  readonly handle = NetLink.#handles++;
  readonly owner: number;
  readonly peer: Descriptor;
  readonly peerKey: string;
  readonly dialledByUs = true;
  readonly remote = { host: '127.0.0.1', port: 1 };
  readonly openedAtMs = 0;
  readonly rttMs = undefined;
  readonly counters = { bytesIn: 0, bytesOut: 0, recordsIn: 0, recordsOut: 0, paddingBytesOut: 0 };
  readonly queuedBytes = 0;
  readonly exporterSecret: Uint8Array;
  isOpen = true;
  other!: NetLink;
  /** Set at the end of a link that no node owns. */
  readonly hear: ((message: Message) => void) | undefined;
  readonly #net: RouterNet;
  readonly #latencyMs: number;

  constructor(
    net: RouterNet,
    owner: number,
    far: number,
    latencyMs: number,
    secret: Uint8Array,
    hear?: (message: Message) => void,
  ) {
    this.hear = hear;
    this.#net = net;
    this.owner = owner;
    this.peer = { location: net.places.locationOf(far) } as Descriptor;
    this.peerKey = owner === far ? `stranger ${this.handle}` : nodeKey(far);
    this.exporterSecret = secret;
    this.#latencyMs = latencyMs;
  }

  sendMessage(message: Message): boolean {
    if (!this.isOpen) return true;
    this.#net.messages++;
    this.#net.clock.setTimer(this.#latencyMs, () => {
      if (this.other.isOpen) this.#net.deliver(this.other, message);
    });
    return true;
  }
  sendCell(): boolean {
    throw new Error('routers send no cells');
  }
  close(): void {
    for (const end of [this, this.other]) {
      if (!end.isOpen) continue;
      end.isOpen = false;
      const node = this.#net.nodes[end.owner];
      if (node === undefined) continue;
      const at = node.peers.findIndex((peer) => peer.link === end);
      const [gone] = at < 0 ? [] : node.peers.splice(at, 1);
      if (gone !== undefined) node.router.peerDown(gone);
      node.router.linkClosed(end);
    }
  }
}

/** Takes every request and says nothing more about it. */
export const dropAll: Conduct = (message, reply) => {
  if (message.type === 'Fetch' || message.type === 'Insert') reply({ type: 'Accepted', id: message.id });
};

/** Says at once that it has nothing, and that it stored what it threw away. */
export const denyAll: Conduct = (message, reply) => {
  if (message.type === 'Fetch') reply({ type: 'DataNotFound', id: message.id });
  if (message.type === 'Insert') reply({ type: 'Inserted', id: message.id, copies: 8 });
  if (message.type === 'StoreCopy') reply({ type: 'Inserted', id: message.id, copies: 1 });
};
