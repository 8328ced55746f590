import test from 'ava';
import { textOf } from '../../tui/cells.ts';
import { draw } from '../../tui/draw.ts';
import { TABS } from '../../tui/keymap.ts';
import { type Model, REVEALED_MS, step } from '../../tui/model.ts';
import { FIXTURE_NOW_MS } from '../support/status-fixture.ts';
import { modelOf, SIZES } from './golden-cases.ts';

const nowMs = FIXTURE_NOW_MS;
const KEY = 'CHK@GKuHISoD~2drhGjZcB3URAGRWTjFxerWw1B3VcOOYdQ,k2T0d8sFH6KT-UJ3fc9LPf5sAByFxIi--DUZEJd5FFQ,SAEBAAE';
/** The address of the fixture, the home in its configuration, and any few characters of the key in a row. */
const SECRETS = [
  '203.0.113.9',
  '/home/someone',
  ...Array.from({ length: KEY.length - 10 }, (_, i) => KEY.slice(i + 4, i + 10)).filter((part) => part.length === 6),
];

function screens(model: Model): string[] {
  return [...SIZES, [200, 60] as const].flatMap(([width, height]) =>
    TABS.flatMap(({ id }) => {
      const at: Model = { ...model, tab: id, width, height };
      const [explained] = step({ ...at, prompt: undefined }, { type: 'key', key: 'e', text: 'e', nowMs });
      return [at, explained].map((one) =>
        draw(one, width, height, { ascii: false })
          .map((row) => textOf(row).replaceAll(/[│\s]/g, ''))
          .join(''),
      );
    }),
  );
}

function shown(model: Model): string[] {
  const all = screens(model);
  return SECRETS.filter((secret) => all.some((screen) => screen.includes(secret)));
}

test('hidden: no screen holds a key, a part of one, an address or a path, not even of what is being typed', (t) => {
  const base = modelOf(120, 40, { tab: 'transfers' });
  const typing: Model = {
    ...base,
    prompt: { type: 'command', text: `fetch ${KEY} -o out`, choices: [], fault: '' },
  };
  t.deepEqual(shown(base), []);
  t.deepEqual(shown(typing), []);
});

test('hidden: revealed they are there, and after a minute they are not', (t) => {
  const base = modelOf(120, 40, { tab: 'transfers' });
  const [revealed] = step(base, { type: 'revealed', uris: new Map([['2', KEY]]), nowMs });
  t.true(shown(revealed).includes('203.0.113.9'));
  t.true(shown(revealed).length > 50, 'the whole key');
  const [later] = step(revealed, { type: 'tick', nowMs: nowMs + REVEALED_MS });
  t.deepEqual(shown(later), []);
});
