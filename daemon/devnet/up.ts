/**
 * Starting a devnet: node 1, node 2, then all others at once, and waiting until the ring is complete.
 *
 * Shape   complete = every node has its neighbours on both sides and knows every other node as a relay, by its own status.
 * Unit    milliseconds; the wait ends with the caller's signal or after READY_MS.
 * Errors  LocalError running (nodes of it run already), timeout, internal with what the daemon said last. What was started is ended again.
 * Why     nodes 1 and 2 are the seeds of the rest, so that a devnet survives the death of either while others join.
 * Source  design §§ 7, 12.
 * @module
 */
import { setTimeout as pause } from 'node:timers/promises';
import { parseAddress } from '../../config/schema.ts';
import type { DescriptorDocument, Status } from '../api/schema.ts';
import { LocalError } from '../errors.ts';
import { homeOf, keepListenAddress, listenAddressOf, readDevnet, writeDevnet, writeNodeConfig } from './layout.ts';
import { apiOf, holderOf, logTail, type SpawnedNode, spawnNode, stopNode } from './processes.ts';

const READY_MS = 60_000;
const POLL_MS = 60;
const SEEDS = 2;

export interface DevnetOptions {
  readonly dir: string;
  readonly nodes: number;
  readonly entry: string;
  /** Daemons end with this process. */
  readonly lifeline: boolean;
  readonly settings: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly onProgress: (text: string) => void;
  /** Node 1 answers; the others are still to come. */
  readonly onFirst?: (home: string) => void;
}

export interface DevnetNode {
  readonly i: number;
  readonly home: string;
  readonly pid: number;
  readonly link: string;
  /** host:port of its gateway; null when it has none. */
  readonly gateway: string | null;
  /** host:port of its FCP; null when it has none. */
  readonly fcp: string | null;
}

export interface RunningDevnet {
  readonly dir: string;
  readonly nodes: readonly DevnetNode[];
  readonly tookMs: number;
  stop(): Promise<void>;
}

export async function startDevnet(options: DevnetOptions): Promise<RunningDevnet> {
  const { dir, nodes, onProgress } = options;
  const startedMs = performance.now();
  refuseRunning(dir);
  writeDevnet(dir, nodes);
  const homes = Array.from({ length: nodes }, (_, index) => homeOf(dir, index + 1));
  const spawned: SpawnedNode[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(homes.map(stopNode));
    // Those that had not even taken their lock yet.
    for (const node of spawned) if (node.exitCode === undefined) endNow(node.pid);
  };
  try {
    const seeds: string[] = [];
    for (let i = 1; i <= Math.min(SEEDS, nodes); i++) {
      spawned[i - 1] = spawn(options, i, seeds);
      await answers(options, homes[i - 1]!, spawned[i - 1]!);
      if (i === 1) options.onFirst?.(homes[0]!);
      const { descriptor } = await apiOf(homes[i - 1]!).get<DescriptorDocument>('/v1/descriptor', options.signal);
      seeds.push(descriptor);
    }
    for (let i = SEEDS + 1; i <= nodes; i++) spawned[i - 1] = spawn(options, i, seeds);
    onProgress(`${nodes} daemons started, waiting for the ring`);
    const statuses = await ringComplete(options, homes, spawned);
    const found = statuses.map((status, index) => {
      const link = status.node.link ?? '';
      keepListenAddress(dir, index + 1, link);
      return {
        i: index + 1,
        home: homes[index]!,
        pid: status.pid,
        link,
        gateway: status.node.gateway,
        fcp: status.node.fcp,
      };
    });
    return { dir, nodes: found, tookMs: performance.now() - startedMs, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function refuseRunning(dir: string): void {
  const known = readDevnet(dir) ?? 0;
  for (let i = 1; i <= known; i++) {
    const holder = holderOf(homeOf(dir, i));
    if (holder !== undefined) {
      throw new LocalError(
        'running',
        `node ${i} of the devnet in ${dir} (pid ${holder.pid}); end it: holloway devnet down --dir ${dir}`,
      );
    }
  }
}

function spawn(options: DevnetOptions, i: number, seeds: readonly string[]): SpawnedNode {
  const { dir, entry, lifeline, settings } = options;
  writeNodeConfig(dir, { i, listen: listenAddressOf(dir, i), seeds: [...seeds], settings });
  return spawnNode({ entry, home: homeOf(dir, i), lifeline });
}

async function answers(options: DevnetOptions, home: string, node: SpawnedNode): Promise<Status> {
  for (const endMs = Date.now() + READY_MS; Date.now() < endMs; ) {
    const status = await statusOf(options, home, node);
    if (status !== undefined) return status;
    await pause(POLL_MS);
  }
  throw new LocalError('timeout', 'a daemon of the devnet does not answer');
}

async function ringComplete(
  options: DevnetOptions,
  homes: readonly string[],
  spawned: readonly SpawnedNode[],
): Promise<Status[]> {
  const total = homes.length;
  const complete = new Map<number, Status>();
  let told = -1;
  for (const endMs = Date.now() + READY_MS; Date.now() < endMs; await pause(POLL_MS)) {
    for (const [index, home] of homes.entries()) {
      if (complete.has(index)) continue;
      const status = await statusOf(options, home, spawned[index]!);
      if (status !== undefined && isComplete(status, total)) complete.set(index, status);
    }
    if (complete.size === total) return homes.map((_, index) => complete.get(index)!);
    if (complete.size !== told) options.onProgress(`${complete.size} of ${total} nodes have their place in the ring`);
    told = complete.size;
  }
  throw new LocalError(
    'timeout',
    `${complete.size} of ${total} nodes have their place in the ring; the logs are in ${options.dir}`,
  );
}

/** Neighbours on both sides (one, in a net of two), and everybody known as a relay. */
export function isComplete(status: Status, total: number): boolean {
  const neighbours = Math.min(2, total - 1);
  return status.peers.ringNeighbours >= neighbours && status.circuits.usableRelays >= total - 1;
}

/** Undefined while it is not up; throws when it never will be, or when the user gives up. */
async function statusOf(options: DevnetOptions, home: string, node: SpawnedNode): Promise<Status | undefined> {
  options.signal.throwIfAborted();
  if (node.exitCode !== undefined) {
    throw new LocalError('internal', `the daemon in ${home} ended with ${node.exitCode}; it said: ${logTail(home)}`);
  }
  const status = await apiOf(home)
    .get<Status>('/v1/status', options.signal)
    .catch(() => undefined);
  return status?.pid === node.pid && parseAddress(status.node.link ?? '') !== undefined ? status : undefined;
}

function endNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone already.
  }
}
