/**
 * What an entry of the command table is, and the flags that several commands share.
 *
 * Shape   names of two words are sub-commands. `load` brings the code when the command is called, so that --help stays quick.
 *         `json` is the shape of the one document of --json (json-shape.ts); undefined: the command has no result to print.
 * Source  ux § 2.2.
 * @module
 */
import type { CommandRun } from '../context.ts';
import type { JsonShape } from '../json-shape.ts';

export type { JsonShape } from '../json-shape.ts';

export interface FlagSpec {
  /** As commander reads it: `-o, --output <path>`. */
  readonly flags: string;
  readonly sentence: string;
  /** May be given several times. */
  readonly repeatable?: true;
  /** Words it takes, for completion. */
  readonly choices?: readonly string[];
}

export interface CommandSpec {
  readonly name: string;
  /** `<file>` is needed, `[uri]` may be left out, `<i...>` takes several. */
  readonly args: readonly { readonly name: string; readonly sentence: string }[];
  readonly flags: readonly FlagSpec[];
  readonly sentence: string;
  readonly example: string;
  readonly json: JsonShape | undefined;
  readonly load: () => Promise<CommandRun>;
}

/** Understood before and after every command. */
export const GLOBAL_FLAGS: readonly FlagSpec[] = [
  { flags: '--home <dir>', sentence: 'everything of this node in one directory (also HOLLOWAY_HOME)' },
  { flags: '--socket <path>', sentence: 'control socket of the daemon to ask' },
  { flags: '--json', sentence: 'one JSON document on stdout, also on failure' },
  { flags: '--quiet', sentence: 'nothing on stderr but errors' },
  { flags: '--debug', sentence: 'stack traces with errors' },
];

export const SET: FlagSpec = {
  flags: '--set <key=value>',
  sentence: 'a setting, over environment and file',
  repeatable: true,
};
export const TIMEOUT: FlagSpec = { flags: '--timeout <time>', sentence: 'give up after this long, such as 30s' };
export const PROGRESS: FlagSpec = {
  flags: '--progress <how>',
  sentence: 'auto | bar | plain | json | none',
  choices: ['auto', 'bar', 'plain', 'json', 'none'],
};
export const CLASS: FlagSpec = {
  flags: '--class <class>',
  sentence: 'fast | strong: how much the traffic hides',
  choices: ['fast', 'strong'],
};
