/**
 * `npm run sim -- EXPERIMENT [--nodes N] [--peers K] [--seed S] [--runs R] [--short] [--json] [--svg FILE]`.
 *
 * Shape   without an experiment: the list. `all`: each in turn. Exit 0 when every figure was reached and every invariant held, 1 for a
 *         broken invariant or an exception (with the seed and the command that shows it again), 2 for a bad command line, 3 when
 *         figures were missed.
 * Why     a result without seed, commit, options and cost cannot be checked by anybody else, so they are always printed.
 * @module
 */

import { execFileSync, spawnSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { Experiment, ExperimentResult } from './experiment.ts';
import { curvesOf, plotCurves } from './plot.ts';
import { document, report } from './report.ts';

const FOLDER = new URL('experiments/', import.meta.url);

export function experimentNames(): string[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => name.slice(0, -'.ts'.length))
    .sort();
}

/** Only the file that was asked for: what is broken in another one is no business of this run. */
export async function loadExperiment(name: string): Promise<Experiment> {
  if (!experimentNames().includes(name)) {
    throw new UsageError(`no experiment "${name}"; without a name, npm run sim lists them`);
  }
  return ((await import(new URL(`${name}.ts`, FOLDER).href)) as { default: Experiment }).default;
}

interface Arguments {
  readonly nodes: number | undefined;
  readonly peers: number | undefined;
  readonly seed: number;
  readonly runs: number | undefined;
  readonly short: boolean;
  readonly json: boolean;
  readonly svg: string | undefined;
}

class UsageError extends Error {}

function whole(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new UsageError(`--${name} ${text}: a whole number was expected`);
  return value;
}

function readArguments(argv: readonly string[]): { readonly names: string[]; readonly options: Arguments } {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: { nodes: text, peers: text, seed: text, runs: text, svg: text, short: flag, json: flag },
  });
  const options: Arguments = {
    nodes: whole('nodes', values.nodes),
    peers: whole('peers', values.peers),
    seed: whole('seed', values.seed) ?? 1,
    runs: whole('runs', values.runs),
    short: values.short,
    json: values.json,
    svg: values.svg,
  };
  return { names: positionals, options };
}

/** The command that shows the same run again. */
export function replayCommand(name: string, seed: number, options: Partial<Arguments>): string {
  const nodes = options.nodes === undefined ? '' : ` --nodes ${options.nodes}`;
  const peers = options.peers === undefined ? '' : ` --peers ${options.peers}`;
  return `npm run sim -- ${name}${nodes}${peers} --seed ${seed} --runs 1${options.short ? ' --short' : ''}`;
}

function commit(): string {
  try {
    const git = (...args: string[]): string =>
      execFileSync('git', args, { cwd: new URL('.', import.meta.url), encoding: 'utf8' }).trim();
    return (
      git('rev-parse', '--short=12', 'HEAD') +
      (git('status', '--porcelain', '--untracked-files=no') === '' ? '' : '+changes')
    );
  } catch {
    return 'unknown';
  }
}

async function runOne(experiment: Experiment, options: Arguments): Promise<number> {
  const startedMs = performance.now();
  const begun = process.cpuUsage();
  const runs = options.runs ?? experiment.defaults.runs;
  const chosen = {
    seed: options.seed,
    runs,
    nodes: options.nodes,
    peers: options.peers,
    short: options.short,
    progress: (text: string) => process.stderr.write(`${experiment.name}: ${text}\n`),
  };
  let result: ExperimentResult;
  try {
    result = await experiment.run(chosen);
  } catch (error) {
    process.stderr.write(`${experiment.name} failed: ${error instanceof Error ? error.stack : String(error)}\n`);
    process.stderr.write(
      `seed ${options.seed}; again: ${replayCommand(experiment.name, options.seed, { ...options })}\n`,
    );
    return 1;
  }
  const wallMs = performance.now() - startedMs;
  const configHash = hash('sha256', JSON.stringify([experiment.name, { ...chosen, progress: 0 }])).slice(0, 16);
  const head = { experiment: experiment.name, seed: options.seed, runs, commit: commit(), configHash };
  const { user, system } = process.cpuUsage(begun);
  const cpuMs = Math.round((user + system) / 1_000);
  const cost = { wallMs: Math.round(wallMs), cpuMs, peakMemoryBytes: process.resourceUsage().maxRSS * 1_024 };
  if (options.svg !== undefined) {
    const curves = curvesOf(result.rows);
    if (curves.length === 0) throw new UsageError(`${experiment.name} has no rows with nodes and hopsMean to plot`);
    writeFileSync(options.svg, plotCurves(curves));
  }
  if (options.json) process.stdout.write(`${JSON.stringify(document(head, result, cost))}\n`);
  else process.stdout.write(report(head, result, cost, experiment.what));
  for (const { seed, what } of result.broken) {
    process.stderr.write(
      `BROKEN ${what}\n  seed ${seed}; again: ${replayCommand(experiment.name, seed, { ...options })}\n`,
    );
  }
  if (result.broken.length > 0) return 1;
  return result.figures.every((figure) => figure.reached) ? 0 : 3;
}

async function main(argv: readonly string[]): Promise<number> {
  const { names, options } = readArguments(argv);
  if (names.length === 0) {
    const width = Math.max(...experimentNames().map((name) => name.length));
    for (const name of experimentNames()) {
      process.stdout.write(`${name.padEnd(width)}  ${(await loadExperiment(name)).what}\n`);
    }
    process.stdout.write(`${'all'.padEnd(width)}  each of them in turn\n`);
    return 0;
  }
  const codes: number[] = [];
  for (const name of names.includes('all') ? experimentNames() : names) {
    codes.push(await runOne(await loadExperiment(name), options));
  }
  return codes.includes(1) ? 1 : Math.max(...codes);
}

/** What many nodes need: young objects that live for a round trip and not for a collection, and memory for a thousand nodes. */
const HEAP_FLAGS = ['--max-semi-space-size=64', '--max-old-space-size=8192'];

/** Runs the same command in a process whose heap has that room: it cannot be given to one that has begun. */
function runWithRoom(): number {
  const { status } = spawnSync(process.execPath, [...HEAP_FLAGS, ...process.argv.slice(1)], { stdio: 'inherit' });
  return status ?? 1;
}

if (import.meta.main && !HEAP_FLAGS.every((flag) => process.execArgv.includes(flag))) {
  process.exitCode = runWithRoom();
} else if (import.meta.main) {
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    const isUsage = error instanceof UsageError || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS');
    process.stderr.write(`${isUsage ? (error as Error).message : (error as Error).stack}\n`);
    process.exitCode = isUsage ? 2 : 1;
  }
}
