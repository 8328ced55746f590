/**
 * A devnet of real daemons for tests and benches, driven only through the command line and the control API.
 * @module
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Status } from '../../daemon/api/schema.ts';

export const ENTRY = fileURLToPath(new URL('../../daemon/cli/holloway.mjs', import.meta.url));

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly tookMs: number;
}

/** Runs `holloway ARGS`; never rejects for an exit code. */
export function cli(
  args: readonly string[],
  options: { input?: Uint8Array; env?: Record<string, string> } = {},
): Promise<CliResult> {
  return new Promise((resolve) => {
    const startedMs = performance.now();
    const child = execFile(
      process.execPath,
      [ENTRY, ...args],
      { maxBuffer: 64 * 1024 * 1024, env: { ...process.env, ...options.env } },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 128;
        resolve({ code, stdout, stderr, tookMs: performance.now() - startedMs });
      },
    );
    child.stdin?.end(options.input);
  });
}

export interface DevnetNode {
  readonly i: number;
  readonly home: string;
  readonly pid: number;
  readonly link: string;
  readonly gateway: string;
}

export interface Devnet {
  readonly dir: string;
  readonly nodes: readonly DevnetNode[];
  home(i: number): string;
  status(i: number): Promise<Status>;
  allStatus(): Promise<Status[]>;
  /** kill -9 */
  kill(...which: number[]): void;
  down(): Promise<void>;
}

/** Started and complete, or an exception with what the command said. */
export async function startDevnet(
  nodes: number,
  options: { readonly args?: readonly string[]; readonly env?: Record<string, string> } = {},
): Promise<Devnet> {
  const dir = mkdtempSync(join(tmpdir(), 'hw-'));
  const up = await cli(
    ['devnet', 'up', '--nodes', `${nodes}`, '--dir', dir, ...(options.args ?? [])],
    options.env === undefined ? {} : { env: options.env },
  );
  const listed = await cli(['devnet', 'status', '--dir', dir, '--json']);
  const down = async (): Promise<void> => {
    await cli(['devnet', 'down', '--purge', '--dir', dir]);
    rmSync(dir, { recursive: true, force: true });
  };
  if (up.code !== 0 || listed.code !== 0) {
    await down();
    throw new Error(`devnet up failed (${up.code}): ${up.stderr}${listed.stderr}`);
  }
  const found = (JSON.parse(listed.stdout) as { nodes: DevnetNode[] }).nodes;
  const killed = new Set<number>();
  const devnet: Devnet = {
    dir,
    nodes: found,
    home: (i) => join(dir, `node-${i}`),
    status: (i) => apiJson<Status>(join(dir, `node-${i}`), '/v1/status'),
    allStatus: () => Promise.all(found.filter((node) => !killed.has(node.i)).map((node) => devnet.status(node.i))),
    kill: (...which) => {
      for (const node of found) {
        if (!which.includes(node.i)) continue;
        killed.add(node.i);
        process.kill(node.pid, 'SIGKILL');
      }
    },
    down,
  };
  return devnet;
}

/** Where the control API of a home listens (design § 11: a long path moves and is named in api.path). */
export function socketOf(home: string): string {
  try {
    return readFileSync(join(home, 'api.path'), 'utf8').trim();
  } catch {
    return join(home, 'api.sock');
  }
}

export function apiJson<T>(home: string, path: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath: socketOf(home), path, method: 'GET' }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => {
        if (response.statusCode !== 200) return reject(new Error(`${path} answered ${response.statusCode}: ${text}`));
        try {
          resolve(JSON.parse(text) as T);
        } catch (error) {
          reject(error);
        }
      });
    });
    call.on('error', reject);
    call.end();
  });
}

/** CPU seconds used so far by a process (user and system), and its resident bytes. Linux. */
export function processUse(pid: number): { readonly cpuS: number; readonly rssBytes: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  const rss = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return { cpuS: ticks / 100, rssBytes: Number(rss?.[1] ?? 0) * 1024 };
}
