import { readFileSync } from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import { printExample } from '../../config/example.ts';
import {
  environmentName,
  formatAddress,
  formatSize,
  OPTION_KEYS,
  optionOf,
  PROFILES,
  parseAddress,
  parseSize,
} from '../../config/schema.ts';

test('OPTIONS: every default and every profile value is inside its own range', (t) => {
  for (const key of OPTION_KEYS) {
    const option = optionOf(key);
    for (const value of [option.default, ...Object.values(PROFILES).map((profile) => profile[key])]) {
      if (value === undefined) continue;
      const printed = JSON.parse(option.print(value)) as unknown;
      t.deepEqual(option.parse(printed), value, key);
    }
    t.regex(option.sentence, /^[A-Za-z].*[.]$/s, `${key} has a sentence`);
  }
});

test('OPTIONS: environment names are distinct', (t) => {
  t.is(new Set(OPTION_KEYS.map(environmentName)).size, OPTION_KEYS.length);
  t.is(environmentName('store.size'), 'HOLLOWAY_STORE_SIZE');
});

test('example.toml is what the table prints', (t) => {
  const kept = readFileSync(new URL('../../config/example.toml', import.meta.url), 'utf8');
  t.is(kept, printExample(), 'run: node config/example.ts > config/example.toml');
});

test('parseSize(formatSize(x)) is x', (t) => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 999_999_999 }), (size) => t.is(parseSize(formatSize(size)), size)));
  t.is(parseSize('1.5MiB'), 1.5 * 2 ** 20);
  for (const wrong of ['', 'MiB', '-1', '1MB', '1e9', '1 000', '0x10']) t.is(parseSize(wrong), undefined, wrong);
});

test('parseAddress takes literal addresses only', (t) => {
  t.deepEqual(parseAddress('127.0.0.1:0'), { host: '127.0.0.1', port: 0 });
  t.deepEqual(parseAddress('[::1]:9480'), { host: '::1', port: 9480 });
  t.is(formatAddress({ host: '::1', port: 9480 }), '[::1]:9480');
  for (const wrong of [
    'localhost:1',
    '127.0.0.1',
    '127.0.0.1:65536',
    '256.0.0.1:1',
    '[:::]:1',
    '[zz]:1',
    ':1',
    '1.2.3:4',
  ])
    t.is(parseAddress(wrong), undefined, wrong);
});
