import test from 'ava';
import type { Status } from '../../daemon/api/schema.ts';
import { textOf } from '../../tui/cells.ts';
import { draw } from '../../tui/draw.ts';
import { KEYMAP, keyLines, remapped, rowOfKey, rowsOfTab, TABS } from '../../tui/keymap.ts';
import { listedPeers, shownStatus } from '../../tui/lists.ts';
import { type Effect, helpRows, looksOf, type Model, type ModelEvent, REVEALED_MS, step } from '../../tui/model.ts';
import { followPeers, RATES_KEPT } from '../../tui/peer-rates.ts';
import { FIXTURE_NOW_MS, fixtureStatus } from '../support/status-fixture.ts';
import { modelOf } from './golden-cases.ts';

const nowMs = FIXTURE_NOW_MS;
function press(model: Model, ...keys: readonly string[]): Model {
  return keys.reduce((state, key) => step(state, keyEvent(key))[0], model);
}
function keyEvent(key: string): ModelEvent {
  return { type: 'key', key, nowMs, ...(key.length === 1 ? { text: key } : {}) };
}
const effectsOf = (model: Model, key: string): readonly Effect[] => step(model, keyEvent(key))[1];
function feed(model: Model, part: Partial<Status>): Model {
  return step(model, { type: 'feed', event: { type: 'delta', part }, nowMs })[0];
}
const peersTab = (): Model => modelOf(80, 24, { tab: 'peers' });
const order = (model: Model): string =>
  listedPeers(model)
    .map(({ alias }) => alias)
    .join(' ');

test('keys: digits and Tab open the tabs that exist, others do nothing', (t) => {
  for (const { id, key } of TABS) t.is(press(modelOf(80, 24), key).tab, id);
  for (const key of '1234567890'.split('').filter((digit) => !TABS.some((tab) => tab.key === digit))) {
    t.deepEqual(press(modelOf(80, 24), key), modelOf(80, 24), key);
  }
  const seen = TABS.map((_, i) => press(modelOf(80, 24), ...new Array<string>(i + 1).fill('tab')).tab);
  t.deepEqual(seen, [...TABS.slice(1).map(({ id }) => id), TABS[0].id]);
  t.is(press(modelOf(80, 24), 'S-tab').tab, TABS.at(-1)!.id);
});

test('keymap: no key twice on a tab, and every row changes the model or has an effect somewhere', (t) => {
  for (const { id } of TABS) {
    const keys = rowsOfTab(id).flatMap((row) => row.keys);
    t.is(new Set(keys).size, keys.length, id);
    for (const key of keys) t.true(rowOfKey(key, id)?.keys.includes(key));
  }
  const starts = TABS.flatMap(({ id }) => [
    modelOf(80, 24, { tab: id, keys: id === 'peers' ? ['down', 'down', 'enter'] : ['down', 'down'] }),
    modelOf(80, 24, { tab: id, keys: id === 'overview' ? ['down', 'right', ']'] : [] }),
  ]);
  for (const row of KEYMAP) {
    for (const key of row.keys) {
      const useful = starts.some((start) => {
        const [after, effects] = step(start, keyEvent(key));
        return effects.length > 0 || JSON.stringify(after) !== JSON.stringify(start);
      });
      t.true(useful, `${key} (${row.sentence})`);
    }
  }
});

test('keys: quit, redraw, suspend and reconnect are effects; C-c quits from anywhere', (t) => {
  const model = modelOf(80, 24);
  t.deepEqual(effectsOf(model, 'q'), ['quit']);
  t.deepEqual(effectsOf(model, 'C-l'), ['redraw']);
  t.deepEqual(effectsOf(model, 'C-z'), ['suspend']);
  t.deepEqual(effectsOf(model, 'r'), ['reconnect']);
  for (const before of [press(model, '?'), press(model, 'e', 'x'), press(peersTab(), '/')])
    t.deepEqual(effectsOf(before, 'C-c'), ['quit']);
});

