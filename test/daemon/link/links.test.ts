import test from 'ava';
import { ProtocolError } from '../../../daemon/errors.ts';
import { hexKey, routingKey } from '../../../daemon/ids.ts';
import {
  CELL_LARGE_BYTES,
  CELL_SMALL_BYTES,
  HANDSHAKE_TIMEOUT_MS,
  KEEPALIVE_INTERVAL_MS,
  KEEPALIVE_TIMEOUT_MS,
} from '../../../daemon/limits.ts';
import { createMemoryDisk } from '../../support/memory-disk.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';
import { createWorld, makeIdentity, NOW_HOUR, PORT } from './world.ts';

test('connect: both ends know each other and share the exporter secret', async (t) => {
  const world = createWorld({ latencyMs: 20 });
  const [a, b] = [await world.node(1), await world.node(2)];
  const { near, far } = await world.connect(a, b);
  t.deepEqual(near.peer?.nodeId, b.descriptor.nodeId);
  t.deepEqual(far.peer?.nodeId, a.descriptor.nodeId);
  t.deepEqual(far.peer?.encoded, a.descriptor.encoded);
  t.deepEqual(near.exporterSecret, far.exporterSecret);
  t.is(near.exporterSecret.length, 32);
  t.true(near.dialledByUs);
  t.false(far.dialledByUs);
  t.is(near.rttMs, 40);
  t.is(far.rttMs, 40);
  t.is(a.links.get(b.descriptor.nodeId), near);
  t.is(b.links.get(a.descriptor.nodeId), far);
});

test('messages and cells of both sizes arrive whole, in order, both ways', async (t) => {
  const world = createWorld({ latencyMs: 5, chunkBytes: 1_000 });
  const [a, b] = [await world.node(1), await world.node(2)];
  const { near, far } = await world.connect(a, b);
  const random = createSeededRandom('payload');
  const payload = random.bytes(32_768);
  const small = random.bytes(CELL_SMALL_BYTES);
  const large = random.bytes(CELL_LARGE_BYTES);
  for (let id = 0; id < 5; id++) t.true(near.sendMessage({ type: 'Data', id, payload }));
  t.true(near.sendCell(small.slice()));
  t.true(near.sendCell(large.slice()));
  t.true(far.sendMessage({ type: 'Accepted', id: 7 }));
  t.true(far.sendCell(large.slice()));
  await world.clock.advance(200);
  t.deepEqual(
    b.messages.map((message) => (message.type === 'Data' ? message.id : -1)),
    [0, 1, 2, 3, 4],
  );
  for (const message of b.messages) t.deepEqual(message.type === 'Data' && message.payload, payload);
  t.deepEqual(b.cells, [small, large]);
  t.deepEqual(a.messages, [{ type: 'Accepted', id: 7 }]);
  t.deepEqual(a.cells, [large]);
  t.true(a.links.bytesOut > 5 * 32_768);
  t.is(a.links.bytesOut, b.links.bytesIn);
  t.is(b.links.bytesOut, a.links.bytesIn);
});

test('connect: calls for one node share a dial, and an open link is used again', async (t) => {
  const world = createWorld();
  const [a, b] = [await world.node(1), await world.node(2)];
  const calls = [a.links.connect(b.descriptor), a.links.connect(b.descriptor)];
  await world.clock.advance(100);
  const [first, second] = await Promise.all(calls);
  t.is(first, second);
  t.is(await a.links.connect(b.descriptor), first!);
  t.is(b.opened.length, 1);
});

test('connect: simultaneous dials give two links, and both ends prefer the same one', async (t) => {
  const world = createWorld({ latencyMs: 30 });
  const [a, b] = [await world.node(1), await world.node(2)];
  const both = [a.links.connect(b.descriptor), b.links.connect(a.descriptor)];
  await world.clock.advance(500);
  await Promise.all(both);
  t.is(a.links.all().length, 2);
  t.is(b.links.all().length, 2);
  const fromA = a.links.get(b.descriptor.nodeId)!;
  const fromB = b.links.get(a.descriptor.nodeId)!;
  t.deepEqual(fromA.exporterSecret, fromB.exporterSecret);
  t.is(fromA.dialledByUs, hexKey(a.descriptor.nodeId) < hexKey(b.descriptor.nodeId));
  const other = a.links.all().find((link) => link !== fromA)!;
  other.sendMessage({ type: 'Accepted', id: 9 });
  await world.clock.advance(100);
  t.deepEqual(b.messages, [{ type: 'Accepted', id: 9 }]);
  fromA.close('shutdown');
  await world.clock.advance(100);
  t.is(a.links.get(b.descriptor.nodeId), other);
});

