/**
 * `holloway fetch`: key in, bytes out; a file appears under its name only when it is whole.
 *
 * Shape   a file grows in the daemon's queue as NAME.part, is flushed, then takes the name. A folder is written by tree.ts; `-o -` writes to stdout as
 *         bytes arrive.
 * Errors  exists when the name is taken and --force is not given; no_write where none can be put; disk errors by their own codes; a signal cancels the transfer.
 * Why     a name from a document's metadata comes from a stranger: it is cut down to one plain file name in this directory.
 * @module
 */
import { createWriteStream, fstatSync } from 'node:fs';
import { lstat } from 'node:fs/promises';
import type { FetchMetadata, TransferResult } from '../../api/schema.ts';
import { parseUri } from '../../client/uri.ts';
import { LocalError } from '../../errors.ts';
import { type CommandRun, type Context, giveUpSignal } from '../context.ts';
import { localErrorOf, printable, sizeText } from '../output.ts';
import { createProgress, PROGRESS_MODES } from '../progress.ts';
import { noteClass, warnOfFewExits } from './publish.ts';
import { followQueued, growablePath } from './queued.ts';
import { writeTree } from './tree.ts';

/** Longer than any key may be. */
const URI_BYTES_MAX = 16_384;

export const fetchDocument: CommandRun = async (context, [given = '-']) => {
  const { options, output } = context;
  const wanted = options.text('output');
  const taken = wanted === undefined || wanted === '-' ? undefined : await takenBy(wanted, options.flag('force'));
  if (wanted === '-' && output.json) throw new LocalError('usage', '-o - and --json both want stdout');
  const trafficClass = options.choice('class', ['fast', 'strong']);
  const maxBytes = options.sizeBytes('max-size');
  const range = readRange(options.text('range'));
  const giveUp = giveUpSignal(context);
  const uri = given === '-' ? await readUri() : given;
  parseUri(uri); // what is no key is told without a daemon

  const wishes: FetchWishes = {
    uri,
    ...(trafficClass === undefined ? {} : { class: trafficClass }),
    ...(maxBytes === undefined ? {} : { maxBytes }),
    ...(range === undefined ? {} : { range }),
  };
  if (wanted === '-') return stream(context, wishes, wanted, giveUp);
  const path = wanted ?? (await findName(context, wishes, giveUp));
  if (path === undefined) return stream(context, wishes, undefined, giveUp);
  try {
    return await growFile(context, wishes, path, giveUp);
  } catch (error) {
    // The file may be what this very command fetched before; only the daemon knows.
    if (taken !== undefined && error instanceof LocalError && error.code === 'daemon_unreachable') throw taken;
    if (error instanceof LocalError && error.code === 'is_folder') return stream(context, wishes, wanted, giveUp);
    throw error;
  }
};

interface FetchWishes {
  readonly uri: string;
  readonly class?: string;
  readonly maxBytes?: number;
  readonly range?: readonly [from: number, to: number];
}

/** The name for a document that was asked for without one; undefined for a folder. */
async function findName(context: Context, wishes: FetchWishes, signal: AbortSignal): Promise<string | undefined> {
  const { api, options } = context;
  const { uri } = wishes;
  const trafficClass = wishes.class === undefined ? {} : { class: wishes.class };
  const { id } = await api.post<{ id: string }>('/v1/fetch', { uri, listOnly: true, ...trafficClass }, signal);
  const found = await api.get<FetchMetadata>(`/v1/transfers/${id}/metadata`, signal);
  if (found.directory !== null) return undefined;
  const path = safeFileName(found.name, found.contentType);
  await refuseTaken(path, options.flag('force'));
  return path;
}

