/**
 * The control API: HTTP and server-sent events on two Unix sockets, one for everything and one for looking only.
 *
 * Shape   the endpoints of schema.ts; api.sock 0600, ro.sock 0660. What the second may not do is answered `read_only`.
 * Unit    at most API_CLIENTS_MAX connections per socket; JSON bodies at most API_BODY_JSON_MAX bytes.
 * Errors  LocalError listen_failed when a socket cannot be bound. A request never takes the daemon down.
 * Why     a Unix socket, because no web page can reach it; read-only is enforced here and not in the dashboard, so that a dashboard
 *         cannot change or leak anything by mistake.
 * Source  ux §§ 1.1, 1.4, 3.1; design § 11.
 * @module
 */
import { chmodSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type ConfigDocument, isReloadedKey, type ReloadedKey, withSetting } from '../../config/document.ts';
import type { Sockets } from '../../config/paths.ts';
import { LocalError } from '../errors.ts';
import { fromHexKey, KIND, type Kind, routingKey } from '../ids.ts';
import type { MadeInvite } from '../invites.ts';
import { API_CLIENTS_MAX } from '../limits.ts';
import type { Node } from '../node-types.ts';
import type { Clock, TraceEvent } from '../ports.ts';
import { parseRefreshMs, parseWindow, streamEvents } from './events.ts';
import { createFindEndpoints } from './find-endpoints.ts';
import { readJson, sendError, sendJson } from './http.ts';
import { createKeysEndpoints } from './keys-endpoints.ts';
import { streamLog } from './log-stream.ts';
import { sendHealth, sendMetrics, sendReadiness } from './metrics.ts';
import { createOwnerEndpoints } from './owner-endpoints.ts';
import { createQueueEndpoints } from './queue-endpoints.ts';
import { ENDPOINTS, type LogLine, type TraceDocument } from './schema.ts';
import type { Access, StatusSource } from './status.ts';
import { createStoreEndpoints } from './store-endpoints.ts';
import { createTransfers } from './transfers.ts';

export interface ControlDeps {
  readonly node: Node;
  readonly clock: Clock;
  readonly status: StatusSource;
  readonly config: ConfigDocument;
  /** Takes a setting while running; the value is checked already. Absent: all stay as they are. */
  readonly setRunning?: (key: ReloadedKey, value: string) => void;
  /** Every line that is logged from now on; absent: nothing is. */
  readonly listenToLog?: (listener: (line: LogLine) => void) => () => void;
  /** POST /v1/invite; absent: none are made. */
  readonly makeInvite?: (lifeMs: number) => MadeInvite;
  /** For POST /v1/peers/add: an invite or descriptors as text. Throws LocalError; absent: none can be added. */
  readonly readPeers?: (text: string) => readonly Uint8Array[];
  /** POST /v1/stop: called after the answer was sent. */
  readonly stop: () => void;
}

export interface ControlApi {
  close(): Promise<void>;
}

type Endpoint = keyof typeof ENDPOINTS;
interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly query: URLSearchParams;
  readonly access: Access;
  readonly id: string;
}

const HEADERS_TIMEOUT_MS = 10_000;
/** Probes and scrapes share one reading of the node. */
const SHARED_MS = 500;
/** Over the polite limit connections are answered `busy`; over this they are dropped unread. */
const CONNECTIONS_HARD_MAX = API_CLIENTS_MAX * 2;

export async function startControlApi(deps: ControlDeps, sockets: Sockets): Promise<ControlApi> {
  const handlers = createHandlers(deps);
  const full = await listen(sockets.api, 0o600, (request, response) => handle(handlers, 'full', request, response));
  const readOnly = await listen(sockets.readOnly, 0o660, (request, response) =>
    handle(handlers, 'readOnly', request, response),
  );
  return {
    async close() {
      await Promise.all([shut(full), shut(readOnly)]);
      rmSync(sockets.api, { force: true });
      rmSync(sockets.readOnly, { force: true });
    },
  };
}

