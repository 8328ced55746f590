import test from 'ava';
import { type GuardVerdict, judge, type RequestHead } from '../../../../daemon/api/gateway/guard.ts';
import { createSeededRandom } from '../../../support/seeded-random.ts';

const HOSTS = new Set(['127.0.0.1:8888', 'localhost:8888', '[::1]:8888']);

function head(headers: Record<string, string>, method = 'GET', url = '/KSK@w'): RequestHead {
  return { method, url, headers, rawHeaders: Object.entries(headers).flat() };
}

const ask = (headers: Record<string, string>, method?: string, url?: string): GuardVerdict =>
  judge(head({ host: '127.0.0.1:8888', ...headers }, method, url), HOSTS);
const status = (verdict: GuardVerdict): number | string => (verdict.type === 'refuse' ? verdict.status : verdict.type);

test('judge: names of ours and no others', (t) => {
  for (const host of ['127.0.0.1:8888', 'LOCALHOST:8888', '[::1]:8888']) t.is(status(ask({ host })), 'pass', host);
  for (const host of [
    'evil.example',
    'evil.example:8888',
    '127.0.0.1',
    '127.0.0.1:80',
    'localhost.evil.example:8888',
    '127.0.0.1:8888.evil.example',
    '0.0.0.0:8888',
    '127.1:8888',
    '2130706433:8888',
    '[::ffff:127.0.0.1]:8888',
    '',
    'localhost:8888,evil',
  ])
    t.is(status(ask({ host })), 421, host);
  t.is(status(judge(head({}), HOSTS)), 421, 'none at all');
  t.is(
    status(
      judge({ ...head({ host: 'localhost:8888' }), rawHeaders: ['Host', 'localhost:8888', 'host', 'evil'] }, HOSTS),
    ),
    421,
  );
  t.is(status(ask({}, 'GET', 'http://127.0.0.1:8888/KSK@w')), 421, 'a proxy request');
});

test('judge: methods, upgrades, workers, what runs ahead of a click', (t) => {
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE', 'CONNECT', 'PROPFIND'])
    t.is(status(ask({}, method)), 405, method);
  t.is(status(ask({}, 'HEAD')), 'pass');
  t.is(status(ask({}, 'POST', '/-/transfers')), 'pass');
  t.is(status(ask({}, 'POST', '/-/transfers?x')), 405);
  t.is(status(ask({ 'service-worker': 'script' })), 400);
  t.is(status(ask({ upgrade: 'websocket' })), 400);
  t.is(status(ask({ 'sec-purpose': 'prefetch;prerender', 'sec-fetch-site': 'none' })), 403);
  t.is(status(ask({ purpose: 'prefetch' })), 403);
  t.is(status(ask({}, 'GET', `/${'x'.repeat(13_000)}`)), 414);
});

test('judge: who a request comes from', (t) => {
  const nav = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
  t.like(ask({ 'sec-fetch-site': 'none', ...nav, accept: 'text/html' }), { type: 'pass', isPerson: true });
  t.like(ask({ 'sec-fetch-site': 'same-origin', ...nav, accept: 'text/html' }), { type: 'pass', isPerson: true });
  t.like(ask({ 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' }), {
    type: 'pass',
    isPerson: false,
  });
  t.like(ask({ accept: '*/*' }), { type: 'pass', isPerson: false });
  t.is(status(ask({ 'sec-fetch-site': 'cross-site', ...nav })), 'confirm');
  t.is(status(ask({ 'sec-fetch-site': 'same-site', ...nav })), 'confirm', 'another port of this machine');
  t.is(status(ask({ 'sec-fetch-site': 'cross-site', ...nav }, 'HEAD')), 403);
  t.is(status(ask({ referer: 'http://evil.example/' })), 403);
  t.is(status(ask({ referer: 'http://127.0.0.1:8888/KSK@a' })), 'pass');
  t.is(
    status(
      ask({
        origin: 'http://127.0.0.1:8888',
        'sec-fetch-site': 'same-origin',
        'sec-fetch-mode': 'cors',
        'sec-fetch-dest': 'font',
      }),
    ),
    'pass',
  );
  t.is(status(ask({ origin: 'null' })), 403);
  t.is(status(ask({ origin: 'http://localhost:8888' })), 403, 'a name of ours, but not this one');
  t.is(status(ask({ origin: 'null', 'sec-fetch-site': 'same-origin', ...nav }, 'POST', '/-/transfers')), 'pass');
  t.is(status(ask({ 'sec-fetch-site': 'none', ...nav }, 'POST', '/-/transfers')), 403);
});

test('judge: 500 variants of Host, Origin, Referer and Fetch Metadata: nothing foreign passes', (t) => {
  const random = createSeededRandom('guard');
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random.unit() * list.length)]!;
  const counts = { pass: 0, confirm: 0, refuse: 0 };
  for (let i = 0; i < 500; i++) {
    const headers: Record<string, string> = {
      host: pick(['127.0.0.1:8888', 'localhost:8888', 'evil.example:8888', '[::1]:8888']),
    };
    const set = (name: string, values: readonly (string | undefined)[]): void => {
      const value = random.unit() < 0.4 ? pick(values) : undefined;
      if (value !== undefined) headers[name] = value;
    };
    set('origin', [
      undefined,
      undefined,
      undefined,
      undefined,
      'http://evil.example',
      'null',
      'https://127.0.0.1:8888',
      'http://127.0.0.1:8888',
      'http://127.0.0.1:8888.evil',
      'file://',
    ]);
    set('referer', [
      undefined,
      undefined,
      'http://evil.example/x',
      'http://127.0.0.1:8889/',
      'nonsense',
      'http://127.0.0.1:8888@evil.example/',
    ]);
    set('sec-fetch-site', [
      undefined,
      'cross-site',
      'same-site',
      'same-origin',
      'none',
      'none, cross-site',
      'Cross-Site',
      '',
    ]);
    set('sec-fetch-mode', [undefined, 'navigate', 'no-cors', 'cors', 'websocket']);
    set('sec-fetch-dest', [
      undefined,
      'document',
      'image',
      'iframe',
      'frame',
      'object',
      'embed',
      'script',
      'worker',
      'serviceworker',
      'manifest',
      'report',
      'empty',
    ]);
    const verdict = ask(headers);
    counts[verdict.type]++;
    const label = JSON.stringify(headers);
    const site = headers['sec-fetch-site'];
    if (verdict.type === 'refuse') {
      t.true([400, 403, 421].includes(verdict.status), label);
      continue;
    }
    t.not(headers.host, 'evil.example:8888', label);
    t.true(headers.origin === undefined || headers.origin === `http://${headers.host}`, label);
    if (verdict.type === 'confirm')
      t.true((site === 'cross-site' || site === 'same-site') && headers['sec-fetch-dest'] === 'document', label);
    else {
      t.true(site === undefined || site === 'none' || site === 'same-origin', label);
      if (site === undefined) t.true(headers.referer === undefined, label);
      t.true([undefined, 'document', 'image', 'empty'].includes(headers['sec-fetch-dest']), label);
    }
  }
  t.true(counts.pass > 50 && counts.refuse > 300, JSON.stringify(counts));
});
