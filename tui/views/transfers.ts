/**
 * Transfers: what this node publishes and fetches for its user, under aliases of this run; names and keys are not known here.
 * @module
 */
import type { Status, TransferStatus } from '../../daemon/api/schema.ts';
import type { ShownNumber } from '../../daemon/api/schema-numbers.ts';
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
  'circuits.usableRelays',
  'circuits.ready',
  'circuits.building',
  'peers.list[].queuedBytes',
];

const DETAIL_HEIGHT = 8;

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
    title: 'State',
    width: 19,
    priority: 3,
    text: stateOf,
    role: (transfer) => (transfer.error === null ? 'plain' : 'warn'),
  },
];

function stateOf(transfer: TransferStatus): string {
  return transfer.error === null ? transfer.stage : transfer.error.code;
}

export function drawTransfers(frame: Frame, area: Area, model: Model, status: Status): void {
  const transfers = listedTransfers(model);
  const selected = selectedTransfer(model);
  if (selected === undefined) {
    drawEmpty(frame, box(frame, area, 'Transfers'), status);
    return;
  }
  const detailHeight = Math.min(DETAIL_HEIGHT, Math.max(0, area.height - 6));
  const [list, detail] = stack(area, 0, detailHeight) as [Area, Area];
  const running = transfers.filter((transfer) => !hasEnded(transfer)).length;
  const inside = box(frame, list, `Transfers: ${running} running, ${transfers.length} in all`);
  drawList(frame, inside, transfers, selected);
  drawDetail(frame, detail, selected, model, status);
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
    return;
  }
  const { what, cause, next } = transfer.error;
  const text = `${what}. Cause: ${cause}. Next: ${next}.`;
  for (const [y, line] of wrap(text, inside.width).entries())
    frame.canvas.text(inside, 0, rows.length + y, line, 'dim');
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
