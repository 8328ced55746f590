/**
 * The command line: argv -> one command of the table -> exit code.
 *
 * Errors  every failure leaves through Output.failure; unknown commands and flags are `usage` with the nearest match.
 * Why     bare `holloway` is right for a person and for a script: on a terminal the dashboard (of the running daemon; of one that is
 *         started when there is a configuration; else of the demo), elsewhere `status`. No other command starts a daemon unasked.
 * Source  ux § 2.
 * @module
 */
import { existsSync } from 'node:fs';
import { basename, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError, Option } from 'commander';
import { lockHolder } from '../../config/lock.ts';
import { resolvePaths } from '../../config/paths.ts';
import { LocalError } from '../errors.ts';
import { COMMANDS, type CommandSpec, type FlagSpec, GLOBAL_FLAGS, GROUPS } from './commands/table.ts';
import { createContext } from './context.ts';
import { createOptions } from './options.ts';
import { createOutput, endQuietlyOnBrokenPipe, Interrupted } from './output.ts';
import { packageVersion } from './version.ts';

/** The file that is the command: beside this one in a checkout, and seen from dist/daemon/cli in a package. */
const ENTRY = ['./holloway.mjs', '../../../daemon/cli/holloway.mjs']
  .map((path) => fileURLToPath(new URL(path, import.meta.url)))
  .find((path) => existsSync(path))!;

