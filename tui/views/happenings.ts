/**
 * What happens: transfers on one line each, the newest lines of the log, and peers that left.
 * @module
 */
import type { LogLine, Status, TransferStatus } from '../../daemon/api/schema.ts';
import type { Area } from '../cells.ts';
import {
  ABSENT,
  formatAge,
  formatBytes,
  formatClock,
  formatCount,
  formatDuration,
  padEnd,
  padStart,
} from '../format.ts';
import type { Role } from '../theme.ts';
import { doneShare, transfersByInterest } from '../transfer-list.ts';
import { bar, type Frame } from '../widgets/frame.ts';

export function drawHappenings(frame: Frame, area: Area, status: Status): void {
  const transfers = transfersByInterest(status).slice(0, Math.max(1, Math.floor(area.height / 2)));
  if (transfers.length === 0)
    frame.canvas.text(area, 0, 0, 'No transfers. p publishes a file, g fetches a key.', 'dim');
  for (const [y, transfer] of transfers.entries()) drawTransfer(frame, area, y, transfer);
  drawEvents(
    frame,
    {
      ...area,
      y: area.y + Math.max(1, transfers.length),
      height: Math.max(0, area.height - Math.max(1, transfers.length)),
    },
    status,
  );
}

export function drawTransfer(frame: Frame, area: Area, y: number, transfer: TransferStatus): void {
  const share = doneShare(transfer);
  const verb = transfer.kind === 'publish' ? 'put' : 'get';
  let x = frame.canvas.text(area, 0, y, `${verb}  ${padEnd(transfer.alias, 8)}`, 'plain');
  x = frame.canvas.text(
    area,
    x + 1,
    y,
    padStart(transfer.blocksNeeded === null ? ABSENT : `${Math.floor(share * 100)}%`, 4),
  );
  const width = Math.max(6, Math.min(24, area.width - 58));
  bar(frame, area, x + 1, y, width, share, transfer.error === null ? 'spark' : 'spark2');
  x += width + 2;
  if (transfer.error !== null) {
    frame.canvas.text(area, x, y, padEnd(`${transfer.error.what}; ${transfer.error.next}`, area.width - x), 'warn');
    return;
  }
  const blocks = `${formatCount(transfer.blocksHave)}/${transfer.blocksNeeded === null ? '?' : formatCount(transfer.blocksNeeded)} blocks`;
  const left = transfer.etaS === null ? '' : `  ${formatDuration(transfer.etaS * 1_000)} left`;
  frame.canvas.text(
    area,
    x,
    y,
    padEnd(`${blocks}  ${formatBytes(transfer.bytesPerSec)}/s${left}  ${transfer.stage}`, area.width - x),
  );
}

/** The newest lines that an operator wants (no debug, no trace), and the peers that left. */
export function drawEvents(frame: Frame, area: Area, status: Status): void {
  const lines = [...status.log.filter(({ level }) => level !== 'debug' && level !== 'trace'), ...lossesOf(status)]
    .toSorted((a, b) => b.atMs - a.atMs)
    .slice(0, Math.max(0, area.height));
  if (area.height <= 0) return;
  if (lines.length === 0) frame.canvas.text(area, 0, 0, 'No events yet.', 'dim');
  for (const [y, line] of lines.entries()) drawLogLine(frame, area, y, line);
}

function lossesOf(status: Status): LogLine[] {
  return status.peers.lost.map(({ alias, lostAtMs, stayedMs, linkEnded, times }) => ({
    atMs: lostAtMs,
    level: 'info',
    subsystem: 'peers',
    text: `${alias} ${linkEnded ? 'left' : 'is no longer routed over'} after ${formatAge(stayedMs)}${times > 1 ? `, time ${formatCount(times)}` : ''}`,
    repeats: 1,
  }));
}

const LOG_ROLES: Readonly<Record<LogLine['level'], Role>> = {
  error: 'bad',
  warn: 'warn',
  info: 'plain',
  debug: 'dim',
  trace: 'dim',
};

export function drawLogLine(frame: Frame, area: Area, y: number, line: LogLine): void {
  const role = LOG_ROLES[line.level] ?? 'plain';
  const x = frame.canvas.text(area, 0, y, formatClock(line.atMs, frame.offsetMinutes), 'dim');
  const level = line.level === 'info' ? '' : `${line.level} `;
  const repeats = line.repeats > 1 ? ` (×${formatCount(line.repeats)})` : '';
  frame.canvas.text(
    area,
    x + 2,
    y,
    padEnd(`${level}${line.subsystem}: ${line.text}${repeats}`, area.width - x - 2),
    role,
  );
}
