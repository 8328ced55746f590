/**
 * How the node is doing: in words, and on the dashboard.
 * @module
 */
import { type CommandSpec, type JsonShape, TIMEOUT } from '../spec.ts';

/** As GET /v1/status: daemon/api/schema.ts documents every number of it. */
const STATUS: JsonShape = {
  v: 'integer',
  version: 'text',
  network: 'text',
  readOnly: 'boolean',
  verdict: { word: 'text', reason: 'text', next: 'text' },
  uptimeMs: 'integer',
  nowMs: 'integer',
  pid: 'integer',
  node: 'object',
  peers: 'object',
  traffic: 'object',
  history: 'object',
  requests: 'object',
  store: 'object',
  circuits: 'object',
  transfers: ['object'],
  log: ['object'],
};

export const STATUS_COMMANDS: readonly CommandSpec[] = [
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
    json: STATUS,
    load: async () => (await import('../status.ts')).status,
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
      { flags: '--keys', sentence: 'print the keys and what they do, as tui.keys leaves them' },
    ],
    sentence: 'Open the dashboard.',
    example: 'holloway top --tab routing',
    json: undefined,
    load: async () => (await import('../top.ts')).top,
  },
];
