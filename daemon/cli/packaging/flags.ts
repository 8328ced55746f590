/**
 * The command table as the manual and completions need it: flags taken apart, groups beside their commands.
 * @module
 */
import { COMMANDS, type CommandSpec, type FlagSpec, GLOBAL_FLAGS } from '../commands/table.ts';

export interface Flag {
  /** `--output`. */
  readonly long: string;
  /** `-o`. */
  readonly short: string | undefined;
  /** `<path>`; undefined for a flag without a value. */
  readonly value: string | undefined;
  readonly sentence: string;
  readonly choices: readonly string[];
}

/** Every command has these, though no entry names them. */
const HELP: FlagSpec = { flags: '-h, --help', sentence: 'print this help' };
const VERSION: FlagSpec = { flags: '--version', sentence: 'print the version' };

export function flagOf({ flags, sentence, choices = [] }: FlagSpec): Flag {
  const words = flags.split(/,?\s+/);
  const long = words.find((word) => word.startsWith('--'))!;
  return {
    long,
    short: words.find((word) => /^-\w$/.test(word)),
    value: words.find((word) => /^[<[]/.test(word)),
    sentence,
    choices,
  };
}

export const globalFlags: readonly Flag[] = [...GLOBAL_FLAGS, HELP, VERSION].map(flagOf);

export function flagsOf(spec: CommandSpec): readonly Flag[] {
  return spec.flags.map(flagOf);
}

/** First words, in the order of the table. */
export function firstWords(): readonly string[] {
  return [...new Set(COMMANDS.map(({ name }) => name.split(' ')[0]!))];
}

/** Second words below a first one; empty when it is a command by itself. */
export function secondWords(first: string): readonly string[] {
  return COMMANDS.filter(({ name }) => name.startsWith(`${first} `)).map(({ name }) => name.split(' ')[1]!);
}

/** `fetch <uri>`, as usage lines have it. */
export function usageOf(spec: CommandSpec): string {
  return ['holloway', spec.name, ...spec.args.map(({ name }) => name), '[flags]'].join(' ');
}
