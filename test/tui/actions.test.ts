import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { configDocument } from '../../config/document.ts';
import { loadConfig } from '../../config/load.ts';
import { startControlApi } from '../../daemon/api/control.ts';
import { createStatusSource } from '../../daemon/api/status.ts';
import { createSystemClock } from '../../daemon/io/system-clock.ts';
import { type Actions, createActions } from '../../tui/actions.ts';
import type { ModelEvent } from '../../tui/model.ts';
import { runShell } from '../../tui/shell.ts';
import { createFakeNode, type FakeNode } from '../daemon/api/fake-node.ts';
import { createFakeQueue } from '../daemon/api/fake-queue.ts';

interface Rig {
  readonly node: FakeNode;
  readonly actions: Actions;
  readonly dir: string;
  readonly clipboard: string[];
  readonly levels: string[];
  /** The next answer. */
  next(): Promise<ModelEvent>;
  said(pattern: RegExp): Promise<string>;
}

/** Actions against the real control API, with a node that keeps documents in memory. */
async function withActions(act: (rig: Rig) => Promise<void>, hasClipboard = true): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'holloway-actions-'));
  const clock = createSystemClock();
  const node = createFakeNode(() => clock.nowMs());
  Object.assign(node, { queue: createFakeQueue(node.client) });
  const log = { lines: () => [] };
  const status = createStatusSource({ node, clock, log, version: 'test', pid: 1, memoryBytes: () => 1 });
  const sockets = { api: join(dir, 'api.sock'), readOnly: join(dir, 'ro.sock') };
  const levels: string[] = [];
  const config = configDocument(loadConfig({ flags: {}, env: {}, file: join(dir, 'none') }), '/etc/none');
  const api = await startControlApi(
    { node, clock, status, config, stop: () => {}, setRunning: (_, level) => levels.push(level) },
    sockets,
  );
  const events: ModelEvent[] = [];
  const clipboard: string[] = [];
  let waiting: (() => void) | undefined;
  const actions = createActions({
    socketPath: sockets.api,
    nowMs: () => 1,
    tell: (event) => {
      events.push(event);
      waiting?.();
    },
    toClipboard: (text) => {
      if (hasClipboard) clipboard.push(text);
      return hasClipboard;
    },
  });
  const rig: Rig = {
    node,
    actions,
    dir,
    clipboard,
    levels,
    async next() {
      while (events.length === 0) await new Promise<void>((resolve) => (waiting = resolve));
      return events.shift()!;
    },
    async said(pattern) {
      for (;;) {
        const event = await rig.next();
        if (event.type === 'told' && pattern.test(event.text)) return event.text;
        if (event.type === 'told' && /\[\w+\]$/.test(event.text)) throw new Error(event.text);
      }
    },
  };
  try {
    await act(rig);
  } finally {
    actions.close();
    status.stop();
    await api.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

test('actions: a file is published, its key copied unshown, and fetched back into a file that appears whole', (t) =>
  withActions(async ({ node, actions, dir, clipboard, said, next }) => {
    const document = join(dir, 'document');
    writeFileSync(document, 'ever'.repeat(50_000));
    actions.run({ type: 'publish', file: document, query: { type: 'text/plain' } });
    t.is(await said(/is published/), 'file-1 is published: on Xfers y copies its key');
    t.like(node.published[0], { contentType: 'text/plain', trafficClass: 'fast' });
    const id = '0000000000000001';
    actions.run({ type: 'copy', id, alias: 'file-1', toFile: false });
    const told = await said(/clipboard/);
    t.false(told.includes('CHK@'));
    const [uri] = clipboard;
    t.is(uri, `CHK@fake-${id}`);

    const copy = join(dir, 'copy');
    actions.run({ type: 'fetch', uri: uri!, path: copy, force: false });
    t.is(await said(/is fetched/), 'file-2 is fetched: in the file you named');
    t.deepEqual(readFileSync(copy), readFileSync(document));
    actions.run({ type: 'fetch', uri: uri!, path: copy, force: false });
    await t.throwsAsync(said(/is fetched/), { message: /\[exists\]$/ });
    t.deepEqual(
      readdirSync(dir).filter((name) => name.endsWith('.part')),
      [],
    );

    actions.run({ type: 'reveal', ids: [id, '0000000000000002', 'ffffffffffffffff'] });
    const revealed = await next();
    t.true(revealed.type === 'revealed' && revealed.uris.get(id) === uri && revealed.uris.size === 2);
  }));

test('actions: a cancelled transfer says so once, and leaves nothing behind', (t) =>
  withActions(async ({ node, actions, dir, said, next }) => {
    const document = join(dir, 'document');
    writeFileSync(document, 'x'.repeat(200_000));
    actions.run({ type: 'publish', file: document, query: {} });
    await said(/is published/);
    node.gate = new Promise(() => {}); // nothing comes any more
    actions.run({ type: 'fetch', uri: 'CHK@fake-0000000000000001', path: join(dir, 'copy'), force: false });
    t.is(await said(/fetching/), 'fetching; Xfers shows how far');
    actions.run({ type: 'cancel', id: '0000000000000002', alias: 'file-2', isQueued: true });
    t.is(await said(/off/), 'file-2 is off the list');
    actions.run({ type: 'find-path', text: '', path: join(dir, 'copy') });
    t.is((await next()).type, 'found-path');
  }));

test('actions: without a clipboard the key goes into a file for one pair of eyes', (t) =>
  withActions(async ({ actions, dir, said }) => {
    const document = join(dir, 'document');
    writeFileSync(document, 'x');
    actions.run({ type: 'publish', file: document, query: {} });
    await said(/is published/);
    actions.run({ type: 'copy', id: '0000000000000001', alias: 'file-1', toFile: false });
    const file = /in (\S+), readable/.exec(await said(/readable by you alone/))![1]!;
    t.is(statSync(file).mode & 0o777, 0o600);
    t.is(readFileSync(file, 'utf8'), 'CHK@fake-0000000000000001\n');
    rmSync(join(file, '..'), { recursive: true });
  }, false));

test('actions: what cannot be done is a sentence with a code and a next step, and no key in it', (t) =>
  withActions(async ({ actions, dir, said }) => {
    for (const [request, pattern] of [
      [{ type: 'publish', file: join(dir, 'nothing'), query: {} }, /no such file.*\[no_file\]$/],
      [{ type: 'publish', file: '/dev/null', query: {} }, /\[no_file\]$/],
      [{ type: 'fetch', uri: 'nonsense', path: undefined, force: false }, /Next: .*\[bad_uri\]$/],
      [{ type: 'fetch', uri: 'CHK@gone', path: join(dir, 'a'), force: false }, /\[not_found\]$/],
      [{ type: 'cancel', id: 'ffffffffffffffff', alias: 'file-9', isQueued: false }, /\[usage\]$/],
      [{ type: 'copy', id: 'ffffffffffffffff', alias: 'file-9', toFile: false }, /\[usage\]$/],
      [{ type: 'queue', change: 'pause', id: 'ffffffffffffffff', alias: 'file-9' }, /\[unknown_transfer\]$/],
      [{ type: 'ban', alias: 'p99', forMs: 60_000 }, /\[usage\]$/],
      [{ type: 'add-peer', text: 'x' }, /\[usage\]$/],
      [{ type: 'trace', uri: 'KSK@word' }, /\[usage\]$/],
      [{ type: 'shell', words: ['doctor'] }, /\[usage\]$/],
    ] as const) {
      actions.run(request);
      const text = await said(pattern);
      t.false(text.includes('CHK@'), text);
    }
    t.deepEqual(
      readdirSync(dir).filter((name) => name.endsWith('.part')),
      [],
    );
  }));

test('actions: paths are completed, the configuration is asked for, a descriptor is copied', (t) =>
  withActions(async ({ actions, dir, next, clipboard, levels, said }) => {
    writeFileSync(join(dir, 'alpha-1'), '');
    writeFileSync(join(dir, 'alpha-2'), '');
    writeFileSync(join(dir, '.hidden'), '');
    const find = async (path: string): Promise<ModelEvent> => {
      actions.run({ type: 'find-path', text: `publish ${path}`, path });
      return next();
    };
    t.like(await find(join(dir, 'al')), {
      text: `publish ${dir}/alpha-`,
      choices: [`${dir}/alpha-1`, `${dir}/alpha-2`].map((name) => name.slice(dir.length + 1)),
    });
    t.like(await find(join(dir, 'alpha-2')), { text: `publish ${dir}/alpha-2`, choices: [] });
    t.like(await find(join(dir, 'zzz')), { text: `publish ${dir}/zzz`, choices: [] });
    t.like(await find(dir.slice(0, -1)), { type: 'found-path' });
    actions.run({ type: 'config' });
    const event = await next();
    t.true(event.type === 'config' && event.document?.settings.some(({ key }) => key === 'store.size'));
    actions.run({ type: 'set', key: 'log.level', value: 'debug' });
    await said(/log.level is debug now/);
    const changed = await next();
    t.true(changed.type === 'config');
    if (changed.type === 'config')
      t.like(
        changed.document?.settings.find(({ key }) => key === 'log.level'),
        { value: '"debug"', source: 'running', live: true },
      );
    t.deepEqual(levels, ['debug']);
    for (const [key, value] of [
      ['log.level', 'loud'],
      ['peers.max', '12'],
    ] as const) {
      actions.run({ type: 'set', key, value });
      await said(/\[usage\]$/);
    }
    t.deepEqual(levels, ['debug'], 'nothing else was changed');
    actions.run({ type: 'self' });
    await said(/descriptor was given/);
    t.is(clipboard.length, 1);
  }));

test('actions: a transfer rests, goes on and is served earlier; its end is told once it has come', (t) =>
  withActions(async ({ node, actions, dir, said }) => {
    const document = join(dir, 'document');
    writeFileSync(document, 'x'.repeat(200_000));
    actions.run({ type: 'publish', file: document, query: {} });
    await said(/is published/);
    let open = (): void => {};
    node.gate = new Promise((resolve) => (open = resolve));
    actions.run({ type: 'fetch', uri: 'CHK@fake-0000000000000001', path: join(dir, 'copy'), force: false });
    await said(/fetching/);
    const id = '0000000000000002';
    actions.run({ type: 'queue', change: 'pause', id, alias: 'file-2' });
    t.is(await said(/./), 'file-2 is paused');
    t.is(node.queue.entry(id)?.state, 'paused');
    actions.run({ type: 'priority', id, alias: 'file-2', priority: 0 });
    t.regex(await said(/./), /file-2 has priority 0/);
    actions.run({ type: 'queue', change: 'resume', id, alias: 'file-2' });
    t.is(await said(/./), 'file-2 goes on');
    open();
    t.is(await said(/is fetched/), 'file-2 is fetched: in the file you named');
  }));

test('actions: peers are sent away, busy keys counted, a key traced; looks ask only for what is open', (t) =>
  withActions(async ({ node, actions, next, said }) => {
    actions.look([{ type: 'route' }]);
    t.like(await next(), { type: 'seen', route: { isTracing: false } });
    await new Promise(setImmediate);
    actions.run({ type: 'count-keys', on: true });
    t.like(await next(), { type: 'seen', busy: { isCounting: true } });
    await said(/counting/);
    actions.look([]);
    actions.look([{ type: 'busy' }]);
    actions.look([{ type: 'route' }]); // the first look is under way
    t.like(await next(), { type: 'seen', busy: { isCounting: true } });
    actions.look([{ type: 'map', id: 'ffffffffffffffff' }]); // gone: silence
    actions.run({ type: 'count-keys', on: false });
    t.like(await next(), { type: 'seen', busy: { isCounting: false } });
    t.false(node.isCounting);
  }));

test('actions: a command of the shell is run, and what it prints is hidden like everything', async (t) => {
  const script =
    'console.log("CHK@abcdef,ghijkl is at 192.0.2.7:9480, [2001:db8::7]:1 and /home/someone/x.toml"); process.exit(3)';
  const lines = await runShell([process.execPath, '-e', script], new AbortController().signal);
  t.deepEqual(lines, [
    'CHK@(13 hidden) is at (address hidden), (address hidden) and (path hidden)',
    '(ended with code 3)',
  ]);
  t.deepEqual(await runShell(['/nonexistent'], new AbortController().signal), ['it could not be run: ENOENT']);
});
