/**
 * The control API as data: what `status --json`, the event stream and the dashboard read. Only grows; `v` says which.
 *
 * Shape   JSON over HTTP on a Unix socket. Units are in the names: ...Ms, ...Bytes, ...PerSec. Absent facts are null.
 *         Nothing here holds a URI, a key in use, a file name, or an address together with a key.
 * Source  ux §§ 1, 2; design § 11.
 * @module
 */
export const API_VERSION = 1;

export type Verdict = 'HEALTHY' | 'DEGRADED' | 'CONNECTING' | 'TROUBLE' | 'OFFLINE';

export interface VerdictStatus {
  readonly word: Verdict;
  /** Why, when it is not HEALTHY; empty otherwise. */
  readonly reason: string;
  /** What to do about it; empty when nothing needs doing. */
  readonly next: string;
}

export interface PeerStatus {
  /** p01, p02 ... per run: never from the node id. */
  readonly alias: string;
  /** Hidden mode shows two decimals. */
  readonly location: number;
  readonly distance: number;
  readonly direction: 'in' | 'out';
  readonly ringNeighbour: boolean;
  readonly rttMs: number | null;
  readonly ageMs: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly queuedBytes: number;
  readonly version: string;
}

/** Somebody who was a peer and is none now. */
export interface LostPeerStatus {
  readonly alias: string;
  readonly location: number;
  readonly direction: 'in' | 'out';
  readonly lostAtMs: number; // Unix ms
  /** How long it had been a peer. */
  readonly stayedMs: number;
  /** False: the connection stands, it is only no longer routed over. */
  readonly linkEnded: boolean;
  /** How often it was lost since the daemon started. */
  readonly times: number;
}

/** Spans of time that counters are kept over; `?window=` of status and events chooses one. */
export const WINDOWS = ['1m', '10m', '1h', '24h', '7d'] as const;
export type WindowName = (typeof WINDOWS)[number];

/** What happened within one window. Lists: oldest first, one value a step, at most 60; the last step is not over yet. */
export interface HistoryStatus {
  readonly window: WindowName;
  readonly stepMs: number;
  /** How much of the window the daemon has lived through. */
  readonly coveredMs: number;
  readonly inBytes: number;
  readonly outBytes: number;
  readonly served: number;
  readonly found: number;
  readonly notFound: number;
  readonly failed: number;
  readonly evicted: number;
  readonly inBytesPerSec: readonly number[];
  readonly outBytesPerSec: readonly number[];
  readonly requestsPerSec: readonly number[];
  readonly evictionsPerMin: readonly number[];
}

export interface TrafficStatus {
  readonly inBytes: number;
  readonly outBytes: number;
  readonly inBytesPerSec: number;
  readonly outBytesPerSec: number;
  /** One value a second, oldest first, at most 60. */
  readonly inHistory: readonly number[];
  readonly outHistory: readonly number[];
}

export interface RequestStatus {
  readonly served: number;
  readonly found: number;
  readonly notFound: number;
  readonly failed: number;
  readonly foundInStore: number;
  readonly foundInCache: number;
  readonly forwardedFetches: number;
  readonly forwardedInserts: number;
  readonly copiesSent: number;
  readonly handoffsOffered: number;
  readonly handoffsTaken: number;
  readonly healed: number;
  readonly exitFetches: number;
  readonly exitInserts: number;
  readonly coalesced: number;
  readonly rejectedLoop: number;
  readonly rejectedOverload: number;
  readonly timeouts: number;
  readonly badBlocks: number;
  readonly pending: number;
  /** Fetches answered so: no peer to send them to; looked for in vain a moment ago. */
  readonly answeredNoRoute: number;
  readonly answeredRecentlyFailed: number;
  /** Requests of peers by kind of block. */
  readonly byKind: readonly { readonly kind: string; readonly fetches: number; readonly inserts: number }[];
  /** Requests of peers by sixteenth of the ring, from 0.0 on. */
  readonly byPlace: readonly number[];
  readonly timeP50Ms: number | null;
  readonly timeP95Ms: number | null;
  /** Counts of log2 buckets: bucket i holds 2^i .. 2^(i+1) ms. */
  readonly timeHistogram: readonly number[];
  readonly byHtl: readonly {
    readonly htl: number;
    readonly seen: number;
    readonly found: number;
    readonly notFound: number;
    readonly failed: number;
  }[];
}

