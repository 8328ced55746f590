/**
 * Peers: the table of links to route over, and what is known about the selected one.
 * @module
 */

import type { LostPeerStatus, PeerStatus, Status } from '../../daemon/api/schema.ts';
import type { ShownNumber } from '../../daemon/api/schema-numbers.ts';
import type { Area } from '../cells.ts';
import {
  ABSENT,
  formatAge,
  formatBytes,
  formatClock,
  formatDistance,
  formatDuration,
  formatLocation,
} from '../format.ts';
import { listedPeers, type PeerColumn } from '../lists.ts';
import type { Model } from '../model.ts';
import { box, type Fact, type Frame, facts, onClick, sparkline, wrap } from '../widgets/frame.ts';
import { type Column, table } from '../widgets/table.ts';
import { medianRtt } from './overview.ts';

export const PEERS_NUMBERS: readonly ShownNumber[] = [
  'peers.up',
  'peers.max',
  'peers.in',
  'peers.out',
  'peers.ringNeighbours',
  'peers.links',
  'peers.banned',
  'peers.rttMedianMs',
  'peers.list[].location',
  'peers.list[].distance',
  'peers.list[].rttMs',
  'peers.list[].ageMs',
  'peers.list[].bytesIn',
  'peers.list[].bytesOut',
  'peers.list[].queuedBytes',
  'peers.list[].bytesPerSec',
  'peers.lost[].location',
  'peers.lost[].lostAtMs',
  'peers.lost[].stayedMs',
  'peers.lost[].times',
  'nowMs',
  'node.location',
];

const SLOW_MS = 300;
const LONG_QUEUE_BYTES = 1024 * 1024;
const DETAIL_HEIGHT = 7;
const DETAIL_WIDTH = 36;

const slow = (peer: PeerStatus): boolean => peer.rttMs !== null && peer.rttMs > SLOW_MS;
const queued = (peer: PeerStatus): boolean => peer.queuedBytes > LONG_QUEUE_BYTES;

type PeerTableColumn = Column<PeerStatus> & { readonly sort: PeerColumn };

const COLUMNS: readonly PeerTableColumn[] = [
  { sort: 'alias', title: 'Peer', width: 6, priority: 1, text: (peer) => peer.alias },
  { sort: 'location', title: 'Loc', width: 4, right: true, priority: 6, text: (peer) => formatLocation(peer.location) },
  {
    sort: 'distance',
    title: 'Dist',
    width: 6,
    right: true,
    priority: 3,
    text: (peer) => formatDistance(peer.distance),
  },
  { sort: 'direction', title: 'Dir', width: 3, priority: 5, text: (peer) => peer.direction },
  { sort: 'alias', title: 'Kind', width: 4, priority: 9, text: (peer) => (peer.ringNeighbour ? 'ring' : 'long') },
  {
    sort: 'rtt',
    title: 'RTT',
    width: 7,
    right: true,
    priority: 2,
    text: (peer) => formatDuration(peer.rttMs),
    role: (peer) => (slow(peer) ? 'warn' : 'plain'),
  },
  { sort: 'age', title: 'Age', width: 7, right: true, priority: 4, text: (peer) => formatAge(peer.ageMs) },
  { sort: 'in', title: 'In', width: 5, right: true, priority: 7, text: (peer) => formatBytes(peer.bytesIn) },
  { sort: 'out', title: 'Out', width: 5, right: true, priority: 8, text: (peer) => formatBytes(peer.bytesOut) },
  {
    sort: 'queue',
    title: 'Queue',
    width: 5,
    right: true,
    priority: 10,
    text: (peer) => formatBytes(peer.queuedBytes),
    role: (peer) => (queued(peer) ? 'warn' : 'plain'),
  },
  { sort: 'version', title: 'Version', width: 7, priority: 11, text: (peer) => peer.version },
];

