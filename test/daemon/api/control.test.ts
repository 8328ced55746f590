import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { startControlApi } from '../../../daemon/api/control.ts';
import type { Status, TransferStatus } from '../../../daemon/api/schema.ts';
import { ENDPOINTS } from '../../../daemon/api/schema.ts';
import { type ApiClient, createApiClient } from '../../../daemon/api/schema-client.ts';
import { createStatusSource } from '../../../daemon/api/status.ts';
import { LocalError } from '../../../daemon/errors.ts';
import { API_BODY_JSON_MAX, API_CLIENTS_MAX } from '../../../daemon/limits.ts';
import type { Clock } from '../../../daemon/ports.ts';
import { createFakeNode, type FakeNode, HOST } from './fake-node.ts';

const realClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  setTimer(delayMs, fire) {
    const timer = setTimeout(fire, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};

interface World {
  readonly node: FakeNode;
  readonly api: ApiClient;
  readonly readOnly: ApiClient;
  readonly stops: { count: number };
  readonly dir: string;
}

async function start(t: ExecutionContext): Promise<World> {
  const dir = mkdtempSync(join(tmpdir(), 'hw-api-'));
  const node = createFakeNode(realClock.nowMs);
  const log = { lines: () => [] };
  const status = createStatusSource({ node, clock: realClock, log, version: 'test', pid: 1, memoryBytes: () => 5 });
  const stops = { count: 0 };
  const sockets = { api: join(dir, 'api.sock'), readOnly: join(dir, 'ro.sock') };
  const config = { v: 1, file: '/c', settings: [] } as const;
  const server = await startControlApi({ node, clock: realClock, status, config, stop: () => stops.count++ }, sockets);
  t.teardown(async () => {
    status.stop();
    await server.close();
    rmSync(dir, { recursive: true });
  });
  return { node, api: createApiClient(sockets.api), readOnly: createApiClient(sockets.readOnly), stops, dir };
}

/** Any method on any path; the status code and the body's error code. */
function raw(
  socketPath: string,
  method: string,
  path: string,
  body = '',
): Promise<{ status: number; code: string | undefined; text: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, method, path, headers: { 'content-length': Buffer.byteLength(body) } });
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      let text = '';
      response.on('data', (part: Buffer) => {
        text += part.toString();
      });
      response.on('close', () => {
        const code = /"code":"(\w+)"/.exec(text)?.[1];
        resolve({ status: response.statusCode ?? 0, code, text });
      });
    });
    outgoing.end(body);
  });
}

async function* of(...parts: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts;
}

async function collect(content: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of content) parts.push(part);
  return Buffer.concat(parts);
}

test('control: the sockets are private and the status is whole', async (t) => {
  const { api, dir } = await start(t);
  t.is(statSync(join(dir, 'api.sock')).mode & 0o777, 0o600);
  t.is(statSync(join(dir, 'ro.sock')).mode & 0o777, 0o660);
  const status = await api.get<Status>('/v1/status');
  t.is(status.verdict.word, 'HEALTHY');
  t.is(status.node.link, `${HOST}:9480`);
  t.deepEqual(
    status.peers.list.map((peer) => peer.alias),
    ['p01', 'p02', 'p03'],
  );
  t.is(status.requests.timeP50Ms, 8);
  t.is(status.requests.timeP95Ms, 32);
});

test('control: the read-only socket withholds addresses, ids and places, and refuses every changing call', async (t) => {
  const { readOnly, api } = await start(t);
  await api.publish(of(new Uint8Array(10)), {});
  const status = await readOnly.get<Status>('/v1/status');
  t.true(status.readOnly);
  t.is(status.node.link, null);
  t.is(status.node.location, 0.12);
  t.is(status.transfers[0]?.id, 'file-1');
  t.false(JSON.stringify(status).includes(HOST));
  for (const endpoint of Object.values(ENDPOINTS).filter((candidate) => !candidate.readOnly)) {
    const path = endpoint.path.replace(':id', '0000000000000001');
    const answer = await raw(readOnly.socketPath, endpoint.method, path, '{}');
    t.is(answer.status, 403, path);
    t.is(answer.code, 'read_only', path);
  }
});

