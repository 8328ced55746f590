/**
 * The datastore: what it holds, its size, its seal.
 * @module
 */
import { type CommandSpec, type JsonShape, TIMEOUT } from '../spec.ts';

const STORE: JsonShape = {
  v: 'integer',
  store: 'object',
  cache: 'object',
  records: 'integer',
  lookups: 'integer',
  misses: 'integer',
  damaged: 'integer',
  writeFailures: 'integer',
  copies: { owner: 'integer', path: 'integer', handoff: 'integer' },
  recordsEvicted: 'integer',
  sizeBytes: 'integer',
  isSealed: 'boolean',
  verify: 'object',
  resize: 'object',
};

export const STORE_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'store stat',
    args: [],
    flags: [],
    sentence: 'Say what the datastore holds, and what it found damaged or had to give up.',
    example: 'holloway store stat',
    json: STORE,
    load: async () => (await import('../store.ts')).storeStat,
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
    json: STORE,
    load: async () => (await import('../store.ts')).storeVerify,
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
    json: {
      v: 'integer',
      begun: 'boolean',
      sizeBytes: 'integer',
      evictedStore: 'integer',
      evictedCache: 'integer',
      evictedRecords: 'integer',
    },
    load: async () => (await import('../store.ts')).storeResize,
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
    json: STORE,
    load: async () => (await import('../store.ts')).storePassphrase,
  },
];
