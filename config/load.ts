/**
 * The configuration, read once: flags > environment > file > profile > default. Validated, frozen, and every value knows
 * where it came from.
 *
 * Errors  ConfigError for an unknown key, a value out of range, a file that does not parse: with file and line, the variable
 *         or the flag, what was expected, and the nearest known name.
 * Why     an unknown key is an error and never skipped: a mistyped safety setting that silently keeps its default is a trap.
 * Source  ux § 4 "Precedence".
 * @module
 */
import { readFileSync } from 'node:fs';
import { dirname, isAbsolute, resolve } from 'node:path';
import { parse as parseToml, TomlError } from 'smol-toml';
import {
  ConfigError,
  environmentName,
  formatAddress,
  isOptionKey,
  OPTION_KEYS,
  type OptionKey,
  optionOf,
  PROFILES,
  type Profile,
  type Values,
} from './schema.ts';
import { nearest } from './suggest.ts';

export interface Origin {
  readonly source: 'flag' | 'env' | 'file' | 'profile' | 'default';
  /** `PATH:LINE`, the variable, the flag, the profile's name; empty for defaults. */
  readonly where: string;
}

export interface Config {
  readonly values: Values;
  readonly origins: Readonly<Record<OptionKey, Origin>>;
  /** False: nobody said which network, so this is a devnet of its own until one is joined. */
  readonly joined: boolean;
}

export interface ConfigSources {
  /** Key to text, from `--set KEY=VALUE` and its short forms. */
  readonly flags?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Read when it exists; `fileRequired` makes a missing one an error. */
  readonly file?: string;
  readonly fileRequired?: boolean;
  /** Without a word about profile, network or node anywhere: the profile devnet, as a node that has joined nothing yet. */
  readonly devnetUntilJoined?: boolean;
}

/** Variables that are no settings: where the home is, the mark of a second start under another Node, and what test runs use. */
const OTHER_VARIABLES = /^HOLLOWAY_(HOME|CRYPTO|REEXEC|TEST_[A-Z0-9_]*)$/;

interface Found {
  readonly raw: unknown;
  readonly origin: Origin;
}

export function loadConfig(sources: ConfigSources): Config {
  const layers = [
    fromFlags(sources.flags ?? {}),
    fromEnvironment(sources.env ?? {}),
    sources.file === undefined ? new Map<OptionKey, Found>() : fromFile(sources.file, sources.fileRequired ?? false),
  ];
  const find = (key: OptionKey): Found | undefined => layers.find((layer) => layer.has(key))?.get(key);

  const joined =
    sources.devnetUntilJoined !== true ||
    OPTION_KEYS.some((key) => /^(?:profile$|network\.|node\.)/.test(key) && find(key) !== undefined);
  const profile = (parsed('profile', find('profile')) ?? (joined ? optionOf('profile').default : 'devnet')) as Profile;
  const profileOrigin: Origin = { source: 'profile', where: joined ? profile : 'devnet, until a network is joined' };
  const values: Record<string, unknown> = {};
  const origins: Record<string, Origin> = {};
  for (const key of OPTION_KEYS) {
    const found = find(key);
    const fromProfile = PROFILES[profile][key];
    values[key] = deepFreeze(
      parsed(key, found) ?? fromProfile ?? (key === 'profile' ? profile : optionOf(key).default),
    );
    const byProfile = fromProfile !== undefined || (key === 'profile' && !joined);
    origins[key] = Object.freeze(found?.origin ?? (byProfile ? profileOrigin : { source: 'default', where: '' }));
  }
  const config = { values: values as unknown as Values, origins: origins as Record<OptionKey, Origin>, joined };
  checkTogether(config);
  return Object.freeze({ values: Object.freeze(config.values), origins: Object.freeze(config.origins), joined });
}

/** Rules that span two settings. */
function checkTogether(config: Config): void {
  const { values, origins } = config;
  const wanted = values['peers.ring_each_side'] * 2 + values['peers.long_links'];
  if (wanted > values['peers.max']) {
    throw new ConfigError(
      origins['peers.max'].where || origins['peers.long_links'].where || 'defaults',
      `peers.max = ${values['peers.max']} is below 2 x peers.ring_each_side + peers.long_links = ${wanted}`,
      'peers.max',
    );
  }
  const metrics = values['metrics.listen'];
  if (metrics !== undefined && !isLoopback(metrics.host)) {
    throw new ConfigError(
      origins['metrics.listen'].where,
      `metrics.listen = ${formatAddress(metrics)}: expected a loopback address, 127.0.0.1:PORT or [::1]:PORT`,
      'metrics.listen',
    );
  }
  for (const key of ['debug.latency', 'debug.loss', 'debug.churn'] as const) {
    if (values[key] === 0 || values.profile === 'devnet') continue;
    throw new ConfigError(origins[key].where, `${key} needs profile = "devnet": it breaks connections on purpose`, key);
  }
  if (values['debug.trace'] && values.profile !== 'devnet') {
    throw new ConfigError(
      origins['debug.trace'].where,
      'debug.trace = true needs profile = "devnet": a trace names who carried what',
      'debug.trace',
    );
  }
}

function isLoopback(host: string): boolean {
  return host === '::1' || /^127\.\d/.test(host);
}

