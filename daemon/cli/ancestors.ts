/**
 * Notices that whoever started this process is gone, so that a demo started by `npm start` does not outlive npm.
 *
 * Shape   watches the parent, and under npm every process up to npm itself: npm starts a shell, the shell starts us.
 * Why     a killed npm leaves its shell waiting for us, so our own parent is still there; only the chain tells.
 * @module
 */
import { readFileSync } from 'node:fs';
import { processStart } from '../../config/lock.ts';

const LOOK_MS = 300;
const CHAIN_MAX = 4;

interface Ancestor {
  readonly pid: number;
  readonly started: string;
}

/** @returns how to stop watching */
export function watchAncestors(env: Readonly<Record<string, string | undefined>>, gone: () => void): () => void {
  const chain = ancestors(env.npm_lifecycle_event !== undefined);
  const timer = setInterval(() => {
    const orphaned = process.ppid !== chain[0]?.pid;
    if (!orphaned && chain.every(({ pid, started }) => processStart(pid) === started)) return;
    clearInterval(timer);
    gone();
  }, LOOK_MS);
  timer.unref();
  return () => clearInterval(timer);
}

function ancestors(underNpm: boolean): readonly Ancestor[] {
  const chain: Ancestor[] = [];
  for (let pid = process.ppid; pid > 1 && chain.length < CHAIN_MAX; ) {
    const started = processStart(pid);
    if (started === undefined) break;
    chain.push({ pid, started });
    if (!underNpm || isNpm(pid)) return chain;
    const parent = parentOf(pid);
    if (parent === undefined) break;
    pid = parent;
  }
  // No npm found above (another runner, another system): the parent alone is ours to watch.
  return chain.slice(0, 1);
}

function isNpm(pid: number): boolean {
  try {
    return /(^|[/\s])(npm|npx|npm-cli\.js|npx-cli\.js)([\s\0]|$)/.test(readFileSync(`/proc/${pid}/cmdline`, 'latin1'));
  } catch {
    return false;
  }
}

function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
}
