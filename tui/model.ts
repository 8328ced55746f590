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
import { type Status, WINDOWS } from '../daemon/api/schema.ts';
import {
  asking,
  BAN_MS,
  banning,
  changing,
  editing,
  NOTICE_MS,
  onTransfer,
  revealing,
  said,
  unsetting,
} from './asking.ts';
import { type Command, complete, DROP_MS, parseCommand } from './commands.ts';
import { checkSetting } from './config-preview.ts';
import { formatClock } from './format.ts';
import { type ActionName, KEYMAP, type KeyRow, rowOfKey, rowsOfTab, TABS, type TabId } from './keymap.ts';
import { linesOf, listedPeers, listedTransfers, PEER_COLUMNS, ringPeers, selectedTransfer } from './lists.ts';
import type {
  ClickTarget,
  FeedEvent,
  Look,
  Model,
  ModelEvent,
  Overlay,
  Prompt,
  Request,
  RingLayout,
  Step,
} from './model-types.ts';
import { followPeers } from './peer-rates.ts';
import { isMoving } from './transfer-list.ts';
import { panelBeside, walked } from './walk.ts';

export type * from './model-types.ts';

export const REFRESH_STEPS_MS = [200, 500, 1_000, 2_000, 5_000, 10_000] as const;
const RING_LAYOUTS: readonly RingLayout[] = ['ring', 'log', 'strip'];
const SEARCH_MAX = 40;
/** Longer than any key with a path behind it. */
const COMMAND_MAX = 4_096;
export const REVEALED_MS = 60_000;
const INVITE_MS = 86_400_000;

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
  readonly keymap?: readonly KeyRow[];
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
    selectedTransfer: undefined,
    lostShown: false,
    ringLayout: 'ring',
    beyondShown: false,
    byTraffic: false,
    keymap: options.keymap ?? KEYMAP,
    map: undefined,
    busy: undefined,
    route: undefined,
    window: '1m',
    peerRates: undefined,
    prompt: undefined,
    revealed: undefined,
    config: undefined,
    configFailure: '',
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
      return [forgetOld(now), []];
    case 'told':
      return [said(now, event.text, NOTICE_MS), []];
    case 'asked':
      // Whoever types meanwhile goes on typing: a late question must not take a letter for its answer.
      if (now.prompt !== undefined) return [said(now, 'there was a question, not asked because you were typing'), []];
      return asking(now, event.question, event.wanted);
    case 'config':
      return [{ ...now, config: event.document ?? now.config, configFailure: event.fault }, []];
    case 'revealed':
      return [{ ...now, revealed: { untilMs: now.nowMs + REVEALED_MS, uris: event.uris } }, []];
    case 'seen': {
      const { map, busy, route } = event;
      return [
        {
          ...now,
          ...(map === undefined ? {} : { map }),
          ...(busy === undefined ? {} : { busy }),
          // An answer that comes after the tab was left is of no use any more.
          ...(route === undefined || now.tab !== 'routing' ? {} : { route: route.isTracing ? route : undefined }),
        },
        [],
      ];
    }
    case 'output': {
      const { title, lines } = event;
      return [{ ...now, overlay: { type: 'output', title, lines, search: '', index: 0 } }, []];
    }
    case 'found-path':
      if (now.prompt?.type !== 'command' || now.prompt.text !== event.before) return [now, []];
      return [{ ...now, prompt: { ...now.prompt, text: event.text, choices: event.choices } }, []];
    default:
      return event satisfies never;
  }
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
  const peerRates = followPeers(restarted ? undefined : model.peerRates, status);
  const next: Model = { ...model, status, peerRates, receivedAtMs: model.nowMs, connection: { type: 'live' } };
  if (restarted) {
    const text = `daemon restarted ${formatClock(model.nowMs, model.offsetMinutes)}, counters began again`;
    return { ...next, held: undefined, notice: { text, untilMs: model.nowMs + NOTICE_MS * 3 } };
  }
  return forgetOld(next);
}

/** Notices grow old; what was revealed is hidden again. */
function forgetOld(model: Model): Model {
  const notice = model.notice !== undefined && model.nowMs >= model.notice.untilMs ? undefined : model.notice;
  const revealed = model.revealed !== undefined && model.nowMs >= model.revealed.untilMs ? undefined : model.revealed;
  return notice === model.notice && revealed === model.revealed ? model : { ...model, notice, revealed };
}

function onKey(model: Model, key: string, text: string | undefined): Step {
  if (key === 'C-c') return [model, ['quit']];
  if (model.prompt?.type === 'confirm') return onConfirmKey(model, model.prompt.wanted, key);
  if (model.prompt !== undefined) return onCommandKey(model, model.prompt, key, text);
  if (model.overlay !== undefined) return onOverlayKey(model, model.overlay, key, text);
  if (model.typing) return onFilterKey(model, key, text);
  const row = rowOfKey(key, model.tab, model.keymap);
  return row === undefined ? [model, []] : act(model, row.action);
}

