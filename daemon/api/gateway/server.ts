/**
 * The gateway: documents by key for a browser on this machine, and nothing that changes the node.
 *
 * Shape   startGateway listens on 127.0.0.1 and, where the machine has it, ::1, on one port; GET and HEAD, and one POST on a page of ours.
 * Unit    GATEWAY_CONNECTIONS_MAX connections, GATEWAY_HEADER_BYTES_MAX of headers, GATEWAY_WAITS_MAX waiting requests.
 * Errors  LocalError port_in_use or listen_failed at the start; a request never takes the daemon down.
 * Why     it shares nothing with the control API but the node: a hole here must not become a hole there. It writes no log at all, because
 *         every line of it would be a record of what was read.
 * Source  ux § 3; design § 11.
 * @module
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Address, formatAddress } from '../../../config/schema.ts';
import type { Client } from '../../client/client-types.ts';
import type { TransferQueue } from '../../client/queue-types.ts';
import { LocalError, USER_ERRORS } from '../../errors.ts';
import type { TrafficClass } from '../../ids.ts';
import { GATEWAY_CONNECTIONS_MAX, GATEWAY_FORM_BYTES_MAX, GATEWAY_HEADER_BYTES_MAX } from '../../limits.ts';
import type { Clock } from '../../ports.ts';
import type { StatusSource } from '../status.ts';
import { Asked, rawRefusal } from './answer.ts';
import { Content, MissingFile } from './content.ts';
import { Documents } from './documents.ts';
import { createFilter } from './filter/run.ts';
import { judge } from './guard.ts';
import { confirmPage, homePage, outPage, statusPage, transfersPage, verdictText } from './pages/own.ts';
import { missingFilePage, problemOf } from './pages/problems.ts';
import { type KeyTarget, parseKey, parsePath } from './url.ts';

export interface GatewayDeps {
  readonly client: Pick<Client, 'fetch' | 'cancel' | 'transfers'>;
  readonly queue?: TransferQueue | undefined;
  readonly clock: Clock;
  readonly status: Pick<StatusSource, 'read'>;
  readonly trafficClass: TrafficClass;
}

export interface GatewayOptions {
  readonly listen: Address;
  /** More names it goes by: host, or host:port. */
  readonly hosts: readonly string[];
  /** Wanted from every asker when it listens to more than this machine. */
  readonly token: string | undefined;
  readonly browserCache: boolean;
  /** A taken port is replaced by a free one instead of being an error. */
  readonly anyPort: boolean;
}

export interface Gateway {
  /** host:port as typed into a browser. */
  readonly address: string;
  close(): Promise<void>;
}

const HEADERS_TIMEOUT_MS = 10_000;
const FORM_TIMEOUT_MS = 15_000;
const STATUS_AGE_MS = 1_000;
/** Over the polite limit connections are answered `busy`; over this they are dropped unread. */
const CONNECTIONS_HARD_MAX = GATEWAY_CONNECTIONS_MAX * 2;
const BACKGROUND_RETRIES = 20;

export async function startGateway(deps: GatewayDeps, options: GatewayOptions): Promise<Gateway> {
  const handler = new Handler(deps, options);
  const first = await bind(handler, options);
  const { port } = first.address() as AddressInfo;
  const servers = [first];
  if (options.listen.host === '127.0.0.1') {
    // Not every machine has ::1, and on some another program has the port there: localhost then leads to 127.0.0.1 alone.
    const second = await listen(handler, { host: '::1', port }).catch(() => undefined);
    if (second !== undefined) servers.push(second);
  }
  const host = options.listen.host;
  handler.hosts = namesOf(host, port, options.hosts);
  return {
    address: formatAddress({ host, port }),
    async close() {
      await Promise.all(servers.map(shut));
      await handler.close();
    },
  };
}

async function bind(handler: Handler, { listen: wanted, anyPort }: GatewayOptions): Promise<Server> {
  try {
    return await listen(handler, wanted);
  } catch (error) {
    if (!anyPort || !(error instanceof LocalError) || error.code !== 'port_in_use') throw error;
    return listen(handler, { ...wanted, port: 0 });
  }
}

