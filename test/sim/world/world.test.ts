/**
 * The simulator's own parts: time, streams, disks, stand-in cryptography, faults and attackers. What cannot fail cannot find anything.
 * @module
 */
import test from 'ava';
import fc from 'fast-check';
import { nodeId } from '../../../daemon/ids.ts';
import { deriveLocation } from '../../../daemon/wire/descriptor.ts';
import { BINDING } from '../../../daemon/wire/descriptor-types.ts';
import { hostNear } from './attackers.ts';
import { createCheapCrypto } from './cheap-crypto.ts';
import { availabilityOf, gapMs, sessionMs } from './churn.ts';
import { EventQueue } from './event-queue.ts';
import { createEventTrace } from './event-trace.ts';
import { createFastRandom } from './fast-random.ts';
import { createFaultCounters } from './fault-counters.ts';
import { createRequestTap } from './request-tap.ts';
import { createSimClock } from './sim-clock.ts';
import { SimDisk } from './sim-disk.ts';
import { CALM, SimNetwork } from './sim-network.ts';
import { SimWorld } from './sim-world.ts';
import { mean, percentile, wilson } from './statistics.ts';
import { fetch, publish } from './workload.ts';

test('createSimClock: events run in order of time, then of setting, with chains of promises run in between', async (t) => {
  const clock = createSimClock();
  const seen: string[] = [];
  clock.setTimer(2, () => seen.push('late'));
  clock.setTimer(1, () => {
    void (async () => {
      for (let i = 0; i < 50; i++) await null;
      seen.push('chain');
    })();
  });
  clock.setTimer(1, () => seen.push('second'));
  clock.setTimer(1, () => seen.push('cancelled')).cancel();
  await clock.advance(5);
  t.deepEqual(seen, ['chain', 'second', 'late']);
  t.is(clock.nowMs(), 5);
});

test('createSimClock: a frozen node does late and in order what fell due, a dead one nothing', async (t) => {
  const clock = createSimClock();
  const frozen = clock.nodeClock(0);
  const dead = clock.nodeClock(3_600_000);
  const seen: string[] = [];
  frozen.setTimer(2, () => seen.push(`b${clock.nowMs()}`));
  frozen.setTimer(1, () => seen.push(`a${clock.nowMs()}`));
  const cancelled = frozen.setTimer(3, () => seen.push('never'));
  dead.setTimer(1, () => seen.push('never'));
  frozen.frozenUntilMs = 10;
  dead.dead = true;
  await clock.advance(5);
  t.deepEqual(seen, []);
  cancelled.cancel();
  cancelled.cancel();
  await clock.advance(10);
  t.deepEqual(seen, ['a10', 'b10']);
  t.is(frozen.pending, 0);
  t.is(dead.wallMs() - clock.wallMs(), 3_600_000);
});

test('createSimClock: waiting for a sum of times never wakes before it', async (t) => {
  const clock = createSimClock();
  for (const startMs of [0.1, 1 / 3, 100_000.7]) {
    await clock.advance(startMs);
    const wantedMs = clock.nowMs() + 45_000;
    let wokeMs = 0;
    clock.setTimer(wantedMs - clock.nowMs(), () => {
      wokeMs = clock.nowMs();
    });
    await clock.advance(50_000);
    t.true(wokeMs >= wantedMs);
  }
});

test('createSimClock: an exception in an event ends the run with it', async (t) => {
  const clock = createSimClock();
  clock.setTimer(1, () => {
    throw new Error('in an event');
  });
  await t.throwsAsync(clock.advance(2), { message: 'in an event' });
});

function twoNodes(faults = CALM) {
  const clock = createSimClock();
  const counters = createFaultCounters();
  const network = new SimNetwork({ seed: 'two', clock, trace: createEventTrace(), counters, faults });
  const [a, b] = [network.attach(0, '20.0.0.1', clock.nodeClock(0)), network.attach(1, '20.1.0.1', clock.nodeClock(0))];
  const got: number[] = [];
  const told: string[] = [];
  const listening = network.transport(b).listen({ host: b.host, port: 1 }, (stream) => {
    stream.attach({ data: (bytes) => got.push(...bytes), drain: () => {}, close: () => told.push('b closed') });
  });
  const stream = network.transport(a).dial({ host: b.host, port: 1 });
  stream.attach({
    open: () => told.push('open'),
    data: () => {},
    drain: () => told.push('drain'),
    close: () => told.push('a closed'),
  });
  return { clock, counters, network, a, b, got, told, listening, stream };
}