test('a node that dials again replaces its older link', async (t) => {
  const world = createWorld();
  const b = await world.node(2);
  const first = await world.node(1);
  await world.connect(first, b);
  const again = makeIdentity(1);
  const reborn = await world.node(3, { identity: again });
  await world.connect(reborn, b);
  t.is(b.links.all().length, 1);
  t.deepEqual(b.closed, ['ERR_CLOSED']);
});

test('connect rejects: nobody listens, own node, private address, after closeAll', async (t) => {
  const world = createWorld();
  const a = await world.node(1);
  const rejects = async (attempt: Promise<unknown>, code: string): Promise<void> => {
    const failed = t.throwsAsync(attempt, { instanceOf: ProtocolError, code });
    await world.clock.advance(HANDSHAKE_TIMEOUT_MS);
    await failed;
  };
  await rejects(a.links.connect(makeIdentity(9).descriptor), 'ERR_DIAL');
  await rejects(a.links.connect(a.descriptor), 'ERR_DIAL');
  const publicOnly = await world.node(4, { allowPrivateAddresses: false });
  await rejects(publicOnly.links.connect(a.descriptor), 'ERR_BINDING');
  a.links.closeAll();
  await rejects(a.links.connect(makeIdentity(9).descriptor), 'ERR_CLOSED');
});

test('connect rejects with ERR_HANDSHAKE when another key answers, and that node says nothing', async (t) => {
  const world = createWorld();
  const [a, b] = [await world.node(1), await world.node(2)];
  const other = makeIdentity(5, { host: '10.0.2.1', port: PORT });
  const failed = t.throwsAsync(a.links.connect(other.descriptor), { instanceOf: ProtocolError, code: 'ERR_HANDSHAKE' });
  await world.clock.advance(HANDSHAKE_TIMEOUT_MS + 30_000);
  await failed;
  t.is(b.links.bytesOut, 0);
  t.is(b.opened.length, 0);
});

test('probe: tells that a node is where its descriptor says, and leaves no link and no name there', async (t) => {
  const world = createWorld();
  const [a, b] = [await world.node(1), await world.node(2)];
  const probed = a.links.probe(b.descriptor);
  await world.clock.advance(200);
  await probed;
  t.is(a.links.all().length + b.links.all().length, 0);
  t.is(a.opened.length + b.opened.length, 0);
  const linked = await world.connect(b, a); // beside an open link it dials all the same
  const again = a.links.probe(b.descriptor);
  await world.clock.advance(200);
  await again;
  t.true(linked.near.isOpen);
  const imposter = a.links.probe(makeIdentity(5, { host: '10.0.2.1', port: PORT }).descriptor);
  const nobody = a.links.probe(makeIdentity(9).descriptor);
  const failed = [t.throwsAsync(imposter, { code: 'ERR_HANDSHAKE' }), t.throwsAsync(nobody, { code: 'ERR_DIAL' })];
  await world.clock.advance(HANDSHAKE_TIMEOUT_MS);
  await Promise.all(failed);
  await t.throwsAsync(a.links.probe(a.descriptor), { code: 'ERR_DIAL' });
});

test('a light node shows neither descriptor nor its own link key', async (t) => {
  const world = createWorld();
  const b = await world.node(2);
  const noKeys = (): never => {
    throw new Error('its own link key must not be used');
  };
  const light = await world.node(1, { sendDescriptor: false, linkKeys: noKeys });
  const { near, far } = await world.connect(light, b);
  t.is(far.peer, undefined);
  t.is(far.peerKey, `light-${far.handle}`);
  t.deepEqual(near.peer?.nodeId, b.descriptor.nodeId);
  far.sendMessage({ type: 'Accepted', id: 1 });
  await world.clock.advance(50);
  t.is(light.messages.length, 1);
  near.close('shutdown');
  await world.clock.advance(50);
  t.deepEqual(b.closed, ['peer']);
  t.is(b.links.all().length, 0);
});

test('a responder refuses a descriptor that expired, and one whose link key was not proven', async (t) => {
  const world = createWorld();
  const b = await world.node(2, { nowHour: () => NOW_HOUR + 100 });
  const old = await world.node(1);
  const first = old.links.connect(b.descriptor);
  const thief = await world.node(3, { identity: makeIdentity(3), ownDescriptor: () => makeIdentity(4).descriptor });
  const c = await world.node(5);
  const second = thief.links.connect(c.descriptor);
  await world.clock.advance(40_000);
  await Promise.all([first, second]); // the third flight is the last: an initiator hears of no refusal, only of the end
  t.is(b.opened.length, 0);
  t.is(c.opened.length, 0);
  t.deepEqual(old.closed, ['peer']);
  t.deepEqual(thief.closed, ['peer']);
});

