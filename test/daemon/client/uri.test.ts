import test from 'ava';
import fc from 'fast-check';
import { charactersFor, decodeKeyText, encodeKeyText, findForeignCharacter } from '../../../daemon/client/base64.ts';
import { parseUri, printUri, type Uri } from '../../../daemon/client/uri.ts';
import { LocalError } from '../../../daemon/errors.ts';
import { routingKey } from '../../../daemon/ids.ts';
import { URI_CHARACTERS_MAX } from '../../../daemon/limits.ts';

const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
const codec = fc.constantFrom(0 as const, 1 as const);
const name = fc
  .string({ minLength: 1, maxLength: 20, unit: 'grapheme' })
  .map((text) => text.replace(/[\u0000-\u001f\u007f]/g, '').normalize('NFC'))
  .filter((text) => text !== '');
const path = fc.array(name, { maxLength: 3 });
const uris: fc.Arbitrary<Uri> = fc.oneof(
  fc.record({
    type: fc.constant('CHK' as const),
    routingKey: key.map(routingKey),
    cryptoKey: key,
    keyType: fc.constantFrom(0 as const, 1 as const),
    codec,
    path,
  }),
  fc.record({
    type: fc.constant('SSK' as const),
    subspace: key,
    cryptoKey: key,
    keyType: fc.constantFrom(2 as const, 3 as const),
    codec,
    name,
    path,
  }),
  fc.record({
    type: fc.constant('USK' as const),
    subspace: key,
    cryptoKey: key,
    keyType: fc.constantFrom(2 as const, 3 as const, 4 as const),
    codec,
    site: name,
    edition: fc.integer({ min: -1_000, max: 2 ** 31 - 1 }),
    path,
  }),
  fc.record({ type: fc.constant('KSK' as const), word: name, path }),
);
const CHK: Uri = {
  type: 'CHK',
  routingKey: routingKey(new Uint8Array(32).fill(0xfb)),
  cryptoKey: new Uint8Array(32).fill(0xff),
  keyType: 1,
  codec: 0,
  path: [],
};
const TEXT = printUri(CHK);
const [FIRST, SECOND, EXTRA] = TEXT.slice(4).split(',') as [string, string, string];

test('printUri: a CHK is 43, 43 and 7 characters of the alphabet with ~ and -', (t) => {
  t.is(TEXT, `CHK@${'~-v7'.repeat(10)}~-s,${'-'.repeat(42)}8,SAEBAAE`);
  t.deepEqual([FIRST.length, SECOND.length, EXTRA.length], [43, 43, 7]);
});

test('parseUri: parse(print(x)) is x', (t) => {
  fc.assert(
    fc.property(uris, (uri) => {
      t.deepEqual(parseUri(printUri(uri)), uri);
    }),
  );
});

test('parseUri: any text gives a key or bad_uri, and a key prints and parses again', (t) => {
  const mutated = fc
    .tuple(fc.nat(TEXT.length), fc.string({ maxLength: 4 }))
    .map(([at, put]) => TEXT.slice(0, at) + put + TEXT.slice(at + put.length));
  const texts = fc.oneof(
    fc.string(),
    fc.string({ unit: 'binary' }),
    fc.string().map((text) => `CHK@${text}`),
    fc.string().map((text) => `KSK@${text}`),
    fc.string().map((text) => `${TEXT.replace('CHK', 'USK').replace('SAEB', 'SAEC')}/${text}`),
    mutated,
  );
  fc.assert(
    fc.property(texts, (text) => {
      try {
        const uri = parseUri(text);
        t.deepEqual(parseUri(printUri(uri)), uri);
      } catch (error) {
        t.true(error instanceof LocalError && error.code === 'bad_uri' && error.detail !== undefined, String(error));
      }
    }),
    { numRuns: 2_000 },
  );
});

const accepts = test.macro({
  exec(t, text: string) {
    t.deepEqual(parseUri(text), CHK);
  },
  title: (given = '') => `parseUri accepts ${given}`,
});
test('prefixes of Freenet and ours', accepts, `freenet:${TEXT}`);
test('holloway: with slashes', accepts, `holloway://${TEXT}`);
test('web+freenet: in capitals', accepts, `WEB+FREENET:${TEXT}`);
test('a gateway address', accepts, `http://127.0.0.1:8888/${TEXT}`);
test('a gateway address with prefix and fragment', accepts, `https://localhost:1/freenet:${TEXT}/#top`);
test('a gateway question', accepts, `http://127.0.0.1:8888/?x=1&key=${encodeURIComponent(TEXT)}&y=2`);
test('percent signs for all marks', accepts, encodeURIComponent(TEXT).replaceAll('~', '%7E').replaceAll('-', '%2d'));
test('percent signs for commas', accepts, TEXT.replaceAll(',', '%2c'));
test(
  'line breaks and spaces inside',
  accepts,
  `${TEXT.slice(0, 20)}\r\n   ${TEXT.slice(20, 60)} \t${TEXT.slice(60)}\n`,
);
test('a trailing dot', accepts, `${TEXT}.`);
test('a trailing slash', accepts, `${TEXT}/`);
test('quotes and brackets around', accepts, `<"${TEXT}">,`);
test('small letters before the @', accepts, TEXT.replace('CHK', 'chk'));
test('a query', accepts, `${TEXT}?type=text/plain`);

