/**
 * What the dashboard does for its user: publish, fetch, cancel, copy, reveal, ask for the configuration.
 *
 * Shape   createActions(deps) -> run(request); every answer comes back as a ModelEvent. close() ends what hangs on this process.
 * Errors  none escape: each becomes a sentence with its code and next step.
 * Why     keys are held here and never in the model, so that no screen can show one by mistake; the model gets them only for the minute of a
 *         reveal. A fetched file grows under NAME.part and takes its name when it is whole.
 * Source  ux §§ 1.1, 1.2 (Xfers), 2.3.
 * @module
 */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { link, open, readdir, rm, stat } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { ConfigDocument } from '../config/document.ts';
import { formatSize } from '../config/schema.ts';
import type {
  DescriptorDocument,
  ResizeDocument,
  StoreDocument,
  TransferResult,
  TransferStatus,
} from '../daemon/api/schema.ts';
import { createApiClient } from '../daemon/api/schema-client.ts';
import { LocalError, USER_ERRORS } from '../daemon/errors.ts';
import { extended, type FetchWish, type PublishWish } from './commands.ts';
import type { ModelEvent, Request } from './model-types.ts';

export interface ActionDeps {
  readonly socketPath: string;
  readonly tell: (event: ModelEvent) => void;
  /** Puts text on the clipboard of the terminal; false: this terminal has none. */
  readonly toClipboard: (text: string) => boolean;
  readonly nowMs: () => number;
}

export interface Actions {
  run(request: Request): void;
  /** Uploads and downloads that end with this process. */
  readonly busy: number;
  close(): void;
}

const NAMES_TRIED = 100;
const WATCH_MS = 500;
const CHOICES_SHOWN = 12;

