/**
 * The whole screen from the model: header, tabs, notices, the open tab, footer. No terminal is involved.
 *
 * Shape   draw(model, width, height, options) -> rows, each exactly `width` cells; drawFrame also says what a click means where.
 * Why     everything that can be wrong about a layout can then be tested as text.
 * Source  ux § 1.1 (layout ladder), § 1.5 item 9, § 1.6.
 * @module
 */
import type { Status, Verdict } from '../daemon/api/schema.ts';
import { type Area, createCanvas, type Hit, type Row } from './cells.ts';
import { COMMAND_ROWS, withoutKeys } from './commands.ts';
import { previewOf } from './config-preview.ts';
import { cellsOf, formatAge, formatBytes, formatClock, padEnd, truncate } from './format.ts';
import { keyLabel, rowsOfTab, TABS, type TabId } from './keymap.ts';
import { shownStatus } from './lists.ts';
import type { ClickTarget, Model } from './model.ts';
import { ASCII_GLYPHS, type Role, roleOfVerdict, UNICODE_GLYPHS } from './theme.ts';
import { doneShare, transfersByInterest } from './transfer-list.ts';
import { circuitsCard, drawCircuits } from './views/circuits.ts';
import { configCard, drawConfig } from './views/config.ts';
import { drawLog, logCard } from './views/log.ts';
import { drawExplain, drawHelp, drawOutput } from './views/overlays.ts';
import { drawOverview, overviewCard } from './views/overview.ts';
import { drawPeers, peersCard } from './views/peers.ts';
import { drawRing, ringCard } from './views/ring.ts';
import { drawRouting, routingCard } from './views/routing.ts';
import { drawStore, storeCard } from './views/store.ts';
import { drawTransfers, transfersCard } from './views/transfers.ts';
import { box, type Frame, layoutOf, onClick, wrap } from './widgets/frame.ts';

type View = (frame: Frame, area: Area, model: Model, status: Status) => void;

const VIEWS: Readonly<Record<TabId, { readonly full: View; readonly card: View }>> = {
  overview: { full: drawOverview, card: (frame, area, _, status) => overviewCard(frame, area, status) },
  peers: { full: drawPeers, card: peersCard },
  ring: { full: drawRing, card: ringCard },
  routing: { full: drawRouting, card: routingCard },
  store: {
    full: drawStore,
    card: storeCard,
  },
  circuits: { full: drawCircuits, card: circuitsCard },
  transfers: { full: drawTransfers, card: transfersCard },
  log: { full: drawLog, card: logCard },
  config: { full: drawConfig, card: configCard },
};

export interface DrawOptions {
  readonly ascii: boolean;
}

export interface Drawn {
  readonly rows: readonly Row[];
  readonly hits: readonly Hit<ClickTarget>[];
}

export function draw(model: Model, width: number, height: number, options: DrawOptions): readonly Row[] {
  return drawFrame(model, width, height, options).rows;
}

export function drawFrame(model: Model, width: number, height: number, options: DrawOptions): Drawn {
  const canvas = createCanvas(width, height, options);
  const glyphs = options.ascii ? ASCII_GLYPHS : UNICODE_GLYPHS;
  const layout = layoutOf(width, height);
  const frame: Frame = { canvas, glyphs, layout, ascii: options.ascii, offsetMinutes: model.offsetMinutes, hits: [] };
  const area: Area = { x: 0, y: 0, width, height };
  if (layout === 'line') drawLine(frame, area, model);
  else if (layout === 'card') drawCard(frame, area, model);
  else drawFull(frame, area, model);
  return { rows: canvas.rows(), hits: frame.hits };
}

/** The daemon's own verdict; without a daemon, the only one it cannot give itself. */
function verdictOf(model: Model): { readonly word: Verdict; readonly reason: string; readonly next: string } {
  const { connection } = model;
  if (connection.type === 'lost') return { word: 'OFFLINE', reason: connection.cause, next: connection.next };
  const verdict = shownStatus(model)?.verdict;
  if (verdict === undefined) return { word: 'CONNECTING', reason: 'waiting for the daemon', next: '' };
  return verdict.word in UNICODE_GLYPHS.states ? verdict : { ...verdict, word: 'TROUBLE' };
}

