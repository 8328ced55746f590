/**
 * A table that never wraps: columns leave by priority when the width does not hold them, rows scroll to keep the selection in sight.
 * @module
 */
import type { Area } from '../cells.ts';
import { padEnd, padStart } from '../format.ts';
import type { Role } from '../theme.ts';
import { bar, type Frame } from './frame.ts';

export interface Column<T> {
  readonly title: string;
  readonly width: number;
  readonly right?: boolean;
  /** 1 stays longest. */
  readonly priority: number;
  readonly text: (row: T) => string;
  readonly role?: (row: T) => Role;
  /** A bar of this share instead of text. */
  readonly share?: (row: T) => number;
}

/** The columns that fit, in their own order: at most `most`, the first priorities first. */
export function columnsThatFit<T>(
  columns: readonly Column<T>[],
  width: number,
  most = columns.length,
): readonly Column<T>[] {
  const kept = new Set<Column<T>>();
  let used = 0;
  for (const column of columns.toSorted((a, b) => a.priority - b.priority)) {
    if (kept.size >= most || used + column.width + 2 > width + 2) break;
    kept.add(column);
    used += column.width + 2;
  }
  return columns.filter((column) => kept.has(column));
}

/** First row on show, so that `selected` is among the `height` rows. */
export function firstShown(selected: number, count: number, height: number): number {
  if (selected < 0 || count <= height) return 0;
  return Math.max(0, Math.min(count - height, selected - Math.floor(height / 2)));
}

/** Draws head and rows; returns which rows went where. */
export function table<T>(
  frame: Frame,
  area: Area,
  columns: readonly Column<T>[],
  rows: readonly T[],
  options: { readonly selected?: number; readonly first?: number; readonly most?: number; readonly mark?: string } = {},
): { readonly first: number; readonly count: number; readonly spans: readonly { column: Column<T>; x: number }[] } {
  const { canvas } = frame;
  const fitting = columnsThatFit(columns, area.width, options.most);
  const height = Math.max(0, area.height - 1);
  const first =
    options.first === undefined
      ? firstShown(options.selected ?? -1, rows.length, height)
      : Math.min(options.first, Math.max(0, rows.length - height));
  const spans: { column: Column<T>; x: number }[] = [];
  let x = 0;
  for (const column of fitting) {
    spans.push({ column, x });
    const mark = column.title !== '' && column.title === options.mark;
    const title = column.right === true ? padStart(column.title, column.width) : padEnd(column.title, column.width);
    canvas.text(area, x, 0, title, mark ? 'key' : 'label');
    for (let y = 0; y < height && first + y < rows.length; y++) {
      const row = rows[first + y]!;
      if (column.share !== undefined) {
        bar(frame, area, x, y + 1, column.width, column.share(row));
        continue;
      }
      const text = column.text(row);
      canvas.text(
        area,
        x,
        y + 1,
        column.right === true ? padStart(text, column.width) : padEnd(text, column.width),
        column.role?.(row) ?? 'plain',
      );
    }
    x += column.width + 2;
  }
  const selected = options.selected ?? -1;
  if (selected >= first && selected < first + height)
    canvas.paint(area, 0, selected - first + 1, area.width, 'selected');
  return { first, count: Math.min(height, rows.length - first), spans };
}
