/**
 * Many topologies in one process over the smallest possible links: real messages through the real codec, batched deliveries.
 * @module
 */
import type { Crypto } from '../../../../crypto/provider.ts';
import { ProtocolError } from '../../../../daemon/errors.ts';
import { hexKey, nodeId } from '../../../../daemon/ids.ts';
import { KEEPALIVE_INTERVAL_MS } from '../../../../daemon/limits.ts';
import type { Link, LinkProber, Links } from '../../../../daemon/link/link-types.ts';
import type { Clock, Records } from '../../../../daemon/ports.ts';
import { createTopology, type Topology, type TopologyOptions } from '../../../../daemon/topology/topology.ts';
import type { Peer } from '../../../../daemon/topology/topology-types.ts';
import { decodeMessage, encodeMessage } from '../../../../daemon/wire/codec.ts';
import { deriveLocation, signDescriptor } from '../../../../daemon/wire/descriptor.ts';
import { BINDING, type Descriptor, ROLE, type Role } from '../../../../daemon/wire/descriptor-types.ts';
import type { Message } from '../../../../daemon/wire/messages.ts';
import { createManualClock, type ManualClock } from '../../../support/manual-clock.ts';
import { createMemoryDisk } from '../../../support/memory-disk.ts';
import { createSeededRandom } from '../../../support/seeded-random.ts';
import { testCrypto } from '../../../support/test-crypto.ts';

const LATENCY_MS = 5;

export const DEVNET_PROFILE = { ringNeighboursEachSide: 1, longLinks: 2, peersMax: 16, prefixRules: true };
export const DEFAULT_PROFILE = { ringNeighboursEachSide: 4, longLinks: 16, peersMax: 64, prefixRules: false };

/** Signature checks and hashes are pure: in one process each needs doing once. */
export function memoCrypto(crypto: Crypto): Crypto {
  const verified = new Map<string, boolean>();
  return {
    ...crypto,
    verify(publicKey, message, signature) {
      const row = Buffer.concat([publicKey, signature, message]).toString('latin1');
      const known = verified.get(row) ?? crypto.verify(publicKey, message, signature);
      verified.set(row, known);
      return known;
    },
  };
}

export interface TestLink extends Link {
  /** What arrived, at an end that no topology owns. */
  readonly received: Message[];
  /** What this end shows of itself. */
  readonly self: Descriptor | undefined;
}

export interface TestNode {
  readonly index: number;
  readonly host: string;
  readonly key: string;
  readonly topology: Topology;
  readonly links: TestLinks;
  readonly ups: Peer[];
  readonly downs: Peer[];
  readonly records: Records;
  descriptor: Descriptor;
  wallOffsetMs: number;
  frozenUntilMs: number;
  up: boolean;
}

interface TestLinks extends Links, LinkProber {
  readonly open: Map<number, TestLink>;
}

export interface NodeOverrides extends Partial<TopologyOptions> {
  readonly host?: string;
  /** Starts again under this identity, with what it kept. */
  readonly again?: TestNode;
  readonly wallOffsetMs?: number;
}

export interface TopologyNet {
  readonly clock: ManualClock;
  readonly crypto: Crypto;
  readonly nodes: TestNode[];
  messages: number;
  probes: number;
  add(overrides?: NodeOverrides): Promise<TestNode>;
  /** Dials between these fail while it says so; existing links are for the test to cut. */
  blocked: (a: TestNode, b: TestNode) => boolean;
  /** Its streams lead nowhere any more, and neither end is told: another address, or a machine that slept. */
  deaden(node: TestNode): void;
  /** Nothing of it runs for so long; what was due happens when it wakes. */
  suspend(node: TestNode, ms: number): void;
  /** As kill -9: links are cut, nothing is said. */
  kill(node: TestNode): void;
  describe(seed: string, fields?: Partial<Descriptor>): Descriptor;
  /** A link from outside with hand-written messages; undefined peer: a light client. */
  strangerLink(to: TestNode, peer: Descriptor | undefined, host?: string): TestLink;
  alive(): TestNode[];
  /** Pairs that should be ring neighbours and are not peers at both ends. */
  ringGaps(): string[];
}