test('keys: q in a search is a letter, alone it closes the overlay', (t) => {
  t.is(press(modelOf(80, 24), '?', 's', 'q').overlay?.search, 'sq');
  t.is(press(modelOf(80, 24), '?', 'q').overlay, undefined);
  t.is(press(peersTab(), '/', 'q').filter, 'q');
});

test('peers: sort by each column, reversed, and p9 before p10', (t) => {
  t.is(order(peersTab()), 'p01 p02 p03 p04 p05 p06 p07 p08 p09 p10 p11 p12');
  t.is(order(press(peersTab(), 'S')), 'p12 p11 p10 p09 p08 p07 p06 p05 p04 p03 p02 p01');
  t.is(order(press(peersTab(), 's')).split(' ')[0], 'p11', 'by location');
  t.is(
    order(press(peersTab(), 's', 's', 's', 's'))
      .split(' ')
      .at(-1),
    'p11',
    'unknown round trips last',
  );
  const two = fixtureStatus().peers;
  const grown = {
    ...two,
    list: [
      { ...two.list[0]!, alias: 'p100' },
      { ...two.list[1]!, alias: 'p99' },
    ],
  };
  t.is(order(feed(peersTab(), { peers: grown })), 'p99 p100');
});

test('peers: the filter narrows while typing, enter keeps it, esc clears it', (t) => {
  const typed = press(peersTab(), '/', '0', '.', '2', '.', '4');
  t.is(order(typed), 'p08');
  t.true(typed.typing);
  const kept = press(typed, 'enter');
  t.false(kept.typing);
  t.is(order(kept), 'p08');
  t.is(order(press(kept, 'escape')).length, order(peersTab()).length);
  t.is(press(typed, 'backspace', 'backspace').filter, '0.2');
  t.is(press(typed, 'C-u').filter, '');
});

test('peers: the selection follows its peer through deltas and stops at both ends', (t) => {
  const model = press(peersTab(), 'down', 'down', 'j');
  t.is(model.selectedPeer, 'p03');
  const { peers } = fixtureStatus();
  const fewer = { ...peers, list: peers.list.filter(({ alias }) => alias !== 'p01').toReversed() };
  t.is(feed(model, { peers: fewer }).selectedPeer, 'p03');
  t.is(press(model, 'k', 'up', 'up', 'up').selectedPeer, 'p01');
  t.is(press(model, 'end').selectedPeer, 'p12');
  t.is(press(model, 'end', 'down', 'pagedown').selectedPeer, 'p12');
  t.is(press(model, 'end', 'home').selectedPeer, 'p01');
  t.is(press(peersTab(), 'end').selectedPeer, 'p12');
  t.is(press(feed(peersTab(), { peers: { ...peers, list: [] } }), 'down').selectedPeer, undefined);
});

test('peers: enter shows details, esc closes them', (t) => {
  t.true(press(peersTab(), 'down', 'enter').details);
  t.false(press(peersTab(), 'down', 'enter', 'escape').details);
});

test('overview: arrows walk the panels, enter opens the tab of one', (t) => {
  const panels = (...keys: string[]): number => press(modelOf(80, 24), ...keys).panel;
  t.is(panels('right'), 1);
  t.is(panels('down'), 2);
  t.is(panels('down', 'right', 'down'), 4);
  t.is(panels('up'), 0);
  t.is(panels('left', 'left'), 0);
  t.is(press(modelOf(80, 24), 'down', 'enter').tab, 'routing');
  t.is(press(modelOf(80, 24), 'down', 'l', 'enter').tab, 'store');
});

test('pause: the picture holds while the data go on, and catches up', (t) => {
  const paused = feed(press(modelOf(80, 24), 'space'), { pid: 4121, uptimeMs: 999_999_999, network: 'other' });
  t.is(shownStatus(paused)?.network, 'garden');
  t.is(shownStatus(press(paused, 'space'))?.network, 'other');
});

