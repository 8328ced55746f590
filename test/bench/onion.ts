/**
 * Circuits through three relays, each in a process of its own on loopback: built per second, MiB/s, CPU, answer times; and in the same
 * run the same bytes through bare TCP and TLS 1.3 (the same AEAD) between two processes.
 *
 * Unit    MiB are of document bytes; CPU seconds are summed over all processes that took part, per GiB of document.
 * Why     Tor's figures on such a machine (without its 10 ms tick) are what we must first reach: 67 MiB/s, 21.6 CPU-s/GiB, a circuit in
 *         1.9 ms, an answer of 1 KiB in 1.5 ms. Node's process start is not in any figure.
 * @module
 */
import { type ChildProcess, fork } from 'node:child_process';
import { processUse } from '../support/devnet.ts';
import type { Order } from './onion-process.ts';

const MIB = 2 ** 20;
const BLOCK_KIB = 32;
const MEASURED_MIB = 128;
const ROUNDS = 3;

export async function run(): Promise<void> {
  const children: ChildProcess[] = [];
  const start = (): ChildProcess => {
    const child = fork(new URL('onion-process.ts', import.meta.url), {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    children.push(child);
    return child;
  };
  try {
    console.log(`three relays on loopback, ${new Date().toISOString().slice(0, 10)}, Node ${process.versions.node}`);
    await measurePipes(start(), start());
    await measureCircuits([start(), start(), start()], start());
  } finally {
    for (const child of children) child.disconnect();
  }
}

async function measurePipes(server: ChildProcess, client: ChildProcess): Promise<void> {
  const bytes = MEASURED_MIB * 4 * MIB;
  for (const tls of [false, true]) {
    const port = await ask<number>(server, { do: 'serve', tls, bytes });
    const best = await bestRound([server, client], MEASURED_MIB * 4, () =>
      ask<number>(client, { do: 'drink', tls, port, bytes }),
    );
    line(tls ? 'TLS 1.3, ChaCha20-Poly1305, one hop' : 'TCP, one hop', best);
  }
}

async function measureCircuits(relays: readonly ChildProcess[], client: ChildProcess): Promise<void> {
  const all = [...relays, client];
  const known = await Promise.all(relays.map((relay) => ask<string>(relay, { do: 'start' })));
  await ask(client, { do: 'start' });
  for (const child of all) await ask(child, { do: 'know', relays: known });
  await ask(client, { do: 'blocks', count: 500 });
  await ask(client, { do: 'buildOneByOne', count: 50 });

  const count = (MEASURED_MIB * 1024) / BLOCK_KIB;
  const best = await bestRound(all, MEASURED_MIB, () => ask<number>(client, { do: 'blocks', count }));
  line('Holloway, three relays', best);
  console.log(`${''.padEnd(44)} wanted: >= 67 MiB/s, <= 21.6 CPU-s/GiB`);

  const answers = await ask<number[]>(client, { do: 'records', count: 300 });
  times('an answer of 1,186 bytes over a ready circuit', answers, '1.5');
  const builds = await ask<number[]>(client, { do: 'buildOneByOne', count: 200 });
  times('a circuit of three, one after another', builds, '1.9');
  const before = cpuOf(all);
  const together = 400;
  const tookMs = await ask<number>(client, { do: 'buildTogether', count: together });
  const cpuS = cpuOf(all) - before;
  console.log(
    `${'circuits built, 16 at once'.padEnd(44)} ${((together / tookMs) * 1_000).toFixed(0)}/s; ${(together / cpuS).toFixed(0)} per CPU-second of all four processes`,
  );
}

interface Round {
  readonly mibPerSec: number;
  readonly cpuSPerGib: number;
}

async function bestRound(children: readonly ChildProcess[], mib: number, once: () => Promise<number>): Promise<Round> {
  const rounds: Round[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    const before = cpuOf(children);
    const tookMs = await once();
    rounds.push({ mibPerSec: (mib / tookMs) * 1_000, cpuSPerGib: ((cpuOf(children) - before) / mib) * 1_024 });
  }
  return {
    mibPerSec: Math.max(...rounds.map(({ mibPerSec }) => mibPerSec)),
    cpuSPerGib: Math.min(...rounds.map(({ cpuSPerGib }) => cpuSPerGib)),
  };
}

const cpuOf = (children: readonly ChildProcess[]): number =>
  children.reduce((sum, { pid }) => sum + processUse(pid!).cpuS, 0);

function line(what: string, { mibPerSec, cpuSPerGib }: Round): void {
  console.log(
    `${what.padEnd(44)} ${mibPerSec.toFixed(0).padStart(6)} MiB/s  ${cpuSPerGib.toFixed(1).padStart(6)} CPU-s/GiB`,
  );
}

function times(what: string, measured: number[], wanted: string): void {
  const sorted = measured.toSorted((a, b) => a - b);
  const at = (share: number): string => sorted[Math.floor((sorted.length - 1) * share)]!.toFixed(2);
  console.log(`${what.padEnd(44)} ${at(0.5)} ms median, ${at(0)} best, ${at(0.95)} p95; wanted: <= ${wanted}`);
}

function ask<T>(child: ChildProcess, order: Order): Promise<T> {
  return new Promise((resolve, reject) => {
    const heard = (reply: { readonly answer: T; readonly error?: string }): void => {
      child.off('exit', gone);
      if (reply.error === undefined) resolve(reply.answer);
      else reject(new Error(reply.error));
    };
    const gone = (): void => reject(new Error('a process of the bench ended'));
    child.once('message', heard as (reply: unknown) => void);
    child.once('exit', gone);
    child.send(order);
  });
}
