/**
 * Real kills: a process that works a store is ended by SIGKILL at a random moment, and the directory is opened and looked at.
 *
 * Shape   the same directory over all rounds, so that each start finds what the kill before it left. A number is owed when its last
 *         line was "A".
 * Unit    the store has a slot for every number, so that nothing is given up for room.
 * @module
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createDisk } from '../../daemon/io/disk.ts';
import type { Random } from '../../daemon/ports.ts';
import { type Block, block, crypto, openTestStore, sskRecord } from '../daemon/store/store-bench.ts';

/** Numbers below this are blocks, the others records. */
const BLOCKS = 240;
export const ITEMS = 264;
export const KILL_SLOTS = 2 * BLOCKS;
const WORKER = fileURLToPath(new URL('./store-worker.ts', import.meta.url));

const made = new Map<number, Block>();

export function itemOf(number: number): Block {
  const known = made.get(number) ?? (number < BLOCKS ? block(number) : sskRecord(number, 1));
  made.set(number, known);
  return known;
}

export interface KillReport {
  readonly kills: number;
  readonly acknowledged: number;
  readonly checked: number;
  readonly lost: number;
  readonly badBytes: number;
  readonly reopenMsMax: number;
}

/** @param aliveMs how long a worker may work after its store is open, at most */
export async function runKills(dir: string, kills: number, random: Random, aliveMs: number): Promise<KillReport> {
  const owed = new Set<number>();
  const report = { kills: 0, acknowledged: 0, checked: 0, lost: 0, badBytes: 0, reopenMsMax: 0 };
  for (; report.kills < kills; report.kills++) {
    const lines = await workAndKill(dir, report.kills, random.unit() * aliveMs);
    for (const line of lines) {
      const number = Number(line.slice(2));
      if (line.startsWith('R')) report.reopenMsMax = Math.max(report.reopenMsMax, number);
      if (line.startsWith('D')) owed.delete(number);
      if (line.startsWith('A')) {
        owed.add(number);
        report.acknowledged++;
      }
    }
    const startedMs = performance.now();
    const store = await openTestStore(createDisk(dir), { slots: KILL_SLOTS });
    report.reopenMsMax = Math.max(report.reopenMsMax, performance.now() - startedMs);
    for (let number = 0; number < ITEMS; number++) {
      const { ref, bytes } = itemOf(number);
      const found = await store.get(ref);
      if (owed.has(number)) report.checked++;
      if (owed.has(number) && found === undefined) report.lost++;
      if (found !== undefined && !crypto.equal(found, bytes)) report.badBytes++;
    }
    await store.close();
  }
  return report;
}

async function workAndKill(dir: string, round: number, aliveMs: number): Promise<string[]> {
  const child = spawn(process.execPath, [WORKER, dir, `${round}`], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.on('data', (bytes: Buffer) => {
    if (said === '') setTimeout(() => child.kill('SIGKILL'), aliveMs); // the first line: the store is open
    said += bytes.toString('latin1');
  });
  const ended = once(child, 'close') as Promise<[code: number | null, signal: string | null]>;
  const [code, signal] = await ended;
  if (signal !== 'SIGKILL') throw new Error(`the worker ended by itself with ${code}`);
  return said.split('\n').slice(0, -1);
}
