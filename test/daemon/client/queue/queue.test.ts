import test from 'ava';
import { LocalError } from '../../../../daemon/errors.ts';
import { BLOCK_PAYLOAD_MAX, QUEUE_TAG_BYTES_MAX } from '../../../../daemon/limits.ts';
import { chunked, documentBytes, publishBytes, readAll } from '../fake-circuits.ts';
import { createQueueWorld, FETCH, PUBLISH_REQUEST } from './queue-world.ts';

const SEGMENT = 128 * BLOCK_PAYLOAD_MAX;

test('queue: a fetch to disk grows as a part and takes its name when it is whole', async (t) => {
  const world = await createQueueWorld({ latencyMs: 50, windowBlocks: 8 });
  const bytes = documentBytes(SEGMENT + 5);
  const uri = await publishBytes(world.net, bytes);
  const id = await world.queue.fetch({ ...FETCH, uri, to: { type: 'disk', path: '/user/a.bin' } });
  await world.net.clock.advance(600);
  t.false(world.files.contents.has('/user/a.bin'));
  t.is(world.queue.entry(id)?.state, 'running');
  const entry = await world.until(id, 'done', 'failed');
  t.is(entry.error, undefined);
  t.is(Buffer.compare(world.files.contents.get('/user/a.bin')!, bytes), 0);
  t.deepEqual([...world.files.contents.keys()], ['/user/a.bin']);
  t.like(entry, { attempts: 1, uri, place: { type: 'disk', path: '/user/a.bin' } });
  t.is(entry.metadata?.sizeBytes, bytes.length);
});

test('queue: a publish from disk knows its key before anything is sent', async (t) => {
  const world = await createQueueWorld({ latencyMs: 50 });
  const bytes = documentBytes(40 * BLOCK_PAYLOAD_MAX + 77);
  world.files.put('/user/b.bin', bytes);
  const id = await world.queue.publish({ ...PUBLISH_REQUEST, from: { type: 'disk', path: '/user/b.bin' } });
  let sentWhenKnown: number | undefined;
  world.queue.onChange((entry) => {
    if (entry.uri !== undefined) sentWhenKnown ??= world.net.inserts.length;
  });
  const entry = await world.until(id, 'done', 'failed');
  t.is(entry.error, undefined);
  t.is(sentWhenKnown, 0);
  const back = await readAllOf(world, entry.uri!);
  t.is(Buffer.compare(back, bytes), 0);
});

async function readAllOf(world: Awaited<ReturnType<typeof createQueueWorld>>, uri: string): Promise<Uint8Array> {
  const id = await world.queue.fetch({ ...FETCH, uri, to: { type: 'spool' } });
  await world.until(id, 'done');
  return readAll(world.queue.content(id));
}

test('queue: killed again and again, a fetch asks for no block twice that had come in', async (t) => {
  const world = await createQueueWorld({ latencyMs: 20, windowBlocks: 2 });
  const bytes = documentBytes(SEGMENT + 11);
  const uri = await publishBytes(world.net, bytes);
  const id = await world.queue.fetch({ ...FETCH, uri, to: { type: 'disk', path: '/user/c.bin' } });
  for (let kill = 0; kill < 12; kill++) {
    await world.net.clock.advance(97);
    await world.kill();
  }
  const entry = await world.until(id, 'done', 'failed');
  t.is(entry.error, undefined);
  t.is(entry.attempts, 1);
  t.is(Buffer.compare(world.files.contents.get('/user/c.bin')!, bytes), 0);
  const answered = world.net.fetches.length - 12 * 2; // those in flight at a kill were lost
  const needed = 129 + 1;
  t.true(answered <= needed * 1.02, `${answered} requests for ${needed} blocks`);
  t.deepEqual([...world.files.contents.keys()], ['/user/c.bin']);
});

test('queue: killed again and again, a compressed document goes on across the border of two short segments', async (t) => {
  const world = await createQueueWorld({ latencyMs: 20, windowBlocks: 4 });
  const bytes = new Uint8Array(9_000_000); // half of each piece is zeros: about 140 blocks, in segments of 70
  for (let at = 0; at < bytes.length; at += 1_048_576) bytes.set(documentBytes(500_000, at + 1), at);
  const uri = await publishBytes(world.net, bytes, { compress: true });
  const id = await world.queue.fetch({ ...FETCH, uri, to: { type: 'disk', path: '/user/z.bin' } });
  for (let kill = 0; kill < 7; kill++) {
    await world.net.clock.advance(97);
    await world.kill();
  }
  t.is((await world.until(id, 'done', 'failed')).error, undefined);
  t.is(Buffer.compare(world.files.contents.get('/user/z.bin')!, bytes), 0);
  const needed = new Set(world.net.fetches.map(({ key }) => key)).size;
  t.true(needed > 129 && needed < 191, `${needed} blocks`);
  t.true(world.net.fetches.length - 7 * 4 <= needed * 1.02, `${world.net.fetches.length} requests`);
});

