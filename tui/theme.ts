/**
 * Roles and glyphs: what a cell means, and how a terminal of a given kind shows that.
 *
 * Shape   views speak of roles (`good`, `border`, `selected`); `attributesOf` turns a role into colour and weight, `GLYPHS` a shape into characters.
 * Why     meaning never hangs on colour: states carry glyph and word, selection is reverse. Blue, orange and grey stay apart for the
 *         common colour-blindnesses; red and green never stand against each other.
 * Source  ux § 1.1 "Colour never carries meaning alone".
 * @module
 */
import type { Verdict } from '../daemon/api/schema.ts';

export const ROLES = [
  'plain',
  'dim',
  'title',
  'border',
  'good',
  'warn',
  'bad',
  'label',
  'key',
  'selected',
  'tab',
  'spark',
  'spark2',
  'barRest',
  'stale',
] as const;
export type Role = (typeof ROLES)[number];

/** Colours the terminal is asked for; 0 is NO_COLOR. */
export type ColorCount = 0 | 8 | 16 | 256;

export interface Attributes {
  /** -1 is the terminal's own. */
  readonly fg: number;
  readonly bold: boolean;
  readonly underline: boolean;
  readonly reverse: boolean;
}

type Look = readonly [fg256: number, fg16: number, weight: string, plainWeight: string];

/** Weights: b bold, u underline, r reverse. The last column serves NO_COLOR. */
const LOOKS: Readonly<Record<Role, Look>> = {
  plain: [-1, -1, '', ''],
  dim: [245, 7, '', ''],
  title: [-1, -1, 'b', 'b'],
  border: [240, 7, '', ''],
  good: [75, 12, 'b', 'b'],
  warn: [214, 11, 'b', 'bu'],
  bad: [208, 11, 'br', 'br'],
  label: [250, 7, '', ''],
  key: [75, 12, 'b', 'b'],
  selected: [-1, -1, 'r', 'r'],
  tab: [75, 12, 'br', 'br'],
  spark: [75, 12, '', ''],
  spark2: [214, 11, '', ''],
  barRest: [240, 7, '', ''],
  stale: [242, 7, '', ''],
};

export function attributesOf(role: Role, colors: ColorCount): Attributes {
  const [fg256, fg16, weight, plainWeight] = LOOKS[role];
  const used = colors === 0 ? plainWeight : weight;
  const eight = fg16 >= 8 ? fg16 - 8 : fg16;
  return {
    fg: colors === 256 ? fg256 : colors === 16 ? fg16 : colors === 8 ? eight : -1,
    bold: used.includes('b'),
    underline: used.includes('u'),
    reverse: used.includes('r'),
  };
}

export interface Glyphs {
  readonly horizontal: string;
  readonly vertical: string;
  /** Left top, right top, left bottom, right bottom. */
  readonly corners: readonly [string, string, string, string];
  readonly barFull: string;
  readonly barRest: string;
  /** From nothing to full. */
  readonly levels: string;
  readonly pointer: string;
  /** This node, on the ring. */
  readonly own: string;
  readonly ascending: string;
  readonly descending: string;
  readonly states: Readonly<Record<Verdict, string>>;
}

export const UNICODE_GLYPHS: Glyphs = {
  horizontal: '─',
  vertical: '│',
  corners: ['┌', '┐', '└', '┘'],
  barFull: '█',
  barRest: '░',
  levels: '▁▂▃▄▅▆▇█',
  pointer: '▶',
  own: '◆',
  ascending: '▲',
  descending: '▼',
  states: { HEALTHY: '●', DEGRADED: '▲', CONNECTING: '◌', TROUBLE: '✖', OFFLINE: '○' },
};

export const ASCII_GLYPHS: Glyphs = {
  horizontal: '-',
  vertical: '|',
  corners: ['+', '+', '+', '+'],
  barFull: '#',
  barRest: '.',
  levels: '.:-=+*%#',
  pointer: '>',
  own: '@',
  ascending: '^',
  descending: 'v',
  states: { HEALTHY: '[ok]', DEGRADED: '[!!]', CONNECTING: '[..]', TROUBLE: '[XX]', OFFLINE: '[--]' },
};

const ASCII_FOR: Readonly<Record<string, string>> = {
  '↓': 'v',
  '↑': '^',
  '·': '-',
  '—': '-',
  '–': '-',
  '−': '-',
  '…': '~',
  '≤': '<',
  '≥': '>',
  '×': 'x',
  '●': '*',
  '▲': '!',
  '◌': '.',
  '✖': 'X',
  '○': 'o',
  '◆': '@',
  '▶': '>',
  '▼': 'v',
  '█': '#',
  '▓': '+',
  '▒': '!',
  '░': '.',
  '│': '|',
  '─': '-',
  '→': '>',
  '←': '<',
  '“': '"',
  '”': '"',
  '’': "'",
  '‘': "'",
  '§': 'S',
};

/** The nearest ASCII of one cell; `?` for what has none. */
export function asciiOf(cell: string): string {
  return cell >= ' ' && cell <= '~' ? cell : (ASCII_FOR[cell] ?? '?');
}

export function roleOfVerdict(word: Verdict): Role {
  if (word === 'HEALTHY') return 'good';
  if (word === 'CONNECTING') return 'label';
  return word === 'DEGRADED' ? 'warn' : 'bad';
}
