import test from 'ava';
import { openBlock, sealBlock } from '../../../daemon/client/client-chk.ts';
import { shapeOf } from '../../../daemon/client/document-shape.ts';
import { decodeManifest, encodeManifest, type ManifestNode, manifestPlace } from '../../../daemon/client/manifest.ts';
import { type ChkUri, parseUri, printUri } from '../../../daemon/client/uri.ts';
import { LocalError } from '../../../daemon/errors.ts';
import { hexKey, type RoutingKey, routingKey } from '../../../daemon/ids.ts';
import { BLOCK_PAYLOAD_MAX, STALL_LIMIT_MS } from '../../../daemon/limits.ts';
import type { RemoteFetch } from '../../../daemon/onion/onion-types.ts';
import { testCrypto } from '../../support/test-crypto.ts';
import { createFakeWorld, documentBytes, type FakeWorld, fetchBytes, isSame, publishBytes } from './fake-circuits.ts';

const FAST = { trafficClass: 'fast' } as const;
const SEGMENT = 128 * BLOCK_PAYLOAD_MAX;
const topOf = (uri: string): string => hexKey((parseUri(uri) as ChkUri).routingKey);

/** A world holding one published document, its requests so far forgotten. */
async function worldWith(
  bytes: Uint8Array,
  options: Parameters<typeof createFakeWorld>[0] = {},
): Promise<{ world: FakeWorld; uri: string }> {
  const world = createFakeWorld(options);
  const uri = await publishBytes(world, bytes);
  return { world, uri };
}

/** Keys of the document's blocks that stand at one place only. */
function singles(world: FakeWorld): string[] {
  const places = new Map<string, number>();
  for (const name of world.blocks.keys()) places.set(name.slice(0, 64), (places.get(name.slice(0, 64)) ?? 0) + 1);
  return [...places].filter(([, count]) => count === 1).map(([key]) => key);
}

for (const seed of [1, 2, 3]) {
  test(`fetch: half of a segment's blocks may be lost, seed ${seed}`, async (t) => {
    const bytes = documentBytes(20 * BLOCK_PAYLOAD_MAX + 5, seed);
    const { world, uri } = await worldWith(bytes, { seed });
    const keys = singles(world);
    t.is(keys.length, 42);
    keys.forEach((key, i) => {
      if ((i + seed) % 2 === 0) world.blocks.delete(`${key}/0`);
    });
    t.true(isSame(await fetchBytes(world, world.client.fetch(uri, FAST)), bytes));
    t.like(world.client.transfers().at(-1), { stage: 'done', blocksHave: 22 });
  });
}

test('fetch: all data blocks asked before any check block, each once, when nothing is lost', async (t) => {
  const { world, uri } = await worldWith(documentBytes(20 * BLOCK_PAYLOAD_MAX));
  await fetchBytes(world, world.client.fetch(uri, FAST));
  t.is(world.fetches.length, 21);
  t.is(new Set(world.fetches.map(({ key }) => key)).size, 21);
});

test('fetch: one block too few is incomplete, says how far it came, and lets go of everything', async (t) => {
  const { world, uri } = await worldWith(documentBytes(10 * BLOCK_PAYLOAD_MAX));
  for (const key of singles(world).slice(0, 11)) world.blocks.delete(`${key}/0`);
  const error = await t.throwsAsync(fetchBytes(world, world.client.fetch(uri, FAST)), {
    instanceOf: LocalError,
    code: 'incomplete',
  });
  t.regex(
    (error as LocalError).detail!,
    /part 1 of 1: 9 of the 10 blocks it needs; \d+ requests in 4 rounds over 4 exits/,
  );
  t.is(world.closed, 2);
  t.is(world.inFlight, 0);
  t.is(world.clock.timersPending, 0);
});

test('fetch: a block that turns up in a later round completes the document', async (t) => {
  const bytes = documentBytes(10 * BLOCK_PAYLOAD_MAX);
  const { world, uri } = await worldWith(bytes);
  const keys = singles(world);
  for (const key of keys.slice(0, 10)) world.blocks.delete(`${key}/0`);
  world.onFetch = ({ key, turn }) => (key === keys.at(-1) && turn < 3 ? { type: 'dataNotFound' } : undefined);
  t.true(isSame(await fetchBytes(world, world.client.fetch(uri, FAST)), bytes));
  t.true(world.clock.nowMs() > 1_000);
});