export function drawPeers(frame: Frame, area: Area, model: Model, status: Status): void {
  if (model.lostShown) {
    drawLost(
      frame,
      box(frame, area, `Lost peers, ${status.peers.lost.length} since start`, { note: 'l goes back' }),
      model,
      status,
    );
    return;
  }
  const peers = listedPeers(model);
  const at = peers.findIndex((peer) => peer.alias === model.selectedPeer);
  const chosen = peers[at];
  const wide = frame.layout === 'wide';
  const below =
    !wide && model.details && chosen !== undefined ? Math.min(DETAIL_HEIGHT, Math.max(0, area.height - 5)) : 0;
  const beside = wide ? DETAIL_WIDTH : 0;
  const listArea = { ...area, width: area.width - beside, height: area.height - below };
  const inside = box(frame, listArea, title(model, status, peers.length), { note: order(model) });
  if (peers.length === 0) drawEmpty(frame, inside, model, status);
  else drawTable(frame, inside, model, peers, at);
  const detailArea = wide
    ? { ...area, x: area.x + listArea.width, width: beside }
    : { ...area, y: area.y + listArea.height, height: below };
  if (wide || below > 2) drawDetail(frame, detailArea, status, chosen);
}

function title(model: Model, status: Status, shown: number): string {
  const { peers } = status;
  const found = model.filter === '' ? '' : `, ${shown} with "${model.filter}"`;
  const banned = peers.banned === 0 ? '' : `, ${peers.banned} banned`;
  return `Peers ${peers.up} of ${peers.max}, ${peers.in} in, ${peers.out} out${banned}${found}`;
}

function order(model: Model): string {
  return `by ${model.sort.column}${model.sort.descending ? ', reversed' : ''}`;
}

function drawTable(frame: Frame, area: Area, model: Model, peers: readonly PeerStatus[], at: number): void {
  const arrow = model.sort.descending ? frame.glyphs.descending : frame.glyphs.ascending;
  const marked = columnsOf(frame, model).map((column) =>
    column.sort === model.sort.column && !['Kind', 'Minute', 'Rate'].includes(column.title)
      ? { ...column, title: withArrow(column, arrow) }
      : column,
  );
  const mark = marked.find(({ title }) => title.endsWith(arrow))?.title ?? '';
  const most = frame.layout === 'narrow' ? 3 : frame.layout === 'card' ? 3 : marked.length;
  const { first, count, spans } = table(frame, area, marked, peers, { selected: at, mark, most });
  for (let y = 0; y < count; y++) {
    onClick(
      frame,
      { x: area.x, y: area.y + 1 + y, width: area.width, height: 1 },
      { type: 'peer', alias: peers[first + y]!.alias },
    );
  }
  for (const { column, x } of spans) {
    const { sort } = column as PeerTableColumn;
    onClick(frame, { x: area.x + x, y: area.y, width: column.width, height: 1 }, { type: 'column', column: sort });
  }
}

/** Bytes per second of both directions over the last minute, as far as this dashboard has looked on. */
const ratesOf = (model: Model, peer: PeerStatus): readonly number[] =>
  model.peerRates?.of.get(peer.alias)?.perSec ?? [];

function columnsOf(frame: Frame, model: Model): readonly PeerTableColumn[] {
  const spark: PeerTableColumn = {
    sort: 'in',
    title: 'Minute',
    width: frame.layout === 'wide' ? 16 : 8,
    priority: 6.5,
    text: (peer) => sparkline(frame, ratesOf(model, peer), frame.layout === 'wide' ? 16 : 8),
    role: () => 'spark',
  };
  const rate: PeerTableColumn = {
    sort: 'in',
    title: 'Rate',
    width: 6,
    right: true,
    priority: 6.6,
    text: (peer) => {
      const last = ratesOf(model, peer).at(-1);
      return last === undefined ? ABSENT : `${formatBytes(last)}/s`;
    },
  };
  const at = COLUMNS.findIndex(({ title }) => title === 'In');
  return [...COLUMNS.slice(0, at), spark, rate, ...COLUMNS.slice(at)];
}

