/**
 * What the dashboard knows and which part of it is being looked at: a pure state machine.
 *
 * Shape   step(model, event) -> [model, effects]. Events are keys, clicks, what the daemon sent, and the passing of time.
 * Unit    times are Unix ms of this machine, handed in with the event.
 * Errors  none: an unknown key changes nothing. What the daemon sent was checked by control-client.ts.
 * Why     drawing and terminal stay out, so keys can be tested without either. After a loss the last data stay: a picture from
 *         before the trouble is what one needs in order to understand it.
 * Source  ux §§ 1.1, 1.3.
 * @module
 */
import type { PeerStatus, Status } from '../daemon/api/schema.ts';
import { formatClock } from './format.ts';
import { type ActionName, rowOfKey, rowsOfTab, TABS, type TabId } from './keymap.ts';

export type Connection =
  | { readonly type: 'connecting' }
  | { readonly type: 'live' }
  | {
      readonly type: 'lost';
      readonly sinceMs: number;
      readonly cause: string;
      readonly next: string;
      readonly retryAtMs: number;
    };

export type Overlay = { readonly type: 'help' | 'explain'; readonly search: string; readonly index: number };

export const PEER_COLUMNS = [
  'alias',
  'location',
  'distance',
  'direction',
  'rtt',
  'age',
  'in',
  'out',
  'queue',
  'version',
] as const;
export type PeerColumn = (typeof PEER_COLUMNS)[number];

export interface Model {
  readonly readOnly: boolean;
  readonly strip: string;
  readonly nowMs: number;
  /** Of this machine's clock, east of UTC. */
  readonly offsetMinutes: number;
  readonly width: number;
  readonly height: number;
  readonly refreshMs: number;
  readonly mouse: boolean;
  readonly connection: Connection;
  /** The newest. */
  readonly status: Status | undefined;
  /** The one on show while paused. */
  readonly held: Status | undefined;
  readonly receivedAtMs: number;
  readonly notice: { readonly text: string; readonly untilMs: number } | undefined;
  readonly tab: TabId;
  readonly panel: number;
  readonly overlay: Overlay | undefined;
  /** While a filter is being typed. */
  readonly typing: boolean;
  readonly filter: string;
  readonly sort: { readonly column: PeerColumn; readonly descending: boolean };
  readonly selectedPeer: string | undefined;
  readonly details: boolean;
  /** First line on show, for tabs that scroll as a whole. */
  readonly scroll: number;
}

export type FeedEvent =
  | { readonly type: 'snapshot'; readonly status: Status }
  | { readonly type: 'delta'; readonly part: Partial<Status> }
  | { readonly type: 'lost'; readonly cause: string; readonly next: string; readonly retryAtMs: number };

export type ClickTarget =
  | { readonly type: 'action'; readonly action: ActionName }
  | { readonly type: 'peer'; readonly alias: string }
  | { readonly type: 'column'; readonly column: PeerColumn }
  | { readonly type: 'panel'; readonly index: number }
  | { readonly type: 'line'; readonly index: number };

export type ModelEvent =
  | { readonly type: 'feed'; readonly event: FeedEvent; readonly nowMs: number }
  /** `key` as the terminal names it; `text` what it would write, if anything. */
  | { readonly type: 'key'; readonly key: string; readonly text?: string; readonly nowMs: number }
  | { readonly type: 'click'; readonly target: ClickTarget; readonly twice: boolean; readonly nowMs: number }
  | { readonly type: 'resize'; readonly width: number; readonly height: number; readonly nowMs: number }
  | { readonly type: 'tick'; readonly nowMs: number };

export type Effect = 'quit' | 'redraw' | 'suspend' | 'reconnect' | 'refresh' | 'mouse';
export type Step = readonly [Model, readonly Effect[]];

export const REFRESH_STEPS_MS = [200, 500, 1_000, 2_000, 5_000, 10_000] as const;
const NOTICE_MS = 10_000;
const SEARCH_MAX = 40;

/** Panels of the Overview and the tab that each opens. */
export const OVERVIEW_PANELS: readonly TabId[] = ['peers', 'peers', 'routing', 'store', 'transfers'];

