/**
 * Checks of what lies on this machine: runtime, configuration, permissions, lock and crash, disk, store, ports. They need no daemon.
 *
 * Errors  none: whatever cannot be looked at is a finding.
 * Source  ux § 2.3 "doctor".
 * @module
 */
import { chmodSync, existsSync, lstatSync, readdirSync, rmSync, statfsSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { readCrash, removeCrash } from '../../../config/crash-marker.ts';
import { readStamp, refusalOf } from '../../../config/data-version.ts';
import type { Config } from '../../../config/load.ts';
import { lockHolder, staleHolder } from '../../../config/lock.ts';
import { findSockets, type Paths } from '../../../config/paths.ts';
import { type Address, ConfigError, formatAddress, formatSize } from '../../../config/schema.ts';
import { sizeText } from '../output.ts';
import { type Finding, fine, shellWord, trouble } from './finding.ts';

const NODE_NEEDED = [24, 12] as const;
const OTHERS = 0o077;
const DISK_LEAST_BYTES = 256 * 2 ** 20;
const DAY_MS = 86_400_000;

export interface HomeFacts {
  readonly paths: Paths;
  /** Where this daemon's data is: beside the rest, or apart while no network is joined. */
  readonly dataDir: string;
  /** Undefined when it is not usable. */
  readonly config: Config | undefined;
  readonly nowMs: number;
}

export function checkRuntime(version: string = process.versions.node): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isEnough = major > NODE_NEEDED[0] || (major === NODE_NEEDED[0] && minor >= NODE_NEEDED[1]);
  if (isEnough) return fine('runtime', `node ${version} on ${process.platform} ${process.arch}`);
  return trouble('fail', 'runtime', {
    code: 'runtime_old',
    text: `node ${version} is too old`,
    next: `install Node ${NODE_NEEDED.join('.')} or newer from https://nodejs.org`,
  });
}

/** @returns the finding, and the configuration when there is one */
export function checkConfig(load: () => Config, paths: Paths): { finding: Finding; config: Config | undefined } {
  try {
    const config = load();
    const where = existsSync(paths.configFile) ? paths.configFile : 'no file, so defaults';
    return { finding: fine('config', `valid (${where})`), config };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { finding: trouble('fail', 'config', mistake(error, paths)), config: undefined };
  }
}

function mistake(error: ConfigError, paths: Paths) {
  const code = 'bad_config' as const;
  const text = error.message;
  if (error.where.startsWith('HOLLOWAY_')) {
    return { code, text, next: `take ${error.where} out of the environment`, run: `unset ${error.where}` };
  }
  const line = /:(\d+)$/.exec(error.where)?.[1];
  if (error.key !== undefined && line !== undefined) {
    const run = `holloway config unset ${error.key}`;
    return { code, text, next: `correct line ${line} of ${paths.configFile}, or go back to the default: ${run}`, run };
  }
  if (line !== undefined) return { code, text, next: `correct line ${line} of ${paths.configFile}` };
  const code13 = /cannot be read \((?:EACCES|EPERM)\)/.test(error.message);
  if (code13)
    return { code, text, next: `make it readable: chmod 600 it`, run: `chmod 600 ${shellWord(paths.configFile)}` };
  return { code, text, next: 'holloway config list shows every setting with its range' };
}

/** Keys lie in these: nobody else may look into them, and nobody else may own them. */
export function checkPermissions(facts: HomeFacts): readonly Finding[] {
  const { paths, dataDir, config } = facts;
  const directories = [...new Set([paths.dataDir, dataDir, paths.stateDir, paths.socketDir, join(dataDir, 'keys')])];
  const files = [dataDir, join(dataDir, 'keys')].flatMap((dir) =>
    namesIn(dir)
      .filter((name) => /\.(?:sqlite|blocks|key|json)(?:-\w+)?$/.test(name))
      .map((name) => join(dir, name)),
  );
  const passphrase = config?.values['store.passphrase_file'] ?? '';
  if (passphrase !== '' && passphrase !== '-') files.push(passphrase);
  const found = [
    ...directories.map((path) => ownedAlone(path, true)),
    ...files.map((path) => ownedAlone(path, false)),
  ].filter((finding) => finding !== undefined);
  if (found.length > 0) return found;
  const isThere = existsSync(paths.dataDir);
  return [fine('permissions', isThere ? 'data and keys are yours alone' : 'nothing is there yet')];
}