test('refresh: + and - walk the steps, with an effect only where something changed', (t) => {
  const faster = step(modelOf(80, 24), keyEvent('+'));
  t.is(faster[0].refreshMs, 500);
  t.deepEqual(faster[1], ['refresh']);
  const fastest = press(modelOf(80, 24), '+', '+', '+', '+');
  t.is(fastest.refreshMs, 200);
  t.deepEqual(effectsOf(fastest, '+'), []);
  t.is(press(modelOf(80, 24), '-', '-', '-', '-', '-').refreshMs, 10_000);
  t.is(press({ ...modelOf(80, 24), refreshMs: 700 }, '+').refreshMs, 500, 'from between two steps');
});

test('connection: lost keeps the data and when it began; the next snapshot is live again', (t) => {
  const lost = (model: Model, atMs: number): Model =>
    step(model, {
      type: 'feed',
      event: { type: 'lost', cause: 'c', next: 'n', retryAtMs: atMs + 500 },
      nowMs: atMs,
    })[0];
  const first = lost(modelOf(80, 24), nowMs + 1_000);
  const second = lost(first, nowMs + 9_000);
  t.like(second.connection, { type: 'lost', sinceMs: nowMs + 1_000, retryAtMs: nowMs + 9_500 });
  t.is(second.status?.network, 'garden');
  const back = step(second, {
    type: 'feed',
    event: { type: 'snapshot', status: fixtureStatus({ uptimeMs: 999_999_999 }) },
    nowMs,
  })[0];
  t.is(back.connection.type, 'live');
  t.is(back.notice, undefined, 'the same daemon: nothing began again');
});

test('restart: another process, or an uptime that went back, is said; the notice goes after a while', (t) => {
  for (const change of [{ pid: 5_000, uptimeMs: 999_999_999 }, { uptimeMs: 900 }]) {
    const model = feed(press(modelOf(80, 24), 'space'), change);
    t.regex(model.notice!.text, /^daemon restarted \d\d:\d\d:\d\d, counters began again$/);
    t.is(model.held, undefined, 'a picture of the former life is not held');
    t.is(step(model, { type: 'tick', nowMs: nowMs + 29_000 })[0].notice, model.notice);
    t.is(step(model, { type: 'tick', nowMs: nowMs + 31_000 })[0].notice, undefined);
  }
});

test('a delta before any snapshot changes nothing', (t) => {
  const empty = { ...modelOf(80, 24), status: undefined };
  t.is(feed(empty, { network: 'x' }).status, undefined);
});

test('help: found by key or text, and enter runs the line', (t) => {
  const found = press(modelOf(80, 24), '?', ...'hold still');
  t.deepEqual(
    helpRows(found).map(({ action }) => action),
    ['pause'],
  );
  const run = press(found, 'enter');
  t.is(run.overlay, undefined);
  t.not(run.held, undefined);
  t.deepEqual(effectsOf(press(modelOf(80, 24), '?', ...'leave the'), 'enter'), ['quit']);
  t.deepEqual(helpRows(press(modelOf(80, 24), '?', ...'zzz')), []);
  t.is(press(modelOf(80, 24), '?', ...'zzz', 'enter').overlay, undefined);
});

test('clicks: a peer, twice its details; a column sorts, again reverses; outside closes help', (t) => {
  const click = (model: Model, target: Extract<ModelEvent, { type: 'click' }>['target'], twice = false): Model =>
    step(model, { type: 'click', target, twice, nowMs })[0];
  t.like(click(peersTab(), { type: 'peer', alias: 'p04' }), { selectedPeer: 'p04', details: false });
  t.true(click(peersTab(), { type: 'peer', alias: 'p04' }, true).details);
  const sorted = click(peersTab(), { type: 'column', column: 'in' });
  t.deepEqual(sorted.sort, { column: 'in', descending: false });
  t.deepEqual(click(sorted, { type: 'column', column: 'in' }).sort, { column: 'in', descending: true });
  t.is(click(modelOf(80, 24), { type: 'panel', index: 3 }, true).tab, 'store');
  t.is(click(press(modelOf(80, 24), '?'), { type: 'peer', alias: 'p04' }).overlay, undefined);
});