/** Only a plain yes does it. */
function onConfirmKey(model: Model, wanted: Request, key: string): Step {
  const closed: Model = { ...model, prompt: undefined };
  return key === 'y' || key === 'Y' ? [closed, [wanted]] : [said(closed, 'nothing was done'), []];
}

function onCommandKey(model: Model, prompt: Prompt & { type: 'command' }, key: string, text: string | undefined): Step {
  const changed = (to: string): Step => [
    { ...model, prompt: { type: 'command', text: to, choices: [], fault: '' } },
    [],
  ];
  switch (key) {
    case 'escape':
      return [{ ...model, prompt: undefined }, []];
    case 'enter': {
      const command = parseCommand(prompt.text);
      if (typeof command === 'string') return [{ ...model, prompt: { ...prompt, choices: [], fault: command } }, []];
      return carryOut({ ...model, prompt: undefined }, command);
    }
    case 'tab': {
      const settings = model.config?.settings.map((setting) => setting.key) ?? [];
      const { text: longer, choices, path } = complete(prompt.text, { status: model.status, settings });
      if (path !== undefined) return [model, [{ type: 'find-path', text: prompt.text, path }]];
      return [{ ...model, prompt: { type: 'command', text: longer, choices, fault: '' } }, []];
    }
    case 'backspace':
      return prompt.text === '' ? [{ ...model, prompt: undefined }, []] : changed(prompt.text.slice(0, -1));
    case 'C-u':
      return changed('');
    case 'C-w':
      return changed(prompt.text.trimEnd().replace(/\S+$/, ''));
    default:
      if (text === undefined || prompt.text.length >= COMMAND_MAX) return [model, []];
      return changed(prompt.text + text);
  }
}

function carryOut(model: Model, command: Command): Step {
  switch (command.type) {
    case 'tab':
      return openTab(model, command.tab);
    case 'setting': {
      const [next, effects] = openTab(model, 'config');
      return [{ ...next, filter: command.key }, effects];
    }
    case 'quit':
    case 'help':
    case 'reveal':
      return act(model, command.type);
    case 'transfer': {
      const chosen = listedTransfers(model).find(({ alias }) => alias === command.alias);
      if (chosen === undefined) return [said(model, `no transfer is called ${command.alias}`), []];
      return onTransfer({ ...model, selectedTransfer: chosen.alias }, command.action, command);
    }
    case 'stop':
      return asking(model, 'Stop the daemon? Transfers end, and this node leaves the network.', { type: 'stop' });
    case 'resize':
      return changing(model) ?? [model, [{ type: 'plan-resize', sizeBytes: command.sizeBytes }]];
    case 'verify':
      return asking(model, 'Read every block and compare it with its key? The disk is busy for a while.', {
        type: 'verify',
      });
    case 'set': {
      const check = checkSetting(model.config, command.key, command.value);
      // Without a configuration to look at, the daemon's own answer says what is wrong.
      if (model.config !== undefined && check.type === 'fault') {
        const text = `config set ${command.key} ${command.value}`;
        return [{ ...model, prompt: { type: 'command', text, choices: [], fault: check.text } }, []];
      }
      return changing(model) ?? [model, [command]];
    }
    case 'self':
      return changing(model) ?? [model, [{ type: 'self' }]];
    case 'ban':
      return banning(model, command.alias, command.forMs);
    case 'invite':
    case 'add-peer':
    case 'trace':
      return changing(model) ?? [command.type === 'trace' ? { ...model, tab: 'routing' } : model, [command]];
    case 'shell':
      return [model, [command]];
    case 'publish':
    case 'fetch':
      return changing(model) ?? [model, [command]];
    default:
      return command satisfies never;
  }
}

function openTab(model: Model, tab: TabId): Step {
  const next = opened(model, tab);
  // A key is traced for as long as somebody looks, and no longer.
  const ended: readonly Request[] =
    model.route !== undefined && tab !== 'routing' ? [{ type: 'trace', uri: null }] : [];
  // Asked anew each time: it is small, and a restart may have changed it.
  const wanted: readonly Request[] = tab === 'config' && !model.readOnly ? [{ type: 'config' }] : [];
  return [ended.length > 0 ? { ...next, route: undefined } : next, [...ended, ...wanted]];
}