function ownedAlone(path: string, isDirectory: boolean): Finding | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  const uid = process.getuid?.();
  const code = 'permissions' as const;
  if (isDirectory && !stat.isDirectory()) {
    const run = `mv ${shellWord(path)} ${shellWord(`${path}.aside`)}`;
    return trouble('fail', 'permissions', { code, text: `${path} is no directory`, next: 'put it aside', run });
  }
  if (uid !== undefined && stat.uid !== uid) {
    const run = `sudo chown -R ${uid} ${shellWord(path)}`;
    return trouble('fail', 'permissions', {
      code,
      text: `${path} belongs to another user`,
      next: `make it yours: ${run}`,
      run,
    });
  }
  if (process.platform === 'win32' || (stat.mode & OTHERS) === 0) return undefined;
  const mode = isDirectory ? '700' : '600';
  const run = `chmod ${mode} ${shellWord(path)}`;
  const fix = (): void => chmodSync(path, Number.parseInt(mode, 8));
  return trouble('fail', 'permissions', { code, text: `others can look into ${path}`, next: run, run, fix });
}

/** What a daemon left behind that did not end by itself. */
export function checkTraces({ paths, nowMs }: HomeFacts): readonly Finding[] {
  const found: Finding[] = [];
  const stale = staleHolder(paths.lockFile);
  if (stale !== undefined) {
    found.push(
      trouble('warn', 'lock', {
        code: 'old_lock',
        text: `the daemon with pid ${stale.pid} was killed, or the machine went down`,
        next: 'nothing must be done, the next start takes the lock over; to remove it now: holloway doctor --fix',
        run: 'holloway doctor --fix',
        fix: () => rmSync(paths.lockFile, { force: true }),
      }),
    );
  }
  const crash = readCrash(paths.crashFile);
  if (crash !== undefined) {
    const when = new Date(crash.atMs).toISOString();
    const how = crash.code === 'killed' ? 'was killed' : `ended by ${crash.code} at ${crash.places.join(' < ')}`;
    found.push(
      trouble('warn', 'crash', {
        code: 'crashed',
        text: `a daemon of version ${crash.version} ${how}, ${when}`,
        next: 'holloway logs --level warn shows what came before; once read: holloway doctor --fix',
        run: 'holloway doctor --fix',
        fix: () => removeCrash(paths.crashFile),
      }),
    );
  }
  const newest = Math.max(0, ...[paths.configFile, paths.lockFile, paths.crashFile, paths.dataDir].map(modifiedMs));
  if (newest > nowMs + DAY_MS) {
    found.push(
      trouble('warn', 'clock', {
        code: 'clock_off',
        text: `files of this node are from ${new Date(newest).toISOString()}, and this clock says ${new Date(nowMs).toISOString()}`,
        next: 'set the clock of this machine: sudo timedatectl set-ntp true',
        run: 'sudo timedatectl set-ntp true',
      }),
    );
  }
  return found.length > 0 ? found : [fine('traces', 'the last daemon ended by itself')];
}

export function checkDisk({ dataDir, config }: HomeFacts, storeUsed: number | undefined): Finding {
  let free: number;
  try {
    const { bavail, bsize } = statfsSync(nearestDirectory(dataDir));
    free = bavail * bsize;
  } catch (error) {
    const text = `the room on the disk cannot be asked (${(error as NodeJS.ErrnoException).code})`;
    return trouble('warn', 'disk', { code: 'disk_failed', text, next: 'check the disk' });
  }
  const text = `${sizeText(free)} free`;
  if (free < DISK_LEAST_BYTES) {
    return trouble('fail', 'disk', { code: 'disk_full', text: `only ${text}`, next: 'free some space' });
  }
  const used = storeUsed ?? sizeOfStore(dataDir);
  const growth = Math.max(0, (config?.values['store.size'] ?? 0) - used);
  if (growth <= free) return fine('disk', `${text}, the store may grow by ${sizeText(growth)}`);
  // Half of what is free, in whole GiB where there is as much.
  const unit = free > 2 ** 31 ? 2 ** 30 : 2 ** 24;
  const size = formatSize(Math.max(unit, Math.floor((used + free / 2) / unit) * unit));
  return trouble('warn', 'disk', {
    code: 'disk_low',
    text: `${text}, and the store may grow by ${sizeText(growth)}`,
    next: `holloway config set store.size ${size} (a running daemon takes it by holloway store resize ${size})`,
    run: `holloway config set store.size ${size}`,
  });
}

