/**
 * Log: the daemon's last lines, newest first, repeats folded by the daemon.
 * @module
 */
import type { Status } from '../../daemon/api/schema.ts';
import type { ShownNumber } from '../../daemon/api/schema-numbers.ts';
import type { Area } from '../cells.ts';
import { counted, padEnd } from '../format.ts';
import { listedLog } from '../lists.ts';
import type { Model } from '../model.ts';
import { box, type Frame } from '../widgets/frame.ts';
import { drawLogLine } from './happenings.ts';

export const LOG_NUMBERS: readonly ShownNumber[] = ['log[].atMs', 'log[].repeats'];

export function drawLog(frame: Frame, area: Area, model: Model, status: Status): void {
  const note = model.held === undefined ? 'newest first' : 'held';
  const found = model.filter === '' ? '' : `, those with "${model.filter}"`;
  drawLines(
    frame,
    box(frame, area, `Log, last ${counted(status.log.length, 'line')}${found}`, { note }),
    model,
    status,
  );
}

function drawLines(frame: Frame, area: Area, model: Model, status: Status): void {
  if (status.log.length === 0)
    frame.canvas.text(area, 0, 0, 'No lines yet. The daemon writes one when something happens.', 'dim');
  const lines = listedLog(model);
  if (lines.length === 0 && status.log.length > 0)
    frame.canvas.text(area, 0, 0, padEnd(`No line contains "${model.filter}". esc shows all.`, area.width), 'dim');
  const first = Math.max(0, Math.min(model.scroll, lines.length - area.height));
  for (const [y, line] of lines.slice(first, first + area.height).entries()) drawLogLine(frame, area, y, line);
}

export function logCard(frame: Frame, area: Area, model: Model, status: Status): void {
  drawLines(frame, area, model, status);
}
