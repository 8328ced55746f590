/**
 * Overview: network, traffic, requests, store, then transfers and the last events. `enter` on a panel opens its tab.
 * @module
 */

import { type HistoryStatus, type Status, WINDOWS, type WindowName } from '../../daemon/api/schema.ts';
import type { ShownNumber } from '../../daemon/api/schema-numbers.ts';
import { type Area, columns, stack } from '../cells.ts';
import {
  ABSENT,
  formatAge,
  formatBytes,
  formatCount,
  formatDuration,
  formatLocation,
  formatOffset,
  formatShare,
  padEnd,
  padStart,
} from '../format.ts';
import type { Model } from '../model.ts';
import type { Role } from '../theme.ts';
import { doneShare, transfersByInterest } from '../transfer-list.ts';
import { bar, box, type Fact, type Frame, facts, onClick, sparkline, wrap } from '../widgets/frame.ts';
import { drawEvents, drawHappenings } from './happenings.ts';

export const OVERVIEW_NUMBERS: readonly ShownNumber[] = [
  'peers.up',
  'peers.max',
  'peers.in',
  'peers.out',
  'peers.ringNeighbours',
  'peers.links',
  'peers.rttMedianMs',
  'peers.list[].rttMs',
  'node.location',
  'node.locationSinceMs',
  'node.estimatedNodes',
  'node.clockOffsetMs',
  'node.memoryBytes',
  'pid',
  'circuits.ready',
  'circuits.building',
  'circuits.usableRelays',
  'circuits.built',
  'circuits.buildFailures',
  'circuits.failedShare',
  'circuits.relayedGuard',
  'circuits.relayedMiddle',
  'circuits.relayedExit',
  'circuits.cellsRelayed',
  'traffic.inBytes',
  'traffic.outBytes',
  'history.inBytes',
  'history.outBytes',
  'history.inBytesPerSec[]',
  'history.outBytesPerSec[]',
  'history.peakBytesPerSec',
  'history.requestsPerSec[]',
  'history.evictionsPerMin[]',
  'history.coveredMs',
  'history.stepMs',
  'history.served',
  'history.found',
  'history.notFound',
  'history.failed',
  'traffic.inBytesPerSec',
  'traffic.outBytesPerSec',
  'uptimeMs',
  'requests.served',
  'requests.found',
  'requests.notFound',
  'requests.failed',
  'requests.foundShare',
  'requests.notFoundShare',
  'requests.failedShare',
  'requests.pending',
  'requests.timeP50Ms',
  'requests.timeP95Ms',
  'store.store.bytes',
  'store.store.bytesMax',
  'store.store.fillShare',
  'store.cache.bytes',
  'store.cache.bytesMax',
  'store.cache.fillShare',
  'store.store.hits',
  'store.cache.hits',
  'store.lookups',
  'store.store.hitShare',
  'store.cache.hitShare',
  'store.store.evicted',
  'store.cache.evicted',
  'store.damaged',
  'store.writeFailures',
  'transfers[].blocksHave',
  'transfers[].blocksNeeded',
  'transfers[].doneShare',
  'transfers[].bytesPerSec',
  'transfers[].etaS',
  'peers.lost[].lostAtMs',
  'peers.lost[].stayedMs',
  'peers.lost[].times',
  'log[].atMs',
  'log[].repeats',
];

export function drawOverview(frame: Frame, area: Area, model: Model, status: Status): void {
  if (frame.layout === 'narrow') {
    drawNarrow(frame, area, status);
    return;
  }
  const wide = frame.layout === 'wide';
  const [top, middle, bottom] = stack(area, wide ? 10 : 8, 7, 0) as [Area, Area, Area];
  const shares = wide ? [1, 1, 1] : [1, 1];
  const [network, traffic, onion] = columns(top, ...shares);
  const [requests, store, relaying] = columns(middle, ...shares);
  panel(frame, model, 0, network!, 'Network', (inside) => facts(frame, inside, networkFacts(status)));
  panel(frame, model, 1, traffic!, `Traffic, ${windowText(status)}`, (inside) => drawTraffic(frame, inside, status));
  panel(frame, model, 2, requests!, `Requests, ${windowText(status)}`, (inside) => drawRequests(frame, inside, status));
  panel(frame, model, 3, store!, 'Store', (inside) => facts(frame, inside, storeFacts(status, wide)));
  if (onion !== undefined) facts(frame, box(frame, onion, 'Own circuits'), circuitFacts(status));
  if (relaying !== undefined) facts(frame, box(frame, relaying, 'Relayed for others'), relayedFacts(status));
  panel(frame, model, 4, bottom, 'Transfers and events', (inside) => drawHappenings(frame, inside, status));
}

