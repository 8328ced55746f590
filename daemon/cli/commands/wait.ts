/**
 * `holloway wait`: returns when the daemon is as far as asked.
 *
 * Errors  timeout with --timeout; without it, it waits until interrupted, also for a daemon that is not there yet.
 * @module
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Status } from '../../api/schema.ts';
import { LocalError } from '../../errors.ts';
import { type CommandRun, giveUpSignal } from '../context.ts';
import { localErrorOf } from '../output.ts';

const POLL_MS = 200;
const PEERS_MAX = 64;

export const wait: CommandRun = async (context) => {
  const { options, api, output } = context;
  const signal = giveUpSignal(context);
  const peers = options.count('peers', 1, PEERS_MAX) ?? 0;
  const wantsReady = options.flag('ready');
  let told = '';
  const tell = (text: string): void => {
    if (text !== told) output.note(text);
    told = text;
  };
  for (;;) {
    const status = await api.get<Status>('/v1/status', signal).catch((error: unknown) => {
      if (signal.aborted) throw lateReason(signal, told);
      if (localErrorOf(error).code !== 'daemon_unreachable') throw error;
      return undefined;
    });
    if (status === undefined) tell('waiting for a daemon');
    else {
      const { word, reason } = status.verdict;
      const isReady = !wantsReady || word === 'HEALTHY' || word === 'DEGRADED';
      if (isReady && status.peers.up >= peers) {
        output.line(`${word}, ${status.peers.up} peers`);
        output.document({ v: 1, verdict: status.verdict, peers: status.peers.up });
        return 0;
      }
      tell(`${word}${reason === '' ? '' : ` ${reason}`}, ${status.peers.up} peers`);
    }
    await pause(POLL_MS, undefined, { signal }).catch(() => {
      throw lateReason(signal, told);
    });
  }
};

/** A time that is over says what it was waiting for. */
function lateReason(signal: AbortSignal, told: string): unknown {
  const { reason } = signal;
  return reason instanceof LocalError && reason.code === 'timeout' ? new LocalError('timeout', told) : reason;
}
