/**
 * A document of 200 MiB through a gateway of a devnet by curl, wget and aria2c: each is killed in the middle, goes on, and has every byte right.
 *
 * Shape   published on node 1, read at node 5's gateway; three kills per program, after random parts.
 * @module
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { cli, startDevnet } from '../support/devnet.ts';
import { createSeededRandom } from '../support/seeded-random.ts';
import type { LongResult } from './run.ts';

const BYTES = 200 * 1024 * 1024;
const KILLS = 3;
const PROGRAMS: Readonly<Record<string, (url: string, file: string) => readonly string[]>> = {
  curl: (url, file) => ['--silent', '--fail', '--continue-at', '-', '--output', file, url],
  wget: (url, file) => ['--quiet', '--continue', '--tries=1', `--output-document=${file}`, url],
  aria2c: (url, file) => [
    '--quiet',
    '--continue=true',
    '--split=3',
    '--max-connection-per-server=3',
    '--auto-save-interval=1',
    '--file-allocation=none',
    '--dir',
    join(file, '..'),
    '--out',
    file.split('/').at(-1)!,
    url,
  ],
};

export async function run(seed: number): Promise<LongResult> {
  const random = createSeededRandom(`downloads ${seed}`);
  const dir = mkdtempSync(join(tmpdir(), 'hw-downloads-'));
  const devnet = await startDevnet(8);
  const lines: string[] = [];
  let held = true;
  try {
    const bytes = random.bytes(BYTES);
    const wanted = createHash('sha256').update(bytes).digest('hex');
    const published = await cli(['publish', '-', '--quiet', '--home', devnet.home(1)], { input: bytes });
    const url = `http://${devnet.nodes[4]!.gateway}/${published.stdout.trim()}`;
    if (published.code !== 0) throw new Error(published.stderr);
    for (const [program, args] of Object.entries(PROGRAMS)) {
      if (!isInstalled(program)) {
        lines.push(`${program}: not installed here`);
        held = false;
        continue;
      }
      const file = join(dir, `${program}.bin`);
      const startedMs = performance.now();
      const keptAt: string[] = [];
      for (let kill = 0; kill < KILLS; kill++) {
        const child = spawn(program, args(url, file), { stdio: 'ignore' });
        const before = sizeOf(file);
        const until = before + 8 * 1024 * 1024 + Math.floor(random.unit() * 40 * 1024 * 1024);
        while (child.exitCode === null && sizeOf(file) < until) await pause(50);
        child.kill('SIGKILL');
        await ended(child);
        keptAt.push(`${(sizeOf(file) / 2 ** 20).toFixed(0)} MiB`);
      }
      const last = spawn(program, args(url, file), { stdio: 'ignore' });
      const code = await ended(last);
      const got = await hashOf(file);
      const ok = code === 0 && got === wanted;
      held &&= ok;
      lines.push(
        `${program}: killed at ${keptAt.join(', ')}; ended ${code}, SHA-256 ${got === wanted ? 'equal' : 'DIFFERS'}, ${((performance.now() - startedMs) / 1_000).toFixed(0)} s`,
      );
      rmSync(file, { force: true });
    }
  } finally {
    await devnet.down();
    rmSync(dir, { recursive: true, force: true });
  }
  return { held, lines };
}

function isInstalled(program: string): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function sizeOf(file: string): number {
  return existsSync(file) ? statSync(file).size : 0;
}

function ended(child: ChildProcess): Promise<number> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode ?? 128);
  return new Promise((resolve) => child.on('exit', (code) => resolve(code ?? 128)));
}

async function hashOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const part of createReadStream(file)) hash.update(part as Buffer);
  return hash.digest('hex');
}
