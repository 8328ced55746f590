/**
 * What a view draws with: the canvas, the glyphs of this terminal, the size class, and the list of what answers a click.
 * @module
 */
import { type Area, type Canvas, type Hit, inner } from '../cells.ts';
import { cellsOf, padEnd, truncate } from '../format.ts';
import type { ClickTarget } from '../model.ts';
import type { Glyphs, Role } from '../theme.ts';

/** The layout ladder: >= 120x40, >= 80x24, >= 60x16, >= 40x10, and one line below. */
export type Layout = 'wide' | 'normal' | 'narrow' | 'card' | 'line';

export function layoutOf(width: number, height: number): Layout {
  if (width >= 120 && height >= 40) return 'wide';
  if (width >= 80 && height >= 24) return 'normal';
  if (width >= 60 && height >= 16) return 'narrow';
  return width >= 40 && height >= 10 ? 'card' : 'line';
}

export interface Frame {
  readonly canvas: Canvas;
  readonly glyphs: Glyphs;
  readonly ascii: boolean;
  readonly layout: Layout;
  /** East of UTC. */
  readonly offsetMinutes: number;
  readonly hits: Hit<ClickTarget>[];
}

export function onClick(frame: Frame, area: Area, action: ClickTarget): void {
  const { x, y, width, height } = area;
  frame.hits.push({ x, y, width, height, action });
}

/** A border with a title; returns the inside, one cell away from the border at the sides. */
export function box(
  frame: Frame,
  area: Area,
  title: string,
  options: { selected?: boolean; note?: string } = {},
): Area {
  const { canvas, glyphs } = frame;
  const [leftTop, rightTop, leftBottom, rightBottom] = glyphs.corners;
  const line = glyphs.horizontal.repeat(Math.max(0, area.width - 2));
  if (area.width >= 2 && area.height >= 2) {
    canvas.text(area, 0, 0, leftTop + line + rightTop, 'border');
    for (let y = 1; y < area.height - 1; y++) {
      canvas.text(area, 0, y, glyphs.vertical, 'border');
      canvas.text(area, area.width - 1, y, glyphs.vertical, 'border');
    }
    canvas.text(area, 0, area.height - 1, leftBottom + line + rightBottom, 'border');
    const label = truncate(` ${title} `, area.width - 2);
    const end = canvas.text(area, 1, 0, label, options.selected === true ? 'selected' : 'title');
    const note = ` ${options.note ?? ''} `;
    if (options.note !== undefined && end + cellsOf(note).length + 2 <= area.width) {
      canvas.text(area, area.width - 2 - cellsOf(note).length, 0, note, 'dim');
    }
  }
  return inner(area, 2, 1, 2, 1);
}

export function bar(
  frame: Frame,
  area: Area,
  x: number,
  y: number,
  width: number,
  share: number,
  role: Role = 'spark',
): void {
  const safe = Number.isFinite(share) ? Math.min(1, Math.max(0, share)) : 0;
  // Something is never drawn as nothing, and only all of it as full.
  const cells = safe === 0 ? 0 : safe === 1 ? width : Math.min(width - 1, Math.max(1, Math.round(safe * width)));
  const end = frame.canvas.text(area, x, y, frame.glyphs.barFull.repeat(Math.max(0, cells)), role);
  frame.canvas.text(area, end, y, frame.glyphs.barRest.repeat(Math.max(0, width - cells)), 'barRest');
}

/** The newest `width` values, newest at the right; the axis begins at 0. */
export function sparkline(frame: Frame, values: readonly number[], width: number): string {
  const shown = width <= 0 ? [] : values.slice(-width);
  const most = Math.max(...shown, 1);
  const levels = [...frame.glyphs.levels];
  const marks = shown.map((value) => {
    const share = Number.isFinite(value) ? Math.min(1, Math.max(0, value / most)) : 0;
    return levels[value > 0 ? Math.max(1, Math.round(share * (levels.length - 1))) : 0]!;
  });
  return marks.join('').padStart(Math.max(0, width), ' ');
}

export interface Fact {
  readonly label: string;
  readonly value: string;
  readonly role?: Role;
  /** At the right edge where it fits. */
  readonly note?: string;
  /** Drawn after the value, if there is room for six cells of it. */
  readonly share?: number;
}

/** Lines of label, value, bar and note. What does not fit is left out from the right. */
export function facts(
  frame: Frame,
  area: Area,
  rows: readonly (Fact | undefined)[],
  labelWidth = 11,
  valueWidth = 0,
): void {
  const { canvas } = frame;
  let y = 0;
  for (const row of rows) {
    if (row === undefined) continue;
    canvas.text(area, 0, y, padEnd(row.label, labelWidth - 1), 'label');
    const end = Math.max(labelWidth + valueWidth, canvas.text(area, labelWidth, y, row.value, row.role ?? 'plain'));
    const noteWidth = row.note === undefined ? 0 : cellsOf(row.note).length + 1;
    const room = area.width - end - 1 - noteWidth;
    if (row.note !== undefined && end + noteWidth <= area.width) canvas.textRight(area, y, row.note, 'dim');
    if (row.share !== undefined && room >= 6) bar(frame, area, end + 1, y, room, row.share, 'spark');
    y++;
  }
}

/** Text over several lines, broken at spaces. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (cellsOf(longer).length <= width) line = longer;
    else {
      if (line !== '') lines.push(line);
      line = truncate(word, width);
    }
  }
  if (line !== '') lines.push(line);
  return lines;
}
