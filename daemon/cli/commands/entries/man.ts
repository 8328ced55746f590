/**
 * The manual and completions.
 * @module
 */
import type { CommandSpec } from '../spec.ts';

export const MAN_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'man',
    args: [{ name: '[command...]', sentence: 'a command, or toml for the configuration file; none: the whole' }],
    flags: [{ flags: '--dir <dir>', sentence: 'write all pages there' }],
    sentence:
      'Print a page of the manual; with --json every command, flag, error and the schema of each --json document.',
    example: 'holloway man devnet up | man -l -',
    json: {
      v: 'integer',
      version: 'text',
      globalFlags: ['object'],
      exitCodes: [{ exit: 'text', meaning: 'text' }],
      errors: [{ code: 'text', exit: 'integer', what: 'text', cause: 'text', next: 'text' }],
      commands: [
        { name: 'text', sentence: 'text', example: 'text', args: ['object'], flags: ['object'], output: 'object|null' },
      ],
    },
    load: async () => (await import('../man.ts')).man,
  },
  {
    name: 'completion',
    args: [{ name: '<shell>', sentence: 'bash | zsh | fish' }],
    flags: [],
    sentence: 'Print the completion script of a shell.',
    example: 'holloway completion bash > ~/.local/share/bash-completion/completions/holloway',
    json: { v: 'integer', shell: 'text', script: 'text' },
    load: async () => (await import('../man.ts')).completion,
  },
];