test('lists: down stops at the last line, so that up answers at once', (t) => {
  const model = modelOf(80, 24, { tab: 'transfers', keys: ['end', 'down', 'pagedown'] });
  t.is(model.selectedTransfer, 'file-1');
  t.is(press(model, 'up').selectedTransfer, 'file-7');
  t.is(press(model, 'home', 'up').selectedTransfer, 'file-2');
  t.is(press(modelOf(80, 24, { tab: 'log' }), 'end').scroll, 5);
  t.is(press(modelOf(80, 24, { tab: 'store' }), 'down').scroll, 0);
});

function submit(text: string, model: Model = modelOf(80, 24)): readonly [Model, readonly Effect[]] {
  let open = press(model, ':');
  for (const key of text) [open] = step(open, { type: 'key', key: key === ' ' ? 'space' : key, text: key, nowMs });
  return step(open, keyEvent('enter'));
}

test('command line: what is typed becomes a request, a tab, or a sentence that says what is wrong', (t) => {
  t.deepEqual(submit('publish "/tmp/a b.txt" --type text/plain --compress')[1], [
    { type: 'publish', file: '/tmp/a b.txt', query: { type: 'text/plain', compress: true } },
  ]);
  t.deepEqual(submit('fetch CHK@abc -o out.bin --force')[1], [
    { type: 'fetch', uri: 'CHK@abc', path: 'out.bin', force: true },
  ]);
  t.is(submit('holloway peer list')[0].tab, 'peers');
  t.is(submit('tab ring')[0].tab, 'ring');
  t.like(submit('config get store.size')[0], { tab: 'config', filter: 'store.size' });
  t.deepEqual(submit('config list')[1], [{ type: 'config' }]);
  t.deepEqual(submit('quit')[1], ['quit']);
  for (const [text, fault] of [
    ['publish', 'publish FILE'],
    ['publish a b', 'publish FILE'],
    ['publish a --nope', 'publish has no --nope'],
    ['publish a --type', '--type needs a value'],
    ['publish "a', 'a quote is not closed'],
    ['publish a --convergent --compress', '--convergent'],
    ['devnet up', '"devnet up" works in a shell'],
    ['frobnicate', 'no command "frobnicate"'],
    ['store resize much', 'much is no size'],
    ['store passphrase', '"store passphrase" works in a shell'],
    ['stop now', 'stop takes nothing more'],
  ] as const) {
    const [model, effects] = submit(text);
    t.deepEqual(effects, []);
    t.true(model.prompt?.type === 'command' && model.prompt.fault.startsWith(fault), text);
  }
});

test('command line: Tab completes commands, flags, transfers, tabs and settings; esc and an empty backspace leave', (t) => {
  const tab = (text: string): Model => step(withText(text), keyEvent('tab'))[0];
  const withText = (text: string): Model => ({
    ...modelOf(80, 24),
    prompt: { type: 'command', text, choices: [], fault: '' },
  });
  const completed = (text: string): string => {
    const { prompt } = tab(text);
    return prompt?.type === 'command' ? `${prompt.text}|${prompt.choices.join(' ')}` : '';
  };
  t.is(completed('pub'), 'publish |');
  t.is(completed('transfers c'), 'transfers c|transfers cancel transfers copy');
  t.is(completed('transfers cancel file'), 'transfers cancel file-|file-1 file-2 file-3 file-5 file-6 file-7 file-4');
  t.is(completed('publish a --ty'), 'publish a --type |');
  t.is(completed('tab ov'), 'tab overview|');
  t.is(completed('zzz'), 'zzz|');
  t.deepEqual(step(withText('publish /et'), keyEvent('tab'))[1], [
    { type: 'find-path', text: 'publish /et', path: '/et' },
  ]);
  const found = { type: 'found-path', before: 'publish /et', text: 'publish /etc/', choices: [], nowMs } as const;
  t.like(step(withText('publish /et'), found)[0].prompt, { text: 'publish /etc/' });
  t.like(step(withText('typed on'), found)[0].prompt, { text: 'typed on' }, 'a late answer changes nothing');
  t.is(press(withText('abc'), 'escape').prompt, undefined);
  t.is(press(withText('a'), 'backspace', 'backspace').prompt, undefined);
  t.like(press(withText('one two'), 'C-w').prompt, { text: 'one ' });
});