test('queue: killed again and again, a publish has one key and inserts nothing twice that was acknowledged', async (t) => {
  const world = await createQueueWorld({ latencyMs: 20, windowBlocks: 4 });
  const bytes = documentBytes(SEGMENT + 11);
  world.files.put('/user/d.bin', bytes);
  const id = await world.queue.publish({ ...PUBLISH_REQUEST, from: { type: 'disk', path: '/user/d.bin' } });
  await world.net.clock.advance(100);
  const early = world.queue.entry(id)?.uri;
  for (let kill = 0; kill < 12; kill++) {
    await world.net.clock.advance(97);
    await world.kill();
  }
  const entry = await world.until(id, 'done', 'failed');
  t.is(entry.error, undefined);
  t.is(entry.uri, early);
  const twice = world.net.inserts.filter(({ turn }) => turn > 1).length;
  t.true(twice <= 12 * 4, `${twice} inserts were repeated`);
  t.is(Buffer.compare(await readAllOf(world, entry.uri!), bytes), 0);
});

test('queue: bytes handed over are kept sealed until they are published, then let go', async (t) => {
  const world = await createQueueWorld({ latencyMs: 50 });
  const bytes = documentBytes(3 * BLOCK_PAYLOAD_MAX);
  const id = await world.queue.publish({ ...PUBLISH_REQUEST, from: { type: 'spool', bytes: chunked(bytes) } });
  const kept = world.files.contents.get(`/home/spool/${id}.content`)!;
  t.true(kept.length > bytes.length);
  t.is(Buffer.from(kept).indexOf(bytes.subarray(1_000, 1_016)), -1);
  const entry = await world.until(id, 'done', 'failed');
  t.is(entry.error, undefined);
  t.deepEqual([...world.files.contents.keys()], []);
  t.is(Buffer.compare(await readAllOf(world, entry.uri!), bytes), 0);
});

test('queue: a file that changed while it was published is published anew, under another secret', async (t) => {
  const world = await createQueueWorld({ latencyMs: 20, windowBlocks: 8 });
  const bytes = documentBytes(60 * BLOCK_PAYLOAD_MAX + 11);
  world.files.put('/user/e.bin', bytes);
  const id = await world.queue.publish({ ...PUBLISH_REQUEST, retries: 1, from: { type: 'disk', path: '/user/e.bin' } });
  await world.net.clock.advance(200);
  const first = world.queue.entry(id)!.uri;
  await world.queue.pause(id);
  const changed = bytes.slice();
  changed[5]! ^= 1;
  world.files.put('/user/e.bin', changed);
  await world.queue.resume(id);
  const waiting = await world.until(id, 'waiting');
  t.is(waiting.error?.code, 'publish_failed');
  t.is(waiting.uri, undefined);
  const entry = await world.until(id, 'done', 'failed');
  t.not(entry.uri, first);
  t.is(Buffer.compare(await readAllOf(world, entry.uri!), changed), 0);
});

test('queue: what was not found is asked again after pauses that grow, and shown', async (t) => {
  const world = await createQueueWorld();
  const uri = await publishBytes(world.net, documentBytes(5));
  const blocks = new Map(world.net.blocks);
  world.net.blocks.clear();
  const id = await world.queue.fetch({ ...FETCH, retries: 3, uri, to: { type: 'spool' } });
  const waits: number[] = [];
  for (let attempt = 1; attempt <= 3; attempt++) {
    const entry = await world.until(id, 'waiting');
    t.is(entry.attempts, attempt);
    t.is(entry.error?.code, 'not_found');
    waits.push(entry.nextAttemptAtMs! - world.net.clock.nowMs());
    if (attempt === 3) for (const [name, block] of blocks) world.net.blocks.set(name, block);
    await world.net.clock.advance(waits.at(-1)!);
  }
  t.true(waits[0]! >= 2_500 && waits[0]! <= 5_000);
  t.true(waits[2]! >= 10_000 && waits[2]! <= 20_000);
  t.like(await world.until(id, 'done', 'failed'), { state: 'done', attempts: 4 });
});

test('queue: two fetches of one key share the work, wherever the second goes', async (t) => {
  const world = await createQueueWorld({ latencyMs: 20 });
  const bytes = documentBytes(40 * BLOCK_PAYLOAD_MAX);
  const uri = await publishBytes(world.net, bytes);
  const first = await world.queue.fetch({ ...FETCH, uri, to: { type: 'spool' } });
  await world.net.clock.advance(50);
  const second = await world.queue.fetch({ ...FETCH, uri, to: { type: 'disk', path: '/user/f.bin' } });
  await world.until(first, 'done');
  await world.until(second, 'done');
  t.is(Buffer.compare(await readAll(world.queue.content(first)), bytes), 0);
  t.is(Buffer.compare(world.files.contents.get('/user/f.bin')!, bytes), 0);
  t.is(world.net.fetches.filter(({ turn }) => turn > 1).length, 0);
});