test('control: what is published comes back, byte for byte, with its id before the upload ends', async (t) => {
  const { api, node } = await start(t);
  const document = Buffer.alloc(300_000, 'holloway ');
  let release = (): void => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  async function* slowly(): AsyncGenerator<Uint8Array> {
    yield document.subarray(0, 100_000);
    await gate;
    yield document.subarray(100_000);
  }
  const { id, uploaded } = await api.publish(slowly(), { class: 'fast', type: 'text/plain', name: 'ä b.txt' });
  release();
  await uploaded;
  const result = await api.follow(id, () => {});
  t.is(result.sizeBytes, document.length);
  t.deepEqual(Object.keys(node.published[0]!).sort(), ['contentType', 'convergent', 'name', 'trafficClass']);
  t.is(node.published[0]!.name, 'ä b.txt');

  const fetched = await api.post<{ id: string }>('/v1/fetch', { uri: result.uri! });
  const stages: string[] = [];
  const followed = api.follow(fetched.id, (progress: TransferStatus) => stages.push(progress.stage));
  t.true((await collect(await api.content(fetched.id))).equals(document));
  t.is((await followed).contentType, 'text/plain');
  t.is(stages[0], 'connecting');
  await t.throwsAsync(api.content(fetched.id).then(collect), { instanceOf: LocalError, code: 'usage' });
});

test('control: failures keep their code from the client layer to the asker', async (t) => {
  const { api } = await start(t);
  await t.throwsAsync(api.post('/v1/fetch', { uri: 'nonsense' }), { instanceOf: LocalError, code: 'bad_uri' });
  const missing = await api.post<{ id: string }>('/v1/fetch', { uri: 'CHK@missing' });
  await t.throwsAsync(
    api.follow(missing.id, () => {}),
    { instanceOf: LocalError, code: 'not_found' },
  );
  await t.throwsAsync(api.content(missing.id).then(collect), { instanceOf: LocalError, code: 'not_found' });
  const nobody = createApiClient('/nonexistent/api.sock');
  await t.throwsAsync(nobody.get('/v1/status'), { instanceOf: LocalError, code: 'daemon_unreachable' });
});

test('control: an upload that is cut off cancels its transfer', async (t) => {
  const { api, node } = await start(t);
  const abort = new AbortController();
  async function* endless(): AsyncGenerator<Uint8Array> {
    yield new Uint8Array(10);
    await new Promise(() => {});
  }
  const { id } = await api.publish(endless(), {}, abort.signal);
  abort.abort(new LocalError('cancelled'));
  const ended = (): boolean => node.client.transfers().find((progress) => progress.id === id)?.endedAtMs !== undefined;
  for (let i = 0; i < 200 && !ended(); i++) await new Promise((resolve) => setTimeout(resolve, 5));
  t.is(node.client.transfers()[0]?.stage, 'cancelled');
});

