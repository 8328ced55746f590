/**
 * `holloway devnet up|status|kill|down`: a network of real daemons that stays until it is told to end.
 * @module
 */
import { resolve } from 'node:path';
import { optionOf } from '../../../config/schema.ts';
import type { Status } from '../../api/schema.ts';
import { demonstrate, describeDemonstrated } from '../../devnet/demonstration.ts';
import { hasOwnAddresses, homeOf, NODES_MAX, purgeDevnet, requireDevnet } from '../../devnet/layout.ts';
import { apiOf, holderOf, killNode, stopNode } from '../../devnet/processes.ts';
import { makeSamples } from '../../devnet/samples.ts';
import { type RunningDevnet, startDevnet } from '../../devnet/up.ts';
import { LocalError } from '../../errors.ts';
import { type CommandRun, type Context, giveUpSignal, settingsOf } from '../context.ts';
import { PROGRESS_MODES } from '../progress.ts';

const NODES = 8;

export const devnetUp: CommandRun = async (context) => {
  const { output, options } = context;
  const dir = dirOf(context);
  const signal = giveUpSignal(context);
  const nodes = options.count('nodes', 2, NODES_MAX) ?? NODES;
  const devnet = await startDevnet({
    dir,
    nodes,
    entry: context.entry,
    lifeline: false,
    settings: { ...peerSettings(context), ...faultSettings(context), ...settingsOf(options) },
    signal,
    onProgress: progressNote(context),
  });
  for (const line of readyLines(devnet)) output.line(line);
  if (!options.flag('demo')) {
    output.document({ v: 1, dir, tookMs: Math.round(devnet.tookMs), nodes: devnet.nodes });
    return 0;
  }
  const reader = readerOf(devnet);
  const uris: { label: string; uri: string }[] = [];
  for (const sample of makeSamples()) {
    const done = await demonstrate(sample, { devnet, publisher: 1, reader, signal, onStage: progressNote(context) });
    for (const line of describeDemonstrated(done)) output.line(line);
    uris.push({ label: sample.label, uri: done.uri });
  }
  output.line(`all is up; end it with: ${context.program} devnet down --purge --dir ${dir}`);
  output.line(`${context.program} fetch ${uris[0]!.uri} -o sample.txt --home ${homeOf(dir, reader)}`);
  output.document({ v: 1, dir, tookMs: Math.round(devnet.tookMs), nodes: devnet.nodes, samples: uris });
  return 0;
};

export const devnetStatus: CommandRun = async (context) => {
  const { output } = context;
  const dir = dirOf(context);
  const total = requireDevnet(dir);
  const nodes = await Promise.all(Array.from({ length: total }, (_, index) => nodeRecord(dir, index + 1)));
  output.table([
    ['node', 'pid', 'verdict', 'peers', 'link', 'home'],
    ...nodes.map((node) => [
      `${node.i}`,
      node.pid === null ? '-' : `${node.pid}`,
      node.verdict ?? 'not running',
      node.peers === null ? '-' : `${node.peers}`,
      node.link ?? '-',
      node.home,
    ]),
  ]);
  output.document({ v: 1, dir, nodes });
  return 0;
};

/** Services that a node does not have are null. */
async function nodeRecord(dir: string, i: number) {
  const home = homeOf(dir, i);
  const pid = holderOf(home)?.pid ?? null;
  const found =
    pid === null
      ? undefined
      : await apiOf(home)
          .get<Status>('/v1/status')
          .catch(() => undefined);
  return {
    i,
    home,
    pid,
    link: found?.node.link ?? null,
    gateway: found?.node.gateway ?? null,
    fcp: found?.node.fcp ?? null,
    verdict: found?.verdict.word ?? null,
    peers: found?.peers.up ?? null,
  };
}

export const devnetKill: CommandRun = async (context, which) => {
  const { output } = context;
  const dir = dirOf(context);
  const total = requireDevnet(dir);
  const numbers = which.map((text) => {
    const i = /^\d{1,3}$/.test(text) ? Number(text) : 0;
    if (i < 1 || i > total) throw new LocalError('usage', `${text} is no node of this devnet: 1..${total}`);
    return i;
  });
  const killed = numbers.filter((i) => killNode(homeOf(dir, i)));
  output.line(killed.length === 0 ? 'none of them was running' : `killed: ${killed.join(' ')}`);
  output.document({ v: 1, killed });
  return 0;
};

export const devnetDown: CommandRun = async (context) => {
  const { output, options } = context;
  const dir = dirOf(context);
  const total = requireDevnet(dir);
  const ended = await Promise.all(Array.from({ length: total }, (_, index) => stopNode(homeOf(dir, index + 1))));
  const stopped = ended.filter(Boolean).length;
  if (options.flag('purge')) purgeDevnet(dir);
  output.line(`stopped ${stopped} nodes${options.flag('purge') ? `; ${dir} is emptied` : ''}`);
  output.document({ v: 1, stopped });
  return 0;
};

export function readyLines(devnet: RunningDevnet): readonly string[] {
  const seconds = (devnet.tookMs / 1_000).toFixed(1);
  const lines = [
    `devnet: ${devnet.nodes.length} nodes ready in ${seconds} s, ring complete; this machine only, no anonymity`,
  ];
  const gateway = devnet.nodes[0]?.gateway;
  if (gateway) lines.push(`devnet: open http://${gateway}/ in a browser`);
  if (!hasOwnAddresses) lines.push('devnet: all nodes share 127.0.0.1 on this system, so address prefix rules are off');
  return lines;
}

/** Another node than the publisher, from the middle of the list. */
export function readerOf(devnet: RunningDevnet): number {
  return Math.min(devnet.nodes.length, Math.floor(devnet.nodes.length / 2) + 1);
}

/** What happens goes to stderr as plain lines, unless the user wants none. */
export function progressNote(context: Context): (text: string) => void {
  const mode = context.options.choice('progress', PROGRESS_MODES) ?? 'auto';
  if (mode === 'none') return () => {};
  if (mode === 'json') return (text) => context.output.note(JSON.stringify({ t: Date.now(), stage: text }));
  return (text) => context.output.note(text);
}

function dirOf(context: Context): string {
  const given = context.options.text('dir');
  return given === undefined ? context.paths.devnetDir : resolve(given);
}

/** Each node draws its own faults from the seed: layout.ts adds its number. */
function faultSettings({ options }: Context): Record<string, string> {
  const found: Record<string, string> = {};
  for (const flag of ['latency', 'loss', 'churn', 'seed'] as const) {
    const text = options.text(flag);
    if (text === undefined) continue;
    try {
      optionOf(`debug.${flag}`).parse(text);
    } catch (error) {
      throw new LocalError('usage', `--${flag} ${text}: ${(error as Error).message}`);
    }
    found[`debug.${flag}`] = text;
  }
  return found;
}

function peerSettings(context: Context): Record<string, string> {
  const peers = context.options.count('peers', 2, 48);
  if (peers === undefined) return {};
  return { 'peers.long_links': `${peers - 2}`, 'peers.max': `${Math.min(64, Math.max(16, peers * 3))}` };
}