function panel(
  frame: Frame,
  model: Model,
  index: number,
  area: Area,
  title: string,
  draw: (inside: Area) => void,
): void {
  onClick(frame, area, { type: 'panel', index });
  draw(box(frame, area, title, { selected: model.panel === index }));
}

export function networkFacts(status: Status): Fact[] {
  const { peers, node, circuits } = status;
  return [
    { label: 'Peers', value: `${peers.up} of ${peers.max}`, note: `${peers.in} in · ${peers.out} out` },
    { label: 'Location', value: formatLocation(node.location), note: `for ${formatAge(node.locationSinceMs)}` },
    {
      label: 'Ring',
      value: `${peers.ringNeighbours} neighbours`,
      note: `about ${formatCount(node.estimatedNodes)} nodes`,
    },
    { label: 'Circuits', value: `${circuits.ready} ready`, note: `${circuits.building} building` },
    { label: 'Relays', value: `${circuits.usableRelays} usable`, note: circuits.guardUp ? 'guard up' : 'no guard' },
    clockFact(status),
    { label: 'Links', value: formatCount(peers.links), note: `median ping ${formatDuration(medianRtt(status))}` },
    { label: 'Process', value: String(status.pid), note: `role ${node.role}` },
  ];
}

function clockFact(status: Status): Fact {
  const offset = status.node.clockOffsetMs;
  if (offset === null) return { label: 'Clock', value: 'unknown', role: 'dim', note: 'needs 5 peers' };
  const wrong = Math.abs(offset) > 60_000;
  return {
    label: 'Clock',
    value: formatOffset(offset),
    role: wrong ? 'warn' : 'plain',
    note: wrong ? 'set the clock' : 'ok',
  };
}

/** Half of the measured peers are faster. */
export function medianRtt(status: Status): number | null {
  const times = status.peers.list
    .flatMap((peer) => (peer.rttMs === null ? [] : [peer.rttMs]))
    .toSorted((a, b) => a - b);
  return times.length === 0 ? null : times[Math.floor((times.length - 1) / 2)]!;
}

const WINDOW_WORDS: Readonly<Record<WindowName, string>> = {
  '1m': 'last minute',
  '10m': 'last 10 min',
  '1h': 'last hour',
  '24h': 'last 24 h',
  '7d': 'last 7 days',
};

/** The window, or how much of it the daemon has lived through. */
export function windowText(status: Status): string {
  const { window, coveredMs, stepMs } = status.history;
  return coveredMs < stepMs * 58 ? `last ${formatAge(coveredMs)} of ${window}` : (WINDOW_WORDS[window] ?? '');
}

/** As many values as there are cells: when there are more steps than cells, each cell is the mean of its share. */
export function fitted(values: readonly number[], width: number): readonly number[] {
  if (values.length <= width || width <= 0) return values;
  return Array.from({ length: width }, (_, i) => {
    const part = values.slice(Math.floor((i * values.length) / width), Math.floor(((i + 1) * values.length) / width));
    return part.reduce((sum, value) => sum + value, 0) / part.length;
  });
}

/** The last step that is over: the running one has too little time behind it to be a rate. */
export function latest(values: readonly number[]): number | null {
  return values.at(-2) ?? values.at(-1) ?? null;
}

function drawTraffic(frame: Frame, area: Area, status: Status): void {
  const { traffic, history } = status;
  const rates: readonly [string, readonly number[], number, Role][] = [
    ['↓', history.inBytesPerSec, traffic.inBytesPerSec, 'spark'],
    ['↑', history.outBytesPerSec, traffic.outBytesPerSec, 'spark2'],
  ];
  const width = Math.max(0, Math.min(60, area.width - 10));
  for (const [y, [arrow, values, rate, role]] of rates.entries()) {
    frame.canvas.text(area, 0, y, arrow, 'label');
    frame.canvas.text(area, 2, y, sparkline(frame, fitted(values, width), width), role);
    frame.canvas.textRight(area, y, `${formatBytes(rate)}/s`);
  }
  const peak = Math.max(0, ...history.inBytesPerSec, ...history.outBytesPerSec);
  facts(
    frame,
    { ...area, y: area.y + 2, height: Math.max(0, area.height - 2) },
    [
      {
        label: 'in window',
        value: `↓${formatBytes(history.inBytes)} ↑${formatBytes(history.outBytes)}`,
        note: `peak ${formatBytes(peak)}/s`,
      },
      { label: 'since start', value: `↓${formatBytes(traffic.inBytes)} ↑${formatBytes(traffic.outBytes)}` },
      { label: 'memory', value: formatBytes(status.node.memoryBytes), note: `up ${formatAge(status.uptimeMs)}` },
      {
        label: 'zoom',
        value: '[ ]',
        note: WINDOWS.map((name) => (name === history.window ? `[${name}]` : name)).join(' '),
      },
    ],
    13,
  );
}

