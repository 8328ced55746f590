import { request } from 'node:http';
import { connect } from 'node:net';
import test from 'ava';
import { LocalError } from '../../../../daemon/errors.ts';
import {
  GATEWAY_CONNECTIONS_MAX,
  GATEWAY_FILTER_BYTES_MAX,
  GATEWAY_FORM_BYTES_MAX,
  GATEWAY_WAITS_MAX,
  GATEWAY_WHOLE_BYTES_MAX,
} from '../../../../daemon/limits.ts';
import { ask, PERSON, startTestGateway, type TestGateway, testKey } from '../../../support/gateway.ts';
import { createManualClock } from '../../../support/manual-clock.ts';

const PNG = Buffer.concat([
  Buffer.from('89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de', 'hex'),
  Buffer.alloc(64),
]);
const FOREIGN = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' };
const PICTURE = { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' };
const [TEXT, SITE, BIG, PDF, GONE] = [testKey(1, 0), testKey(2), testKey(3), testKey(4, 0), testKey(5)];

/** Made once: no two neighbouring ranges of it are alike. */
const BIG_BYTES = new Uint8Array(GATEWAY_WHOLE_BYTES_MAX + 100_000);
for (let i = 0; i < BIG_BYTES.length; i++) BIG_BYTES[i] = i * 7 + (i >> 8);

async function stocked(options: Parameters<typeof startTestGateway>[0] = {}): Promise<TestGateway> {
  const world = await startTestGateway(options);
  const { shelf } = world.library;
  shelf.set(TEXT, { bytes: Buffer.from('hello ünicode\n'.repeat(50)), contentType: 'text/plain' });
  shelf.set(SITE, {
    files: {
      'a.png': PNG,
      'index.html': '<h1>Home</h1><img src="a.png"><img src="/KSK@x/t.png"><script>1</script>',
      'css/s.css': 'p{background:url(../a.png);color:red;behavior:url(x)}',
      'sub/x.txt': 'x',
      'sub/draw.svg': '<svg xmlns="http://www.w3.org/2000/svg"><rect/></svg>',
      'fake.png': 'MZ\0\0 not a picture',
    },
  });
  shelf.set(BIG, { bytes: BIG_BYTES, contentType: 'application/octet-stream' });
  shelf.set(PDF, { bytes: Buffer.from('%PDF-1.4 x'), contentType: 'application/pdf', name: 'paper "1".pdf' });
  return world;
}

function withGateway(
  title: string,
  run: (t: import('ava').ExecutionContext, world: TestGateway) => Promise<void>,
): void {
  test(title, async (t) => {
    const world = await stocked();
    try {
      await run(t, world);
    } finally {
      await world.gateway.close();
    }
  });
}

withGateway(
  'every answer carries the headers, errors too; no cookie, no CORS, no key in a title or header of ours',
  async (t, { get, raw, port }) => {
    const answers = [
      ...(await Promise.all([
        get('/'),
        get('/', PERSON),
        get('/-/status', PERSON),
        get('/-/transfers', PERSON),
        get('/-/out?u=http%3A%2F%2Fe.org', PERSON),
        get('/-/nothing', PERSON),
        get('/nothing'),
        get('/favicon.ico'),
        get(`/${TEXT}`),
        get(`/${TEXT}`, PERSON),
        get(`/${TEXT}`, {}, 'HEAD'),
        get(`/${TEXT}`, { range: 'bytes=1-2' }),
        get(`/${TEXT}`, { range: 'bytes=99999-' }),
        get(`/${SITE}`),
        get(`/${SITE}/`, PERSON),
        get(`/${SITE}/a.png`, PICTURE),
        get(`/${SITE}/css/s.css`),
        get(`/${SITE}/sub/`, PERSON),
        get(`/${SITE}/fake.png`, PICTURE),
        get(`/${SITE}/fake.png`, PERSON),
        get(`/${SITE}/sub/draw.svg`, PICTURE),
        get(`/${PDF}`, PERSON),
        get(`/${PDF}?download`),
        get(`/${GONE}`),
        get(`/${GONE}`, PERSON),
        get('/CHK@broken', PERSON),
        get('/?key=nonsense', PERSON),
        get(`/${TEXT}`, FOREIGN),
        get(`/${TEXT}`, { host: 'evil.example' }),
        get(`/${TEXT}`, {}, 'DELETE'),
        get(`/${TEXT}`, { 'service-worker': 'script' }),
        get(`/${GONE}`, { 'cache-control': 'only-if-cached' }),
        get(`/${'x'.repeat(13_000)}`),
        ask(port, '/-/transfers', {}, 'POST', 'token=x'),
      ])),
    ];
    for (const { status, headers } of answers) {
      const about = `${status} ${headers['content-type']}`;
      t.regex(
        String(headers['content-security-policy']),
        /default-src 'none'.*base-uri 'none'.*frame-ancestors 'none'/,
        about,
      );
      t.notRegex(String(headers['content-security-policy']), /unsafe-eval|script-src|allow-scripts|\*/);
      t.is(headers['x-content-type-options'], 'nosniff', about);
      t.is(headers['referrer-policy'], 'no-referrer');
      t.is(headers['cross-origin-resource-policy'], 'same-origin');
      t.is(headers['cross-origin-opener-policy'], 'same-origin');
      t.is(headers['x-frame-options'], 'DENY');
      t.is(headers['x-dns-prefetch-control'], 'off');
      t.is(headers['cache-control'], 'no-store');
      t.regex(String(headers['permissions-policy']), /camera=\(\).*geolocation=\(\)/);
      t.is(headers['set-cookie'], undefined);
      for (const name of Object.keys(headers)) t.false(name.startsWith('access-control-'), name);
    }
    for (const { text, headers } of answers) {
      if (!headers['content-security-policy']!.toString().startsWith('sandbox'))
        t.notRegex(/<title>(.*?)<\/title>/.exec(text)?.[1] ?? '', /@|,/);
      t.notRegex(text.replace(/<img class="shown"[^>]*>|^<svg xmlns="[^"]*"/, ''), /<script|https?:\/\/(?!e\.org|127)/);
    }
    t.deepEqual(
      [...new Set(answers.map(({ status }) => status))].sort(),
      [200, 206, 307, 308, 400, 403, 404, 405, 412, 414, 416, 421].filter((code) => code !== 307),
    );
    for (const text of [
      'nonsense\r\n\r\n',
      'GET / HTTP/1.1\r\n\r\n',
      `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`,
      `GET http://evil/ HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`,
    ]) {
      const answer = await raw(text);
      t.regex(
        answer,
        /^HTTP\/1\.1 (?:400|421|431) (?=[\s\S]*Content-Security-Policy: )[\s\S]*nosniff/,
        text.slice(0, 30),
      );
    }
  },
);

withGateway(
  'another site learns nothing: same bytes for held and not-held keys, and nothing is looked up',
  async (t, { get, library }) => {
    await get(`/${TEXT}`);
    const before = library.asked.length;
    for (const headers of [
      FOREIGN,
      { ...FOREIGN, 'sec-fetch-site': 'same-site' },
      { ...FOREIGN, 'sec-fetch-dest': 'script' },
      { ...FOREIGN, 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty', origin: 'http://evil.example' },
      { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' },
      {
        'sec-fetch-site': 'cross-site',
        'sec-fetch-mode': 'navigate',
        'sec-fetch-dest': 'document',
        accept: 'text/html',
      },
      { origin: 'http://evil.example' },
      { referer: 'http://evil.example/' },
    ]) {
      const answers = await Promise.all(
        [`/${TEXT}`, `/${GONE}`, '/KSK@w', `/${SITE}/`, '/CHK@broken', '/-/status', '/'].map((path) =>
          get(path, headers as Record<string, string>),
        ),
      );
      const fixed = answers.map(({ status, body, headers: { date: _date, ...rest } }) =>
        JSON.stringify([status, body.toString('hex'), rest]),
      );
      t.is(new Set(fixed).size, 1, JSON.stringify(headers));
      t.is(answers[0]!.status, 403);
    }
    t.is(library.asked.length, before, 'nothing was looked up');
    const page = await get(`/${GONE}`, {
      'sec-fetch-site': 'cross-site',
      'sec-fetch-mode': 'navigate',
      'sec-fetch-dest': 'document',
    });
    t.regex(page.text, /Another site sent you to this key\. Open it\?/);
  },
);

withGateway('content: each kind as it is shown, and never as something else', async (t, { get }) => {
  const text = await get(`/${TEXT}`);
  t.like(text.headers, {
    'content-type': 'text/plain; charset=utf-8',
    'accept-ranges': 'bytes',
    'content-length': String(text.body.length),
  });
  const home = await get(`/${SITE}/`, PERSON);
  t.is(home.headers['content-type'], 'text/html; charset=utf-8');
  t.regex(home.text, new RegExp(`<h1>Home</h1><img src="/${SITE}/a.png"><img>`));
  t.notRegex(home.text, /script/);
  t.regex(home.text, /1 item from other keys not loaded\. <a href="\?once=/);
  t.true(
    String(home.headers['content-security-policy']).includes(`img-src http://127.0.0.1:`) &&
      String(home.headers['content-security-policy']).includes(`/${SITE.replaceAll(',', '%2C')}/ data:;`),
  );
  const once = /\?once=[\w-]+/.exec(home.text)![0];
  const loaded = await get(`/${SITE}/${once}`, PERSON);
  t.regex(loaded.text, /src="\/KSK@x\/t\.png"/);
  t.regex(String(loaded.headers['content-security-policy']), /\/KSK@x\//);
  t.regex((await get(`/${SITE}/?once=forged`, PERSON)).text, /1 item from other keys/);
  t.is((await get(`/${SITE}/css/s.css`)).text, `p{background:url(/${SITE}/a.png);color:red}`);
  t.is((await get(`/${SITE}/a.png`, PICTURE)).headers['content-type'], 'image/png');
  t.is((await get(`/${SITE}/fake.png`, PICTURE)).status, 403);
  t.regex((await get(`/${SITE}/fake.png`, PERSON)).text, /A file to download/);
  t.is((await get(`/${SITE}/sub/draw.svg`, PICTURE)).headers['content-type'], 'image/svg+xml');
  t.is((await get(`/${SITE}/sub/draw.svg`)).headers['content-type'], 'text/plain; charset=utf-8');
  t.regex((await get(`/${SITE}/sub/draw.svg`, PERSON)).text, /A drawing/);
  const pdf = await get(`/${PDF}`, PERSON);
  t.regex(pdf.text, /application\/pdf[\s\S]*connect to the network by itself/);
  const saved = await get(`/${PDF}?download`, PERSON);
  t.like(saved.headers, { 'content-type': 'application/octet-stream' });
  t.is(
    saved.headers['content-disposition'],
    `attachment; filename="paper _1_.pdf"; filename*=UTF-8''paper%20%221%22.pdf`,
  );
  t.is(
    (await get(`/${PDF}?download&filename=b%0d%0ax.pdf`)).headers['content-disposition'],
    `attachment; filename="b__x.pdf"; filename*=UTF-8''b%0D%0Ax.pdf`,
  );
  t.is((await get(`/${SITE}/index.html?type=text/plain`, PERSON)).headers['content-type'], 'text/plain; charset=utf-8');
});

withGateway('folders: slash, index, listing, what is not there', async (t, { get }) => {
  t.like(await get(`/${SITE}`), { status: 308 });
  t.is((await get(`/${SITE}`)).headers.location, `/${SITE}/`);
  t.is((await get(`/${SITE}/sub`, PERSON)).headers.location, `/${SITE}/sub/`);
  t.is((await get(`/${SITE}/a.png/`, PERSON)).headers.location, `/${SITE}/a.png`);
  t.is((await get(`/${encodeURIComponent(SITE)}/?x=1`, PERSON)).headers.location, `/${SITE}/?x=1`);
  t.is((await get(`/?key=${encodeURIComponent(`holloway:${SITE}/`)}`, PERSON)).headers.location, `/${SITE}/`);
  const list = await get(`/${SITE}/sub/`, PERSON);
  t.regex(list.text, /href="\.\/draw\.svg">draw\.svg<\/a>[\s\S]*href="\.\/x\.txt"/);
  const missing = await get(`/${SITE}/none.html`, PERSON);
  t.is(missing.status, 404);
  t.regex(missing.text, /The folder has no such file/);
  t.like(JSON.parse((await get(`/${SITE}/none.html`)).text), { status: 404, code: 'not_found' });
});

withGateway('names in a listing are text, whatever they hold', async (t, { get, library }) => {
  library.shelf.set(GONE, { files: { '<script>alert(1)</script>': 'x', 'a"onclick=x b': 'y', '\u202etxt.exe': 'z' } });
  const { text } = await get(`/${GONE}/`, PERSON);
  t.notRegex(text, /<script|"onclick|\u202e/);
  t.regex(text, /&lt;script&gt;alert\(1\)/);
});

withGateway('a site under a key that changes: the newest edition is redirected to', async (t, { get, library }) => {
  const usk = SITE.replace('CHK', 'USK').replace(/,[^,]+$/, ',SAECAAE');
  library.shelf.set(`${usk}/s/-1`, { files: { 'index.html': '<p>seven' }, uri: SITE, edition: 7 });
  const answer = await get(`/${usk}/s/-1/index.html?x`, PERSON);
  t.like(answer, { status: 307 });
  t.is(answer.headers.location, `/${usk}/s/7/index.html?x`);
  t.regex((await get(`/${usk}/s/7/index.html`, PERSON)).text, /seven/);
  t.is(library.asked.length, 1, 'the edition that was found is not fetched again');
});

withGateway('HEAD, ETag, If-None-Match, ranges, only-if-cached', async (t, { get, library }) => {
  const whole = await get(`/${BIG}`);
  const bytes = BIG_BYTES;
  t.true(whole.body.equals(bytes));
  const head = await get(`/${BIG}`, {}, 'HEAD');
  const fixed = ({ date: _date, ...rest }: Record<string, unknown>): unknown => rest;
  t.deepEqual(fixed(head.headers), fixed(whole.headers));
  t.is(head.body.length, 0);
  const etag = whole.headers.etag!;
  t.is((await get(`/${BIG}`, { 'if-none-match': etag })).status, 304);
  const part = await get(`/${BIG}`, { range: 'bytes=8388600-8388700', 'if-range': etag });
  t.is(part.status, 206);
  t.is(part.headers['content-range'], `bytes 8388600-8388700/${bytes.length}`);
  t.deepEqual(new Uint8Array(part.body), bytes.slice(8_388_600, 8_388_701));
  t.deepEqual(library.asked.at(-1)!.options.range, { from: 8_388_600, to: 8_388_701 }, 'only that range is fetched');
  t.is((await get(`/${BIG}`, { range: 'bytes=5-6', 'if-range': '"old"' })).status, 200);
  const outside = await get(`/${BIG}`, { range: `bytes=${bytes.length}-` });
  t.is(outside.status, 416);
  t.is(outside.headers['content-range'], `bytes */${bytes.length}`);
  t.is((await get(`/${GONE}`, { 'cache-control': 'only-if-cached' })).status, 412);
  t.is(
    (await get(`/${BIG}`, { 'cache-control': 'only-if-cached', range: 'bytes=0-1' })).status,
    412,
    'only its head is here',
  );
  await get(`/${TEXT}`);
  t.is((await get(`/${TEXT}`, { 'cache-control': 'only-if-cached', range: 'bytes=0-1' })).status, 206);
  const page = await get(`/${SITE}/`, PERSON);
  t.is((await get(`/${SITE}/`, { ...PERSON, 'if-none-match': page.headers.etag! })).status, 304);
});

withGateway('many askers share one transfer, and a page with its pictures is one', async (t, { get, library }) => {
  const gate = Promise.withResolvers<void>();
  library.shelf.set(GONE, { files: { 'index.html': '<img src=a.png>', 'a.png': PNG }, metadataGate: gate.promise });
  const answers = Promise.all(Array.from({ length: 20 }, (_, i) => get(`/${GONE}/${i % 2 ? 'a.png' : ''}`)));
  gate.resolve();
  for (const { status } of await answers) t.is(status, 200);
  t.is(library.asked.length, 1);
});

withGateway(
  'a failure after the first byte cuts the connection: never a short 200',
  async (t, { get, library, port }) => {
    library.shelf.set(GONE, {
      bytes: BIG_BYTES,
      contentType: 'application/octet-stream',
      breaksAt: 400_000,
    });
    await t.throwsAsync(get(`/${GONE}`), { code: 'ECONNRESET' });
    const small = testKey(9, 0);
    library.shelf.set(small, {
      bytes: BIG_BYTES.subarray(0, 200_000),
      contentType: 'application/octet-stream',
      breaksAt: 100_000,
    });
    await t.throwsAsync(get(`/${small}`), { code: 'ECONNRESET' });
    t.is((await ask(port, '/', {}, 'GET')).status, 200);
  },
);

withGateway('a slow reader slows the fetch: what waits for it is bounded', async (t, { library, port }) => {
  const bytes = 64 * 1024 * 1024;
  library.shelf.set(GONE, { bytes: new Uint8Array(bytes), contentType: 'application/octet-stream' });
  const socket = connect(port, '127.0.0.1');
  socket.pause();
  socket.write(`GET /${GONE} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
  // Settles when the kernel's buffers are full: the same count in several looks one after the other.
  let seen = -1;
  for (let same = 0; same < 10; ) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    same = library.bytesRead === seen && seen > 0 ? same + 1 : 0;
    seen = library.bytesRead;
  }
  t.true(seen < bytes / 2, `${seen} bytes were read for a reader that takes none`);
  socket.destroy();
  while (library.cancelled.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  t.is(library.cancelled.length, 1, 'and it ends when the reader has gone');
});

test('people wait 1.5 s, then get a page that looks again; programs wait, or say how long; after 60 s alone it stops', async (t) => {
  const clock = createManualClock();
  const { get, gateway, library } = await stocked({ clock });
  const gate = Promise.withResolvers<void>();
  library.shelf.set(GONE, { bytes: Buffer.from('<p>late'), contentType: 'text/html', metadataGate: gate.promise });
  const soon = async <T>(answer: Promise<T>, ms: number): Promise<T> => {
    let done = false;
    const settled = answer.finally(() => {
      done = true;
    });
    for (let tries = 0; !done && tries < 400; tries++) {
      await new Promise((resolve) => setImmediate(resolve));
      if (tries % 20 === 19) await clock.advance(ms / 10);
    }
    return settled;
  };
  const waiting = await soon(get(`/${GONE}`, PERSON), 1_500);
  t.is(waiting.status, 202);
  t.is(waiting.headers.refresh, '2');
  t.regex(waiting.text, /Fetching[\s\S]*5 of 10[\s\S]*Look now[\s\S]*Stop/);
  t.is((await soon(get(`/${GONE}?wait=0`), 1)).status, 202);
  t.like(JSON.parse((await soon(get(`/${GONE}?timeout=2`), 2_000)).text), { code: 'timeout', status: 504 });
  t.is((await soon(get(`/${GONE}?timeout=x`), 1)).status, 400);
  t.is(library.asked.length, 1);
  await clock.advance(40_000);
  t.deepEqual(library.cancelled, []);
  await soon(get(`/${GONE}?wait=0`, PERSON), 1);
  await clock.advance(50_000);
  t.deepEqual(library.cancelled, [], 'the page looked again in between');
  await clock.advance(16_000);
  t.is(library.cancelled.length, 1);
  gate.resolve();
  await gateway.close();
});

withGateway('the buttons: a token is needed; stop, and back to the list', async (t, { get, library, port }) => {
  const page = await get('/-/transfers', PERSON);
  const token =
    /name="token" value="([\w-]+)"/.exec(page.text)?.[1] ??
    /name="token" value="([\w-]+)"/.exec((await get(`/${GONE}`, PERSON)).text)![1]!;
  const post = (body: string, headers: Record<string, string> = {}): ReturnType<typeof ask> =>
    ask(port, '/-/transfers', { 'content-type': 'application/x-www-form-urlencoded', ...headers }, 'POST', body);
  t.is((await post('do=stop&id=1')).status, 403);
  t.is((await post(`token=${token}x&do=stop&id=1`)).status, 403);
  t.is((await post(`token=${token}&do=stop&id=1`, { origin: 'http://evil.example' })).status, 403);
  t.deepEqual(library.cancelled, []);
  const done = await post(`token=${token}&do=stop&id=0000000000000001`);
  t.is(done.status, 303);
  t.is(done.headers.location, '/-/transfers');
  t.deepEqual(library.cancelled, ['0000000000000001']);
  t.is((await post(`token=${token}&do=nothing`)).status, 400);
  t.is((await post(`token=${token}&do=${'x'.repeat(GATEWAY_FORM_BYTES_MAX)}`)).status, 413);
});

withGateway('failures: a page with cause and next step, the same code for programs', async (t, { get, library }) => {
  for (const [code, status] of [
    ['recently_failed', 404],
    ['incomplete', 504],
    ['stalled', 504],
    ['offline', 503],
    ['connecting', 503],
    ['overloaded', 503],
    ['no_route', 503],
    ['verify_failed', 502],
    ['bad_manifest', 502],
    ['internal', 500],
  ] as const) {
    const key = testKey(100 + library.shelf.size, 0);
    library.shelf.set(key, { fails: new LocalError(code, 'in detail') });
    const page = await get(`/${key}`, PERSON);
    t.is(page.status, status, code);
    t.regex(page.text, new RegExp(`<dt>Why</dt>[\\s\\S]*in detail[\\s\\S]*<dt>Next</dt>[\\s\\S]*${code}`));
    if (status === 503) t.truthy(page.headers['retry-after']);
    const json = await get(`/${key}`);
    t.is(json.headers['content-type'], 'application/problem+json');
    t.like(JSON.parse(json.text), { code, status, detail: 'in detail' });
    t.notRegex(page.text.replace(/href="[^"]*"|value="[^"]*"/g, ''), /CHK@[\w~-]{20}/, 'no key on the page');
  }
  const broken = await get(`/CHK@abc_def,x,y`, PERSON);
  t.regex(broken.text, /<mark>_<\/mark>/);
});

withGateway('caps: waiting requests, pages too large for the filter', async (t, { get, library }) => {
  const gate = Promise.withResolvers<void>();
  library.shelf.set(GONE, { bytes: Buffer.from('x'), contentType: 'text/plain', metadataGate: gate.promise });
  const waiting = Array.from({ length: GATEWAY_WAITS_MAX }, () => get(`/${GONE}`));
  let over = await get(`/${GONE}?wait=0`);
  while (over.status !== 429) over = await get(`/${GONE}?wait=0`);
  t.like(JSON.parse(over.text), { code: 'busy' });
  gate.resolve();
  for (const { status } of await Promise.all(waiting)) t.is(status, 200);
  const large = testKey(30, 0);
  library.shelf.set(large, { bytes: Buffer.alloc(GATEWAY_FILTER_BYTES_MAX + 1, 'a'), contentType: 'text/html' });
  const page = await get(`/${large}`, PERSON);
  t.is(page.status, 403);
  t.regex(page.text, /unsafe_content[\s\S]*as text[\s\S]*Download/);
  t.is((await get(`/${large}?type=text/plain`, PERSON)).body.length, GATEWAY_FILTER_BYTES_MAX + 1);
});

withGateway('caps: connections', async (t, { get, port }) => {
  const held = await Promise.all(
    Array.from(
      { length: GATEWAY_CONNECTIONS_MAX },
      () =>
        new Promise<import('node:net').Socket>((resolve) => {
          const socket = connect(port, '127.0.0.1', () => resolve(socket));
        }),
    ),
  );
  // Each was accepted when the one after it is answered.
  t.is((await get('/')).status, 429);
  for (const socket of held) socket.destroy();
});

test('remote: a token for everybody, names from the configuration', async (t) => {
  const { get, gateway } = await stocked({ token: 'secret word', hosts: ['reader.lan', 'other.lan:1234'] });
  const host = `reader.lan:${gateway.address.split(':')[1]}`;
  t.is((await get('/', { host })).status, 401);
  t.regex(String((await get('/', { host })).headers['www-authenticate']), /^Basic /);
  const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;
  t.is((await get('/', { host, authorization: basic('me:wrong') })).status, 401);
  t.is((await get('/', { host, authorization: basic('me:secret word') })).status, 200);
  t.is((await get('/', { host: 'other.lan:1234', authorization: basic(':secret word') })).status, 200);
  t.is((await get('/', { host: 'reader.lan:1', authorization: basic(':secret word') })).status, 421);
  await gateway.close();
});

test('browser_cache on: what cannot change is kept, the rest asked for again', async (t) => {
  const { get, gateway, library } = await stocked({ browserCache: true });
  library.shelf.set('KSK@w', { bytes: Buffer.from('x'), contentType: 'text/plain' });
  t.is((await get(`/${TEXT}`)).headers['cache-control'], 'private, max-age=29030400, immutable');
  t.is((await get('/KSK@w')).headers['cache-control'], 'no-cache');
  t.is((await get('/')).headers['cache-control'], 'no-store');
  await gateway.close();
});

test('a taken port is an error with the setting`s name, or replaced where any port will do', async (t) => {
  const first = await startTestGateway();
  const listen = { host: '127.0.0.1', port: first.port };
  await t.throwsAsync(startTestGateway({ listen }), { code: 'port_in_use', message: /gateway\.listen/ } as never);
  const second = await startTestGateway({ listen, anyPort: true });
  t.not(second.port, first.port);
  await first.gateway.close();
  await second.gateway.close();
});

withGateway('connections that ask again after each answer', async (t, { port }) => {
  const statuses: number[] = [];
  const { Agent } = await import('node:http');
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (const path of [`/${TEXT}`, `/${GONE}`, `/${TEXT}`, '/', `/${SITE}`]) {
    statuses.push(
      await new Promise((resolve, reject) => {
        request({ host: '127.0.0.1', port, path, agent }, (response) => {
          response.resume();
          response.on('end', () => resolve(response.statusCode!));
        })
          .on('error', reject)
          .end();
      }),
    );
  }
  agent.destroy();
  t.deepEqual(statuses, [200, 404, 200, 200, 308]);
});
