/**
 * Transfers: what this node publishes and fetches for its user, under aliases of this run; names and keys are not known here.
 * @module
 */
import type { Status, TransferStatus } from '../../daemon/api/schema.ts';
import type { ShownNumber } from '../../daemon/api/schema-numbers.ts';
import { type Area, stack } from '../cells.ts';
import { ABSENT, formatAge, formatBytes, formatCount, formatDuration, padEnd } from '../format.ts';
import type { Model } from '../model.ts';
import { box, type Fact, type Frame, facts, wrap } from '../widgets/frame.ts';
import { type Column, table } from '../widgets/table.ts';
import { doneShare, hasEnded, transfersByInterest } from './overview.ts';

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
  const transfers = transfersByInterest(status);
  if (transfers.length === 0) {
    drawEmpty(frame, box(frame, area, 'Transfers'));
    return;
  }
  const at = Math.min(model.scroll, transfers.length - 1);
  const detailHeight = Math.min(DETAIL_HEIGHT, Math.max(0, area.height - 6));
  const [list, detail] = stack(area, 0, detailHeight) as [Area, Area];
  const running = transfers.filter((transfer) => !hasEnded(transfer)).length;
  const inside = box(frame, list, `Transfers: ${running} running, ${transfers.length} in all`);
  table(frame, inside, COLUMNS, transfers, { selected: at, ...(frame.layout === 'narrow' ? { most: 3 } : {}) });
  drawDetail(frame, detail, transfers[at]!);
}

function drawDetail(frame: Frame, area: Area, transfer: TransferStatus): void {
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
  if (transfer.error === null) return;
  const { what, cause, next } = transfer.error;
  const text = `${what}. Cause: ${cause}. Next: ${next}.`;
  for (const [y, line] of wrap(text, inside.width).entries())
    frame.canvas.text(inside, 0, rows.length + y, line, 'dim');
}

function drawEmpty(frame: Frame, area: Area): void {
  const text = 'No transfers. holloway publish FILE puts one here, holloway fetch URI gets one.';
  for (const [y, line] of wrap(text, area.width).entries()) frame.canvas.text(area, 0, y, line, 'dim');
}

export function transfersCard(frame: Frame, area: Area, model: Model, status: Status): void {
  const transfers = transfersByInterest(status);
  if (transfers.length === 0) {
    drawEmpty(frame, area);
    return;
  }
  table(frame, area, COLUMNS, transfers, { selected: Math.min(model.scroll, transfers.length - 1), most: 3 });
}