test('SimNetwork: bytes arrive once, in order and late, however the network below treats them', async (t) => {
  const faults = {
    lossRate: 0.3,
    duplicateRate: 0.3,
    reorderRate: 0.3,
    corruptRate: 0.3,
    corruptThrough: 0,
    splitRate: 0.5,
  };
  const { clock, counters, got, stream } = twoNodes(faults);
  await clock.advance(10_000);
  for (let i = 0; i < 100; i++) stream.write(Uint8Array.of(i, i));
  await clock.advance(600_000);
  t.deepEqual(got, Array.from({ length: 100 }, (_, i) => [i, i]).flat());
  for (const name of [
    'lossRetransmitted',
    'duplicatedBelow',
    'reorderedBelow',
    'corruptedBelow',
    'splitDelivery',
  ] as const) {
    t.true(counters[name] > 0, name);
  }
});

test('SimNetwork: damage that gets through is one changed byte in a copy', async (t) => {
  const { clock, counters, got, stream } = twoNodes({ ...CALM, corruptRate: 1, corruptThrough: 1 });
  await clock.advance(10_000);
  const sent = new Uint8Array(100);
  stream.write(sent);
  await clock.advance(10_000);
  t.is(got.filter((byte) => byte !== 0).length, 1);
  t.true(sent.every((byte) => byte === 0));
  t.is(counters.corruptedThrough, 1);
});

test('SimNetwork: a blocked direction holds what is under way until it is free; the other direction works on', async (t) => {
  const { clock, counters, network, got, stream } = twoNodes();
  await clock.advance(10_000);
  const free = network.block((from, to) => from === 0 && to === 1);
  stream.write(Uint8Array.of(7));
  await clock.advance(60_000);
  t.deepEqual(got, []);
  t.true(counters.heldByBlock > 0);
  free();
  await clock.advance(10_000);
  t.deepEqual(got, [7]);
});

test('SimNetwork: a cut ends both ends, a killed process one, a dead machine none', async (t) => {
  const cut = twoNodes();
  await cut.clock.advance(10_000);
  t.is(cut.network.cut(cut.a, cut.b), 1);
  await cut.clock.advance(10);
  t.deepEqual(cut.told.sort(), ['a closed', 'b closed', 'open']);

  for (const silently of [false, true]) {
    const { clock, network, a, told } = twoNodes();
    await clock.advance(10_000);
    a.clock.dead = true;
    network.detach(a, silently);
    await clock.advance(10_000);
    t.deepEqual(told, silently ? ['open'] : ['open', 'b closed']);
  }
});

test('SimNetwork: a sender who outruns his reader is told to wait, and when to go on', async (t) => {
  const { clock, told, stream } = twoNodes();
  await clock.advance(10_000);
  t.false(stream.write(new Uint8Array(300 * 1024)));
  t.false(told.includes('drain'));
  await clock.advance(60_000);
  t.true(told.includes('drain'));
});

function disk() {
  const clock = createSimClock();
  const counters = createFaultCounters();
  return { clock, counters, disk: new SimDisk(clock, createFastRandom('disk'), counters) };
}

test('SimDisk: what was flushed survives a crash; of the rest each write is there, gone or torn at a sector', async (t) => {
  const { disk: own, counters } = disk();
  const file = await own.openBlocks('f');
  await file.resize(400 * 4_096);
  await file.write(0, new Uint8Array(4_096).fill(1));
  await file.flush();
  for (let i = 0; i < 300; i++) await file.write(i * 4_096, new Uint8Array(4_096).fill(2));
  own.crash();
  const again = await own.openBlocks('f');
  const fates = { kept: 0, lost: 0, torn: 0 };
  for (let i = 1; i < 300; i++) {
    const bytes = await again.read(i * 4_096, 4_096);
    const written = bytes.filter((byte) => byte === 2).length;
    t.is(written % 512, 0);
    fates[written === 4_096 ? 'kept' : written === 0 ? 'lost' : 'torn']++;
  }
  t.true(fates.kept > 50 && fates.lost > 50 && fates.torn > 50, JSON.stringify(fates));
  t.true(
    (await again.read(0, 4_096)).every((byte) => byte === 1 || byte === 2),
    'the flushed write is beneath',
  );
  t.true(counters.tornWrite > 0 && counters.unsyncedWriteLost > 0);
});

test('SimDisk: a full disk refuses writes and goes on reading; a dead life never answers; rot flips bits', async (t) => {
  const { disk: own, counters } = disk();
  const file = await own.openBlocks('f');
  await file.resize(8_192);
  await file.write(0, Uint8Array.of(5));
  own.faults.isFull = true;
  await t.throwsAsync(file.write(0, Uint8Array.of(6)), { code: 'disk_full' } as object);
  t.is((await file.read(0, 1))[0], 5);
  own.faults.isFull = false;
  await file.flush();
  own.rot('f', 3);
  t.is(counters.bitRot, 3);
  own.release();
  t.is(await Promise.race([file.read(0, 1), Promise.resolve('nothing')]), 'nothing');
});

