/**
 * The package as a stranger gets it: npm pack, installed globally into an empty prefix with an empty HOME, and the first run of it.
 *
 * Shape   `npm pack`, `npm install --global --ignore-scripts` (our package needs none) with nothing of this environment but PATH, then
 *         `holloway demo --plain` and `holloway start` in that environment; times are from the first run to a fetched document.
 * @module
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LongResult } from './run.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const FETCHED_MS_MAX = 60_000;
const INSTALL_MS_MAX = 300_000;

export async function run(): Promise<LongResult> {
  const dir = mkdtempSync(join(tmpdir(), 'hw-packed-'));
  const at = (name: string): string => join(dir, name);
  for (const name of ['home', 'prefix', 'tmp', 'node', 'cache']) mkdirSync(at(name), { mode: 0o700 });
  try {
    const packed = execFileSync('npm', ['pack', '--silent', '--pack-destination', dir], {
      cwd: root,
      encoding: 'utf8',
    });
    const tarball = at(packed.trim().split('\n').at(-1)!);
    // Only the Node that runs this, so that a stray one of the machine is not taken.
    symlinkSync(process.execPath, join(at('node'), 'node'));
    const env = {
      HOME: at('home'),
      TMPDIR: at('tmp'),
      PATH: [join(at('prefix'), 'bin'), at('node'), dirname(npmPath()), '/usr/bin', '/bin'].join(':'),
      npm_config_prefix: at('prefix'),
      npm_config_cache: at('cache'),
      npm_config_update_notifier: 'false',
      ...wayToRegistry(),
    };
    const installMs = timed(() =>
      execFileSync(
        'npm',
        ['install', '--global', '--ignore-scripts', '--omit=dev', '--no-fund', '--no-audit', tarball],
        { env, timeout: INSTALL_MS_MAX },
      ),
    );
    const holloway = (...args: string[]): string => execFileSync('holloway', args, { env, encoding: 'utf8' });
    const manifest = JSON.parse(readFileSync(join(at('prefix'), 'lib/node_modules/holloway/package.json'), 'utf8')) as {
      scripts?: Record<string, string>;
    };
    const ownInstallScripts = Object.keys(manifest.scripts ?? {}).filter((name) => /^(pre|post)?install$/.test(name));

    const { fetchedMs, allMs, code } = await firstRun(env);
    holloway('start');
    let failures: string[] = [];
    let status = '';
    try {
      // 9: right, of a node that has joined no network.
      const doctor = spawnSync('holloway', ['doctor', '--quick'], { env, encoding: 'utf8' });
      failures = doctor.stdout.split('\n').filter((line) => line.startsWith('FAIL') && !line.endsWith('[offline]'));
      status = holloway('status');
    } finally {
      holloway('stop');
    }
    const modes = readdirSync(join(at('home'), '.local/share')).length;
    const left = readdirSync(at('tmp')).filter((name) => name.startsWith('hw-demo-'));
    const pages = Number(
      execFileSync('sh', ['-c', 'holloway man --dir "$HOME/man" --quiet && ls "$HOME/man" | wc -l'], {
        env,
        encoding: 'utf8',
      }),
    );
    const held =
      code === 0 &&
      fetchedMs < FETCHED_MS_MAX &&
      ownInstallScripts.length === 0 &&
      left.length === 0 &&
      failures.length === 0 &&
      modes > 0 &&
      status.includes('devnet');
    return {
      held,
      lines: [
        `installed in ${(installMs / 1_000).toFixed(1)} s, without install scripts; own ones in the package: ${ownInstallScripts.length}`,
        `first run: a document published and fetched after ${(fetchedMs / 1_000).toFixed(1)} s, all three after ${(allMs / 1_000).toFixed(1)} s, exit ${code}`,
        `start, status, doctor and stop in an empty HOME; faults that doctor finds, but for the network not joined: ${failures.length}`,
        `manual pages written: ${pages}; left behind in the temporary directory: ${left.length}`,
      ],
    };
  } finally {
    makeDeletable(at('prefix'));
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Bare `holloway` opens the dashboard on a terminal; without one the same first run in plain lines. */
function firstRun(env: Record<string, string>): Promise<{ fetchedMs: number; allMs: number; code: number }> {
  return new Promise((resolve) => {
    const startedMs = performance.now();
    const child = spawn('holloway', ['demo', '--plain'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    let fetchedMs = Number.POSITIVE_INFINITY;
    child.stdout.setEncoding('utf8');
    child.stdout.on('data', (text: string) => {
      if (text.includes('SHA-256 equal')) fetchedMs = Math.min(fetchedMs, performance.now() - startedMs);
    });
    child.on('close', (code) => resolve({ fetchedMs, allMs: performance.now() - startedMs, code: code ?? 1 }));
  });
}

function timed(work: () => unknown): number {
  const startedMs = performance.now();
  work();
  return performance.now() - startedMs;
}

function npmPath(): string {
  return execFileSync('sh', ['-c', 'command -v npm'], { encoding: 'utf8' }).trim();
}

/** How this machine reaches packages (registry, proxy, certificates) is its own matter: that is passed on, and nothing else of it. */
function wayToRegistry(): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of [
    'NODE_EXTRA_CA_CERTS',
    'HTTPS_PROXY',
    'https_proxy',
    'HTTP_PROXY',
    'http_proxy',
    'NO_PROXY',
    'no_proxy',
  ]) {
    const value = process.env[name];
    if (value !== undefined) found[name] = value;
  }
  const registry = execFileSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).trim();
  return registry.startsWith('http')
    ? { ...found, npm_config_registry: registry, npm_config_fetch_retries: '1' }
    : found;
}

function makeDeletable(path: string): void {
  if (existsSync(path)) chmodSync(path, 0o700);
}
