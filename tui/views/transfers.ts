/**
 * Transfers: what this node publishes and fetches for its user, under aliases of this run; names and keys are not known here.
 * @module
 */
import type { Status, TransferStatus } from '../../daemon/api/schema.ts';
import type { ShownNumber } from '../../daemon/api/schema-numbers.ts';
import type { BlockMapDocument } from '../../daemon/api/schema-owner.ts';
import { type Area, stack } from '../cells.ts';
import { ABSENT, formatAge, formatBytes, formatCount, formatDuration, padEnd } from '../format.ts';
import { listedTransfers, selectedTransfer } from '../lists.ts';
import type { Model } from '../model.ts';
import { doneShare, hasEnded } from '../transfer-list.ts';
import { whySlow } from '../why-slow.ts';
import { box, type Fact, type Frame, facts, onClick, wrap } from '../widgets/frame.ts';
import { type Column, table } from '../widgets/table.ts';

export const TRANSFERS_NUMBERS: readonly ShownNumber[] = [
  'transfers[].blocksHave',
  'transfers[].blocksNeeded',
  'transfers[].blocksInFlight',
  'transfers[].blocksMissed',
  'transfers[].bytes',
  'transfers[].totalBytes',
  'transfers[].bytesPerSec',
  'transfers[].etaS',
  'transfers[].exits',
  'transfers[].ageMs',
  'transfers[].copiesMin',
  'transfers[].doneShare',
  'transfers[].priority',
  'transfers[].attempts',
  'transfers[].nextAttemptInMs',
  'transfers[].verified.asked',
  'transfers[].verified.found',
  'map.needed',
  'map.have',
  'map.asked',
  'map.missed',
  'map.open',
  'circuits.usableRelays',
  'circuits.ready',
  'circuits.building',
  'peers.list[].queuedBytes',
];

const DETAIL_HEIGHT = 8;
/** With the map of its blocks below. */
const MAP_HEIGHT = 13;
/** A block each, in the order of BlockMapDocument. */
const MAP_GLYPHS: Readonly<Record<string, string>> = { '#': '█', '>': '▓', x: '▒', '.': '░' };

const COLUMNS: readonly Column<TransferStatus>[] = [
  { title: 'Id', width: 8, priority: 1, text: (transfer) => transfer.alias },
  { title: 'Kind', width: 4, priority: 4, text: (transfer) => (transfer.kind === 'publish' ? 'put' : 'get') },
  { title: 'Size', width: 5, right: true, priority: 6, text: (transfer) => formatBytes(transfer.totalBytes) },
  { title: '', width: 10, priority: 7, text: () => '', share: doneShare },
  {
    title: 'Done',
    width: 4,
    right: true,
    priority: 2,
    text: (transfer) => (transfer.blocksNeeded === null ? ABSENT : `${Math.floor(doneShare(transfer) * 100)}%`),
  },
  { title: 'Rate', width: 6, right: true, priority: 5, text: (transfer) => `${formatBytes(transfer.bytesPerSec)}/s` },
  {
    title: 'Left',
    width: 6,
    right: true,
    priority: 8,
    text: (transfer) => (transfer.etaS === null ? ABSENT : formatDuration(transfer.etaS * 1_000)),
  },
  {
    title: 'Pri',
    width: 3,
    right: true,
    priority: 9,
    text: ({ priority }) => (priority === undefined ? ABSENT : String(priority)),
  },
  {
    title: 'State',
    width: 19,
    priority: 3,
    text: stateOf,
    role: (transfer) => (transfer.error === null ? 'plain' : 'warn'),
  },
];

function stateOf(transfer: TransferStatus): string {
  const { state, nextAttemptInMs, stage, error } = transfer;
  if (state === 'paused') return 'paused';
  if (state === 'waiting' && nextAttemptInMs != null) return `again in ${formatDuration(nextAttemptInMs)}`;
  if (state === 'queued') return 'queued';
  return error === null ? stage : error.code;
}

