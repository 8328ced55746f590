/**
 * Healing: what a fetch found missing is there for the next one, and nothing else is inserted.
 * @module
 */
import test from 'ava';
import { sealBlock } from '../../../daemon/client/client-chk.ts';
import { decodeManifest, encodeManifest, manifestPlace } from '../../../daemon/client/manifest.ts';
import { Healer } from '../../../daemon/client/splitfile/heal.ts';
import { type ChkUri, parseUri, printUri } from '../../../daemon/client/uri.ts';
import { Window } from '../../../daemon/client/window.ts';
import { hexKey, routingKey } from '../../../daemon/ids.ts';
import { BLOCK_PAYLOAD_MAX, HEAL_BLOCKS_MAX } from '../../../daemon/limits.ts';
import type { DocumentCircuits, RemoteInsert } from '../../../daemon/onion/onion-types.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';
import { testCrypto } from '../../support/test-crypto.ts';
import { createFakeWorld, documentBytes, type FakeWorld, fetchBytes, isSame, publishBytes } from './fake-circuits.ts';

const FAST = { trafficClass: 'fast' } as const;
const SEGMENT = 128 * BLOCK_PAYLOAD_MAX;

/** Runs time on until nothing is being put back any more. */
async function healed(world: FakeWorld): Promise<void> {
  const opened = world.opened.length;
  if (!(await world.clock.runUntil(() => world.closed === opened, 200_000))) throw new Error('still healing');
}

/** Keys with the places they stand at. */
function placesOf(world: FakeWorld): Map<string, string[]> {
  const places = new Map<string, string[]>();
  for (const name of world.blocks.keys())
    places.set(name.slice(0, 64), [...(places.get(name.slice(0, 64)) ?? []), name]);
  return places;
}

for (const share of [0.35, 0.45]) {
  test(`heal: ${share * 100} % of the blocks lost at random come back, and the next fetch asks for no check block`, async (t) => {
    const world = createFakeWorld({ windowBlocks: 64 });
    const bytes = documentBytes(SEGMENT + 20 * BLOCK_PAYLOAD_MAX);
    const uri = await publishBytes(world, bytes);
    const before = new Map(world.blocks);
    const random = createSeededRandom(`lost ${share}`);
    const singles = [...placesOf(world).values()].filter((places) => places.length === 1).map(([place]) => place!);
    t.is(singles.length, 296); // 74 data and 74 check blocks in each of two segments
    // Exactly the share of each: they were inserted segment by segment.
    for (const [from, to] of [
      [0, 148],
      [148, 296],
    ] as const) {
      // prettier-ignore
      const order = singles
        .slice(from, to)
        .map((place) => ({ place, rank: random.unit() }))
        .sort((a, b) => a.rank - b.rank); // prettier-ignore
      for (const { place } of order.slice(0, Math.floor(share * order.length))) world.blocks.delete(place);
    }
    const top = `${hexKey((parseUri(uri) as ChkUri).routingKey)}`;
    for (const replica of [0, 1, 2, 3]) world.blocks.delete(`${top}/${replica}`);
    world.inserts.length = 0;
    t.is(Buffer.compare(await fetchBytes(world, world.client.fetch(uri, FAST)), bytes), 0);
    t.like(world.client.transfers().at(-1), { stage: 'done' }); // the reader is not kept waiting
    await healed(world);
    t.true(world.inserts.length > 50);
    for (const [place, block] of world.blocks)
      t.true(isSame(block, before.get(place)), 'what was put back is what was there');

    world.fetches.length = 0;
    world.inserts.length = 0;
    const again = world.client.fetch(uri, FAST);
    t.is(Buffer.compare(await fetchBytes(world, again), bytes), 0);
    await healed(world);
    const data = 128 + 20;
    t.true(world.fetches.length <= data + 1 + 4, `${world.fetches.length} requests`); // places of the top that nobody had asked may lack it
    t.is(world.clock.timersPending, 0);
  });
}

test('heal: a small document is put back at each place that lacked it', async (t) => {
  const world = createFakeWorld();
  const bytes = documentBytes(3 * BLOCK_PAYLOAD_MAX);
  const uri = await publishBytes(world, bytes);
  for (const name of [...world.blocks.keys()]) if (!name.endsWith('/2')) world.blocks.delete(name);
  world.inserts.length = 0;
  await fetchBytes(world, world.client.fetch(uri, FAST));
  await healed(world);
  const missed = new Set(
    world.fetches.map(({ key, replica }) => `${key}/${replica}`).filter((name) => !name.endsWith('/2')),
  );
  t.deepEqual(world.inserts.map(({ key, replica }) => `${key}/${replica}`).sort(), [...missed].sort());
  t.true(world.inserts.every(({ owners }) => owners === 8));
});

