/**
 * The daemon as a process: real ports + configuration -> node -> control API, then signals until the end. Nothing else.
 *
 * Shape   runDaemon resolves with the exit code when everything is closed. One line says that all listeners answer:
 *         `ready network=NAME api=PATH link=HOST:PORT gateway=HOST:PORT`, on stderr.
 * Errors  what cannot start rejects (running, bad_home, bad_config, port_in_use ...). An exception that nobody caught ends the process
 *         with 1 and logs its code and place, never its message: that could hold what must not be written down.
 *         What an earlier daemon left (a lock, a crash) is said and kept for doctor.
 * Unit    a graceful end takes at most STOP_MS; a second signal ends at once. HUP reads configuration and log file anew, USR2 writes the
 *         status to the log.
 * Source  design §§ 3, 12; ux § 4.
 * @module
 */
import { closeSync, readFileSync, writeSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { Socket } from 'node:net';
import { writeCrash } from '../config/crash-marker.ts';
import { prepareData } from '../config/data-version.ts';
import { configDocument, isReloadedKey, RELOADED_KEYS, type ReloadedKey } from '../config/document.ts';
import type { Config } from '../config/load.ts';
import { acquireLock, staleHolder } from '../config/lock.ts';
import { readAccessToken } from '../config/passphrase.ts';
import { type Paths, prepareSockets, type Sockets } from '../config/paths.ts';
import { ConfigError, formatAddress, OPTION_KEYS, optionOf } from '../config/schema.ts';
import { createCrypto } from '../crypto/engine.ts';
import { startControlApi } from './api/control.ts';
import type { FcpDeps } from './api/fcp/connection.ts';
import { createKeyServices } from './api/fcp/keys.ts';
import { type FcpServer, startFcp } from './api/fcp/server.ts';
import { type Gateway, type GatewayDeps, startGateway } from './api/gateway/server.ts';
import { startProbeServer } from './api/probe-server.ts';
import { createStatusSource, type StatusSource } from './api/status.ts';
import { LocalError } from './errors.ts';
import { makeInvite, readPeers } from './invites.ts';
import { createDisk } from './io/disk.ts';
import { createFiles } from './io/files.ts';
import { freeBytesAt, proposedStoreBytes } from './io/free-disk.ts';
import { faultsFrom, impair } from './io/impaired-transport.ts';
import { createLogFile, type LogFile } from './io/log-file.ts';
import { createLog, type LogSink } from './io/log-sink.ts';
import { logDials } from './io/logged-transport.ts';
import { createSystemClock } from './io/system-clock.ts';
import { createSystemRandom } from './io/system-random.ts';
import { createSystemd } from './io/systemd.ts';
import { createTcpTransport } from './io/tcp.ts';
import { createCompute } from './io/worker-compute.ts';
import { DESCRIPTOR_BYTES_MAX, LOG_LINES_KEPT } from './limits.ts';
import { createNode } from './node.ts';
import type { LogLevel, Transport } from './ports.ts';
import type { NodeSettings } from './settings.ts';
import { ROLE } from './wire/descriptor-types.ts';

const STOP_MS = 10_000;
/** A peer that was dropped: long enough for another to take its place. */
const DROPPED_MS = 60_000;
const UNREDACTED_WARNING_MS = 3_600_000;
/** Probes and scrapes share one reading of the node. */
const PROBE_MAX_AGE_MS = 500;

export { readInvite } from './invites.ts';

export interface DaemonOptions {
  readonly config: Config;
  /** Reads the configuration anew, for a reload. */
  readonly readConfig: () => Config;
  readonly paths: Paths;
  readonly version: string;
  /** The first signal: stop gracefully. */
  readonly interrupted: AbortSignal;
  /** An inherited pipe; the daemon ends when its other end closes, however the parent died. */
  readonly lifelineFd: number | undefined;
  /** Written to and closed once all listeners answer. */
  readonly readyFd: number | undefined;
  /** What store.passphrase_file led to. */
  readonly passphrase: Uint8Array | undefined;
}

/** What outlives a single call: where lines go, and the configuration as it is now. */
interface Operation {
  readonly log: LogSink;
  readonly logFile: LogFile | undefined;
  setRunning(key: ReloadedKey, value: string): void;
  reload(): void;
}

export async function runDaemon(options: DaemonOptions): Promise<number> {
  const { config, paths, version } = options;
  process.title = 'holloway'; // no home, no network: `ps` is for everybody
  const sockets = prepareSockets(paths);
  const killed = staleHolder(paths.lockFile);
  const release = acquireLock(paths.lockFile);
  try {
    const operation = createOperation(options);
    const { log } = operation;
    endOnUncaught(log, release, paths.crashFile, version);
    if (killed !== undefined) {
      log.write('warn', 'daemon', 'the daemon before this one did not end by itself: killed, or the machine went down');
      writeCrash(paths.crashFile, { atMs: Date.now(), version, code: 'killed', places: [] });
    }
    for (const step of prepareData(paths.dataDir, version, config.values['network.name'])) {
      log.write('info', 'daemon', `the data directory was brought forward: layout ${step}`);
    }
    await runUntilStopped(options, sockets, operation);
    log.flush();
    operation.logFile?.close();
    return 0;
  } finally {
    release();
  }
}

function createOperation(options: DaemonOptions): Operation {
  const { values } = options.config;
  const path = values['log.file'];
  const logFile =
    path === ''
      ? undefined
      : createLogFile({ path, sizeMaxBytes: values['log.file_size'], files: values['log.files'] });
  const log = createLog({
    level: values['log.level'],
    levels: levelsOf(values['log.levels']),
    redact: values['log.redact'],
    format: values['log.format'],
    keep: LOG_LINES_KEPT,
    write: logFile?.write ?? sayOnStderr,
  });
  const warning = warnWhileUnredacted(log);
  warning.set(values['log.redact']);
  let current = options.config;

  function take(key: ReloadedKey, value: unknown): void {
    if (key === 'log.level') log.setLevel(value as LogLevel);
    if (key === 'log.levels') log.setLevels(levelsOf(value as readonly string[]));
    if (key !== 'log.redact') return;
    log.setRedact(value as boolean);
    warning.set(value as boolean);
  }

  return {
    log,
    logFile,
    setRunning: (key, value) => take(key, optionOf(key).parse(value)),
    reload() {
      logFile?.reopen();
      try {
        const next = options.readConfig();
        const changed = OPTION_KEYS.filter((key) => {
          const { print } = optionOf(key);
          return print(next.values[key]) !== print(current.values[key]);
        });
        for (const key of RELOADED_KEYS) take(key, next.values[key]);
        const later = changed.filter((key) => !RELOADED_KEYS.some((known) => known === key));
        const rest = later.length === 0 ? '' : `; after the next start: ${later.join(', ')}`;
        log.write('info', 'daemon', `configuration read again, ${changed.length} settings changed${rest}`);
        current = next;
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        log.write('error', 'daemon', `the configuration is not usable and was not taken: ${error.key ?? 'the file'}`);
      }
    },
  };
}

function levelsOf(items: readonly string[]): Record<string, LogLevel> {
  return Object.fromEntries(items.map((item) => item.split('=') as [string, LogLevel]));
}

/** Logs that name keys and addresses are for a short while: every hour they say so. */
function warnWhileUnredacted(log: LogSink): { set(isRedacting: boolean): void } {
  let timer: NodeJS.Timeout | undefined;
  const warn = (): void =>
    log.write('warn', 'daemon', 'log.redact = false: this log may name keys and addresses; set it back when done');
  return {
    set(isRedacting) {
      if (isRedacting === (timer === undefined)) return;
      clearInterval(timer);
      timer = isRedacting ? undefined : setInterval(warn, UNREDACTED_WARNING_MS).unref();
      if (!isRedacting) warn();
    },
  };
}

async function runUntilStopped(options: DaemonOptions, sockets: Sockets, operation: Operation): Promise<void> {
  const { config, paths, version } = options;
  const { log } = operation;
  const systemd = createSystemd({ env: process.env });
  const clock = createSystemClock();
  const random = createSystemRandom();
  const compute = createCompute();
  const settings = nodeSettings(config, paths.dataDir);
  const crypto = createCrypto({
    engine: config.values['crypto.engine'],
    randomBytes: (length) => random.bytes(length),
  });
  const node = await createNode(
    {
      clock,
      random,
      crypto,
      transport: transportOf(config, settings, log),
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
  const peersIn = (text: string): readonly Uint8Array[] =>
    readPeers(crypto, text, clock.wallMs(), settings.networkName);
  let gateway: Gateway | undefined;
  let fcp: FcpServer | undefined;
  const status = createStatusSource({
    node,
    clock,
    log,
    version,
    pid: process.pid,
    memoryBytes: () => process.memoryUsage.rss(),
    diskFreeBytes: () => freeBytesAt(paths.dataDir),
    gateway: () => gateway?.address,
    fcp: () => (fcp === undefined ? undefined : formatAddress(fcp.address)),
  });
  const stop = Promise.withResolvers<string>();
  const closing: (() => Promise<void>)[] = [];
  try {
    const api = await startControlApi(
      {
        node,
        clock,
        status,
        config: configDocument(config, paths.configFile),
        readPeers: peersIn,
        stop: () => stop.resolve('asked to'),
        setRunning: operation.setRunning,
        makeInvite: (lifeMs) => makeInvite(node, crypto, clock.wallMs(), lifeMs),
        listenToLog: log.listen,
      },
      sockets,
    );
    closing.push(() => api.close());
    const metricsAt = config.values['metrics.listen'];
    if (metricsAt !== undefined) {
      const probes = await startProbeServer(metricsAt, () => status.read('readOnly', PROBE_MAX_AGE_MS));
      closing.push(() => probes.close());
    }
    fcp = await fcpOf(options, operation, {
      node,
      queue: node.queue,
      keys: createKeyServices(node.client, crypto, settings.fetchClass),
      clock,
      random: random.fork('fcp'),
      log,
      version,
      addPeer: async (text) => {
        const { linked } = await node.peers.add(peersIn(text));
        if (linked === 0) throw new LocalError('offline', 'none of them answered');
      },
      dropPeer: async (key) => void node.peers.ban(key, DROPPED_MS),
      stop: () => stop.resolve('asked to'),
    });
    if (fcp !== undefined) closing.push(fcp.close);
    gateway = await gatewayOf(config, {
      client: node.client,
      queue: node.queue,
      clock,
      status,
      trafficClass: settings.fetchClass,
    });
    if (gateway !== undefined) closing.push(gateway.close);
    const offSignals = onOperatorSignals(status, operation);
    const link = formatAddress(node.boundAddress);
    const unjoined = config.joined ? '' : ' (no network joined yet: this machine only, no anonymity)';
    const pages = gateway === undefined ? '' : ` gateway=${gateway.address}`;
    sayOnStderr(`ready network=${settings.networkName} api=${sockets.api} link=${link}${pages}${unjoined}`);
    if (options.readyFd !== undefined) sayReady(options.readyFd);
    systemd.ready(`network ${settings.networkName}`);
    flushCompileCache(); // now, because a daemon's exit may be months away and the next start wants it
    if (options.interrupted.aborted) stop.resolve('signal');
    options.interrupted.addEventListener('abort', () => stop.resolve('signal'));
    if (options.lifelineFd !== undefined) watchLifeline(options.lifelineFd, () => stop.resolve('parent ended'));

    log.write('info', 'daemon', `stopping: ${await stop.promise}`);
    systemd.stopping();
    offSignals();
    // Whatever hangs (a disk, a peer) must not keep the process: what was acknowledged is on disk already.
    const late = setTimeout(() => process.exit(1), STOP_MS);
    status.stop();
    for (const close of closing) await close();
    await node.stop();
    clearTimeout(late);
  } catch (error) {
    status.stop();
    for (const close of closing) await close();
    await node.stop();
    throw error;
  } finally {
    await compute.close();
  }
}

/** @throws ConfigError when it would be open to other machines without being asked to */
async function gatewayOf(config: Config, deps: GatewayDeps): Promise<Gateway | undefined> {
  const { values, origins } = config;
  const listen = values['gateway.listen'];
  if (listen === undefined) return undefined;
  const isRemote = !/^127\.|^::1$/.test(listen.host);
  const token = isRemote ? readAccessToken(values['gateway.token_file']) : undefined;
  if (isRemote && (!values['gateway.allow_remote'] || token === undefined)) {
    const advice = 'other machines reach that address: it needs gateway.allow_remote = true and gateway.token_file';
    throw new ConfigError(origins['gateway.listen'].where || 'gateway.listen', advice, 'gateway.listen');
  }
  return startGateway(deps, {
    listen,
    hosts: values['gateway.hosts'],
    token,
    browserCache: values['gateway.browser_cache'],
    anyPort: values.profile === 'devnet',
  });
}

function fcpOf(
  { config, paths }: DaemonOptions,
  operation: Operation,
  deps: Omit<FcpDeps, 'config' | 'setConfig'>,
): Promise<FcpServer | undefined> {
  const { values } = config;
  const listen = values['fcp.listen'];
  if (listen === undefined) return Promise.resolve(undefined);
  const setConfig = async (key: string, value: string): Promise<void> => {
    if (!isReloadedKey(key)) throw new LocalError('usage', `${key.slice(0, 40)} is read once, at the start`);
    try {
      operation.setRunning(key, value);
    } catch (error) {
      throw new LocalError('usage', `${key}: ${(error as Error).message}`, { cause: error });
    }
  };
  return startFcp(
    { ...deps, config: () => configDocument(config, paths.configFile), setConfig },
    { listen, allow: values['fcp.allow'], anyPort: values.profile === 'devnet' },
  );
}

function transportOf(config: Config, settings: NodeSettings, log: LogSink): Transport {
  const { values } = config;
  const tcp = logDials(createTcpTransport({ localAddress: settings.listen.host }), log);
  const impairment = {
    latencyMs: values['debug.latency'],
    lossRate: values['debug.loss'],
    churnMs: values['debug.churn'],
  };
  if (Object.values(impairment).every((value) => value === 0)) return tcp;
  log.write('warn', 'daemon', 'connections are slowed or broken on purpose: debug.latency, debug.loss, debug.churn');
  return impair({
    transport: tcp,
    clock: createSystemClock(),
    unit: faultsFrom(values['debug.seed']),
    impairment,
    onAbsence: (isAbsent) => log.write('info', 'daemon', isAbsent ? 'cut off, as debug.churn asks' : 'back again'),
  });
}

/** HUP reloads, USR2 writes down how the node is. @returns how to stop listening */
function onOperatorSignals(status: StatusSource, operation: Operation): () => void {
  const { log } = operation;
  const handlers: readonly (readonly [NodeJS.Signals, () => void])[] = [
    ['SIGHUP', operation.reload],
    ['SIGUSR2', () => log.write('info', 'daemon', summaryOf(status))],
    // Node's own answer to USR1 opens its inspector to every program of this machine.
    ['SIGUSR1', () => log.write('warn', 'daemon', 'SIGUSR1 does nothing here: USR2 writes the status to the log')],
  ];
  for (const [name, handler] of handlers) process.on(name, handler);
  return () => handlers.forEach(([name, handler]) => void process.off(name, handler));
}

function summaryOf(status: StatusSource): string {
  const { verdict, uptimeMs, node, peers, circuits, requests, store, traffic, transfers } = status.read('readOnly');
  const facts = {
    verdict: verdict.word,
    uptime_s: Math.round(uptimeMs / 1_000),
    memory_mib: Math.round(node.memoryBytes / 2 ** 20),
    peers: peers.up,
    links: peers.links,
    circuits: circuits.ready,
    relays: circuits.usableRelays,
    served: requests.served,
    found: requests.found,
    pending: requests.pending,
    blocks: store.store.blocks + store.cache.blocks,
    refused_writes: store.writeFailures,
    in_bytes: traffic.inBytes,
    out_bytes: traffic.outBytes,
    transfers: transfers.length,
  };
  return `status ${Object.entries(facts)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')}`;
}

function sayReady(fd: number): void {
  try {
    writeSync(fd, 'ready\n');
    closeSync(fd);
  } catch {
    // Nobody waits on it any more.
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

function endOnUncaught(log: LogSink, release: () => void, crashFile: string, version: string): void {
  const end = (error: unknown): void => {
    const { code, name, stack }: NodeJS.ErrnoException = error instanceof Error ? error : new Error();
    const found = [...(stack ?? '').matchAll(/at (?:.*\()?.*\/([\w.-]+:\d+:\d+)\)?$/gm)].slice(0, 3);
    const places = found.map((place) => place[1]!);
    log.write('error', 'daemon', `ended by ${code ?? name} at ${places.join(' < ')}`);
    writeCrash(crashFile, { atMs: Date.now(), version, code: code ?? name, places });
    release();
    process.exit(1);
  };
  process.on('uncaughtException', end);
  process.on('unhandledRejection', end);
}
