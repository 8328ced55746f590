/**
 * The persistent queue: what waits, runs and ended.
 * @module
 */
import type { CommandSpec, JsonShape } from '../spec.ts';

const ENTRY = {
  transfer: 'object',
  state: 'text',
  priority: 'integer',
  persistence: 'text',
  attempts: 'integer',
  nextAttemptInMs: 'integer|null',
  uri: 'text|null',
  path: 'text|null',
  verified: 'object|null',
  error: 'object|null',
} as const satisfies JsonShape;
const SHOWN: JsonShape = { v: 'integer', ...ENTRY };
const NAME = { name: '<transfer>', sentence: 'its name in the list, or the beginning of its id' };

export const TRANSFERS_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'transfers list',
    args: [],
    flags: [],
    sentence: 'List publishes and fetches that wait, run or stopped; they survive the daemon.',
    example: 'holloway transfers list',
    json: { v: 'integer', transfers: [ENTRY] },
    load: async () => (await import('../transfers.ts')).transfersList,
  },
  {
    name: 'transfers show',
    args: [NAME],
    flags: [],
    sentence: 'Say all about one: its key, its place, how far it is, what went wrong.',
    example: 'holloway transfers show file-2',
    json: SHOWN,
    load: async () => (await import('../transfers.ts')).transfersShow,
  },
  {
    name: 'transfers pause',
    args: [NAME],
    flags: [],
    sentence: 'Stop it; what is there stays.',
    example: 'holloway transfers pause file-2',
    json: SHOWN,
    load: async () => (await import('../transfers.ts')).transfersPause,
  },
  {
    name: 'transfers resume',
    args: [NAME],
    flags: [],
    sentence: 'Go on with one that is paused.',
    example: 'holloway transfers resume file-2',
    json: SHOWN,
    load: async () => (await import('../transfers.ts')).transfersResume,
  },
  {
    name: 'transfers retry',
    args: [NAME],
    flags: [],
    sentence: 'Try one that failed, or waits for its next attempt, now.',
    example: 'holloway transfers retry file-2',
    json: SHOWN,
    load: async () => (await import('../transfers.ts')).transfersRetry,
  },
  {
    name: 'transfers cancel',
    args: [NAME],
    flags: [],
    sentence: 'End it and forget it with all it kept; a finished file stays.',
    example: 'holloway transfers cancel file-2',
    json: SHOWN,
    load: async () => (await import('../transfers.ts')).transfersCancel,
  },
  {
    name: 'transfers priority',
    args: [NAME, { name: '<priority>', sentence: '0 (first) to 6' }],
    flags: [],
    sentence: 'Let it go before or after others.',
    example: 'holloway transfers priority file-2 0',
    json: SHOWN,
    load: async () => (await import('../transfers.ts')).transfersPriority,
  },
];