export interface RegionStatus {
  readonly blocks: number;
  readonly bytes: number;
  readonly bytesMax: number;
  readonly hits: number;
  readonly evicted: number;
}

export interface StoreStatus {
  readonly store: RegionStatus;
  readonly cache: RegionStatus;
  readonly records: number;
  readonly lookups: number;
  readonly misses: number;
  readonly damaged: number;
  readonly writeFailures: number;
  readonly copies: { readonly owner: number; readonly path: number; readonly handoff: number };
  readonly recordsEvicted: number;
  /** What the store may use: store.size, or what `store resize` last said. */
  readonly sizeBytes: number;
  /** Bytes of blocks and records taken per second, lately. */
  readonly writtenBytesPerSec?: number;
  /** Free on the disk that it lies on; null where the disk does not tell. */
  readonly diskFreeBytes?: number | null;
  /** Whether a passphrase is needed to open it. */
  readonly isSealed: boolean;
}

export interface CircuitStatus {
  readonly alias: string;
  readonly use: 'ready' | 'building' | 'document';
  readonly hops: number;
  readonly ageMs: number;
  readonly cellsIn: number;
  readonly cellsOut: number;
}

export interface CircuitsStatus {
  readonly ready: number;
  readonly building: number;
  readonly built: number;
  readonly buildFailures: number;
  readonly relayedGuard: number;
  readonly relayedMiddle: number;
  readonly relayedExit: number;
  readonly cellsRelayed: number;
  readonly usableRelays: number;
  readonly guardUp: boolean;
  readonly list: readonly CircuitStatus[];
}

export interface TransferStatus {
  /** file-1, file-2 ... per run. */
  readonly alias: string;
  readonly id: string;
  readonly kind: 'publish' | 'fetch';
  readonly stage: string;
  readonly trafficClass: 'fast' | 'strong';
  readonly blocksHave: number;
  readonly blocksNeeded: number | null;
  readonly blocksInFlight: number;
  readonly blocksMissed: number;
  /** Requests that left for the network in this run. */
  readonly blocksAsked?: number;
  readonly bytes: number;
  readonly totalBytes: number | null;
  readonly bytesPerSec: number;
  readonly etaS: number | null;
  readonly exits: number;
  readonly ageMs: number;
  readonly copiesMin: number | null;
  /** Of an entry of the queue: 0 is served first; runs begun; what is left until the next one, while it waits for that. */
  readonly priority?: number;
  readonly attempts?: number;
  readonly nextAttemptInMs?: number | null;
  /** Of a publish that was to be verified: sample blocks fetched back over another route. */
  readonly verified?: { readonly asked: number; readonly found: number };
  /** Of an entry of the queue: queued, running, paused, waiting, done, failed or cancelled. */
  readonly state?: string;
  readonly error: {
    readonly code: string;
    readonly what: string;
    readonly cause: string;
    readonly next: string;
  } | null;
}

export interface LogLine {
  readonly atMs: number; // Unix ms
  readonly level: 'error' | 'warn' | 'info' | 'debug' | 'trace';
  readonly subsystem: string;
  readonly text: string;
  readonly repeats: number;
}

export interface Status {
  readonly v: 1;
  readonly version: string;
  readonly network: string;
  readonly readOnly: boolean;
  readonly verdict: VerdictStatus;
  readonly uptimeMs: number;
  readonly nowMs: number; // Unix ms of this snapshot
  readonly pid: number;
  readonly node: {
    readonly location: number;
    readonly locationSinceMs: number;
    readonly role: 'full' | 'light' | 'seed';
    readonly joinStage: string;
    readonly estimatedNodes: number;
    readonly clockOffsetMs: number | null;
    readonly memoryBytes: number;
    /** host:port bound; null on the read-only socket. */
    readonly link: string | null;
    /** host:port where a browser reads documents; null without a gateway, and on the read-only socket. */
    readonly gateway: string | null;
    /** host:port where Freenet clients connect; null without FCP, and on the read-only socket. */
    readonly fcp: string | null;
    /** Whether a node has opened a link to us, and the address that others see us at; the latter null on the read-only socket. */
    readonly reachable: 'yes' | 'no' | 'unknown';
    readonly seenAs: string | null;
  };
  readonly peers: {
    readonly up: number;
    readonly max: number;
    readonly in: number;
    readonly out: number;
    readonly ringNeighbours: number;
    readonly links: number;
    /** Nodes that were sent away and may not come back yet. */
    readonly banned: number;
    readonly list: readonly PeerStatus[];
    /** Newest first. */
    readonly lost: readonly LostPeerStatus[];
  };
  /** What our peers claim of their peers: places, sorted, at most 256. Empty on the read-only socket. */
  readonly beyond: readonly number[];
  readonly traffic: TrafficStatus;
  readonly history: HistoryStatus;
  readonly requests: RequestStatus;
  readonly store: StoreStatus;
  readonly circuits: CircuitsStatus;
  readonly transfers: readonly TransferStatus[];
  readonly log: readonly LogLine[];
}