test('fetch: a small document is found at its other places', async (t) => {
  const bytes = documentBytes(3 * BLOCK_PAYLOAD_MAX);
  const { world, uri } = await worldWith(bytes);
  for (const name of [...world.blocks.keys()])
    if (!name.startsWith(topOf(uri)) && !name.endsWith('/2')) world.blocks.delete(name);
  t.true(isSame(await fetchBytes(world, world.client.fetch(uri, FAST)), bytes));
});

test('fetch: a top block that stands only at replica 5 is found', async (t) => {
  const bytes = documentBytes(100);
  const { world, uri } = await worldWith(bytes);
  for (const name of [...world.blocks.keys()]) if (!name.endsWith('/5')) world.blocks.delete(name);
  t.true(isSame(await fetchBytes(world, world.client.fetch(uri, FAST)), bytes));
});

test('fetch: an unknown key asks all eight places once and says not_found with counts', async (t) => {
  const { world, uri } = await worldWith(documentBytes(100));
  world.blocks.clear();
  const transfer = world.client.fetch(uri, FAST);
  const error = await t.throwsAsync(fetchBytes(world, transfer), { code: 'not_found' });
  t.is((error as LocalError).detail, 'asked 8 times at 8 places in 1 round over 4 exits');
  await t.throwsAsync(transfer.metadata, { code: 'not_found' });
  t.deepEqual(world.fetches.map(({ replica }) => replica).sort(), [0, 1, 2, 3, 4, 5, 6, 7]);
  t.like(world.client.transfers().at(-1), { stage: 'failed', error: { code: 'not_found' } });
});

const names = test.macro({
  async exec(t, answer: RemoteFetch, code: string) {
    const { world, uri } = await worldWith(documentBytes(100));
    world.onFetch = () => answer;
    await t.throwsAsync(fetchBytes(world, world.client.fetch(uri, FAST)), { instanceOf: LocalError, code });
    t.is(world.clock.timersPending, 0);
  },
  title: (given = '') => `fetch: only ${given} from everywhere has its own code`,
});
test('recentlyFailed', names, { type: 'recentlyFailed', retryMs: 1_000 }, 'recently_failed');
test('rejectedOverload', names, { type: 'rejectedOverload', retryMs: 100, workBits: 0 }, 'overloaded');
test('routeNotFound', names, { type: 'routeNotFound' }, 'no_route');
test('rejectedLoop', names, { type: 'rejectedLoop' }, 'no_route');
test('circuitFailed', names, { type: 'circuitFailed' }, 'relays_silent');
test('timeout', names, { type: 'timeout' }, 'stalled');
test('wrong bytes', names, { type: 'data', payload: new Uint8Array(32_768) }, 'verify_failed');

test('fetch: silence of one place is hedged after a moment', async (t) => {
  const bytes = documentBytes(100);
  const { world, uri } = await worldWith(bytes);
  let asked = 0;
  world.onFetch = () => (++asked === 1 ? new Promise(() => {}) : undefined);
  t.true(isSame(await fetchBytes(world, world.client.fetch(uri, FAST)), bytes));
  t.is(world.clock.nowMs(), 1_500);
  t.is(world.inFlight, 0);
});

test('fetch: silent exits do not hold up a segment, check blocks stand in', async (t) => {
  const bytes = documentBytes(20 * BLOCK_PAYLOAD_MAX);
  const { world, uri } = await worldWith(bytes);
  const silent = new Set(singles(world).filter((_, i) => i % 4 === 0));
  world.onFetch = ({ key }) => (silent.has(key) ? new Promise(() => {}) : undefined);
  t.true(isSame(await fetchBytes(world, world.client.fetch(uri, FAST)), bytes));
  t.true(world.clock.nowMs() < 10_000);
  t.is(world.inFlight, 0);
});

test('fetch: wrong bytes from an exit are counted and the block is asked again', async (t) => {
  const bytes = documentBytes(12 * BLOCK_PAYLOAD_MAX);
  const { world, uri } = await worldWith(bytes);
  world.onFetch = ({ turn, replica, key }) => {
    if (turn > 1) return undefined;
    const lie = world.blocks.get(`${key}/${replica}`)!.slice();
    lie[77] = lie[77]! ^ 1;
    return { type: 'data', payload: lie };
  };
  t.true(isSame(await fetchBytes(world, world.client.fetch(uri, FAST)), bytes));
  t.is(world.client.transfers().at(-1)!.blocksMissed, 13);
});