test('p and g open the command line; cancel, stop and reveal ask first, and only y does it', (t) => {
  t.like(press(modelOf(80, 24), 'p').prompt, { type: 'command', text: 'publish ' });
  t.like(press(modelOf(80, 24), 'g').prompt, { type: 'command', text: 'fetch ' });
  const transfers = modelOf(80, 24, { tab: 'transfers' });
  const asked = press(transfers, 'K');
  t.true(asked.prompt?.type === 'confirm' && asked.prompt.question.startsWith('Cancel file-2?'));
  t.deepEqual(effectsOf(asked, 'y'), [{ type: 'cancel', id: '2', alias: 'file-2', isQueued: true }]);
  for (const key of ['n', 'enter', 'escape', 'q', 'space']) {
    t.deepEqual(effectsOf(asked, key), []);
    t.is(press(asked, key).prompt, undefined);
  }
  t.is(press(transfers, 'end', 'K').prompt, undefined, 'an ended one that no queue holds cannot be cancelled');
  t.deepEqual(effectsOf(transfers, 'y'), [{ type: 'copy', id: '2', alias: 'file-2', toFile: false }]);
  t.deepEqual(effectsOf(submit('stop')[0], 'y'), [{ type: 'stop' }]);
  t.deepEqual(submit('store resize 8GiB')[1], [{ type: 'plan-resize', sizeBytes: 8 * 2 ** 30 }]);
  t.like(press(modelOf(80, 24, { tab: 'store' }), 'R').prompt, { text: 'store resize ' });
  t.deepEqual(effectsOf(press(modelOf(80, 24, { tab: 'store' }), 'V'), 'y'), [{ type: 'verify' }]);
  const wanted = { type: 'resize', sizeBytes: 1 } as const;
  const question = { type: 'asked', question: 'Resize?', wanted, nowMs } as const;
  const planned = step(modelOf(80, 24), question)[0];
  t.deepEqual(effectsOf(planned, 'y'), [wanted]);
  t.like(step(press(modelOf(80, 24), ':'), question)[0].prompt, { type: 'command' }, 'not while one types');
});

test('read-only, and without a daemon: nothing that changes is asked for', (t) => {
  const readOnly = { ...modelOf(80, 24, { tab: 'transfers' }), readOnly: true };
  for (const key of ['p', 'g', 'K', 'y', 'x']) {
    const [model, effects] = step(readOnly, keyEvent(key));
    t.deepEqual(effects, [], key);
    t.is(model.prompt, undefined, key);
    t.regex(model.notice!.text, /read-only/);
  }
  t.deepEqual(submit('stop', readOnly)[1], []);
  const lost = step(modelOf(80, 24), {
    type: 'feed',
    event: { type: 'lost', cause: 'c', next: 'n', retryAtMs: nowMs },
    nowMs,
  })[0];
  t.regex(press(lost, 'p').notice!.text, /no daemon answers/);
});

test('reveal: keys are there for a minute and no longer, and x hides them at once', (t) => {
  const asked = press(modelOf(80, 24), 'x');
  t.deepEqual(effectsOf(asked, 'y'), [{ type: 'reveal', ids: ['2', '3', '5', '6', '4', '7', '1'] }]);
  const shown = step(press(asked, 'y'), { type: 'revealed', uris: new Map([['2', 'CHK@secret']]), nowMs })[0];
  t.is(shown.revealed?.uris.get('2'), 'CHK@secret');
  t.is(step(shown, { type: 'tick', nowMs: nowMs + REVEALED_MS - 1 })[0].revealed, shown.revealed);
  t.is(step(shown, { type: 'tick', nowMs: nowMs + REVEALED_MS })[0].revealed, undefined);
  t.is(press(shown, 'x').revealed, undefined);
});

test('windows: [ and ] walk them, with an effect only where something changed', (t) => {
  t.deepEqual(effectsOf(modelOf(80, 24), '['), []);
  t.is(press(modelOf(80, 24), ']', ']').window, '1h');
  t.deepEqual(effectsOf(press(modelOf(80, 24), ']'), ']'), ['refresh']);
  t.is(press(modelOf(80, 24), ']', ']', ']', ']', ']', ']').window, '7d');
});

