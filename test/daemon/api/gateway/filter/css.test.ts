import test from 'ava';
import fc from 'fast-check';
import { filterCss } from '../../../../../daemon/api/gateway/filter/css.ts';
import { decodeText } from '../../../../../daemon/api/gateway/filter/decode.ts';
import { isPlainPicture, SVG_BYTES_MAX } from '../../../../../daemon/api/gateway/filter/svg.ts';
import { newTally } from '../../../../../daemon/api/gateway/filter/urls.ts';
import { testKey } from '../../../../support/gateway.ts';

const ROOT = `/${testKey(1)}`;
const PAGE = { rootPath: ROOT, path: `${ROOT}/css/site.css`, loadOthers: false };
const clean = (text: string): string => filterCss(text, PAGE, 'stylesheet', newTally());

const kept = test.macro({
  exec: (t, text: string, wanted: string = text) => t.is(clean(text), wanted.replaceAll('ROOT', ROOT)),
  title: (given = '') => `filterCss keeps ${given}`,
});
test(
  'selectors and values',
  kept,
  'a:hover>b::before,ul li:nth-child(2n+1):not(.x){color:red;margin:0 auto!important}',
);
test(
  'media, supports, layers',
  kept,
  '@layer a;@media (min-width:600px) and (width<900px){p{color:red}}@supports (display:grid){p{display:grid}}',
);
test(
  'variables, calc, gradients',
  kept,
  ':root{--a:#fff}p{color:var(--a,red);width:calc(1px + var(--b));background:linear-gradient(90deg,red,blue)}',
);
test('its own files', kept, 'p{background:url(../img/a.png)}', 'p{background:url(ROOT/img/a.png)}');
test(
  'fonts of its own',
  kept,
  '@font-face{font-family:X;src:url(f.woff2)format("woff2"),local("Y")}',
  '@font-face{font-family:X;src:url(ROOT/css/f.woff2)format("woff2"),local("Y")}',
);
test('imports of its own', kept, '@import "b.css" screen;', '@import url(ROOT/css/b.css)screen;');
test('key frames', kept, '@keyframes a{from{opacity:0}to{opacity:1}}p{animation:a 1s linear}');
test('small pictures inside', kept, 'p{background:url(data:image/png;base64,iVBORw0KGgoAAA==)}');
test('nesting', kept, '.a{& .b{color:red}}');

test('filterCss leaves out what leads elsewhere', (t) => {
  for (const text of [
    'p{background:url(http://e/)}',
    'p{background:\\75rl(http://e/)}',
    '@import "http://e/";',
    '@\\69mport "x";',
    'p{background:image-set("http://e/" 1x)}',
    'p{background:src("a")}',
    'p{behavior:url(a)}',
    '@namespace "http://e";',
    'p{--x:url(http://e/)}',
    '@property --x{syntax:"<url>"}',
    'p{background:url(data:image/svg+xml;base64,AAAA)}',
    'p{background:url(/-/status)}',
  ])
    t.notRegex(clean(text), /http|image-set|src\(|behavior|@property|@namespace|rl\(|svg|status|@.*mport/, text);
});

test('filterCss: loads from other keys are counted', (t) => {
  const tally = newTally();
  t.is(filterCss('p{background:url(/KSK@w/a.png)}', PAGE, 'stylesheet', tally), 'p{}');
  t.is(tally.others, 1);
});

test('filterCss: nothing ends a <style>, and twice is once', (t) => {
  t.notRegex(clean('p::after{content:"</style><img src=x>"} q::before{content:"<!--"}'), /<\/|<!/);
  const piece = fc.oneof(
    fc.constantFrom(
      'a',
      '{',
      '}',
      ':',
      ';',
      '(',
      ')',
      'url(',
      '"',
      "'",
      '\\',
      '/*',
      '*/',
      '@media ',
      '@import ',
      'var(--x)',
      'color:red',
      '!important',
      ' ',
      '\n',
      '<!--',
      '-->',
      '</style>',
      '\\69',
      '#',
      '--x:',
      'http://e/',
      '[a=b]',
      '&',
      '>',
      ',',
    ),
    fc.string({ maxLength: 6 }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const once = clean(pieces.join(''));
      t.is(clean(once), once);
      t.notRegex(once, /<\/|<!|url\((?!\/CHK|data:image)/i);
    }),
    { numRuns: 600 },
  );
});

test('isPlainPicture: shapes yes; documents, addresses, entities, scripts no', (t) => {
  const svg = (inside: string, head = '', attributes = ''): Buffer =>
    Buffer.from(`${head}<svg xmlns="http://www.w3.org/2000/svg" ${attributes}>${inside}</svg>`);
  t.true(
    isPlainPicture(
      svg('<path d="M0 0"/><style>.a{fill:url(#g)}</style><use href="#x"/>', '<?xml version="1.0" encoding="UTF-8"?>'),
    ),
  );
  t.true(
    isPlainPicture(svg('<image href="data:image/png;base64,AAAA"/>', '', 'xmlns:xlink="http://www.w3.org/1999/xlink"')),
  );
  const refused: readonly (readonly [string, string?])[] = [
    ['<foreignObject/>'],
    ['<script/>'],
    ['<x:foreignObject/>'],
    ['<image href="http://e/"/>'],
    ["<image xlink:href='//e'/>"],
    ['<style>@import "a";</style>'],
    ['<rect fill="url(http://e/#a)"/>'],
    ['<h:link xmlns:h="http://www.w3.org/1999/xhtml" rel="preconnect" href="#"/>'],
    ['<h:p xmlns:h="http://www.w3.org/1999/xhtm&#108;"/>'],
    ['', '<!DOCTYPE svg [<!ENTITY a "b">]>'],
    ['', '<?xml-stylesheet href="a"?>'],
    ['', '<?xml version="1.0" encoding="utf-7"?>'],
    ['\0'],
  ];
  for (const [inside, head] of refused) t.false(isPlainPicture(svg(inside, head)), `${inside}${head ?? ''}`);
  t.false(isPlainPicture(Buffer.from('<p>no drawing</p>')));
  t.false(isPlainPicture(Buffer.from(svg('x').toString(), 'utf16le')));
  t.false(isPlainPicture(Buffer.concat([svg(''), Buffer.alloc(SVG_BYTES_MAX, 32)])));
});

test('decodeText: byte order marks, declarations, and no encoding in which ASCII means something else', (t) => {
  t.is(decodeText(Buffer.from('\ufeffü'), undefined), 'ü');
  t.is(decodeText(Buffer.from('<p>\xe4', 'latin1'), undefined), '<p>ä');
  t.is(decodeText(Buffer.from('<meta charset=koi8-r>\xc1', 'latin1'), undefined).at(-1), 'а');
  t.is(decodeText(Buffer.from('ü'), 'utf-8'), 'ü');
  t.is(decodeText(Buffer.from('+ADw-script+AD4-'), 'utf-7'), '+ADw-script+AD4-');
  t.is(decodeText(Buffer.from('\x1b$B<p>', 'latin1'), 'iso-2022-jp'), '\x1b$B<p>');
  t.is(decodeText(Buffer.from('\ufeffä', 'utf16le'), undefined), 'ä');
});
