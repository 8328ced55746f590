import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { createControlClient } from '../../tui/control-client.ts';
import type { FeedEvent } from '../../tui/model.ts';
import { fixtureStatus } from '../support/status-fixture.ts';

interface FakeDaemon {
  readonly asked: string[];
  readonly streams: ServerResponse[];
  close(): Promise<void>;
}

async function fakeDaemon(socketPath: string, snapshot: unknown = fixtureStatus()): Promise<FakeDaemon> {
  const asked: string[] = [];
  const streams: ServerResponse[] = [];
  const server: Server = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(`event: snapshot\ndata: ${JSON.stringify(snapshot)}\n\n`);
    streams.push(response);
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return {
    asked,
    streams,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function folder(): { readonly socketPath: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'holloway-tui-'));
  return { socketPath: join(path, 'api.sock'), remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Events one by one; waits for the next. */
function recorder(): { readonly onEvent: (event: FeedEvent) => void; next(): Promise<FeedEvent> } {
  const events: FeedEvent[] = [];
  let wake: (() => void) | undefined;
  return {
    onEvent(event) {
      events.push(event);
      wake?.();
    },
    async next() {
      while (events.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      return events.shift()!;
    },
  };
}

test('control client: snapshot, deltas, a lost line with cause and next step, and back by itself', async (t) => {
  const { socketPath, remove } = folder();
  const { onEvent, next } = recorder();
  let daemon = await fakeDaemon(socketPath);
  const client = createControlClient({ socketPath, refreshMs: 1_000, onEvent });
  t.like(await next(), { type: 'snapshot', status: { network: 'garden' } });
  t.deepEqual(daemon.asked, ['/v1/events?refreshMs=1000&window=1m']);
  daemon.streams[0]!.write('event: delta\ndata: {"network":"x"}\n\n');
  t.deepEqual(await next(), { type: 'delta', part: { network: 'x' } });

  await daemon.close();
  t.like(await next(), { type: 'lost', next: 'holloway start' });
  daemon = await fakeDaemon(socketPath);
  client.retry();
  t.is((await next()).type, 'snapshot');

  client.setRefresh(200, '1h');
  t.is((await next()).type, 'snapshot', 'asked anew, and nothing was called lost in between');
  t.is(daemon.asked.at(-1), '/v1/events?refreshMs=200&window=1h');
  client.close();
  await daemon.close();
  remove();
});

test('control client: without a daemon it goes on trying, ever more slowly', async (t) => {
  const { socketPath, remove } = folder();
  const { onEvent, next } = recorder();
  const client = createControlClient({ socketPath, refreshMs: 1_000, onEvent });
  const waits: number[] = [];
  for (let i = 0; i < 2; i++) {
    const event = await next();
    if (event.type !== 'lost') return t.fail(event.type);
    waits.push(event.retryAtMs - Date.now());
    t.regex(event.cause, /no daemon answers/);
  }
  t.true(waits[0]! > 300 && waits[0]! <= 500, String(waits));
  t.true(waits[1]! > 700 && waits[1]! <= 1_000, String(waits));
  client.close();
  remove();
});

for (const [what, snapshot] of [
  ['another version', { ...fixtureStatus(), v: 2 }],
  ['half a status', { v: 1, verdict: {} }],
  ['nothing', null],
] as const) {
  test(`control client: ${what} is refused by name and never drawn`, async (t) => {
    const { socketPath, remove } = folder();
    const { onEvent, next } = recorder();
    const daemon = await fakeDaemon(socketPath, snapshot);
    const client = createControlClient({ socketPath, refreshMs: 1_000, onEvent });
    t.like(await next(), { type: 'lost', next: 'use the same version of holloway for both' });
    client.close();
    await daemon.close();
    remove();
  });
}
