/**
 * NodeSnapshot -> Status: what `status --json`, the event stream and the dashboard show.
 *
 * Shape   read('full') or read('readOnly'); the second rounds locations and leaves out addresses and transfer ids.
 * Unit    see schema.ts; percentiles are the upper edge of the log2 bucket they fall into, so never under the truth.
 * @module
 */
import { formatAddress } from '../../config/schema.ts';
import type { TransferProgress } from '../client/client-types.ts';
import type { QueueEntry } from '../client/queue-types.ts';
import { USER_ERRORS } from '../errors.ts';
import { KIND } from '../ids.ts';
import { API_CLIENTS_MAX, BLOCK_BYTES, PEERS_MAX, QUEUE_ENTRIES_MAX, TRANSFERS_MAX } from '../limits.ts';
import type { Node, NodeSnapshot } from '../node-types.ts';
import type { Clock } from '../ports.ts';
import type { Peer } from '../topology/topology-types.ts';
import { createAliases } from './aliases.ts';
import { createLostPeers, LOST_PEERS_KEPT } from './lost-peers.ts';
import { createSampler, type Totals } from './sampler.ts';
import type {
  HistoryStatus,
  LogLine,
  PeerStatus,
  RequestStatus,
  Status,
  StoreStatus,
  TransferStatus,
  WindowName,
} from './schema.ts';
import { verdictOf } from './verdict.ts';

export type Access = 'full' | 'readOnly';

export interface StatusSource {
  /** @param maxAgeMs the event stream shares one reading between all its readers; 0 reads anew */
  read(access: Access, maxAgeMs?: number, window?: WindowName): Status;
  /** One transfer as the status lists it. */
  transfer(progress: TransferProgress): TransferStatus;
  /** p07 for a peer's key. */
  peerAlias(key: string): string;
  /** The other way round, while it is a peer. */
  peerKey(alias: string): string | undefined;
  /** All lines that are kept, oldest first: more than a Status shows. */
  logLines(): readonly LogLine[];
  stop(): void;
}

export interface StatusDeps {
  readonly node: Node;
  readonly clock: Clock;
  /** The last lines kept by the log sink, oldest first. */
  readonly log: { lines(): readonly LogLine[] };
  readonly version: string;
  readonly pid: number;
  readonly memoryBytes: () => number;
  /** Free on the disk of the store; undefined where that cannot be told. */
  readonly diskFreeBytes?: () => number | undefined;
  /** Where the gateway listens, once it does. */
  readonly gateway?: () => string | undefined;
  /** Where FCP listens, once it does. */
  readonly fcp?: () => string | undefined;
}

/** Log lines in a Status: the ring keeps more, but every change of it is sent whole. */
const LOG_LINES_SHOWN = 100;
const BEYOND_MAX = 256;
/** What peers claim of their peers is in units of this part of the ring (design § 7). */
const CLAIM_UNITS = 4_096;
const DISK_LOOK_MS = 10_000;
/** Of the sampler's `lately`. */
const LATELY_S = 60;
const KIND_NAMES: readonly string[] = Object.keys(KIND);
const ROLE_NAMES = { 1: 'full', 2: 'light', 3: 'seed' } as const;