function createHandlers(deps: ControlDeps): Record<Endpoint, (call: Call) => void | Promise<void>> {
  const { node, clock, status } = deps;
  let { config } = deps;
  const store = createStoreEndpoints(node);
  const keys = createKeysEndpoints(node.keys);
  const find = createFindEndpoints({ client: node.client, settings: node.settings, clock });
  const queue = createQueueEndpoints({ queue: node.queue, keys: node.keys, settings: node.settings, clock, status });
  const owner = createOwnerEndpoints({
    node,
    clock,
    status,
    readPeers(text) {
      if (deps.readPeers === undefined) throw new LocalError('usage', 'this daemon adds no peers');
      return deps.readPeers(text);
    },
  });
  const transfers = createTransfers({ client: node.client, keys: node.keys, settings: node.settings, clock, status });
  return {
    status: ({ response, access, query }) =>
      sendJson(response, 200, status.read(access, 0, parseWindow(query.get('window')))),
    events: ({ response, access, query }) =>
      streamEvents(
        response,
        status,
        access,
        clock,
        parseRefreshMs(query.get('refreshMs')),
        parseWindow(query.get('window')),
      ),
    peers: ({ response, access }) => sendJson(response, 200, { v: 1, peers: status.read(access).peers.list }),
    transfers: ({ response, access }) => sendJson(response, 200, { v: 1, transfers: status.read(access).transfers }),
    publish: ({ request, response, query }) => transfers.publish(request, response, query),
    publishTree: ({ request, response, query }) => transfers.publishTree(request, response, query),
    fetch: ({ request, response }) => transfers.fetch(request, response),
    transferEvents: ({ response, id }) => transfers.events(response, id),
    transferMetadata: ({ response, id }) => transfers.metadata(response, id),
    transferContent: ({ response, id }) => transfers.content(response, id),
    transferMap: ({ response, id }) => owner.blockMap(response, id),
    transferCancel: ({ response, id }) => transfers.cancel(response, id),
    search: ({ request, response }) => find.search(request, response),
    newestEdition: ({ request, response }) => find.newest(request, response),
    watch: ({ response, query }) => find.watch(response, query),
    keys: ({ response }) => keys.list(response),
    keyNew: ({ request, response }) => keys.create(request, response),
    keyImport: ({ request, response }) => keys.importKey(request, response),
    keyExport: ({ request, response }) => keys.exportKey(request, response),
    keyUnlock: ({ request, response }) => keys.unlock(request, response),
    keyRemove: ({ request, response }) => keys.remove(request, response),
    queue: ({ response }) => queue.list(response),
    queueFetch: ({ request, response }) => queue.fetch(request, response),
    queuePublish: ({ request, response }) => queue.publish(request, response),
    queueEvents: ({ response, id }) => queue.events(response, id),
    queuePause: ({ request, response, id }) => queue.change(request, response, id, 'pause'),
    queueResume: ({ request, response, id }) => queue.change(request, response, id, 'resume'),
    queueRetry: ({ request, response, id }) => queue.change(request, response, id, 'retry'),
    queueRemove: ({ request, response, id }) => queue.change(request, response, id, 'remove'),
    queuePriority: ({ request, response, id }) => queue.change(request, response, id, 'priority'),
    queueEntry: ({ response, id }) => queue.show(response, id),
    peerBan: ({ request, response }) => owner.ban(request, response),
    peerAdd: ({ request, response }) => owner.add(request, response),
    busyKeys: ({ response }) => owner.busyKeys(response),
    busyKeysCount: ({ request, response }) => owner.countKeys(request, response),
    route: ({ response }) => owner.route(response),
    routeTrace: ({ request, response }) => owner.traceKey(request, response),
    store: ({ response }) => store.read(response),
    storeVerify: ({ request, response }) => store.verify(request, response),
    storeResize: ({ request, response }) => store.resize(request, response),
    storePassphrase: ({ request, response }) => store.passphrase(request, response),
    async invite({ request, response }) {
      const { lifeMs } = await readJson(request);
      if (deps.makeInvite === undefined) throw new LocalError('usage', 'this daemon makes no invites');
      const { line, ...made } = deps.makeInvite(Number(lifeMs));
      sendJson(response, 200, { v: 1, invite: line, ...made });
    },
    config: ({ response }) => sendJson(response, 200, config),
    logEvents: ({ response, query }) => streamLog(response, deps.status, deps.listenToLog, query),
    metrics: ({ response, access }) => sendMetrics(response, status.read(access, SHARED_MS)),
    healthz: ({ response }) => sendHealth(response),
    readyz: ({ response, access }) => sendReadiness(response, status.read(access, SHARED_MS)),
    async configSet({ request, response }) {
      const { key, value } = await readJson(request);
      if (typeof key !== 'string' || !isReloadedKey(key) || deps.setRunning === undefined)
        throw new LocalError(
          'usage',
          `${String(key).slice(0, 40)} is read once, at the start: change it in the file, then stop and start`,
        );
      config = settingTaken(config, key, value);
      deps.setRunning(key, String(value));
      sendJson(response, 200, config);
    },
    descriptor: ({ response }) =>
      sendJson(response, 200, { v: 1, descriptor: Buffer.from(node.descriptor.encoded).toString('base64url') }),
    trace: ({ response, query }) => sendJson(response, 200, traceDocument(node, query.get('holds'))),
    stop: ({ response }) => {
      response.on('close', () => deps.stop());
      response.setHeader('connection', 'close');
      sendJson(response, 202, { v: 1, stopping: true });
    },
  };
}

