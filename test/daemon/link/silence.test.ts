import test from 'ava';
import { ProtocolError } from '../../../daemon/errors.ts';
import { HANDSHAKE_TIMEOUT_MS, HANDSHAKES_MAX, LIGHT_LINKS_MAX, LINKS_MAX } from '../../../daemon/limits.ts';
import { createInitiator } from '../../../daemon/link/handshake.ts';
import type { OpenLink } from '../../../daemon/link/link.ts';
import type { ByteStream } from '../../../daemon/ports.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';
import { testCrypto } from '../../support/test-crypto.ts';
import { createWorld, PORT, type World } from './world.ts';

interface Probe {
  readonly stream: ByteStream;
  readonly heard: Uint8Array[];
  closedAtMs: number | undefined;
}

/** A stranger's connection to 10.0.2.1. */
function probe(world: World, say: Uint8Array): Probe {
  const stream = world.network.transport('10.0.9.1').dial({ host: '10.0.2.1', port: PORT });
  const made: Probe = { stream, heard: [], closedAtMs: undefined };
  stream.attach({
    open: () => stream.write(say),
    data: (bytes) => made.heard.push(bytes.slice()),
    drain: () => {},
    close: () => {
      made.closedAtMs = world.clock.nowMs();
    },
  });
  return made;
}

test('garbage: read on silently, closed after 1 to 30 s, never at the same time', async (t) => {
  const world = createWorld();
  const b = await world.node(2);
  const random = createSeededRandom('probes');
  const probes = Array.from({ length: 40 }, () => probe(world, random.bytes(100 + Math.floor(random.unit() * 3_000))));
  await world.clock.advance(900);
  t.true(probes.every(({ closedAtMs }) => closedAtMs === undefined));
  for (const { stream } of probes) stream.write(random.bytes(50_000));
  await world.clock.advance(30_000);
  const times = probes.map(({ closedAtMs }) => closedAtMs!);
  t.true(times.every((ms) => ms >= 1_000 && ms <= 30_100));
  t.true(Math.max(...times) - Math.min(...times) > 15_000, 'the delays spread');
  t.deepEqual(
    probes.flatMap(({ heard }) => heard),
    [],
  );
  t.is(b.links.bytesOut, 0);
  t.true(b.links.bytesIn >= 40 * 50_100);
  t.is(b.opened.length, 0);
});

/** When each of these is closed, by a node that always draws the same. */
async function closings(said: readonly ((first: Uint8Array) => Uint8Array)[]): Promise<(number | undefined)[]> {
  const world = createWorld({ record: true });
  const [a, b] = [await world.node(1), await world.node(2)];
  await world.connect(a, b);
  const first = world.network.recorded.get('10.0.1.1>10.0.2.1')![0]!;
  const before = b.links.bytesOut;
  const startMs = world.clock.nowMs();
  const probes = said.map((say) => probe(world, say(first)));
  await world.clock.advance(31_000);
  const heard = probes.flatMap((one) => one.heard);
  if (heard.length > 0 || b.opened.length !== 1 || b.links.bytesOut - before > 5_000) throw new Error('it answered');
  return probes.map(({ closedAtMs }) => (closedAtMs === undefined ? undefined : closedAtMs - startMs));
}

test('half a handshake: nothing is answered, and the time of closing does not depend on what was sent', async (t) => {
  const garbage = createSeededRandom('garbage').bytes(3_000);
  const nothing = await closings(Array.from({ length: 6 }, () => () => new Uint8Array(0)));
  const something = await closings([
    (first) => first.subarray(0, 1),
    (first) => first.subarray(0, 67),
    (first) => first.subarray(0, 68),
    (first) => first.subarray(0, 1_000),
    (first) => first, // a replay
    () => garbage,
  ]);
  t.deepEqual(something, nothing);
  for (const closedMs of nothing) t.true(closedMs! >= 1_000 && closedMs! <= 30_100);
  t.is(new Set(nothing).size, 6, 'each at its own time');
});

test('one who answers our second flight with nothing: closed 1 to 30 s after the time-out', async (t) => {
  const world = createWorld({ record: true });
  const b = await world.node(2);
  const a = await world.node(1);
  const { first } = createInitiator({
    crypto: testCrypto('half'),
    random: createSeededRandom('half'),
    to: b.descriptor,
    staticKey: a.linkKey,
    ownDescriptor: a.descriptor.encoded,
  });
  const half = probe(world, first);
  await world.clock.advance(HANDSHAKE_TIMEOUT_MS - 1);
  t.true(half.heard.length > 0, 'the first flight holds, so it is answered');
  t.is(half.closedAtMs, undefined);
  await world.clock.advance(31_000);
  t.true(half.closedAtMs! >= HANDSHAKE_TIMEOUT_MS + 1_000);
  t.is(b.opened.length, 0);
});