test('heal: circuits that fail, timeouts and overload say nothing about a block: nothing is inserted', async (t) => {
  for (const type of ['circuitFailed', 'timeout', 'routeNotFound'] as const) {
    const world = createFakeWorld();
    const uri = await publishBytes(world, documentBytes(10 * BLOCK_PAYLOAD_MAX));
    world.inserts.length = 0;
    world.onFetch = ({ turn }) => (turn === 1 ? { type } : undefined);
    await fetchBytes(world, world.client.fetch(uri, FAST));
    await healed(world);
    t.is(world.inserts.length, 0, type);
  }
});

test('heal: a block that does not belong to the others is not inserted under the key the manifest gives it', async (t) => {
  const world = createFakeWorld();
  const crypto = testCrypto();
  const bytes = documentBytes(10 * BLOCK_PAYLOAD_MAX);
  const uri = parseUri(await publishBytes(world, bytes)) as ChkUri;
  const sealed = world.blocks.get(`${hexKey(uri.routingKey)}/0`)!;
  const aead = crypto.aeadKey(
    crypto.hkdf(
      uri.cryptoKey,
      '',
      Buffer.concat([Buffer.from('holloway block'), Buffer.from([1, 0, 0, 0, 0, 0, 0])]),
      32,
    ),
  );
  const plain = aead.open(new Uint8Array(12), sealed, new Uint8Array(0))!;
  const payload = plain.subarray(16, 16 + new DataView(plain.buffer, plain.byteOffset).getUint32(4));
  const node = decodeManifest(payload);
  const [segment] = node.segments;
  const lie = routingKey(new Uint8Array(32).fill(9));
  const keys = segment!.keys.map((key, index) => (index === 0 ? lie : key));
  const forged = sealBlock(
    crypto,
    uri.cryptoKey,
    manifestPlace(0, 0, true),
    encodeManifest({ ...node, segments: [{ ...segment!, keys }] }),
  );
  for (let replica = 0; replica < 8; replica++) world.blocks.set(`${hexKey(forged.key)}/${replica}`, forged.bytes);
  world.inserts.length = 0;
  const fetched = await fetchBytes(world, world.client.fetch(printUri({ ...uri, routingKey: forged.key }), FAST));
  t.is(Buffer.compare(fetched, bytes), 0);
  await healed(world);
  t.deepEqual(world.inserts, []);
});

test('heal: cancelling an ended fetch ends its healing; else two minutes do', async (t) => {
  for (const cancel of [true, false]) {
    const world = createFakeWorld();
    const uri = await publishBytes(world, documentBytes(20 * BLOCK_PAYLOAD_MAX));
    const singles = [...placesOf(world).values()].filter((places) => places.length === 1).map(([place]) => place!);
    for (const place of singles.slice(0, 10)) world.blocks.delete(place);
    world.onInsert = () => new Promise(() => {});
    const transfer = world.client.fetch(uri, FAST);
    await fetchBytes(world, transfer);
    t.is(world.client.transfers().at(-1)!.stage, 'done');
    t.is(world.closed, 1);
    const startMs = world.clock.nowMs();
    if (cancel) t.false(world.client.cancel(transfer.id));
    await healed(world);
    t.true(cancel ? world.clock.nowMs() - startMs < 1_000 : world.clock.nowMs() - startMs >= 119_000);
    t.is(world.clock.timersPending, 0);
  }
});

test('Healer: at its cap it has no room, until one was put back', async (t) => {
  const clock = createManualClock();
  const waiting: (() => void)[] = [];
  const circuits: Pick<DocumentCircuits, 'insert'> = {
    insert: () => new Promise<RemoteInsert>((resolve) => waiting.push(() => resolve({ type: 'inserted', copies: 1 }))),
  };
  const context = {
    clock,
    random: createSeededRandom(1),
    window: new Window(() => 64),
    signal: new AbortController().signal,
  };
  const healer = new Healer({ ...context, circuits: circuits as DocumentCircuits });
  const item = (byte: number) => ({
    key: routingKey(new Uint8Array(32).fill(byte)),
    replica: 0,
    owners: 3,
    bytes: () => new Uint8Array(1),
  });
  healer.add(Array.from({ length: HEAL_BLOCKS_MAX + 8 }, (_, i) => item(i & 0xff)));
  t.is(waiting.length, 8); // beside a fetch, no more at once
  let room = false;
  void healer.room().then(() => {
    room = true;
  });
  await clock.settle();
  t.false(room);
  waiting.shift()!();
  await clock.settle();
  t.true(room);
  t.is(healer.healed, 1);
  const finished = healer.finish();
  await clock.advance(120_000);
  await finished;
  t.is(clock.timersPending, 0);
});