function drawRequests(frame: Frame, area: Area, status: Status): void {
  const { requests } = status;
  if (requests.served === 0) {
    const text = 'No requests yet. Others send them once this node has peers and their documents route past it.';
    for (const [y, line] of wrap(text, area.width).entries()) frame.canvas.text(area, 0, y, line, 'dim');
    return;
  }
  const perSec = latest(status.history.requestsPerSec);
  facts(frame, area, requestFacts(status, status.history, `${perSec === null ? ABSENT : perSec.toFixed(1)}/s`), 13, 6);
}

/** Outcomes of all requests since the start, or of those within a window. */
export function requestFacts(
  status: Status,
  counts: Pick<HistoryStatus, 'served' | 'found' | 'notFound' | 'failed'> = status.requests,
  note = `${formatCount(status.requests.pending)} pending`,
): Fact[] {
  const { requests } = status;
  const part = (label: string, count: number, role?: Role): Fact => ({
    label,
    value: padStart(formatCount(count), 6),
    note: padStart(formatShare(count, counts.served), 5),
    share: counts.served === 0 ? 0 : count / counts.served,
    ...(role === undefined ? {} : { role }),
  });
  const failing = counts.failed > counts.served * 0.05;
  return [
    {
      label: 'served',
      value: padStart(formatCount(counts.served), 6),
      note,
    },
    part('  found', counts.found),
    part('  not found', counts.notFound),
    part('  failed', counts.failed, failing ? 'warn' : undefined),
    {
      label: 'time',
      value: `half ≤ ${formatDuration(requests.timeP50Ms)}`,
      note: `95% ≤ ${formatDuration(requests.timeP95Ms)}`,
    },
  ];
}

function storeFacts(status: Status, wide: boolean): Fact[] {
  const { store } = status;
  const broken = store.damaged + store.writeFailures > 0;
  const region = (label: string, { bytes, bytesMax }: { bytes: number; bytesMax: number }): Fact => ({
    label,
    value: `${formatBytes(bytes)} of ${formatBytes(bytesMax)}`,
    share: bytesMax > 0 ? bytes / bytesMax : 0,
    note: padStart(formatShare(bytes, bytesMax), 4),
  });
  return [
    region('cache', store.cache),
    region('store', store.store),
    {
      label: 'hit rate',
      value: `cache ${formatShare(store.cache.hits, store.lookups)}  store ${formatShare(store.store.hits, store.lookups)}`,
      ...(wide ? { note: `of ${formatCount(store.lookups)} reads` } : {}),
    },
    {
      label: 'evicted',
      value: `cache ${formatCount(store.cache.evicted)}  store ${formatCount(store.store.evicted)}`,
      note: `${formatCount(latest(status.history.evictionsPerMin))}/min`,
    },
    {
      label: 'disk',
      value: broken
        ? `${formatCount(store.damaged)} damaged, ${formatCount(store.writeFailures)} refused`
        : 'no damage, none refused',
      role: broken ? 'warn' : 'plain',
    },
  ];
}

export function circuitFacts(status: Status): Fact[] {
  const { circuits } = status;
  const tried = circuits.built + circuits.buildFailures;
  const failing = circuits.buildFailures > tried * 0.1 && tried > 0;
  return [
    { label: 'ready', value: String(circuits.ready), note: `${circuits.building} building` },
    { label: 'built', value: formatCount(circuits.built) },
    {
      label: 'failed',
      value: formatCount(circuits.buildFailures),
      note: formatShare(circuits.buildFailures, tried),
      ...(failing ? { role: 'warn' } : {}),
    },
    {
      label: 'relays',
      value: `${circuits.usableRelays} usable`,
      ...(circuits.usableRelays < 10 ? { note: 'fewer than 8 exits', role: 'warn' } : {}),
    },
    { label: 'guard', value: circuits.guardUp ? 'up' : 'none answers', role: circuits.guardUp ? 'plain' : 'warn' },
  ];
}