export function drawTransfers(frame: Frame, area: Area, model: Model, status: Status): void {
  const transfers = listedTransfers(model);
  const selected = selectedTransfer(model);
  if (selected === undefined) {
    drawEmpty(frame, box(frame, area, 'Transfers'), status);
    return;
  }
  const hasMap = mapOf(model, selected) !== undefined;
  const detailHeight = Math.min(hasMap ? MAP_HEIGHT : DETAIL_HEIGHT, Math.max(0, area.height - 6));
  const [list, detail] = stack(area, 0, detailHeight) as [Area, Area];
  const inside = box(frame, list, titleOf(transfers));
  drawList(frame, inside, transfers, selected);
  drawDetail(frame, detail, selected, model, status);
}

function titleOf(transfers: readonly TransferStatus[]): string {
  const open = transfers.filter((transfer) => !hasEnded(transfer));
  const count = (state: string): number => open.filter((transfer) => transfer.state === state).length;
  const [paused, waiting] = [count('paused'), count('waiting') + count('queued')];
  const parts = [
    `${open.length - paused - waiting} running`,
    ...(paused === 0 ? [] : [`${paused} paused`]),
    ...(waiting === 0 ? [] : [`${waiting} waiting`]),
    `${transfers.length - open.length} ended`,
  ];
  return `Transfers: ${parts.join(', ')}`;
}

function mapOf(model: Model, { id }: TransferStatus): BlockMapDocument | undefined {
  const { map } = model;
  return map !== undefined && map.id === id && map.shown.length > 0 ? map : undefined;
}

function drawList(frame: Frame, area: Area, transfers: readonly TransferStatus[], selected: TransferStatus): void {
  const most = frame.layout === 'narrow' || frame.layout === 'card' ? { most: 3 } : {};
  const { first, count } = table(frame, area, COLUMNS, transfers, { selected: transfers.indexOf(selected), ...most });
  for (let y = 0; y < count; y++) {
    const { alias } = transfers[first + y]!;
    onClick(frame, { ...area, y: area.y + 1 + y, height: 1 }, { type: 'transfer', alias });
  }
}

function drawDetail(frame: Frame, area: Area, transfer: TransferStatus, model: Model, status: Status): void {
  const inside = box(frame, area, transfer.alias, { note: `${transfer.kind}, class ${transfer.trafficClass}` });
  const rows: Fact[] = [
    {
      label: 'blocks',
      value: `${formatCount(transfer.blocksHave)} of ${transfer.blocksNeeded === null ? '?' : formatCount(transfer.blocksNeeded)}`,
      note: `${formatCount(transfer.blocksInFlight)} on the way, ${formatCount(transfer.blocksMissed)} missed`,
      share: doneShare(transfer),
    },
    {
      label: 'bytes',
      value: `${formatBytes(transfer.bytes)} of ${formatBytes(transfer.totalBytes)}`,
      note: `for ${formatAge(transfer.ageMs)}`,
    },
    {
      label: 'exits',
      value: formatCount(transfer.exits),
      note:
        transfer.copiesMin === null
          ? 'circuits that share it'
          : `every block has ${formatCount(transfer.copiesMin)} copies or more`,
      role: transfer.exits > 0 && transfer.exits < 8 ? 'warn' : 'plain',
    },
    {
      label: 'state',
      value: padEnd(stateOf(transfer), Math.max(0, inside.width - 8)).trimEnd(),
      role: transfer.error === null ? 'plain' : 'warn',
    },
  ];
  const { verified } = transfer;
  if (verified !== undefined && verified.asked > 0) {
    const isReachable = verified.found >= verified.asked - 1;
    rows.push({
      label: 'check',
      value: `${verified.found} of ${verified.asked} samples came back`,
      note: isReachable ? 'published and reachable' : 'others may not find it: publish again',
      role: isReachable ? 'good' : 'warn',
    });
  }
  facts(frame, inside, rows, 8);
  const uri = model.revealed?.uris.get(transfer.id);
  if (uri !== undefined) {
    // A key is longer than a line: cut into lines, nothing in it may be lost.
    for (let y = 0; y * inside.width < uri.length; y++)
      frame.canvas.text(inside, 0, rows.length + y, uri.slice(y * inside.width, (y + 1) * inside.width), 'key');
    return;
  }
  if (transfer.error === null) {
    if (hasEnded(transfer)) return;
    const why = whySlow(transfer, status);
    const lines = wrap(why.text, Math.max(0, inside.width - 8));
    frame.canvas.text(inside, 0, rows.length, 'why', 'label');
    for (const [y, line] of lines.entries())
      frame.canvas.text(inside, 8, rows.length + y, line, why.isFault ? 'warn' : 'dim');
    const map = mapOf(model, transfer);
    const used = rows.length + lines.length;
    if (map !== undefined) drawMap(frame, { ...inside, y: inside.y + used, height: inside.height - used }, map);
    return;
  }
  const { what, cause, next } = transfer.error;
  const text = `${what}. Cause: ${cause}. Next: ${next}.`;
  for (const [y, line] of wrap(text, inside.width).entries())
    frame.canvas.text(inside, 0, rows.length + y, line, 'dim');
}

