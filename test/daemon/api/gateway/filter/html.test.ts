import test from 'ava';
import fc from 'fast-check';
import { parse } from 'parse5';
import { filterHtml, UnsafePage } from '../../../../../daemon/api/gateway/filter/html.ts';
import { ELEMENTS } from '../../../../../daemon/api/gateway/filter/html-rules.ts';
import { testKey } from '../../../../support/gateway.ts';
import { leakVectors } from '../../../../support/gateway-vectors.ts';

const ROOT = `/${testKey(1)}`;
const PAGE = { rootPath: ROOT, path: `${ROOT}/dir/page.html`, loadOthers: false };
const VECTORS = leakVectors('http://canary.invalid:9');
const clean = (text: string): string => filterHtml(text, PAGE).html;
const body = (text: string): string => /<body[^>]*>([\s\S]*)<\/body>/.exec(clean(text))![1]!;

/** Everything a browser's parser finds in the output, against lists of its own. */
function faultsIn(html: string): string[] {
  const faults: string[] = [];
  const known = new Set([...Object.keys(ELEMENTS), 'html', 'head', 'body', 'title', 'style', 'link', 'meta']);
  const visit = (node: {
    nodeName: string;
    tagName?: string;
    attrs?: { name: string; value: string }[];
    childNodes?: unknown[];
    namespaceURI?: string;
  }): void => {
    if (node.tagName !== undefined) {
      if (!known.has(node.tagName) || !node.namespaceURI?.endsWith('xhtml')) faults.push(`element ${node.tagName}`);
      for (const { name, value } of node.attrs ?? []) {
        if (/^on|^(?:ping|srcdoc|action|formaction|http-equiv|manifest|xmlns|target)$/.test(name))
          faults.push(`attribute ${name}`);
        if (['src', 'href', 'poster', 'background'].includes(name)) {
          const ok =
            value.startsWith(`${ROOT}/`) ||
            value === ROOT ||
            value.startsWith('#') ||
            value.startsWith('data:image/') ||
            (name === 'href' && node.tagName !== 'link' && /^\/(?:-\/out\?u=http|[CSUK][HS]K@|$)/.test(value));
          if (!ok) faults.push(`${name}=${value}`);
        }
        if (name === 'srcset' && !value.split(', ').every((each) => each.startsWith(ROOT.replaceAll(',', '%2C'))))
          faults.push(`srcset=${value}`);
        if (name === 'rel' && node.tagName === 'link' && value !== 'stylesheet' && value !== 'icon')
          faults.push(`rel=${value}`);
        if (name === 'style' && /canary|@import/.test(value.replace(/"[^"]*"/g, ''))) faults.push(`style=${value}`);
      }
    } else if (node.nodeName === '#comment') faults.push('comment');
    if (node.tagName === 'style') {
      const text = (node.childNodes as { value: string }[])[0]?.value ?? '';
      for (const [, url] of text.matchAll(/url\(([^)]*)\)/g))
        if (!url!.startsWith(ROOT) && !url!.startsWith('data:image/')) faults.push(`css ${url}`);
      if (/image-set|@import "(?!\/CHK)|expression|binding/i.test(text)) faults.push(`css ${text}`);
    }
    for (const child of node.childNodes ?? []) visit(child as never);
  };
  visit(parse(html, { scriptingEnabled: false }) as never);
  return faults;
}

test(`filterHtml: ${VECTORS.length} vectors become harmless, and stay what they became`, (t) => {
  for (const vector of VECTORS) {
    const once = clean(vector);
    t.deepEqual(faultsIn(once), [], vector);
    t.is(clean(once), once, vector);
  }
});

test('filterHtml: vectors one inside the other', (t) => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...VECTORS), { minLength: 2, maxLength: 4 }), fc.nat(40), (parts, at) => {
      const text = parts.reduce((outer, inner) => outer.slice(0, at) + inner + outer.slice(at));
      let once: string;
      try {
        once = clean(text);
      } catch (error) {
        return t.true(error instanceof UnsafePage);
      }
      t.deepEqual(faultsIn(once), [], text);
      t.is(clean(once), once);
    }),
    { numRuns: 250 },
  );
});