/** A value that is not allowed is the asker's mistake, told with what is. */
function settingTaken(config: ConfigDocument, key: string, value: unknown): ConfigDocument {
  try {
    return withSetting(config, key, String(value));
  } catch (error) {
    throw new LocalError('usage', `${key}: ${(error as Error).message}`);
  }
}

async function handle(
  handlers: ReturnType<typeof createHandlers>,
  access: Access,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  response.on('error', () => {}); // the reader went away: 'close' follows and cleans up
  try {
    const url = new URL(request.url ?? '/', 'http://holloway');
    const found = match(url.pathname);
    if (found === undefined) return sendError(response, new LocalError('usage', 'no such endpoint'), 404);
    const { method, readOnly } = ENDPOINTS[found.endpoint];
    if (request.method !== method) {
      response.setHeader('allow', method);
      return sendError(response, new LocalError('usage', `this endpoint takes ${method}`), 405);
    }
    if (access === 'readOnly' && !readOnly) throw new LocalError('read_only');
    await handlers[found.endpoint]({ request, response, query: url.searchParams, access, id: found.id });
  } catch (error) {
    sendError(response, error);
  }
}

function match(path: string): { readonly endpoint: Endpoint; readonly id: string } | undefined {
  for (const endpoint of Object.keys(ENDPOINTS) as Endpoint[]) {
    const [before, after] = ENDPOINTS[endpoint].path.split(':id');
    if (after === undefined) {
      if (path === before) return { endpoint, id: '' };
    } else if (path.startsWith(before!) && path.endsWith(after)) {
      const id = path.slice(before!.length, path.length - after.length);
      if (/^[0-9a-f]{16}$/.test(id)) return { endpoint, id };
    }
  }
  return undefined;
}

/** Devnet only (`debug.trace`): which relays carried what, which copies were kept and why; `holds=KIND:HEX` asks for one block. */
function traceDocument(node: Node, holds: string | null): TraceDocument {
  if (holds !== null) {
    const [, kind, key] = /^([1-4]):([0-9a-f]{64})$/.exec(holds) ?? [];
    if (kind === undefined || key === undefined) throw new LocalError('usage', 'holds is KIND:HEX');
    const ref = { kind: Number(kind) as Kind, key: routingKey(fromHexKey(key)) };
    return { v: 1, holds: node.holds(ref) ?? null, events: [] };
  }
  return { v: 1, holds: null, events: node.traceEvents().map(traceEntry) };
}

const KIND_NAMES = Object.fromEntries(Object.entries(KIND).map(([name, kind]) => [kind, name]));

function traceEntry(event: TraceEvent): TraceDocument['events'][number] {
  const block = { kind: KIND_NAMES[event.ref.kind]!, key: Buffer.from(event.ref.key).toString('hex') };
  if (event.type === 'copyKept') return { type: event.type, ...block, reason: event.reason, by: event.by };
  return { type: event.type, ...block, operation: event.operation, relays: event.relays };
}

async function listen(
  path: string,
  mode: number,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Server> {
  let connections = 0;
  const server = createServer({ headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: 0 }, (request, response) => {
    if (connections > API_CLIENTS_MAX) {
      response.setHeader('connection', 'close');
      sendError(response, new LocalError('busy', `at most ${API_CLIENTS_MAX} connections`));
      return;
    }
    answer(request, response);
  });
  server.maxConnections = CONNECTIONS_HARD_MAX;
  server.on('connection', (socket) => {
    connections++;
    socket.on('close', () => connections--);
  });
  // The lock of the home is held, so what lies there is left over from a daemon that was killed.
  rmSync(path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(new LocalError('listen_failed', `the control socket (${error.code ?? 'unknown'})`, { cause: error })),
    );
    // Bound inside a directory of mode 0700, so nobody gets in between bind and chmod.
    server.listen(path, resolve);
  });
  chmodSync(path, mode);
  return server;
}

function shut(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
