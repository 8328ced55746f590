/**
 * Real daemons as processes: started with or without a lifeline, asked through their own control API, ended for certain.
 *
 * Why     with a lifeline a daemon ends when this process ends, however it dies: the pipe closes even at kill -9. Without one it stays,
 *         and is found again by the lock file of its home, whose start time makes sure that no stranger with a reused id is hit.
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { isSameProcess, type LockHolder, lockHolder } from '../../config/lock.ts';
import { findSockets, resolvePaths } from '../../config/paths.ts';
import { type ApiClient, createApiClient } from '../api/schema-client.ts';

const POLL_MS = 30;
/** Eight daemons with 16 MiB of nursery each hold 1.1 GiB after the samples; so they hold 0.9, and are no slower (measured). */
const SMALL_NURSERY = ['--max-semi-space-size=1'];
/** A daemon ends by itself within 10 s. */
const END_MS = 12_000;
/** What would change a node behind its own configuration file. */
const NOT_INHERITED = /^HOLLOWAY_(HOME|PROFILE|NETWORK_|NODE_|PEERS_|ROUTING_|STORE_)/;

export interface SpawnOptions {
  readonly entry: string;
  readonly home: string;
  readonly lifeline: boolean;
}

export interface SpawnedNode {
  readonly pid: number;
  /** Undefined while it runs. */
  readonly exitCode: number | undefined;
}

export function spawnNode(options: SpawnOptions): SpawnedNode {
  const { entry, home, lifeline } = options;
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !NOT_INHERITED.test(name)));
  const { logFile } = resolvePaths(home, {});
  const log = openSync(logFile, 'a', 0o600);
  const settings = ['--set', `log.file=${logFile}`];
  const lifelineArgs = lifeline ? ['--lifeline-fd', '3'] : [];
  const args = [...SMALL_NURSERY, '--disable-sigusr1', entry, 'daemon', '--home', home, ...settings, ...lifelineArgs];
  // Its own session: Ctrl-C in the terminal is ours to handle, in order.
  const child: ChildProcess = spawn(process.execPath, args, {
    detached: true,
    env,
    stdio: ['ignore', 'ignore', log, ...(lifeline ? (['pipe'] as const) : [])],
  });
  closeSync(log);
  let exitCode: number | undefined;
  child.on('exit', (code) => {
    exitCode = code ?? 1;
  });
  child.on('error', () => {
    exitCode = 1;
  });
  child.unref();
  // Kept open by this process, and not keeping it: the pipe is what the daemon watches.
  const pipe = child.stdio[3];
  if (pipe !== null && pipe !== undefined && 'unref' in pipe) (pipe as { unref(): void }).unref();
  return {
    pid: child.pid ?? 0,
    get exitCode() {
      return exitCode;
    },
  };
}

export function apiOf(home: string): ApiClient {
  return createApiClient(findSockets(resolvePaths(home, {})).api);
}

export function holderOf(home: string): LockHolder | undefined {
  return lockHolder(resolvePaths(home, {}).lockFile);
}

/** kill -9, if it runs. */
export function killNode(home: string): boolean {
  const holder = holderOf(home);
  if (holder === undefined) return false;
  process.kill(holder.pid, 'SIGKILL');
  return true;
}

/** Asks it to end, waits, and makes sure. */
export async function stopNode(home: string): Promise<boolean> {
  const holder = holderOf(home);
  if (holder === undefined) return false;
  await apiOf(home)
    .post('/v1/stop')
    .catch(() => signal(holder, 'SIGTERM'));
  if (!(await hasEnded(holder, END_MS))) {
    signal(holder, 'SIGKILL');
    await hasEnded(holder, END_MS);
  }
  return true;
}

/** The last lines a node logged: why it ended. */
export function logTail(home: string): string {
  try {
    return readFileSync(resolvePaths(home, {}).logFile, 'utf8').trimEnd().split('\n').slice(-4).join('\n');
  } catch {
    return '';
  }
}

async function hasEnded(holder: LockHolder, limitMs: number): Promise<boolean> {
  const endMs = Date.now() + limitMs;
  while (isSameProcess(holder)) {
    if (Date.now() > endMs) return false;
    await pause(POLL_MS);
  }
  return true;
}

function signal(holder: LockHolder, name: 'SIGTERM' | 'SIGKILL'): void {
  if (!isSameProcess(holder)) return;
  try {
    process.kill(holder.pid, name);
  } catch {
    // It ended between the look and the signal.
  }
}