test('ring: left and right walk around it, L turns the layouts, enter opens the peer', (t) => {
  const ring = modelOf(80, 24, { tab: 'ring' });
  t.is(press(ring, 'right').selectedPeer, 'p11', 'the first from 0.0 on');
  t.is(press(ring, 'right', 'left').selectedPeer, 'p12', 'over the top');
  t.is(press(ring, 'right', 'left', 'right').selectedPeer, 'p11');
  t.is(press(ring, 'L').ringLayout, 'log');
  t.is(press(ring, 'L', 'L', 'L').ringLayout, 'ring');
  t.like(press(ring, 'right', 'enter'), { tab: 'peers', details: true, selectedPeer: 'p11' });
});

test('config: enter begins to change what is live, and says of the rest that it needs a restart', (t) => {
  const at = (key: string): Model => modelOf(80, 24, { tab: 'config', keys: ['/', ...key, 'enter'] });
  t.like(press(at('log.level'), 'enter').prompt, { text: 'config set log.level ' });
  t.regex(press(at('peers.max'), 'enter').notice!.text, /peers.max is read at the start/);
  t.deepEqual(submit('config set log.level debug')[1], [{ type: 'set', key: 'log.level', value: 'debug' }]);
  t.deepEqual(submit('config set store.size 1GiB')[1], [{ type: 'plan-resize', sizeBytes: 2 ** 30 }]);
  const [wrong] = submit('config set log.level');
  t.true(wrong.prompt?.type === 'command' && wrong.prompt.fault.startsWith('config set KEY VALUE'));
});

test('peers: i copies what lets others join', (t) => {
  t.deepEqual(effectsOf(peersTab(), 'i'), [{ type: 'invite', lifeMs: 86_400_000 }]);
});

test('peers: l shows the lost ones, esc goes back', (t) => {
  t.true(press(peersTab(), 'l').lostShown);
  t.false(press(peersTab(), 'l', 'escape').lostShown);
  t.false(press(peersTab(), 'l', 'l').lostShown);
});

test('peer rates: bytes over the time of the daemon, never negative, a new line after a restart or a silence', (t) => {
  const at = (uptimeMs: number, bytesIn: number): Status => {
    const base = fixtureStatus();
    const list = base.peers.list.slice(0, 1).map((peer) => ({ ...peer, bytesIn, bytesOut: 0 }));
    return { ...base, uptimeMs, peers: { ...base.peers, list } };
  };
  let rates = followPeers(undefined, at(1_000, 500));
  const perSec = (): readonly number[] => rates.of.get('p01')!.perSec;
  rates = followPeers(rates, at(2_000, 1_500));
  t.deepEqual(perSec(), [1_000]);
  t.is(followPeers(rates, at(2_200, 9_000)), rates, 'closer than a second');
  rates = followPeers(rates, at(4_000, 1_000));
  t.deepEqual(perSec(), [1_000, 0], 'a counter that fell');
  rates = followPeers(rates, at(60_000, 900_000));
  t.deepEqual(perSec(), [], 'a silence');
  rates = followPeers(followPeers(rates, at(61_000, 900_100)), at(62_000, 900_300));
  t.deepEqual(perSec(), [100, 200]);
  rates = followPeers(rates, at(500, 10));
  t.deepEqual(perSec(), [], 'a restart');
  for (let i = 1; i < 200; i++) rates = followPeers(rates, at(500 + i * 1_000, i));
  t.is(perSec().length, RATES_KEPT);
});