export function createActions(deps: ActionDeps): Actions {
  const api = createApiClient(deps.socketPath);
  const ending = new AbortController();
  /** Keys by transfer id: typed by the user, or told by the daemon. */
  const uris = new Map<string, string>();
  let busy = 0;

  const say = (text: string): void => deps.tell({ type: 'told', text, nowMs: deps.nowMs() });

  async function publish({ file, query }: PublishWish): Promise<void> {
    const handle = await open(atHome(file), 'r');
    if (!(await handle.stat()).isFile()) {
      await handle.close();
      throw new LocalError(
        'no_file',
        'it is not a plain file; a directory is published with holloway publish DIR in a shell',
      );
    }
    const { id, uploaded } = await api.publish(
      handle.createReadStream({ highWaterMark: 256 * 1024 }),
      query,
      ending.signal,
    );
    say('publishing; Xfers shows how far');
    uploaded.catch(() => {}); // the transfer's own end tells more
    const { alias, result } = await followed(id);
    if (result.uri !== undefined) uris.set(id, result.uri);
    say(`${alias} is published: on Xfers y copies its key`);
  }

  async function fetch({ uri, path, force }: FetchWish): Promise<void> {
    const { id } = await api.post<{ id: string }>('/v1/fetch', { uri }, ending.signal);
    uris.set(id, uri);
    say('fetching; Xfers shows how far');
    const ended = followed(id);
    ended.catch(() => {}); // awaited below
    const wanted = path === undefined ? undefined : atHome(path);
    const part = `${wanted ?? `holloway-${id}`}.part`;
    try {
      const handle = await open(part, 'wx', 0o600);
      try {
        for await (const bytes of await api.content(id, ending.signal)) await handle.writeFile(bytes);
        await handle.sync();
      } finally {
        await handle.close();
      }
      const { alias, result } = await ended;
      const name = await takeName(part, wanted, `${alias}${extensionOf(result.contentType)}`, force);
      // A name that the user typed is the user's; only names of ours are shown.
      say(`${alias} is fetched: ${wanted === undefined ? `${name} in this directory` : 'in the file you named'}`);
    } catch (error) {
      await rm(part, { force: true });
      await api.post(`/v1/transfers/${id}/cancel`).catch(() => {}); // it may have ended by itself
      throw error instanceof LocalError && error.code === 'incomplete'
        ? await ended.then(
            () => error,
            (why) => why,
          )
        : error;
    }
  }

  /** To its end, however long that takes. */
  async function followed(id: string): Promise<{ readonly alias: string; readonly result: TransferResult }> {
    let alias = 'it';
    const onProgress = (transfer: TransferStatus): void => {
      alias = transfer.alias;
    };
    const result = await api.follow(id, onProgress, ending.signal);
    return { alias, result };
  }

  /** The daemon tells the key of a publish that is done, whoever began it; that of a fetch only its asker knows. */
  async function uriOf(id: string): Promise<string | undefined> {
    const known = uris.get(id);
    if (known !== undefined) return known;
    const look = new AbortController();
    try {
      for await (const { event, data } of api.events(`/v1/transfers/${id}/events`, look.signal)) {
        if (event === 'result') return (JSON.parse(data) as TransferResult).uri;
        if (event === 'error' || (event === 'progress' && (JSON.parse(data) as TransferStatus).stage !== 'done')) break;
      }
    } finally {
      look.abort();
    }
    return undefined;
  }

  async function copy({ id, alias, toFile }: Request & { type: 'copy' }): Promise<void> {
    const uri = await uriOf(id);
    if (uri === undefined)
      say(`no key of ${alias} is known here: a publish has one once it is done, a fetch only where it was asked`);
    else hand(uri, `the key of ${alias}`, toFile);
  }

  function hand(text: string, what: string, toFile = false): void {
    if (!toFile && deps.toClipboard(text)) {
      // No terminal answers whether it obeyed, and some are told not to.
      say(`${what} was given to the terminal's clipboard. Not there? :transfer copy ALIAS --file`);
      return;
    }
    const file = join(mkdtempSync(join(tmpdir(), 'holloway-')), 'copied');
    writeFileSync(file, `${text}\n`, { mode: 0o600, flag: 'wx' });
    say(`${what} is in ${file}, readable by you alone`);
  }

  async function reveal(ids: readonly string[]): Promise<void> {
    const found = new Map<string, string>();
    for (const id of ids) {
      const uri = await uriOf(id).catch(() => undefined); // gone meanwhile: there is nothing to show
      if (uri !== undefined) found.set(id, uri);
    }
    deps.tell({ type: 'revealed', uris: found, nowMs: deps.nowMs() });
  }

  async function config(): Promise<void> {
    try {
      const document = await api.get<ConfigDocument>('/v1/config', ending.signal);
      deps.tell({ type: 'config', document, fault: '', nowMs: deps.nowMs() });
    } catch (error) {
      deps.tell({ type: 'config', document: undefined, fault: sentenceOf(error), nowMs: deps.nowMs() });
    }
  }

  async function findPath(text: string, path: string): Promise<void> {
    const before = path.endsWith('/')
      ? path
      : dirname(path) === '.' && !path.startsWith('.')
        ? ''
        : `${dirname(path)}/`.replace('//', '/');
    const word = path.endsWith('/') ? '' : basename(path);
    const entries = await readdir(atHome(before === '' ? '.' : before), { withFileTypes: true }).catch(() => []);
    const names = entries
      .filter((entry) => word.startsWith('.') || !entry.name.startsWith('.'))
      .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
      .toSorted();
    const { text: longer, choices } = extended(before, word, names, '');
    const nowMs = deps.nowMs();
    const shown = choices.slice(0, CHOICES_SHOWN);
    deps.tell({
      type: 'found-path',
      before: text,
      text: text.slice(0, text.length - path.length) + longer,
      choices: shown,
      nowMs,
    });
  }

  /** Nothing is given up unasked: the plan is the question. */
  async function planResize(sizeBytes: number): Promise<void> {
    const plan = await api.post<ResizeDocument>('/v1/store/resize', { sizeBytes, dryRun: true }, ending.signal);
    const { evictedStore, evictedCache, evictedRecords } = plan;
    const effect =
      evictedStore + evictedCache + evictedRecords === 0
        ? 'Nothing is given up.'
        : `It gives up ${evictedStore} stored and ${evictedCache} cached blocks, ${evictedRecords} records.`;
    const question = `Resize the store to ${formatSize(sizeBytes)}? ${effect}`;
    deps.tell({ type: 'asked', question, wanted: { type: 'resize', sizeBytes }, nowMs: deps.nowMs() });
  }

  /** Until the work in the background is over. */
  async function watchStore(job: 'resize' | 'verify'): Promise<StoreDocument> {
    for (;;) {
      const found = await api.get<StoreDocument>('/v1/store', ending.signal);
      if (!found[job].isRunning) return found;
      say(`${job}: ${found[job].done} of ${found[job].total}`);
      await pause(WATCH_MS, undefined, { signal: ending.signal });
    }
  }

  async function resize(sizeBytes: number): Promise<void> {
    await api.post('/v1/store/resize', { sizeBytes }, ending.signal);
    await watchStore('resize');
    say(
      `the store may use ${formatSize(sizeBytes)} now; store.size in the file decides at the next start, unless it is auto`,
    );
  }

  async function verify(): Promise<void> {
    await api.post('/v1/store/verify', {}, ending.signal);
    const { done, damaged } = (await watchStore('verify')).verify;
    say(
      `verified: ${done} blocks and records, ${damaged} damaged and dropped; cached blocks are checked when they are asked for`,
    );
  }

  async function act(request: Request): Promise<void> {
    switch (request.type) {
      case 'publish':
        return publish(request);
      case 'fetch':
        return fetch(request);
      case 'cancel':
        await api.post(`/v1/transfers/${request.id}/cancel`);
        return say(`${request.alias} is cancelled`);
      case 'copy':
        return copy(request);
      case 'reveal':
        return reveal(request.ids);
      case 'find-path':
        return findPath(request.text, request.path);
      case 'plan-resize':
        return planResize(request.sizeBytes);
      case 'resize':
        return resize(request.sizeBytes);
      case 'verify':
        return verify();
      case 'set':
        await api.post('/v1/config/set', { key: request.key, value: request.value });
        say(`${request.key} is ${request.value} now, until the daemon stops`);
        return config();
      case 'config':
        return config();
      case 'self':
        return hand((await api.get<DescriptorDocument>('/v1/descriptor')).descriptor, "this node's descriptor");
      case 'stop':
        await api.post('/v1/stop');
        return say('the daemon was asked to stop');
      default:
        return request satisfies never;
    }
  }

  return {
    run(request) {
      busy++;
      act(request)
        .catch((error: unknown) => {
          // Whoever cancelled it was told so; and the list shows it.
          const isCancelled = error instanceof LocalError && error.code === 'cancelled';
          if (!ending.signal.aborted && !isCancelled) say(sentenceOf(error));
        })
        .finally(() => busy--);
    },
    get busy() {
      return busy;
    },
    close: () => ending.abort(new LocalError('cancelled', 'the dashboard was left')),
  };
}

