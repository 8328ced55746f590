/**
 * The command line inside the dashboard: what may be typed after `:`, what it asks for, and how Tab completes it.
 *
 * Shape   parseCommand(text, known) -> a Command or a sentence that says what is wrong; complete(text, known) -> the longer text and the choices.
 * Why     the same words as on the command line outside, so that nobody learns two languages. What only makes sense in a shell is answered
 *         with that, not with "unknown".
 * Source  ux § 1.3 (`:`), § 2.2.
 * @module
 */
import { parseDuration, parseSize } from '../config/schema.ts';
import type { Status } from '../daemon/api/schema.ts';
import { TABS, type TabId } from './keymap.ts';

/** A drop is a short ban: long enough for another to take the place. */
export const DROP_MS = 60_000;

export interface PublishWish {
  readonly type: 'publish';
  readonly file: string;
  readonly query: {
    readonly type?: string;
    readonly name?: string;
    readonly class?: string;
    readonly convergent?: boolean;
    readonly compress?: boolean;
    readonly verify?: boolean;
  };
}

export interface FetchWish {
  readonly type: 'fetch';
  readonly uri: string;
  readonly path: string | undefined;
  readonly force: boolean;
}

export type Command =
  | PublishWish
  | FetchWish
  | {
      readonly type: 'transfer';
      readonly action: 'cancel' | 'copy' | 'pause' | 'resume' | 'retry' | 'priority';
      readonly alias: string;
      readonly toFile?: boolean;
      readonly priority?: number;
    }
  | { readonly type: 'ban'; readonly alias: string; readonly forMs: number }
  | { readonly type: 'invite'; readonly lifeMs: number }
  | { readonly type: 'add-peer'; readonly text: string }
  | { readonly type: 'trace'; readonly uri: string }
  | { readonly type: 'shell'; readonly words: readonly string[] }
  | { readonly type: 'tab'; readonly tab: TabId }
  | { readonly type: 'setting'; readonly key: string }
  | { readonly type: 'set'; readonly key: string; readonly value: string }
  | { readonly type: 'resize'; readonly sizeBytes: number }
  | { readonly type: 'verify' | 'self' | 'stop' | 'reveal' | 'help' | 'quit' };

/** What completion may offer. */
export interface Known {
  readonly status: Status | undefined;
  readonly settings: readonly string[];
}

export interface CommandRow {
  readonly name: string;
  readonly usage: string;
  readonly sentence: string;
  /** Flags with a value end in `=` here. */
  readonly flags: readonly string[];
  /** What stands in the place of its first word. */
  readonly offers: 'file' | 'transfer' | 'peer' | 'setting' | 'tab' | 'nothing';
}

