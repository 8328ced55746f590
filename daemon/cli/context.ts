/**
 * What every command is handed: where things are, how to speak, how to ask the daemon, and when to give up.
 * @module
 */
import { type Config, loadConfig } from '../../config/load.ts';
import { findSockets, type Paths, resolvePaths } from '../../config/paths.ts';
import { type ApiClient, createApiClient } from '../api/schema-client.ts';
import { LocalError } from '../errors.ts';
import type { Options } from './options.ts';
import type { Output } from './output.ts';

export interface Context {
  readonly output: Output;
  readonly options: Options;
  readonly paths: Paths;
  /** The daemon of --socket or --home; nothing is sent before the first call. */
  readonly api: ApiClient;
  /** Aborts with Interrupted at the first SIGINT, SIGTERM or SIGHUP. The second one ends the process at once. */
  readonly interrupted: AbortSignal;
  /** From now on SIGHUP is the command's own to answer: a daemon reads its configuration anew. */
  readonly keepThroughHangup: () => void;
  /** The file that runs this command line again: what spawned daemons are started with. */
  readonly entry: string;
  /** How the user can call us again, as they would type it. */
  readonly program: string;
  config(): Config;
}

export type CommandRun = (context: Context, args: readonly string[]) => Promise<number>;

export interface Surroundings {
  readonly output: Output;
  readonly options: Options;
  readonly interrupted: AbortSignal;
  readonly keepThroughHangup: () => void;
  readonly entry: string;
  readonly program: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export function createContext(around: Surroundings): Context {
  const { output, options, interrupted, keepThroughHangup, entry, program, env } = around;
  const paths = resolvePaths(options.text('home'), env);
  const socket = options.text('socket') ?? findSockets(paths).api;
  return {
    output,
    options,
    paths,
    api: createApiClient(socket),
    interrupted,
    keepThroughHangup,
    entry,
    program,
    config: () => loadConfig({ flags: settingsOf(options), env, file: paths.configFile, devnetUntilJoined: true }),
  };
}

/** `--set KEY=VALUE`, as often as wanted. */
export function settingsOf(options: Options): Record<string, string> {
  const found: Record<string, string> = {};
  for (const assignment of options.list('set')) {
    const equals = assignment.indexOf('=');
    if (equals <= 0) throw new LocalError('usage', `--set ${assignment}: expected KEY=VALUE`);
    found[assignment.slice(0, equals)] = assignment.slice(equals + 1);
  }
  return found;
}

/** The signal that ends a command: a person's, or the clock of --timeout. */
export function giveUpSignal(context: Context): AbortSignal {
  const limitMs = context.options.durationMs('timeout');
  if (limitMs === undefined) return context.interrupted;
  const timeout = new AbortController();
  setTimeout(() => timeout.abort(new LocalError('timeout')), limitMs).unref();
  return AbortSignal.any([context.interrupted, timeout.signal]);
}
