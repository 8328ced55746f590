import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import type { Status } from '../../daemon/api/schema.ts';
import { DERIVED_NUMBERS, definitionOf, NUMBERS } from '../../daemon/api/schema-numbers.ts';
import { textOf } from '../../tui/cells.ts';
import { draw, drawFrame } from '../../tui/draw.ts';
import { TABS, type TabId } from '../../tui/keymap.ts';
import { step } from '../../tui/model.ts';
import { ROLES } from '../../tui/theme.ts';
import { numbersOf } from '../../tui/views/overlays.ts';
import { FIXTURE_NOW_MS, fixtureStatus, HOSTILE_TEXTS, hostileStatus, youngStatus } from '../support/status-fixture.ts';
import { GOLDEN_FOLDER, goldenCases, modelOf, SIZES } from './golden-cases.ts';

const OPTIONS = { ascii: false };
const tabs = TABS.map(({ id }) => id);
const screenOf = (model: ReturnType<typeof modelOf>, width: number, height: number, ascii = false): string =>
  draw(model, width, height, { ascii }).map(textOf).join('\n');

test('draw: every golden screen is as the file has it (update: node test/tui/update-golden.ts)', (t) => {
  const cases = goldenCases();
  for (const { file, render } of cases) t.is(render(), readFileSync(join(GOLDEN_FOLDER, file), 'utf8'), file);
  t.deepEqual(
    readdirSync(GOLDEN_FOLDER).toSorted(),
    cases.map(({ file }) => file).toSorted(),
    'no file without a screen',
  );
});

const lost = {
  type: 'lost',
  cause: 'no daemon answers',
  next: 'holloway start',
  retryAtMs: FIXTURE_NOW_MS + 3_000,
} as const;

test('draw: every row is exactly as wide as the screen, at any size, on any tab, in any state', (t) => {
  const statuses = [fixtureStatus(), youngStatus(), hostileStatus('漢字\u202e\x1b[2J'.repeat(30))];
  const keys = fc.constantFrom(
    [],
    ['?'],
    ['e'],
    ['space'],
    ['/', 'p', '1'],
    ['down', 'enter'],
    ['e', 'z', 'q'],
    ['?', 's', 'o'],
  );
  const strips = fc.constantFrom('', 'devnet: 8 nodes, all yours, no anonymity '.repeat(8));
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 300 }),
      fc.integer({ min: 1, max: 90 }),
      fc.constantFrom(...tabs),
      fc.constantFrom(...statuses),
      keys,
      strips,
      fc.boolean(),
      fc.boolean(),
      (width, height, tab, status, pressed, strip, ascii, isLost) => {
        let model = modelOf(width, height, { tab, status, strip, keys: pressed });
        if (isLost) [model] = step(model, { type: 'feed', event: lost, nowMs: FIXTURE_NOW_MS });
        const rows = draw(model, width, height, { ascii });
        t.is(rows.length, height);
        for (const row of rows) {
          if (row.characters.length !== width || row.roles.length !== width) t.fail(`${width}x${height} ${tab}`);
          for (const character of row.characters)
            if (character.length !== 1) t.fail(`not one cell: ${JSON.stringify(character)}`);
          if (ascii && !/^[ -~]*$/.test(textOf(row))) t.fail(`not ASCII: ${textOf(row)}`);
        }
      },
    ),
    { numRuns: 150 },
  );
});

test('draw: no text from outside brings a control, format, wide or zero-width character to a cell', (t) => {
  const unsafe =
    /[\p{C}\p{M}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u1100-\u115f\u3041-\u33ff\u4e00-\u9fff\uac00-\ud7a3]/u;
  for (const text of HOSTILE_TEXTS) {
    for (const tab of tabs) {
      for (const [width, height] of [...SIZES, [30, 4] as const]) {
        for (const keys of [[], ['down', 'enter'], ['e'], ['?']]) {
          const model = modelOf(width, height, { tab, status: hostileStatus(text), strip: text, keys });
          const [offline] = step(model, {
            type: 'feed',
            event: { ...lost, cause: text, next: text },
            nowMs: FIXTURE_NOW_MS,
          });
          for (const state of [model, offline]) {
            for (const row of draw(state, width, height, OPTIONS))
              t.false(unsafe.test(textOf(row)), JSON.stringify(textOf(row)));
          }
        }
      }
    }
  }
});