function namesOf(host: string, port: number, more: readonly string[]): ReadonlySet<string> {
  const names = ['127.0.0.1', 'localhost', '[::1]', formatAddress({ host, port: 0 }).replace(/:0$/, ''), ...more];
  const withPorts = names.flatMap((name) => (/(?:[^:]|\]):\d+$/.test(name) ? [name] : [`${name}:${port}`]));
  // A browser leaves the port out when it is that of the scheme.
  if (port === 80) withPorts.push(...names);
  return new Set(withPorts.map((name) => name.toLowerCase()));
}

class Handler {
  hosts: ReadonlySet<string> = new Set();
  connections = 0;
  readonly #deps: GatewayDeps;
  readonly #accessToken: Buffer | undefined;
  /** Of this run: makes the tokens of our forms and links. */
  readonly #secret = randomBytes(32);
  readonly #documents: Documents;
  readonly #filter: ReturnType<typeof createFilter>;
  readonly #content: Content;

  constructor(deps: GatewayDeps, options: GatewayOptions) {
    this.#deps = deps;
    this.#accessToken = options.token === undefined ? undefined : digest(options.token);
    this.#documents = new Documents(deps);
    this.#filter = createFilter(deps.clock);
    this.#content = new Content({
      documents: this.#documents,
      queue: deps.queue,
      filter: this.#filter,
      clock: deps.clock,
      browserCache: options.browserCache,
      token: (purpose) => this.#token(purpose),
      verdict: () => this.#verdict(),
    });
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const verdict = judge(
      {
        method: request.method ?? '',
        url: request.url ?? '',
        headers: request.headers,
        rawHeaders: request.rawHeaders,
      },
      this.hosts,
    );
    const isPerson = verdict.type === 'pass' && verdict.isPerson;
    const asked = new Asked(request, response, isPerson, verdict.type === 'pass' ? verdict.destination : undefined);
    if (verdict.type === 'refuse') {
      const { what, next } = USER_ERRORS[verdict.code];
      if (!request.complete) response.setHeader('Connection', 'close');
      const headers = verdict.status === 405 ? { Allow: 'GET, HEAD' } : {};
      return asked.plain(verdict.status, `${what} [${verdict.code}]\n${next}\n`, headers);
    }
    if (!this.#mayEnter(request)) {
      return asked.plain(401, `${USER_ERRORS.no_token.what}\n${USER_ERRORS.no_token.next}\n`, {
        'WWW-Authenticate': 'Basic realm="Holloway", charset="UTF-8"',
      });
    }
    if (verdict.type === 'confirm') return asked.page(403, confirmPage());
    let target: KeyTarget | undefined;
    try {
      if (this.connections > GATEWAY_CONNECTIONS_MAX) {
        response.setHeader('Connection', 'close');
        throw new LocalError('busy', `at most ${GATEWAY_CONNECTIONS_MAX} connections`);
      }
      if (request.method === 'POST') return await this.#form(asked);
      const found = parsePath(asked.path);
      if (found.type === 'key') {
        target = found;
        return await this.#content.show(asked, found);
      }
      if (found.type === 'unknown' && asked.path === '/favicon.ico') return asked.plain(404, '');
      if (found.type === 'unknown') throw new LocalError('no_page');
      this.#ownPage(asked, found.type === 'home' ? 'home' : found.name);
    } catch (error) {
      if (asked.signal.aborted) return;
      this.#fail(asked, error, target);
    }
  }

  async close(): Promise<void> {
    this.#documents.close();
    await this.#filter.close();
  }

  #ownPage(asked: Asked, name: string): void {
    const now = this.#deps.status.read('full', STATUS_AGE_MS);
    switch (name) {
      case 'home': {
        const key = asked.query.get('key') ?? '';
        if (key.trim() === '') asked.page(200, homePage(now));
        else asked.redirect(307, parseKey(key).path);
        break;
      }
      case 'status':
        asked.page(200, statusPage(now));
        break;
      case 'transfers':
        asked.page(200, transfersPage(now, this.#deps.queue?.entries() ?? [], this.#token('form')), { Refresh: 5 });
        break;
      case 'out':
        asked.page(200, outPage(webAddress(asked.query.get('u'))));
        break;
      default:
        throw new LocalError('no_page');
    }
  }

  /** The buttons of our pages. A browser sends no proof of where a form came from that could be relied on, so the token is it. */
  async #form(asked: Asked): Promise<void> {
    const { client, queue, trafficClass } = this.#deps;
    const form = new URLSearchParams(await readForm(asked.request));
    if (!isSame(form.get('token') ?? '', this.#token('form'))) throw new LocalError('cross_site');
    const id = form.get('id') ?? '';
    switch (form.get('do')) {
      case 'stop':
        client.cancel(id);
        return asked.redirect(303, '/-/transfers');
      case 'forget':
        await queue?.remove(id);
        return asked.redirect(303, '/-/transfers');
      case 'cancel':
        this.#documents.forget(parseKey(form.get('uri') ?? '').root);
        return asked.redirect(303, '/');
      case 'background': {
        const target = parseKey(form.get('uri') ?? '');
        if (queue === undefined) throw new LocalError('usage', 'nothing runs in the background here');
        await queue.fetch({
          uri: target.root,
          options: { trafficClass },
          to: { type: 'spool' },
          priority: 3,
          persistence: 'forever',
          retries: BACKGROUND_RETRIES,
        });
        this.#documents.forget(target.root);
        return asked.redirect(303, target.path);
      }
      default:
        throw new LocalError('usage', 'no such button');
    }
  }

  #fail(asked: Asked, error: unknown, target: KeyTarget | undefined): void {
    if (error instanceof MissingFile && asked.isPerson && !asked.response.headersSent) {
      asked.page(404, missingFilePage(error.folderPath, this.#verdict()));
      return;
    }
    const problem = problemOf(error);
    asked.problem(problem, {
      path: target?.path,
      uri: target?.root,
      canQueue: this.#deps.queue !== undefined,
      token: this.#token('form'),
      verdict: this.#verdict(),
      given: target === undefined ? givenText(asked) : undefined,
    });
  }

  #verdict(): string {
    return verdictText(this.#deps.status.read('full', STATUS_AGE_MS));
  }

  #token(purpose: string): string {
    return createHmac('sha256', this.#secret).update(purpose).digest('base64url').slice(0, 32);
  }

  #mayEnter(request: IncomingMessage): boolean {
    if (this.#accessToken === undefined) return true;
    const [, encoded = ''] = /^Basic\s+([A-Za-z0-9+/=]{1,1024})$/i.exec(request.headers.authorization ?? '') ?? [];
    const pair = Buffer.from(encoded, 'base64').toString('utf8');
    return timingSafeEqual(digest(pair.slice(pair.indexOf(':') + 1)), this.#accessToken);
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function isSame(given: string, wanted: string): boolean {
  return timingSafeEqual(digest(given), digest(wanted));
}

function webAddress(given: string | null): string | undefined {
  if (given === null || !URL.canParse(given)) return undefined;
  const url = new URL(given);
  return url.protocol === 'http:' || url.protocol === 'https:' ? url.href : undefined;
}

/** What was asked for, as text on the page that says what is wrong with it. */
function givenText(asked: Asked): string | undefined {
  const key = asked.query.get('key');
  if (key !== null) return key;
  try {
    return decodeURIComponent(asked.path.slice(1));
  } catch {
    return asked.path.slice(1);
  }
}

async function readForm(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > GATEWAY_FORM_BYTES_MAX) throw new LocalError('too_large', 'a form of ours is never that long');
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

async function listen(handler: Handler, address: Address): Promise<Server> {
  const server = createServer(
    {
      maxHeaderSize: GATEWAY_HEADER_BYTES_MAX,
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: FORM_TIMEOUT_MS,
      connectionsCheckingInterval: 5_000,
      // A request without one is answered by the guard, with all headers.
      requireHostHeader: false,
    },
    (request, response) => {
      handler.handle(request, response).catch(() => response.destroy());
    },
  );
  server.maxConnections = CONNECTIONS_HARD_MAX;
  server.on('connection', (socket) => {
    handler.connections++;
    socket.on('close', () => handler.connections--);
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
    const status = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
    socket.end(rawRefusal(status));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const code = error.code === 'EADDRINUSE' ? 'port_in_use' : 'listen_failed';
      reject(new LocalError(code, `gateway.listen ${formatAddress(address)} (${error.code ?? 'unknown'})`));
    });
    server.listen({ host: address.host, port: address.port, ipv6Only: address.host.includes(':') }, resolve);
  });
  return server;
}

function shut(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
