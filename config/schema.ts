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
  readonly type: 'text' | 'texts' | 'integer' | 'boolean' | 'bytes' | 'duration' | 'share' | 'address' | 'choice';
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

export const LOG_LEVELS = ['error', 'warn', 'info', 'debug', 'trace'] as const;
/** Who writes to the log: the folders of the daemon, mostly. */
export const LOG_SUBSYSTEMS = [
  'daemon',
  'node',
  'link',
  'topology',
  'router',
  'store',
  'onion',
  'client',
  'api',
  'fcp',
  'gateway',
  'io',
] as const;

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

/** Milliseconds, written as `40ms`, `30s`, `5m`, `2h`. */
function duration(fallback: string, min: string, max: string, sentence: string): Option<number> {
  const range = `a duration ${min}..${max}, such as 40ms, 30s or 10m`;
  const [minMs, maxMs] = [parseDuration(min)!, parseDuration(max)!];
  const parse = (raw: unknown): number => {
    const value = typeof raw === 'string' ? parseDuration(raw) : undefined;
    if (value === undefined || value < minMs || value > maxMs) throw expected(range);
    return value;
  };
  const print = (value: number): string => quoted(formatDuration(value));
  return { type: 'duration', default: parseDuration(fallback)!, unit: 'ms', range, sentence, parse, print };
}

/** A share from 0 to 1, written as `1%` or `2.5%`. */
function share(fallback: number, sentence: string): Option<number> {
  const range = 'a share 0%..100%, such as 1% or 2.5%';
  const parse = (raw: unknown): number => {
    const match = typeof raw === 'string' ? /^(\d{1,3}(?:\.\d{1,3})?)%$/.exec(raw) : null;
    const value = match === null ? Number.NaN : Number(match[1]) / 100;
    if (!(value >= 0 && value <= 1)) throw expected(range);
    return value;
  };
  const print = (value: number): string => quoted(`${Number((value * 100).toFixed(3))}%`);
  return { type: 'share', default: fallback, unit: '%', range, sentence, parse, print };
}

/** `SUBSYSTEM=LEVEL` each. */
function levels(sentence: string): Option<readonly string[]> {
  const range = `a list of SUBSYSTEM=LEVEL; subsystems ${LOG_SUBSYSTEMS.join(' ')}; levels ${LOG_LEVELS.join(' ')}`;
  const list = texts(LOG_SUBSYSTEMS.length, range, sentence);
  const parse = (raw: unknown): readonly string[] => {
    const items = list.parse(raw);
    for (const item of items) {
      const [subsystem = '', level = '', ...rest] = item.split('=');
      const isKnown = LOG_SUBSYSTEMS.some((name) => name === subsystem) && LOG_LEVELS.some((name) => name === level);
      if (!isKnown || rest.length > 0) throw expected(range);
    }
    return items;
  };
  return { ...list, parse };
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

/** Addresses and networks: `127.0.0.1`, `::1`, `192.168.1.0/24`. */
function networks(fallback: readonly string[], sentence: string): Option<readonly string[]> {
  const range = 'at most 32 addresses or networks, such as 127.0.0.1, ::1 or 192.168.1.0/24';
  const list = texts(32, range, sentence);
  const parse = (raw: unknown): readonly string[] => {
    const items = list.parse(raw);
    for (const item of items) {
      const [host = '', bits, ...rest] = item.split('/');
      const isV6 = host.includes(':');
      const isAddress = parseAddress(isV6 ? `[${host}]:0` : `${host}:0`) !== undefined;
      const isLength = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (isV6 ? 128 : 32));
      if (!isAddress || !isLength || rest.length > 0) throw expected(range);
    }
    return items;
  };
  return { ...list, default: fallback, parse };
}

/** The dashboard knows its actions; here an entry has to look like one. */
function keys(sentence: string): Option<readonly string[]> {
  const range = 'at most 64 entries such as publish=P';
  const list = texts(64, range, sentence);
  const parse = (raw: unknown): readonly string[] => {
    const items = list.parse(raw);
    if (!items.every((item) => /^[a-z-]{2,24}=\S{1,12}$/.test(item))) throw expected(range);
    return items;
  };
  return { ...list, parse };
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

const DURATION_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `500ms`, `30s`, `5m`, `1h`, `7d`: milliseconds, or undefined when it is not a duration. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,7}(?:\.\d{1,3})?)(ms|s|m|h|d)$/.exec(text);
  return match === null ? undefined : Number(match[1]) * DURATION_UNITS[match[2]!]!;
}