const refuses = test.macro({
  exec(t, text: string, says: RegExp) {
    const error = t.throws(() => parseUri(text), { instanceOf: LocalError, code: 'bad_uri' });
    t.regex((error as LocalError).detail!, says);
    t.true((error as LocalError).detail!.length < 160);
    for (const part of [FIRST, SECOND]) t.false((error as LocalError).detail!.includes(part.slice(0, 8)));
  },
  title: (given = '') => `parseUri refuses ${given}`,
});
test('a web address', refuses, 'http://x', /web address, and no key/);
test('a web address with a path', refuses, 'https://example.org/a/b', /web address, and no key/);
test('only a scheme', refuses, 'holloway:', /no key in it/);
test('nothing', refuses, '', /nothing was given/);
test('a word', refuses, 'hello', /no @/);
test('a key without its beginning', refuses, TEXT.slice(4), /beginning .* is missing/);
test('an unknown type', refuses, TEXT.replace('CHK', 'XYZ'), /none of CHK@/);
test('CHK@ alone', refuses, 'CHK@', /key itself is missing/);
test(
  'a first part cut off',
  refuses,
  TEXT.slice(0, 40),
  /first part has 36 of 43 characters, 7 too short: the end of the key was cut off/,
);
test(
  'a first part too short',
  refuses,
  TEXT.replace(FIRST, FIRST.slice(1)),
  /first part has 42 of 43 characters, 1 too short: some of it was lost/,
);
test('a missing second part', refuses, `CHK@${FIRST}`, /second and third part are missing/);
test('a missing third part', refuses, `CHK@${FIRST},${SECOND}`, /third part \(7 characters\) is missing/);
test('a third part cut off', refuses, TEXT.slice(0, -2), /third part has 5 of 7 characters, 2 too short/);
test('a part too long', refuses, TEXT.replace(SECOND, `${SECOND}A`), /second part has 44 characters, 1 too long/);
test('four parts', refuses, `${TEXT},AAAA`, /here are 4/);
test(
  'a wrong character',
  refuses,
  TEXT.replace(`,${SECOND}`, `,${SECOND.slice(0, 4)}$${SECOND.slice(5)}`),
  /character \$ at position 5 of the second part/,
);
test(
  'an invisible character',
  refuses,
  TEXT.replace(FIRST, `\u200b${FIRST.slice(1)}`),
  /U\+200B at position 1 of the first part/,
);
test('ordinary base64', refuses, TEXT.replace(FIRST, FIRST.replace('~', '+')), /another base64/);
test('a shortened key', refuses, `CHK@${FIRST.slice(0, 4)}…`, /shortened/);
test(
  'spare bits in the first part',
  refuses,
  TEXT.replace(FIRST, `${FIRST.slice(0, -1)}t`),
  /last character of the first part/,
);
test('spare bits in the third part', refuses, TEXT.replace('SAEBAAE', 'SAEBAAF'), /last character of the third part/);
test('a key of Freenet', refuses, TEXT.replace('SAEBAAE', 'AAMC--8'), /Freenet/);
test('an SSK key of Freenet', refuses, TEXT.replace('SAEBAAE', 'AQACAAE'), /Freenet/);
test('the letters of another type', refuses, TEXT.replace('CHK', 'SSK'), /another kind of key than SSK@/);
test('an unknown cipher', refuses, TEXT.replace('SAEBAAE', 'SAIBAAE'), /cipher or format/);
test('an unknown codec', refuses, TEXT.replace('SAEBAAE', 'SAEBAgE'), /compression/);
test('half a percent sign in a name', refuses, `${TEXT}/a%2`, /%25/);
test('a control character in a name', refuses, `${TEXT}/a%00`, /control character/);
test('half a character', refuses, `KSK@\ud800`, /half of a character/);
test(
  'a USK without edition',
  refuses,
  `${TEXT.replace('CHK', 'USK').replace('SAEB', 'SAEC')}/site`,
  /edition is missing/,
);
test(
  'a USK with a word for edition',
  refuses,
  `${TEXT.replace('CHK', 'USK').replace('SAEB', 'SAEC')}/site/two`,
  /not a whole number/,
);
test('KSK@ alone', refuses, 'KSK@/', /needs a word/);
test('more text than any key has', refuses, 'A'.repeat(URI_CHARACTERS_MAX + 1), /characters; no key has more/);

test('parseUri: text of the greatest length is looked at', (t) => {
  const word = 'a'.repeat(URI_CHARACTERS_MAX - 4);
  t.deepEqual(parseUri(`KSK@${word}`), { type: 'KSK', word, path: [] });
});

test('parseUri: a changed character never gives the same key', (t) => {
  for (let at = 4; at < TEXT.length; at++) {
    const changed = `${TEXT.slice(0, at)}${TEXT[at] === 'B' ? 'C' : 'B'}${TEXT.slice(at + 1)}`;
    try {
      t.notDeepEqual(parseUri(changed), CHK);
    } catch (error) {
      t.is((error as LocalError).code, 'bad_uri');
    }
  }
});

test('base64: decode(encode(x)) is x, and every other text of that length is another value or none', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const text = encodeKeyText(bytes);
      t.is(text.length, charactersFor(bytes.length));
      t.is(findForeignCharacter(text), -1);
      t.deepEqual(decodeKeyText(text), bytes);
    }),
  );
  t.is(decodeKeyText('AB'), undefined);
  t.deepEqual(decodeKeyText('AA'), Uint8Array.of(0));
});