/** Through the queue of the daemon: PATH.part grows there, and the same command goes on where it ended. */
async function growFile(context: Context, wishes: FetchWishes, path: string, giveUp: AbortSignal): Promise<number> {
  const { api, options, output } = context;
  const replace = options.flag('force') ? { replace: true } : {};
  const body = { ...wishes, ...replace, path: growablePath(path) };
  const { id, persistence } = await api.post<{ id: string; persistence?: string }>('/v1/queue/fetch', body, giveUp);
  if (persistence === 'reboot') {
    output.note("warning: the daemon's disk takes nothing: this fetch is lost when the daemon ends");
  }
  const result = await followQueued(context, id, giveUp);
  warnOfFewExits(context, result.exits);
  noteClass(context, result.trafficClass);
  noteEdition(context, result.edition, result.isForked === true);
  const asked = wishes.range === undefined ? '' : `; asked for ${result.blocksAsked ?? 0} blocks`;
  output.note(`${sizeText(result.sizeBytes)} in ${(result.tookMs / 1_000).toFixed(1)} s${asked}`);
  output.line(path);
  output.document({ ...result, path });
  return 0;
}

/** Bytes as they come: to stdout, or a folder's files. Ended early, it begins anew. */
async function stream(
  context: Context,
  wishes: FetchWishes,
  wanted: string | undefined,
  giveUp: AbortSignal,
): Promise<number> {
  const { api, options, output } = context;
  const { id } = await api.post<{ id: string }>('/v1/fetch', wishes, giveUp);
  const progress = createProgress(output.quiet ? 'none' : (options.choice('progress', PROGRESS_MODES) ?? 'auto'));
  const followed = api.follow(id, (transfer) => progress.show(transfer), giveUp);
  followed.catch(() => {}); // awaited below, whichever of the two fails first
  try {
    const path = await receive(context, id, wanted, giveUp);
    const result = await followed;
    progress.end();
    warnOfFewExits(context, result.exits);
    noteClass(context, result.trafficClass);
    const { edition, isForked } = await api.get<FetchMetadata>(`/v1/transfers/${id}/metadata`, giveUp);
    noteEdition(context, edition ?? undefined, isForked);
    if (path !== '-') {
      output.note(`${sizeText(result.sizeBytes)} in ${(result.tookMs / 1_000).toFixed(1)} s`);
      output.line(path);
      output.document({ ...result, ...(edition === null ? {} : { edition }), ...(isForked ? { isForked } : {}), path });
    }
    return 0;
  } catch (error) {
    progress.end();
    await api.post(`/v1/transfers/${id}/cancel`).catch(() => {}); // ended already, or the daemon is gone
    if (giveUp.aborted) throw giveUp.reason;
    throw await moreTelling(error, followed);
  }
}

/** Which edition of a site it is, and whether its owner is the only one who publishes it. */
function noteEdition({ output }: Context, edition: number | undefined, isForked: boolean): void {
  if (edition === undefined) return;
  output.note(`edition ${edition}`);
  if (isForked) {
    output.note(
      'warning: there are two different records of this edition, both signed with its key: its owner published twice, or somebody else has the key',
    );
  }
}

/** Bytes that end early say less than the transfer's own events. */
async function moreTelling(error: unknown, followed: Promise<TransferResult>): Promise<unknown> {
  if (!(error instanceof LocalError) || error.code !== 'incomplete') return error;
  return followed.then(
    () => error,
    (reason: unknown) => reason,
  );
}

async function receive(context: Context, id: string, wanted: string | undefined, signal: AbortSignal): Promise<string> {
  const { api, options } = context;
  const found = await api.get<FetchMetadata>(`/v1/transfers/${id}/metadata`, signal);
  const { directory } = found;
  if (directory !== null && wanted === '-') {
    throw new LocalError('usage', 'the key names a folder: -o DIR writes it, and its files can be fetched one by one');
  }
  const path = wanted ?? safeFileName(found.name, FOLDER_TYPE);
  if (wanted === undefined) await refuseTaken(path, options.flag('force'));
  const content = await api.content(id, signal);
  if (directory === null) await writeToStdout(content);
  else await writeFolder(content, directory.files, path);
  return path;
}

async function writeFolder(
  content: AsyncIterable<Uint8Array>,
  files: readonly { readonly path: string; readonly sizeBytes: number }[],
  path: string,
): Promise<void> {
  await refuseTaken(path, false); // a folder is never written over another
  try {
    await writeTree(content, files, path);
  } catch (error) {
    throw fileError(error, path);
  }
}

