/**
 * Documents: publish, fetch, list.
 * @module
 */

import { CLASS, type CommandSpec, PROGRESS, TIMEOUT } from '../spec.ts';
import { PASSPHRASE_FILE } from './key.ts';

export const TRANSFER_RESULT = {
  v: 'integer',
  id: 'text',
  kind: 'text',
  'uri?': 'text',
  sizeBytes: 'integer',
  contentType: 'text|null',
  name: 'text|null',
  blocks: 'integer',
  'blocksAsked?': 'integer',
  exits: 'integer',
  trafficClass: 'text',
  copiesMin: 'integer|null',
  'verified?': { asked: 'integer', found: 'integer' },
  tookMs: 'integer',
} as const;

export const DOCUMENT_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'publish',
    args: [{ name: '<file>', sentence: 'file or folder to publish; - reads stdin' }],
    flags: [
      { flags: '--type <type>', sentence: 'media type told to readers, such as text/plain' },
      { flags: '--name <name>', sentence: 'file name told to readers; none by default' },
      CLASS,
      {
        flags: '--as <key>',
        sentence: 'a name for it: key of the key ring (its site), KEY/DOCUMENT, or KSK@word, which anybody can guess',
      },
      PASSPHRASE_FILE,
      {
        flags: '--keywords <words>',
        sentence: 'words with commas between them, under which `holloway search` finds it for 30 days',
      },
      { flags: '--default <path>', sentence: 'file of a folder that stands for the whole (index.html)' },
      { flags: '--all', sentence: 'of a folder also what begins with a dot' },
      { flags: '--strip', sentence: 'take out of a JPEG or PNG what says where, when and by whom it was made' },
      { flags: '--strict', sentence: 'refuse (exit 7) what carries such things instead of warning' },
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
    json: TRANSFER_RESULT,
    load: async () => (await import('../publish.ts')).publish,
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
    json: { ...TRANSFER_RESULT, path: 'text' },
    load: async () => (await import('../fetch.ts')).fetchDocument,
  },
  {
    name: 'ls',
    args: [{ name: '<uri>', sentence: 'the key, or KEY/folder; - reads it from stdin' }],
    flags: [{ flags: '-R, --recursive', sentence: 'folders in it too' }, CLASS, TIMEOUT],
    sentence: 'List what a key names without fetching it.',
    example: 'holloway ls "$(cat uri.txt)" -R',
    json: { v: 'integer', sizeBytes: 'integer', contentType: 'text|null', name: 'text|null', directory: 'object|null' },
    load: async () => (await import('../ls.ts')).ls,
  },
];
