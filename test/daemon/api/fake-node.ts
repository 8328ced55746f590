/**
 * A node that is only its surface: fixed numbers, and a client that keeps what is published in memory.
 * @module
 */
import type {
  Client,
  FetchTransfer,
  PublishTransfer,
  TransferKind,
  TransferProgress,
} from '../../../daemon/client/client-types.ts';
import { createKeyRing } from '../../../daemon/client/key-ring.ts';
import type { TransferQueue } from '../../../daemon/client/queue-types.ts';
import { LocalError } from '../../../daemon/errors.ts';
import { nodeId, type RingLocation, ringLocation, routingKey } from '../../../daemon/ids.ts';
import { HTL_MAX } from '../../../daemon/limits.ts';
import type { Link } from '../../../daemon/link/link-types.ts';
import type { Node, NodeSnapshot, StoreControl } from '../../../daemon/node-types.ts';
import type { Peer } from '../../../daemon/topology/topology-types.ts';
import { BINDING, type Descriptor, ROLE } from '../../../daemon/wire/descriptor-types.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { createMemoryDisk } from '../../support/memory-disk.ts';
import { testCrypto } from '../../support/test-crypto.ts';

const keyRecords = await createMemoryDisk().openRecords('keys');

export const HOST = '127.9.8.7';

export interface FakeNode extends Node {
  /** What `publish` took, by URI. */
  readonly documents: Map<string, Uint8Array>;
  readonly published: { contentType?: string; name?: string; convergent: boolean; trafficClass: string }[];
  /** Chunks of a fetch wait for this. */
  gate: Promise<void>;
  bytesIn: number;
  peersUp: number;
  writeFailures: number;
  isCounting: boolean;
  isTracing: boolean;
  /** What was asked of the peers. */
  readonly asked: string[];
  /** Chunks handed to the reader so far. */
  chunksRead: number;
}

/** Resizes at once and verifies for ever. */
function fakeStore(): StoreControl {
  let verifying = { isRunning: false, done: 0, total: 0, damaged: 0, cached: 0 };
  return {
    verify() {
      if (verifying.isRunning) return false;
      verifying = { isRunning: true, done: 1, total: 10, damaged: 0, cached: 3 };
      return true;
    },
    get verifying() {
      return verifying;
    },
    planResize: (sizeBytes) => ({ sizeBytes, slots: 1, evictedStore: 2, evictedCache: 3, evictedRecords: 4 }),
    resize: () => {},
    resizing: { isRunning: false, done: 0, total: 0 },
    changePassphrase: () => {},
  };
}

function descriptor(location: RingLocation): Descriptor {
  return {
    nodeId: nodeId(new Uint8Array(32).fill(7)),
    identityKey: new Uint8Array(32),
    sequence: 1,
    linkKey: new Uint8Array(32),
    onionKey: new Uint8Array(32),
    nextOnionKey: new Uint8Array(32),
    addresses: [{ host: HOST, port: 9480 }],
    role: ROLE.full,
    location,
    binding: BINDING.nodeId,
    bindingIndex: 0,
    stamp: new Uint8Array(8),
    version: '0.1.0',
    issuedHour: 1,
    encoded: new Uint8Array([1, 2, 3]),
  };
}

function peer(index: number): Peer {
  const link: Link = {
    handle: index,
    peer: descriptor(ringLocation(index / 10)),
    peerKey: `${index}`,
    dialledByUs: index % 2 === 0,
    remote: { host: HOST, port: 1 },
    openedAtMs: 0,
    rttMs: index === 1 ? undefined : 1.23456,
    counters: { bytesIn: 10, bytesOut: 20, recordsIn: 1, recordsOut: 1, paddingBytesOut: 0 },
    queuedBytes: 0,
    isOpen: true,
    exporterSecret: new Uint8Array(32),
    sendMessage: () => true,
    sendCell: () => true,
    close: () => {},
  };
  return {
    key: `${index}`,
    descriptor: descriptor(ringLocation(index / 10)),
    location: ringLocation(index / 10),
    link,
    since: 0,
    ringNeighbour: index < 3,
    claims: [index * 100],
  };
}

