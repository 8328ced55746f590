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
import { type RunningDevnet, startDevnet } from '../../devnet/up.ts';
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

export const demo: CommandRun = async (context) => {
  const { options, output, interrupted } = context;
  const nodes = options.count('nodes', NODES_MIN, NODES_MAX) ?? NODES;
  removeLeftovers();
  const dir = mkdtempSync(join(tmpdir(), PREFIX));
  acquireLock(join(dir, LOCK));
  const orphaned = new AbortController();
  const stopWatching = watchAncestors(process.env, () =>
    orphaned.abort(new LocalError('cancelled', 'its parent ended')),
  );
  const signal = AbortSignal.any([interrupted, orphaned.signal]);
  let devnet: RunningDevnet | undefined;
  try {
    const onProgress = progressNote(context);
    devnet = await startDevnet({
      dir,
      nodes,
      entry: context.entry,
      lifeline: true,
      settings: {},
      signal,
      onProgress,
    });
    for (const line of readyLines(devnet)) output.line(line);
    const samples = [];
    for (const sample of makeSamples()) {
      const done = await demonstrate(sample, {
        devnet,
        publisher: 1,
        reader: readerOf(devnet),
        signal,
        onStage: onProgress,
      });
      for (const line of describeDemonstrated(done)) output.line(line);
      const { label } = sample;
      samples.push({ label, uri: done.uri, publish: done.publish, fetch: done.fetch });
    }
    output.document({ v: 1, nodes, readyMs: Math.round(devnet.tookMs), samples });
    if (forPerson(context)) await dashboard(context, devnet, signal);
    return 0;
  } finally {
    stopWatching();
    await devnet?.stop();
    rmSync(dir, { recursive: true, force: true });
    if (!signal.aborted) {
      output.line(
        `everything is stopped; to keep one: ${context.program} devnet up --demo --dir ${join(context.paths.stateDir, 'demo')}`,
      );
    }
  }
};

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

async function dashboard(context: Context, devnet: RunningDevnet, signal: AbortSignal): Promise<void> {
  const sockets = findSockets(resolvePaths(devnet.nodes[0]!.home, {}));
  const gateway = devnet.nodes[0]?.gateway;
  const open = gateway ? ` · open http://${gateway}/` : '';
  const strip = `devnet: ${devnet.nodes.length} nodes, all yours, no anonymity${open} · q ends it all`;
  const ended = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason));
  });
  await Promise.race([openDashboard(context, sockets.api, false, strip), ended]);
}
