/**
 * A whole network of real daemons on this machine.
 * @module
 */
import { type CommandSpec, type FlagSpec, PROGRESS, SET, TIMEOUT } from '../spec.ts';

const DIR: FlagSpec = { flags: '--dir <dir>', sentence: 'where the devnet lives; by default in the state directory' };
const NODES: FlagSpec = { flags: '--nodes <n>', sentence: 'how many nodes, 2..254 (8)' };

export const DEVNET_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'devnet up',
    args: [],
    flags: [
      NODES,
      DIR,
      { flags: '--peers <n>', sentence: 'peers each node looks for: 2 on the ring, the rest far (4)' },
      { flags: '--latency <time>', sentence: 'one-way delay between nodes, such as 40ms' },
      { flags: '--loss <share>', sentence: 'share of packets that must be sent again, such as 1%' },
      { flags: '--churn <time>', sentence: 'mean time after which a node is cut off for a sixth of it, such as 10m' },
      { flags: '--seed <n>', sentence: 'draw loss and churn from this number, to see the same again' },
      { flags: '--demo', sentence: 'publish samples and fetch them from another node' },
      SET,
      TIMEOUT,
      PROGRESS,
    ],
    sentence: 'Start a network of real daemons on this machine and return when its ring is complete.',
    example: 'holloway devnet up --nodes 10 --dir ./net',
    json: {
      v: 'integer',
      dir: 'text',
      tookMs: 'integer',
      nodes: [{ i: 'integer', home: 'text', pid: 'integer', link: 'text' }],
      'samples?': [{ label: 'text', uri: 'text' }],
    },
    load: async () => (await import('../devnet.ts')).devnetUp,
  },
  {
    name: 'devnet status',
    args: [],
    flags: [DIR],
    sentence: 'List the nodes of the devnet.',
    example: 'holloway devnet status --dir ./net --json',
    json: {
      v: 'integer',
      dir: 'text',
      nodes: [
        {
          i: 'integer',
          home: 'text',
          pid: 'integer|null',
          link: 'text|null',
          gateway: 'text|null',
          fcp: 'text|null',
          verdict: 'text|null',
          peers: 'integer|null',
        },
      ],
    },
    load: async () => (await import('../devnet.ts')).devnetStatus,
  },
  {
    name: 'devnet kill',
    args: [{ name: '<i...>', sentence: 'numbers of nodes' }],
    flags: [DIR],
    sentence: 'Kill nodes of the devnet as a crash would (kill -9).',
    example: 'holloway devnet kill 1 4 6 --dir ./net',
    json: { v: 'integer', killed: ['integer'] },
    load: async () => (await import('../devnet.ts')).devnetKill,
  },
  {
    name: 'devnet down',
    args: [],
    flags: [DIR, { flags: '--purge', sentence: 'delete its directory too' }],
    sentence: 'Stop all nodes of the devnet.',
    example: 'holloway devnet down --purge --dir ./net',
    json: { v: 'integer', stopped: 'integer' },
    load: async () => (await import('../devnet.ts')).devnetDown,
  },
  {
    name: 'demo',
    args: [],
    flags: [NODES, { flags: '--plain', sentence: 'plain lines even on a terminal' }, PROGRESS],
    sentence: 'Start a devnet, publish samples, fetch them back, open the dashboard; everything ends with it.',
    example: 'holloway demo',
    json: {
      v: 'integer',
      nodes: 'integer',
      readyMs: 'integer',
      samples: [{ label: 'text', uri: 'text', publish: 'object', fetch: 'object' }],
    },
    load: async () => (await import('../demo.ts')).demo,
  },
];