test('queue: the more urgent goes first, and takes the place of the least urgent', async (t) => {
  const world = await createQueueWorld({ latencyMs: 100, windowBlocks: 4 });
  const ids: string[] = [];
  for (let i = 0; i < 10; i++) {
    world.files.put(`/user/${i}`, documentBytes(10 * BLOCK_PAYLOAD_MAX, i + 1));
    ids.push(await world.queue.publish({ ...PUBLISH_REQUEST, from: { type: 'disk', path: `/user/${i}` } }));
  }
  await world.net.clock.advance(150);
  const running = (): string[] => ids.filter((id) => world.queue.entry(id)?.state === 'running');
  t.deepEqual(running(), ids.slice(0, 8));
  await world.queue.prioritise(ids[9]!, 0);
  await world.net.clock.advance(1);
  t.deepEqual(running(), [...ids.slice(0, 7), ids[9]!]);
  for (const id of ids) await world.until(id, 'done');
  t.deepEqual(new Set(ids.map((id) => world.queue.entry(id)?.attempts)), new Set([1]));
});

test('queue: pause keeps what is there, remove leaves nothing', async (t) => {
  const world = await createQueueWorld({ latencyMs: 50, windowBlocks: 8 });
  const uri = await publishBytes(world.net, documentBytes(SEGMENT + 5));
  const id = await world.queue.fetch({ ...FETCH, uri, to: { type: 'disk', path: '/user/g.bin' } });
  await world.net.clock.advance(500);
  await world.queue.pause(id);
  const asked = world.net.fetches.length;
  await world.net.clock.advance(5_000);
  t.is(world.net.fetches.length, asked);
  t.is(world.queue.entry(id)?.state, 'paused');
  await world.kill();
  t.is(world.queue.entry(id)?.state, 'paused');
  await world.queue.remove(id);
  t.deepEqual([...world.files.contents.keys()], []);
  t.is(world.queue.entry(id), undefined);
  t.deepEqual(world.records.entries('queue-entries'), []);
  await t.throwsAsync(world.queue.pause(id), { code: 'unknown_transfer' });
});

test('queue: rows, file names and the spool hold no key, no name and no word of a surface', async (t) => {
  const world = await createQueueWorld({ latencyMs: 50, windowBlocks: 2 });
  const bytes = new TextEncoder().encode('a secret sentence. '.repeat(20_000));
  const uri = await publishBytes(world.net, bytes);
  const tag = new TextEncoder().encode('surface words');
  const path = '/user/private name.txt';
  await world.queue.fetch({ ...FETCH, tag, uri, to: { type: 'disk', path } });
  await world.queue.fetch({ ...FETCH, tag, uri: `${uri}/x`, to: { type: 'spool' } }).catch(() => {});
  await world.queue.publish({ ...PUBLISH_REQUEST, from: { type: 'spool', bytes: chunked(bytes) } });
  await world.net.clock.advance(200);
  const kept = [...world.files.contents].filter(([name]) => name.startsWith('/home'));
  t.true(kept.length >= 2);
  const rows = ['queue-entries', 'queue-details'].flatMap((table) => world.records.entries(table));
  const readable = Buffer.concat([
    ...kept.flatMap(([name, content]) => [Buffer.from(name), Buffer.from(content)]),
    ...rows.flatMap(([key, row]) => [Buffer.from(key), Buffer.from(row)]),
    Buffer.from(world.net.logged.join('\n')),
  ]);
  const [routing = ''] = uri.slice(4).split(',');
  for (const word of ['secret sentence', 'private name', 'surface words', routing, 'CHK@']) {
    t.is(readable.indexOf(word), -1, word);
  }
});

test('queue: full caps refuse and leave nothing behind', async (t) => {
  const world = await createQueueWorld({ spoolBytesMax: 100_000 });
  const tooMuch = world.queue.publish({
    ...PUBLISH_REQUEST,
    from: { type: 'spool', bytes: chunked(documentBytes(100_001)) },
  });
  await t.throwsAsync(tooMuch, { instanceOf: LocalError, code: 'busy' });
  t.deepEqual([...world.files.contents.keys()], []);
  const uri = await publishBytes(world.net, documentBytes(100_001));
  const id = await world.queue.fetch({ ...FETCH, uri, to: { type: 'spool' } });
  t.is((await world.until(id, 'failed')).error?.code, 'busy');
  const tag = new Uint8Array(QUEUE_TAG_BYTES_MAX + 1);
  await t.throwsAsync(world.queue.fetch({ ...FETCH, tag, uri, to: { type: 'none' } }), { code: 'usage' });
  await t.throwsAsync(world.queue.fetch({ ...FETCH, uri: 'nonsense', to: { type: 'none' } }), { code: 'bad_uri' });
});