test('filterHtml: filter(filter(x)) is filter(x) for any soup of tags', (t) => {
  const names = [
    ...Object.keys(ELEMENTS),
    'svg',
    'math',
    'mtext',
    'template',
    'style',
    'noscript',
    'select',
    'form',
    'foreignObject',
    'annotation-xml',
    'title',
    'textarea',
    'x-y',
    'frameset',
    'nobr',
  ];
  const piece = fc.oneof(
    fc.constantFrom(...names).map((name) => `<${name}>`),
    fc.constantFrom(...names).map((name) => `</${name}>`),
    fc
      .constantFrom(...names)
      .chain((name) =>
        fc.string({ maxLength: 8 }).map((value) => `<${name} class="${value}" style='color:${value}' href=${value}>`),
      ),
    fc.string({ maxLength: 10 }),
    fc.constantFrom('<!--', '-->', '&lt;', '&amp', '\0', '\r', '\n', '<![CDATA[', ']]>', '<?', '"', "'", '>', '<'),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const once = clean(pieces.join(''));
      t.is(clean(once), once);
      t.deepEqual(faultsIn(once), []);
    }),
    { numRuns: 500 },
  );
});

test('filterHtml: what a page is made of stays', (t) => {
  t.is(
    body(
      '<h1 id=a class="b c">T</h1><p>x <b>y</b> &amp; <i>z</i><ul><li>1<li>2</ul><table border=1><tr><td colspan=2>c</table><pre>\n\n x</pre>',
    ),
    '<h1 id="a" class="b c">T</h1><p>x <b>y</b> &amp; <i>z</i></p><ul><li>1</li><li>2</li></ul><table border="1"><tbody><tr><td colspan="2">c</td></tr></tbody></table><pre>\n\n x</pre>',
  );
  t.is(body('<a href="x.html">l</a>'), `<a href="${ROOT}/dir/x.html" rel="noreferrer noopener">l</a>`);
  t.is(
    body('<a href="http://e.org/" target=_blank>l</a>'),
    '<a href="/-/out?u=http%3A%2F%2Fe.org%2F" rel="noreferrer noopener">l</a>',
  );
  t.is(body('<video src=v.webm autoplay></video>'), `<video src="${ROOT}/dir/v.webm" controls=""></video>`);
  t.is(body('<noscript><p>seen</p></noscript><script>x</script>'), '<p>seen</p>');
  t.is(body('<custom-thing><p>kept</p></custom-thing>'), '<p>kept</p>');
  t.is(body('<!-- gone --><p>x'), '<p>x</p>');
  t.is(
    body('<p style="color:red;background:url(a.png);behavior:url(x)">x'),
    `<p style="color:red;background:url(${ROOT}/dir/a.png)">x</p>`,
  );
  t.regex(
    clean('<html lang=de dir=rtl><title>A & <b>'),
    /<html lang="de" dir="rtl"><head><meta charset="utf-8"><title>A &amp; &lt;b&gt;<\/title>/,
  );
  t.regex(
    clean('<meta name=viewport content="width=device-width"><link rel=stylesheet href=s.css media=print>'),
    new RegExp(
      `<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="${ROOT}/dir/s.css" media="print">`,
    ),
  );
  t.regex(
    clean('<meta http-equiv=refresh content="0; url=next.html">'),
    /asks to be replaced by another: <a href="[^"]+next\.html"/,
  );
});

test('filterHtml: loads from other keys are left out and counted, or let in', (t) => {
  const text =
    '<img src="/KSK@w/a.png"><link rel=stylesheet href="/KSK@w/s.css"><p style="background:url(/KSK@v/b.png)">x<a href="/KSK@w/">link</a>';
  const without = filterHtml(text, PAGE);
  t.is(without.tally.others, 3);
  t.notRegex(without.html, /a\.png|s\.css|b\.png/);
  t.regex(without.html, /<a href="\/KSK@w\/"/);
  const loaded = filterHtml(text, { ...PAGE, loadOthers: true });
  t.is(loaded.tally.others, 0);
  t.deepEqual([...loaded.tally.loaded].sort(), ['/KSK@v', '/KSK@w']);
  t.regex(loaded.html, /src="\/KSK@w\/a\.png"/);
});

test('filterHtml: depth beyond what browsers nest is cut, and the page comes to rest', (t) => {
  const once = clean(`${'<div>'.repeat(3_000)}deep${'</div>'.repeat(3_000)}<p>after`);
  t.true((once.match(/<div>/g) ?? []).length <= 256);
  t.is(clean(once), once);
});