test('SimDisk: a transaction that throws leaves its rows as they were', async (t) => {
  const records = await disk().disk.openRecords('r');
  records.put('t', 'a', Uint8Array.of(1));
  t.throws(() =>
    records.transaction(() => {
      records.put('t', 'a', Uint8Array.of(2));
      records.put('t', 'b', Uint8Array.of(3));
      throw new Error('no');
    }),
  );
  t.deepEqual(records.entries('t'), [['a', Uint8Array.of(1)]]);
});

test('createCheapCrypto: what must open opens, and a wrong key, nonce, AD, tag or any changed byte does not', (t) => {
  const random = createFastRandom('cheap');
  const crypto = createCheapCrypto({ randomBytes: (length) => random.bytes(length) });
  for (const length of [0, 1, 63, 64, 65, 2_048]) {
    const [key, nonce, ad, text] = [random.bytes(32), random.bytes(12), random.bytes(3), random.bytes(length)];
    const sealed = crypto.aeadKey(key).seal(nonce, text, ad);
    t.deepEqual(crypto.aeadKey(key).open(nonce, sealed, ad), text);
    const flipped = (bytes: Uint8Array): Uint8Array => {
      const copy = bytes.slice();
      copy[random.below(copy.length)]! ^= 1 << random.below(8);
      return copy;
    };
    for (let i = 0; i < 20; i++) t.is(crypto.aeadKey(key).open(nonce, flipped(sealed), ad), null);
    t.is(crypto.aeadKey(flipped(key)).open(nonce, sealed, ad), null);
    t.is(crypto.aeadKey(key).open(flipped(nonce), sealed, ad), null);
    t.is(crypto.aeadKey(key).open(nonce, sealed, flipped(ad)), null);
  }
  const [a, b, c] = [crypto.dhKeyPair(), crypto.dhKeyPair(), crypto.dhKeyPair()];
  t.deepEqual(crypto.dh(a.privateKey, b.publicKey), crypto.dh(b.privateKey, a.publicKey));
  t.notDeepEqual(crypto.dh(a.privateKey, b.publicKey), crypto.dh(a.privateKey, c.publicKey));
  t.is(crypto.dh(a.privateKey, new Uint8Array(32)), null);
  const kem = crypto.kemKeyPair();
  const made = crypto.kemEncapsulate(kem.encapsulationKey)!;
  t.deepEqual(crypto.kemDecapsulate(kem.decapsulationKey, made.ciphertext), made.secret);
  t.is(crypto.kemEncapsulate(kem.encapsulationKey.slice(1)), null);
  t.is(crypto.kemDecapsulate(kem.decapsulationKey, made.ciphertext.slice(1)), null);
  const signer = crypto.signKey(random.bytes(32));
  t.true(crypto.verify(signer.publicKey, Uint8Array.of(1), signer.sign(Uint8Array.of(1))));
  t.false(crypto.verify(signer.publicKey, Uint8Array.of(2), signer.sign(Uint8Array.of(1))));
});

test('churn: sessions have the median and mean that were measured, and classes are up for their share', (t) => {
  const random = createFastRandom('roos');
  const minutes = Array.from({ length: 40_000 }, () => sessionMs(random) / 60_000);
  t.true(Math.abs(percentile(minutes, 0.5) - 97) < 5, `median ${percentile(minutes, 0.5)}`);
  t.true(Math.abs(mean(minutes) - 513) < 120, `mean ${mean(minutes)}; the tail is cut at 100 hours`);
  for (const availability of [0.96, 0.56, 0.16]) {
    const gaps = Array.from({ length: 20_000 }, () => gapMs(random, availability) / 60_000);
    const share = 513 / (513 + mean(gaps));
    t.true(Math.abs(share - availability) < 0.02, `${availability}: ${share}`);
  }
  const classes = new Set(Array.from({ length: 1_000 }, () => availabilityOf(random)));
  t.is(classes.size, 3);
});

test('statistics: nearest rank and Wilson', (t) => {
  t.is(percentile([4, 1, 3, 2], 0.5), 2);
  t.is(percentile([4, 1, 3, 2], 1), 4);
  t.true(wilson(1_000, 1_000).low > 0.996 && wilson(1_000, 1_000).high === 1);
  t.true(wilson(0, 10).low < 1e-12);
});

