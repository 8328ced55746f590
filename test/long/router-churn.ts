/**
 * Thirty real daemons, a third of which are killed and started again at random, while four clients publish and fetch without a pause.
 *
 * Shape   nodes 1 to 4 are the clients' and stay up; ten of the others are taken in turn: kill -9, 5 to 25 s of nothing, the same home again. A
 *         client publishes a small document, then all four fetch one of those published so far, again and again.
 * Figures >= 99.9 % of fetches of published documents succeed; nobody waits longer than 10 s without the document or a typed reason. A
 *         fetch that ends with a typed reason is asked again, as a person would, and counts as failed after three of them.
 * Unit    CHURN_MINUTES (10; 20 for the long form), CHURN_NODES (30).
 * Source  issue "topology and routing", figure 8.
 * @module
 */
import { spawn } from 'node:child_process';
import { ApiFailure, fetchBytes, publishBytes } from '../support/api-client.ts';
import { type Devnet, ENTRY, startDevnet } from '../support/devnet.ts';
import { createSeededRandom } from '../support/seeded-random.ts';
import type { LongResult } from './run.ts';

const MINUTES = Number(process.env.CHURN_MINUTES ?? 10);
const NODES = Number(process.env.CHURN_NODES ?? 30);
const CLIENTS = [1, 2, 3, 4];
const DOCUMENT_BYTES = 40_000;
const WAIT_MAX_MS = 10_000;
const TRIES = 3;
const DOWN_MS = [5_000, 25_000] as const;
const PAUSE_MS = 500;
const KEPT = 40;

interface Counts {
  published: number;
  publishFailed: number;
  fetched: number;
  failed: number;
  again: number;
  kills: number;
  restarts: number;
  longestMs: number;
  tooLong: number;
}

export async function run(seed: number): Promise<LongResult> {
  const devnet = await startDevnet(NODES);
  const random = createSeededRandom(`churn ${seed}`);
  const counts: Counts = {
    published: 0,
    publishFailed: 0,
    fetched: 0,
    failed: 0,
    again: 0,
    kills: 0,
    restarts: 0,
    longestMs: 0,
    tooLong: 0,
  };
  const reasons = new Map<string, number>();
  const documents: { uri: string; bytes: Uint8Array }[] = [];
  const pids = new Map(devnet.nodes.map(({ i, pid }) => [i, pid]));
  const endMs = performance.now() + MINUTES * 60_000;
  const isOver = (): boolean => performance.now() >= endMs;
  try {
    const victims = devnet.nodes.map(({ i }) => i).filter((i) => !CLIENTS.includes(i));
    const churned = victims.slice(0, Math.floor(NODES / 3));
    await Promise.all([
      ...CLIENTS.map((client) => use(client)),
      ...churned.map((node) => killAndRestart(devnet, node)),
    ]);
  } finally {
    for (const [i, pid] of pids) if (devnet.nodes.every((node) => node.i !== i || node.pid !== pid)) stop(pid);
    await devnet.down();
  }
  const fetches = counts.fetched + counts.failed;
  const share = counts.fetched / fetches;
  const lines = [
    `${NODES} daemons, ${Math.floor(NODES / 3)} of them killed and restarted at random for ${MINUTES} min: ${counts.kills} kills, ${counts.restarts} restarts`,
    `${counts.published} documents of ${DOCUMENT_BYTES} bytes published, ${counts.publishFailed} publishes refused`,
    `fetches: ${counts.fetched} of ${fetches} (${(share * 100).toFixed(3)} %), ${counts.again} asked again after a typed reason; wanted >= 99.9 %`,
    `longest wait for the document or a reason ${(counts.longestMs / 1_000).toFixed(1)} s, ${counts.tooLong} over 10 s; wanted 0`,
    `reasons: ${[...reasons].map(([code, times]) => `${code} ${times}`).join(', ') || 'none'}`,
  ];
  const held = share >= 0.999 && counts.tooLong === 0 && counts.kills >= MINUTES && counts.restarts > 0;
  return { held, lines };

  async function use(client: number): Promise<void> {
    const own = random.fork(`client ${client}`);
    for (let turn = 0; !isOver(); turn++) {
      if (documents.length === 0 || turn % 4 === 0) await publishOne(client, own.bytes(DOCUMENT_BYTES));
      const document = documents[Math.floor(own.unit() * documents.length)];
      if (document !== undefined) await fetchOne(client, document);
      await sleep(PAUSE_MS);
    }
  }

  async function publishOne(client: number, bytes: Uint8Array): Promise<void> {
    try {
      const { uri } = await publishBytes(devnet.home(client), bytes);
      if (uri === null || uri === undefined) throw new Error('no address');
      counts.published++;
      documents.push({ uri, bytes });
      if (documents.length > KEPT) documents.shift();
    } catch (error) {
      counts.publishFailed++;
      note(error);
    }
  }

  async function fetchOne(client: number, document: { uri: string; bytes: Uint8Array }): Promise<void> {
    for (let turn = 1; turn <= TRIES; turn++) {
      const startedMs = performance.now();
      let isFound = false;
      try {
        const { content } = await fetchBytes(devnet.home(client), document.uri);
        isFound = Buffer.compare(content, document.bytes) === 0;
        if (!isFound) reasons.set('OTHER BYTES', (reasons.get('OTHER BYTES') ?? 0) + 1);
      } catch (error) {
        note(error);
      }
      const tookMs = performance.now() - startedMs;
      counts.longestMs = Math.max(counts.longestMs, tookMs);
      if (tookMs > WAIT_MAX_MS) counts.tooLong++;
      if (isFound) {
        counts.fetched++;
        return;
      }
      if (turn < TRIES) counts.again++;
    }
    counts.failed++;
  }

  async function killAndRestart(net: Devnet, node: number): Promise<void> {
    const own = random.fork(`node ${node}`);
    const between = (): number => DOWN_MS[0] + own.unit() * (DOWN_MS[1] - DOWN_MS[0]);
    for (;;) {
      await sleep(between());
      if (isOver()) return;
      stop(pids.get(node)!);
      counts.kills++;
      await sleep(between());
      pids.set(node, startAgain(net.home(node)));
      counts.restarts++;
    }
  }

  function note(error: unknown): void {
    const code = error instanceof ApiFailure ? error.code : String(error);
    reasons.set(code, (reasons.get(code) ?? 0) + 1);
  }
}

function startAgain(home: string): number {
  const child = spawn(process.execPath, [ENTRY, 'daemon', '--home', home], { stdio: 'ignore', detached: true });
  child.unref();
  return child.pid ?? 0;
}

function stop(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
