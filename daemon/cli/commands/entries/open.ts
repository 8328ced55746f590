/**
 * A document in a browser.
 * @module
 */
import { type CommandSpec, TIMEOUT } from '../spec.ts';

export const OPEN_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'open',
    args: [{ name: '[uri]', sentence: 'the key, or KEY/path; none: the home page of the gateway' }],
    flags: [{ flags: '--print', sentence: 'only print the address' }, TIMEOUT],
    sentence: 'Open a document in a private browser window with a profile of its own, and wait until that is closed.',
    example: 'holloway open "$(cat uri.txt)"',
    json: { v: 'integer', address: 'text', browser: 'text|null' },
    load: async () => (await import('../open.ts')).open,
  },
];
