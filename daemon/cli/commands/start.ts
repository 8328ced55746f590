/**
 * `holloway start` and `stop`: a daemon in the background, answered for only when it really runs, or has really ended.
 *
 * Errors  what the daemon itself said: its last lines come from its log, its exit code is passed on.
 * @module
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, statSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { holderText, isSameProcess, lockHolder, processStart } from '../../../config/lock.ts';
import { findSockets, makePrivateDirectory } from '../../../config/paths.ts';
import type { Status } from '../../api/schema.ts';
import { createApiClient } from '../../api/schema-client.ts';
import { LocalError, USER_ERRORS, type UserErrorCode } from '../../errors.ts';
import { askPassphrase } from '../ask-passphrase.ts';
import { type CommandRun, type Context, giveUpSignal } from '../context.ts';

const START_MS = 30_000;
/** The daemon takes at most 10 s by itself; then it has hung. */
const STOP_MS = 15_000;
const POLL_MS = 50;

export const start: CommandRun = async (context) => {
  const { output } = context;
  const { pid, network, api, joined } = await startDaemon(context);
  output.line(`started: pid ${pid}, network ${network}`);
  if (!joined)
    output.note('no network is joined yet: this machine only, no anonymity. Next: holloway peer join INVITE');
  output.document({ v: 1, pid, network, api });
  return 0;
};

/** Returns when it answers. */
export async function startDaemon(context: Context) {
  const { paths, options, output, entry } = context;
  const { values, joined } = context.config(); // a mistake is told here, by the one who can read it
  const holder = lockHolder(paths.lockFile);
  if (holder !== undefined) throw new LocalError('running', holderText(holder));

  const signal = giveUpSignal(context); // before anything runs: a wrong --timeout must leave nothing behind
  // From a file the daemon reads it itself; what is typed or piped here is handed on the same way.
  const passphrase = values['store.passphrase_file'] === '-' ? await askPassphrase('-') : undefined;
  makePrivateDirectory(paths.stateDir);
  const log = openSync(paths.logFile, 'a', 0o600);
  const logStart = statSync(paths.logFile).size;
  const home = paths.home === undefined ? [] : ['--home', paths.home];
  // Its own file, which it keeps within bounds; what it cannot write there itself (a crash of Node) still lands in it.
  const ownFile = values['log.file'] === '' ? [`log.file=${paths.logFile}`] : [];
  const settings = [...ownFile, ...options.list('set')].flatMap((assignment) => ['--set', assignment]);
  const child = spawn(process.execPath, ['--disable-sigusr1', entry, 'daemon', ...home, ...settings], {
    detached: true,
    stdio: [passphrase === undefined ? 'ignore' : 'pipe', 'ignore', log],
  });
  child.stdin?.on('error', () => {}); // it ended before it read: its log says why
  child.stdin?.end(Buffer.concat([passphrase ?? new Uint8Array(0), Buffer.from('\n')]));
  closeSync(log);
  let exit: number | undefined;
  child.on('exit', (code) => {
    exit = code ?? 1;
  });
  child.on('error', () => {
    exit = 1;
  });

  const api = await waitForDaemon(context, signal, child.pid ?? 0, () => exit);
  if (api === undefined) {
    const said = readFileSync(paths.logFile).subarray(logStart).toString('utf8').trimEnd();
    throw failureSaid(output, said, paths.logFile);
  }
  child.unref();
  const { network } = await api.get<Status>('/v1/status');
  return { pid: child.pid ?? 0, network, api: api.socketPath, joined };
}

/** The daemon ends with the same three-part message as every command: it is said once, as ours. What else it said goes before. */
function failureSaid(output: Context['output'], said: string, logFile: string): LocalError {
  const [whole, head = '', code = ''] = /^holloway: (.*?) {2}\[([a-z_]+)\]\n.*\n.*$/m.exec(said) ?? [];
  if (whole === undefined || !Object.hasOwn(USER_ERRORS, code)) {
    output.note(said);
    return new LocalError('internal', `the daemon did not start; its log is ${logFile}`);
  }
  const { what } = USER_ERRORS[code as UserErrorCode];
  output.note(said.replace(whole, '').trim());
  return new LocalError(code as UserErrorCode, head.startsWith(`${what}: `) ? head.slice(what.length + 2) : undefined);
}

async function waitForDaemon(context: Context, signal: AbortSignal, pid: number, exited: () => number | undefined) {
  const endMs = Date.now() + START_MS;
  while (exited() === undefined && Date.now() < endMs) {
    if (signal.aborted) {
      process.kill(pid, 'SIGTERM');
      throw signal.reason;
    }
    const api = createApiClient(findSockets(context.paths).api);
    const status = await api.get<Status>('/v1/status').catch(() => undefined);
    if (status?.pid === pid) return api;
    await pause(POLL_MS);
  }
  if (exited() === undefined) process.kill(pid, 'SIGTERM');
  return undefined;
}

export const stop: CommandRun = async (context) => {
  const { output } = context;
  const pid = await stopDaemon(context);
  output.line(`stopped: pid ${pid}`);
  output.document({ v: 1, pid });
  return 0;
};

/** Returns when its process has ended. */
export async function stopDaemon(context: Context): Promise<number> {
  const { api } = context;
  const signal = giveUpSignal(context);
  const { pid } = await api.get<Status>('/v1/status', signal);
  const started = processStart(pid) ?? '';
  await api.post('/v1/stop', {}, signal);
  const endMs = Date.now() + STOP_MS;
  while (isSameProcess({ pid, started })) {
    signal.throwIfAborted();
    if (Date.now() > endMs) throw new LocalError('timeout', `pid ${pid} still runs`);
    await pause(POLL_MS);
  }
  return pid;
}
