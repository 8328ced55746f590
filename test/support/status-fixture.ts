/**
 * Status documents as a daemon would send them: a busy node of some days, a young one, and one whose every outside text is hostile.
 *
 * Why     one fixture for drawing, model and terminal tests, so that they show the same picture; its numbers agree with each other
 *         (found + not found + failed is served, hits + misses is lookups).
 * @module
 */
import type { LogLine, PeerStatus, Status, TransferStatus } from '../../daemon/api/schema.ts';

/** 2027-03-04 14:03:25 UTC. */
export const FIXTURE_NOW_MS = 1_804_169_005_000;
const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const HOUR_MS = 3_600_000;

const round = (value: number): number => Math.round(value);

function wave(length: number, mean: number, swing: number, period: number): number[] {
  return Array.from({ length }, (_, i) =>
    round(mean + swing * Math.sin((i / period) * 2 * Math.PI) + swing * 0.3 * Math.sin(i * 1.7)),
  );
}

const PEER_PLACES = [0.403, 0.421, 0.398, 0.447, 0.379, 0.483, 0.331, 0.552, 0.241, 0.664, 0.087, 0.912] as const;

export function fixturePeers(): PeerStatus[] {
  return PEER_PLACES.map((location, i) => {
    const apart = Math.abs(location - 0.4137);
    return {
      alias: `p${String(i + 1).padStart(2, '0')}`,
      location,
      distance: Math.min(apart, 1 - apart),
      direction: i % 5 < 2 ? 'in' : 'out',
      ringNeighbour: i < 6,
      rttMs: i === 8 ? 412.5 : i === 10 ? null : round((18 + i * 9.3) * 100) / 100,
      ageMs: i === 10 ? 4_100 : HOUR_MS * (52 - i * 4) + i * 61_000,
      bytesIn: round(MIB * (310 / (i + 1) + 2)),
      bytesOut: round(MIB * (280 / (i + 1) + 3)),
      queuedBytes: i === 8 ? 1_600_000 : i * 1_400,
      version: i === 7 ? '0.2.4' : '0.3.0',
    };
  });
}

export function fixtureTransfers(): TransferStatus[] {
  const base = { trafficClass: 'fast', exits: 8, copiesMin: null, error: null } as const;
  const entry = { priority: 2, attempts: 1, nextAttemptInMs: null } as const;
  return [
    {
      ...base,
      alias: 'file-1',
      id: '1',
      kind: 'fetch',
      stage: 'done',
      blocksHave: 3,
      blocksNeeded: 3,
      blocksInFlight: 0,
      blocksMissed: 0,
      bytes: 90_112,
      totalBytes: 90_112,
      bytesPerSec: 410_000,
      etaS: null,
      ageMs: 3_700,
    },
    {
      ...base,
      ...entry,
      state: 'running',
      alias: 'file-2',
      id: '2',
      kind: 'fetch',
      stage: 'fetching',
      blocksHave: 38,
      blocksNeeded: 64,
      blocksInFlight: 4,
      blocksMissed: 6,
      bytes: 1_245_184,
      totalBytes: 2_097_152,
      bytesPerSec: 1_150_000,
      etaS: 41,
      ageMs: 38_000,
    },
    {
      ...base,
      alias: 'file-3',
      id: '3',
      kind: 'publish',
      stage: 'inserting',
      blocksHave: 175,
      blocksNeeded: 192,
      blocksInFlight: 17,
      blocksMissed: 0,
      bytes: 5_734_400,
      totalBytes: 6_291_456,
      bytesPerSec: 320_000,
      etaS: 70,
      ageMs: 61_000,
    },
    {
      ...base,
      ...entry,
      state: 'paused',
      alias: 'file-5',
      id: '5',
      kind: 'fetch',
      stage: 'waiting',
      blocksHave: 212,
      blocksNeeded: 640,
      blocksInFlight: 0,
      blocksMissed: 3,
      bytes: 6_946_816,
      totalBytes: 20_971_520,
      bytesPerSec: 0,
      etaS: null,
      ageMs: 420_000,
    },
    {
      ...base,
      state: 'waiting',
      priority: 4,
      attempts: 3,
      nextAttemptInMs: 12_000,
      alias: 'file-6',
      id: '6',
      kind: 'publish',
      stage: 'waiting',
      blocksHave: 0,
      blocksNeeded: 96,
      blocksInFlight: 0,
      blocksMissed: 0,
      bytes: 0,
      totalBytes: 2_097_152,
      bytesPerSec: 0,
      etaS: null,
      ageMs: 70_000,
    },
    {
      ...base,
      ...entry,
      state: 'done',
      verified: { asked: 6, found: 6 },
      copiesMin: 3,
      alias: 'file-7',
      id: '7',
      kind: 'publish',
      stage: 'done',
      blocksHave: 12,
      blocksNeeded: 12,
      blocksInFlight: 0,
      blocksMissed: 0,
      bytes: 262_144,
      totalBytes: 262_144,
      bytesPerSec: 210_000,
      etaS: null,
      ageMs: 9_000,
    },
    {
      ...base,
      alias: 'file-4',
      id: '4',
      kind: 'fetch',
      stage: 'failed',
      blocksHave: 0,
      blocksNeeded: null,
      blocksInFlight: 0,
      blocksMissed: 1,
      bytes: 0,
      totalBytes: null,
      bytesPerSec: 0,
      etaS: null,
      ageMs: 12_000,
      error: {
        code: 'not_found',
        what: 'not found: nobody reached by this search has this key',
        cause: 'it was never published, has faded, or its holders are offline',
        next: 'try again later, or ask its author to publish it again',
      },
    },
  ];
}