test('the old link key is honoured beside the current one', async (t) => {
  const world = createWorld();
  const identity = makeIdentity(2);
  const next = makeIdentity(77).linkKey;
  await world.node(2, { identity, linkKeys: () => [next, identity.linkKey] });
  const a = await world.node(1);
  const pending = a.links.connect(identity.descriptor);
  await world.clock.advance(100);
  t.true((await pending).isOpen);
});

test('keepalive: round trips are measured, and a silent peer is given up', async (t) => {
  const world = createWorld({ latencyMs: 50 });
  const [a, b] = [await world.node(1), await world.node(2)];
  const { near } = await world.connect(a, b);
  const before = near.counters;
  await world.clock.advance(KEEPALIVE_INTERVAL_MS * 2);
  t.is(near.rttMs, 100);
  t.true(near.counters.recordsOut > before.recordsOut);
  t.true(near.counters.paddingBytesOut > 0);
  t.deepEqual(a.messages, [], 'pings stay inside the link');
  t.deepEqual(b.messages, []);

  const mute = await world.node(3);
  const { near: lonely } = await world.connect(a, mute);
  mute.links.all()[0]!.sendMessage = () => false; // no pong leaves it
  for (const link of mute.links.all()) (link as unknown as { sendPadding: () => void }).sendPadding = () => {};
  await world.clock.advance(KEEPALIVE_TIMEOUT_MS - 1_000);
  t.true(lonely.isOpen);
  await world.clock.advance(2_000);
  t.false(lonely.isOpen);
  t.deepEqual(a.closed, ['ERR_PEER_SILENT']);
  t.true(near.isOpen);
});

test('a ProtocolError out of a handler above closes the link with its code', async (t) => {
  const world = createWorld();
  const refusing = await world.node(2, {
    events: {
      message: () => {
        throw new ProtocolError('ERR_UNEXPECTED');
      },
    },
  });
  const a = await world.node(1);
  const { near } = await world.connect(a, refusing);
  near.sendMessage({ type: 'DataNotFound', id: 1 });
  await world.clock.advance(10);
  t.deepEqual(refusing.closed, ['ERR_UNEXPECTED']);
  t.deepEqual(a.closed, ['peer']);
});

test('closeAll sends what is queued, then everything is closed', async (t) => {
  const world = createWorld();
  const [a, b] = [await world.node(1), await world.node(2)];
  const { near } = await world.connect(a, b);
  near.sendMessage({ type: 'Goodbye', reason: 0 });
  a.links.closeAll();
  t.deepEqual(a.closed, ['shutdown']);
  await world.clock.advance(10);
  t.deepEqual(b.messages, [{ type: 'Goodbye', reason: 0 }]);
  t.deepEqual(b.closed, ['peer']);
  t.false(near.sendMessage({ type: 'DataNotFound', id: 1 }));
});

test('a first flight is answered once, across a restart of the responder', async (t) => {
  const world = createWorld({ record: true });
  const disk = createMemoryDisk();
  const records = await disk.openRecords('node');
  const b = await world.node(2, { records });
  const a = await world.node(1);
  await world.connect(a, b);
  const flight = world.network.recorded.get('10.0.1.1>10.0.2.1')![0]!;
  b.links.closeAll();
  t.is(records.entries('link-replay').length, 1);

  const answers: number[] = [];
  const replayTo = async (host: string): Promise<void> => {
    const stream = world.network.transport('10.0.8.1').dial({ host, port: PORT });
    let answered = 0;
    stream.attach({
      open: () => stream.write(flight),
      data: (bytes) => {
        answered += bytes.length;
      },
      drain: () => {},
      close: () => answers.push(answered),
    });
    await world.clock.advance(HANDSHAKE_TIMEOUT_MS + 30_000);
  };
  const identity = makeIdentity(2);
  await world.node(6, { identity, records });
  await replayTo('10.0.6.1');
  t.deepEqual(answers, [0]);
  await world.node(7, { identity });
  await replayTo('10.0.7.1');
  t.true(answers[1]! > 0, 'without the records it would have been answered: the test can fail');
});

test('routing keys and other bytes in messages are copies of the record', async (t) => {
  const world = createWorld();
  const [a, b] = [await world.node(1), await world.node(2)];
  const { near } = await world.connect(a, b);
  const key = routingKey(new Uint8Array(32).fill(7));
  near.sendMessage({ type: 'Fetch', id: 1, kind: 1, key, replica: 0, htl: 18, deadlineMs: 10_000 });
  await world.clock.advance(10);
  const [got] = b.messages;
  t.true(got?.type === 'Fetch' && got.key.buffer.byteLength === 32);
});