test('fetch: dead circuits, overload and lost circuits are asked again', async (t) => {
  const bytes = documentBytes(12 * BLOCK_PAYLOAD_MAX);
  const { world, uri } = await worldWith(bytes);
  world.onFetch = ({ turn }): RemoteFetch | Promise<RemoteFetch> | undefined => {
    if (turn === 1) return { type: 'circuitFailed' };
    if (turn === 2) return { type: 'rejectedOverload', retryMs: 500, workBits: 0 };
    return turn === 3 ? Promise.reject(new LocalError('connecting')) : undefined;
  };
  t.true(isSame(await fetchBytes(world, world.client.fetch(uri, FAST)), bytes));
});

test('fetch: circuits that never come back are named as the cause', async (t) => {
  const { world, uri } = await worldWith(documentBytes(12 * BLOCK_PAYLOAD_MAX));
  world.onFetch = ({ key }) => (key === topOf(uri) ? undefined : Promise.reject(new LocalError('offline')));
  await t.throwsAsync(fetchBytes(world, world.client.fetch(uri, FAST)), { code: 'offline' });
});

test('fetch: a changed secret is verify_failed at the first block', async (t) => {
  const { world, uri } = await worldWith(documentBytes(100));
  const parsed = parseUri(uri) as ChkUri;
  const changed = printUri({ ...parsed, cryptoKey: parsed.cryptoKey.map((byte) => byte ^ 1) });
  await t.throwsAsync(fetchBytes(world, world.client.fetch(changed, FAST)), { code: 'verify_failed' });
  t.is(world.fetches.length, 1);
});

test('fetch: the type in the URI must be that of the block', async (t) => {
  const { world, uri } = await worldWith(documentBytes(100));
  const changed = printUri({ ...(parseUri(uri) as ChkUri), keyType: 1 });
  await t.throwsAsync(fetchBytes(world, world.client.fetch(changed, FAST)), { code: 'verify_failed' });
});

test('fetch: a document over the limit is refused before its blocks are asked', async (t) => {
  const { world, uri } = await worldWith(documentBytes(10 * BLOCK_PAYLOAD_MAX));
  const transfer = world.client.fetch(uri, { ...FAST, maxBytes: 10 * BLOCK_PAYLOAD_MAX - 1 });
  await t.throwsAsync(fetchBytes(world, transfer), { code: 'too_large' });
  t.is(world.fetches.length, 1);
  await t.notThrowsAsync(fetchBytes(world, world.client.fetch(uri, { ...FAST, maxBytes: 10 * BLOCK_PAYLOAD_MAX })));
});

test('fetch: nothing of the last segment is handed out when the hash of the whole does not hold', async (t) => {
  const { world, uri } = await worldWith(documentBytes(3 * BLOCK_PAYLOAD_MAX));
  const lied = rewriteTop(world, uri, (node) => ({ ...node, top: { ...node.top!, sha256: new Uint8Array(32) } }));
  let handedOut = 0;
  const reading = (async () => {
    for await (const chunk of world.client.fetch(lied, FAST).content) handedOut += chunk.length;
  })();
  const outcome = await world.settled(reading);
  t.is((outcome as PromiseRejectedResult).reason.code, 'verify_failed');
  t.is(handedOut, 0);
});

test('fetch: a manifest that swaps two blocks, or claims another size, is refused with its code', async (t) => {
  const { world, uri } = await worldWith(documentBytes(3 * BLOCK_PAYLOAD_MAX));
  const swapped = rewriteTop(world, uri, (node) => {
    const [a, b, ...rest] = node.segments[0]!.keys;
    return { ...node, segments: [{ dataCount: 3, keys: [b!, a!, ...rest] }] };
  });
  await t.throwsAsync(fetchBytes(world, world.client.fetch(swapped, FAST)), { code: 'verify_failed' });
  const resized = rewriteTop(world, uri, (node) => ({ ...node, top: { ...node.top!, sizeBytes: 3 * SEGMENT } }));
  await t.throwsAsync(fetchBytes(world, world.client.fetch(resized, FAST)), { code: 'bad_manifest' });
  const shorter = rewriteTop(world, uri, (node) => ({
    ...node,
    top: { ...node.top!, sizeBytes: 3 * BLOCK_PAYLOAD_MAX - 1 },
  }));
  await t.throwsAsync(fetchBytes(world, world.client.fetch(shorter, FAST)), { code: 'verify_failed' });
});