function drawLine(frame: Frame, area: Area, model: Model): void {
  const { word } = verdictOf(model);
  const status = shownStatus(model);
  const parts = [`holloway ${frame.glyphs.states[word]}`];
  if (status !== undefined) {
    parts.push(
      `${status.peers.up}p`,
      `↓${formatBytes(status.traffic.inBytesPerSec)}`,
      `↑${formatBytes(status.traffic.outBytesPerSec)}`,
    );
    const transfer = transfersByInterest(status)[0];
    if (transfer !== undefined)
      parts.push(`${transfer.kind === 'publish' ? 'put' : 'get'} ${Math.floor(doneShare(transfer) * 100)}%`);
  }
  frame.canvas.text(area, 0, 0, parts.join(' '), model.connection.type === 'lost' ? 'stale' : 'plain');
}

function drawCard(frame: Frame, area: Area, model: Model): void {
  const { canvas, glyphs } = frame;
  const status = shownStatus(model);
  drawHeader(frame, row(area, 0), model);
  const rule = glyphs.horizontal.repeat(area.width);
  canvas.text(area, 0, 1, rule, 'border');
  const tab = TABS.find(({ id }) => id === model.tab)!;
  canvas.text(area, 2, 1, ` ${tab.key} ${tab.title} `, 'title');
  canvas.text(area, 0, area.height - 2, rule, 'border');
  drawFooter(frame, row(area, area.height - 1), model);
  const body = { ...area, y: area.y + 2, height: area.height - 4 };
  if (model.overlay !== undefined && status !== undefined) {
    drawOverlay(frame, { ...area, y: area.y + 1, height: area.height - 2 }, model, status);
    return;
  }
  const notices = noticesOf(frame, model, area.width).flatMap((notice) => broken(notice, body.width, 3));
  for (const [y, notice] of notices.entries()) canvas.text(body, 0, y, padEnd(notice.text, body.width), notice.role);
  const rest = { ...body, y: body.y + notices.length, height: Math.max(0, body.height - notices.length) };
  if (status === undefined) {
    drawWaiting(frame, rest, model);
    return;
  }
  VIEWS[model.tab].card(frame, rest, model, status);
  if (model.connection.type === 'lost') dim(frame, rest);
}

function drawFull(frame: Frame, area: Area, model: Model): void {
  const { canvas } = frame;
  const status = shownStatus(model);
  drawHeader(frame, row(area, 0), model);
  drawTabs(frame, row(area, 1), model);
  const notices = [
    ...(model.strip === '' ? [] : [{ text: model.strip, role: 'key' as Role }]),
    ...noticesOf(frame, model, area.width),
  ].flatMap((notice) => broken(notice, area.width - 2, 3));
  for (const [y, notice] of notices.entries())
    canvas.text(area, 0, 2 + y, padEnd(` ${notice.text}`, area.width), notice.role);
  drawFooter(frame, row(area, area.height - 1), model);
  const body = { ...area, y: area.y + 2 + notices.length, height: Math.max(0, area.height - 3 - notices.length) };
  if (model.overlay !== undefined && (status !== undefined || model.overlay.type !== 'explain')) {
    drawOverlay(frame, body, model, status);
    return;
  }
  if (status === undefined) {
    drawWaiting(frame, box(frame, body, 'No data yet'), model);
    return;
  }
  VIEWS[model.tab].full(frame, body, model, status);
  if (model.connection.type === 'lost') dim(frame, body);
}

function drawOverlay(frame: Frame, area: Area, model: Model, status: Status | undefined): void {
  if (model.overlay?.type === 'output') drawOutput(frame, area, model);
  else if (model.overlay?.type === 'help') drawHelp(frame, area, model, status?.network ?? '');
  else if (status !== undefined) drawExplain(frame, area, model, status);
}

function row(area: Area, y: number): Area {
  return { ...area, y: area.y + y, height: 1 };
}

function dim(frame: Frame, area: Area): void {
  for (let y = 0; y < area.height; y++) frame.canvas.paint(area, 0, y, area.width, 'stale');
}