/**
 * GET /v1/events?refreshMs=N&window=NAME: server-sent events. First `snapshot` (a Status), then `delta`: only the top-level members that changed,
 * whole. A slow reader misses deltas, never gets a queue of them: the next one is made against what was last sent to it.
 */
export type ApiEvent =
  | { readonly event: 'snapshot'; readonly data: Status }
  | { readonly event: 'delta'; readonly data: Partial<Status> };

export interface ApiErrorBody {
  readonly error: {
    readonly code: string;
    readonly what: string;
    readonly cause: string;
    readonly next: string;
    readonly detail: string | null;
  };
}

/** An entry of the persistent queue. */
export interface QueueStatus {
  readonly transfer: TransferStatus;
  readonly state: string;
  readonly priority: number;
  readonly persistence: string;
  readonly attempts: number;
  /** Until the next attempt, while `waiting`. */
  readonly nextAttemptInMs: number | null;
  /** Of a fetch the key asked for, of a publish the key as soon as it is known. */
  readonly uri: string | null;
  readonly path: string | null;
  readonly verified: { readonly asked: number; readonly found: number } | null;
  readonly error: { readonly code: string; readonly detail: string | null } | null;
}

/** GET /v1/transfers/ID/events: one `progress` event at each change, then `result` or `error`. */
export interface TransferResult {
  readonly v: 1;
  readonly id: string;
  readonly kind: 'publish' | 'fetch';
  /** Of a publish; never in a Status, and never on the read-only socket. */
  readonly uri?: string;
  readonly sizeBytes: number;
  readonly contentType: string | null;
  readonly name: string | null;
  readonly blocks: number;
  /** Of a fetch: requests for blocks that left for the network. */
  readonly blocksAsked?: number;
  readonly exits: number;
  readonly trafficClass: 'fast' | 'strong';
  readonly copiesMin: number | null;
  /** Of a publish with `verify`: blocks asked for over another route, and those that came back. */
  readonly verified?: { readonly asked: number; readonly found: number };
  /** Of a fetch with a USK: the edition that was read, and that two different records claim it. */
  readonly edition?: number;
  readonly isForked?: true;
  /** Of a site with hashes: files inserted for this edition, and files that stood already. */
  readonly files?: { readonly inserted: number; readonly kept: number; readonly insertedBytes: number };
  readonly tookMs: number;
}

/** GET /v1/transfers/ID/metadata */
export interface FetchMetadata {
  readonly v: 1;
  /** Of the document, or of all files of the directory together. */
  readonly sizeBytes: number;
  /** What the content will have: less than the size with a range. */
  readonly contentBytes: number;
  readonly contentType: string | null;
  readonly name: string | null;
  /** The CHK key of the document, whatever kind of key led to it. */
  readonly uri: string | null;
  /** With a USK: the edition that was read, and whether two different records claim it. */
  readonly edition: number | null;
  readonly isForked: boolean;
  /** The content is these files, one after the other, in this order. */
  readonly directory: {
    readonly files: readonly { readonly path: string; readonly sizeBytes: number }[];
    readonly defaultPath: string | null;
  } | null;
}

/** Work in the background of the store. */
export interface StoreJob {
  readonly isRunning: boolean;
  readonly done: number;
  readonly total: number;
}

/** GET /v1/store; also the answer of store/verify and store/passphrase. */
export interface StoreDocument extends StoreStatus {
  readonly v: 1;
  /** `cached` blocks are not among `total`: their keys are nowhere on this disk, so they are verified when they are asked for. */
  readonly verify: StoreJob & { readonly damaged: number; readonly cached: number };
  readonly resize: StoreJob;
}

/** What another size gives up: blocks and records. */
export interface ResizeDocument {
  readonly v: 1;
  readonly begun: boolean;
  readonly sizeBytes: number;
  readonly evictedStore: number;
  readonly evictedCache: number;
  readonly evictedRecords: number;
}