test('control: a reader of content that stops reading holds the fetch back, and leaving cancels it', async (t) => {
  const { api, node } = await start(t);
  node.documents.set('CHK@big', new Uint8Array(64 * 1024 * 1024));
  const { id } = await api.post<{ id: string }>('/v1/fetch', { uri: 'CHK@big' });
  const abort = new AbortController();
  const content = await api.content(id, abort.signal);
  await new Promise((resolve) => setTimeout(resolve, 100));
  t.true(node.chunksRead < 200, `${node.chunksRead} of 1024 chunks were taken though nobody reads`);
  abort.abort();
  await t.throwsAsync(collect(content));
  for (let i = 0; i < 200 && node.client.transfers()[0]?.endedAtMs === undefined; i++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  t.is(node.client.transfers()[0]?.stage, 'cancelled');
});

test('control: wrong paths, methods, queries and bodies are typed errors', async (t) => {
  const { api } = await start(t);
  const at = api.socketPath;
  t.is((await raw(at, 'GET', '/v1/nothing')).status, 404);
  t.is((await raw(at, 'GET', '/v1/transfers/../../x/events')).status, 404);
  t.is((await raw(at, 'DELETE', '/v1/status')).status, 405);
  t.is((await raw(at, 'GET', '/v1/events?refreshMs=1')).code, 'usage');
  t.is((await raw(at, 'POST', '/v1/fetch', 'not json')).code, 'usage');
  t.is((await raw(at, 'POST', '/v1/fetch', '[]')).code, 'usage');
  t.is((await raw(at, 'POST', '/v1/fetch', '{"uri":"CHK@x","clas":"fast"}')).code, 'usage');
  t.is((await raw(at, 'POST', '/v1/fetch', '{"uri":"CHK@x","maxBytes":-1}')).code, 'usage');
  t.is((await raw(at, 'POST', '/v1/publish?class=faster', 'x')).code, 'usage');
  t.is((await raw(at, 'POST', '/v1/publish?name=a%2Fb', 'x')).code, 'usage');
  t.is((await raw(at, 'POST', '/v1/publish?type=nonsense', 'x')).code, 'usage');
  t.is((await raw(at, 'GET', '/v1/transfers/00000000000000ff/events')).code, 'usage');
  t.is((await raw(at, 'POST', '/v1/fetch', ' '.repeat(API_BODY_JSON_MAX + 1))).status, 413);
  t.is((await raw(at, 'POST', '/v1/fetch', `{"uri":"x"}${' '.repeat(API_BODY_JSON_MAX - 11)}`)).code, 'bad_uri');
  t.is((await api.get<Status>('/v1/status')).v, 1);
});

test('control: more connections than the cap are answered busy, and others are served again after', async (t) => {
  const { api } = await start(t);
  const idle = Array.from({ length: API_CLIENTS_MAX }, () => connect(api.socketPath));
  await Promise.all(idle.map((socket) => new Promise((resolve) => socket.on('connect', resolve))));
  t.is((await raw(api.socketPath, 'GET', '/v1/status')).code, 'busy');
  idle[0]!.destroy();
  // The daemon hears of the closed connection when its event loop comes to it.
  let status = 0;
  for (let tries = 0; tries < 100 && status !== 200; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    status = (await raw(api.socketPath, 'GET', '/v1/status')).status ?? 0;
  }
  t.is(status, 200);
  for (const socket of idle) socket.destroy();
});

test('control: events are one snapshot, then only what changed', async (t) => {
  const { api, node } = await start(t);
  const abort = new AbortController();
  const seen: { event: string; members: string[] }[] = [];
  for await (const { event, data } of api.events('/v1/events?refreshMs=200', abort.signal)) {
    seen.push({ event, members: Object.keys(JSON.parse(data) as object) });
    node.writeFailures = 0;
    node.bytesIn += 500;
    if (seen.length === 2) break;
  }
  t.is(seen[0]?.event, 'snapshot');
  t.true(seen[0]!.members.includes('requests'));
  t.is(seen[1]?.event, 'delta');
  t.true(seen[1]!.members.includes('traffic') && seen[1]!.members.includes('uptimeMs'));
  t.false(seen[1]!.members.includes('requests'));
});

test('control: descriptor, trace and stop', async (t) => {
  const { api, stops } = await start(t);
  t.is((await api.get<{ descriptor: string }>('/v1/descriptor')).descriptor, 'AQID');
  const trace = await api.get<{ events: { kind: string; reason: string }[] }>('/v1/trace');
  t.like(trace.events[0], { kind: 'chk', reason: 'path' });
  t.is((await api.get<{ holds: string }>(`/v1/trace?holds=1:${'0'.repeat(64)}`)).holds, 'path');
  t.is((await raw(api.socketPath, 'GET', '/v1/trace?holds=9:00')).code, 'usage');
  await api.post('/v1/stop');
  for (let i = 0; i < 100 && stops.count === 0; i++) await new Promise((resolve) => setTimeout(resolve, 5));
  t.is(stops.count, 1);
});
