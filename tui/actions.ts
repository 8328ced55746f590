/**
 * What the dashboard does for its user: publish, fetch, cancel, copy, reveal, ask for the configuration.
 *
 * Shape   createActions(deps) -> run(request); every answer comes back as a ModelEvent. close() ends what hangs on this process.
 * Errors  none escape: each becomes a sentence with its code and next step.
 * Why     keys are held here and never in the model, so that no screen can show one by mistake; the model gets them only for the minute of a
 *         reveal. Publishes and fetches are the queue's, so they outlive the dashboard.
 * Source  ux §§ 1.1, 1.2 (Xfers), 2.3.
 * @module
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { link, readdir, rm, stat } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { ConfigDocument } from '../config/document.ts';
import { formatSize } from '../config/schema.ts';
import type {
  DescriptorDocument,
  QueueStatus,
  ResizeDocument,
  StoreDocument,
  TransferResult,
  TransferStatus,
} from '../daemon/api/schema.ts';
import { createApiClient } from '../daemon/api/schema-client.ts';
import type {
  BlockMapDocument,
  BusyKeysDocument,
  PeersAddedDocument,
  RouteDocument,
} from '../daemon/api/schema-owner.ts';
import { LocalError, USER_ERRORS } from '../daemon/errors.ts';
import { extended, type FetchWish, type PublishWish } from './commands.ts';
import { formatAge } from './format.ts';
import type { Look, ModelEvent, Request } from './model-types.ts';
import { runShell } from './shell.ts';

export interface ActionDeps {
  readonly socketPath: string;
  readonly tell: (event: ModelEvent) => void;
  /** Puts text on the clipboard of the terminal; false: this terminal has none. */
  readonly toClipboard: (text: string) => boolean;
  readonly nowMs: () => number;
  /** How to run the command line again; absent: it cannot be. */
  readonly shell?: readonly string[];
}

export interface Actions {
  run(request: Request): void;
  /** Asks for what only the open tab needs; while an answer is under way nothing is asked again, and a failure is silence. */
  look(at: readonly Look[]): void;
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

  /** Through the queue: it goes on when this dashboard is left, and after a restart of the daemon. */
  async function publish({ file, query }: PublishWish): Promise<void> {
    const path = resolve(atHome(file));
    const found = await stat(path);
    if (!found.isFile() && !found.isDirectory()) throw new LocalError('no_file', 'it is neither a file nor a folder');
    const { id } = await api.post<{ id: string }>('/v1/queue/publish', { ...query, path }, ending.signal);
    say('publishing; Xfers shows how far, y copies the key');
    const { alias } = await followed(id);
    say(`${alias} is published: on Xfers y copies its key`);
  }

  async function fetch({ uri, path, force }: FetchWish): Promise<void> {
    const wanted = path === undefined ? undefined : resolve(atHome(path));
    if (wanted !== undefined && !force && (await stat(wanted).catch(() => undefined)) !== undefined)
      throw new LocalError('exists');
    const target = wanted ?? resolve(`holloway-${randomBytes(4).toString('hex')}`);
    const body = { uri, path: target, ...(force ? { replace: true } : {}) };
    const { id } = await api.post<{ id: string }>('/v1/queue/fetch', body, ending.signal);
    uris.set(id, uri);
    say('fetching; Xfers shows how far');
    const { alias, result } = await followed(id);
    // A name that the user typed is the user's; only names of ours are shown.
    if (wanted !== undefined) return say(`${alias} is fetched: in the file you named`);
    const name = await takeName(target, `${alias}${extensionOf(result.contentType)}`);
    say(`${alias} is fetched: ${name} in this directory`);
  }

  /** To its end, however long that takes; a pause is none. */
  async function followed(id: string): Promise<{ readonly alias: string; readonly result: TransferResult }> {
    let alias = '';
    const onProgress = (transfer: TransferStatus): void => {
      alias = transfer.alias;
    };
    for (;;) {
      try {
        const result = await api.follow(id, onProgress, ending.signal, 'queue');
        return { alias: alias === '' ? ((await entryOf(id))?.transfer.alias ?? 'it') : alias, result };
      } catch (error) {
        if (!(error instanceof LocalError) || error.code !== 'cancelled' || ending.signal.aborted) throw error;
        while ((await entryOf(id))?.state === 'paused') await pause(WATCH_MS, undefined, { signal: ending.signal });
        if ((await entryOf(id)) === undefined) throw error;
      }
    }
  }