/** The largest unit that writes the duration exactly. */
export function formatDuration(ms: number): string {
  for (const unit of ['d', 'h', 'm', 's']) {
    const factor = DURATION_UNITS[unit]!;
    if (ms >= factor && ms % factor === 0) return `${ms / factor}${unit}`;
  }
  return `${ms}ms`;
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
  'publish.class': choice(
    'strong',
    ['fast', 'strong'],
    'Traffic class of a publish when the command does not say: strong hides when and how much from whoever watches this line, and is slow; devnets use fast.',
  ),
  'fetch.class': choice('fast', ['fast', 'strong'], 'Traffic class of a fetch when the command does not say.'),
  'tui.keys': keys(
    'Other keys for the dashboard: entries ACTION=KEY. holloway top --keys prints the actions, their keys and how keys are written.',
  ),
  'circuits.ready': integer(8, 0, 16, 'circuits', 'Circuits of three relays kept ready for the next document.'),
  'crypto.engine': choice(
    'auto',
    ['auto', 'portable'],
    'auto takes the faster of two implementations per size after a self-test; portable never uses OpenSSL for X25519 and ChaCha20-Poly1305. Also HOLLOWAY_CRYPTO.',
  ),
  'log.level': choice('info', LOG_LEVELS, 'The least important line still logged.'),
  'log.levels': levels('Levels of single subsystems, over log.level.'),
  'log.format': choice('text', ['text', 'json'], 'How a log line is written.'),
  'log.file': path('File that log lines go to; empty: stderr. `holloway start` chooses one unless this does.'),
  'log.file_size': bytes('10MiB', '64KiB', '1GiB', 'Size at which the log file is put aside and a new one begun.'),
  'log.files': integer(5, 1, 100, 'files', 'Log files kept, the current one included.'),
  'log.redact': boolean(
    true,
    'Whether keys, addresses and paths are taken out of log lines; false is for a short search for a fault and warns every hour.',
  ),
  'metrics.listen': address<Address | undefined>(
    undefined,
    true,
    'Loopback address that answers /metrics, /healthz and /readyz without a key; empty: only the control socket does.',
  ),
  'fcp.listen': address<Address | undefined>(
    { host: '127.0.0.1', port: 9481 },
    true,
    'Where Freenet clients reach this node (FCPv2). It has no password: whoever connects may publish, fetch and stop it. Empty: nowhere.',
  ),
  'fcp.allow': networks(['127.0.0.0/8', '::1'], 'Addresses that may connect to fcp.listen.'),
  'gateway.listen': address<Address | undefined>(
    { host: '127.0.0.1', port: 8888 },
    true,
    'Where a browser reads documents by key. With 127.0.0.1 also ::1, where the machine has it. Empty: nowhere.',
  ),
  'gateway.allow_remote': boolean(
    false,
    'Whether gateway.listen may be an address that other machines reach; it then wants gateway.token_file from everybody.',
  ),
  'gateway.token_file': path(
    'File whose first line is the password that the gateway asks for when it listens to more than this machine.',
  ),
  'gateway.hosts': texts(
    16,
    'at most 16 names, with or without a port',
    'More names that browsers may call the gateway by; every other name is refused, so that no web page can make its own name lead here.',
  ),
  'gateway.browser_cache': boolean(
    false,
    'Whether browsers may keep documents on their disks: faster, and a record of what was read.',
  ),
  'debug.trace': boolean(
    false,
    'Records which relays carried and which nodes kept each block: it breaks anonymity, so only the devnet profile allows it.',
  ),
  'debug.latency': duration('0ms', '0ms', '10s', 'Devnet: time that bytes of this node take to arrive, one way.'),
  'debug.loss': share(0, 'Devnet: share of packets lost, each of which holds up its connection as TCP would.'),
  'debug.churn': duration(
    '0ms',
    '0ms',
    '7d',
    'Devnet: mean time after which this node is cut off from all others for a sixth of it; 0: never.',
  ),
  'debug.seed': integer(
    0,
    0,
    4_294_967_295,
    '',
    'Devnet: from which loss and churn are drawn; the same seed, the same faults.',
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
    'fcp.listen': { host: '127.0.0.1', port: 0 },
    'gateway.listen': { host: '127.0.0.1', port: 0 },
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
