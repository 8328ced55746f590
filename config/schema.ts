/**
 * Every setting, once: name, type, unit, default, range, one sentence. The example file, `config list`, the checks and the
 * TypeScript type of the configuration are all printed or derived from this table.
 *
 * Shape   OPTIONS: key -> Option. Keys are `table.name`, as in the TOML file; HOLLOWAY_TABLE_NAME in the environment.
 * Unit    sizes are bytes, written as `64MiB` or a whole number; addresses are `host:port` with a literal IPv4 or `[IPv6]`.
 * Errors  a value that does not parse, or lies outside its range, throws ConfigError, which names key, value and what was expected.
 * Source  ux §§ 2.1, 4; design §§ 5, 7, 10.
 * @module
 */

/** A mistake of whoever configured: `where` is `FILE:LINE`, an environment variable or a flag. */
export class ConfigError extends Error {
  readonly key: string | undefined;
  readonly where: string;

  constructor(where: string, message: string, key?: string) {
    super(`${where}: ${message}`);
    this.name = 'ConfigError';
    this.where = where;
    this.key = key;
  }
}

/** A literal address with a port; port 0 lets the system choose. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface Option<T> {
  readonly type: 'text' | 'texts' | 'integer' | 'boolean' | 'bytes' | 'address' | 'choice';
  readonly default: T;
  readonly unit: string | undefined;
  /** In words: what a message says was expected. */
  readonly range: string;
  readonly sentence: string;
  /** From TOML (any JSON-like value) or from text (environment, flags); throws a plain Error whose message says what was expected. */
  parse(raw: unknown): T;
  /** As written in the TOML file. */
  print(value: T): string;
}

const NAME = /^[a-z0-9][a-z0-9-]{0,31}$/;
const SIZE_UNITS: Readonly<Record<string, number>> = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 };

const quoted = (text: string): string => JSON.stringify(text);

function expected(range: string): Error {
  return new Error(`expected ${range}`);
}

function text(fallback: string, pattern: RegExp, range: string, sentence: string): Option<string> {
  const parse = (raw: unknown): string => {
    if (typeof raw !== 'string' || !pattern.test(raw)) throw expected(range);
    return raw;
  };
  return { type: 'text', default: fallback, unit: undefined, range, sentence, parse, print: quoted };
}

/** In the environment and in flags the list is separated by commas. */
function texts(itemsMax: number, range: string, sentence: string): Option<readonly string[]> {
  const parse = (raw: unknown): readonly string[] => {
    const items = typeof raw === 'string' ? raw.split(',').filter((item) => item !== '') : raw;
    if (!Array.isArray(items) || items.length > itemsMax) throw expected(range);
    return items.map((item) => {
      if (typeof item !== 'string' || item.trim() === '') throw expected(range);
      return item.trim();
    });
  };
  const print = (value: readonly string[]): string => `[${value.map(quoted).join(', ')}]`;
  return { type: 'texts', default: [], unit: undefined, range, sentence, parse, print };
}

function integer(fallback: number, min: number, max: number, unit: string, sentence: string): Option<number> {
  const range = `a whole number ${min}..${max}`;
  const parse = (raw: unknown): number => {
    const value = typeof raw === 'string' && /^\d{1,12}$/.test(raw) ? Number(raw) : raw;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) throw expected(range);
    return value;
  };
  return { type: 'integer', default: fallback, unit, range, sentence, parse, print: String };
}

function boolean(fallback: boolean, sentence: string): Option<boolean> {
  const parse = (raw: unknown): boolean => {
    if (raw === true || raw === 'true') return true;
    if (raw === false || raw === 'false') return false;
    throw expected('true or false');
  };
  return {
    type: 'boolean',
    default: fallback,
    unit: undefined,
    range: 'true or false',
    sentence,
    parse,
    print: String,
  };
}

function bytes(fallback: string, min: string, max: string, sentence: string): Option<number> {
  const range = `a size ${min}..${max}, such as ${fallback}`;
  const [minBytes, maxBytes] = [parseSize(min), parseSize(max)];
  const parse = (raw: unknown): number => {
    const value = typeof raw === 'number' ? raw : parseSize(String(raw));
    if (value === undefined || !Number.isSafeInteger(value)) throw expected(range);
    if (value < minBytes! || value > maxBytes!) throw expected(range);
    return value;
  };
  return {
    type: 'bytes',
    default: parseSize(fallback)!,
    unit: 'bytes',
    range,
    sentence,
    parse,
    print: (value) => quoted(formatSize(value)),
  };
}