  const entryOf = (id: string): Promise<QueueStatus | undefined> =>
    api.get<QueueStatus>(`/v1/queue/${id}`, ending.signal).catch(() => undefined);

  /** The daemon tells the key of a publish that is done, whoever began it; that of a fetch only its asker knows. */
  async function uriOf(id: string): Promise<string | undefined> {
    const known = uris.get(id) ?? (await entryOf(id))?.uri ?? undefined;
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
      say(`${what} was given to the terminal's clipboard. Not there? :transfers copy ALIAS --file`);
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
        await api.post(request.isQueued ? `/v1/queue/${request.id}/remove` : `/v1/transfers/${request.id}/cancel`);
        return say(`${request.alias} is ${request.isQueued ? 'off the list' : 'cancelled'}`);
      case 'queue':
        await api.post(`/v1/queue/${request.id}/${request.change}`);
        return say(
          `${request.alias} ${{ pause: 'is paused', resume: 'goes on', retry: 'begins anew' }[request.change]}`,
        );
      case 'priority':
        await api.post(`/v1/queue/${request.id}/priority`, { priority: request.priority });
        return say(`${request.alias} has priority ${request.priority} now; 0 is served first`);
      case 'ban': {
        const { alias, forMs } = request;
        await api.post('/v1/peers/ban', { alias, forMs });
        return say(`${alias} is no peer now; it may be one again in ${formatAge(forMs)}`);
      }
      case 'add-peer': {
        const { tried, linked } = await api.post<PeersAddedDocument>('/v1/peers/add', { text: request.text });
        if (tried === 0) throw new LocalError('bad_invite', 'no usable descriptor is in it');
        return say(
          linked === 0
            ? `none of ${tried} answered. Next: is that node running, and of this network?`
            : `${linked} of ${tried} answered and were asked to be peers`,
        );
      }
      case 'invite': {
        const made = await api.post<{ invite: string }>('/v1/invite', { lifeMs: request.lifeMs });
        return hand(made.invite, `an invite, good for ${formatAge(request.lifeMs)}: it tells this node's address`);
      }
      case 'count-keys': {
        const busy = await api.post<BusyKeysDocument>('/v1/busy-keys/count', { on: request.on });
        deps.tell({ type: 'seen', busy, nowMs: deps.nowMs() });
        return say(request.on ? 'counting what peers ask for; K stops' : 'counting has stopped, and is forgotten');
      }
      case 'trace': {
        const route = await api.post<RouteDocument>('/v1/route/trace', { uri: request.uri });
        return deps.tell({ type: 'seen', route, nowMs: deps.nowMs() });
      }
      case 'shell':
        return shell(request.words);
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

  async function shell(words: readonly string[]): Promise<void> {
    if (deps.shell === undefined) throw new LocalError('usage', 'it works in a shell, not here');
    const title = words.slice(0, 2).join(' ');
    say(`${title}: running`);
    const lines = await runShell([...deps.shell, ...words], ending.signal);
    deps.tell({ type: 'output', title, lines, nowMs: deps.nowMs() });
  }

  async function lookAt(at: Look): Promise<void> {
    const nowMs = (): number => deps.nowMs();
    if (at.type === 'map') {
      const map = await api.get<BlockMapDocument>(`/v1/transfers/${at.id}/map`, ending.signal);
      deps.tell({ type: 'seen', map, nowMs: nowMs() });
    } else if (at.type === 'busy') {
      deps.tell({
        type: 'seen',
        busy: await api.get<BusyKeysDocument>('/v1/busy-keys', ending.signal),
        nowMs: nowMs(),
      });
    } else {
      deps.tell({ type: 'seen', route: await api.get<RouteDocument>('/v1/route', ending.signal), nowMs: nowMs() });
    }
  }

  let looking = false;
  return {
    look(at) {
      if (looking || at.length === 0) return;
      looking = true;
      Promise.all(at.map(lookAt))
        .catch(() => {}) // what was looked at may have ended meanwhile
        .finally(() => {
          looking = false;
        });
    },
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

/** By a hard link, which fails when the name is taken: nothing is ever overwritten. */
async function takeName(fetched: string, ours: string): Promise<string> {
  for (let i = 1; i <= NAMES_TRIED; i++) {
    const name = i === 1 ? ours : ours.replace(/(\.\w+)$/, `-${i}$1`);
    if ((await stat(name).catch(() => undefined)) !== undefined) continue;
    await link(fetched, name);
    await rm(fetched, { force: true });
    return name;
  }
  return basename(fetched);
}