export const COMMAND_ROWS: readonly CommandRow[] = [
  {
    name: 'publish',
    usage: 'FILE [--type T] [--name N] [--verify] [--compress] [--convergent]',
    sentence: 'publish a file; its key is copied with y',
    flags: ['--type=', '--name=', '--class=', '--verify', '--compress', '--convergent'],
    offers: 'file',
  },
  {
    name: 'fetch',
    usage: 'URI [-o PATH] [--force]',
    sentence: 'fetch a key into a file',
    flags: ['-o=', '--force'],
    offers: 'nothing',
  },
  {
    name: 'transfers cancel',
    usage: 'ALIAS',
    sentence: 'end a transfer, such as file-2',
    flags: [],
    offers: 'transfer',
  },
  { name: 'transfers pause', usage: 'ALIAS', sentence: 'let a transfer rest', flags: [], offers: 'transfer' },
  { name: 'transfers resume', usage: 'ALIAS', sentence: 'let it go on', flags: [], offers: 'transfer' },
  { name: 'transfers retry', usage: 'ALIAS', sentence: 'begin a failed one now', flags: [], offers: 'transfer' },
  {
    name: 'transfers priority',
    usage: 'ALIAS 0-6',
    sentence: 'order in the queue: 0 is served first',
    flags: [],
    offers: 'transfer',
  },
  {
    name: 'transfers copy',
    usage: 'ALIAS [--file]',
    sentence: 'copy the key of a transfer, or put it into a file, without showing it',
    flags: ['--file'],
    offers: 'transfer',
  },
  { name: 'transfers list', usage: '', sentence: 'open Xfers', flags: [], offers: 'nothing' },
  { name: 'peer list', usage: '', sentence: 'open Peers', flags: [], offers: 'nothing' },
  {
    name: 'peer self',
    usage: '',
    sentence: "copy this node's descriptor, which lets others join through it",
    flags: [],
    offers: 'nothing',
  },
  {
    name: 'peer invite',
    usage: '[--expires TIME]',
    sentence: 'copy an invite to this network, good for 24 h',
    flags: ['--expires='],
    offers: 'nothing',
  },
  {
    name: 'peer add',
    usage: 'INVITE',
    sentence: 'dial the nodes of an invite to this network, or of a descriptor',
    flags: [],
    offers: 'nothing',
  },
  { name: 'peer drop', usage: 'ALIAS', sentence: 'send a peer away for a minute', flags: [], offers: 'peer' },
  {
    name: 'peer ban',
    usage: 'ALIAS [TIME]',
    sentence: 'send a peer away for a time such as 2d; an hour if none is given',
    flags: [],
    offers: 'peer',
  },
  {
    name: 'trace',
    usage: 'KEY',
    sentence: 'what happens here to requests for a CHK key, or a busy one by its alias',
    flags: [],
    offers: 'nothing',
  },
  { name: 'config list', usage: '', sentence: 'open Config', flags: [], offers: 'nothing' },
  { name: 'config get', usage: 'KEY', sentence: 'show one setting on Config', flags: [], offers: 'setting' },
  {
    name: 'store resize',
    usage: 'SIZE',
    sentence: 'another size, such as 8GiB: first it says what that gives up',
    flags: [],
    offers: 'nothing',
  },
  {
    name: 'store verify',
    usage: '',
    sentence: 'read every block and compare it with its key',
    flags: [],
    offers: 'nothing',
  },
  { name: 'store stat', usage: '', sentence: 'open Store', flags: [], offers: 'nothing' },
  {
    name: 'config set',
    usage: 'KEY VALUE',
    sentence: 'change what a running daemon takes: log.level, log.levels, log.redact, store.size',
    flags: [],
    offers: 'setting',
  },
  { name: 'logs', usage: '', sentence: 'open Log', flags: [], offers: 'nothing' },
  { name: 'status', usage: '', sentence: 'open Overview', flags: [], offers: 'nothing' },
  { name: 'tab', usage: 'NAME', sentence: 'open a tab', flags: [], offers: 'tab' },
  { name: 'reveal', usage: '', sentence: 'show keys and addresses for a minute', flags: [], offers: 'nothing' },
  { name: 'stop', usage: '', sentence: 'stop the daemon', flags: [], offers: 'nothing' },
  { name: 'help', usage: '', sentence: 'the keys', flags: [], offers: 'nothing' },
  { name: 'quit', usage: '', sentence: 'leave the dashboard', flags: [], offers: 'nothing' },
];

/** Run in a shell of their own, and what they print is shown: their words are those of the command line. */
const SHELL_ROWS: readonly (readonly [name: string, sentence: string])[] = [
  ['key list', 'your signing keys'],
  ['key new', 'make a signing key'],
  ['site list', 'your sites'],
  ['site publish', 'publish a folder as a site'],
  ['site update', 'the next edition of a site'],
  ['doctor', 'look the whole node over'],
  ['config unset', 'back to the default, in the file'],
  ['devnet status', 'the daemons of a devnet'],
  ['man', 'the manual'],
  ['wait', 'until the node is ready'],
];

/** Take the terminal for themselves, read secrets from it, end what this one looks at, or print what a screen hides: keys, names, places on the disk. */
const SHELL_ONLY = [
  'daemon',
  'start',
  'top',
  'devnet',
  'demo',
  'config',
  'peer',
  'transfers',
  'store',
  'key',
  'site',
  'completion',
  'watch',
  'ls',
  'search',
  'open',
];

