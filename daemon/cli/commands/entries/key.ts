/**
 * Signing keys: make, list, hand out, take in.
 * @module
 */
import type { CommandSpec, FlagSpec, JsonShape } from '../spec.ts';

export const PASSPHRASE_FILE: FlagSpec = {
  flags: '--passphrase-file <path>',
  sentence: 'file whose first line is the passphrase of the key',
};
const NAME = { name: '<name>', sentence: 'name in the key ring' };

const KEY: JsonShape = {
  'v?': 'integer',
  name: 'text',
  requestUri: 'text',
  siteUri: 'text',
  hasPassphrase: 'boolean',
  createdDay: 'integer',
};

export const KEY_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'key new',
    args: [{ name: '[name]', sentence: 'name in the key ring: letters, digits, dots, dashes' }],
    flags: [{ flags: '--name <name>', sentence: 'the same' }, PASSPHRASE_FILE],
    sentence: 'Make a signing key and print its form for readers.',
    example: 'holloway key new blog',
    json: KEY,
    load: async () => (await import('../key.ts')).keyNew,
  },
  {
    name: 'key list',
    args: [],
    flags: [],
    sentence: 'List the signing keys of this home.',
    example: 'holloway key list',
    json: { v: 'integer', keys: [KEY] },
    load: async () => (await import('../key.ts')).keyList,
  },
  {
    name: 'key show',
    args: [NAME],
    flags: [],
    sentence: 'Print the forms of one key that readers get.',
    example: 'holloway key show blog',
    json: KEY,
    load: async () => (await import('../key.ts')).keyShow,
  },
  {
    name: 'key export',
    args: [NAME],
    flags: [
      { flags: '-o, --output <path>', sentence: 'new file for the private key, readable by you alone' },
      { flags: '--stdout', sentence: 'print the private key' },
      PASSPHRASE_FILE,
    ],
    sentence: 'Hand out the private form of a key: whoever has it can publish as you.',
    example: 'holloway key export blog -o blog.key',
    json: { v: 'integer', name: 'text', 'insertUri?': 'text', 'path?': 'text' },
    load: async () => (await import('../key.ts')).keyExport,
  },
  {
    name: 'key import',
    args: [NAME],
    flags: [{ flags: '--file <path>', sentence: 'file with the private key; stdin by default' }, PASSPHRASE_FILE],
    sentence: 'Take a private key (SSK@ or USK@) into the key ring, from stdin or a file.',
    example: 'holloway key import blog < blog.key',
    json: KEY,
    load: async () => (await import('../key.ts')).keyImport,
  },
  {
    name: 'key rm',
    args: [NAME],
    flags: [{ flags: '--yes', sentence: 'go ahead: what it signed can never be updated again without an export' }],
    sentence: 'Forget a signing key.',
    example: 'holloway key rm old-blog --yes',
    json: { v: 'integer', removed: 'boolean' },
    load: async () => (await import('../key.ts')).keyRemove,
  },
];