export function relayedFacts(status: Status): Fact[] {
  const { circuits } = status;
  return [
    { label: 'as guard', value: formatCount(circuits.relayedGuard) },
    { label: 'as middle', value: formatCount(circuits.relayedMiddle) },
    { label: 'as exit', value: formatCount(circuits.relayedExit) },
    { label: 'cells', value: formatCount(circuits.cellsRelayed) },
  ];
}

function drawNarrow(frame: Frame, area: Area, status: Status): void {
  const { peers, requests, store, circuits, traffic } = status;
  const inside = box(frame, area, 'Overview');
  const width = Math.min(40, inside.width - 17);
  const spark = (values: readonly number[]): string => sparkline(frame, fitted(values, width), width);
  const rows: Fact[] = [
    { label: 'Peers', value: `${peers.up} of ${peers.max}`, note: `${peers.in} in · ${peers.out} out` },
    {
      label: 'In',
      value: spark(status.history.inBytesPerSec),
      role: 'spark',
      note: `${formatBytes(traffic.inBytesPerSec)}/s`,
    },
    {
      label: 'Out',
      value: spark(status.history.outBytesPerSec),
      role: 'spark2',
      note: `${formatBytes(traffic.outBytesPerSec)}/s`,
    },
    {
      label: 'Served',
      value: padEnd(formatCount(requests.served), 8),
      share: requests.served === 0 ? 0 : requests.found / requests.served,
      note: `${formatShare(requests.found, requests.served)} found`,
    },
    {
      label: 'Time',
      value: `half ≤ ${formatDuration(requests.timeP50Ms)}`,
      note: `95% ≤ ${formatDuration(requests.timeP95Ms)}`,
    },
    {
      label: 'Store',
      value: padEnd(formatBytes(store.store.bytes), 8),
      share: store.store.bytes / Math.max(1, store.store.bytesMax),
      note: `${formatShare(store.store.bytes, store.store.bytesMax)} of ${formatBytes(store.store.bytesMax)}`,
    },
    {
      label: 'Cache',
      value: padEnd(formatBytes(store.cache.bytes), 8),
      share: store.cache.bytes / Math.max(1, store.cache.bytesMax),
      note: `${formatShare(store.cache.bytes, store.cache.bytesMax)} of ${formatBytes(store.cache.bytesMax)}`,
    },
    { label: 'Circuits', value: `${circuits.ready} ready`, note: `${circuits.usableRelays} relays` },
  ];
  facts(frame, inside, rows, 10);
  const rest = { ...inside, y: inside.y + rows.length, height: Math.max(0, inside.height - rows.length) };
  drawHappenings(frame, rest, status);
}

/** The six lines of the card. */
export function overviewCard(frame: Frame, area: Area, status: Status): void {
  const { peers, requests, store, circuits } = status;
  const lines = [
    `peers ${peers.up}/${peers.max}   median ${formatDuration(medianRtt(status))}   circuits ${circuits.ready}`,
    `found ${formatShare(requests.found, requests.served)}  store ${formatShare(store.store.bytes, store.store.bytesMax)}  cache ${formatShare(store.cache.bytes, store.cache.bytesMax)}`,
  ];
  for (const [y, line] of lines.entries()) frame.canvas.text(area, 0, y, line);
  const transfers = transfersByInterest(status).slice(0, 2);
  for (const [index, transfer] of transfers.entries()) {
    const x = frame.canvas.text(
      area,
      0,
      index + 2,
      `${transfer.kind === 'publish' ? 'put' : 'get'} ${padEnd(transfer.alias, 8)} `,
    );
    bar(frame, area, x, index + 2, 12, doneShare(transfer));
    const eta =
      transfer.error !== null
        ? transfer.error.code
        : transfer.etaS === null
          ? transfer.stage
          : formatDuration(transfer.etaS * 1_000);
    frame.canvas.text(
      area,
      x + 12,
      index + 2,
      ` ${padStart(transfer.blocksNeeded === null ? ABSENT : `${Math.floor(doneShare(transfer) * 100)}%`, 4)}  ${eta}`,
      transfer.error === null ? 'plain' : 'warn',
    );
  }
  const used = 2 + transfers.length;
  drawEvents(frame, { ...area, y: area.y + used, height: Math.max(0, area.height - used) }, status);
}