export function createStatusSource(deps: StatusDeps): StatusSource {
  const { node, clock } = deps;
  const peerAliases = createAliases('p', 2, PEERS_MAX * 4 + LOST_PEERS_KEPT);
  const transferAliases = createAliases('file-', 1, TRANSFERS_MAX + QUEUE_ENTRIES_MAX + API_CLIENTS_MAX);
  const lost = createLostPeers((key) => peerAliases.of(key));
  const sampler = createSampler(clock, () => {
    const snapshot = node.snapshot();
    lost.look(snapshot.peers, snapshot.nowMs, clock.wallMs());
    return totalsOf(snapshot, node);
  });
  let disk: { readonly atMs: number; readonly freeBytes: number | null } | undefined;
  let shared: { readonly atMs: number; readonly status: Status } | undefined;

  function transfer(progress: TransferProgress): TransferStatus {
    const running = progress.endedAtMs === undefined;
    const ageMs = (progress.endedAtMs ?? clock.nowMs()) - progress.startedAtMs;
    // Ended: the mean over its life, because the last seconds say nothing any more.
    const bytesPerSec = running
      ? sampler.transferRate(progress.id)
      : Math.round((progress.bytes * 1_000) / Math.max(1, ageMs));
    const { totalBytes } = progress;
    // While a publish is planned its bytes are counted as they are read: padded, and once more than they will be sent.
    const bytes = totalBytes === undefined ? progress.bytes : Math.min(progress.bytes, totalBytes);
    const left = totalBytes === undefined ? undefined : totalBytes - bytes;
    const error = progress.error;
    return {
      alias: transferAliases.of(progress.id),
      id: progress.id,
      kind: progress.kind,
      stage: progress.stage,
      trafficClass: progress.trafficClass,
      blocksHave: progress.blocksHave,
      blocksNeeded: progress.blocksNeeded ?? null,
      blocksInFlight: progress.blocksInFlight,
      blocksMissed: progress.blocksMissed,
      ...(progress.blocksAsked === undefined ? {} : { blocksAsked: progress.blocksAsked }),
      bytes,
      totalBytes: progress.totalBytes ?? null,
      bytesPerSec,
      etaS: running && left !== undefined && left > 0 && bytesPerSec > 0 ? Math.ceil(left / bytesPerSec) : null,
      exits: progress.exits,
      ageMs: Math.round(ageMs),
      copiesMin: progress.copiesMin ?? null,
      ...(progress.verified === undefined ? {} : { verified: progress.verified }),
      error:
        error === undefined
          ? null
          : {
              code: error.code,
              what: USER_ERRORS[error.code].what,
              cause: USER_ERRORS[error.code].cause,
              next: USER_ERRORS[error.code].next,
            },
    };
  }

  function fresh(): Status {
    const snapshot = node.snapshot();
    const { transfers, entries } = transfersOf(node);
    peerAliases.keepOnly(new Set([...snapshot.peers.map((peer) => peer.key), ...lost.keys()]));
    transferAliases.keepOnly(new Set(transfers.map((progress) => progress.id)));
    const uptimeMs = Math.round(snapshot.nowMs - snapshot.startedAtMs);
    const { onion, store } = snapshot;
    return {
      v: 1,
      version: deps.version,
      network: node.settings.networkName,
      readOnly: false,
      verdict: verdictOf({
        uptimeMs,
        joinStage: snapshot.joinStage,
        seeds: node.settings.seeds.length,
        seedsTried: snapshot.seedsTried,
        seedsAnswered: snapshot.seedsAnswered,
        links: snapshot.links.length,
        peers: snapshot.peers.length,
        estimatedNodes: snapshot.estimatedNodes,
        usableRelays: onion.usableRelays,
        guardUp: onion.guardUp,
        circuitsReady: onion.ready,
        builtLately: sampler.lately('built'),
        buildFailuresLately: sampler.lately('buildFailures'),
        writeFailuresLately: sampler.lately('writeFailures'),
        damagedLately: sampler.lately('damaged'),
        clockOffsetMs: snapshot.clockOffsetMs,
      }),
      uptimeMs,
      nowMs: Math.round(clock.wallMs()),
      pid: deps.pid,
      node: {
        location: snapshot.location,
        locationSinceMs: Math.round(snapshot.nowMs - snapshot.locationSinceMs),
        role: ROLE_NAMES[node.settings.role],
        joinStage: snapshot.joinStage,
        estimatedNodes: Math.round(snapshot.estimatedNodes),
        clockOffsetMs: snapshot.clockOffsetMs ?? null,
        memoryBytes: deps.memoryBytes(),
        link: formatAddress(node.boundAddress),
        gateway: deps.gateway?.() ?? null,
        fcp: deps.fcp?.() ?? null,
        reachable: snapshot.reachability?.dialled ?? 'unknown',
        seenAs: snapshot.reachability?.observedHost ?? null,
      },
      peers: {
        up: snapshot.peers.length,
        max: node.settings.peersMax,
        in: snapshot.peers.filter((peer) => !peer.link.dialledByUs).length,
        out: snapshot.peers.filter((peer) => peer.link.dialledByUs).length,
        ringNeighbours: snapshot.peers.filter((peer) => peer.ringNeighbour).length,
        links: snapshot.links.length,
        banned: node.peers.banned,
        list: snapshot.peers.map((peer) => peerStatus(peer, peerAliases.of(peer.key), snapshot)),
        lost: lost.list(),
      },
      beyond: beyondOf(snapshot),
      traffic: {
        inBytes: snapshot.bytesIn,
        outBytes: snapshot.bytesOut,
        inBytesPerSec: sampler.lastRate('bytesIn'),
        outBytesPerSec: sampler.lastRate('bytesOut'),
        inHistory: sampler.history('bytesIn'),
        outHistory: sampler.history('bytesOut'),
      },
      history: historyStatus('1m'),
      requests: requestStatus(snapshot),
      store: {
        ...storeStatus(store),
        writtenBytesPerSec: Math.round((sampler.lately('taken') * BLOCK_BYTES) / LATELY_S),
        diskFreeBytes: diskFree(snapshot.nowMs),
      },
      circuits: {
        ready: onion.ready,
        building: onion.building,
        built: onion.built,
        buildFailures: onion.buildFailures,
        relayedGuard: onion.relayed.guard,
        relayedMiddle: onion.relayed.middle,
        relayedExit: onion.relayed.exit,
        cellsRelayed: onion.cellsRelayed,
        usableRelays: onion.usableRelays,
        guardUp: onion.guardUp,
        list: onion.circuits.map((circuit) => ({
          alias: `c${circuit.alias}`,
          use: circuit.use,
          hops: circuit.hops,
          ageMs: Math.round(circuit.ageMs),
          cellsIn: circuit.cellsIn,
          cellsOut: circuit.cellsOut,
        })),
      },
      transfers: transfers.map((progress) => {
        const entry = entries.get(progress.id);
        return { ...transfer(progress), ...(entry === undefined ? {} : queued(entry, snapshot.nowMs)) };
      }),
      log: deps.log.lines().slice(-LOG_LINES_SHOWN),
    };
  }

  /** Asked of the disk now and then: it moves slowly, and a slow disk must not slow the status. */
  function diskFree(nowMs: number): number | null {
    if (disk === undefined || nowMs - disk.atMs >= DISK_LOOK_MS)
      disk = { atMs: nowMs, freeBytes: deps.diskFreeBytes?.() ?? null };
    return disk.freeBytes;
  }

  function historyStatus(window: WindowName): HistoryStatus {
    const { stepMs, coveredMs, total, rates } = sampler.window(window);
    return {
      window,
      stepMs,
      coveredMs,
      inBytes: total.bytesIn,
      outBytes: total.bytesOut,
      served: total.served,
      found: total.found,
      notFound: total.notFound,
      failed: total.failed,
      evicted: total.evicted,
      inBytesPerSec: rates.bytesIn.map(Math.round),
      outBytesPerSec: rates.bytesOut.map(Math.round),
      requestsPerSec: rates.served.map(tenths),
      evictionsPerMin: rates.evicted.map((perSec) => tenths(perSec * 60)),
    };
  }

  return {
    read(access, maxAgeMs = 0, window = '1m') {
      const nowMs = clock.nowMs();
      if (shared === undefined || nowMs - shared.atMs >= maxAgeMs) shared = { atMs: nowMs, status: fresh() };
      const status = window === '1m' ? shared.status : { ...shared.status, history: historyStatus(window) };
      return access === 'full' ? status : withheld(status);
    },
    transfer,
    peerAlias: (key) => peerAliases.of(key),
    peerKey: (alias) => node.snapshot().peers.find(({ key }) => peerAliases.of(key) === alias)?.key,
    logLines: () => deps.log.lines(),
    stop: () => sampler.stop(),
  };
}

