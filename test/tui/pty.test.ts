/**
 * The real thing in a real terminal: tmux stands for the person. Without tmux these tests say so and pass.
 * @module
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';

const hasTmux = spawnSync('tmux', ['-V']).status === 0;
const support = (name: string): string => fileURLToPath(new URL(`../support/${name}`, import.meta.url));
const DEADLINE_MS = 15_000;

interface Person {
  readonly home: string;
  type(...keys: readonly string[]): void;
  resize(width: number, height: number): void;
  screen(): string;
  /** Waits until the screen holds it. */
  sees(pattern: RegExp): Promise<string>;
  /** Of the dashboard. */
  pid(): number;
}

async function withDashboard(t: ExecutionContext, act: (person: Person) => Promise<void>): Promise<void> {
  if (!hasTmux) {
    t.log('tmux is not installed: the terminal tests are skipped');
    t.pass();
    return;
  }
  const home = mkdtempSync(join(tmpdir(), 'holloway-pty-'));
  const socketPath = join(home, 'api.sock');
  const server = spawn(process.execPath, [support('status-server.ts'), socketPath], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  // A server of its own, so that nobody's sessions or settings take part.
  const tmux = (...args: readonly string[]): string =>
    execFileSync('tmux', ['-S', join(home, 'tmux.sock'), '-f', '/dev/null', ...args], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C.UTF-8', TMUX: '' },
    });
  const person: Person = {
    home,
    type: (...keys) => void tmux('send-keys', '-t', 'x', ...keys),
    resize: (width, height) => void tmux('resize-window', '-t', 'x', '-x', String(width), '-y', String(height)),
    screen: () => tmux('capture-pane', '-p', '-t', 'x'),
    async sees(pattern) {
      const until = Date.now() + DEADLINE_MS;
      for (;;) {
        const screen = person.screen();
        if (pattern.test(screen)) return screen;
        if (Date.now() > until) throw new Error(`not seen: ${pattern}\n${screen}`);
        await wait(50);
      }
    },
    pid: () => Number(readFileSync(join(home, 'pid'), 'utf8')),
  };
  try {
    await new Promise((resolve) => server.stdout.once('data', resolve));
    tmux('new-session', '-d', '-s', 'x', '-x', '80', '-y', '24', 'env PS1="ready> " NO_COLOR= sh');
    await person.sees(/ready>/);
    // The shell writes the pid before it becomes the dashboard, so that a signal can be sent to that very process.
    const command = `sh -c 'echo $$ > ${join(home, 'pid')}; exec ${process.execPath} ${support('run-dashboard.ts')} ${socketPath}'`;
    person.type(`${command}; echo "code $?"`, 'Enter');
    await act(person);
  } finally {
    spawnSync('tmux', ['-S', join(home, 'tmux.sock'), 'kill-server']);
    server.kill();
    rmSync(home, { recursive: true, force: true });
  }
}

test.serial(
  'dashboard in a terminal: shows, follows a resize, opens a tab, and gives the terminal back with code 0',
  (t) =>
    withDashboard(t, async (person) => {
      const first = await person.sees(/Requests, last 10 min/);
      t.regex(first.split('\n')[0]!, /^ holloway 0\.3 garden {2}● HEALTHY .*hid/);
      t.true(first.includes('┌ Network ─'), 'box characters');
      person.type('2');
      t.true((await person.sees(/\[2 Peers\]/)).includes('p07'));
      person.resize(40, 10);
      t.is((await person.sees(/── 2 Peers ─/)).split('\n')[0]!.trimEnd().length <= 40, true);
      person.resize(15, 2);
      await person.sees(/^holloway ● 12p\s*$/m);
      person.resize(120, 40);
      const wide = await person.sees(/No peer selected/);
      t.is(wide.split('\n').filter((line) => line.includes('p12')).length, 1);
      person.type('q');
      const after = await person.sees(/code 0/);
      t.false(after.includes('HEALTHY'), 'the former screen is back');
      person.type('echo still "alive"', 'Enter');
      await person.sees(/^still alive$/m);
    }),
);

test.serial('dashboard in a terminal: SIGTERM gives the terminal back and says so in the code', (t) =>
  withDashboard(t, async (person) => {
    await person.sees(/HEALTHY/);
    process.kill(person.pid(), 'SIGTERM');
    t.false((await person.sees(/code 143/)).includes('HEALTHY'));
    person.type('clear; stty -a', 'Enter');
    t.regex(await person.sees(/ icanon/), / echo /, 'lines and echo are back');
    t.pass();
  }),
);
