/**
 * Tells systemd that the daemon is ready, what it does, and that it still lives.
 *
 * Shape   with NOTIFY_SOCKET in the environment every message is one run of systemd-notify; without it nothing happens.
 *         With WATCHDOG_USEC a sign of life goes out at half that interval.
 * Errors  none: a systemd-notify that is missing costs the message.
 * Why     the protocol is a datagram on a Unix socket, which Node cannot send (ERR_SOCKET_BAD_TYPE); the unit therefore needs
 *         NotifyAccess=all. The sign of life comes from the event loop, so a loop that hangs stops it.
 * Source  ux § 4 "Readiness"; sd_notify(3).
 * @module
 */
import { spawn } from 'node:child_process';

export interface Systemd {
  ready(status: string): void;
  status(text: string): void;
  stopping(): void;
}

export interface SystemdOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Runs systemd-notify with these arguments. */
  readonly run?: (args: readonly string[]) => void;
}

export function createSystemd(options: SystemdOptions): Systemd {
  const { env, run = runNotify } = options;
  if (env.NOTIFY_SOCKET === undefined || env.NOTIFY_SOCKET === '') {
    return { ready: () => {}, status: () => {}, stopping: () => {} };
  }
  let watchdog: NodeJS.Timeout | undefined;
  return {
    ready(status) {
      run(['--ready', `--status=${status}`]);
      const everyMs = watchdogMs(env);
      if (everyMs !== undefined) watchdog = setInterval(() => run(['WATCHDOG=1']), everyMs / 2).unref();
    },
    status: (text) => run([`--status=${text}`]),
    stopping() {
      clearInterval(watchdog);
      run(['STOPPING=1']);
    },
  };
}

/** Undefined when the watchdog is off, or meant for another process. */
export function watchdogMs(env: Readonly<Record<string, string | undefined>>): number | undefined {
  const micros = /^\d{4,15}$/.test(env.WATCHDOG_USEC ?? '') ? Number(env.WATCHDOG_USEC) : undefined;
  const isOurs = env.WATCHDOG_PID === undefined || env.WATCHDOG_PID === `${process.pid}`;
  return micros !== undefined && isOurs ? micros / 1_000 : undefined;
}

function runNotify(args: readonly string[]): void {
  const child = spawn('systemd-notify', [...args], { stdio: 'ignore' });
  child.on('error', () => {});
  child.unref();
}