/** holloway 0.3 garden  ● HEALTHY reason            ↓1.2M ↑0.9M  up 2d04h  hid */
function drawHeader(frame: Frame, area: Area, model: Model): void {
  const { canvas, glyphs } = frame;
  const status = shownStatus(model);
  const { word, reason } = verdictOf(model);
  const card = frame.layout === 'card';
  let x = canvas.text(
    area,
    card ? 0 : 1,
    0,
    card || status === undefined ? 'holloway' : `holloway ${shortVersion(status.version)}`,
    'title',
  );
  if (status !== undefined) x = canvas.text(area, x + 1, 0, truncate(status.network, card ? 12 : 24));
  x = canvas.text(area, x + (card ? 1 : 2), 0, `${glyphs.states[word]} ${word}`, roleOfVerdict(word));
  // The reason goes before the rates: they are also on the Overview, it is not.
  const reasonWidth = reason === '' ? 0 : Math.min(cellsOf(reason).length + 1, 40);
  let right = area.width - (card ? 0 : 1);
  for (const piece of headerPieces(model, status, card)) {
    const width = cellsOf(piece).length;
    if (right - width - 2 < x + reasonWidth) break;
    canvas.text(area, right - width, 0, piece, 'dim');
    right -= width + 2;
  }
  if (reason !== '' && right - x > 2)
    canvas.text(area, x + 1, 0, truncate(reason, right - x - 1), roleOfVerdict(word) === 'good' ? 'plain' : 'warn');
}

/** From the right edge leftwards; the first to leave is the last here. */
function headerPieces(model: Model, status: Status | undefined, card: boolean): readonly string[] {
  if (status === undefined) return [];
  const rates = `↓${formatBytes(status.traffic.inBytesPerSec)} ↑${formatBytes(status.traffic.outBytesPerSec)}`;
  const mode = model.revealed !== undefined ? 'SHOWN' : model.readOnly || status.readOnly ? 'hid ro' : 'hid';
  return card ? [rates] : [mode, `up ${formatAge(status.uptimeMs)}`, rates];
}

function shortVersion(version: string): string {
  return truncate(/^\d+\.\d+/.exec(version)?.[0] ?? version, 10);
}

/** Titles of closed tabs are cut, then left out, before a number is lost. */
function drawTabs(frame: Frame, area: Area, model: Model): void {
  const texts = (letters: number): string[] =>
    TABS.map(({ id, key, title }) =>
      id === model.tab ? `[${key} ${title}]` : `${key} ${title.slice(0, letters)}`.trimEnd(),
    );
  const fits = (letters: number): boolean => texts(letters).join(' ').length <= area.width - 1;
  let x = 1;
  for (const [index, text] of texts([20, 4, 3, 2, 0].find(fits) ?? 0).entries()) {
    const { id } = TABS[index]!;
    const start = x;
    x = frame.canvas.text(area, x, 0, text, id === model.tab ? 'tab' : 'plain');
    onClick(frame, { ...area, x: area.x + start, width: x - start }, { type: 'action', action: `tab-${id}` });
    x += 1;
  }
}

interface Notice {
  readonly text: string;
  readonly role: Role;
}

/** A question that the last line cannot hold stands above the picture: its end is where the effect is. */
function isLongQuestion({ prompt }: Model, width: number): boolean {
  return prompt?.type === 'confirm' && cellsOf(prompt.question).length > width - 2;
}

/** What stands above the picture because it changes how to read it, most important first. */
function noticesOf(frame: Frame, model: Model, width: number): readonly Notice[] {
  const { connection } = model;
  const status = shownStatus(model);
  const notices: Notice[] = [];
  const stamp = formatClock(model.held?.nowMs ?? model.receivedAtMs, frame.offsetMinutes);
  if (connection.type === 'lost' && status !== undefined) {
    const inS = Math.max(0, Math.ceil((connection.retryAtMs - model.nowMs) / 1_000));
    notices.push({
      text: `as of ${stamp} · next: ${connection.next} · again in ${inS} s, r now · ${connection.cause}`,
      role: 'bad',
    });
  } else if (status !== undefined && status.verdict.next !== '') {
    notices.push({ text: `next: ${status.verdict.next}`, role: 'warn' });
  }
  if (model.revealed !== undefined) {
    const leftS = Math.max(0, Math.ceil((model.revealed.untilMs - model.nowMs) / 1_000));
    notices.push({
      text: `revealed for ${leftS} s, x hides: this node is ${status?.node.link ?? 'unknown'}`,
      role: 'bad',
    });
  }
  if (model.held !== undefined) notices.push({ text: `paused: picture of ${stamp}; space goes on`, role: 'key' });
  if (model.prompt?.type === 'confirm' && isLongQuestion(model, width))
    notices.push({ text: model.prompt.question.replace(/ y\/N$/, ''), role: 'warn' });
  if (model.notice !== undefined) notices.push({ text: model.notice.text, role: 'key' });
  if (model.prompt?.type === 'command') {
    const { fault, choices, text } = model.prompt;
    if (fault !== '') notices.push({ text: fault, role: 'warn' });
    else if (choices.length > 0) notices.push({ text: choices.join('  '), role: 'dim' });
    else {
      const usage = COMMAND_ROWS.find(({ name }) => text.startsWith(`${name} `));
      notices.push({
        text:
          previewOf(model.config, text) ??
          (usage === undefined
            ? 'Tab completes, enter runs, esc leaves'
            : `${usage.name} ${usage.usage}: ${usage.sentence}`),
        role: 'dim',
      });
    }
  }
  return notices;
}