export function createModel(options: {
  readonly readOnly: boolean;
  readonly strip?: string | undefined;
  readonly tab?: TabId | undefined;
  readonly refreshMs: number;
  readonly mouse: boolean;
  readonly nowMs: number;
  readonly offsetMinutes: number;
  readonly width: number;
  readonly height: number;
}): Model {
  return {
    readOnly: options.readOnly,
    strip: options.strip ?? '',
    nowMs: options.nowMs,
    offsetMinutes: options.offsetMinutes,
    width: options.width,
    height: options.height,
    refreshMs: options.refreshMs,
    mouse: options.mouse,
    connection: { type: 'connecting' },
    status: undefined,
    held: undefined,
    receivedAtMs: 0,
    notice: undefined,
    tab: options.tab ?? 'overview',
    panel: 0,
    overlay: undefined,
    typing: false,
    filter: '',
    sort: { column: 'alias', descending: false },
    selectedPeer: undefined,
    details: false,
    scroll: 0,
  };
}

export function step(model: Model, event: ModelEvent): Step {
  const now = { ...model, nowMs: event.nowMs };
  switch (event.type) {
    case 'feed':
      return [onFeed(now, event.event), []];
    case 'key':
      return onKey(now, event.key, event.text);
    case 'click':
      return onClick(now, event.target, event.twice);
    case 'resize':
      return [{ ...now, width: event.width, height: event.height }, []];
    case 'tick':
      return [forgetNotice(now), []];
    default:
      return event satisfies never;
  }
}

/** What the screen shows: the held picture while paused, else the newest. */
export function shownStatus(model: Model): Status | undefined {
  return model.held ?? model.status;
}

/** The peers as the table lists them. */
export function listedPeers(model: Model): readonly PeerStatus[] {
  const wanted = model.filter.toLowerCase();
  const peers = (shownStatus(model)?.peers.list ?? []).filter(
    (peer) =>
      wanted === '' || [peer.alias, peer.direction, peer.version].some((text) => text.toLowerCase().includes(wanted)),
  );
  const sign = model.sort.descending ? -1 : 1;
  const value = VALUE_OF[model.sort.column];
  return peers.toSorted((a, b) => sign * compare(value(a), value(b)) || compare(a.alias, b.alias));
}

const VALUE_OF: Readonly<Record<PeerColumn, (peer: PeerStatus) => string | number>> = {
  alias: (peer) => peer.alias,
  location: (peer) => peer.location,
  distance: (peer) => peer.distance,
  direction: (peer) => peer.direction,
  rtt: (peer) => peer.rttMs ?? Number.POSITIVE_INFINITY,
  age: (peer) => peer.ageMs,
  in: (peer) => peer.bytesIn,
  out: (peer) => peer.bytesOut,
  queue: (peer) => peer.queuedBytes,
  version: (peer) => peer.version,
};

/** `p9` before `p10`: aliases grow past two digits. */
function compare(a: string | number, b: string | number): number {
  if (typeof a === 'string' && typeof b === 'string') {
    return a.length === b.length || !/^p\d+$/.test(a) ? (a < b ? -1 : a > b ? 1 : 0) : a.length - b.length;
  }
  return a < b ? -1 : a > b ? 1 : 0;
}

function onFeed(model: Model, event: FeedEvent): Model {
  switch (event.type) {
    case 'snapshot':
      return received(model, event.status);
    case 'delta':
      return model.status === undefined ? model : received(model, { ...model.status, ...event.part });
    case 'lost': {
      const sinceMs = model.connection.type === 'lost' ? model.connection.sinceMs : model.nowMs;
      const { cause, next, retryAtMs } = event;
      return { ...model, connection: { type: 'lost', sinceMs, cause, next, retryAtMs } };
    }
    default:
      return event satisfies never;
  }
}

function received(model: Model, status: Status): Model {
  const before = model.status;
  // The same process never runs backwards: a smaller uptime is another life of the daemon, whatever its number is.
  const restarted = before !== undefined && (before.pid !== status.pid || status.uptimeMs < before.uptimeMs);
  const next: Model = { ...model, status, receivedAtMs: model.nowMs, connection: { type: 'live' } };
  if (restarted) {
    const text = `daemon restarted ${formatClock(model.nowMs, model.offsetMinutes)}, counters began again`;
    return { ...next, held: undefined, notice: { text, untilMs: model.nowMs + NOTICE_MS * 3 } };
  }
  return forgetNotice(next);
}

function forgetNotice(model: Model): Model {
  return model.notice !== undefined && model.nowMs >= model.notice.untilMs ? { ...model, notice: undefined } : model;
}