test('createRequestTap: a raised HTL and bytes that do not match are broken rules, hops are counted on the way back', (t) => {
  const random = createFastRandom('tap');
  const crypto = createCheapCrypto({ randomBytes: (length) => random.bytes(length) });
  let slept: number | undefined;
  const tap = createRequestTap(crypto, { isHonest: () => true, sleptSinceMs: () => slept });
  const payload = random.bytes(32_768);
  const key = crypto.sha256('holloway chk', payload);
  const ask = (id: number, htl: number) =>
    ({ type: 'Fetch', id, kind: 1, key, replica: 0, htl, deadlineMs: 9_000 }) as const;
  tap.received(0, 0, 1, ask(1, 20));
  tap.received(1, 1, 2, ask(2, 19));
  tap.received(2, 2, 3, ask(3, 19));
  t.deepEqual(tap.broken, []);
  tap.received(3, 2, 4, ask(4, 21));
  t.is(tap.broken.length, 0, 'from an exit any first HTL is possible');
  tap.received(4, 3, 5, ask(5, 17));
  tap.received(5, 5, 6, ask(6, 10));
  t.is(tap.broken.length, 0);
  tap.received(6, 7, 8, ask(7, 9));
  t.is(tap.broken.length, 1, 'a node that received nothing and is no exit sent a low HTL');
  tap.received(7, 3, 2, { type: 'Data', id: 3, payload: random.bytes(32_768) });
  t.is(tap.broken.length, 2, 'wrong bytes');
  slept = 10;
  tap.received(300_000, 3, 4, ask(8, 17));
  t.is(tap.broken.length, 2, 'node 4 slept, and reads what node 3 sent while its own request was open');
  slept = undefined;
  tap.received(300_000, 3, 4, ask(9, 17));
  t.is(tap.broken.length, 3, 'awake, it was sent long after that');
});

test('SimWorld: a node that crashes without a flush comes back under the same identity, and its neighbours take it in again', async (t) => {
  const world = new SimWorld({ seed: 5 });
  await world.grow(6);
  const { id } = world.nodes[2]!;
  world.crash(2);
  t.is(world.nodes[2]!.node, undefined);
  await world.advance(20_000);
  await world.start(2);
  t.is(world.nodes[2]!.id, id);
  t.true(await world.clock.runUntil(() => world.isReady(), 120_000));
  await world.stopAll();
  t.deepEqual(world.check(), []);
  t.is(world.counters.crash, 1);
  t.is(world.counters.restart, 1);
});

test('SimWorld: black holes and poisoners are felt and counted, and what is fetched is still what was published', async (t) => {
  for (const conduct of ['liar', 'blackHole', 'poisoner'] as const) {
    const world = new SimWorld({ seed: `attack ${conduct}` });
    world.hostile.set(3, conduct);
    world.hostile.set(6, conduct);
    await world.grow(10);
    const published = await world.inTime(publish(world, 0, world.random.bytes(40_000)), 900_000);
    t.is(published.type, 'published', conduct);
    if (published.type !== 'published') continue;
    for (const reader of [1, 2, 8, 9]) await world.inTime(fetch(world, reader, published.document), 900_000);
    if (conduct === 'liar') t.true(world.counters.liarMessage > 0);
    if (conduct === 'blackHole') t.true(world.counters.blackHoleSwallowed > 0);
    t.deepEqual(world.check(), [], conduct);
  }
});

test('hostNear: a Sybil chooses an address whose location lies beside its target', (t) => {
  const world = new SimWorld({ seed: 9 });
  const host = hostNear(world, 0.25, 2_000);
  const location = deriveLocation(
    world.crypto('any'),
    nodeId(new Uint8Array(32)),
    BINDING.prefix,
    { host, port: 1 },
    0,
  );
  t.true(Math.abs(location - 0.25) < 0.005, `${location}`);
});

test('EventQueue: gives what a sorted list would, whatever is pushed between, at times past and at this very one', (t) => {
  const step = fc.oneof(
    fc.record({ type: fc.constant('push' as const), inMs: fc.nat({ max: 6 }) }),
    fc.record({ type: fc.constant('pop' as const), inMs: fc.constant(0) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const queue = new EventQueue<{ dueMs: number; order: number }>();
      const expected: { dueMs: number; order: number }[] = [];
      let nowMs = 3;
      let order = 0;
      for (const { type, inMs } of steps) {
        if (type === 'push') {
          // One in seven is due before now: a machine that slept.
          const event = { dueMs: nowMs + inMs - 1, order: order++ };
          queue.push(event, nowMs);
          expected.push(event);
          expected.sort((a, b) => a.dueMs - b.dueMs || a.order - b.order);
        } else {
          const event = expected.shift();
          t.is(queue.peek(), event);
          queue.drop();
          nowMs = Math.max(nowMs, event?.dueMs ?? 0);
        }
      }
      for (const event of expected) {
        t.is(queue.peek(), event);
        queue.drop();
      }
      t.is(queue.peek(), undefined);
    }),
  );
});
