/**
 * `holloway demo`, and `npm start`: a devnet, three samples published and fetched back, then the dashboard. Everything ends with it.
 *
 * Errors  exit code and reason of whatever failed; the daemons end all the same.
 * Why     the daemons hang on a pipe to this process, so that neither kill -9 nor a closed terminal leaves one behind; and this
 *         process watches who started it, because npm does not pass its own end on.
 * Source  ux § 5.
 * @module
 */
import { existsSync, lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { acquireLock, lockHolder } from '../../../config/lock.ts';
import { findSockets, resolvePaths } from '../../../config/paths.ts';
import { demonstrate, describeDemonstrated } from '../../devnet/demonstration.ts';
import { NODES_MAX } from '../../devnet/layout.ts';
import { makeSamples } from '../../devnet/samples.ts';
import { startDevnet } from '../../devnet/up.ts';
import { LocalError } from '../../errors.ts';
import { watchAncestors } from '../ancestors.ts';
import type { CommandRun, Context } from '../context.ts';
import { progressNote, readerOf, readyLines } from './devnet.ts';
import { openDashboard } from './top.ts';

/** Three relays, a publisher and a reader that are none of them. */
const NODES_MIN = 5;
const NODES = 8;
const PREFIX = 'hw-demo-';
const LOCK = 'demo.lock';

/** What a demo says while it runs: lines on a stream, or the strip over the dashboard. */
interface Telling {
  readonly line: (text: string) => void;
  readonly progress: (text: string) => void;
  readonly first: (home: string) => void;
}

export const demo: CommandRun = async (context) => {
  const { options, output, interrupted } = context;
  const nodes = options.count('nodes', NODES_MIN, NODES_MAX) ?? NODES;
  removeLeftovers();
  const dir = mkdtempSync(join(tmpdir(), PREFIX));
  acquireLock(join(dir, LOCK));
  const ended = new AbortController();
  const stopWatching = watchAncestors(process.env, () => ended.abort(new LocalError('cancelled', 'its parent ended')));
  const signal = AbortSignal.any([interrupted, ended.signal]);
  try {
    if (forPerson(context)) {
      await onDashboard(context, dir, nodes, signal, (reason) => ended.abort(reason));
    } else {
      const telling = { line: output.line, progress: progressNote(context), first: () => {} };
      const { devnet, document } = await show(context, dir, nodes, signal, telling);
      await devnet.stop();
      output.document(document);
    }
    return 0;
  } finally {
    stopWatching();
    rmSync(dir, { recursive: true, force: true });
    if (!interrupted.aborted) {
      output.line(
        `everything is stopped; to keep one: ${context.program} devnet up --demo --dir ${join(context.paths.stateDir, 'demo')}`,
      );
    }
  }
};

/** Starts the devnet and sends the samples through it. The daemons end with the signal, or when the caller stops them. */
async function show(context: Context, dir: string, nodes: number, signal: AbortSignal, telling: Telling) {
  const devnet = await startDevnet({
    dir,
    nodes,
    entry: context.entry,
    lifeline: true,
    settings: {},
    signal,
    onProgress: telling.progress,
    onFirst: telling.first,
  });
  try {
    for (const line of readyLines(devnet)) telling.line(line);
    const samples = [];
    for (const sample of makeSamples()) {
      const reader = readerOf(devnet);
      const done = await demonstrate(sample, { devnet, publisher: 1, reader, signal, onStage: telling.progress });
      for (const line of describeDemonstrated(done)) telling.line(line);
      samples.push({ label: sample.label, uri: done.uri, publish: done.publish, fetch: done.fetch });
    }
    return { devnet, document: { v: 1, nodes, readyMs: Math.round(devnet.tookMs), samples } };
  } catch (error) {
    await devnet.stop();
    throw error;
  }
}

/** The dashboard opens on node 1 as soon as that answers, and everything else happens under the eyes of whoever looks. */
async function onDashboard(
  context: Context,
  dir: string,
  nodes: number,
  signal: AbortSignal,
  end: (reason: Error) => void,
): Promise<void> {
  let strip = `devnet: starting ${nodes} nodes, all yours, no anonymity`;
  let failed: unknown;
  const lines: string[] = [];
  const first = Promise.withResolvers<string>();
  const working = show(context, dir, nodes, signal, {
    line: (text) => lines.push(text),
    progress: (text) => {
      strip = `devnet, no anonymity: ${text}`;
    },
    first: first.resolve,
  }).then(
    ({ devnet }) => {
      const gateway = devnet.nodes[0]?.gateway;
      const open = gateway ? ` · open http://${gateway}/` : '';
      strip = `devnet: ${nodes} nodes, all yours, no anonymity${open} · q ends it all`;
      return devnet;
    },
    (error: unknown) => {
      failed = error;
      strip = 'devnet: it failed · q says why';
      first.reject(error);
      return undefined;
    },
  );
  const home = await first.promise;
  const aborted = new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve());
  });
  const socket = findSockets(resolvePaths(home, {})).api;
  await Promise.race([openDashboard(context, socket, false, () => strip), aborted]);
  const failedAlone = failed; // what comes after is only our own ending of it
  end(new LocalError('cancelled', 'the dashboard was closed'));
  await (await working)?.stop();
  for (const line of lines) context.output.line(line);
  if (failedAlone !== undefined) throw failedAlone;
  context.interrupted.throwIfAborted();
}

/** Directories of demos that were killed: ours, and nobody holds their lock any more. */
function removeLeftovers(): void {
  for (const name of readdirSync(tmpdir()).filter((candidate) => candidate.startsWith(PREFIX))) {
    const dir = join(tmpdir(), name);
    const stat = lstatSync(dir, { throwIfNoEntry: false });
    const isOurs = stat?.isDirectory() === true && stat.uid === process.getuid?.();
    if (!isOurs || !existsSync(join(dir, LOCK)) || lockHolder(join(dir, LOCK)) !== undefined) continue;
    rmSync(dir, { recursive: true, force: true });
  }
}

function forPerson({ options, output }: Context): boolean {
  return process.stdout.isTTY === true && process.stdin.isTTY === true && !output.json && !options.flag('plain');
}
