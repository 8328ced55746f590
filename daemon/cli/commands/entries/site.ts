/**
 * Sites with editions, and what finds things: watch and search.
 * @module
 */
import { CLASS, type CommandSpec, type FlagSpec, PROGRESS, TIMEOUT } from '../spec.ts';
import { TRANSFER_RESULT } from './document.ts';
import { PASSPHRASE_FILE } from './key.ts';

const PUBLISH_FLAGS: readonly FlagSpec[] = [
  { flags: '--as <key>', sentence: 'key of the key ring; the site has its name' },
  { flags: '--index <path>', sentence: 'file that stands for the whole (index.html)' },
  { flags: '--all', sentence: 'also what begins with a dot' },
  { flags: '--verify', sentence: 'before saying done, fetch sample blocks back over another route' },
  PASSPHRASE_FILE,
  CLASS,
  TIMEOUT,
  PROGRESS,
];
const FOLDER = { name: '<dir>', sentence: 'folder of the site' };
const JSON_RESULT = {
  ...TRANSFER_RESULT,
  'files?': { inserted: 'integer', kept: 'integer', insertedBytes: 'integer' },
} as const;

export const SITE_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'site publish',
    args: [FOLDER],
    flags: PUBLISH_FLAGS,
    sentence: 'Publish a folder as the next edition of a site; of an earlier edition only what changed is inserted.',
    example: 'holloway site publish ./public --as blog',
    json: JSON_RESULT,
    load: async () => (await import('../site.ts')).sitePublish,
  },
  {
    name: 'site update',
    args: [FOLDER],
    flags: PUBLISH_FLAGS,
    sentence: 'The same, if the site has an edition already.',
    example: 'holloway site update ./public --as blog',
    json: JSON_RESULT,
    load: async () => (await import('../site.ts')).siteUpdate,
  },
  {
    name: 'site list',
    args: [],
    flags: [],
    sentence: 'List the sites of this home with their newest edition, as the network knows it now.',
    example: 'holloway site list',
    json: { v: 'integer', sites: [{ name: 'text', uri: 'text', edition: 'integer', isForked: 'boolean' }] },
    load: async () => (await import('../site.ts')).siteList,
  },
  {
    name: 'watch',
    args: [{ name: '<usk>', sentence: 'key of a site, at any edition' }],
    flags: [{ flags: '--once', sentence: 'end after the first answer' }, TIMEOUT],
    sentence: 'Follow a site: print the key of each new edition.',
    example: 'holloway watch "$(cat usk.txt)"',
    json: { v: 'integer', edition: 'integer', uri: 'text', isForked: 'boolean' },
    load: async () => (await import('../watch.ts')).watch,
  },
  {
    name: 'search',
    args: [{ name: '<words...>', sentence: 'keywords; what has more of them comes first' }],
    flags: [{ flags: '--limit <n>', sentence: 'how many hits to show, 1..200 (20)' }, TIMEOUT],
    sentence: 'Find documents that were announced under a word.',
    example: 'holloway search garden bees',
    json: {
      v: 'integer',
      hits: [
        {
          uri: 'text',
          words: 'integer',
          title: 'text|null',
          contentType: 'text|null',
          sizeBytes: 'integer',
          ageDays: 'integer',
          workBits: 'integer',
        },
      ],
      buckets: 'integer',
      answered: 'integer',
    },
    load: async () => (await import('../search.ts')).search,
  },
];
