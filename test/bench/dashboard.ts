/**
 * The dashboard in a pseudo-terminal of 120x40 on a devnet of eight: what it costs, beside what it may cost.
 *
 * Unit    % of one core; MiB resident; kB/s to the terminal; ms. The daemon's share is CPU ms per second, with a dashboard minus without.
 * Why     `script` lends a terminal and hands over every byte, so nothing of another terminal's drawing is in the figures. The daemon's
 *         share is the difference of several turns with and without, because its own work goes on all the while.
 * Source  ux § 1.4.
 * @module
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { textOf } from '../../tui/cells.ts';
import { draw } from '../../tui/draw.ts';
import { createModel, step } from '../../tui/model.ts';
import { type Devnet, ENTRY, processUse, startDevnet } from '../support/devnet.ts';
import { fixtureStatus } from '../support/status-fixture.ts';

const NODES = 8;
const SECONDS = 15;
const TURNS = 7;
const DAY_S = 86_400;
const MIB = 1024 * 1024;

interface Session {
  readonly child: ChildProcess;
  readonly startedMs: number;
  bytes: number;
  firstFrameMs: number | undefined;
  /** On a busy machine the rest is waiting for a core. */
  firstFrameCpuMs: number | undefined;
  readonly pid: () => number;
  /** Until anything is written, from now. */
  answer(key: string): Promise<number>;
  end(): Promise<void>;
}

export async function run(): Promise<void> {
  if (spawnSync('script', ['--version']).status !== 0) {
    console.log('script (util-linux) is not installed: there is no terminal to measure in');
    return;
  }
  const devnet = await startDevnet(NODES);
  try {
    await pause(4_000);
    console.log(`dashboard at 120x40, devnet of ${NODES}, Node ${process.versions.node}, ${ENTRY}`);
    console.log('measure                          found      budget');
    await measureAt(devnet, '1s', 2);
    await measureAt(devnet, '200ms', 5);
    await measureKeys(devnet);
    await measureShare(devnet);
    measureDay();
  } finally {
    await devnet.down();
  }
}

async function measureAt(devnet: Devnet, refresh: string, cpuBudget: number): Promise<void> {
  const session = open(devnet, refresh);
  await pause(5_000);
  const before = { ...processUse(session.pid()), bytes: session.bytes };
  await pause(SECONDS * 1_000);
  const after = processUse(session.pid());
  const cpu = ((after.cpuS - before.cpuS) / SECONDS) * 100;
  if (refresh === '1s') {
    say('first frame', `${Math.round(session.firstFrameMs ?? Number.NaN)} ms`, '500 ms');
    say('  of that, CPU', `${Math.round(session.firstFrameCpuMs ?? Number.NaN)} ms`, '');
    say('memory', `${(after.rssBytes / MIB).toFixed(0)} MiB`, '95 MiB (100 MB)');
  }
  say(`CPU, refresh ${refresh}`, `${cpu.toFixed(1)} %`, `${cpuBudget} %`);
  const rate = (session.bytes - before.bytes) / SECONDS / 1_000;
  say(`to the terminal, refresh ${refresh}`, `${rate.toFixed(1)} kB/s`, refresh === '1s' ? '4 kB/s' : '');
  await session.end();
}

async function measureKeys(devnet: Devnet): Promise<void> {
  const session = open(devnet, '10s');
  await pause(4_000);
  const times: number[] = [];
  for (let i = 0; i < 40; i++) {
    times.push(await session.answer('2456781?'[i % 8]!));
    if (i % 8 === 7) await session.answer('\x1b');
    await pause(60);
  }
  const sorted = times.toSorted((a, b) => a - b);
  say('key to screen', `${sorted[20]!.toFixed(1)} ms, worst ${sorted.at(-1)!.toFixed(1)} ms`, '50 ms');
  await session.end();
}

