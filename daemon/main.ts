/**
 * The daemon as a process: real ports + configuration -> node -> control API, then signals until the end. Nothing else.
 *
 * Shape   runDaemon resolves with the exit code when everything is closed. One line says that all listeners answer:
 *         `ready network=NAME api=PATH link=HOST:PORT`, on stderr.
 * Errors  what cannot start rejects (running, bad_home, bad_config, port_in_use ...). An exception that nobody caught ends the process
 *         with 1 and logs its code and place, never its message: that could hold what must not be written down.
 * Unit    a graceful end takes at most STOP_MS; a second signal ends at once.
 * Source  design §§ 3, 12; ux § 4.
 * @module
 */
import { readFileSync, writeSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { Socket } from 'node:net';
import { configDocument } from '../config/document.ts';
import type { Config } from '../config/load.ts';
import { acquireLock } from '../config/lock.ts';
import { type Paths, prepareSockets, type Sockets } from '../config/paths.ts';
import { ConfigError, formatAddress } from '../config/schema.ts';
import { createCrypto } from '../crypto/engine.ts';
import { startControlApi } from './api/control.ts';
import { createStatusSource } from './api/status.ts';
import { createDisk } from './io/disk.ts';
import { createFiles } from './io/files.ts';
import { proposedStoreBytes } from './io/free-disk.ts';
import { createLog, type LogSink } from './io/log-sink.ts';
import { createSystemClock } from './io/system-clock.ts';
import { createSystemRandom } from './io/system-random.ts';
import { createTcpTransport } from './io/tcp.ts';
import { createCompute } from './io/worker-compute.ts';
import { DESCRIPTOR_BYTES_MAX, LOG_LINES_KEPT } from './limits.ts';
import { createNode } from './node.ts';
import type { NodeSettings } from './settings.ts';
import { ROLE } from './wire/descriptor-types.ts';

const STOP_MS = 10_000;

export interface DaemonOptions {
  readonly config: Config;
  readonly paths: Paths;
  readonly version: string;
  /** The first signal: stop gracefully. */
  readonly interrupted: AbortSignal;
  /** An inherited pipe; the daemon ends when its other end closes, however the parent died. */
  readonly lifelineFd: number | undefined;
  /** What store.passphrase_file led to. */
  readonly passphrase: Uint8Array | undefined;
}

export async function runDaemon(options: DaemonOptions): Promise<number> {
  const { config, paths } = options;
  process.title = 'holloway'; // no home, no network: `ps` is for everybody
  const sockets = prepareSockets(paths);
  const release = acquireLock(paths.lockFile);
  try {
    const log = createLog({
      level: config.values['log.level'],
      format: config.values['log.format'],
      keep: LOG_LINES_KEPT,
      write: sayOnStderr,
    });
    endOnUncaught(log, release);
    await runUntilStopped(options, sockets, log);
    log.flush();
    return 0;
  } finally {
    release();
  }
}

async function runUntilStopped(options: DaemonOptions, sockets: Sockets, log: LogSink): Promise<void> {
  const { config, paths, version } = options;
  const clock = createSystemClock();
  const random = createSystemRandom();
  const compute = createCompute();
  const settings = nodeSettings(config, paths.dataDir);
  const node = await createNode(
    {
      clock,
      random,
      crypto: createCrypto({ engine: config.values['crypto.engine'], randomBytes: (length) => random.bytes(length) }),
      transport: createTcpTransport({ localAddress: settings.listen.host }),
      disk: createDisk(paths.dataDir),
      files: createFiles(paths.dataDir),
      compute,
      log,
    },
    settings,
    {
      version,
      trace: config.values['debug.trace'],
      storePassphrase: options.passphrase,
    },
  );
  const status = createStatusSource({
    node,
    clock,
    log,
    version,
    pid: process.pid,
    memoryBytes: () => process.memoryUsage.rss(),
  });
  const stop = Promise.withResolvers<string>();
  try {
    const api = await startControlApi(
      {
        node,
        clock,
        status,
        config: configDocument(config, paths.configFile),
        stop: () => stop.resolve('asked to'),
        setLogLevel: log.setLevel,
      },
      sockets,
    );
    const link = formatAddress(node.boundAddress);
    sayOnStderr(`ready network=${settings.networkName} api=${sockets.api} link=${link}`);
    flushCompileCache(); // now, because a daemon's exit may be months away and the next start wants it
    if (options.interrupted.aborted) stop.resolve('signal');
    options.interrupted.addEventListener('abort', () => stop.resolve('signal'));
    if (options.lifelineFd !== undefined) watchLifeline(options.lifelineFd, () => stop.resolve('parent ended'));

    log.write('info', 'daemon', `stopping: ${await stop.promise}`);
    // Whatever hangs (a disk, a peer) must not keep the process: what was acknowledged is on disk already.
    const late = setTimeout(() => process.exit(1), STOP_MS);
    status.stop();
    await api.close();
    await node.stop();
    clearTimeout(late);
  } catch (error) {
    status.stop();
    await node.stop();
    throw error;
  } finally {
    await compute.close();
  }
}

/** @param dataDir where the store will be: store.size = auto looks at the room there */
export function nodeSettings(config: Config, dataDir: string): NodeSettings {
  const { values, origins } = config;
  return {
    networkName: values['network.name'],
    role: ROLE[values['node.role']],
    listen: values['network.listen'],
    advertise: values['network.advertise'],
    seeds: values['network.seeds'].map((text) => readSeed(text, origins['network.seeds'].where)),
    allowPrivateAddresses: values['network.private_addresses'],
    prefixRules: values['network.prefix_rules'],
    ringNeighboursEachSide: values['peers.ring_each_side'],
    longLinks: values['peers.long_links'],
    peersMax: values['peers.max'],
    owners: values['routing.owners'],
    ownersReplicated: values['routing.owners_replicated'],
    storeBytes: values['store.size'] || proposedStoreBytes(dataDir),
    storeKeepsSize: values['store.size'] === 0,
    handoffBytesPerSec: values['store.handoff_rate'],
    publishClass: values['publish.class'],
    fetchClass: values['fetch.class'],
    circuitsReady: values['circuits.ready'],
  };
}

/** A descriptor as text, or the file that holds one. Whether it is genuine is the topology's to judge. */
function readSeed(text: string, where: string): Uint8Array {
  let encoded = text;
  if (text.startsWith('@')) {
    try {
      encoded = readFileSync(text.slice(1), 'utf8').trim();
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
      throw new ConfigError(where, `network.seeds: ${text} cannot be read (${code})`, 'network.seeds');
    }
  }
  const bytes = Buffer.from(encoded, 'base64url');
  if (!/^[\w-]+$/.test(encoded) || bytes.length > DESCRIPTOR_BYTES_MAX) {
    throw new ConfigError(where, 'network.seeds: an entry is no descriptor in base64url', 'network.seeds');
  }
  return new Uint8Array(bytes);
}

/**
 * One line, straight to the descriptor. A disk that is full, or a reader that went away, costs that line and no more: through
 * process.stderr the first failure would end the daemon, or else every later line.
 */
function sayOnStderr(line: string): void {
  try {
    writeSync(process.stderr.fd, `${line}\n`);
  } catch {
    // Nobody is left to be told.
  }
}

/** The parent holds the other end and writes nothing: its death, by whatever signal, is an end of file here. */
function watchLifeline(fd: number, closed: () => void): void {
  const lifeline = new Socket({ fd, readable: true, writable: false });
  lifeline.on('end', closed);
  lifeline.on('close', closed);
  lifeline.on('error', closed);
  lifeline.resume();
}

function endOnUncaught(log: LogSink, release: () => void): void {
  const end = (error: unknown): void => {
    const { code, name, stack }: NodeJS.ErrnoException = error instanceof Error ? error : new Error();
    const places = [...(stack ?? '').matchAll(/at (?:.*\()?.*\/([\w.-]+:\d+:\d+)\)?$/gm)].slice(0, 3);
    log.write('error', 'daemon', `ended by ${code ?? name} at ${places.map((place) => place[1]).join(' < ')}`);
    release();
    process.exit(1);
  };
  process.on('uncaughtException', end);
  process.on('unhandledRejection', end);
}