/** Over a few lines; the last one is cut. */
function broken({ text, role }: Notice, width: number, most: number): readonly Notice[] {
  const lines = wrap(text, width);
  const kept = lines.length <= most ? lines : [...lines.slice(0, most - 1), lines.slice(most - 1).join(' ')];
  return kept.map((line) => ({ text: line, role }));
}

function drawWaiting(frame: Frame, area: Area, model: Model): void {
  const { connection } = model;
  const text =
    connection.type === 'lost'
      ? `${connection.cause}. Next: ${connection.next}. The dashboard tries again by itself; r tries at once.`
      : 'The daemon was asked; its first answer fills this screen.';
  for (const [y, line] of wrap(text, area.width).entries())
    frame.canvas.text(area, 0, y, line, connection.type === 'lost' ? 'warn' : 'dim');
}

/** Hints leave from the right; help stays. */
function drawFooter(frame: Frame, area: Area, model: Model): void {
  const { canvas } = frame;
  if (model.prompt !== undefined) {
    const { prompt } = model;
    const isLong = isLongQuestion(model, area.width);
    const question = isLong ? 'y does it, any other key does not' : prompt.type === 'confirm' ? prompt.question : '';
    const text = prompt.type === 'confirm' ? question : `:${withoutKeys(prompt.text)}_`;
    // The end of a long line is where one types.
    const cells = cellsOf(text);
    canvas.text(
      area,
      1,
      0,
      cells.slice(prompt.type === 'confirm' ? 0 : -(area.width - 2)).join(''),
      prompt.type === 'confirm' ? 'warn' : 'key',
    );
    return;
  }
  if (model.typing) {
    canvas.text(area, 1, 0, `filter: ${model.filter}_   enter keeps it, esc clears it`, 'key');
    return;
  }
  const card = frame.layout === 'card';
  const rows = rowsOfTab(model.tab, model.keymap).filter(
    ({ hint, action }) => hint !== '' && !(card && action === 'next-tab'),
  );
  const last = model.keymap.filter(({ action }) => action === 'help' || action === 'quit');
  const hints = [...rows.filter((hint) => !last.includes(hint)).map(hintOf), ...last.map(hintOf)];
  const first = card ? [`${TABS[0].key}-${TABS.at(-1)!.key} tab`] : [];
  const fitting = [...first, ...hints];
  const widthOf = (list: readonly string[]): number => list.reduce((sum, hint) => sum + cellsOf(hint).length + 2, -2);
  while (fitting.length > last.length && widthOf(fitting) > area.width - 2)
    fitting.splice(fitting.length - last.length - 1, 1);
  let x = card ? 0 : 1;
  for (const hint of fitting) {
    const [key = '', ...words] = hint.split(' ');
    const start = x;
    x = canvas.text(area, x, 0, key, 'key');
    x = canvas.text(area, x + 1, 0, words.join(' '), 'dim');
    const match = rowsOfTab(model.tab, model.keymap).find((candidate) => hintOf(candidate) === hint);
    if (match !== undefined)
      onClick(frame, { ...area, x: area.x + start, width: x - start }, { type: 'action', action: match.action });
    x += 2;
  }
}

function hintOf(hint: { readonly keys: readonly string[]; readonly hint: string }): string {
  return `${keyLabel(hint.keys[0]!)} ${hint.hint}`;
}
