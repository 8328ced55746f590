/**
 * `holloway publish`: a file, a folder or bytes in, key out. Nothing else goes to stdout.
 *
 * Shape   files and folders go through the daemon's queue, so that the same command goes on where it ended; what comes through a pipe, and
 *         editions of a site, are sent along.
 * Errors  no_file for what cannot be read; everything the daemon says, with its code. A signal pauses or cancels the transfer.
 * @module
 */
import { closeSync, constants, createReadStream, fstatSync, openSync, statSync } from 'node:fs';
import { Socket } from 'node:net';
import { Readable } from 'node:stream';
import type { TransferResult } from '../../api/schema.ts';
import { LocalError } from '../../errors.ts';
import { type CommandRun, type Context, giveUpSignal } from '../context.ts';
import { createProgress, PROGRESS_MODES } from '../progress.ts';
import { readyToSign } from './key.ts';
import { lookForPrivateData, privateDataStripped } from './look-for-private.ts';
import { followQueued, queueablePath } from './queued.ts';
import { type FoundTree, findFiles, readTree } from './tree.ts';

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
  const tree = isFolder(file) ? await findFiles(file, { all: options.flag('all') }) : undefined;
  const defaultPath = tree === undefined ? undefined : defaultDocument(context, tree);
  const keywords = options.text('keywords');
  if (keywords !== undefined) {
    output.note(
      'note: whoever guesses a keyword finds this document under it, and can tell that it is announced there',
    );
  }
  const wantedAs = options.text('as');
  const as = wantedAs === undefined ? undefined : await readyToSign(context, wantedAs);
  const wishes = {
    ...(type === undefined ? {} : { type }),
    ...(name === undefined ? {} : { name }),
    ...(trafficClass === undefined ? {} : { class: trafficClass }),
    ...(options.flag('convergent') ? { convergent: true } : {}),
    ...(options.flag('compress') ? { compress: true } : {}),
    ...(options.flag('verify') ? { verify: true } : {}),
    ...(defaultPath === undefined ? {} : { default: defaultPath }),
    ...(as === undefined ? {} : { as }),
    ...(keywords === undefined ? {} : { keywords }),
  };
  if (tree !== undefined && options.flag('strip')) {
    throw new LocalError('usage', '--strip takes one picture: strip the files of a folder one by one');
  }
  if (tree !== undefined)
    lookForPrivateData(
      context,
      file,
      tree.files.map(({ path: below }) => below),
    );
  const isFile = tree === undefined && queueablePath(file) !== undefined;
  const stripped = isFile ? privateDataStripped(context, file) : undefined;
  const isQueued = stripped === undefined && (as === undefined || tree === undefined);
  const path = isQueued ? queueablePath(file) : undefined;
  if (path !== undefined) {
    const hidden = options.flag('all') ? { hidden: true } : {};
    const { id } = await api.post<{ id: string }>('/v1/queue/publish', { ...wishes, ...hidden, path }, giveUp);
    return report(context, await followQueued(context, id, giveUp));
  }
  const source =
    stripped !== undefined
      ? Readable.from([stripped])
      : file === '-'
        ? process.stdin
        : tree === undefined
          ? openDocument(file)
          : readTree(file, tree.files);
  const { id, uploaded } = await api.publish(source, wishes, signal, tree === undefined ? 'publish' : 'publish-tree');
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
    return report(context, result);
  } catch (error) {
    progress.end();
    ended.abort(error);
    if (giveUp.aborted) await api.post(`/v1/transfers/${id}/cancel`).catch(() => {}); // the daemon may be gone: nothing to cancel
    throw giveUp.aborted ? giveUp.reason : error;
  }
};

function report(context: Context, result: TransferResult): number {
  const { output } = context;
  warnOfFewExits(context, result.exits);
  noteClass(context, result.trafficClass);
  const { verified } = result;
  if (verified !== undefined) {
    const { asked, found } = verified;
    output.note(`verified: ${found} of ${asked} sample blocks came back over another route`);
    if (found < asked)
      output.note('note: some are not where readers look; publish again, or wait and fetch it yourself');
  }
  output.line(result.uri ?? '');
  output.document({ ...result });
  return 0;
}

export function warnOfFewExits(context: Context, exits: number): void {
  if (exits >= EXITS_WANTED) return;
  context.output.note(
    `note: only ${exits} exits shared the blocks; below ${EXITS_WANTED} one of them can be blamed for the document`,
  );
}

/** Which class carried it, and what that does not hide (THREATS.md). */
export function noteClass(context: Context, trafficClass: TransferResult['trafficClass']): void {
  context.output.note(
    trafficClass === 'strong'
      ? 'class strong: who watches this line cannot tell when or how much; a guard that works together with exits still may'
      : 'class fast: the guard, and who watches this line, can tell when and how much; --class strong hides it from the line',
  );
}

/** A pipe with a name is waited for without blocking: else nothing, not even a signal, ends the wait for its writer. */
function openDocument(path: string): AsyncIterable<Uint8Array> {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    throw new LocalError('no_file', `${path} (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`, {
      cause: error,
    });
  }
  const stat = fstatSync(fd);
  if (stat.isFIFO()) return new Socket({ fd, readable: true, writable: false });
  if (!stat.isDirectory()) return createReadStream(path, { fd, highWaterMark: 256 * 1024 });
  closeSync(fd);
  throw new LocalError('no_file', `${path} became a folder meanwhile`);
}

function isFolder(path: string): boolean {
  return path !== '-' && statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** Says what is left out, and names the file that stands for the folder: --default, or index.html if it has one. */
function defaultDocument({ options, output }: Context, tree: FoundTree): string | undefined {
  if (tree.files.length === 0) throw new LocalError('usage', 'the folder holds no file to publish');
  if (tree.hidden > 0)
    output.note(`note: ${tree.hidden} names that begin with a dot are left out; --all takes them too`);
  if (tree.special > 0) output.note(`note: ${tree.special} links and special files are left out`);
  const chosen = options.text('default');
  const found = tree.files.find(({ path }) => path === (chosen ?? 'index.html'))?.path;
  if (chosen !== undefined && found === undefined) {
    throw new LocalError('usage', `--default ${chosen}: the folder has no such file`);
  }
  return found;
}
