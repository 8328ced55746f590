/**
 * Content under a key: found, judged, made harmless, sent.
 *
 * Shape   show(asked, target): redirect, waiting page, listing, the document in the way its kind is shown, or a LocalError thrown.
 * Unit    a person waits BROWSER_WAIT_MS, then gets a page that looks again by itself; a program waits as long as it likes.
 * Why     the same address gives a person a page and a program the bytes; neither ever gets something that a browser would obey.
 * Source  ux §§ 3.2-3.5.
 * @module
 */
import type { OutgoingHttpHeaders } from 'node:http';
import type { FetchedMetadata } from '../../client/client-types.ts';
import type { TransferQueue } from '../../client/queue-types.ts';
import { parseUri, printUri, type Uri } from '../../client/uri.ts';
import { LocalError } from '../../errors.ts';
import { GATEWAY_FILTER_BYTES_MAX, GATEWAY_WAITS_MAX } from '../../limits.ts';
import type { Clock } from '../../ports.ts';
import { type Asked, etagOf, inMemory, type Representation } from './answer.ts';
import { background, type Documents, HEAD_BYTES, type Held } from './documents.ts';
import { charsetOf } from './filter/decode.ts';
import type { Filter } from './filter/run.ts';
import { isPlainPicture, SVG_BYTES_MAX } from './filter/svg.ts';
import { cacheControl, contentHeaders, DOWNLOAD_POLICY, disposition } from './headers.ts';
import { declaredType, type Kind, kindOf } from './kinds.ts';
import {
  bar,
  downloadPage,
  type ListedEntry,
  largePage,
  listingPage,
  picturePage,
  waitingPage,
} from './pages/content.ts';
import { encodeName, fileUri, type KeyTarget, parseKey, pathUnder } from './url.ts';

export const BROWSER_WAIT_MS = 1_500;
/** Pages and media over this are opened on a second click. */
const LARGE_BYTES = 64 * 1024 * 1024;
const TIMEOUT_S_MAX = 3_600;
const LISTED_MAX = 5_000;

export interface ContentDeps {
  readonly documents: Documents;
  readonly queue: TransferQueue | undefined;
  readonly filter: Filter;
  readonly clock: Clock;
  readonly browserCache: boolean;
  /** For the buttons on pages, and for links that must be ours. */
  readonly token: (purpose: string) => string;
  readonly verdict: () => string;
}

/** A file, in what is held of it. */
interface Found {
  readonly held: Held;
  readonly offset: number;
  readonly sizeBytes: number;
  readonly name: string | undefined;
  readonly contentType: string | undefined;
  /** URL path of the file itself, which is not always that of the request. */
  readonly path: string;
}

class NotYet extends Error {
  readonly held: Held;

  constructor(held: Held) {
    super('not yet');
    this.held = held;
  }
}

export class Content {
  readonly #deps: ContentDeps;
  #waits = 0;

  constructor(deps: ContentDeps) {
    this.#deps = deps;
  }

  /** Requests that wait for bytes just now. */
  get waits(): number {
    return this.#waits;
  }

  async show(asked: Asked, target: KeyTarget): Promise<void> {
    const { documents, queue } = this.#deps;
    if (target.path !== asked.path && (asked.destination === undefined || asked.destination === 'document')) {
      return asked.redirect(308, `${target.path}${queryOf(asked)}`);
    }
    const local = documents.find(target.root);
    const isLocal =
      (local?.isWhole === true && !local.isRunning) ||
      background(queue, target.root, ({ state }) => state === 'done') !== undefined;
    if (!isLocal && /\bonly-if-cached\b/i.test(asked.request.headers['cache-control'] ?? '')) {
      throw new LocalError('not_local');
    }
    const inQueue = background(queue, target.root, ({ state }) => state !== 'done' && state !== 'failed');
    if (asked.isPerson && local === undefined && inQueue !== undefined) {
      const { progress, nextAttemptAtMs } = inQueue;
      const nowMs = this.#deps.clock.nowMs();
      const nextAttemptMs = nextAttemptAtMs === undefined ? undefined : nextAttemptAtMs - nowMs;
      this.#wait(asked, target, { progress, elapsedMs: nowMs - progress.startedAtMs, nextAttemptMs }, true);
      return;
    }
    const watched: (() => void)[] = [];
    try {
      await this.#open(asked, target, watched);
    } catch (error) {
      if (!(error instanceof NotYet)) throw error;
      const { held } = error;
      const elapsedMs = this.#deps.clock.nowMs() - held.startedAtMs;
      this.#wait(asked, target, { progress: held.progress, elapsedMs }, false);
    } finally {
      for (const release of watched) release();
    }
  }