function lostColumns(frame: Frame, status: Status): readonly Column<LostPeerStatus>[] {
  return [
    { title: 'Peer', width: 6, priority: 1, text: (peer) => peer.alias },
    { title: 'Left', width: 8, priority: 2, text: (peer) => formatClock(peer.lostAtMs, frame.offsetMinutes) },
    {
      title: 'Ago',
      width: 7,
      right: true,
      priority: 4,
      text: (peer) => formatAge(Math.max(0, status.nowMs - peer.lostAtMs)),
    },
    { title: 'Stayed', width: 7, right: true, priority: 3, text: (peer) => formatAge(peer.stayedMs) },
    {
      title: 'Times',
      width: 5,
      right: true,
      priority: 5,
      text: (peer) => String(peer.times),
      role: (peer) => (peer.times > 2 ? 'warn' : 'plain'),
    },
    { title: 'Loc', width: 4, right: true, priority: 7, text: (peer) => formatLocation(peer.location) },
    { title: 'Dir', width: 3, priority: 8, text: (peer) => peer.direction },
    {
      title: 'How',
      width: 26,
      priority: 6,
      text: (peer) => (peer.linkEnded ? 'the connection ended' : 'no longer routed over'),
    },
  ];
}

function drawLost(frame: Frame, area: Area, model: Model, status: Status): void {
  const { lost } = status.peers;
  if (lost.length === 0) {
    const text = 'No peer was lost. One that goes is kept here: when, after how long, and how often it went before.';
    for (const [y, line] of wrap(text, area.width).entries()) frame.canvas.text(area, 0, y, line, 'dim');
    return;
  }
  const most = frame.layout === 'narrow' || frame.layout === 'card' ? { most: 3 } : {};
  table(frame, area, lostColumns(frame, status), lost, { first: model.scroll, ...most });
}

function withArrow(column: PeerTableColumn, arrow: string): string {
  return column.title.length < column.width ? `${column.title}${arrow}` : column.title;
}

function drawEmpty(frame: Frame, area: Area, model: Model, status: Status): void {
  const text =
    model.filter !== '' && status.peers.list.length > 0
      ? `None of the ${status.peers.list.length} peers contains "${model.filter}". esc shows all.`
      : `No peers yet. ${status.verdict.reason === '' ? '' : `${sentence(status.verdict.reason)} `}${sentence(status.verdict.next)}`;
  for (const [y, line] of wrap(text.trim(), area.width).entries()) frame.canvas.text(area, 0, y, line, 'dim');
}

function sentence(text: string): string {
  return text === '' ? '' : `${text[0]!.toUpperCase()}${text.slice(1)}.`;
}

function drawDetail(frame: Frame, area: Area, status: Status, peer: PeerStatus | undefined): void {
  if (peer === undefined) {
    const inside = box(frame, area, 'Selected');
    const text = 'No peer selected. Arrows or j and k choose one; s sorts, / filters.';
    for (const [y, line] of wrap(text, inside.width).entries()) frame.canvas.text(inside, 0, y, line, 'dim');
    return;
  }
  const inside = box(frame, area, peer.alias, { note: peer.ringNeighbour ? 'ring neighbour' : 'long link' });
  const rows: Fact[] = [
    {
      label: 'place',
      value: formatLocation(peer.location),
      note: `${formatDistance(peer.distance)} away from ${formatLocation(status.node.location)}`,
    },
    {
      label: 'ping',
      value: formatDuration(peer.rttMs),
      note: `median of all ${formatDuration(medianRtt(status))}`,
      role: slow(peer) ? 'warn' : 'plain',
    },
    {
      label: 'link',
      value: `${peer.direction === 'in' ? 'it dialled us' : 'we dialled it'}`,
      note: `for ${formatAge(peer.ageMs)}`,
    },
    { label: 'bytes', value: `↓${formatBytes(peer.bytesIn)} ↑${formatBytes(peer.bytesOut)}`, note: 'since it opened' },
    {
      label: 'queue',
      value: formatBytes(peer.queuedBytes),
      note: queued(peer) ? 'it reads slowly' : `version ${peer.version || ABSENT}`,
      role: queued(peer) ? 'warn' : 'plain',
    },
  ];
  facts(frame, inside, rows, 8);
}

export function peersCard(frame: Frame, area: Area, model: Model, status: Status): void {
  if (model.lostShown) {
    drawLost(frame, area, model, status);
    return;
  }
  const peers = listedPeers(model);
  if (peers.length === 0) {
    drawEmpty(frame, area, model, status);
    return;
  }
  drawTable(
    frame,
    area,
    model,
    peers,
    peers.findIndex((peer) => peer.alias === model.selectedPeer),
  );
}