test('queue: the same wish once more gives what was fetched, but not what somebody else put there', async (t) => {
  const world = await createQueueWorld();
  const uri = await publishBytes(world.net, documentBytes(500));
  const wish = { ...FETCH, uri, to: { type: 'disk' as const, path: '/user/h.bin' } };
  const id = await world.queue.fetch(wish);
  await world.until(id, 'done');
  t.is(await world.queue.fetch(wish), id);
  world.files.put('/user/h.bin', documentBytes(10));
  await t.throwsAsync(world.queue.fetch(wish), { code: 'exists' });
});

test('queue: a home that takes nothing does not stop a fetch to another disk, which ends with the daemon', async (t) => {
  const world = await createQueueWorld({ latencyMs: 50, windowBlocks: 8 });
  const bytes = documentBytes(60 * BLOCK_PAYLOAD_MAX);
  const uri = await publishBytes(world.net, bytes);
  world.home.isFull = true;
  const wish = { ...FETCH, uri, to: { type: 'disk' as const, path: '/user/i.bin' } };
  const id = await world.queue.fetch(wish);
  t.is(world.queue.entry(id)?.persistence, 'reboot');
  t.is((await world.until(id, 'done', 'failed')).error, undefined);
  t.is(Buffer.compare(world.files.contents.get('/user/i.bin')!, bytes), 0);
  t.is(world.net.logged.filter((line) => line.startsWith('warn queue')).length, 1);
  await world.queue.remove(id);
  await t.throwsAsync(world.queue.fetch({ ...FETCH, uri, to: { type: 'spool' } }), { code: 'disk_full' });
  world.files.put('/user/j.bin', bytes);
  const publish = world.queue.publish({ ...PUBLISH_REQUEST, from: { type: 'disk', path: '/user/j.bin' } });
  await t.throwsAsync(publish, { code: 'disk_full' });
  t.deepEqual(world.queue.entries(), []);
});

test('queue: a home that fills up while a fetch runs costs it nothing but what a crash would', async (t) => {
  const world = await createQueueWorld({ latencyMs: 200, windowBlocks: 4 });
  const bytes = documentBytes(SEGMENT + 5);
  const uri = await publishBytes(world.net, bytes);
  const id = await world.queue.fetch({ ...FETCH, uri, to: { type: 'disk', path: '/user/k.bin' } });
  await world.net.clock.advance(1_500);
  world.home.isFull = true;
  t.is((await world.until(id, 'done', 'failed')).error, undefined);
  t.is(Buffer.compare(world.files.contents.get('/user/k.bin')!, bytes), 0);
  world.home.isFull = false;
  await world.kill();
  t.is((await world.until(id, 'done', 'failed')).error?.code, 'exists'); // it never learnt that it was done
});

test('queue: force takes the place of what was left, and the name of what is there', async (t) => {
  const world = await createQueueWorld({ latencyMs: 50, windowBlocks: 2 });
  const one = await publishBytes(world.net, documentBytes(20 * BLOCK_PAYLOAD_MAX, 1));
  const other = await publishBytes(world.net, documentBytes(500, 2));
  const path = '/user/l.bin';
  const left = await world.queue.fetch({ ...FETCH, uri: one, to: { type: 'disk', path } });
  await world.net.clock.advance(200);
  const wish = { ...FETCH, uri: other, to: { type: 'disk' as const, path, replace: true } };
  await t.throwsAsync(world.queue.fetch(wish), { code: 'exists' }); // it runs
  await world.queue.pause(left);
  await t.throwsAsync(world.queue.fetch({ ...wish, to: { type: 'disk', path } }), { code: 'exists' });
  await world.until(await world.queue.fetch(wish), 'done');
  t.is(world.queue.entry(left), undefined);
  t.is(Buffer.compare(world.files.contents.get(path)!, documentBytes(500, 2)), 0);

  const path2 = '/user/m.bin';
  const again = await world.queue.fetch({ ...FETCH, uri: one, to: { type: 'disk', path: path2 } });
  await world.net.clock.advance(200);
  await world.queue.pause(again);
  world.files.put(path2, documentBytes(5));
  const forced = { ...FETCH, uri: one, to: { type: 'disk' as const, path: path2, replace: true } };
  t.is(await world.queue.fetch(forced), again);
  t.is((await world.until(again, 'done', 'failed')).error, undefined);
  t.is(world.files.contents.get(path2)!.length, 20 * BLOCK_PAYLOAD_MAX);
});