export function createTopologyNet(seed: number, profile: typeof DEVNET_PROFILE = DEVNET_PROFILE): TopologyNet {
  const clock = createManualClock();
  const crypto = memoCrypto(testCrypto(seed));
  const nodes: TestNode[] = [];
  let handles = 0;
  const deaths = new Map<TestLink, () => void>();
  let batch: { readonly atMs: number; readonly work: (() => void)[] } | undefined;

  /** Everything sent in one moment arrives in one moment: one timer for all of it. */
  function later(work: () => void): void {
    const atMs = clock.nowMs() + LATENCY_MS;
    if (batch?.atMs !== atMs) {
      const fresh = { atMs, work: [] as (() => void)[] };
      batch = fresh;
      clock.setTimer(LATENCY_MS, () => {
        for (const item of fresh.work) item();
      });
    }
    batch.work.push(work);
  }

  function describe(name: string, fields: Partial<Descriptor> = {}): Descriptor {
    const random = createSeededRandom(`${seed}/${name}`);
    const signKey = crypto.signKey(random.bytes(32));
    const addresses = fields.addresses ?? [{ host: '127.1.0.1', port: 9480 }];
    const id = nodeId(crypto.sha256('holloway node', signKey.publicKey));
    return signDescriptor(crypto, signKey, {
      sequence: 1,
      linkKey: random.bytes(32),
      onionKey: random.bytes(32),
      nextOnionKey: random.bytes(32),
      addresses,
      role: ROLE.full,
      location: deriveLocation(crypto, id, BINDING.nodeId, addresses[0]!, 0),
      binding: BINDING.nodeId,
      bindingIndex: 0,
      stamp: new Uint8Array(8),
      version: 'test',
      issuedHour: Math.floor(clock.wallMs() / 3_600_000),
      ...fields,
    });
  }

  interface End {
    readonly node: TestNode | undefined;
    link: TestLink;
    isOpen: boolean;
    bytesIn: number;
    deadSinceMs: number;
  }

  function pair(
    dialler: TestNode | undefined,
    answerer: TestNode,
    diallerDescriptor: Descriptor | undefined,
    host: string,
  ): [TestLink, TestLink] {
    const make = (node: TestNode | undefined, peer: Descriptor | undefined, at: string, dialled: boolean): End => {
      const handle = ++handles;
      const end: End = {
        node,
        isOpen: true,
        bytesIn: 0,
        deadSinceMs: Number.POSITIVE_INFINITY,
        link: undefined as unknown as TestLink,
      };
      end.link = {
        handle,
        peer,
        peerKey: peer === undefined ? `light-${handle}` : hexKey(peer.nodeId),
        dialledByUs: dialled,
        remote: { host: at, port: 9480 },
        openedAtMs: clock.nowMs(),
        rttMs: LATENCY_MS * 2,
        counters: {
          // Keepalive says something on every link that leads anywhere.
          get bytesIn() {
            return end.bytesIn + Math.floor(Math.min(end.deadSinceMs, clock.nowMs()) / KEEPALIVE_INTERVAL_MS);
          },
          bytesOut: 0,
          recordsIn: 0,
          recordsOut: 0,
          paddingBytesOut: 0,
        },
        queuedBytes: 0,
        get isOpen() {
          return end.isOpen;
        },
        exporterSecret: new Uint8Array(32),
        received: [],
        self: dialled ? diallerDescriptor : answerer.descriptor,
        sendMessage(message) {
          if (!end.isOpen) return true;
          net.messages++;
          const bytes = encodeMessage(message);
          later(() => {
            const other = end === a ? b : a;
            if (!other.isOpen || end.deadSinceMs <= clock.nowMs()) return;
            other.bytesIn += bytes.length;
            if (other.node === undefined) other.link.received.push(decodeMessage(bytes));
            else if (other.node.up) other.node.topology.handleMessage(other.link, decodeMessage(bytes));
          });
          return true;
        },
        sendCell: () => true,
        close: () => closeEnds(),
      };
      return end;
    };
    const closeEnds = (): void => {
      for (const end of [a, b]) {
        if (!end.isOpen) continue;
        end.isOpen = false;
        end.node?.links.open.delete(end.link.handle);
        if (end.node?.up) later(() => end.node!.topology.linkClosed(end.link));
      }
    };
    const a = make(dialler, answerer.descriptor, answerer.host, true);
    const b = make(answerer, diallerDescriptor, host, false);
    deaths.set(a.link, () => {
      a.deadSinceMs = clock.nowMs();
      b.deadSinceMs = clock.nowMs();
    });
    deaths.set(b.link, deaths.get(a.link)!);
    dialler?.links.open.set(a.link.handle, a.link);
    answerer.links.open.set(b.link.handle, b.link);
    answerer.topology.linkOpened(b.link);
    dialler?.topology.linkOpened(a.link);
    return [a.link, b.link];
  }

  function linksOf(self: () => TestNode): TestLinks {
    const open = new Map<number, TestLink>();
    const dials = new Map<string, Promise<Link>>();
    const get = (id: Uint8Array): Link | undefined => {
      const key = hexKey(id);
      for (const link of open.values()) if (link.peerKey === key) return link;
      return undefined;
    };
    return {
      open,
      get,
      all: () => [...open.values()],
      probe(at) {
        net.probes++;
        return new Promise((resolve, reject) => {
          later(() => {
            const target = nodes.findLast((node) => node.up && node.host === at.addresses[0]?.host);
            const isThere = self().up && target?.key === hexKey(at.nodeId) && !net.blocked(self(), target);
            if (isThere) resolve();
            else reject(new ProtocolError('ERR_DIAL'));
          });
        });
      },
      connect(to) {
        const key = hexKey(to.nodeId);
        const existing = get(to.nodeId);
        if (existing !== undefined) return Promise.resolve(existing);
        const shared = dials.get(key);
        if (shared !== undefined) return shared;
        const dial = new Promise<Link>((resolve, reject) => {
          later(() => {
            dials.delete(key);
            const from = self();
            const target = nodes.findLast((node) => node.up && node.host === to.addresses[0]?.host);
            if (!from.up || target?.key !== key || net.blocked(from, target)) {
              reject(new ProtocolError('ERR_DIAL'));
              return;
            }
            const shown = from.descriptor.role === ROLE.light ? undefined : from.descriptor;
            resolve(get(to.nodeId) ?? pair(from, target, shown, from.host)[0]);
          });
        });
        dials.set(key, dial);
        return dial;
      },
    };
  }

  const net: TopologyNet = {
    clock,
    crypto,
    nodes,
    messages: 0,
    probes: 0,
    blocked: () => false,
    describe,
    alive: () => nodes.filter((node) => node.up),
    async add(overrides = {}) {
      const { host: givenHost, again, wallOffsetMs, ...options } = overrides;
      const index = again?.index ?? nodes.length + 1;
      const host = givenHost ?? again?.host ?? `127.${index}.0.1`;
      const role: Role = options.role ?? ROLE.full;
      const descriptor = describe(`node-${index}`, {
        addresses: [{ host, port: 9480 }],
        role,
        sequence: (again?.descriptor.sequence ?? 0) + 1,
      });
      const links = linksOf(() => node);
      const ups: Peer[] = [];
      const downs: Peer[] = [];
      const records = again?.records ?? (await createMemoryDisk().openRecords('node'));
      let born: TestNode | undefined;
      const ownClock: Clock = {
        nowMs: () => clock.nowMs(),
        wallMs: () => clock.wallMs() + (born?.wallOffsetMs ?? wallOffsetMs ?? 0),
        setTimer(delayMs, fire) {
          let timer = clock.setTimer(delayMs, () => {
            const frozenMs = (born?.frozenUntilMs ?? 0) - clock.nowMs();
            if (frozenMs > 0) timer = clock.setTimer(frozenMs, fire);
            else fire();
          });
          return { cancel: () => timer.cancel() };
        },
      };
      const topology = createTopology(
        {
          clock: ownClock,
          random: createSeededRandom(`${seed}/topology-${index}/${descriptor.sequence}`),
          crypto,
          log: { write: () => {} },
          links,
          records,
        },
        {
          ...profile,
          role,
          seeds: nodes[0] === undefined ? [] : [nodes[0].descriptor.encoded],
          allowPrivateAddresses: true,
          ownDescriptor: () => node.descriptor,
          onPeerUp: (peer) => ups.push(peer),
          onPeerDown: (peer) => downs.push(peer),
          ...options,
        },
      );
      const node: TestNode = {
        index,
        host,
        key: hexKey(descriptor.nodeId),
        topology,
        links,
        ups,
        downs,
        records,
        descriptor,
        wallOffsetMs: wallOffsetMs ?? 0,
        frozenUntilMs: 0,
        up: true,
      };
      born = node;
      nodes.push(node);
      topology.start();
      return node;
    },
    deaden(node) {
      for (const link of node.links.open.values()) deaths.get(link)!();
    },
    suspend(node, ms) {
      node.frozenUntilMs = clock.nowMs() + ms;
    },
    kill(node) {
      node.up = false;
      for (const link of [...node.links.open.values()]) link.close('shutdown');
    },
    strangerLink: (to, peer, host = '127.200.0.1') => pair(undefined, to, peer, host)[0],
    ringGaps() {
      const alive = net.alive().filter((node) => node.descriptor.role !== ROLE.light);
      const order = alive.sort((x, y) => x.descriptor.location - y.descriptor.location);
      const gaps: string[] = [];
      order.forEach((node, index) => {
        const next = order[(index + 1) % order.length]!;
        if (next === node) return;
        const held = node.topology.peers().some((peer) => peer.key === next.key && peer.ringNeighbour);
        const holds = next.topology.peers().some((peer) => peer.key === node.key && peer.ringNeighbour);
        if (!held || !holds) gaps.push(`${node.index}-${next.index}`);
      });
      return gaps;
    },
  };
  return net;
}
