/**
 * Every command, once: name, arguments, flags, a sentence, an example. The parser, --help and the test of both read this table.
 *
 * Shape   names of two words are sub-commands. `load` brings the code when the command is called, so that --help stays quick.
 * Source  ux § 2.2.
 * @module
 */
import type { CommandRun } from '../context.ts';

export interface FlagSpec {
  /** As commander reads it: `-o, --output <path>`. */
  readonly flags: string;
  readonly sentence: string;
  /** May be given several times. */
  readonly repeatable?: true;
}

export interface CommandSpec {
  readonly name: string;
  /** `<file>` is needed, `[uri]` may be left out, `<i...>` takes several. */
  readonly args: readonly { readonly name: string; readonly sentence: string }[];
  readonly flags: readonly FlagSpec[];
  readonly sentence: string;
  readonly example: string;
  readonly load: () => Promise<CommandRun>;
}

/** Understood before and after every command. */
export const GLOBAL_FLAGS: readonly FlagSpec[] = [
  { flags: '--home <dir>', sentence: 'everything of this node in one directory (also HOLLOWAY_HOME)' },
  { flags: '--socket <path>', sentence: 'control socket of the daemon to ask' },
  { flags: '--json', sentence: 'one JSON document on stdout, also on failure' },
  { flags: '--quiet', sentence: 'nothing on stderr but errors' },
  { flags: '--debug', sentence: 'stack traces with errors' },
];

const SET: FlagSpec = {
  flags: '--set <key=value>',
  sentence: 'a setting, over environment and file',
  repeatable: true,
};
const TIMEOUT: FlagSpec = { flags: '--timeout <time>', sentence: 'give up after this long, such as 30s' };
const PROGRESS: FlagSpec = { flags: '--progress <how>', sentence: 'auto | bar | plain | json | none' };
const CLASS: FlagSpec = { flags: '--class <class>', sentence: 'fast | strong: how much the traffic hides' };
const DIR: FlagSpec = { flags: '--dir <dir>', sentence: 'where the devnet lives; by default in the state directory' };
const NODES: FlagSpec = { flags: '--nodes <n>', sentence: 'how many nodes, 2..254 (8)' };