function onKey(model: Model, key: string, text: string | undefined): Step {
  if (key === 'C-c') return [model, ['quit']];
  if (model.overlay !== undefined) return onOverlayKey(model, model.overlay, key, text);
  if (model.typing) return onFilterKey(model, key, text);
  const row = rowOfKey(key, model.tab);
  return row === undefined ? [model, []] : act(model, row.action);
}

function onFilterKey(model: Model, key: string, text: string | undefined): Step {
  if (key === 'enter') return [{ ...model, typing: false }, []];
  if (key === 'escape') return [{ ...model, typing: false, filter: '' }, []];
  if (key === 'up' || key === 'down') return act(model, key);
  return [{ ...model, filter: edited(model.filter, key, text) }, []];
}

function onOverlayKey(model: Model, overlay: Overlay, key: string, text: string | undefined): Step {
  const at = (index: number): Step => [{ ...model, overlay: { ...overlay, index: Math.max(0, index) } }, []];
  const page = Math.max(1, model.height - 8);
  switch (key) {
    case 'escape':
      return [{ ...model, overlay: undefined }, []];
    case 'up':
      return at(overlay.index - 1);
    case 'down':
      return at(overlay.index + 1);
    case 'pageup':
      return at(overlay.index - page);
    case 'pagedown':
      return at(overlay.index + page);
    case 'home':
      return at(0);
    case 'C-l':
      return [model, ['redraw']];
    case 'enter': {
      if (overlay.type !== 'help') return [{ ...model, overlay: undefined }, []];
      const rows = helpRows(model);
      const row = rows[Math.min(overlay.index, rows.length - 1)];
      const closed: Model = { ...model, overlay: undefined };
      return row === undefined ? [closed, []] : act(closed, row.action);
    }
    default:
      break;
  }
  // The key that opened it closes it, as long as nothing is being searched for.
  if (overlay.search === '' && (key === '?' || key === 'q' || (key === 'e' && overlay.type === 'explain'))) {
    return [{ ...model, overlay: undefined }, []];
  }
  return [{ ...model, overlay: { ...overlay, search: edited(overlay.search, key, text), index: 0 } }, []];
}