/** The segments under way, a cell a block, and below what the cells mean. */
function drawMap(frame: Frame, area: Area, { segments, shown }: BlockMapDocument): void {
  if (area.height < 3) return;
  const open = shown.findIndex(({ blocks, needed, have }) => have < Math.min(needed, blocks.length));
  const { canvas } = frame;
  let y = 0;
  let last = open < 0 ? shown.length - 1 : open;
  const drawn: (typeof shown)[number][] = [];
  for (; last < shown.length; last++) {
    const { segment, needed, blocks } = shown[last]!;
    const wanted = Math.ceil(blocks.length / area.width);
    // The first one is shown as far as there is room, another only whole.
    const lines = drawn.length === 0 ? Math.min(wanted, area.height - 2) : wanted;
    if (y + 1 + lines > area.height - 1) break;
    const of = segments > 0 ? ` of ${formatCount(segments)}` : '';
    const rule =
      needed < blocks.length ? `any ${needed} of ${blocks.length} blocks suffice` : `${blocks.length} blocks`;
    canvas.text(area, 0, y, `segment ${segment + 1}${of}: ${rule}`, 'label');
    for (let line = 0; line < lines; line++) {
      const part = blocks.slice(line * area.width, (line + 1) * area.width);
      canvas.text(area, 0, y + 1 + line, [...part].map((state) => MAP_GLYPHS[state] ?? '?').join(''), 'spark');
    }
    y += 1 + lines;
    drawn.push(shown[last]!);
  }
  const sum = (name: 'have' | 'asked' | 'missed' | 'open'): string =>
    formatCount(drawn.reduce((total, segment) => total + segment[name], 0));
  const legend = `█ have ${sum('have')}  ▓ on the way ${sum('asked')}  ▒ missed ${sum('missed')}  ░ not asked ${sum('open')}`;
  canvas.text(area, 0, y, padEnd(legend, area.width), 'dim');
}

function drawEmpty(frame: Frame, area: Area, status: Status): void {
  const text = status.readOnly
    ? 'No transfers. They are begun with holloway publish and fetch, or here without --read-only.'
    : 'No transfers. p publishes a file, g fetches a key.';
  for (const [y, line] of wrap(text, area.width).entries()) frame.canvas.text(area, 0, y, line, 'dim');
}

export function transfersCard(frame: Frame, area: Area, model: Model, status: Status): void {
  const selected = selectedTransfer(model);
  if (selected === undefined) drawEmpty(frame, area, status);
  else drawList(frame, area, listedTransfers(model), selected);
}