/** What the user meant, or why it cannot be done. */
export function parseCommand(text: string): Command | string {
  const words = wordsOf(text.trim().replace(/^holloway\s+/, ''));
  if (typeof words === 'string') return words;
  const [first = '', second = ''] = words;
  if (first === '') return 'Tab lists the commands';
  const row = COMMAND_ROWS.find(({ name }) => name === `${first} ${second}` || name === first);
  const shell = SHELL_ROWS.find(([name]) => name === `${first} ${second}` || name === first);
  if (row === undefined && shell !== undefined) return { type: 'shell', words };
  if (row === undefined) {
    return SHELL_ONLY.includes(first)
      ? `"${[first, second].join(' ').trim()}" works in a shell, not here`
      : `no command "${first}"; Tab lists them`;
  }
  const taken = takeFlags(row, words.slice(row.name.split(' ').length));
  if (typeof taken === 'string') return taken;
  const { flags, rest } = taken;
  const wanted = row.usage
    .replaceAll(/\[.*?\]/g, '')
    .split(' ')
    .filter(Boolean).length;
  if (row.name === 'config set' && rest.length === 2) return setting(rest[0]!, rest[1]!);
  if (row.name === 'peer ban' && (rest.length === 1 || rest.length === 2)) return banOf(rest[0]!, rest[1] ?? '1h');
  // Several descriptors are pasted as they were printed.
  if (row.name === 'peer add' && rest.length > 1) return { type: 'add-peer', text: rest.join(' ') };
  if (row.name === 'transfers priority' && rest.length === 2) return priorityOf(rest[0]!, rest[1]!);
  if (rest.length !== wanted) return wanted === 0 ? `${row.name} takes nothing more` : `${row.name} ${row.usage}`;
  return commandOf(row.name, rest[0] ?? '', flags);
}

function commandOf(name: string, word: string, flags: ReadonlyMap<string, string>): Command | string {
  switch (name) {
    case 'publish': {
      const pick = (flag: string, key: string): object => (flags.has(flag) ? { [key]: flags.get(flag) } : {});
      const query = {
        ...pick('--type', 'type'),
        ...pick('--name', 'name'),
        ...pick('--class', 'class'),
        ...(flags.has('--convergent') ? { convergent: true } : {}),
        ...(flags.has('--compress') ? { compress: true } : {}),
        ...(flags.has('--verify') ? { verify: true } : {}),
      };
      if (flags.has('--convergent') && flags.has('--compress'))
        return '--convergent documents are never compressed: leave out --compress';
      return { type: 'publish', file: word, query };
    }
    case 'fetch':
      return { type: 'fetch', uri: word, path: flags.get('-o'), force: flags.has('--force') };
    case 'transfers copy':
      return { type: 'transfer', action: 'copy', alias: word, toFile: flags.has('--file') };
    case 'transfers cancel':
    case 'transfers pause':
    case 'transfers resume':
    case 'transfers retry':
      return { type: 'transfer', action: name.slice('transfers '.length) as 'cancel', alias: word };
    case 'peer drop':
      return { type: 'ban', alias: word, forMs: DROP_MS };
    case 'peer add':
      return { type: 'add-peer', text: word };
    case 'trace':
      return { type: 'trace', uri: word };
    case 'peer invite': {
      const text = flags.get('--expires') ?? '24h';
      const lifeMs = parseDuration(text);
      return lifeMs === undefined ? `${text} is no time; such as 24h or 7d` : { type: 'invite', lifeMs };
    }
    case 'config get':
      return { type: 'setting', key: word };
    case 'store resize': {
      const sizeBytes = parseSize(word);
      return sizeBytes === undefined ? `${word} is no size; such as 8GiB` : { type: 'resize', sizeBytes };
    }
    case 'store verify':
      return { type: 'verify' };
    case 'store stat':
      return { type: 'tab', tab: 'store' };
    case 'peer self':
      return { type: 'self' };
    case 'tab': {
      const found = TABS.find(({ id, key, title }) => [id, key, title.toLowerCase()].includes(word.toLowerCase()));
      return found === undefined ? `no tab "${word}"` : { type: 'tab', tab: found.id };
    }
    case 'transfers list':
      return { type: 'tab', tab: 'transfers' };
    case 'peer list':
      return { type: 'tab', tab: 'peers' };
    case 'config list':
      return { type: 'tab', tab: 'config' };
    case 'logs':
      return { type: 'tab', tab: 'log' };
    case 'status':
      return { type: 'tab', tab: 'overview' };
    default:
      return { type: name as 'stop' | 'reveal' | 'help' | 'quit' };
  }
}

function banOf(alias: string, text: string): Command | string {
  const forMs = parseDuration(text);
  return forMs === undefined ? `${text} is no time; such as 10m, 1h or 2d` : { type: 'ban', alias, forMs };
}

function priorityOf(alias: string, text: string): Command | string {
  if (!/^[0-6]$/.test(text)) return 'a priority is 0 (served first) to 6';
  return { type: 'transfer', action: 'priority', alias, priority: Number(text) };
}