function sentenceOf(error: unknown): string {
  if (error instanceof LocalError) {
    const { what, next } = USER_ERRORS[error.code];
    return `${what}${error.detail === undefined ? '' : ` (${error.detail})`}. Next: ${next} [${error.code}]`;
  }
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT') return 'no such file. Next: Tab completes paths [no_file]';
  if (code === 'EEXIST') return 'a file of that name exists. Next: another name, or --force [exists]';
  return code === undefined ? 'a fault of the dashboard [internal]' : `the disk says ${code} [disk_failed]`;
}

function atHome(path: string): string {
  return path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path;
}

const EXTENSIONS: Readonly<Record<string, string>> = {
  'text/plain': '.txt',
  'application/json': '.json',
  'application/pdf': '.pdf',
  'application/zip': '.zip',
  'image/png': '.png',
  'image/jpeg': '.jpg',
  'image/gif': '.gif',
  'image/webp': '.webp',
};

/** A stranger's type chooses from this list and from nothing else. */
function extensionOf(contentType: string | null): string {
  return EXTENSIONS[contentType?.split(';')[0]?.trim() ?? ''] ?? '.bin';
}

/** By a hard link, which fails when the name is taken: nothing is ever overwritten unasked. */
async function takeName(part: string, wanted: string | undefined, ours: string, force: boolean): Promise<string> {
  if (wanted !== undefined) {
    if (force) await rm(wanted, { force: true });
    await link(part, wanted);
    await rm(part, { force: true });
    return wanted;
  }
  for (let i = 1; i <= NAMES_TRIED; i++) {
    const name = i === 1 ? ours : ours.replace(/(\.\w+)$/, `-${i}$1`);
    if ((await stat(name).catch(() => undefined)) !== undefined) continue;
    await link(part, name);
    await rm(part, { force: true });
    return name;
  }
  throw new LocalError('exists');
}
