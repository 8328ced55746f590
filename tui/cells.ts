/**
 * A screen as cells: views write into areas of it, rows come out exactly as wide as the screen.
 *
 * Shape   Canvas: a grid of (character, role). Area: a rectangle of it that clips. Row: the finished line.
 * Unit    cells; x to the right, y down, both from 0.
 * Errors  none: whatever falls outside is cut, whatever is not one safe cell is replaced (`cellsOf`).
 * Why     because every write passes `cellsOf`, no view can let a stranger's byte through by mistake, and no row can have another width.
 * @module
 */
import { cellsOf } from './format.ts';
import { asciiOf, type Role } from './theme.ts';

export interface Row {
  readonly characters: readonly string[];
  readonly roles: readonly Role[];
}

/** A part of the screen that answers a click. */
export interface Hit<A> {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly action: A;
}

export interface Area {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Canvas extends Area {
  /** @returns the x after the last cell written, as if nothing had been cut */
  text(area: Area, x: number, y: number, text: string, role?: Role): number;
  /** Ends at the right edge of the area. */
  textRight(area: Area, y: number, text: string, role?: Role): number;
  /** Gives another role to cells already written. */
  paint(area: Area, x: number, y: number, width: number, role: Role): void;
  rows(): Row[];
}

export function createCanvas(width: number, height: number, options: { readonly ascii: boolean }): Canvas {
  const characters = Array.from({ length: height }, () => new Array<string>(width).fill(' '));
  const roles = Array.from({ length: height }, () => new Array<Role>(width).fill('plain'));

  function text(area: Area, x: number, y: number, content: string, role: Role = 'plain'): number {
    const cells = cellsOf(content);
    const row = area.y + y;
    if (y >= 0 && y < area.height && row >= 0 && row < height) {
      for (const [index, cell] of cells.entries()) {
        const column = area.x + x + index;
        if (x + index < 0 || x + index >= area.width || column < 0 || column >= width) continue;
        characters[row]![column] = options.ascii ? asciiOf(cell) : cell;
        roles[row]![column] = role;
      }
    }
    return x + cells.length;
  }

  return {
    x: 0,
    y: 0,
    width,
    height,
    text,
    textRight(area, y, content, role) {
      const length = cellsOf(content).length;
      text(area, area.width - length, y, content, role);
      return area.width - length;
    },
    paint(area, x, y, span, role) {
      const row = area.y + y;
      if (y < 0 || y >= area.height || row < 0 || row >= height) return;
      for (let column = Math.max(0, x); column < Math.min(area.width, x + span); column++) {
        if (area.x + column < width) roles[row]![area.x + column] = role;
      }
    },
    rows: () => characters.map((line, y) => ({ characters: line, roles: roles[y]! })),
  };
}

export function inner(area: Area, left: number, top: number, right: number, bottom: number): Area {
  return {
    x: area.x + left,
    y: area.y + top,
    width: Math.max(0, area.width - left - right),
    height: Math.max(0, area.height - top - bottom),
  };
}

/** Side by side, by share; the last takes what is left. */
export function columns(area: Area, ...shares: readonly number[]): Area[] {
  return split(area.width, shares).map(([start, size]) => ({ ...area, x: area.x + start, width: size }));
}

/** One above the other: fixed heights, 0 for "the rest". */
export function stack(area: Area, ...heights: readonly number[]): Area[] {
  const fixed = heights.reduce((sum, height) => sum + height, 0);
  let y = area.y;
  return heights.map((wanted) => {
    const left = area.y + area.height - y;
    const height = Math.max(0, Math.min(left, wanted === 0 ? area.height - fixed : wanted));
    const part = { ...area, y, height };
    y += height;
    return part;
  });
}

function split(total: number, shares: readonly number[]): [number, number][] {
  const whole = shares.reduce((sum, share) => sum + share, 0);
  let used = 0;
  let start = 0;
  return shares.map((share) => {
    used += share;
    const end = Math.round((total * used) / whole);
    const part: [number, number] = [start, end - start];
    start = end;
    return part;
  });
}

/** The characters alone: what a capture of the terminal shows. */
export function textOf(row: Row): string {
  return row.characters.join('');
}