/** Those of the queue, whether they run or not, and those that end with who asked. */
function transfersOf(node: Node): {
  readonly transfers: readonly TransferProgress[];
  readonly entries: ReadonlyMap<string, QueueEntry>;
} {
  const entries = node.queue.entries();
  const byId = new Map(entries.map((entry) => [entry.id, entry]));
  const others = node.client.transfers().filter(({ id }) => !byId.has(id));
  return { transfers: [...entries.map(({ progress }) => progress), ...others], entries: byId };
}

function queued({ state, priority, attempts, nextAttemptAtMs }: QueueEntry, nowMs: number): Partial<TransferStatus> {
  const nextAttemptInMs = nextAttemptAtMs === undefined ? null : Math.max(0, Math.round(nextAttemptAtMs - nowMs));
  const isResting = state === 'paused' || state === 'waiting' || state === 'queued';
  return { state, priority, attempts, nextAttemptInMs, ...(isResting ? { bytesPerSec: 0, etaS: null } : {}) };
}

/** Where the peers of our peers are, as those say. */
function beyondOf({ peers }: NodeSnapshot): readonly number[] {
  const places = new Set(peers.flatMap((peer) => peer.claims));
  return [...places]
    .sort((a, b) => a - b)
    .slice(0, BEYOND_MAX)
    .map((unit) => Math.round((unit / CLAIM_UNITS) * 1e3) / 1e3);
}

