/**
 * A node: in the foreground, in the background, and its end.
 * @module
 */
import { type CommandSpec, SET, TIMEOUT } from '../spec.ts';

export const DAEMON_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'daemon',
    args: [],
    flags: [
      SET,
      { flags: '--check-config', sentence: 'read and check the configuration, then end' },
      { flags: '--ready-fd <n>', sentence: 'write "ready" to this inherited descriptor once all listeners answer' },
      { flags: '--lifeline-fd <n>', sentence: 'end when this inherited pipe closes' },
    ],
    sentence: 'Run a node in the foreground until it is told to stop.',
    example: 'holloway daemon --home ./node --set network.listen=127.0.0.1:9480',
    json: { v: 'integer', usable: 'boolean' },
    load: async () => (await import('../daemon.ts')).daemon,
  },
  {
    name: 'start',
    args: [],
    flags: [SET, TIMEOUT],
    sentence: 'Start a daemon in the background and return when it answers.',
    example: 'holloway start',
    json: { v: 'integer', pid: 'integer', network: 'text', api: 'text' },
    load: async () => (await import('../start.ts')).start,
  },
  {
    name: 'stop',
    args: [],
    flags: [TIMEOUT],
    sentence: 'Stop the daemon gracefully and return when it has ended.',
    example: 'holloway stop',
    json: { v: 'integer', pid: 'integer' },
    load: async () => (await import('../start.ts')).stop,
  },
  {
    name: 'wait',
    args: [],
    flags: [
      { flags: '--ready', sentence: 'until the verdict is HEALTHY or DEGRADED' },
      { flags: '--peers <n>', sentence: 'until so many peers are connected' },
      TIMEOUT,
    ],
    sentence: 'Wait until a daemon answers, is ready, or has so many peers.',
    example: 'holloway wait --ready --peers 3 --timeout 60s',
    json: { v: 'integer', verdict: { word: 'text', reason: 'text', next: 'text' }, peers: 'integer' },
    load: async () => (await import('../wait.ts')).wait,
  },
];
