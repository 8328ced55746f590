/**
 * Runs a command line within this process, so that a test can afford many: what it printed, and its exit code.
 * @module
 */
import { PassThrough } from 'node:stream';
import { CommanderError } from 'commander';
import { createContext } from '../../daemon/cli/context.ts';
import { buildProgram, closestCommand, usageOf } from '../../daemon/cli/main.ts';
import { createOptions } from '../../daemon/cli/options.ts';
import { createOutput } from '../../daemon/cli/output.ts';
import { ENTRY } from './devnet.ts';

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export async function runCommand(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<CommandResult> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const output = createOutput(
    { json: argv.includes('--json'), quiet: argv.includes('--quiet'), debug: false },
    stdout as unknown as NodeJS.WriteStream,
    stderr as unknown as NodeJS.WriteStream,
  );
  let code = 0;
  const program = buildProgram(async (spec, args, values) => {
    output.commandIs(spec.name);
    const run = await spec.load();
    const context = createContext({
      output,
      options: createOptions(values),
      interrupted: new AbortController().signal,
      keepThroughHangup: () => {},
      entry: ENTRY,
      program: 'holloway',
      env,
    });
    code = await run(context, args);
  });
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return { code: 0, stdout: '', stderr: '' };
    if (error instanceof CommanderError) output.commandIs(closestCommand(argv));
    code = output.failure(error instanceof CommanderError ? usageOf(error) : error);
  }
  return { code, stdout: `${stdout.read() ?? ''}`, stderr: `${stderr.read() ?? ''}` };
}