test('a tampered or cut record: ERR_RECORD to the owner, silence and a late close to the other end', async (t) => {
  const world = createWorld();
  const [a, b] = [await world.node(1), await world.node(2)];
  const { near, far } = await world.connect(a, b);
  (near as OpenLink).receive(createSeededRandom('tampered').bytes(18));
  t.false(near.isOpen);
  t.deepEqual(a.closed, ['ERR_RECORD']);
  const sentBefore = a.links.bytesOut;
  far.sendMessage({ type: 'Accepted', id: 1 });
  await world.clock.advance(900);
  t.true(far.isOpen, 'the stream is not closed at once');
  await world.clock.advance(30_000);
  t.deepEqual(b.closed, ['peer']);
  t.is(a.links.bytesOut, sentBefore, 'nothing was said meanwhile');
  t.deepEqual(a.messages, []);
});

test('at HANDSHAKES_MAX a newcomer takes the place of one that proved nothing; nodes still get in', async (t) => {
  const world = createWorld();
  const [a, b] = [await world.node(1), await world.node(2)];
  const silent = Array.from({ length: HANDSHAKES_MAX - 1 }, () => probe(world, new Uint8Array(0)));
  const garbage = probe(world, new Uint8Array(100));
  await world.clock.advance(100);
  t.true(
    [...silent, garbage].every(({ closedAtMs }) => closedAtMs === undefined),
    'all fit at the cap',
  );
  const more = probe(world, new Uint8Array(0));
  await world.clock.advance(1);
  t.not(garbage.closedAtMs, undefined, 'one that failed already goes first');
  t.is(silent[0]!.closedAtMs, undefined);
  const { near } = await world.connect(a, b);
  t.true(near.isOpen);
  t.not(silent[0]!.closedAtMs, undefined, 'then the oldest that has proven nothing');
  t.is(silent[1]!.closedAtMs, undefined);
  t.is(more.closedAtMs, undefined);
});

test('LIGHT_LINKS_MAX and LINKS_MAX: at the caps newcomers are turned away, light ones first, unless a link is idle', async (t) => {
  if (process.env.HOLLOWAY_CRYPTO === 'portable') {
    t.log('512 handshakes take 5 s with the portable engine: reached with the fast one only');
    return t.pass();
  }
  const world = createWorld();
  let areInUse = true;
  const b = await world.node(2, { isLinkInUse: () => areInUse });
  const turnedAway = async (seed: number, sendDescriptor: boolean): Promise<void> => {
    const late = await world.node(seed, { sendDescriptor });
    const pending = late.links.connect(b.descriptor);
    await world.clock.runUntil(() => late.closed.length > 0, 1_000);
    await pending;
    t.deepEqual(late.closed, ['peer']);
  };
  const crowd = async (from: number, to: number, sendDescriptor: boolean): Promise<void> => {
    for (let at = from; at < to; at += 128) {
      const nodes = await Promise.all(
        Array.from({ length: 128 }, (_, i) => world.node(10 + at + i, { sendDescriptor })),
      );
      const pending = Promise.all(nodes.map((node) => node.links.connect(b.descriptor)));
      await world.clock.advance(10);
      await pending;
    }
  };
  await crowd(0, LIGHT_LINKS_MAX, false);
  t.is(b.links.all().length, LIGHT_LINKS_MAX);
  await turnedAway(900, false);
  await crowd(LIGHT_LINKS_MAX, LINKS_MAX, true);
  t.is(b.links.all().length, LINKS_MAX);
  const late = await world.node(901);
  const refused = t.throwsAsync(late.links.connect(b.descriptor), { instanceOf: ProtocolError, code: 'ERR_HANDSHAKE' });
  await world.clock.advance(100);
  await refused;
  await t.throwsAsync(b.links.connect(late.descriptor), { instanceOf: ProtocolError, code: 'ERR_LIMIT' });
  const youngest = b.links.all().at(-1)!;
  areInUse = false;
  t.true((await world.connect(late, b)).near.isOpen);
  t.is(b.links.all().length, LINKS_MAX);
  t.false(youngest.isOpen, 'an idle one makes room');
});