export async function main(argv: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<number> {
  // Read before parsing, so that a command line that does not parse still fails in the form it asked for.
  const before = argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv;
  const asked = (flag: string): boolean => before.includes(flag);
  const output = createOutput({ json: asked('--json'), quiet: asked('--quiet'), debug: asked('--debug') });
  const interrupt = listenForSignals();
  let exitCode = 0;

  const program = buildProgram((spec, args, values) => {
    output.commandIs(spec.name);
    return spec
      .load()
      .then((run) =>
        run(
          createContext({
            output,
            options: createOptions(values),
            interrupted: interrupt.signal,
            keepThroughHangup: interrupt.keepThroughHangup,
            entry: ENTRY,
            program: programName(),
            env,
          }),
          args,
        ),
      )
      .then((code) => {
        exitCode = code;
      });
  });
  try {
    for (const command of commandsOf(argv, env)) {
      exitCode = 0;
      await program.parseAsync([...command], { from: 'user' });
      if (exitCode !== 0) break;
    }
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    if (error instanceof CommanderError) output.commandIs(closestCommand(argv));
    const reason = interrupt.signal.aborted ? interrupt.signal.reason : error;
    return output.failure(error instanceof CommanderError ? usageOf(error) : reason);
  } finally {
    interrupt.stop();
  }
}

/** Runs with the arguments of this process; what holloway.mjs and `node main.ts` call. */
export async function runAsCommand(): Promise<void> {
  endQuietlyOnBrokenPipe();
  const code = await main(process.argv.slice(2));
  // Output that is still on its way goes out first; then nothing forgotten (a socket, a timer) keeps the process.
  process.exitCode = code;
  const unwritten = [process.stdout, process.stderr].filter((stream) => stream.writableLength > 0);
  await Promise.all(unwritten.map((stream) => new Promise((resolve) => stream.write('', resolve))));
  process.exit(code);
}

type Act = (spec: CommandSpec, args: readonly string[], values: Record<string, unknown>) => Promise<void>;

export function buildProgram(act: Act): Command {
  const program = base(new Command('holloway'));
  program
    .description('An anonymous overlay: publish documents nobody can censor, fetch them by key, watch the network.')
    .version(packageVersion(), '--version', 'print the version')
    .addHelpText('after', '\nWithout a command: the dashboard on a terminal, else status.\nExample: holloway demo');
  for (const flag of GLOBAL_FLAGS) program.addOption(optionOf(flag));
  const groups = new Map<string, Command>();
  for (const spec of COMMANDS) {
    const [first, second] = spec.name.split(' ') as [string, string | undefined];
    let parent = program;
    if (second !== undefined) {
      parent = groups.get(first) ?? base(program.command(first)).description(GROUPS[first] ?? '');
      groups.set(first, parent);
    }
    const command = base(parent.command(second ?? first)).description(spec.sentence);
    for (const argument of spec.args) command.argument(argument.name, argument.sentence);
    for (const flag of spec.flags) command.addOption(optionOf(flag));
    command.addHelpText('after', `\nExample: ${spec.example}`);
    command.action(async () => {
      await act(spec, command.args, command.optsWithGlobals());
    });
  }
  return program;
}

/** Failures are thrown and worded by us; help goes to stdout; global flags show in every help. */
function base(command: Command): Command {
  return command
    .exitOverride()
    .configureOutput({ writeErr: () => {}, outputError: () => {} })
    .configureHelp({ showGlobalOptions: true })
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .showSuggestionAfterError(true)
    .allowExcessArguments(false);
}

function optionOf(flag: FlagSpec): Option {
  const option = new Option(flag.flags, flag.sentence);
  if (flag.repeatable) option.argParser((value: string, before: string[] | undefined) => [...(before ?? []), value]);
  return option;
}

/** As much of a command as the line begins with: what help of it would tell more. */
export function closestCommand(argv: readonly string[]): string {
  const words = argv.filter((word) => !word.startsWith('-'));
  const isKnown = (name: string): boolean =>
    COMMANDS.some((spec) => spec.name === name || spec.name.startsWith(`${name} `));
  return [words.slice(0, 2).join(' '), words[0] ?? ''].find((name) => name !== '' && isKnown(name)) ?? '';
}

/** "error: unknown option '--jsno'\n(Did you mean --json?)" as a detail of ours. */
export function usageOf(error: CommanderError): LocalError {
  if (error.code === 'commander.help') {
    return new LocalError('usage', 'this command needs one more word: add --help to see which', { cause: error });
  }
  const text = error.message
    .replace(/^error: /, '')
    .replaceAll(/\s*\n\s*/g, ' ')
    .trim();
  return new LocalError('usage', text, { cause: error });
}

/** What a command line stands for: itself, or without a command what a person or a script most likely wants. */
function commandsOf(argv: readonly string[], env: NodeJS.ProcessEnv): readonly (readonly string[])[] {
  let home: string | undefined;
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i]!;
    if (argument === '--home') home = argv[i + 1];
    if (argument === '--home' || argument === '--socket') i++;
    else if (!argument.startsWith('-') || ['-h', '--help', '--version'].includes(argument)) return [argv];
  }
  const forPerson = process.stdout.isTTY && process.stdin.isTTY && !argv.includes('--json');
  if (!forPerson) return [[...argv, 'status']];
  const paths = resolvePaths(home, env);
  if (argv.includes('--socket') || lockHolder(paths.lockFile) !== undefined) return [[...argv, 'top']];
  if (existsSync(paths.configFile)) {
    return [
      [...argv, 'start'],
      [...argv, 'top'],
    ];
  }
  return [[...argv, 'demo']];
}

interface Interrupt {
  readonly signal: AbortSignal;
  /** A terminal that goes away, or SIGHUP, no longer ends this process. */
  keepThroughHangup(): void;
  stop(): void;
}

function listenForSignals(): Interrupt {
  const controller = new AbortController();
  const off = new Map<string, () => void>();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    const handler = (): void => {
      const reason = new Interrupted(name);
      if (controller.signal.aborted) process.exit(reason.exitCode);
      controller.abort(reason);
    };
    process.on(name, handler);
    off.set(name, () => process.off(name, handler));
  }
  return {
    signal: controller.signal,
    keepThroughHangup: () => off.get('SIGHUP')!(),
    stop: () => off.forEach((take) => void take()),
  };
}

/** What the user would type: the installed command, or the path of this checkout's. */
function programName(): string {
  const called = process.argv[1] ?? '';
  if (basename(called) === 'holloway') return 'holloway';
  return `node ${relative(process.cwd(), ENTRY)}`;
}

if (import.meta.main) await runAsCommand();
