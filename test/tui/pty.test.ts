/**
 * The real thing in a real terminal: tmux stands for the person. Without tmux these tests say so and pass.
 * @module
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { TABS } from '../../tui/keymap.ts';
import { createSeededRandom } from '../support/seeded-random.ts';

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
  /** What the terminal was told to call itself. */
  title(): string;
  killDaemon(): Promise<void>;
  startDaemon(): Promise<void>;
}

async function withDashboard(
  t: ExecutionContext,
  act: (person: Person) => Promise<void>,
  network = 'garden',
): Promise<void> {
  if (!hasTmux) {
    t.log('tmux is not installed: the terminal tests are skipped');
    t.pass();
    return;
  }
  const home = mkdtempSync(join(tmpdir(), 'holloway-pty-'));
  const socketPath = join(home, 'api.sock');
  let server: ChildProcess | undefined;
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
    title: () => tmux('display-message', '-p', '-t', 'x', '#{pane_title}'),
    async killDaemon() {
      const gone = once(server!, 'exit');
      server!.kill('SIGKILL');
      await gone;
    },
    async startDaemon() {
      server = spawn(process.execPath, [support('status-server.ts'), socketPath, network], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await once(server.stdout!, 'data');
    },
  };
  try {
    await person.startDaemon();
    tmux('new-session', '-d', '-s', 'x', '-x', '80', '-y', '24', 'env PS1="ready> " NO_COLOR= sh');
    await person.sees(/ready>/);
    // The shell writes the pid before it becomes the dashboard, so that a signal can be sent to that very process.
    const command = `sh -c 'echo $$ > ${join(home, 'pid')}; exec ${process.execPath} ${support('run-dashboard.ts')} ${socketPath}'`;
    person.type(`${command}; echo "code $?"`, 'Enter');
    await act(person);
  } finally {
    spawnSync('tmux', ['-S', join(home, 'tmux.sock'), 'kill-server']);
    server?.kill();
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
      await person.sees(/No peer selected/);
      const wide = await person.sees(/p12/);
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

test.serial('dashboard in a terminal: every tab opens, and no size leaves anything behind', (t) =>
  withDashboard(t, async (person) => {
    await person.sees(/HEALTHY/);
    for (const { key, title } of TABS) {
      person.type(key);
      await person.sees(new RegExp(`\\[${key} ${title}\\]`));
    }
    person.type('3', 'Space'); // held: the picture no longer moves by itself
    await person.sees(/paused/);
    const random = createSeededRandom('sizes');
    const sizes: [number, number][] = [
      [1, 1],
      [300, 90],
      ...Array.from({ length: 18 }, (): [number, number] => [
        1 + Math.floor(random.unit() * 300),
        1 + Math.floor(random.unit() * 90),
      ]),
    ];
    for (const [width, height] of sizes) {
      person.resize(width, height);
      person.type('Right');
      await wait(30);
    }
    person.resize(80, 24);
    const after = await person.sees(/\[3 Ring\][\s\S]*\? help {2}q quit/);
    await wait(200);
    person.type('C-l');
    await wait(300);
    t.is(person.screen(), await person.sees(/paused/), 'as if drawn anew');
    t.is(after.split('\n').length, person.screen().split('\n').length);
    person.type('q');
    await person.sees(/code 0/);
  }),
);

test.serial('dashboard in a terminal: a transfer is paused from the keyboard and goes on', (t) =>
  withDashboard(t, async (person) => {
    await person.sees(/HEALTHY/);
    person.type('7');
    t.regex(await person.sees(/\[7 Xfers\]/), /file-2 .*fetching/);
    person.type('Space');
    await person.sees(/file-2 is paused/);
    const paused = await person.sees(/file-2 .* paused\s+│/);
    t.regex(paused, /1 running, 2 paused/);
    person.type('Space');
    await person.sees(/file-2 goes on/);
    t.regex(await person.sees(/file-2 .*fetching/), /2 running, 1 paused/);
    person.type('q');
    await person.sees(/code 0/);
  }),
);

test.serial('dashboard in a terminal: a killed daemon leaves its last picture, a new one is noticed and said', (t) =>
  withDashboard(t, async (person) => {
    await person.sees(/HEALTHY/);
    await person.killDaemon();
    const lost = await person.sees(/OFFLINE/);
    t.regex(lost, /next: holloway start/);
    t.regex(lost, /12 of 32/, 'the last data stay');
    await person.startDaemon();
    person.type('r');
    const back = await person.sees(/HEALTHY/);
    t.regex(back, /daemon restarted \d\d:\d\d:\d\d, counters began again/);
    t.false(/-\d+[KMG]?\/s/.test(back), 'no negative rate');
  }),
);

test.serial('dashboard in a terminal: C-z gives the terminal to the shell, fg comes back to the same picture', (t) =>
  withDashboard(t, async (person) => {
    await person.sees(/HEALTHY/);
    person.type('2');
    await person.sees(/\[2 Peers\]/);
    person.type('C-z');
    t.false((await person.sees(/ready> $|ready>\s*$/)).includes('HEALTHY'), 'the shell has the terminal');
    person.type('echo free "hands"', 'Enter');
    await person.sees(/^free hands$/m);
    person.type('fg', 'Enter');
    await person.sees(/\[2 Peers\][\s\S]*p12/);
    person.type('1');
    await person.sees(/\[1 Overview\]/);
    process.kill(person.pid(), 'SIGHUP');
    await person.sees(/ready>\s*$/);
    t.false(person.screen().includes('[1 Overview]'));
  }),
);

test.serial('dashboard in a terminal: hostile text in every outside field is shown and not obeyed', (t) =>
  withDashboard(
    t,
    async (person) => {
      const title = person.title();
      await person.sees(/DEGRADED/);
      for (const { key } of TABS) {
        person.type(key);
        const screen = await person.sees(new RegExp(`\\[${key} `));
        const borders = screen.split('\n').filter((line) => /^[│┌└]/.test(line));
        t.true(borders.length > 5, `tab ${key}`);
        for (const line of borders) t.is([...line].length, 80, `tab ${key}: ${line}`);
      }
      t.is(person.title(), title, 'the title is as it was');
      person.type('q');
      await person.sees(/code 0/);
    },
    'hostile',
  ),
);