function logLines(): LogLine[] {
  const line = (
    secondsAgo: number,
    level: LogLine['level'],
    subsystem: string,
    text: string,
    repeats = 1,
  ): LogLine => ({
    atMs: FIXTURE_NOW_MS - secondsAgo * 1_000,
    level,
    subsystem,
    text,
    repeats,
  });
  return [
    line(340, 'info', 'topology', 'joined: 12 peers, ring complete'),
    line(290, 'debug', 'link', 'rekeyed after 1 GiB'),
    line(121, 'info', 'onion', 'guard answers again'),
    line(75, 'warn', 'router', 'a peer sends more than its share and is slowed', 3),
    line(64, 'error', 'store', 'a block no longer matched its key and was dropped'),
    line(4, 'info', 'topology', 'peer left: no answer for 60 s'),
  ];
}

export function fixtureStatus(changes: Partial<Status> = {}): Status {
  const list = fixturePeers();
  const shares = [4, 9, 22, 61, 130, 410, 902, 1_340, 1_120, 610, 230, 74, 21, 6, 2];
  return {
    v: 1,
    version: '0.3.1',
    network: 'garden',
    readOnly: false,
    verdict: { word: 'HEALTHY', reason: '', next: '' },
    uptimeMs: 52 * HOUR_MS + 14 * 60_000,
    nowMs: FIXTURE_NOW_MS,
    pid: 4121,
    node: {
      location: 0.4137,
      locationSinceMs: 46 * HOUR_MS,
      role: 'full',
      joinStage: 'joined',
      estimatedNodes: 118,
      clockOffsetMs: 112,
      memoryBytes: 118 * MIB,
      link: '203.0.113.9:9480',
      gateway: '127.0.0.1:8888',
      fcp: '127.0.0.1:9481',
      reachable: 'yes',
      seenAs: '203.0.113.9',
    },
    peers: {
      up: list.length,
      max: 32,
      in: list.filter((peer) => peer.direction === 'in').length,
      out: list.filter((peer) => peer.direction === 'out').length,
      ringNeighbours: 6,
      links: 19,
      banned: 1,
      list,
      lost: [
        {
          alias: 'p13',
          location: 0.4302,
          direction: 'in',
          lostAtMs: FIXTURE_NOW_MS - 4_000,
          stayedMs: 3 * HOUR_MS,
          linkEnded: true,
          times: 3,
        },
        {
          alias: 'p14',
          location: 0.7711,
          direction: 'out',
          lostAtMs: FIXTURE_NOW_MS - 5_400_000,
          stayedMs: 11 * 60_000,
          linkEnded: false,
          times: 1,
        },
      ],
    },
    beyond: Array.from(
      { length: 90 },
      (_, i) => round((0.02 + ((i * 0.6180339887) % 1) * 0.97) * 1_000) / 1_000,
    ).toSorted((a, b) => a - b),
    traffic: {
      inBytes: round(4.1 * GIB),
      outBytes: round(3.8 * GIB),
      inBytesPerSec: 1_258_291,
      outBytesPerSec: 943_718,
      inHistory: wave(60, 1_000_000, 600_000, 21),
      outHistory: wave(60, 800_000, 300_000, 13),
    },
    history: {
      window: '10m',
      stepMs: 10_000,
      coveredMs: 596_000,
      inBytes: round(0.6 * GIB),
      outBytes: round(0.5 * GIB),
      served: 8_310,
      found: 6_840,
      notFound: 1_340,
      failed: 130,
      evicted: 2_120,
      inBytesPerSec: wave(60, 1_100_000, 500_000, 17),
      outBytesPerSec: wave(60, 850_000, 280_000, 23),
      requestsPerSec: wave(60, 14, 6, 19),
      evictionsPerMin: wave(60, 212, 90, 29),
    },
    requests: {
      served: 8_412,
      found: 6_903,
      notFound: 1_377,
      failed: 132,
      foundInStore: 1_011,
      foundInCache: 2_614,
      forwardedFetches: 7_102,
      forwardedInserts: 2_240,
      copiesSent: 381,
      handoffsOffered: 0,
      handoffsTaken: 0,
      healed: 0,
      exitFetches: 640,
      exitInserts: 212,
      coalesced: 97,
      rejectedLoop: 341,
      rejectedOverload: 12,
      timeouts: 58,
      badBlocks: 0,
      pending: 14,
      answeredNoRoute: 9,
      answeredRecentlyFailed: 44,
      byKind: [
        { kind: 'chk', fetches: 7_912, inserts: 2_101 },
        { kind: 'ssk', fetches: 402, inserts: 61 },
        { kind: 'pointer', fetches: 88, inserts: 12 },
        { kind: 'keyword', fetches: 10, inserts: 4 },
      ],
      byPlace: [110, 121, 240, 420, 901, 1_602, 2_910, 2_204, 980, 610, 402, 300, 221, 180, 120, 90],
      timeP50Ms: 256,
      timeP95Ms: 2_048,
      timeHistogram: [0, ...shares, 0, 0, 0, 0],
      byHtl: Array.from({ length: 23 }, (_, htl) => {
        const seen = htl < 8 || htl > 20 ? 0 : (htl - 6) * 74;
        const notFound = round(seen * (0.5 - htl * 0.02));
        const failed = round(seen * (htl === 9 ? 0.08 : 0.015));
        return { htl, seen, found: seen - notFound - failed, notFound, failed };
      }),
    },
    store: {
      store: { blocks: 124_901, bytes: round(3.9 * GIB), bytesMax: 8 * GIB, hits: 1_011, evicted: 0 },
      cache: { blocks: 195_311, bytes: round(6.1 * GIB), bytesMax: 8 * GIB, hits: 2_614, evicted: 20_412 },
      records: 311,
      lookups: 8_430,
      misses: 4_805,
      damaged: 1,
      writeFailures: 0,
      copies: { owner: 125_212, path: 215_723, handoff: 1_904 },
      recordsEvicted: 0,
      sizeBytes: 4 * 2 ** 30,
      isSealed: false,
      writtenBytesPerSec: 412_000,
      diskFreeBytes: 61 * GIB,
    },
    circuits: {
      ready: 3,
      building: 2,
      built: 412,
      buildFailures: 19,
      relayedGuard: 7,
      relayedMiddle: 21,
      relayedExit: 9,
      cellsRelayed: 1_904_113,
      usableRelays: 31,
      guardUp: true,
      list: [
        { alias: 'c401', use: 'ready', hops: 3, ageMs: 41_000, cellsIn: 12, cellsOut: 14 },
        { alias: 'c408', use: 'document', hops: 3, ageMs: 38_000, cellsIn: 2_011, cellsOut: 340 },
        { alias: 'c411', use: 'building', hops: 1, ageMs: 420, cellsIn: 1, cellsOut: 2 },
      ],
    },
    transfers: fixtureTransfers(),
    log: logLines(),
    ...changes,
  };
}