export function createFakeNode(nowMs: () => number): FakeNode {
  const documents = new Map<string, Uint8Array>();
  const progress = new Map<string, TransferProgress>();
  const listeners = new Set<(changed: TransferProgress) => void>();
  let count = 0;

  function update(id: string, change: Partial<TransferProgress>): void {
    const changed = { ...progress.get(id)!, ...change };
    if (progress.get(id)!.endedAtMs !== undefined) return;
    progress.set(id, changed);
    for (const listener of listeners) listener(changed);
  }

  function begin(kind: TransferKind): string {
    const id = (++count).toString(16).padStart(16, '0');
    progress.set(id, {
      id,
      kind,
      stage: 'connecting',
      trafficClass: 'fast',
      startedAtMs: nowMs(),
      endedAtMs: undefined,
      blocksHave: 0,
      blocksNeeded: undefined,
      blocksInFlight: 0,
      blocksMissed: 0,
      bytes: 0,
      totalBytes: undefined,
      exits: 5,
      contentType: undefined,
      copiesMin: undefined,
      error: undefined,
    });
    return id;
  }

  const fail = (id: string, error: LocalError): void =>
    update(id, {
      stage: error.code === 'cancelled' ? 'cancelled' : 'failed',
      endedAtMs: nowMs(),
      error: { code: error.code, detail: error.detail },
    });

  const keys = createKeyRing(
    { crypto: testCrypto('keys'), clock: createManualClock(), records: keyRecords, homeKey: new Uint8Array(32) },
    { logN: 4 },
  );
  const client: Client = {
    publish(source, options): PublishTransfer {
      const id = begin('publish');
      node.published.push(options);
      const result = (async () => {
        const parts: Uint8Array[] = [];
        try {
          for await (const part of source) {
            if (progress.get(id)!.endedAtMs !== undefined) throw new LocalError('cancelled');
            parts.push(part.slice());
            update(id, { stage: 'inserting', bytes: progress.get(id)!.bytes + part.length });
          }
        } catch (error) {
          fail(id, error as LocalError);
          throw error;
        }
        const bytes = Buffer.concat(parts);
        const uri = `CHK@fake-${id}`;
        documents.set(uri, bytes);
        update(id, { stage: 'done', endedAtMs: nowMs(), totalBytes: bytes.length, blocksNeeded: 3, copiesMin: 2 });
        return uri;
      })();
      return { id, result };
    },
    async newestEdition() {
      throw new LocalError('not_found');
    },
    async search() {
      return { hits: [], buckets: 16, answered: 16 };
    },
    generateKeys: () => ({ insertUri: 'SSK@fake-insert', requestUri: 'SSK@fake-request' }),
    publishDirectory(files, options): PublishTransfer {
      async function* joined(): AsyncGenerator<Uint8Array> {
        for await (const { path, sizeBytes, content } of files) {
          yield Buffer.from(`${path} ${sizeBytes}:`);
          yield* content;
        }
      }
      return client.publish(joined(), options);
    },
    fetch(uri, options): FetchTransfer {
      if (!uri.startsWith('CHK@')) throw new LocalError('bad_uri', 'it names no type');
      const id = begin('fetch');
      const bytes = documents.get(uri);
      const metadata = (async () => {
        if (bytes === undefined) throw new LocalError('not_found');
        if (options.maxBytes !== undefined && bytes.length > options.maxBytes) throw new LocalError('too_large');
        return { sizeBytes: bytes.length, contentBytes: bytes.length, contentType: 'text/plain', name: undefined };
      })();
      metadata.catch((error: LocalError) => fail(id, error));
      async function* content(): AsyncGenerator<Uint8Array> {
        for (let at = 0; at < bytes!.length; at += 65_536) {
          await node.gate;
          if (progress.get(id)!.endedAtMs !== undefined) throw new LocalError('cancelled');
          node.chunksRead++;
          yield bytes!.subarray(at, at + 65_536);
        }
        update(id, { stage: 'done', endedAtMs: nowMs(), bytes: bytes!.length, totalBytes: bytes!.length });
      }
      return { id, metadata, content: content() };
    },
    cancel(id) {
      const found = progress.get(id);
      if (found === undefined || found.endedAtMs !== undefined) return false;
      fail(id, new LocalError('cancelled'));
      return true;
    },
    transfers: () => [...progress.values()],
    onProgress(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };

  const region = { blocks: 1, bytes: 32_768, bytesMax: 1e6, hits: 0, evicted: 0 };
  const node: FakeNode = {
    documents,
    published: [],
    gate: Promise.resolve(),
    bytesIn: 1_000,
    peersUp: 3,
    writeFailures: 0,
    isCounting: false,
    isTracing: false,
    asked: [],
    chunksRead: 0,
    settings: {
      networkName: 'fake',
      role: ROLE.full,
      listen: { host: HOST, port: 9480 },
      advertise: undefined,
      seeds: [],
      allowPrivateAddresses: true,
      prefixRules: true,
      ringNeighboursEachSide: 1,
      longLinks: 2,
      peersMax: 16,
      owners: 2,
      ownersReplicated: 2,
      storeBytes: 1e6,
      publishClass: 'fast',
      fetchClass: 'fast',
      circuitsReady: 1,
    },
    descriptor: descriptor(ringLocation(0.123456)),
    boundAddress: { host: HOST, port: 9480 },
    client,
    queue: NO_QUEUE,
    keys,
    store: fakeStore(),
    peers: {
      ban(key, forMs) {
        node.asked.push(`ban ${key} ${forMs}`);
        return key !== '9';
      },
      banned: 1,
      async add(descriptors) {
        node.asked.push(`add ${descriptors.length}`);
        return { tried: descriptors.length, linked: descriptors[0]?.length === 3 ? 1 : 0 };
      },
    },
    routing: {
      countKeys(on) {
        node.isCounting = on;
      },
      traceKey(ref) {
        node.asked.push(ref === undefined ? 'trace ends' : `trace ${ref.kind}`);
        node.isTracing = ref !== undefined;
      },
      tracedKey: () =>
        node.isTracing
          ? {
              place: ringLocation(0.654321),
              ownDistance: 0.25,
              candidates: [{ peerKey: '1', distance: 0.123456, byClaim: true }],
              steps: [
                { type: 'arrived', what: 'fetch', peerKey: '2', htl: 7, atMs: nowMs() },
                { type: 'asked', peerKey: '1', byClaim: true, atMs: nowMs() },
              ],
            }
          : undefined,
    },
    traceEvents: () => [
      { type: 'copyKept', ref: { kind: 1, key: routingKey(new Uint8Array(32)) }, reason: 'path', by: 'dataReturned' },
    ],
    holds: () => 'path',
    stop: async () => {},
    snapshot: (): NodeSnapshot => ({
      nowMs: nowMs(),
      startedAtMs: 0,
      location: ringLocation(0.123456),
      locationSinceMs: 0,
      joinStage: 'joined',
      estimatedNodes: 8,
      clockOffsetMs: 12,
      peers: [peer(1), peer(2), peer(9)].slice(0, node.peersUp),
      links: [peer(1).link, peer(2).link, peer(9).link],
      router: {
        counters: {
          exitFetches: 1,
          exitInserts: 2,
          fetchesReceived: 3,
          insertsReceived: 4,
          fetchesForwarded: 5,
          insertsForwarded: 6,
          copiesSent: 7,
          handoffsOffered: 0,
          handoffsTaken: 0,
          healed: 0,
          found: 8,
          foundInStore: 5,
          foundInCache: 3,
          notFound: 2,
          failed: 1,
          coalesced: 0,
          rejectedLoop: 0,
          rejectedOverload: 0,
          timeouts: 0,
          badBlocks: 0,
          htlExhausted: 0,
          answeredNoRoute: 1,
          answeredRecentlyFailed: 2,
        },
        pending: 1,
        failureTable: 0,
        byHtl: Array.from({ length: HTL_MAX + 1 }, () => ({ seen: 0, found: 0, notFound: 0, failed: 0 })),
        timeHistogram: [0, 0, 8, 1, 1, ...new Array(11).fill(0)],
        arrivals: {
          fetchesByKind: [2, 1, 0, 0],
          insertsByKind: [3, 0, 1, 0],
          byPlace: [1, 2, 4, ...new Array(13).fill(0)],
        },
        busyKeys: node.isCounting
          ? [{ name: '1/0/abcdef', place: ringLocation(0.123456), count: 9, error: 1 }]
          : undefined,
      },
      store: {
        store: region,
        cache: region,
        records: 0,
        lookups: 1,
        misses: 1,
        damaged: 0,
        writeFailures: node.writeFailures,
        copies: { owner: 1, path: 2, handoff: 3 },
        recordsEvicted: 0,
        sizeBytes: 64 * 2 ** 20,
        isSealed: false,
      },
      onion: {
        circuits: [{ alias: 1, use: 'ready', hops: 3, ageMs: 5, cellsIn: 1, cellsOut: 2, buildMs: 10 }],
        ready: 1,
        building: 0,
        built: 1,
        buildFailures: 0,
        relayed: { guard: 0, middle: 0, exit: 0 },
        cellsRelayed: 0,
        usableRelays: 7,
        guardSinceMs: 0,
        guardUp: true,
      },
      bytesIn: node.bytesIn,
      bytesOut: 2_000,
      seedsTried: 1,
      seedsAnswered: 1,
    }),
  };
  return node;
}

/** Holds nothing and takes nothing: the queue has its own tests, over a real client. */
const NO_QUEUE: TransferQueue = {
  fetch: async () => refuse(),
  publish: async () => refuse(),
  plan: async () => refuse(),
  entries: () => [],
  entry: () => undefined,
  pause: async () => refuse(),
  resume: async () => refuse(),
  retry: async () => refuse(),
  prioritise: async () => refuse(),
  retag: async () => refuse(),
  remove: async () => refuse(),
  content: () => refuse(),
  onChange: () => () => {},
};

function refuse(): never {
  throw new LocalError('unknown_transfer');
}