function setting(key: string, value: string): Command | string {
  return key === 'store.size' ? commandOf('store resize', value, new Map()) : { type: 'set', key, value };
}

function takeFlags(
  row: CommandRow,
  words: readonly string[],
): { readonly flags: ReadonlyMap<string, string>; readonly rest: readonly string[] } | string {
  const flags = new Map<string, string>();
  const rest: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (!word.startsWith('-') || word === '-') {
      rest.push(word);
      continue;
    }
    if (row.flags.includes(word)) flags.set(word, '');
    else if (row.flags.includes(`${word}=`)) {
      const value = words[++i];
      if (value === undefined) return `${word} needs a value`;
      flags.set(word, value);
    } else return `${row.name} has no ${word}`;
  }
  return { flags, rest };
}

/** Quotes hold words together, a backslash takes the next character as it is. */
function wordsOf(text: string): string[] | string {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!;
    if (character === '\\' && quote !== "'" && i + 1 < text.length) word = (word ?? '') + text[++i];
    else if (quote !== '' ? character === quote : character === '"' || character === "'") {
      quote = quote === '' ? character : '';
      word ??= '';
    } else if (character === ' ' && quote === '') {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + character;
  }
  if (quote !== '') return 'a quote is not closed';
  if (word !== undefined) words.push(word);
  return words;
}

export interface Completion {
  readonly text: string;
  /** All that would fit, when there is more than one. */
  readonly choices: readonly string[];
  /** The caller looks for files that begin with this. */
  readonly path?: string;
}

export function complete(text: string, known: Known): Completion {
  const row = COMMAND_ROWS.find(({ name }) => text.startsWith(`${name} `));
  if (row === undefined) return extended('', text.trimStart(), namesFrom(text.trimStart()), ' ');
  const at = text.lastIndexOf(' ') + 1;
  const [before, word] = [text.slice(0, at), text.slice(at)];
  if (word.startsWith('-')) {
    const flags = row.flags.map((flag) => flag.replace('=', ''));
    return extended(before, word, flags, ' ');
  }
  const isFirst = before.trim() === row.name;
  const isPath = before.endsWith(' -o ') || (row.offers === 'file' && isFirst);
  if (isPath) return { text, choices: [], path: word };
  if (!isFirst) return { text, choices: [] };
  return extended(before, word, offered(row, known), '');
}

function namesFrom(text: string): readonly string[] {
  return [...COMMAND_ROWS.map(({ name }) => name), ...SHELL_ROWS.map(([name]) => name)].filter((name) =>
    name.startsWith(text),
  );
}

function offered(row: CommandRow, known: Known): readonly string[] {
  if (row.offers === 'transfer') return (known.status?.transfers ?? []).map(({ alias }) => alias);
  if (row.offers === 'peer') return (known.status?.peers.list ?? []).map(({ alias }) => alias);
  if (row.offers === 'setting') return known.settings;
  return row.offers === 'tab' ? TABS.map(({ id }) => id) : [];
}

/** As far as all choices agree; one alone is taken whole. */
export function extended(before: string, word: string, all: readonly string[], after: string): Completion {
  const choices = all.filter((choice) => choice.startsWith(word));
  const [first] = choices;
  if (first === undefined) return { text: before + word, choices: [] };
  if (choices.length === 1) return { text: `${before}${first}${after}`, choices: [] };
  let shared = first;
  for (const choice of choices) while (!choice.startsWith(shared)) shared = shared.slice(0, -1);
  return { text: before + shared, choices };
}

/** Output of a command for a screen that hides: keys, addresses and places on the disk are left out. */
export function hiddenText(text: string): string {
  return withoutKeys(text)
    .replaceAll(/\bholloway-invite:\S+/g, '(invite hidden)')
    .replaceAll(
      /\b(?:\d{1,3}\.){3}\d{1,3}(?::\d+)?\b|\[?\b[0-9a-f]{1,4}(?::[0-9a-f]{0,4}){3,}\]?(?::\d+)?/gi,
      '(address hidden)',
    )
    .replaceAll(/(?<![\w.])~?(?:\/[\w.@+~-]+){2,}\/?/g, '(path hidden)');
}

/** A key on the screen tells whoever looks over the shoulder: only its kind and length are shown. */
export function withoutKeys(text: string): string {
  return text.replaceAll(
    /\b(CHK|SSK|USK|KSK)@(\S*)/g,
    (_, kind: string, rest: string) => `${kind}@(${rest.length} hidden)`,
  );
}