/** Reads of numbers while drawing, as paths with `[]` for list places. */
function recording(status: Status): { readonly status: Status; readonly read: Set<string> } {
  const read = new Set<string>();
  const wrap = (value: unknown, path: string): unknown => {
    if (typeof value === 'number') read.add(path);
    if (value === null || typeof value !== 'object') return value;
    return new Proxy(value, {
      get(target, name) {
        const member = Reflect.get(target, name) as unknown;
        if (typeof name === 'symbol' || typeof member === 'function' || (Array.isArray(target) && name === 'length'))
          return member;
        return wrap(member, Array.isArray(target) ? `${path}[]` : path === '' ? name : `${path}.${name}`);
      },
    });
  };
  return { status: wrap(status, '') as Status, read };
}

for (const tab of tabs) {
  test(`draw: every number read for ${tab} is defined and listed by e (explain)`, (t) => {
    const listed = new Set<string>(numbersOf(tab));
    for (const [width, height] of [...SIZES, [30, 4] as const]) {
      const { status, read } = recording(fixtureStatus());
      const model = modelOf(width, height, { tab, status, keys: ['down', 'enter'] });
      read.clear(); // what the model reads in order to sort and compare is not on the screen
      draw(tab === model.tab ? model : { ...model, tab }, width, height, OPTIONS);
      t.true(read.size > 1, `${tab} shows numbers`);
      for (const path of read) {
        t.truthy(definitionOf(path), `${path} has no definition`);
        if (width >= 40)
          t.true(
            listed.has(path) || SORT_ONLY.has(path),
            `${tab} at ${width}x${height} shows ${path} without listing it`,
          );
      }
    }
  });
}

/** Read to place or to judge something, never written. */
const SORT_ONLY = new Set(['peers.list[].distance', 'transfers[].blocksNeeded']);

test('numbers: every derived number is on a tab, and none has the name of a Status number', (t) => {
  const listed = new Set<string>(tabs.flatMap((tab) => [...numbersOf(tab)]));
  for (const path of Object.keys(DERIVED_NUMBERS)) {
    t.true(listed.has(path), path);
    t.false(Object.hasOwn(NUMBERS, path), path);
  }
  for (const path of listed) t.truthy(definitionOf(path), path);
});

test('draw: the verdict comes first, with glyph and word; the reason when it is not healthy, and what to do', (t) => {
  const verdict = { word: 'DEGRADED', reason: 'all 4 links are to seeds', next: 'open TCP 9480' } as const;
  for (const [width, height] of SIZES) {
    t.regex(screenOf(modelOf(width, height), width, height).split('\n')[0]!, /holloway.*garden +● HEALTHY/);
    const model = modelOf(width, height, { status: fixtureStatus({ verdict }) });
    const screen = screenOf(model, width, height);
    t.regex(screen.split('\n')[0]!, width >= 60 ? /▲ DEGRADED all 4 links are to seeds/ : /▲ DEGRADED all/);
    t.true(screen.includes('next: open TCP 9480'), `${width}x${height}`);
    t.true(screenOf(model, width, height, true).includes('[!!] DEGRADED'));
  }
});

test('draw: below 40x10 one line says it all, and ever less of it', (t) => {
  const model = modelOf(39, 9);
  t.is(screenOf(model, 39, 9).split('\n')[0]!.trimEnd(), 'holloway ● 12p ↓1.2M ↑922K get 59%');
  t.is(screenOf(model, 12, 2).split('\n')[0], 'holloway ● 1');
  t.is(screenOf(model, 1, 1), 'h');
});