function totalsOf(snapshot: NodeSnapshot, node: Node): Totals {
  const { counters } = snapshot.router;
  const transfers = new Map<string, number>();
  for (const progress of transfersOf(node).transfers) {
    if (progress.endedAtMs === undefined) transfers.set(progress.id, progress.bytes);
  }
  return {
    bytesIn: snapshot.bytesIn,
    bytesOut: snapshot.bytesOut,
    built: snapshot.onion.built,
    buildFailures: snapshot.onion.buildFailures,
    writeFailures: snapshot.store.writeFailures,
    damaged: snapshot.store.damaged,
    served: counters.found + counters.notFound + counters.failed,
    found: counters.found,
    notFound: counters.notFound,
    failed: counters.failed,
    taken: Object.values(snapshot.store.copies).reduce((sum, count) => sum + count, 0),
    evicted: snapshot.store.store.evicted + snapshot.store.cache.evicted,
    transfers,
  };
}

function peerStatus(peer: Peer, alias: string, snapshot: NodeSnapshot): PeerStatus {
  const { link } = peer;
  const apart = Math.abs(peer.location - snapshot.location);
  return {
    alias,
    location: peer.location,
    distance: Math.min(apart, 1 - apart),
    direction: link.dialledByUs ? 'out' : 'in',
    ringNeighbour: peer.ringNeighbour,
    rttMs: link.rttMs === undefined ? null : Math.round(link.rttMs * 100) / 100,
    ageMs: Math.round(snapshot.nowMs - peer.since),
    bytesIn: link.counters.bytesIn,
    bytesOut: link.counters.bytesOut,
    queuedBytes: link.queuedBytes,
    version: peer.descriptor.version,
  };
}

function requestStatus(snapshot: NodeSnapshot): RequestStatus {
  const { counters, timeHistogram, byHtl, pending, arrivals } = snapshot.router;
  return {
    served: counters.found + counters.notFound + counters.failed,
    found: counters.found,
    notFound: counters.notFound,
    failed: counters.failed,
    foundInStore: counters.foundInStore,
    foundInCache: counters.foundInCache,
    forwardedFetches: counters.fetchesForwarded,
    forwardedInserts: counters.insertsForwarded,
    copiesSent: counters.copiesSent,
    handoffsOffered: counters.handoffsOffered,
    handoffsTaken: counters.handoffsTaken,
    healed: counters.healed,
    exitFetches: counters.exitFetches,
    exitInserts: counters.exitInserts,
    coalesced: counters.coalesced,
    rejectedLoop: counters.rejectedLoop,
    rejectedOverload: counters.rejectedOverload,
    timeouts: counters.timeouts,
    badBlocks: counters.badBlocks,
    pending,
    answeredNoRoute: counters.answeredNoRoute,
    answeredRecentlyFailed: counters.answeredRecentlyFailed,
    byKind: KIND_NAMES.map((kind, i) => ({
      kind,
      fetches: arrivals.fetchesByKind[i] ?? 0,
      inserts: arrivals.insertsByKind[i] ?? 0,
    })),
    byPlace: [...arrivals.byPlace],
    timeP50Ms: percentile(timeHistogram, 0.5),
    timeP95Ms: percentile(timeHistogram, 0.95),
    timeHistogram: [...timeHistogram],
    byHtl: byHtl.map((row, htl) => ({ htl, ...row })),
  };
}

function storeStatus(stats: NodeSnapshot['store']): StoreStatus {
  const { copies, ...rest } = stats;
  return { ...rest, copies: { owner: copies.owner, path: copies.path, handoff: copies.handoff } };
}

/** Bucket i of a log2 histogram ends at 2^(i+1). Null without any entry. */
export function percentile(histogram: readonly number[], share: number): number | null {
  const total = histogram.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  let seen = 0;
  for (const [bucket, count] of histogram.entries()) {
    seen += count;
    if (seen >= total * share) return 2 ** (bucket + 1);
  }
  return 2 ** histogram.length;
}

/** What a reader of the read-only socket gets: nothing that finds the node, a transfer, or a place on the ring exactly. */
function withheld(status: Status): Status {
  return {
    ...status,
    readOnly: true,
    node: {
      ...status.node,
      location: twoDecimals(status.node.location),
      link: null,
      gateway: null,
      fcp: null,
      seenAs: null,
    },
    beyond: [],
    peers: {
      ...status.peers,
      list: status.peers.list.map((peer) => ({
        ...peer,
        location: twoDecimals(peer.location),
        distance: twoDecimals(peer.distance),
      })),
      lost: status.peers.lost.map((peer) => ({ ...peer, location: twoDecimals(peer.location) })),
    },
    transfers: status.transfers.map((transfer) => ({ ...transfer, id: transfer.alias })),
  };
}

const tenths = (value: number): number => Math.round(value * 10) / 10;
const twoDecimals = (fraction: number): number => Math.floor(fraction * 100) / 100;