test('transfers: space pauses and resumes, < and > change the order, R begins a failed one, each only where it can', (t) => {
  const at = (alias: string): Model => ({ ...modelOf(80, 24, { tab: 'transfers' }), selectedTransfer: alias });
  t.deepEqual(effectsOf(at('file-2'), 'space'), [{ type: 'queue', change: 'pause', id: '2', alias: 'file-2' }]);
  t.deepEqual(effectsOf(at('file-5'), 'space'), [{ type: 'queue', change: 'resume', id: '5', alias: 'file-5' }]);
  t.deepEqual(effectsOf(at('file-7'), 'space'), []);
  t.regex(press(at('file-3'), 'space').notice!.text, /ends with the program that asked/);
  t.deepEqual(effectsOf(at('file-2'), '<'), [{ type: 'priority', id: '2', alias: 'file-2', priority: 1 }]);
  t.deepEqual(effectsOf(at('file-6'), '>'), [{ type: 'priority', id: '6', alias: 'file-6', priority: 5 }]);
  t.deepEqual(effectsOf(at('file-6'), 'R'), [{ type: 'queue', change: 'retry', id: '6', alias: 'file-6' }]);
  t.deepEqual(effectsOf(at('file-2'), 'R'), []);
  t.regex(press(at('file-7'), 'K').prompt?.type === 'confirm' ? 'asked' : '', /asked/);
  t.deepEqual(submit('transfers pause file-2')[1], [{ type: 'queue', change: 'pause', id: '2', alias: 'file-2' }]);
  t.deepEqual(submit('transfers priority file-6 0')[1], [{ type: 'priority', id: '6', alias: 'file-6', priority: 0 }]);
  const readOnly = { ...at('file-2'), readOnly: true };
  t.deepEqual(effectsOf(readOnly, 'space'), []);
});

test('peers: a drop and a ban name their effect first; add and invite have a command line', (t) => {
  const chosen: Model = { ...peersTab(), selectedPeer: 'p04' };
  const asked = press(chosen, 'D');
  t.true(asked.prompt?.type === 'confirm' && /^Drop p04\? Requests go elsewhere/.test(asked.prompt.question));
  t.deepEqual(effectsOf(asked, 'y'), [{ type: 'ban', alias: 'p04', forMs: 60_000 }]);
  t.deepEqual(effectsOf(press(chosen, 'B'), 'y'), [{ type: 'ban', alias: 'p04', forMs: 3_600_000 }]);
  t.deepEqual(effectsOf(press(chosen, 'B'), 'n'), []);
  t.deepEqual(effectsOf(submit('peer ban p07 2d')[0], 'y'), [{ type: 'ban', alias: 'p07', forMs: 172_800_000 }]);
  t.regex(submit('peer ban p99')[0].notice!.text, /no peer is called p99/);
  t.like(press(chosen, 'a').prompt, { text: 'peer add ' });
  t.deepEqual(submit('peer add holloway-invite:abc')[1], [{ type: 'add-peer', text: 'holloway-invite:abc' }]);
  t.deepEqual(submit('peer invite --expires 7d')[1], [{ type: 'invite', lifeMs: 604_800_000 }]);
});

test('routing: a key is traced from the command line until the tab is left', (t) => {
  const [asked, effects] = submit('trace k-3f9');
  t.deepEqual(effects, [{ type: 'trace', uri: 'k-3f9' }]);
  t.is(asked.tab, 'routing');
  const route = { v: 1, isTracing: true, place: 0.5, ownDistance: 0.1, candidates: [], steps: [] } as const;
  const [traced] = step(asked, { type: 'seen', route, nowMs });
  t.deepEqual(looksOf(traced), [{ type: 'route' }]);
  const [left, ended] = step(traced, keyEvent('5'));
  t.deepEqual(ended, [{ type: 'trace', uri: null }]);
  t.is(left.route, undefined);
  t.is(step(left, { type: 'seen', route, nowMs })[0].route, undefined, 'a late answer brings nothing back');
  t.deepEqual(effectsOf(traced, 'T'), [{ type: 'trace', uri: null }]);
});

