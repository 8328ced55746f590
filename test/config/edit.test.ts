import test from 'ava';
import fc from 'fast-check';
import { parse } from 'smol-toml';
import { setInToml, unsetInToml } from '../../config/edit.ts';

const FILE = `# mine
profile = "devnet" # for now

[log]
# why: a fault
level = "debug"

[network] # where
seeds = [
  "a", # one
  "b",
]
listen = "127.0.0.1:1"
`;

test('setInToml: replaces where it stands and keeps every other line', (t) => {
  const changed = setInToml(FILE, 'log.level', '"warn"');
  t.is(changed, FILE.replace('level = "debug"', 'level = "warn"'));
  t.deepEqual(parse(setInToml(FILE, 'network.seeds', '["c"]')).network, { seeds: ['c'], listen: '127.0.0.1:1' });
  t.true(setInToml(FILE, 'profile', '"standard"').startsWith('# mine\nprofile = "standard"\n'));
});

test('setInToml: a new key goes into its table, a new table to the end, a bare key before the first table', (t) => {
  t.deepEqual(parse(setInToml(FILE, 'log.format', '"json"')).log, { format: 'json', level: 'debug' });
  t.deepEqual(parse(setInToml(FILE, 'store.size', '"1GiB"')).store, { size: '1GiB' });
  t.is(parse(setInToml('[log]\nlevel = "warn"\n', 'profile', '"devnet"')).profile, 'devnet');
  t.is(setInToml('', 'log.level', '"warn"'), '[log]\nlevel = "warn"\n');
});

test('unsetInToml: takes the whole value, of unknown keys too, and says when there is none', (t) => {
  t.deepEqual(parse(unsetInToml(FILE, 'network.seeds')!).network, { listen: '127.0.0.1:1' });
  t.is(unsetInToml('[store]\nsiez = 1\n', 'store.siez'), '[store]\n');
  t.is(unsetInToml(FILE, 'store.size'), undefined);
  t.is(unsetInToml('log.level = "warn"\n', 'log.level'), '');
});

test('setInToml: what was set is what is read, and unset takes it back', (t) => {
  const names = fc.constantFrom('a', 'b', 'c');
  const keys = fc.oneof(
    names,
    fc.tuple(names, names).map(([table, name]) => `t${table}.${name}`),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(keys, fc.nat(99)), { maxLength: 12 }), (edits) => {
      let text = '# kept\n';
      const expected = new Map<string, number>();
      for (const [key, value] of edits) {
        text = setInToml(text, key, `${value}`);
        expected.set(key, value);
      }
      const document = parse(text) as Record<string, unknown>;
      for (const [key, value] of expected) {
        const [first, second] = key.split('.') as [string, string | undefined];
        const found = second === undefined ? document[first] : (document[first] as Record<string, unknown>)[second];
        t.is(found, value);
        t.not(unsetInToml(text, key), undefined);
      }
      t.true(text.includes('# kept'));
    }),
    { numRuns: 50 },
  );
});