/** Bytes, or 0 for auto. */
function sizeOrAuto(min: string, max: string, sentence: string): Option<number> {
  const sized = bytes(min, min, max, sentence);
  const range = `auto, or a size ${min}..${max}, such as 4GiB`;
  return {
    ...sized,
    default: 0,
    range,
    parse(raw) {
      if (raw === 'auto') return 0;
      try {
        return sized.parse(raw);
      } catch {
        throw expected(range);
      }
    },
    print: (value) => (value === 0 ? quoted('auto') : sized.print(value)),
  };
}

/** Beside the file it stands in, unless absolute (load.ts). */
function path(sentence: string): Option<string> {
  const range = 'a path, - or empty';
  const parse = (raw: unknown): string => {
    if (typeof raw !== 'string' || raw.includes('\0')) throw expected(range);
    return raw;
  };
  return { type: 'text', default: '', unit: undefined, range, sentence, parse, print: quoted };
}

function address<T extends Address | undefined>(fallback: T, optional: boolean, sentence: string): Option<T> {
  const range = `host:port with a literal address${optional ? ', or empty' : ''}`;
  const parse = (raw: unknown): T => {
    if (optional && raw === '') return undefined as T;
    const value = typeof raw === 'string' ? parseAddress(raw) : undefined;
    if (value === undefined) throw expected(range);
    return value as T;
  };
  const print = (value: T): string => (value === undefined ? '""' : quoted(formatAddress(value)));
  return { type: 'address', default: fallback, unit: undefined, range, sentence, parse, print };
}

function choice<const C extends string>(fallback: NoInfer<C>, choices: readonly C[], sentence: string): Option<C> {
  const range = choices.join(' | ');
  const parse = (raw: unknown): C => {
    const found = choices.find((candidate) => candidate === raw);
    if (found === undefined) throw expected(range);
    return found;
  };
  return { type: 'choice', default: fallback, unit: undefined, range, sentence, parse, print: quoted };
}

/** `64MiB`, `4GiB`, `512`: bytes, or undefined when it is not a size. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)\s*([KMGT]iB|B)?$/.exec(text.trim());
  if (match === null) return undefined;
  const value = Number(match[1]) * SIZE_UNITS[match[2] ?? 'B']!;
  return Number.isSafeInteger(value) ? value : Math.floor(value);
}

/** The largest unit that writes the size exactly. */
export function formatSize(sizeBytes: number): string {
  for (const unit of ['TiB', 'GiB', 'MiB', 'KiB']) {
    const factor = SIZE_UNITS[unit]!;
    if (sizeBytes >= factor && sizeBytes % factor === 0) return `${sizeBytes / factor}${unit}`;
  }
  return `${sizeBytes}B`;
}

/** `127.0.0.1:9480` or `[::1]:9480`; undefined when it is not that. Names are refused: a lookup would tell a resolver. */
export function parseAddress(text: string): Address | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]{2,45})\]|((?:\d{1,3}\.){3}\d{1,3})):(\d{1,5})$/.exec(text.trim());
  if (match === null) return undefined;
  const port = Number(match[3]);
  const v4 = match[2];
  if (port > 65_535) return undefined;
  if (v4?.split('.').some((part) => Number(part) > 255)) return undefined;
  if (v4 === undefined && !isIpv6(match[1]!)) return undefined;
  return { host: v4 ?? match[1]!.toLowerCase(), port };
}

function isIpv6(host: string): boolean {
  return URL.canParse(`http://[${host}]/`);
}

export function formatAddress(value: Address): string {
  return value.host.includes(':') ? `[${value.host}]:${value.port}` : `${value.host}:${value.port}`;
}

