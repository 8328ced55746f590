/**
 * What the owner may ask of the datastore over the control API.
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { startControlApi } from '../../../daemon/api/control.ts';
import type { ResizeDocument, StoreDocument } from '../../../daemon/api/schema.ts';
import { createApiClient } from '../../../daemon/api/schema-client.ts';
import { createStatusSource } from '../../../daemon/api/status.ts';
import { createSystemClock } from '../../../daemon/io/system-clock.ts';
import { createFakeNode } from './fake-node.ts';

async function start(t: ExecutionContext) {
  const dir = mkdtempSync(join(tmpdir(), 'hw-store-api-'));
  const clock = createSystemClock();
  const node = createFakeNode(clock.nowMs);
  const calls: unknown[] = [];
  const told = {
    ...node,
    store: {
      ...node.store,
      verify: (bytesPerSec: number) => calls.push(['verify', bytesPerSec]) === 1,
      resize: (sizeBytes: number) => void calls.push(['resize', sizeBytes]),
      changePassphrase: (given: Uint8Array | undefined) =>
        void calls.push(['passphrase', given === undefined ? null : new TextDecoder().decode(given)]),
    },
  };
  const status = createStatusSource({
    node: told,
    clock,
    log: { lines: () => [] },
    version: 'test',
    pid: 1,
    memoryBytes: () => 5,
  });
  const sockets = { api: join(dir, 'api.sock'), readOnly: join(dir, 'ro.sock') };
  const server = await startControlApi(
    { node: told, clock, status, config: { v: 1, file: '/c', settings: [] }, stop: () => {} },
    sockets,
  );
  t.teardown(async () => {
    status.stop();
    await server.close();
    rmSync(dir, { recursive: true });
  });
  return { api: createApiClient(sockets.api), readOnly: createApiClient(sockets.readOnly), calls };
}

test('store: both sockets say what it holds', async (t) => {
  const { api, readOnly } = await start(t);
  for (const client of [api, readOnly]) {
    const found = await client.get<StoreDocument>('/v1/store');
    t.like(found, {
      v: 1,
      sizeBytes: 64 * 2 ** 20,
      isSealed: false,
      verify: { isRunning: false },
      resize: { total: 0 },
    });
  }
});

test('store/verify: with the rate asked for, once at a time', async (t) => {
  const { api, calls } = await start(t);
  await api.post<StoreDocument>('/v1/store/verify', { bytesPerSec: 1_048_576 });
  t.deepEqual(calls, [['verify', 1_048_576]]);
  await t.throwsAsync(api.post('/v1/store/verify', {}), { code: 'busy' });
  for (const bytesPerSec of [0, 1, 1.5, '1', null, 2 ** 40]) {
    await t.throwsAsync(api.post('/v1/store/verify', { bytesPerSec }), { code: 'usage' }, `${bytesPerSec}`);
  }
});

test('store/resize: a dry run only says what goes', async (t) => {
  const { api, calls } = await start(t);
  const sizeBytes = 32 * 2 ** 20;
  const plan = await api.post<ResizeDocument>('/v1/store/resize', { sizeBytes, dryRun: true });
  t.deepEqual(plan, { v: 1, begun: false, sizeBytes, evictedStore: 2, evictedCache: 3, evictedRecords: 4 });
  t.deepEqual(calls, []);
  t.true((await api.post<ResizeDocument>('/v1/store/resize', { sizeBytes })).begun);
  t.deepEqual(calls, [['resize', sizeBytes]]);
  for (const wrong of [0, 16 * 2 ** 20 - 1, 2 ** 47, '64MiB', undefined]) {
    await t.throwsAsync(api.post('/v1/store/resize', { sizeBytes: wrong }), { code: 'usage' }, `${wrong}`);
  }
});

test('store/passphrase: a text in NFC, or null; nothing else', async (t) => {
  const { api, calls } = await start(t);
  await api.post('/v1/store/passphrase', { passphrase: 'cafe\u0301' });
  await api.post('/v1/store/passphrase', { passphrase: null });
  t.deepEqual(calls, [
    ['passphrase', 'caf\u00e9'],
    ['passphrase', null],
  ]);
  for (const passphrase of ['', 5, {}, 'x'.repeat(1_025), undefined]) {
    await t.throwsAsync(api.post('/v1/store/passphrase', { passphrase }), { code: 'usage' });
  }
});