test('draw: a lost daemon leaves its last picture, dimmed, stamped, with cause, next step and count-down', (t) => {
  for (const [width, height] of SIZES) {
    const [model] = step(modelOf(width, height), { type: 'feed', event: lost, nowMs: FIXTURE_NOW_MS });
    const rows = draw(model, width, height, OPTIONS);
    const screen = rows.map(textOf).join('\n');
    t.true(screen.includes('○ OFFLINE'));
    t.true(screen.includes('as of 14:03:25 · next: holloway start'));
    if (width >= 80) t.true(screen.replaceAll(/\s+/g, ' ').includes('again in 3 s, r now · no daemon answers'));
    t.true(screen.includes('12'), 'the last data stay');
    t.true(
      rows[Math.floor(height / 2) + 1]!.roles.every((role) => role === 'stale'),
      `${width}x${height} is dimmed`,
    );
  }
});

test('draw: empty panels say what would fill them', (t) => {
  const at = (tab: TabId): string => screenOf(modelOf(80, 24, { tab, status: youngStatus() }), 80, 24);
  t.true(at('overview').includes('No requests yet'));
  t.true(at('overview').includes('No transfers. p publishes a file'));
  t.true(at('peers').includes('No peers yet. Dialling seeds, 1 of 3 seeds answered. Wait a few seconds.'));
  t.true(at('routing').includes('No answers yet'));
  t.true(at('store').includes('Empty: 8.0G wait for blocks'));
  t.true(
    screenOf(modelOf(80, 24, { tab: 'peers', keys: ['/', 'z', 'z'] }), 80, 24).includes(
      'None of the 12 peers contains "zz"',
    ),
  );
});

test('draw: only tabs that exist are named, under their own numbers', (t) => {
  const bar = screenOf(modelOf(80, 24), 80, 24).split('\n')[1]!;
  t.is(
    bar.trim(),
    TABS.map(({ key, title, id }) => (id === 'overview' ? `[${key} ${title}]` : `${key} ${title}`)).join(' '),
  );
});

test('draw: the tab bar keeps every number at 60 columns, whichever tab is open', (t) => {
  for (const tab of tabs) {
    const bar = screenOf(modelOf(60, 16, { tab }), 60, 16).split('\n')[1]!;
    for (const { key } of TABS) t.true(bar.includes(key), `${key} with ${tab} open`);
    t.regex(bar, /\[\d \w+\]/);
  }
});

test('draw: help of a devnet says that nothing there is anonymous', (t) => {
  const help = (network: string): string =>
    screenOf(modelOf(80, 24, { status: fixtureStatus({ network }), keys: ['?'] }), 80, 24).replaceAll(/[│\s]+/g, ' ');
  t.true(help('devnet').includes('all nodes are yours; nothing here is anonymous'));
  t.false(help('garden').includes('all nodes are yours'));
});

test('draw: no address, no place finer than two decimals', (t) => {
  for (const tab of tabs) {
    for (const keys of [[], ['end', 'enter'], ['e']]) {
      const screen = screenOf(modelOf(120, 40, { tab, keys }), 120, 40);
      t.false(screen.includes('203.0.113.9'));
      t.false(/0\.41\d|0\.40\d/.test(screen));
    }
  }
});

test('draw: every role used exists, and the footer keeps ? help at every width', (t) => {
  for (let width = 40; width <= 140; width++) {
    const rows = draw(modelOf(width, 24, { tab: 'peers' }), width, 24, OPTIONS);
    t.true(textOf(rows.at(-1)!).includes('? help'), `width ${width}`);
    for (const row of rows) for (const role of row.roles) if (!ROLES.includes(role)) t.fail(role);
  }
});

test('drawFrame: what can be clicked lies on the screen, and a tab opens by it', (t) => {
  const model = modelOf(80, 24, { tab: 'peers' });
  const { hits } = drawFrame(model, 80, 24, OPTIONS);
  for (const { x, y, width, height } of hits) t.true(x >= 0 && y >= 0 && x + width <= 80 && y + height <= 24);
  const store = hits.find(({ action }) => action.type === 'action' && action.action === 'tab-store')!;
  t.is(step(model, { type: 'click', target: store.action, twice: false, nowMs: 1 })[0].tab, 'store');
  t.is(hits.filter(({ action }) => action.type === 'peer').length, 12);
});