export const OPTIONS = {
  profile: choice(
    'standard',
    ['standard', 'devnet'],
    'Which set of defaults applies: standard, or devnet for many small nodes on one machine.',
  ),
  'network.name': text(
    'holloway',
    NAME,
    '1 to 32 of a-z, 0-9 and -, starting with a letter or digit',
    'Which network this is; nodes of different names never link.',
  ),
  'network.listen': address<Address>(
    { host: '0.0.0.0', port: 9480 },
    false,
    'Where peers reach this node; a node bound to one address also dials from it.',
  ),
  'network.advertise': address<Address | undefined>(
    undefined,
    true,
    'What others are told to dial when it is not the bound address, for example behind a mapped port.',
  ),
  'network.seeds': texts(
    64,
    'at most 64 texts: base64url descriptors, or @FILE holding one',
    'Descriptors of nodes to join through, as printed by `holloway peer self`.',
  ),
  'network.private_addresses': boolean(
    false,
    'Whether loopback and private addresses may be dialled, advertised and extended to.',
  ),
  'network.prefix_rules': boolean(
    true,
    'Whether peers and paths must come from distinct address prefixes; off only where all nodes share one address.',
  ),
  'node.role': choice(
    'full',
    ['full', 'light', 'seed'],
    'full routes, stores and relays; light is a client only; seed is a full node that new nodes start from.',
  ),
  'peers.ring_each_side': integer(4, 1, 16, 'peers', 'Nearest nodes kept on either side of the ring.'),
  'peers.long_links': integer(16, 0, 48, 'peers', 'Peers kept at harmonic distances, for short routes.'),
  'peers.max': integer(32, 2, 64, 'peers', 'Peers at most, those that dialled us included.'),
  'routing.owners': integer(3, 1, 16, 'nodes', 'Nodes that should hold an ordinary block.'),
  'routing.owners_replicated': integer(
    8,
    1,
    16,
    'nodes',
    'Nodes that should hold a block that has several places on the ring.',
  ),
  'store.size': sizeOrAuto(
    '16MiB',
    '64TiB',
    'Disk that blocks of the network may use; auto takes a tenth of what is free at the first start, 1 to 64 GiB, and keeps to it.',
  ),
  'store.handoff_rate': bytes(
    '128KiB',
    '0B',
    '1GiB',
    'Bytes in a second that handing blocks on to their new owners may take; 0 hands none on.',
  ),
  'store.passphrase_file': path(
    'File whose first line seals the datastore, so that a thief of the disk can tell nothing about it; - reads it from stdin at start. Lost, the store is lost.',
  ),
  'publish.class': choice('fast', ['fast', 'strong'], 'Traffic class of a publish when the command does not say.'),
  'fetch.class': choice('fast', ['fast', 'strong'], 'Traffic class of a fetch when the command does not say.'),
  'circuits.ready': integer(8, 0, 16, 'circuits', 'Circuits of three relays kept ready for the next document.'),
  'crypto.engine': choice(
    'auto',
    ['auto', 'portable'],
    'auto takes the faster of two implementations per size after a self-test; portable never uses OpenSSL for X25519 and ChaCha20-Poly1305. Also HOLLOWAY_CRYPTO.',
  ),
  'log.level': choice('info', ['error', 'warn', 'info', 'debug', 'trace'], 'The least important line still logged.'),
  'log.format': choice('text', ['text', 'json'], 'How a log line is written to stderr.'),
  'debug.trace': boolean(
    false,
    'Records which relays carried and which nodes kept each block: it breaks anonymity, so only the devnet profile allows it.',
  ),
} satisfies Record<string, Option<unknown>>;

export type OptionKey = keyof typeof OPTIONS;
export type Values = {
  readonly [K in OptionKey]: (typeof OPTIONS)[K] extends Option<infer T> ? T : never;
};
export type Profile = Values['profile'];

export const OPTION_KEYS = Object.keys(OPTIONS) as OptionKey[];

/** The table without its value types, for code that walks all of it. */
export function optionOf(key: OptionKey): Option<unknown> {
  return OPTIONS[key] as Option<unknown>;
}

export function isOptionKey(text: string): text is OptionKey {
  return Object.hasOwn(OPTIONS, text);
}

/** Defaults that replace the table's when a profile is chosen. */
export const PROFILES: Readonly<Record<Profile, Partial<Values>>> = {
  standard: {},
  devnet: {
    'network.name': 'devnet',
    'network.listen': { host: '127.0.0.1', port: 0 },
    'network.private_addresses': true,
    'peers.ring_each_side': 1,
    'peers.long_links': 2,
    'peers.max': 16,
    'routing.owners': 2,
    'routing.owners_replicated': 2,
    'store.size': 256 * 2 ** 20,
    'circuits.ready': 7,
    'publish.class': 'fast',
    'fetch.class': 'fast',
  },
};

/** HOLLOWAY_STORE_SIZE for `store.size`. */
export function environmentName(key: OptionKey): string {
  return `HOLLOWAY_${key.replaceAll('.', '_').toUpperCase()}`;
}