/** Turns with and without, one after the other: what else the daemon does falls on both. */
async function measureShare(devnet: Devnet): Promise<void> {
  const pid = devnet.nodes[0]!.pid;
  const spent = async (): Promise<number> => {
    const before = cpuNs(pid);
    await pause(SECONDS * 500);
    return ((cpuNs(pid) - before) / 1e6 / SECONDS) * 2;
  };
  const shares: number[] = [];
  for (let i = 0; i < TURNS; i++) {
    const without = await spent();
    const session = open(devnet, '1s');
    await pause(2_000);
    shares.push((await spent()) - without);
    await session.end();
  }
  const middle = shares.toSorted((a, b) => a - b)[Math.floor(TURNS / 2)]!;
  say("daemon's share", `${middle.toFixed(2)} ms/s`, '1 ms/s');
}

/** A day of refreshes through model and drawing, with every number moving: what is kept must not grow. */
function measureDay(): void {
  const nowMs = 1_800_000_000_000;
  const size = { width: 120, height: 40 };
  let model = createModel({ ...size, readOnly: false, refreshMs: 1_000, mouse: true, nowMs, offsetMinutes: 0 });
  const base = fixtureStatus();
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const heap: number[] = [];
  const startedMs = performance.now();
  for (let second = 0; second < DAY_S; second++) {
    const status = { ...base, uptimeMs: base.uptimeMs + second * 1_000, nowMs: base.nowMs + second * 1_000 };
    const peers = {
      ...status.peers,
      list: status.peers.list.map((peer, i) => ({ ...peer, bytesIn: peer.bytesIn + second * 700 * (i + 1) })),
    };
    const event = { type: 'snapshot', status: { ...status, peers } } as const;
    [model] = step(model, { type: 'feed', event, nowMs: nowMs + second * 1_000 });
    if (second % 10 === 0) textOf(draw(model, size.width, size.height, { ascii: false })[0]!);
    if (second === 3_600 || second === DAY_S - 1) {
      collectGarbage();
      heap.push(process.memoryUsage().heapUsed);
    }
  }
  const grownMib = (heap[1]! - heap[0]!) / MIB;
  const usS = ((performance.now() - startedMs) / DAY_S) * 1_000;
  say('heap grown, hour 1 to 24', `${grownMib.toFixed(1)} MiB`, 'none');
  say('model, and a frame in ten', `${usS.toFixed(0)} us/refresh`, '');
}

function open(devnet: Devnet, refresh: string): Session {
  const command = [process.execPath, ENTRY, 'top', '--home', devnet.home(1), '--refresh', refresh].join(' ');
  const startedMs = performance.now();
  const child = spawn('script', ['-qfec', `stty cols 120 rows 40; exec ${command}`, '/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, TERM: 'xterm-256color', LC_ALL: 'C.UTF-8' },
  });
  let heard: (() => void) | undefined;
  const session: Session = {
    child,
    startedMs,
    bytes: 0,
    firstFrameMs: undefined,
    firstFrameCpuMs: undefined,
    pid: () => Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim()),
    async answer(key) {
      const sentMs = performance.now();
      const answered = new Promise<void>((resolve) => {
        heard = resolve;
      });
      child.stdin!.write(key);
      await answered;
      return performance.now() - sentMs;
    },
    async end() {
      const ended = new Promise((resolve) => child.once('close', resolve));
      child.stdin!.write('\x03');
      await ended;
    },
  };
  child.stdout!.on('data', (bytes: Buffer) => {
    session.bytes += bytes.length;
    // With data, not merely a waiting screen.
    if (session.firstFrameMs === undefined && bytes.includes('HEALTHY')) {
      session.firstFrameMs = performance.now() - startedMs;
      session.firstFrameCpuMs = processUse(session.pid()).cpuS * 1_000;
    }
    heard?.();
    heard = undefined;
  });
  return session;
}

/** Nanoseconds that the threads of a process ran. */
function cpuNs(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ')[0]);
}

function say(what: string, found: string, budget: string): void {
  console.log(`${what.padEnd(32)} ${found.padEnd(10)} ${budget}`);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
