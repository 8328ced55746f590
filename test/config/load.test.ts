import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type ConfigSources, loadConfig } from '../../config/load.ts';
import { ConfigError } from '../../config/schema.ts';

function tomlFile(t: ExecutionContext, text: string): string {
  const dir = mkdtempSync(join(tmpdir(), 'holloway-config-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const path = join(dir, 'config.toml');
  writeFileSync(path, text);
  return path;
}

test('loadConfig: flags win over environment, file, profile and default, and each value knows its origin', (t) => {
  const file = tomlFile(t, 'profile = "devnet"\n\n[log]\nlevel = "warn"\nformat = "json"\n[circuits]\nready = 3\n');
  const config = loadConfig({
    file,
    env: { HOLLOWAY_LOG_LEVEL: 'debug', HOLLOWAY_CIRCUITS_READY: '4', PATH: '/bin' },
    flags: { 'log.level': 'trace' },
  });
  t.is(config.values['log.level'], 'trace');
  t.deepEqual(config.origins['log.level'], { source: 'flag', where: '--set log.level' });
  t.is(config.values['circuits.ready'], 4);
  t.deepEqual(config.origins['circuits.ready'], { source: 'env', where: 'HOLLOWAY_CIRCUITS_READY' });
  t.is(config.values['log.format'], 'json');
  t.deepEqual(config.origins['log.format'], { source: 'file', where: `${file}:5` });
  t.is(config.values['peers.long_links'], 2);
  t.deepEqual(config.origins['peers.long_links'], { source: 'profile', where: 'devnet' });
  t.deepEqual(config.origins['node.role'], { source: 'default', where: '' });
});

test('loadConfig: the result is frozen, lists included', (t) => {
  const config = loadConfig({ env: { HOLLOWAY_NETWORK_SEEDS: 'AAAA,BBBB' } });
  t.true(Object.isFrozen(config.values) && Object.isFrozen(config.values['network.seeds']));
  t.deepEqual(config.values['network.seeds'], ['AAAA', 'BBBB']);
});

test('loadConfig: HOLLOWAY_CRYPTO selects the engine, and the long name wins over it', (t) => {
  t.is(loadConfig({ env: { HOLLOWAY_CRYPTO: 'portable' } }).values['crypto.engine'], 'portable');
  const both = { HOLLOWAY_CRYPTO: 'portable', HOLLOWAY_CRYPTO_ENGINE: 'auto' };
  t.is(loadConfig({ env: both }).values['crypto.engine'], 'auto');
});

test('loadConfig: @FILE of a seed is found beside the file that names it', (t) => {
  const file = tomlFile(t, '[network]\nseeds = ["@seed.desc", "@/abs/seed", "AAAA"]\n');
  t.deepEqual(loadConfig({ file }).values['network.seeds'], [
    `@${join(file, '..', 'seed.desc')}`,
    '@/abs/seed',
    'AAAA',
  ]);
});

const refuses = test.macro({
  exec(t, sources: (file: (text: string) => string) => ConfigSources, pattern: RegExp) {
    const error = t.throws(() => loadConfig(sources((text) => tomlFile(t, text))), { instanceOf: ConfigError });
    t.regex(error?.message ?? '', pattern);
  },
  title: (given = '') => `loadConfig refuses ${given}`,
});

test(
  'an unknown key with file, line and the nearest name',
  refuses,
  (file) => ({ file: file('\n[store]\n\nsiez = "1GiB"\n') }),
  /config\.toml:4: unknown key store\.siez; did you mean store\.size\?/,
);
test(
  'an unknown table, even a deep one',
  refuses,
  (file) => ({ file: file('[a.b]\nc = 1\n') }),
  /config\.toml:2: unknown key a\.b\.c/,
);
test(
  'a value of the wrong type with its line and the range',
  refuses,
  (file) => ({ file: file('[peers]\nmax = "many"\n') }),
  /config\.toml:2: peers\.max = "many": expected a whole number 2\.\.64/,
);
test(
  'a dotted key with its line',
  refuses,
  (file) => ({ file: file('log.format = "text"\nlog.level = "loud"\n') }),
  /config\.toml:2: log\.level = "loud": expected error \|/,
);
test(
  'a file that is no TOML with its line',
  refuses,
  (file) => ({ file: file('[log]\nlevel = \n') }),
  /config\.toml:2: /,
);
test(
  'a missing file that was asked for',
  refuses,
  () => ({ file: '/nonexistent/x.toml', fileRequired: true }),
  /ENOENT/,
);
test(
  'an unknown variable of ours',
  refuses,
  () => ({ env: { HOLLOWAY_STORE_SIZ: '1GiB' } }),
  /unknown variable HOLLOWAY_STORE_SIZ; did you mean HOLLOWAY_STORE_SIZE\?/,
);
test(
  'an unknown flag key',
  refuses,
  () => ({ flags: { 'log.leve': 'info' } }),
  /--set log\.leve: unknown key log\.leve; did you mean log\.level\?/,
);
test(
  'fewer peers at most than wanted',
  refuses,
  () => ({ flags: { 'peers.max': '4' } }),
  /peers\.max = 4 is below 2 x peers\.ring_each_side \+ peers\.long_links = 24/,
);
test('a trace outside a devnet', refuses, () => ({ flags: { 'debug.trace': 'true' } }), /needs profile = "devnet"/);
test('classes: publishing is strong by default, fetching fast; a devnet does both fast, and either can be set', (t) => {
  t.like(loadConfig({}).values, { 'publish.class': 'strong', 'fetch.class': 'fast' });
  const devnet = { flags: { profile: 'devnet' } };
  t.like(loadConfig(devnet).values, { 'publish.class': 'fast', 'fetch.class': 'fast' });
  t.is(loadConfig({ flags: { ...devnet.flags, 'publish.class': 'strong' } }).values['publish.class'], 'strong');
  t.is(loadConfig({ flags: { 'fetch.class': 'strong' } }).values['fetch.class'], 'strong');
});
