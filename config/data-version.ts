/**
 * Which layout the data directory has, which version wrote it, and for which network: checked before anything in it is opened.
 *
 * Shape   DATA/layout.json {v, layout, version, network}. A directory without it has layout 0 (before the stamp), or is new.
 *         Older layouts are brought forward one step at a time by MIGRATIONS; what each step did is stamped before the next.
 * Errors  DataVersionError: written by a newer version, or for another network. Nothing was touched then.
 * Why     blocks and identity of one network must not turn up in another; and a daemon that guesses at a newer layout would damage it.
 * Source  ux § 4 "Upgrades keep data", "One profile per network".
 * @module
 */
import { chmodSync, existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const DATA_LAYOUT = 1;
const FILE = 'layout.json';

export class DataVersionError extends Error {
  /** `newer`: upgrade. `network`: the data of another network. */
  readonly reason: 'newer' | 'network';

  constructor(reason: 'newer' | 'network', message: string) {
    super(message);
    this.name = 'DataVersionError';
    this.reason = reason;
  }
}

export interface DataStamp {
  readonly layout: number;
  readonly version: string;
  readonly network: string;
}

/** From layout i to i + 1. */
const MIGRATIONS: readonly ((dataDir: string) => void)[] = [
  // 0 -> 1: early versions left the modes of SQLite's side files to the umask.
  (dataDir) => {
    for (const name of readdirSync(dataDir)) {
      if (/\.(?:blocks|sqlite)(?:-wal|-shm)?$/.test(name)) chmodSync(join(dataDir, name), 0o600);
    }
  },
];

export function readStamp(dataDir: string): DataStamp | undefined {
  try {
    const found = JSON.parse(readFileSync(join(dataDir, FILE), 'utf8')) as Partial<DataStamp>;
    const { layout, version, network } = found;
    if (typeof layout !== 'number' || typeof version !== 'string' || typeof network !== 'string') return undefined;
    return { layout, version, network };
  } catch {
    return undefined;
  }
}

/** Why data with this stamp may not be opened for `network`; undefined when it may. */
export function refusalOf(stamp: DataStamp | undefined, network: string): DataVersionError | undefined {
  if (stamp === undefined) return undefined;
  if (stamp.layout > DATA_LAYOUT) {
    return new DataVersionError(
      'newer',
      `Holloway ${stamp.version} wrote layout ${stamp.layout}, this version knows ${DATA_LAYOUT}`,
    );
  }
  if (stamp.network !== network) {
    return new DataVersionError(
      'network',
      `the data belongs to network ${stamp.network}, the configuration says ${network}`,
    );
  }
  return undefined;
}

/** Brings the directory to the present layout and stamps it. @returns the steps that were taken, such as "0 -> 1" */
export function prepareData(dataDir: string, version: string, network: string): readonly string[] {
  const stamp = readStamp(dataDir);
  const refusal = refusalOf(stamp, network);
  if (refusal !== undefined) throw refusal;
  const steps: string[] = [];
  const isNew = stamp === undefined && !existsSync(join(dataDir, 'store.sqlite'));
  for (let layout = stamp?.layout ?? (isNew ? DATA_LAYOUT : 0); layout < DATA_LAYOUT; layout++) {
    MIGRATIONS[layout]!(dataDir);
    writeStamp(dataDir, { layout: layout + 1, version, network });
    steps.push(`${layout} -> ${layout + 1}`);
  }
  if (stamp?.version !== version || steps.length > 0 || isNew) {
    writeStamp(dataDir, { layout: DATA_LAYOUT, version, network });
  }
  return steps;
}

function writeStamp(dataDir: string, stamp: DataStamp): void {
  const path = join(dataDir, FILE);
  writeFileSync(`${path}.new`, `${JSON.stringify({ v: 1, ...stamp })}\n`, { mode: 0o600, flush: true });
  renameSync(`${path}.new`, path);
}