test('fetch: a huge document of which only a top is shown ends without asking for more than its next leaf', async (t) => {
  const { world, uri } = await worldWith(documentBytes(3 * BLOCK_PAYLOAD_MAX));
  const sizeBytes = 3 * 256 ** 3 * SEGMENT;
  t.deepEqual(shapeOf(sizeBytes).levels.length, 4);
  const children = Array.from({ length: 256 }, (): RoutingKey => routingKey(new Uint8Array(32)));
  const huge = rewriteTop(world, uri, (node) => ({
    level: 3,
    top: { ...node.top!, sizeBytes },
    segments: [],
    children,
  }));
  const before = process.threadCpuUsage();
  await t.throwsAsync(fetchBytes(world, world.client.fetch(huge, FAST)), { code: 'incomplete' });
  t.is(world.fetches.length, 1 + 4);
  const { user } = process.threadCpuUsage(before);
  t.true(user < 1_000_000, `${user} us`); // counting its fifty million segments takes twice that
});

test('fetch: at most two segments are asked for ahead of the reader', async (t) => {
  const { world, uri } = await worldWith(documentBytes(4 * SEGMENT), { windowBlocks: 64 });
  const content = world.client.fetch(uri, FAST).content[Symbol.asyncIterator]();
  await world.clock.advance(10);
  t.true(world.fetches.length <= 1 + 2 + 2 * 128); // top, leaves, two segments
  await content.next();
  await world.clock.advance(10);
  t.true(world.fetches.length <= 1 + 2 + 3 * 128);
  await content.return?.();
  await world.clock.advance(10);
  t.like(world.client.transfers().at(-1), { stage: 'cancelled' });
  t.is(world.inFlight, 0);
});

test('fetch: cancelled midway, it ends at once, its content says so and nothing stays', async (t) => {
  const { world, uri } = await worldWith(documentBytes(30 * BLOCK_PAYLOAD_MAX), { latencyMs: 100, windowBlocks: 4 });
  const transfer = world.client.fetch(uri, FAST);
  const reading = fetchBytes(world, transfer);
  await world.clock.advance(350);
  t.true(world.client.cancel(transfer.id));
  t.false(world.client.cancel(transfer.id));
  await t.throwsAsync(reading, { code: 'cancelled' });
  await world.clock.settle();
  t.is(world.inFlight, 0);
  t.is(world.clock.timersPending, 0);
  t.is(world.closed, 2);
});

test('fetch: a signal ends it with its own reason', async (t) => {
  const { world, uri } = await worldWith(documentBytes(100), { latencyMs: 100 });
  const controller = new AbortController();
  const reading = fetchBytes(world, world.client.fetch(uri, FAST, controller.signal));
  await world.clock.advance(50);
  controller.abort(new LocalError('timeout'));
  await t.throwsAsync(reading, { code: 'timeout' });
});

test('fetch: requests that are never answered end at the stall limit', async (t) => {
  const { world, uri } = await worldWith(documentBytes(100));
  world.onFetch = () => new Promise(() => {});
  const startMs = world.clock.nowMs();
  await t.throwsAsync(fetchBytes(world, world.client.fetch(uri, FAST)), { code: 'stalled' });
  t.is(world.clock.nowMs() - startMs, STALL_LIMIT_MS);
  t.is(world.inFlight, 0);
});

test('fetch: a content nobody reads is let go at the stall limit', async (t) => {
  const { world, uri } = await worldWith(documentBytes(100));
  world.client.fetch(uri, FAST);
  await world.clock.advance(STALL_LIMIT_MS);
  t.like(world.client.transfers().at(-1), { stage: 'failed', error: { code: 'stalled' } });
  t.is(world.clock.timersPending, 0);
});

test('fetch: no network is told as it is', async (t) => {
  const { world, uri } = await worldWith(documentBytes(100));
  world.onOpen = () => {
    throw new LocalError('offline');
  };
  await t.throwsAsync(fetchBytes(world, world.client.fetch(uri, FAST)), { code: 'offline' });
});

/** A publisher who lies: the top block changed, sealed again under the same secret, stored, and named by a new URI. */
function rewriteTop(world: FakeWorld, uri: string, change: (node: ManifestNode) => ManifestNode): string {
  const crypto = testCrypto();
  const parsed = parseUri(uri) as ChkUri;
  const place = manifestPlace(0, 0, true);
  const honest = openTop(world, parsed);
  const { key, bytes } = sealBlock(crypto, parsed.cryptoKey, place, encodeManifest(change(honest)));
  for (let replica = 0; replica < 8; replica++) world.blocks.set(`${hexKey(key)}/${replica}`, bytes);
  return printUri({ ...parsed, routingKey: key });
}

function openTop(world: FakeWorld, uri: ChkUri): ManifestNode {
  const block = openBlock(
    testCrypto(),
    uri.cryptoKey,
    manifestPlace(0, 0, true),
    world.blocks.get(`${hexKey(uri.routingKey)}/0`)!,
  )!;
  return decodeManifest(block.padded.subarray(0, block.payloadBytes));
}