/** A node that has just come up: nothing is known, nothing happened. */
export function youngStatus(): Status {
  const full = fixtureStatus();
  return {
    ...full,
    network: 'devnet',
    verdict: { word: 'CONNECTING', reason: 'dialling seeds, 1 of 3 seeds answered', next: 'wait a few seconds' },
    uptimeMs: 1_400,
    node: {
      ...full.node,
      locationSinceMs: 1_300,
      joinStage: 'dialling',
      estimatedNodes: 1,
      clockOffsetMs: null,
      memoryBytes: 61 * MIB,
    },
    peers: { up: 0, max: 32, in: 0, out: 0, ringNeighbours: 0, links: 1, banned: 0, list: [], lost: [] },
    beyond: [],
    traffic: { inBytes: 0, outBytes: 0, inBytesPerSec: 0, outBytesPerSec: 0, inHistory: [], outHistory: [] },
    history: {
      window: '1m',
      stepMs: 1_000,
      coveredMs: 1_400,
      inBytes: 0,
      outBytes: 0,
      served: 0,
      found: 0,
      notFound: 0,
      failed: 0,
      evicted: 0,
      inBytesPerSec: [0],
      outBytesPerSec: [0],
      requestsPerSec: [0],
      evictionsPerMin: [0],
    },
    requests: {
      ...full.requests,
      served: 0,
      found: 0,
      notFound: 0,
      failed: 0,
      foundInStore: 0,
      foundInCache: 0,
      forwardedFetches: 0,
      forwardedInserts: 0,
      copiesSent: 0,
      handoffsOffered: 0,
      handoffsTaken: 0,
      healed: 0,
      exitFetches: 0,
      exitInserts: 0,
      coalesced: 0,
      rejectedLoop: 0,
      rejectedOverload: 0,
      timeouts: 0,
      pending: 0,
      answeredNoRoute: 0,
      answeredRecentlyFailed: 0,
      byKind: [],
      byPlace: new Array<number>(16).fill(0),
      timeP50Ms: null,
      timeP95Ms: null,
      timeHistogram: new Array<number>(20).fill(0),
      byHtl: [],
    },
    store: {
      store: { blocks: 0, bytes: 0, bytesMax: 8 * GIB, hits: 0, evicted: 0 },
      cache: { blocks: 0, bytes: 0, bytesMax: 8 * GIB, hits: 0, evicted: 0 },
      records: 0,
      lookups: 0,
      misses: 0,
      damaged: 0,
      writeFailures: 0,
      copies: { owner: 0, path: 0, handoff: 0 },
      recordsEvicted: 0,
      sizeBytes: 4 * 2 ** 30,
      isSealed: false,
    },
    circuits: {
      ...full.circuits,
      ready: 0,
      building: 0,
      built: 0,
      buildFailures: 0,
      relayedGuard: 0,
      relayedMiddle: 0,
      relayedExit: 0,
      cellsRelayed: 0,
      usableRelays: 1,
      guardUp: false,
      list: [],
    },
    transfers: [],
    log: [],
  };
}