/** The rows of the key table that hold every word of the search, on the tab where it was opened. */
export function helpRows(model: Model): ReturnType<typeof rowsOfTab> {
  const words = (model.overlay?.search ?? '').toLowerCase().split(/\s+/).filter(Boolean);
  return rowsOfTab(model.tab).filter((row) => {
    const text = `${row.keys.join(' ')} ${row.sentence} ${row.action}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

function edited(before: string, key: string, text: string | undefined): string {
  if (key === 'backspace') return before.slice(0, -1);
  if (key === 'C-u') return '';
  return text !== undefined && /^[ -~]$/.test(text) && before.length < SEARCH_MAX ? before + text : before;
}

function act(model: Model, action: ActionName): Step {
  switch (action) {
    case 'quit':
    case 'redraw':
    case 'suspend':
    case 'reconnect':
      return [model, [action]];
    case 'mouse':
      return [said({ ...model, mouse: !model.mouse }, `mouse ${model.mouse ? 'off' : 'on'}`), ['mouse']];
    case 'faster':
    case 'slower':
      return refreshed(model, action === 'faster' ? -1 : 1);
    case 'pause':
      return [{ ...model, held: model.held === undefined ? model.status : undefined }, []];
    case 'help':
    case 'explain':
      return [{ ...model, overlay: { type: action, search: '', index: 0 } }, []];
    case 'next-tab':
      return [opened(model, tabBeside(model.tab, 1)), []];
    case 'previous-tab':
      return [opened(model, tabBeside(model.tab, -1)), []];
    case 'filter':
      return [{ ...model, typing: true }, []];
    case 'sort': {
      const next = PEER_COLUMNS[(PEER_COLUMNS.indexOf(model.sort.column) + 1) % PEER_COLUMNS.length]!;
      return [{ ...model, sort: { column: next, descending: false } }, []];
    }
    case 'reverse':
      return [{ ...model, sort: { ...model.sort, descending: !model.sort.descending } }, []];
    case 'back':
      if (model.details) return [{ ...model, details: false }, []];
      return [{ ...model, filter: '', notice: undefined }, []];
    case 'enter':
      if (model.tab === 'overview') return [opened(model, OVERVIEW_PANELS[model.panel] ?? 'overview'), []];
      return [{ ...model, details: !model.details }, []];
    case 'up':
    case 'down':
    case 'left':
    case 'right':
    case 'page-up':
    case 'page-down':
    case 'first':
    case 'last':
      return [moved(model, action), []];
    default: {
      const tab = TABS.find(({ id }) => action === `tab-${id}`);
      return [tab === undefined ? model : opened(model, tab.id), []];
    }
  }
}

function moved(model: Model, action: ActionName): Model {
  const page = Math.max(1, model.height - 6);
  const by: Partial<Record<ActionName, number>> = {
    up: -1,
    down: 1,
    'page-up': -page,
    'page-down': page,
    first: Number.NEGATIVE_INFINITY,
    last: Number.POSITIVE_INFINITY,
  };
  if (model.tab === 'overview') return { ...model, panel: panelBeside(model.panel, action) };
  const distance = by[action] ?? 0;
  if (model.tab !== 'peers') {
    const last = Math.max(0, linesOf(model) - 1);
    return { ...model, scroll: Math.min(last, Math.max(0, model.scroll + distance)) };
  }
  const peers = listedPeers(model);
  if (peers.length === 0) return model;
  const at = Math.max(
    0,
    peers.findIndex((peer) => peer.alias === model.selectedPeer),
  );
  const from = model.selectedPeer === undefined ? at - Math.sign(distance) * (distance === 1 ? 1 : 0) : at;
  const to = Math.min(peers.length - 1, Math.max(0, from + distance));
  return { ...model, selectedPeer: peers[to]!.alias };
}

/** How many lines the list of the open tab has. */
function linesOf(model: Model): number {
  const status = shownStatus(model);
  if (status === undefined) return 0;
  if (model.tab === 'routing') return status.requests.byHtl.filter(({ seen }) => seen > 0).length;
  if (model.tab === 'circuits') return status.circuits.list.length;
  if (model.tab === 'transfers') return status.transfers.length;
  return model.tab === 'log' ? status.log.length : 0;
}

/** Panels lie in two columns, the last one across both. */
function panelBeside(panel: number, action: ActionName): number {
  const last = OVERVIEW_PANELS.length - 1;
  if (action === 'first' || action === 'page-up') return 0;
  if (action === 'last' || action === 'page-down') return last;
  const delta = action === 'up' ? -2 : action === 'down' ? 2 : action === 'left' ? -1 : action === 'right' ? 1 : 0;
  const to = panel === last && action === 'up' ? last - 2 : panel + delta;
  return Math.min(last, to < 0 ? (action === 'up' ? panel : 0) : to);
}

function opened(model: Model, tab: TabId): Model {
  return tab === model.tab ? model : { ...model, tab, details: false, typing: false, scroll: 0 };
}

function tabBeside(tab: TabId, delta: number): TabId {
  const at = TABS.findIndex(({ id }) => id === tab);
  return TABS[(at + delta + TABS.length) % TABS.length]!.id;
}

function refreshed(model: Model, delta: number): Step {
  const at = REFRESH_STEPS_MS.findIndex((stepMs) => stepMs >= model.refreshMs);
  const from = at < 0 ? REFRESH_STEPS_MS.length - 1 : at;
  const refreshMs = REFRESH_STEPS_MS[Math.min(REFRESH_STEPS_MS.length - 1, Math.max(0, from + delta))]!;
  if (refreshMs === model.refreshMs) return [model, []];
  return [said({ ...model, refreshMs }, `refresh every ${refreshMs / 1_000} s`), ['refresh']];
}

function said(model: Model, text: string): Model {
  return { ...model, notice: { text, untilMs: model.nowMs + NOTICE_MS / 2 } };
}

function onClick(model: Model, target: ClickTarget, twice: boolean): Step {
  if (model.overlay !== undefined) {
    if (target.type !== 'line') return [{ ...model, overlay: undefined }, []];
    const chosen: Model = { ...model, overlay: { ...model.overlay, index: target.index } };
    return twice ? onKey(chosen, 'enter', undefined) : [chosen, []];
  }
  switch (target.type) {
    case 'action':
      return act(model, target.action);
    case 'peer':
      return [{ ...model, selectedPeer: target.alias, details: twice ? true : model.details }, []];
    case 'panel': {
      const chosen = { ...model, panel: target.index };
      return twice ? act(chosen, 'enter') : [chosen, []];
    }
    case 'column': {
      const descending = model.sort.column === target.column && !model.sort.descending;
      return [{ ...model, sort: { column: target.column, descending } }, []];
    }
    case 'line':
      return [model, []];
    default:
      return target satisfies never;
  }
}