/** What the open tab needs beyond the status, asked for at each refresh. */
export function looksOf(model: Model): readonly Look[] {
  if (model.readOnly || model.status?.readOnly === true || model.held !== undefined) return [];
  if (model.tab === 'store' && model.busy?.isCounting !== false) return [{ type: 'busy' }];
  if (model.tab === 'routing' && model.route !== undefined) return [{ type: 'route' }];
  const transfer = model.tab === 'transfers' ? selectedTransfer(model) : undefined;
  return transfer !== undefined && isMoving(transfer) ? [{ type: 'map', id: transfer.id }] : [];
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
  if (overlay.type === 'output') {
    const last = Math.max(0, overlay.lines.length - 1);
    if (key === 'q' || key === '?') return [{ ...model, overlay: undefined }, []];
    return key === 'end' ? at(last) : [model, []];
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
  return rowsOfTab(model.tab, model.keymap).filter((row) => {
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
      return openTab(model, tabBeside(model.tab, 1));
    case 'previous-tab':
      return openTab(model, tabBeside(model.tab, -1));
    case 'verify':
      return carryOut(model, { type: 'verify' });
    case 'invite':
      return carryOut(model, { type: 'invite', lifeMs: INVITE_MS });
    case 'drop':
    case 'ban': {
      const alias = model.selectedPeer ?? listedPeers(model)[0]?.alias;
      if (alias === undefined) return [said(model, 'there is no peer'), []];
      return banning(model, alias, action === 'drop' ? DROP_MS : BAN_MS);
    }
    case 'unset':
      return unsetting(model);
    case 'beyond':
      return [{ ...model, beyondShown: !model.beyondShown }, []];
    case 'weights':
      return [{ ...model, byTraffic: !model.byTraffic }, []];
    case 'busy': {
      const isCounting = model.busy?.isCounting === true;
      if (isCounting) return changing(model) ?? [model, [{ type: 'count-keys', on: false }]];
      return asking(model, 'Count which blocks peers ask for? In memory only, until K or the daemon ends.', {
        type: 'count-keys',
        on: true,
      });
    }
    case 'trace':
      if (model.route !== undefined) return [{ ...model, route: undefined }, [{ type: 'trace', uri: null }]];
      return changing(model) ?? [{ ...model, prompt: { type: 'command', text: 'trace ', choices: [], fault: '' } }, []];
    case 'command':
    case 'resize':
    case 'publish':
    case 'add-peer':
    case 'fetch': {
      const texts: Partial<Record<ActionName, string>> = {
        command: '',
        resize: 'store resize ',
        'add-peer': 'peer add ',
      };
      const text = texts[action] ?? `${action} `;
      const open: Model = { ...model, prompt: { type: 'command', text, choices: [], fault: '' } };
      return action === 'command' ? [open, []] : (changing(model) ?? [open, []]);
    }
    case 'cancel':
    case 'copy':
    case 'halt':
    case 'retry':
    case 'earlier':
    case 'later':
      return onTransfer(model, action);
    case 'reveal':
      return revealing(model);
    case 'lost':
      return [{ ...model, lostShown: !model.lostShown, scroll: 0 }, []];
    case 'layout': {
      const at = RING_LAYOUTS.indexOf(model.ringLayout);
      return [{ ...model, ringLayout: RING_LAYOUTS[(at + 1) % RING_LAYOUTS.length]! }, []];
    }
    case 'shorter':
    case 'longer': {
      const to = WINDOWS[WINDOWS.indexOf(model.window) + (action === 'longer' ? 1 : -1)];
      return to === undefined ? [model, []] : [said({ ...model, window: to }, `window ${to}`), ['refresh']];
    }
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
      if (model.lostShown) return [{ ...model, lostShown: false }, []];
      return [{ ...model, filter: '', notice: undefined }, []];
    case 'enter':
      if (model.tab === 'overview') return openTab(model, OVERVIEW_PANELS[model.panel] ?? 'overview');
      if (model.tab === 'config') return editing(model);
      if (model.tab === 'ring') return [{ ...opened(model, 'peers'), details: true }, []];
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
      return tab === undefined ? [model, []] : openTab(model, tab.id);
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
  if (model.tab === 'overview')
    return { ...model, panel: panelBeside(model.panel, action, OVERVIEW_PANELS.length - 1) };
  const distance = by[action] ?? 0;
  if (model.tab === 'ring') {
    const by = distance === 0 ? (action === 'left' ? -1 : action === 'right' ? 1 : 0) : distance;
    return { ...model, selectedPeer: walked(ringPeers(model), model.selectedPeer, by, true) };
  }
  if (model.tab === 'transfers')
    return {
      ...model,
      selectedTransfer: walked(listedTransfers(model), selectedTransfer(model)?.alias, distance, false),
    };
  if (model.tab === 'peers' && !model.lostShown)
    return { ...model, selectedPeer: walked(listedPeers(model), model.selectedPeer, distance, false) };
  const last = Math.max(0, linesOf(model) - 1);
  return { ...model, scroll: Math.min(last, Math.max(0, model.scroll + distance)) };
}

function opened(model: Model, tab: TabId): Model {
  if (tab === model.tab) return model;
  return { ...model, tab, details: false, typing: false, lostShown: false, filter: '', scroll: 0 };
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

function onClick(model: Model, target: ClickTarget, twice: boolean): Step {
  if (model.prompt !== undefined) return [{ ...model, prompt: undefined }, []];
  if (model.overlay !== undefined) {
    if (target.type !== 'line') return [{ ...model, overlay: undefined }, []];
    const chosen: Model = { ...model, overlay: { ...model.overlay, index: target.index } };
    return twice ? onKey(chosen, 'enter', undefined) : [chosen, []];
  }
  switch (target.type) {
    case 'action':
      return act(model, target.action);
    case 'transfer':
      return [{ ...model, selectedTransfer: target.alias }, []];
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
      return [{ ...model, scroll: target.index }, []];
    default:
      return target satisfies never;
  }
}