  async #open(asked: Asked, target: KeyTarget, watched: (() => void)[]): Promise<void> {
    const startedMs = this.#deps.clock.nowMs();
    const held = this.#deps.documents.open(target.root);
    watched.push(held.watch());
    const metadata = await this.#within(asked, held, startedMs, held.opened);
    const newer = this.#editionFound(target, metadata);
    if (newer !== undefined) {
      this.#deps.documents.alias(newer.root, held);
      return asked.redirect(307, `${pathUnder(newer.rootPath, target)}${queryOf(asked)}`);
    }
    const found = this.#locate(asked, target, held, metadata);
    if (found === undefined) return;
    let file: Found = found;
    if (held.isListOnly) {
      const parts = partsOf(found.path, target.rootPath);
      const own = this.#deps.documents.open(fileUri(held.canonicalUri, parts));
      watched.push(own.watch());
      const { sizeBytes } = await this.#within(asked, own, startedMs, own.opened);
      file = { ...found, held: own, offset: 0, sizeBytes };
    }
    await this.#show(asked, target, file, startedMs);
  }

  /** A USK leads to the edition that was found, so that the page's address says which one it is. */
  #editionFound(target: KeyTarget, { edition }: FetchedMetadata): KeyTarget | undefined {
    if (edition === undefined) return undefined;
    const uri = parseUri(target.root);
    if (uri.type !== 'USK' || uri.edition === edition) return undefined;
    return parseKey(printUri({ ...uri, edition } as Uri));
  }

  /** The file that a path means. Undefined: it was answered with a redirect or a listing. */
  #locate(asked: Asked, target: KeyTarget, held: Held, metadata: FetchedMetadata): Found | undefined {
    const { parts, rootPath } = target;
    if (metadata.directory === undefined) {
      if (parts.length > 1) throw new LocalError('not_found', 'the key is of a single file, it has no files below it');
      const { sizeBytes, contentType, name } = metadata;
      return { held, offset: 0, sizeBytes, contentType, name: parts[0] ?? name, path: target.path };
    }
    const path = parts.join('/');
    const span = held.span(path);
    if (span !== undefined) {
      if (target.endsInSlash) return void asked.redirect(308, `${target.path.slice(0, -1)}${queryOf(asked)}`);
      return { held, ...span, contentType: undefined, name: parts.at(-1), path: target.path };
    }
    const below = path === '' ? '' : `${path}/`;
    const { files, defaultPath } = metadata.directory;
    if (!files.some((file) => file.path.startsWith(below))) throw new MissingFile(`${rootPath}/`);
    if (!target.endsInSlash) return void asked.redirect(308, `${target.path}/${queryOf(asked)}`);
    const index = [below === '' ? defaultPath : undefined, `${below}index.html`].find(
      (name) => name !== undefined && held.span(name) !== undefined,
    );
    if (index !== undefined) {
      const names = index.split('/');
      const place = `${rootPath}/${names.map(encodeName).join('/')}`;
      return { held, ...held.span(index)!, contentType: undefined, name: names.at(-1), path: place };
    }
    const listed = entriesBelow(files, below);
    asked.page(200, listingPage(parts, listed, this.#deps.verdict()));
    return undefined;
  }

  async #show(asked: Asked, target: KeyTarget, file: Found, startedMs: number): Promise<void> {
    const { held, offset, sizeBytes, name } = file;
    const { query } = asked;
    const headBytes = Math.min(HEAD_BYTES, sizeBytes);
    await this.#within(asked, held, startedMs, held.until(offset + headBytes, asked.signal));
    const head = held.slice(offset, offset + headBytes);
    if (query.has('download')) return asked.deliver(this.#download(asked, target, file));
    const declared = declaredType(file.contentType, name);
    const kind: Kind = query.get('type') === 'text/plain' ? { as: 'text' } : await kindOf(declared, head);
    const verdict = this.#deps.verdict();

    if (kind.as === 'download' || (kind.as === 'font' && asked.isPerson)) {
      if (asked.isPerson) {
        const found = kind.as === 'download' ? kind.found : kind.type;
        return asked.page(200, downloadPage({ name, declared, found, sizeBytes, path: target.path, verdict }));
      }
      if (asked.destination !== undefined && asked.destination !== 'empty' && asked.destination !== 'document')
        throw new LocalError('unsafe_content', 'it is not what the page takes it for');
      return asked.deliver(this.#download(asked, target, file));
    }
    if (asked.isPerson && sizeBytes > LARGE_BYTES && !query.has('open')) {
      const canQueue = this.#deps.queue !== undefined;
      const token = this.#deps.token('form');
      const facts = {
        type: declared ?? 'unknown',
        sizeBytes,
        path: target.path,
        uri: target.root,
        canQueue,
        token,
        verdict,
      };
      return asked.page(202, largePage(facts));
    }
    switch (kind.as) {
      case 'html':
        return asked.deliver(await this.#filtered('html', asked, target, file, startedMs));
      case 'css':
        if (asked.isPerson) return asked.deliver(this.#asIs(asked, target, file, TEXT));
        return asked.deliver(await this.#filtered('css', asked, target, file, startedMs));
      case 'svg':
        return this.#drawing(asked, target, file, startedMs);
      case 'text':
        return asked.deliver(this.#asIs(asked, target, file, TEXT));
      case 'media':
      case 'font':
        return asked.deliver(this.#asIs(asked, target, file, kind.type));
    }
  }

  async #filtered(
    kind: 'html' | 'css',
    asked: Asked,
    target: KeyTarget,
    file: Found,
    startedMs: number,
  ): Promise<Representation> {
    const { sizeBytes, contentType } = file;
    if (sizeBytes > GATEWAY_FILTER_BYTES_MAX) {
      throw new LocalError('unsafe_content', 'it is larger than the filter reads');
    }
    const bytes = await this.#whole(asked, file, startedMs);
    const onceToken = this.#deps.token(`once ${target.path}`);
    const loadOthers = kind === 'html' && asked.query.get('once') === onceToken;
    const { text, others, loaded } = await this.#deps.filter.run({
      kind,
      bytes: bytes.slice(),
      charset: charsetOf(contentType),
      page: { rootPath: target.rootPath, path: file.path, loadOthers },
    });
    const shown = kind === 'html' && others > 0 ? withBar(text, bar(others, `?once=${onceToken}`)) : text;
    return {
      ...inMemory(Buffer.from(shown)),
      headers: {
        ...this.#headers(asked, target, loaded),
        'Content-Type': kind === 'html' ? 'text/html; charset=utf-8' : 'text/css; charset=utf-8',
      },
    };
  }

  async #drawing(asked: Asked, target: KeyTarget, file: Found, startedMs: number): Promise<void> {
    const isPlain = file.sizeBytes <= SVG_BYTES_MAX && isPlainPicture(await this.#whole(asked, file, startedMs));
    if (isPlain && asked.isPerson) return asked.page(200, picturePage(target.path, this.#deps.verdict()), {}, true);
    if (isPlain && asked.destination === 'image') {
      const found = this.#asIs(asked, target, file, 'image/svg+xml');
      const policy = `${DOWNLOAD_POLICY}; style-src 'unsafe-inline'; img-src data:`;
      return asked.deliver({ ...found, headers: { ...found.headers, 'Content-Security-Policy': policy } });
    }
    if (asked.destination === 'image') throw new LocalError('unsafe_content', 'a drawing with more in it than shapes');
    return asked.deliver(this.#asIs(asked, target, file, TEXT));
  }

  #asIs(asked: Asked, target: KeyTarget, file: Found, type: string): Representation {
    const { held, offset, sizeBytes } = file;
    return {
      headers: { ...this.#headers(asked, target), 'Content-Type': type },
      sizeBytes,
      etag: this.#etag(file, type),
      read: (from, to) => held.read(offset + from, offset + to, asked.signal),
    };
  }

  #download(asked: Asked, target: KeyTarget, file: Found): Representation {
    const name = asked.query.get('filename') || file.name || 'download';
    const found = this.#asIs(asked, target, file, 'application/octet-stream');
    return {
      ...found,
      headers: {
        ...found.headers,
        'Content-Security-Policy': DOWNLOAD_POLICY,
        'Content-Disposition': disposition('attachment', name),
      },
    };
  }

  #headers(asked: Asked, target: KeyTarget, others: readonly string[] = []): OutgoingHttpHeaders {
    const changes = target.keyType === 'USK' || target.keyType === 'KSK';
    return {
      ...contentHeaders({ host: asked.host, rootPath: target.rootPath, others }),
      'Cache-Control': cacheControl(this.#deps.browserCache, changes),
    };
  }

  /** By the content key that was found, which stands for its bytes; where none is known, by this one fetch. */
  #etag({ held, path }: Found, type: string): string {
    const fixed =
      held.metadata?.uri ?? (held.uri.startsWith('CHK@') ? held.uri : this.#deps.token(`etag ${held.startedAtMs}`));
    return etagOf('holloway gateway 1', fixed, path, type);
  }

  async #whole(asked: Asked, file: Found, startedMs: number): Promise<Uint8Array> {
    const { held, offset, sizeBytes } = file;
    await this.#within(asked, held, startedMs, held.until(offset + sizeBytes, asked.signal));
    if (held.isWhole) return held.slice(offset, offset + sizeBytes);
    const parts: Uint8Array[] = [];
    for await (const part of held.read(offset, offset + sizeBytes, asked.signal)) parts.push(part);
    return Buffer.concat(parts);
  }

  /** @throws NotYet when a person would have to wait longer, LocalError timeout when the asker said how long, busy */
  async #within<T>(asked: Asked, held: Held, startedMs: number, work: Promise<T>): Promise<T> {
    work.catch(() => {});
    if (this.#waits >= GATEWAY_WAITS_MAX) throw new LocalError('busy', `${GATEWAY_WAITS_MAX} requests wait already`);
    const { clock } = this.#deps;
    const limitMs = patienceMs(asked);
    this.#waits++;
    const { promise: late, reject } = Promise.withResolvers<never>();
    late.catch(() => {});
    const gone = (): void => reject(new LocalError('cancelled'));
    asked.signal.addEventListener('abort', gone, { once: true });
    const timer =
      limitMs === undefined
        ? undefined
        : clock.setTimer(Math.max(0, limitMs - (clock.nowMs() - startedMs)), () =>
            reject(asked.isPerson || asked.query.get('wait') === '0' ? new NotYet(held) : new LocalError('timeout')),
          );
    try {
      return await Promise.race([work, late]);
    } finally {
      this.#waits--;
      timer?.cancel();
      asked.signal.removeEventListener('abort', gone);
    }
  }

  #wait(
    asked: Asked,
    target: KeyTarget,
    facts: {
      readonly progress: Held['progress'];
      readonly elapsedMs: number;
      readonly nextAttemptMs?: number | undefined;
    },
    inBackground: boolean,
  ): void {
    const { progress, elapsedMs } = facts;
    if (!asked.isPerson) {
      const { stage = 'waiting', blocksHave = 0, blocksNeeded = null } = progress ?? {};
      asked.json(202, `${JSON.stringify({ status: 202, stage, blocksHave, blocksNeeded, elapsedMs })}\n`, {
        'Content-Type': 'application/json',
        'Retry-After': 2,
      });
      return;
    }
    const page = waitingPage({
      progress,
      elapsedMs,
      path: `${target.path}${queryOf(asked)}`,
      uri: target.root,
      inBackground,
      nextAttemptMs: facts.nextAttemptMs,
      canQueue: this.#deps.queue !== undefined,
      token: this.#deps.token('form'),
      verdict: this.#deps.verdict(),
    });
    asked.page(202, page, { Refresh: 2 });
  }
}

/** The folder is here, the file is not in it: nothing is wrong with the network. */
export class MissingFile extends LocalError {
  readonly folderPath: string;

  constructor(folderPath: string) {
    super('not_found', 'the folder was found, but it has no file of that name');
    this.folderPath = folderPath;
  }
}

const TEXT = 'text/plain; charset=utf-8';

/** How long an asker is kept waiting; undefined: as long as it stays. */
function patienceMs(asked: Asked): number | undefined {
  if (asked.query.get('wait') === '0') return 0;
  if (asked.isPerson) return BROWSER_WAIT_MS;
  const given = asked.query.get('timeout');
  if (given === null) return undefined;
  const seconds = Number(/^(\d{1,4})s?$/.exec(given)?.[1] ?? Number.NaN);
  if (!(seconds >= 1 && seconds <= TIMEOUT_S_MAX))
    throw new LocalError('usage', `timeout is a number of seconds, 1 to ${TIMEOUT_S_MAX}`);
  return seconds * 1_000;
}

function queryOf(asked: Asked): string {
  const url = asked.request.url ?? '';
  const mark = url.indexOf('?');
  return mark < 0 ? '' : url.slice(mark);
}

function partsOf(path: string, rootPath: string): string[] {
  return path
    .slice(rootPath.length)
    .split('/')
    .filter((part) => part !== '')
    .map(decodeURIComponent);
}

function withBar(page: string, text: string): string {
  const at = page.indexOf('>', page.indexOf('<body')) + 1;
  return `${page.slice(0, at)}${text}${page.slice(at)}`;
}

const BY_NAME = new Intl.Collator('en', { numeric: true });

/** Names directly below a folder, folders first. */
function entriesBelow(files: readonly { path: string; sizeBytes: number }[], below: string): readonly ListedEntry[] {
  const entries = new Map<string, { sizeBytes: number; isFolder: boolean }>();
  for (const { path, sizeBytes } of files) {
    if (!path.startsWith(below)) continue;
    const [name, ...rest] = path.slice(below.length).split('/');
    const known = entries.get(name!)?.sizeBytes ?? 0;
    entries.set(name!, { sizeBytes: known + sizeBytes, isFolder: rest.length > 0 });
    if (entries.size >= LISTED_MAX) break;
  }
  return [...entries]
    .map(([name, entry]) => ({
      name,
      ...entry,
      type: entry.isFolder ? 'folder' : (declaredType(undefined, name) ?? ''),
    }))
    .sort((a, b) => Number(b.isFolder) - Number(a.isFolder) || BY_NAME.compare(a.name, b.name));
}