test('looks: only what the open tab needs, nothing on the read-only socket, nothing while the picture is held', (t) => {
  const transfers = modelOf(80, 24, { tab: 'transfers' });
  t.deepEqual(looksOf(transfers), [{ type: 'map', id: '2' }]);
  t.deepEqual(looksOf({ ...transfers, selectedTransfer: 'file-5' }), [], 'a paused one has no map');
  t.deepEqual(looksOf(modelOf(80, 24, { tab: 'store' })), [{ type: 'busy' }]);
  t.deepEqual(looksOf(modelOf(80, 24)), []);
  t.deepEqual(looksOf({ ...transfers, readOnly: true }), []);
  t.deepEqual(looksOf({ ...transfers, held: transfers.status }), []);
});

test('store: K asks before it counts, and stops at once', (t) => {
  const store = modelOf(80, 24, { tab: 'store' });
  t.deepEqual(effectsOf(press(store, 'K'), 'y'), [{ type: 'count-keys', on: true }]);
  const [counting] = step(store, { type: 'seen', busy: { v: 1, isCounting: true, keys: [] }, nowMs });
  t.deepEqual(effectsOf(counting, 'K'), [{ type: 'count-keys', on: false }]);
});

test('a command of the shell shows its output, which scrolls and closes', (t) => {
  t.deepEqual(submit('doctor')[1], [{ type: 'shell', words: ['doctor'] }]);
  const [wrong] = submit('key export a');
  t.true(wrong.prompt?.type === 'command' && /works in a shell/.test(wrong.prompt.fault));
  const lines = Array.from({ length: 50 }, (_, i) => `line ${i}`);
  const [shown] = step(modelOf(80, 24), { type: 'output', title: 'doctor', lines, nowMs });
  t.like(press(shown, 'down', 'pagedown', 'up').overlay, { type: 'output', index: 16 });
  t.is(press(shown, 'escape').overlay, undefined);
  t.is(press(shown, 'q').overlay, undefined);
});

test('keys: remapped ones replace, an unknown action or key is a sentence, and the way out stays', (t) => {
  const keymap = remapped(['publish=P', 'quit=Q', 'sort=/']);
  if (typeof keymap === 'string') return t.fail(keymap);
  const model: Model = { ...modelOf(80, 24), keymap };
  t.like(press(model, 'P').prompt, { text: 'publish ' });
  t.is(press(model, 'p').prompt, undefined);
  t.deepEqual(effectsOf(model, 'Q'), ['quit']);
  t.deepEqual(effectsOf(model, 'C-c'), ['quit']);
  t.is(rowOfKey('/', 'peers', keymap)?.action, 'sort');
  t.is(rowOfKey('/', 'log', keymap)?.action, undefined, 'filter gave its key away everywhere');
  t.regex(remapped(['dance=P']) as string, /no action is called "dance"/);
  t.regex(remapped(['publish=two words']) as string, /is no key/);
  t.regex(remapped(['publish=C-c']) as string, /always leaves/);
  t.regex(remapped(['publish=?']) as string, /help must keep a key/);
  t.true(keyLines(KEYMAP).some((line) => /^p {14}publish +publish a file/.test(line)));
});

test('config: a value is looked at before it is sent, what it does is said while it is typed, u goes back to the default', (t) => {
  const typed = (text: string): string => {
    const model: Model = { ...modelOf(80, 24), prompt: { type: 'command', text, choices: [], fault: '' } };
    return draw(model, 80, 24, { ascii: false }).map(textOf).join('\n');
  };
  t.regex(typed('config set log.level debug'), /log.level: "info" becomes "debug"; at once, until the daemon stops/);
  t.regex(typed('config set log.level loud'), /log.level: expected /);
  for (const [text, pattern] of [
    ['config set log.level loud', /^log.level: expected /],
    ['config set peers.max 12', /read at the start/],
    ['config set dance 1', /no setting is called dance/],
  ] as const) {
    const [model, effects] = submit(text);
    t.deepEqual(effects, []);
    t.true(model.prompt?.type === 'command' && pattern.test(model.prompt.fault), text);
  }
  const at = (key: string): Model => modelOf(80, 24, { tab: 'config', keys: ['/', ...key, 'enter'] });
  t.regex(press(at('log.level'), 'u').notice!.text, /at its default/);
  t.regex(press(at('peers.max'), 'u').notice!.text, /config unset peers.max in a shell/);
});