/** Whether what is on disk can be opened; only asked when no daemon has it open. */
export function checkStore({ dataDir, config }: HomeFacts): readonly Finding[] {
  const refusal = refusalOf(readStamp(dataDir), config?.values['network.name'] ?? '');
  if (refusal?.reason === 'newer') {
    const next = 'upgrade: npm install --global holloway@latest; or choose another --home';
    return [trouble('fail', 'store', { code: 'store_format', text: refusal.message, next })];
  }
  if (refusal !== undefined && config !== undefined) {
    const run = `holloway config set network.name ${readStamp(dataDir)!.network}`;
    return [
      trouble('fail', 'store', {
        code: 'other_network',
        text: refusal.message,
        next: `${run}, or choose another --home`,
        run,
      }),
    ];
  }
  const found: Finding[] = [];
  for (const [name, what] of [
    ['store', 'the store'],
    ['node', 'the identity'],
  ] as const) {
    const path = join(dataDir, `${name}.sqlite`);
    if (!existsSync(path)) continue;
    const damage = damageOf(path);
    if (damage === undefined) continue;
    const aside = shellWord(join(dataDir, 'damaged'));
    const run = `mkdir -p ${aside} && mv ${shellWord(dataDir)}/${name}[.-]* ${aside}/`;
    found.push(
      trouble('fail', 'store', {
        code: 'store_damaged',
        text: `${path} is damaged (${damage})`,
        next: `put ${what} aside, a new one is made at the next start: ${run}`,
        run,
      }),
    );
  }
  if (found.length > 0) return found;
  return [fine('store', existsSync(join(dataDir, 'store.sqlite')) ? 'can be read' : 'none yet')];
}

function damageOf(path: string): string | undefined {
  try {
    const database = new DatabaseSync(path, { readOnly: true });
    try {
      const rows = database.prepare('PRAGMA quick_check(1)').all() as { quick_check?: string }[];
      const said = rows[0]?.quick_check;
      return said === 'ok' ? undefined : (said ?? 'no answer');
    } finally {
      database.close();
    }
  } catch (error) {
    return (error as Error).message;
  }
}

/** Whether a daemon could listen where the configuration says; only asked when none runs. */
export async function checkListening({ config }: HomeFacts): Promise<readonly Finding[]> {
  if (config === undefined) return [];
  const { values } = config;
  const wanted: (readonly [string, Address])[] = [['network.listen', values['network.listen']]];
  if (values['metrics.listen'] !== undefined) wanted.push(['metrics.listen', values['metrics.listen']]);
  const found: Finding[] = [];
  for (const [key, at] of wanted) {
    const error = await listenError(at);
    const text = `${key} = ${formatAddress(at)}`;
    if (error === undefined) continue;
    const isTaken = error === 'EADDRINUSE';
    const free = isTaken ? { ...at, port: await freePort(at) } : { host: '0.0.0.0', port: at.port };
    const run = `holloway config set ${key} ${formatAddress(free)}`;
    found.push(
      trouble('fail', 'ports', {
        code: isTaken ? 'port_in_use' : 'listen_failed',
        text: isTaken
          ? `${text}: another program listens there`
          : `${text}: this machine cannot listen there (${error})`,
        next: isTaken ? `stop that program, or take another port: ${run}` : run,
        run,
      }),
    );
  }
  return found.length > 0 ? found : [fine('ports', `${formatAddress(values['network.listen'])} is free to listen on`)];
}

/** Something that is no socket where the sockets belong. */
export function checkSocketPath({ paths }: HomeFacts): readonly Finding[] {
  const { api, readOnly } = findSockets(paths);
  return [api, readOnly]
    .filter((path) => lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true)
    .map((path) =>
      trouble('fail', 'socket', {
        code: 'socket_taken',
        text: `${path} is a directory, and the control socket belongs there`,
        next: `put it aside: mv ${shellWord(path)} ${shellWord(`${path}.aside`)}`,
        run: `mv ${shellWord(path)} ${shellWord(`${path}.aside`)}`,
      }),
    );
}

export function isRunning(paths: Paths): boolean {
  return lockHolder(paths.lockFile) !== undefined;
}

function listenError(at: Address): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'unknown'));
    server.listen({ host: at.host, port: at.port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

/** The next one above that nobody has; 0 lets the system choose. */
async function freePort(at: Address): Promise<number> {
  for (let port = at.port + 1; port < at.port + 20 && port < 65_536; port++) {
    if ((await listenError({ ...at, port })) === undefined) return port;
  }
  return 0;
}

function sizeOfStore(dataDir: string): number {
  return namesIn(dataDir)
    .filter((name) => name.startsWith('store'))
    .reduce((sum, name) => sum + (lstatSync(join(dataDir, name), { throwIfNoEntry: false })?.blocks ?? 0) * 512, 0);
}

function namesIn(dir: string): readonly string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}

function modifiedMs(path: string): number {
  return lstatSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function nearestDirectory(path: string): string {
  let at = path;
  while (!existsSync(at) && dirname(at) !== at) at = dirname(at);
  return at;
}
