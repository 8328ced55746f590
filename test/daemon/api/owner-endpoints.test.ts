/**
 * What the owner of a node sees on demand, and does about its peers.
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { startControlApi } from '../../../daemon/api/control.ts';
import type { Status } from '../../../daemon/api/schema.ts';
import { createApiClient } from '../../../daemon/api/schema-client.ts';
import type { BlockMapDocument, BusyKeysDocument, RouteDocument } from '../../../daemon/api/schema-owner.ts';
import { createStatusSource } from '../../../daemon/api/status.ts';
import { LocalError } from '../../../daemon/errors.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { createFakeNode } from './fake-node.ts';

const CHK = 'CHK@GKuHISoD~2drhGjZcB3URAGRWTjFxerWw1B3VcOOYdQ,k2T0d8sFH6KT-UJ3fc9LPf5sAByFxIi--DUZEJd5FFQ,SAEBAAE';

async function start(t: ExecutionContext) {
  const dir = mkdtempSync(join(tmpdir(), 'hw-owner-'));
  const clock = createManualClock();
  const node = createFakeNode(clock.nowMs);
  const status = createStatusSource({
    node,
    clock,
    log: { lines: () => [] },
    version: 'test',
    pid: 1,
    memoryBytes: () => 5,
    diskFreeBytes: () => 9e9,
  });
  const sockets = { api: join(dir, 'api.sock'), readOnly: join(dir, 'ro.sock') };
  const readPeers = (text: string): readonly Uint8Array[] => {
    if (text === 'cut off') throw new LocalError('bad_invite');
    return [new Uint8Array(text.length)];
  };
  const config = { v: 1, file: '/c', settings: [] } as const;
  const server = await startControlApi({ node, clock, status, config, readPeers, stop: () => {} }, sockets);
  t.teardown(async () => {
    status.stop();
    await server.close();
    rmSync(dir, { recursive: true });
  });
  return { api: createApiClient(sockets.api), readOnly: createApiClient(sockets.readOnly), node, clock };
}

test('owner: a peer is sent away by its alias for a time that has bounds', async (t) => {
  const { api, node } = await start(t);
  const { peers } = await api.get<Status>('/v1/status');
  t.deepEqual(
    peers.list.map(({ alias }) => alias),
    ['p01', 'p02', 'p03'],
  );
  t.deepEqual(await api.post('/v1/peers/ban', { alias: 'p02', forMs: 60_000 }), { v: 1, banned: 1 });
  t.deepEqual(node.asked, ['ban 2 60000']);
  for (const body of [{ alias: 'p99', forMs: 60_000 }, { alias: 'p01' }, { alias: 'p01', forMs: 1e12 }, { forMs: 5e3 }])
    await t.throwsAsync(api.post('/v1/peers/ban', body), { code: 'usage' });
  t.is(node.asked.length, 1, 'nothing else was done');
});

test('owner: nodes are asked in by an invite or descriptor, and what is none is said', async (t) => {
  const { api, node } = await start(t);
  t.deepEqual(await api.post('/v1/peers/add', { text: ' abc\n' }), { v: 1, tried: 1, linked: 1 });
  t.deepEqual(await api.post('/v1/peers/add', { text: 'nobody' }), { v: 1, tried: 1, linked: 0 });
  await t.throwsAsync(api.post('/v1/peers/add', { text: 'cut off' }), { code: 'bad_invite' });
  await t.throwsAsync(api.post('/v1/peers/add', {}), { code: 'bad_invite' });
  t.is(node.asked.length, 2);
});

test('owner: busy keys are counted only when asked, under aliases that are drawn anew', async (t) => {
  const { api, node } = await start(t);
  t.deepEqual(await api.get('/v1/busy-keys'), { v: 1, isCounting: false, keys: [] });
  const first = await api.post<BusyKeysDocument>('/v1/busy-keys/count', { on: true });
  t.like(first.keys[0], { kind: 'chk', place: 0.12, count: 9, error: 1 });
  t.regex(first.keys[0]!.alias, /^k-[0-9a-f]{3}$/);
  t.is((await api.get<BusyKeysDocument>('/v1/busy-keys')).keys[0]!.alias, first.keys[0]!.alias);
  t.false(JSON.stringify(first).includes('abcdef'), 'no part of the key');
  await api.post('/v1/busy-keys/count', { on: false });
  t.false(node.isCounting);
});

test('owner: a key is traced while somebody looks, and forgotten half a minute after the last look', async (t) => {
  const { api, node, clock } = await start(t);
  t.like(await api.get('/v1/route'), { isTracing: false, steps: [] });
  const begun = await api.post<RouteDocument>('/v1/route/trace', { uri: CHK });
  t.deepEqual(begun.candidates, [{ alias: 'p01', distance: 0.123456, byClaim: true }]);
  t.like(begun.steps[0], { type: 'arrived', what: 'fetch', alias: 'p02', htl: 7 });
  t.false(JSON.stringify(begun).includes('GKuH'));
  await clock.advance(20_000);
  t.like(await api.get('/v1/route'), { isTracing: true });
  await clock.advance(29_999);
  t.true(node.isTracing);
  await clock.advance(1);
  t.false(node.isTracing);
  await api.post('/v1/route/trace', { uri: CHK });
  await api.post('/v1/route/trace', { uri: null });
  t.false(node.isTracing);
  await t.throwsAsync(api.post('/v1/route/trace', { uri: 'KSK@word' }), { code: 'usage' });
  await t.throwsAsync(api.post('/v1/route/trace', { uri: 'k-000' }), { code: 'bad_uri' });
});

test('owner: the map of a transfer that has none is empty, of none is an error', async (t) => {
  const { api, node } = await start(t);
  node.documents.set('CHK@x', new Uint8Array(10));
  const { id } = node.client.fetch('CHK@x', { trafficClass: 'fast' });
  t.deepEqual(await api.get<BlockMapDocument>(`/v1/transfers/${id}/map`), { v: 1, id, segments: 0, shown: [] });
  node.client.blockMap = () => ({ segments: 2, shown: [{ segment: 1, needed: 3, blocks: '##>x.' }] });
  const { shown } = await api.get<BlockMapDocument>(`/v1/transfers/${id}/map`);
  t.deepEqual(shown, [{ segment: 1, needed: 3, have: 2, asked: 1, missed: 1, open: 1, blocks: '##>x.' }]);
  await t.throwsAsync(api.get('/v1/transfers/ffffffffffffffff/map'), { code: 'unknown_transfer' });
});

test('owner: the read-only socket does and tells nothing of it', async (t) => {
  const { readOnly, node } = await start(t);
  const { beyond, node: own, peers } = await readOnly.get<Status>('/v1/status');
  t.deepEqual([beyond, own.seenAs, peers.banned], [[], null, 1]);
  for (const path of ['/v1/busy-keys', '/v1/route', '/v1/transfers/0000000000000001/map'])
    await t.throwsAsync(readOnly.get(path), { code: 'read_only' }, path);
  for (const path of ['/v1/peers/ban', '/v1/peers/add', '/v1/busy-keys/count', '/v1/route/trace'])
    await t.throwsAsync(readOnly.post(path, {}), { code: 'read_only' }, path);
  t.deepEqual(node.asked, []);
});