function parsed(key: OptionKey, found: Found | undefined): unknown {
  if (found === undefined) return undefined;
  try {
    return optionOf(key).parse(found.raw);
  } catch (error) {
    const given = JSON.stringify(found.raw) ?? String(found.raw);
    throw new ConfigError(found.origin.where, `${key} = ${given}: ${(error as Error).message}`, key);
  }
}

function fromFlags(flags: Readonly<Record<string, string>>): Map<OptionKey, Found> {
  const found = new Map<OptionKey, Found>();
  for (const [key, raw] of Object.entries(flags)) {
    const where = `--set ${key}`;
    found.set(knownKey(key, where), { raw, origin: { source: 'flag', where } });
  }
  return found;
}

function fromEnvironment(env: Readonly<Record<string, string | undefined>>): Map<OptionKey, Found> {
  const byName = new Map<string, OptionKey>(OPTION_KEYS.map((key) => [environmentName(key), key]));
  const found = new Map<OptionKey, Found>();
  for (const [name, raw] of Object.entries(env)) {
    if (raw === undefined || !name.startsWith('HOLLOWAY_') || OTHER_VARIABLES.test(name)) continue;
    const key = byName.get(name);
    if (key === undefined) throw unknown(name, name, [...byName.keys()], 'variable');
    found.set(key, { raw, origin: { source: 'env', where: name } });
  }
  // The short form that test runs use; the long one wins.
  const crypto = env.HOLLOWAY_CRYPTO;
  if (crypto !== undefined && crypto !== '' && !found.has('crypto.engine')) {
    found.set('crypto.engine', { raw: crypto, origin: { source: 'env', where: 'HOLLOWAY_CRYPTO' } });
  }
  return found;
}

function fromFile(path: string, required: boolean): Map<OptionKey, Found> {
  const found = new Map<OptionKey, Found>();
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    // ENOTDIR: the home itself is no directory, which whoever makes the directories says better.
    if ((code === 'ENOENT' || code === 'ENOTDIR') && !required) return found;
    throw new ConfigError(path, `the file cannot be read (${code ?? 'unknown'})`);
  }
  const lines = text.split('\n');
  for (const [key, raw] of leaves(parseFile(path, text), '')) {
    const where = `${path}:${lineOf(lines, key)}`;
    found.set(knownKey(key, where), { raw: relativeToFile(key, raw, path), origin: { source: 'file', where } });
  }
  return found;
}

const FILE_KEYS: ReadonlySet<string> = new Set(['store.passphrase_file', 'log.file', 'gateway.token_file']);

/** `@FILE` in the file means beside the file, wherever the daemon was started. */
function relativeToFile(key: string, raw: unknown, path: string): unknown {
  if (FILE_KEYS.has(key) && typeof raw === 'string' && raw !== '' && raw !== '-') {
    return resolve(dirname(path), raw);
  }
  if (key !== 'network.seeds' || !Array.isArray(raw)) return raw;
  return raw.map((item: unknown) => {
    if (typeof item !== 'string' || !item.startsWith('@') || isAbsolute(item.slice(1))) return item;
    return `@${resolve(dirname(path), item.slice(1))}`;
  });
}

function parseFile(path: string, text: string): Record<string, unknown> {
  try {
    return parseToml(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const sentence = error.message.split('\n')[0]!.replace(/^Invalid TOML document: /, '');
    throw new ConfigError(`${path}:${error.line}`, sentence);
  }
}

function* leaves(table: Record<string, unknown>, prefix: string): Generator<[key: string, raw: unknown]> {
  for (const [name, value] of Object.entries(table)) {
    const key = prefix === '' ? name : `${prefix}.${name}`;
    if (value !== null && typeof value === 'object' && !Array.isArray(value) && !(value instanceof Date)) {
      yield* leaves(value as Record<string, unknown>, key);
    } else {
      yield [key, value];
    }
  }
}

/** The parser keeps no positions, so the line is found again: table headers tracked, keys compared without their quotes. */
function lineOf(lines: readonly string[], key: string): number {
  let table = '';
  for (const [index, line] of lines.entries()) {
    const header = /^\s*\[\s*([^[\]]+?)\s*\]/.exec(line);
    if (header !== null) table = bare(header[1]!);
    const assignment = /^\s*([\w."'\s-]+?)\s*=/.exec(line);
    if (assignment === null) continue;
    const name = table === '' ? bare(assignment[1]!) : `${table}.${bare(assignment[1]!)}`;
    if (key === name || key.startsWith(`${name}.`)) return index + 1;
  }
  return 1;
}

const bare = (text: string): string => text.replaceAll(/["'\s]/g, '');

function knownKey(key: string, where: string): OptionKey {
  if (isOptionKey(key)) return key;
  throw unknown(key, where, OPTION_KEYS, 'key');
}

function unknown(name: string, where: string, known: readonly string[], noun: string): ConfigError {
  const near = nearest(name, known);
  return new ConfigError(where, `unknown ${noun} ${name}${near === undefined ? '' : `; did you mean ${near}?`}`, name);
}

function deepFreeze(value: unknown): unknown {
  return value !== null && typeof value === 'object' ? Object.freeze(value) : value;
}
