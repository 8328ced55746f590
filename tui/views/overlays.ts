/**
 * Help and explain: both are searched by typing, both are printed from the tables that the program itself runs on.
 * @module
 */

import type { Status } from '../../daemon/api/schema.ts';
import { definitionOf, type ShownNumber } from '../../daemon/api/schema-numbers.ts';
import type { Area } from '../cells.ts';
import { formatCount, padEnd, truncate } from '../format.ts';
import { keyLabel, TABS, type TabId } from '../keymap.ts';
import { helpRows, type Model } from '../model.ts';
import { box, type Frame, onClick, wrap } from '../widgets/frame.ts';
import { firstShown } from '../widgets/table.ts';
import { CIRCUITS_NUMBERS } from './circuits.ts';
import { CONFIG_NUMBERS } from './config.ts';
import { LOG_NUMBERS } from './log.ts';
import { OVERVIEW_NUMBERS } from './overview.ts';
import { PEERS_NUMBERS } from './peers.ts';
import { RING_NUMBERS } from './ring.ts';
import { ROUTING_NUMBERS } from './routing.ts';
import { STORE_NUMBERS } from './store.ts';
import { TRANSFERS_NUMBERS } from './transfers.ts';

/** On every tab, by header and footer. */
export const HEADER_NUMBERS: readonly ShownNumber[] = [
  'uptimeMs',
  'nowMs',
  'traffic.inBytesPerSec',
  'traffic.outBytesPerSec',
  'peers.up',
];

const OF_TAB: Readonly<Record<TabId, readonly ShownNumber[]>> = {
  overview: OVERVIEW_NUMBERS,
  peers: PEERS_NUMBERS,
  ring: RING_NUMBERS,
  routing: ROUTING_NUMBERS,
  store: STORE_NUMBERS,
  circuits: CIRCUITS_NUMBERS,
  transfers: TRANSFERS_NUMBERS,
  log: LOG_NUMBERS,
  config: CONFIG_NUMBERS,
};

/** Every number that a tab may show. */
export function numbersOf(tab: TabId): readonly ShownNumber[] {
  return [...new Set([...OF_TAB[tab], ...HEADER_NUMBERS])];
}

export function drawHelp(frame: Frame, area: Area, model: Model, network: string): void {
  const inside = box(frame, area, 'Help', { note: 'type to search, enter runs, esc closes' });
  const head = [`search: ${model.overlay?.search ?? ''}_`];
  const devnet = network === 'devnet' ? 'On devnet all nodes are yours; nothing here is anonymous.' : '';
  const about = `Leaving the dashboard never stops the daemon. ${devnet}`.trim();
  const notes = inside.height >= 10 ? wrap(about, inside.width) : [devnet].filter(Boolean);
  for (const [y, line] of [...head, ...notes].entries())
    frame.canvas.text(inside, 0, y, padEnd(line, inside.width), y === 0 ? 'key' : 'dim');
  const rows = helpRows(model);
  const list = below(inside, head.length + notes.length);
  const at = Math.min(model.overlay?.index ?? 0, rows.length - 1);
  if (rows.length === 0) frame.canvas.text(list, 0, 0, 'No key does that. Backspace widens the search.', 'dim');
  drawList(frame, list, at, rows.length, (y, index) => {
    const row = rows[index]!;
    frame.canvas.text(list, 0, y, padEnd(row.keys.map(keyLabel).join(' '), 13), 'key');
    frame.canvas.text(list, 14, y, padEnd(row.sentence, list.width - 14));
  });
}

export function drawExplain(frame: Frame, area: Area, model: Model, status: Status): void {
  const tab = TABS.find(({ id }) => id === model.tab)!;
  const inside = box(frame, area, `Numbers of ${tab.title}`, { note: 'type to search, esc closes' });
  const words = (model.overlay?.search ?? '').toLowerCase().split(/\s+/).filter(Boolean);
  const entries = numbersOf(model.tab)
    .map((path) => ({ path, definition: definitionOf(path)! }))
    .filter(({ path, definition }) => {
      const text = `${path} ${definition.name} ${definition.meaning}`.toLowerCase();
      return words.every((word) => text.includes(word));
    });
  frame.canvas.text(inside, 0, 0, padEnd(`search: ${model.overlay?.search ?? ''}_`, inside.width), 'key');
  const detailHeight = inside.height >= 9 ? 5 : 3;
  const list = below(inside, 1, detailHeight);
  const at = Math.min(model.overlay?.index ?? 0, entries.length - 1);
  const chosen = entries[at];
  if (chosen === undefined) {
    frame.canvas.text(list, 0, 0, 'No number here is about that. Backspace widens the search.', 'dim');
    return;
  }
  drawList(frame, list, at, entries.length, (y, index) => {
    const { path, definition } = entries[index]!;
    frame.canvas.text(list, 0, y, padEnd(definition.name, 22));
    const value = valueAt(status, path);
    frame.canvas.text(list, 23, y, padEnd(value, 14), 'key');
    frame.canvas.text(list, 38, y, padEnd(path, list.width - 38), 'dim');
  });
  const detail = below(inside, inside.height - detailHeight);
  const { meaning, window, unit, normal, advice } = chosen.definition;
  const lines = [
    ...wrap(meaning, detail.width),
    `over: ${window}${unit === '' ? '' : `   unit: ${unit}`}`,
    `normal: ${normal}`,
    ...(advice === '' ? [] : wrap(`otherwise: ${advice}`, detail.width)),
  ].slice(0, detail.height);
  for (const [y, line] of lines.entries())
    frame.canvas.text(detail, 0, y, truncate(line, detail.width), y === 0 ? 'title' : 'plain');
}

/** What a command of the shell printed; scrolled, not searched. */
export function drawOutput(frame: Frame, area: Area, model: Model): void {
  if (model.overlay?.type !== 'output') return;
  const { title, lines, index } = model.overlay;
  const inside = box(frame, area, title, { note: 'up, down; esc closes' });
  const first = Math.max(0, Math.min(index, lines.length - inside.height));
  for (let y = 0; y < inside.height && first + y < lines.length; y++)
    frame.canvas.text(inside, 0, y, truncate(lines[first + y]!, inside.width));
}

function below(area: Area, top: number, bottom = 0): Area {
  return { ...area, y: area.y + top, height: Math.max(0, area.height - top - bottom) };
}

function drawList(frame: Frame, area: Area, at: number, count: number, draw: (y: number, index: number) => void): void {
  const first = firstShown(at, count, area.height);
  for (let y = 0; y < area.height && first + y < count; y++) {
    draw(y, first + y);
    onClick(frame, { ...area, y: area.y + y, height: 1 }, { type: 'line', index: first + y });
  }
  if (at >= 0) frame.canvas.paint(area, 0, at - first, area.width, 'selected');
}

/** The number as it stands in the status; nothing for lists and for what is computed. */
function valueAt(status: Status, path: string): string {
  if (path.includes('[]')) return '';
  let value: unknown = status;
  for (const name of path.split('.')) value = (value as Record<string, unknown> | null | undefined)?.[name];
  if (path === 'node.location') return typeof value === 'number' ? (Math.floor(value * 100) / 100).toFixed(2) : '';
  if (value === null) return 'unknown';
  return typeof value === 'number'
    ? Number.isInteger(value)
      ? formatCount(value)
      : String(Math.round(value * 100) / 100)
    : '';
}