/** GET /v1/descriptor: what others need to join through this node. */
export interface DescriptorDocument {
  readonly v: 1;
  readonly descriptor: string; // base64url of the signed bytes
}

/** GET /v1/trace, or with ?holds=KIND:HEX why this node keeps that block (null: it does not). */
export interface TraceDocument {
  readonly v: 1;
  readonly holds: 'owner' | 'path' | 'handoff' | 'unexplained' | null;
  readonly events: readonly {
    readonly type: string;
    readonly kind: string;
    readonly key: string; // hex
    readonly operation?: string;
    readonly relays?: readonly string[];
    readonly reason?: string;
    readonly by?: string;
  }[];
}

export const ENDPOINTS = {
  status: { method: 'GET', path: '/v1/status', readOnly: true },
  events: { method: 'GET', path: '/v1/events', readOnly: true },
  peers: { method: 'GET', path: '/v1/peers', readOnly: true },
  transfers: { method: 'GET', path: '/v1/transfers', readOnly: true },
  /** Body: the document's bytes, streamed. Query: class, type, name, convergent, compress, verify, as (name of the key ring, NAME/DOCUMENT or KSK@word), keywords (with
   * commas between them). Answers 202 {id} once the body began to be read. */
  publish: { method: 'POST', path: '/v1/publish', readOnly: false },
  /**
   * Body: the files of a directory one after the other, each as path length u16, path in UTF-8, size u64 (big-endian), then its bytes; small
   * files first. Query: class, type, name, convergent, compress, verify, as, keywords, default (path of the default document), hashes (after each size stands
   * the SHA-256 of the content: under a USK only what is new is inserted). Answers as publish does.
   */
  publishTree: { method: 'POST', path: '/v1/publish-tree', readOnly: false },
  /** Body: JSON {uri, class?, maxBytes?, range?: [from, to), listOnly?}. Answers 202 {id}. */
  fetch: { method: 'POST', path: '/v1/fetch', readOnly: false },
  /** Answers {entries: QueueStatus[]}. */
  queue: { method: 'GET', path: '/v1/queue', readOnly: false },
  /**
   * Body: JSON {uri, path (absolute), class?, maxBytes?, range?: [from, to), replace?, priority?, retries?}. Answers 202 {id}; the same wish as one
   * that has not ended goes on with that one.
   */
  queueFetch: { method: 'POST', path: '/v1/queue/fetch', readOnly: false },
  /** Body: JSON {path (absolute, file or folder), default?, hidden?, priority?, retries?, and what publish takes}. Answers as queueFetch does. */
  queuePublish: { method: 'POST', path: '/v1/queue/publish', readOnly: false },
  /** One `progress` event (TransferStatus) at each change, then `result` (TransferResult) or `error`. */
  queueEvents: { method: 'GET', path: '/v1/queue/:id/events', readOnly: false },
  queuePause: { method: 'POST', path: '/v1/queue/:id/pause', readOnly: false },
  queueResume: { method: 'POST', path: '/v1/queue/:id/resume', readOnly: false },
  queueRetry: { method: 'POST', path: '/v1/queue/:id/retry', readOnly: false },
  queueRemove: { method: 'POST', path: '/v1/queue/:id/remove', readOnly: false },
  /** Body: JSON {priority: 0 to 6}. */
  queuePriority: { method: 'POST', path: '/v1/queue/:id/priority', readOnly: false },
  queueEntry: { method: 'GET', path: '/v1/queue/:id', readOnly: false },
  transferEvents: { method: 'GET', path: '/v1/transfers/:id/events', readOnly: false },
  /** What a fetch found, as FetchMetadata, once it is known; for a directory the files that the content is made of. */
  transferMetadata: { method: 'GET', path: '/v1/transfers/:id/metadata', readOnly: false },
  /** The bytes of a fetch, once; a failure after the first byte destroys the connection. */
  transferContent: { method: 'GET', path: '/v1/transfers/:id/content', readOnly: false },
  /** Answers BlockMapDocument. */
  transferMap: { method: 'GET', path: '/v1/transfers/:id/map', readOnly: false },
  transferCancel: { method: 'POST', path: '/v1/transfers/:id/cancel', readOnly: false },
  /** Body: JSON {alias, forMs}: no peer of ours for so long; the link stays for circuits. Answers {v, banned}. */
  peerBan: { method: 'POST', path: '/v1/peers/ban', readOnly: false },
  /** Body: JSON {text: an invite to this network, or descriptors}. Answers PeersAddedDocument once all were dialled. */
  peerAdd: { method: 'POST', path: '/v1/peers/add', readOnly: false },
  /** Answers BusyKeysDocument. */
  busyKeys: { method: 'GET', path: '/v1/busy-keys', readOnly: false },
  /** Body: JSON {on}. Off forgets them. Answers BusyKeysDocument. */
  busyKeysCount: { method: 'POST', path: '/v1/busy-keys/count', readOnly: false },
  /** Answers RouteDocument. */
  route: { method: 'GET', path: '/v1/route', readOnly: false },
  /** Body: JSON {uri: a CHK key or the alias of a busy one; null ends it}. Ends by itself 30 s after the last look. Answers RouteDocument. */
  routeTrace: { method: 'POST', path: '/v1/route/trace', readOnly: false },
  /** Body: JSON {words}. Answers SearchDocument, after all buckets of all words were asked. */
  search: { method: 'POST', path: '/v1/search', readOnly: false },
  /** Body: JSON {uri: a USK}. Answers EditionDocument, after one round of requests. */
  newestEdition: { method: 'POST', path: '/v1/editions/newest', readOnly: false },
  /** Query: uri, a USK. Server-sent events `edition`, each a WatchEvent, and `error` at the end. */
  watch: { method: 'GET', path: '/v1/watch', readOnly: false },
  /** Answers KeysDocument. */
  keys: { method: 'GET', path: '/v1/keys', readOnly: false },
  /** Body: JSON {name, passphrase?}. Answers 201 KeyDocument. */
  keyNew: { method: 'POST', path: '/v1/keys/new', readOnly: false },
  /** Body: JSON {name, uri in insert form, passphrase?}. Answers 201 KeyDocument. */
  keyImport: { method: 'POST', path: '/v1/keys/import', readOnly: false },
  /** Body: JSON {name, passphrase?}. Answers KeyExport, with the private form. */
  keyExport: { method: 'POST', path: '/v1/keys/export', readOnly: false },
  /** Body: JSON {name, passphrase}. For ten minutes `as` may name the key. */
  keyUnlock: { method: 'POST', path: '/v1/keys/unlock', readOnly: false },
  /** Body: JSON {name}. */
  keyRemove: { method: 'POST', path: '/v1/keys/remove', readOnly: false },
  store: { method: 'GET', path: '/v1/store', readOnly: true },
  /** Body: JSON {bytesPerSec?}. Answers 202 StoreDocument; how far it is stands in GET /v1/store. */
  storeVerify: { method: 'POST', path: '/v1/store/verify', readOnly: false },
  /** Body: JSON {sizeBytes, dryRun?}. Answers ResizeDocument: 202 when it began, 200 when it was only asked. */
  storeResize: { method: 'POST', path: '/v1/store/resize', readOnly: false },
  /** Body: JSON {passphrase: text or null}. Answers 200 StoreDocument once the new seal is on disk. */
  storePassphrase: { method: 'POST', path: '/v1/store/passphrase', readOnly: false },
  /** Body: JSON {lifeMs}. Answers {v, invite, network, seeds, expiresAtMs}. */
  invite: { method: 'POST', path: '/v1/invite', readOnly: false },
  config: { method: 'GET', path: '/v1/config', readOnly: false },
  /** Body: JSON {key, value: text}; only what is `live` there and has no endpoint of its own. Answers the whole configuration anew. */
  configSet: { method: 'POST', path: '/v1/config/set', readOnly: false },
  /** Query: tail (lines of the past, 0..1000), level (the most talkative one wanted). Server-sent events: `line`, each a LogLine; `past` after those of the past; `missed` {lines}. */
  logEvents: { method: 'GET', path: '/v1/log/events', readOnly: false },
  /** Prometheus text; healthz answers 200 while the process works, readyz 200 while the verdict is HEALTHY or DEGRADED, else 503. */
  metrics: { method: 'GET', path: '/metrics', readOnly: true },
  healthz: { method: 'GET', path: '/healthz', readOnly: true },
  readyz: { method: 'GET', path: '/readyz', readOnly: true },
  descriptor: { method: 'GET', path: '/v1/descriptor', readOnly: false },
  /** Devnet with trace on only: what carried and what kept each block. */
  trace: { method: 'GET', path: '/v1/trace', readOnly: false },
  stop: { method: 'POST', path: '/v1/stop', readOnly: false },
} as const;
