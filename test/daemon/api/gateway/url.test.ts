import test from 'ava';
import fc from 'fast-check';
import { judgeUrl } from '../../../../daemon/api/gateway/filter/urls.ts';
import { type KeyTarget, parseKey, parsePath, pathUnder } from '../../../../daemon/api/gateway/url.ts';
import { LocalError } from '../../../../daemon/errors.ts';
import { testKey } from '../../../support/gateway.ts';
import { createSeededRandom } from '../../../support/seeded-random.ts';

const CHK = testKey(1);
const USK = CHK.replace('CHK', 'USK').replace(/,[^,]+$/, ',SAECAAE');

function keyTarget(path: string): KeyTarget {
  const found = parsePath(path);
  if (found.type !== 'key') throw new Error(`${path} is ${found.type}`);
  return found;
}

test('parsePath: the forms of ux 3.2', (t) => {
  t.is(parsePath('/').type, 'home');
  t.deepEqual(parsePath('/-/status'), { type: 'own', name: 'status' });
  t.is(parsePath('/robots.txt').type, 'unknown');
  t.like(keyTarget(`/${CHK}`), { root: CHK, rootPath: `/${CHK}`, path: `/${CHK}`, endsInSlash: false, parts: [] });
  t.like(keyTarget(`/${CHK}/a/b%20c.html`), { parts: ['a', 'b c.html'], path: `/${CHK}/a/b%20c.html` });
  const site = keyTarget(`/${USK}/my%20site/-1/x/`);
  t.like(site, { rootPath: `/${USK}/my%20site/-1`, parts: ['x'], wantsNewest: true, endsInSlash: true });
  t.is(pathUnder(`/${USK}/my%20site/7`, site), `/${USK}/my%20site/7/x/`);
  t.like(keyTarget('/KSK@word/a'), { root: 'KSK@word', rootPath: '/KSK@word', parts: ['a'] });
  t.like(keyTarget(`/${USK.replace('USK', 'SSK')}/name/p`), { parts: ['p'] });
});

test('parsePath: other spellings lead to the one spelling', (t) => {
  for (const spelled of [
    CHK.replaceAll(',', '%2C'),
    CHK.replace('@', '%40'),
    encodeURIComponent(CHK),
    `freenet:${CHK}`,
    `holloway:${CHK}`,
    CHK.replace('CHK', 'chk'),
  ]) {
    t.is(keyTarget(`/${spelled}`).path, `/${CHK}`, spelled);
  }
  t.is(keyTarget(`/${CHK}//a///b`).path, `/${CHK}/a/b`);
});

test('parsePath: canonical(canonical(x)) is canonical(x), whatever the names are', (t) => {
  const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }).filter((text) => text.isWellFormed());
  fc.assert(
    fc.property(fc.array(name, { maxLength: 4 }), fc.boolean(), (names, slash) => {
      const path = `/${CHK}/${names.map(encodeURIComponent).join('/')}${slash ? '/' : ''}`;
      let once: KeyTarget;
      try {
        once = keyTarget(path);
      } catch (error) {
        t.true(error instanceof LocalError);
        return;
      }
      t.regex(once.path, /^\/[\w@,~%./-]*$/);
      t.deepEqual(keyTarget(once.path), once);
    }),
    { numRuns: 300 },
  );
});

test('parsePath: 5,000 ways to climb out of a key end in bad_uri, or stay below it', (t) => {
  const random = createSeededRandom('traversal');
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random.unit() * list.length)]!;
  const dots = [
    '..',
    '%2e%2e',
    '.%2e',
    '%2E.',
    '%252e%252e',
    '..%00',
    '..;',
    '...',
    '%c0%ae%c0%ae',
    '．．',
    '..%5c',
    '..\\',
    '.',
  ];
  const slashes = ['/', '//', '%2f', '%2F', '\\', '%5c', '%252f', '/./', '/%2e/', ';/', '%00/'];
  const ends = ['-/status', 'etc/passwd', 'KSK@x', '', '-/transfers', 'api.sock', 'C:%5cWindows', 'proc/self/environ'];
  let refused = 0;
  for (let i = 0; i < 5_000; i++) {
    let path = pick(['/', `/${CHK}/`, `/${CHK}`, '/-/', '/KSK@w/', `/${USK}/s/0/`]);
    for (let depth = 1 + Math.floor(random.unit() * 6); depth > 0; depth--) path += pick(dots) + pick(slashes);
    path += pick(ends);
    try {
      const found = parsePath(path);
      if (found.type === 'key') {
        for (const part of found.parts) t.false(part === '..' || part === '.' || /[/\\\0]/.test(part), path);
        t.true(new URL(found.path, 'http://x').pathname === found.path, `a browser reads it as we do: ${found.path}`);
        t.true(found.path.startsWith(`${found.rootPath}`));
      } else {
        t.not(found.type, 'home', path);
        if (found.type === 'own') t.false(['status', 'transfers', 'out'].includes(found.name), path);
      }
    } catch (error) {
      t.true(error instanceof LocalError && error.code === 'bad_uri', path);
      refused++;
    }
  }
  t.true(refused > 2_500);
});

test('parseKey: pasted keys and their faults', (t) => {
  t.is(parseKey(` holloway:${CHK} `).path, `/${CHK}`);
  t.throws(() => parseKey('CHK@abc'), { code: 'bad_uri' } as never);
  t.throws(() => parseKey(`${USK.replace('USK', 'SSK')}`), { code: 'bad_uri' } as never);
  t.throws(() => parseKey(`KSK@${'x'.repeat(20_000)}`), { code: 'bad_uri' } as never);
});

const PAGE = { rootPath: `/${CHK}`, path: `/${CHK}/dir/page.html`, loadOthers: false };

test('judgeUrl: own, other, out, refused', (t) => {
  const href = (raw: string): string | undefined => {
    const judged = judgeUrl(raw, PAGE);
    return judged.type === 'refused' ? undefined : `${judged.type} ${judged.href}`;
  };
  t.is(href('a.png'), `own /${CHK}/dir/a.png`);
  t.is(href('../x/?download#top'), `own /${CHK}/x/#top`, 'a page cannot press the gateway`s buttons');
  t.is(href('../../../../etc'), undefined);
  t.is(href('/KSK@w/x'), 'other /KSK@w/x');
  t.is(href('KSK@w/x'), 'other /KSK@w/x');
  t.is(href('freenet:KSK@w'), 'other /KSK@w');
  t.is(href('http://127.0.0.1:8888/KSK@w'), 'other /KSK@w');
  t.is(href('http://localhost:9/KSK@w'), 'other /KSK@w');
  t.is(href('https://example.org/a?b=1&c'), 'out /-/out?u=https%3A%2F%2Fexample.org%2Fa%3Fb%3D1%26c');
  t.is(href('//example.org'), 'out /-/out?u=http%3A%2F%2Fexample.org%2F');
  t.is(href('/-/out?u=https%3A%2F%2Fe.org%2F'), 'out /-/out?u=https%3A%2F%2Fe.org%2F');
  t.is(href('#a"b'), 'fragment #a%22b');
  t.is(href('/'), 'home /');
  for (const bad of [
    'javascript:1',
    'java\nscript:1',
    ' \u0001javascript:1',
    'data:text/html,x',
    'file:///etc',
    'mailto:a@b',
    '/-/status',
    '/other',
    'http://u:p@gateway.invalid/KSK@w',
    '',
    'blob:x',
    'http://[',
    '/-/out?u=javascript:1',
    `http://e/${'x'.repeat(5_000)}`,
  ])
    t.is(href(bad), undefined, bad);
});