/** `FROM-TO`, both ends included as in HTTP, or `FROM-` to the end. */
function readRange(text: string | undefined): readonly [from: number, to: number] | undefined {
  if (text === undefined) return undefined;
  const [, from, last] = /^(\d{1,15})-(\d{1,15})?$/.exec(text) ?? [];
  const to = last === undefined ? Number.MAX_SAFE_INTEGER : Number(last) + 1;
  if (from === undefined || Number(from) >= to) {
    throw new LocalError('usage', `--range ${text}: expected FROM-TO, two byte positions such as 0-1023, or FROM-`);
  }
  return [Number(from), to];
}

export async function readUri(): Promise<string> {
  let text = '';
  for await (const part of process.stdin) {
    text += (part as Buffer).toString('utf8');
    if (text.length > URI_BYTES_MAX) throw new LocalError('bad_uri', 'stdin holds more than a key');
  }
  return text.trim();
}

/** What stands against writing there at once; a plain file is left to the queue to judge. */
async function takenBy(path: string, force: boolean): Promise<LocalError | undefined> {
  const found = await lstat(path).catch(() => undefined);
  if (found?.isFile() !== true || force) {
    await refuseTaken(path, force);
    return undefined;
  }
  return new LocalError('exists', path);
}

/** --force replaces a file or a link. What else has a name (a device, a pipe, a directory) is not ours to put a file in place of. */
async function refuseTaken(path: string, force: boolean): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return;
  if (!force) throw new LocalError('exists', path);
  if (!found.isFile() && !found.isSymbolicLink()) {
    throw new LocalError('no_write', `${path} is no plain file; to write into it: -o - > ${path}`);
  }
}

function fileError(error: unknown, path: string): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  if (error instanceof LocalError || code === undefined) return error;
  if (code === 'EEXIST' || code === 'ENOTEMPTY') return new LocalError('exists', path, { cause: error });
  if (
    code === 'ENOENT' ||
    code === 'EACCES' ||
    code === 'EPERM' ||
    code === 'ENOTDIR' ||
    code === 'EISDIR' ||
    code === 'ENAMETOOLONG'
  ) {
    return new LocalError('no_write', `${path} (${code})`, { cause: error });
  }
  return code === 'EIO' ? new LocalError('disk_failed', undefined, { cause: error }) : localErrorOf(error);
}

async function writeToStdout(content: AsyncIterable<Uint8Array>): Promise<void> {
  // process.stdout writes synchronously to a file. A pipe it makes non-blocking, and waits for its reader; a file stream on the same
  // descriptor would give up on a slow one after a few tries.
  const behind = fstatSync(1);
  const isFile = behind.isFile() || (behind.isCharacterDevice() && process.stdout.isTTY !== true);
  const out = isFile ? createWriteStream('', { fd: 1, autoClose: false }) : process.stdout;
  out.on('error', () => {}); // each write hears of its own failure
  try {
    for await (const bytes of content) {
      await new Promise<void>((resolve, reject) => out.write(bytes, (error) => (error ? reject(error) : resolve())));
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') process.exit(0);
    throw error;
  }
}

/** No media type: only here, for the name of a folder that has none. */
const FOLDER_TYPE = 'folder';
const EXTENSIONS: Readonly<Record<string, string>> = {
  'text/plain': '.txt',
  'text/html': '.html',
  'text/css': '.css',
  'application/json': '.json',
  'application/pdf': '.pdf',
  'application/zip': '.zip',
  'image/png': '.png',
  'image/jpeg': '.jpg',
  'image/gif': '.gif',
  'image/webp': '.webp',
};

/** One plain file name in this directory: no path, no hidden file, nothing a terminal or shell could misread. */
export function safeFileName(name: string | null, contentType: string | null): string {
  const base = printable(name ?? '')
    .split(/[/\\]/)
    .at(-1)!
    .replaceAll('\uFFFD', '_')
    .replaceAll(/[<>:"|?*]/g, '_')
    .trim()
    .replace(/^[.\-~]+/, '')
    .replace(/[. ]+$/, '');
  const cut = Buffer.from(base)
    .subarray(0, 200)
    .toString('utf8')
    .replace(/\uFFFD+$/, '');
  if (cut !== '') return cut;
  if (contentType === FOLDER_TYPE) return 'folder';
  return `document${EXTENSIONS[contentType?.split(';')[0]?.trim() ?? ''] ?? '.bin'}`;
}
