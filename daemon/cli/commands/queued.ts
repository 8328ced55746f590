/**
 * Following an entry of the daemon's queue from the command line: to its end, or to where the user leaves it.
 *
 * Shape   resolves with the result. Ended early, what is there is kept: the same command goes on, and so does `transfers resume`.
 * Errors  what the entry ended with. An entry that brought nothing yet is forgotten; a signal or --timeout pauses it.
 * Source  ux § 2.3 "Resume", "Publish resumes too".
 * @module
 */
import { existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { QueueStatus, TransferResult } from '../../api/schema.ts';
import { LocalError } from '../../errors.ts';
import type { Context } from '../context.ts';
import { createProgress, PROGRESS_MODES } from '../progress.ts';

export async function followQueued(context: Context, id: string, giveUp: AbortSignal): Promise<TransferResult> {
  const { api, options, output } = context;
  const progress = createProgress(output.quiet ? 'none' : (options.choice('progress', PROGRESS_MODES) ?? 'auto'));
  try {
    const result = await api.follow(id, (transfer) => progress.show(transfer), giveUp, 'queue');
    progress.end();
    // Its end is told: nothing has to remember what it was.
    await api.post(`/v1/queue/${id}/remove`).catch(() => {});
    return result;
  } catch (error) {
    progress.end();
    if (error instanceof LocalError && error.code === 'daemon_unreachable' && !giveUp.aborted) throw error;
    await leave(context, id, giveUp.aborted);
    throw giveUp.aborted ? giveUp.reason : error;
  }
}

/** Pauses what the user left, forgets what came to nothing, and says what is kept. */
async function leave({ api, output }: Context, id: string, isPause: boolean): Promise<void> {
  try {
    if (isPause) await api.post(`/v1/queue/${id}/pause`);
    const { transfer, uri, persistence } = await api.get<QueueStatus>(`/v1/queue/${id}`);
    const hasSome = transfer.kind === 'publish' ? uri !== null : transfer.bytes > 0;
    if (!hasSome) {
      await api.post(`/v1/queue/${id}/remove`);
      return;
    }
    const howLong = persistence === 'reboot' ? 'until the daemon ends' : 'for 7 days';
    const blocks = `${transfer.blocksHave} of ${transfer.blocksNeeded ?? '?'} blocks`;
    output.note(
      `${isPause ? 'paused' : 'stopped'}: ${blocks} kept ${howLong}. The same command goes on from there, ` +
        `or: holloway transfers ${isPause ? 'resume' : 'retry'} ${transfer.alias}`,
    );
    if (transfer.kind === 'publish' && uri !== null) {
      output.note('not yet reachable; its key will be:');
      output.line(uri);
    }
  } catch {
    // The daemon is gone: it goes on when it is back.
  }
}

/** A path that the daemon can open by itself: no pipe, no device. */
export function queueablePath(file: string): string | undefined {
  if (file === '-') return undefined;
  const stat = statSync(file, { throwIfNoEntry: false });
  return stat?.isFile() === true || stat?.isDirectory() === true ? resolve(file) : undefined;
}

/** Where a fetch may grow: a plain name in a folder that is there. */
export function growablePath(path: string): string {
  const full = resolve(path);
  if (!existsSync(resolve(full, '..'))) throw new LocalError('no_write', `${path} (ENOENT)`);
  return full;
}
