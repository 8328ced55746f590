/**
 * `holloway publish`: bytes in, key out. Nothing else goes to stdout.
 *
 * Errors  no_file for what cannot be read; everything the daemon says, with its code. A signal cancels the transfer.
 * @module
 */
import { open } from 'node:fs/promises';
import { LocalError } from '../../errors.ts';
import { type CommandRun, type Context, giveUpSignal } from '../context.ts';
import { createProgress, PROGRESS_MODES } from '../progress.ts';

const EXITS_WANTED = 8;

export const publish: CommandRun = async (context, [file = '-']) => {
  const { api, options, output } = context;
  const type = options.text('type');
  const name = options.text('name');
  const trafficClass = options.choice('class', ['fast', 'strong']);
  if (options.flag('convergent') && options.flag('compress')) {
    throw new LocalError('usage', '--convergent documents are never compressed: leave out --compress');
  }
  const giveUp = giveUpSignal(context);
  const ended = new AbortController(); // the transfer failed: the upload has to stop
  const signal = AbortSignal.any([giveUp, ended.signal]);
  const progress = createProgress(output.quiet ? 'none' : (options.choice('progress', PROGRESS_MODES) ?? 'auto'));
  const source = file === '-' ? process.stdin : await openDocument(file);
  const { id, uploaded } = await api.publish(
    source,
    {
      ...(type === undefined ? {} : { type }),
      ...(name === undefined ? {} : { name }),
      ...(trafficClass === undefined ? {} : { class: trafficClass }),
      ...(options.flag('convergent') ? { convergent: true } : {}),
      ...(options.flag('compress') ? { compress: true } : {}),
    },
    signal,
  );
  try {
    const followed = api.follow(id, (transfer) => progress.show(transfer), giveUp);
    // A source that fails (a disk error, a cut pipe) fails the publish; a daemon that ends the upload says why in its events.
    const sourceFailure = uploaded.then(
      () => new Promise<never>(() => {}),
      (error: unknown) =>
        error instanceof LocalError || giveUp.aborted ? new Promise<never>(() => {}) : Promise.reject(error),
    );
    const result = await Promise.race([followed, sourceFailure]);
    progress.end();
    warnOfFewExits(context, result.exits);
    output.line(result.uri ?? '');
    output.document({ ...result });
    return 0;
  } catch (error) {
    progress.end();
    ended.abort(error);
    if (giveUp.aborted) await api.post(`/v1/transfers/${id}/cancel`).catch(() => {}); // the daemon may be gone: nothing to cancel
    throw giveUp.aborted ? giveUp.reason : error;
  }
};

export function warnOfFewExits(context: Context, exits: number): void {
  if (exits >= EXITS_WANTED) return;
  context.output.note(
    `note: only ${exits} exits shared the blocks; below ${EXITS_WANTED} one of them can be blamed for the document`,
  );
}

async function openDocument(path: string): Promise<AsyncIterable<Uint8Array>> {
  try {
    const handle = await open(path, 'r');
    if (!(await handle.stat()).isDirectory()) return handle.createReadStream({ highWaterMark: 256 * 1024 });
    await handle.close();
  } catch (error) {
    throw new LocalError('no_file', `${path} (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`, {
      cause: error,
    });
  }
  throw new LocalError('no_file', `${path} is a directory; publish one file`);
}