export const COMMANDS: readonly CommandSpec[] = [
  {
    name: 'daemon',
    args: [],
    flags: [
      SET,
      { flags: '--check-config', sentence: 'read and check the configuration, then end' },
      { flags: '--lifeline-fd <n>', sentence: 'end when this inherited pipe closes' },
    ],
    sentence: 'Run a node in the foreground until it is told to stop.',
    example: 'holloway daemon --home ./node --set network.listen=127.0.0.1:9480',
    load: async () => (await import('./daemon.ts')).daemon,
  },
  {
    name: 'start',
    args: [],
    flags: [SET, TIMEOUT],
    sentence: 'Start a daemon in the background and return when it answers.',
    example: 'holloway start',
    load: async () => (await import('./start.ts')).start,
  },
  {
    name: 'stop',
    args: [],
    flags: [TIMEOUT],
    sentence: 'Stop the daemon gracefully and return when it has ended.',
    example: 'holloway stop',
    load: async () => (await import('./start.ts')).stop,
  },
  {
    name: 'status',
    args: [],
    flags: [
      { flags: '--watch', sentence: 'stay, and print the lines that change' },
      { flags: '--check', sentence: 'exit code 0 only if HEALTHY or DEGRADED' },
      TIMEOUT,
    ],
    sentence: 'Say how the node is doing: verdict, peers, circuits, store, transfers.',
    example: 'holloway status --check --quiet',
    load: async () => (await import('./status.ts')).status,
  },
  {
    name: 'top',
    args: [],
    flags: [
      { flags: '--read-only', sentence: 'open the read-only socket: look, do not change' },
      { flags: '--ascii', sentence: 'draw with ASCII only' },
      { flags: '--color <when>', sentence: 'auto | always | never | 16 | 256' },
      { flags: '--no-mouse', sentence: 'leave the mouse to the terminal' },
      { flags: '--refresh <time>', sentence: 'how often, 200ms..10s (1s)' },
      { flags: '--tab <name>', sentence: 'which tab to open first' },
    ],
    sentence: 'Open the dashboard.',
    example: 'holloway top --tab routing',
    load: async () => (await import('./top.ts')).top,
  },
  {
    name: 'publish',
    args: [{ name: '<file>', sentence: 'file or folder to publish; - reads stdin' }],
    flags: [
      { flags: '--type <type>', sentence: 'media type told to readers, such as text/plain' },
      { flags: '--name <name>', sentence: 'file name told to readers; none by default' },
      CLASS,
      { flags: '--default <path>', sentence: 'file of a folder that stands for the whole (index.html)' },
      { flags: '--all', sentence: 'of a folder also what begins with a dot' },
      { flags: '--verify', sentence: 'before saying done, fetch sample blocks back over another route' },
      {
        flags: '--compress',
        sentence: 'compress (zstd) if that saves; the length left over tells a little about the content',
      },
      { flags: '--convergent', sentence: 'same content, same key: whoever has the file can tell that you have it' },
      TIMEOUT,
      PROGRESS,
    ],
    sentence: 'Publish a document or a folder and print its key.',
    example: 'holloway publish photo.jpg --type image/jpeg',
    load: async () => (await import('./publish.ts')).publish,
  },
  {
    name: 'fetch',
    args: [{ name: '<uri>', sentence: 'the key; - reads it from stdin, out of sight of ps and shell history' }],
    flags: [
      { flags: '-o, --output <path>', sentence: 'file or folder to write; - for stdout' },
      { flags: '--force', sentence: 'overwrite the file' },
      { flags: '--range <from-to>', sentence: 'only these bytes, such as 0-1023 or 4096-' },
      { flags: '--max-size <size>', sentence: 'refuse anything larger, such as 2MiB' },
      CLASS,
      TIMEOUT,
      PROGRESS,
    ],
    sentence: 'Fetch a document, a folder, or one file of a folder (KEY/path) by its key.',
    example: 'holloway fetch "$(cat uri.txt)" -o photo.jpg',
    load: async () => (await import('./fetch.ts')).fetchDocument,
  },
  {
    name: 'ls',
    args: [{ name: '<uri>', sentence: 'the key, or KEY/folder; - reads it from stdin' }],
    flags: [{ flags: '-R, --recursive', sentence: 'folders in it too' }, CLASS, TIMEOUT],
    sentence: 'List what a key names without fetching it.',
    example: 'holloway ls "$(cat uri.txt)" -R',
    load: async () => (await import('./ls.ts')).ls,
  },
  {
    name: 'peer list',
    args: [],
    flags: [],
    sentence: 'List the peers of the node.',
    example: 'holloway peer list',
    load: async () => (await import('./peer.ts')).peerList,
  },
  {
    name: 'peer self',
    args: [],
    flags: [],
    sentence: 'Print the descriptor of this node, for network.seeds of another.',
    example: 'holloway peer self > seed.txt',
    load: async () => (await import('./peer.ts')).peerSelf,
  },
  {
    name: 'store stat',
    args: [],
    flags: [],
    sentence: 'Say what the datastore holds, and what it found damaged or had to give up.',
    example: 'holloway store stat',
    load: async () => (await import('./store.ts')).storeStat,
  },
  {
    name: 'store verify',
    args: [],
    flags: [
      { flags: '--rate <size>', sentence: 'bytes read in a second, such as 4MiB (16MiB)' },
      { flags: '--background', sentence: 'return at once; store stat shows how far it is' },
      TIMEOUT,
    ],
    sentence: 'Read every block this node owns and drop what no longer matches its key, while the node works.',
    example: 'holloway store verify --rate 4MiB',
    load: async () => (await import('./store.ts')).storeVerify,
  },
  {
    name: 'store resize',
    args: [{ name: '<size>', sentence: 'such as 8GiB' }],
    flags: [
      { flags: '--dry-run', sentence: 'only say what would be given up' },
      { flags: '--force', sentence: 'go ahead although blocks are given up' },
      TIMEOUT,
    ],
    sentence: 'Give the datastore another size while the node works.',
    example: 'holloway store resize 8GiB --dry-run',
    load: async () => (await import('./store.ts')).storeResize,
  },
  {
    name: 'store passphrase',
    args: [],
    flags: [
      { flags: '--new-file <path>', sentence: 'file whose first line is the new passphrase; - reads it from stdin' },
      { flags: '--remove', sentence: 'seal it no more' },
    ],
    sentence: 'Seal the datastore under another passphrase, or under none; no block is written again.',
    example: 'holloway store passphrase --new-file ~/secret.txt',
    load: async () => (await import('./store.ts')).storePassphrase,
  },
  {
    name: 'config list',
    args: [],
    flags: [{ flags: '--origin', sentence: 'show where each value comes from' }, SET],
    sentence: 'List every setting with its value.',
    example: 'holloway config list --origin',
    load: async () => (await import('./config.ts')).configList,
  },
  {
    name: 'config get',
    args: [{ name: '<key>', sentence: 'such as store.size' }],
    flags: [SET],
    sentence: 'Print one setting.',
    example: 'holloway config get store.size',
    load: async () => (await import('./config.ts')).configGet,
  },
  {
    name: 'config path',
    args: [],
    flags: [],
    sentence: 'Print where configuration, data, log and sockets are.',
    example: 'holloway config path',
    load: async () => (await import('./config.ts')).configPath,
  },
  {
    name: 'devnet up',
    args: [],
    flags: [
      NODES,
      DIR,
      { flags: '--peers <n>', sentence: 'peers each node looks for: 2 on the ring, the rest far (4)' },
      { flags: '--demo', sentence: 'publish samples and fetch them from another node' },
      SET,
      TIMEOUT,
      PROGRESS,
    ],
    sentence: 'Start a network of real daemons on this machine and return when its ring is complete.',
    example: 'holloway devnet up --nodes 10 --dir ./net',
    load: async () => (await import('./devnet.ts')).devnetUp,
  },
  {
    name: 'devnet status',
    args: [],
    flags: [DIR],
    sentence: 'List the nodes of the devnet.',
    example: 'holloway devnet status --dir ./net --json',
    load: async () => (await import('./devnet.ts')).devnetStatus,
  },
  {
    name: 'devnet kill',
    args: [{ name: '<i...>', sentence: 'numbers of nodes' }],
    flags: [DIR],
    sentence: 'Kill nodes of the devnet as a crash would (kill -9).',
    example: 'holloway devnet kill 1 4 6 --dir ./net',
    load: async () => (await import('./devnet.ts')).devnetKill,
  },
  {
    name: 'devnet down',
    args: [],
    flags: [DIR, { flags: '--purge', sentence: 'delete its directory too' }],
    sentence: 'Stop all nodes of the devnet.',
    example: 'holloway devnet down --purge --dir ./net',
    load: async () => (await import('./devnet.ts')).devnetDown,
  },
  {
    name: 'demo',
    args: [],
    flags: [NODES, { flags: '--plain', sentence: 'plain lines even on a terminal' }, PROGRESS],
    sentence: 'Start a devnet, publish samples, fetch them back, open the dashboard; everything ends with it.',
    example: 'holloway demo',
    load: async () => (await import('./demo.ts')).demo,
  },
];