/** Bytes that would title the terminal, clear it, reverse it, colour it, shift its columns, or be obeyed by blessed. */
export const HOSTILE_TEXTS: readonly string[] = [
  '\x1b]0;owned\x07',
  '\x1b[2J\x1b[H',
  '\x9b31m',
  '\u0085',
  '\u202etxt.exe',
  '\u200b\u200d\u2060',
  '{bold}{red-fg}x{/}',
  '漢字かな',
  '\u{1f600}',
  'e\u0301\u0301',
  '\ud800',
  '\x00\x07\x08\x7f',
  'a\nb\rc\td',
  '\u115f\u3164\uffa0',
  '\x0e\x0f',
  '\ue000\u0378',
];

/** Every text that comes from outside replaced by `text`. */
export function hostileStatus(text: string): Status {
  const full = fixtureStatus();
  return {
    ...full,
    version: text,
    network: text,
    verdict: { word: 'DEGRADED', reason: text, next: text },
    node: { ...full.node, joinStage: text, link: text },
    peers: {
      ...full.peers,
      list: full.peers.list.map((peer, i) => ({ ...peer, alias: i === 0 ? text : peer.alias, version: text })),
      lost: full.peers.lost.map((peer) => ({ ...peer, alias: text })),
    },
    circuits: { ...full.circuits, list: full.circuits.list.map((circuit) => ({ ...circuit, alias: text })) },
    transfers: full.transfers.map((transfer) => ({
      ...transfer,
      alias: text,
      id: text,
      stage: text,
      error: transfer.error === null ? null : { code: text, what: text, cause: text, next: text },
    })),
    log: full.log.map((line) => ({ ...line, subsystem: text, text })),
  };
}
