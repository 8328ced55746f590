/**
 * A whole conversation over real sockets, recorded at the client's end and read by a decoder that knows PROTOCOL.md and nothing of our code.
 * @module
 */
import type { KeyObject } from 'node:crypto';
import test from 'ava';
import type { Crypto } from '../../../crypto/provider.ts';
import { KIND, routingKey } from '../../../daemon/ids.ts';
import type { ByteStream, Transport } from '../../../daemon/ports.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { createMemoryNetwork } from '../../support/memory-transport.ts';
import { readConversation } from '../../support/naive-decoder.ts';
import { type OnionNode, startOnionNode } from '../../support/onion-node.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';

const KEY = routingKey(createSeededRandom('conversation key').bytes(32));
const BLOCK = createSeededRandom('conversation block').bytes(32_768);

interface Recorded {
  readonly port: number;
  readonly out: Uint8Array[];
  readonly into: Uint8Array[];
}

/** Keeps a copy of every secret as it is drawn: ours are wiped after use. */
function spy(): { wrap(crypto: Crypto): Crypto; x25519: Map<string, Uint8Array>; kem: Map<string, KeyObject> } {
  const x25519 = new Map<string, Uint8Array>();
  const kem = new Map<string, KeyObject>();
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  return {
    x25519,
    kem,
    wrap: (crypto) => ({
      ...crypto,
      dhKeyPair() {
        const pair = crypto.dhKeyPair();
        x25519.set(hex(pair.publicKey), pair.privateKey.slice());
        return pair;
      },
      kemKeyPair() {
        const pair = crypto.kemKeyPair();
        kem.set(hex(pair.encapsulationKey), pair.decapsulationKey as KeyObject);
        return pair;
      },
    }),
  };
}

function tap(streams: Recorded[]): (transport: Transport) => Transport {
  return (transport) => ({
    listen: (at, accept) => transport.listen(at, accept),
    dial(to) {
      const stream = transport.dial(to);
      const recorded: Recorded = { port: to.port, out: [], into: [] };
      streams.push(recorded);
      const tapped: ByteStream = {
        remote: stream.remote,
        attach: (handlers) =>
          stream.attach({
            ...handlers,
            data(bytes) {
              recorded.into.push(bytes.slice());
              handlers.data(bytes);
            },
          }),
        write(bytes) {
          recorded.out.push(bytes.slice());
          return stream.write(bytes);
        },
        pause: () => stream.pause(),
        resume: () => stream.resume(),
        close: () => stream.close(),
      };
      return tapped;
    },
  });
}

test('a recorded conversation reads as PROTOCOL.md says: handshake, records, cells, three layers, requests', async (t) => {
  const secrets = spy();
  const streams: Recorded[] = [];
  const relays: OnionNode[] = [];
  for (let i = 0; i < 3; i++) relays.push(await startOnionNode());
  const client = await startOnionNode({ wrapCrypto: secrets.wrap, wrapTransport: tap(streams) });
  t.teardown(() => {
    for (const node of [...relays, client]) node.stop();
  });
  const known = relays.map(({ descriptor }) => descriptor.encoded);
  for (const node of [...relays, client]) node.know(known);

  const circuit = await client.onion.open({ trafficClass: 'fast', padding: false, blocks: 1 });
  const fetched = await circuit.fetch({ kind: KIND.chk, key: KEY }, 2);
  const record = await circuit.fetch({ kind: KIND.ssk, key: KEY }, 0);
  // More cells than one key of a layer takes.
  for (let i = 0; i < 70; i++) await circuit.fetch({ kind: KIND.ssk, key: KEY }, 1);
  t.deepEqual(await circuit.insert({ kind: KIND.chk, key: KEY }, 0, 3, BLOCK), { type: 'inserted', copies: 3 });
  circuit.close();
  await new Promise((resolve) => setImmediate(resolve));
  client.stop();

  t.is(streams.length, 1, 'a client speaks to its guard alone');
  const { port, out, into } = streams[0]!;
  const guard = relays.find(({ descriptor }) => descriptor.addresses[0]!.port === port)!;
  const { nodeId, linkKey } = guard.descriptor;
  const read = readConversation(Buffer.concat(out), Buffer.concat(into), { nodeId, linkKey }, secrets);

  t.is(read.version, 1);
  t.deepEqual(new Uint8Array(read.shown), client.descriptor.encoded);
  t.deepEqual([...new Set(read.cells.map(({ bytes }) => bytes))].sort(), [2_048, 34_816]);
  t.deepEqual(
    read.cells.filter(({ name }) => name !== 'RELAY').map(({ way, name }) => `${way} ${name}`),
    ['out CREATE', 'out DESTROY', 'in CREATED'],
  );
  const said = read.relayed.map(({ way, name, hops, requestId }) => `${way} ${name} ${hops} ${requestId}`);
  t.deepEqual(
    said.filter((line) => line.includes('EXTEND')),
    ['out EXTEND 1 0', 'in EXTENDED 1 0', 'out EXTEND 2 0', 'in EXTENDED 2 0'],
  );
  t.is(said.filter((line) => line.startsWith('out FETCH 3')).length, 72);
  t.is(said.filter((line) => line.startsWith('in DATA 3')).length, 72);
  const [first, second] = read.relayed.filter(({ name }) => name === 'DATA');
  t.deepEqual(new Uint8Array(first!.data), fetched.type === 'data' ? fetched.payload : undefined);
  t.deepEqual(new Uint8Array(second!.data), record.type === 'data' ? record.payload : undefined);
  t.is(first!.cellBytes, 34_816);
  t.is(second!.cellBytes, 2_048);
  const [asked] = read.relayed.filter(({ name }) => name === 'FETCH');
  t.is(asked!.data.toString('hex'), `01020000${Buffer.from(KEY).toString('hex')}`);
  const insert = read.relayed.find(({ name }) => name === 'INSERT')!;
  t.is(insert.data.subarray(0, 4).toString('hex'), '01000300');
  t.deepEqual(new Uint8Array(insert.data.subarray(44)), BLOCK);
  t.is(read.relayed.find(({ name }) => name === 'INSERTED')!.data.toString('hex'), '03000000');
});

test('a conversation of class strong reads as PROTOCOL.md says: Pace, one record a tick, delays and the flag in CREATE', async (t) => {
  const clock = createManualClock();
  const network = createMemoryNetwork(clock, { latencyMs: 5 });
  const memory = (): Transport => network.transport('127.0.0.1');
  const secrets = spy();
  const streams: Recorded[] = [];
  const relays: OnionNode[] = [];
  for (let i = 0; i < 3; i++) relays.push(await startOnionNode({ clock, wrapTransport: memory }));
  const client = await startOnionNode({
    clock,
    wrapCrypto: secrets.wrap,
    wrapTransport: () => tap(streams)(memory()),
  });
  const known = relays.map(({ descriptor }) => descriptor.encoded);
  for (const node of [...relays, client]) node.know(known);
  const inTime = async <T>(promise: Promise<T>): Promise<T> => {
    let isSettled = false;
    void promise.finally(() => {
      isSettled = true;
    });
    await clock.runUntil(() => isSettled, 60_000);
    return promise;
  };

  const circuit = await inTime(client.onion.open({ trafficClass: 'strong', padding: true, blocks: 1 }));
  t.is((await inTime(circuit.fetch({ kind: KIND.chk, key: KEY }, 0))).type, 'data');
  t.is((await inTime(circuit.insert({ kind: KIND.chk, key: KEY }, 0, 3, BLOCK))).type, 'inserted');
  circuit.close();
  await clock.advance(2_000);
  for (const node of [...relays, client]) node.stop();

  const { port, out, into } = streams[0]!;
  const guard = relays.find(({ descriptor }) => descriptor.addresses[0]!.port === port)!;
  const { nodeId, linkKey } = guard.descriptor;
  const read = readConversation(Buffer.concat(out), Buffer.concat(into), { nodeId, linkKey }, secrets);

  const [pace] = read.messages.filter(({ hex }) => hex.startsWith('9204'));
  t.is(pace!.way, 'out');
  t.true(/^9204(cd[0-9a-f]{4}|[0-7][0-9a-f])$/.test(pace!.hex));
  t.deepEqual(read.extras, [
    { position: 1, delayMs: 400, flags: 1 },
    { position: 2, delayMs: 400, flags: 0 },
    { position: 3, delayMs: 400, flags: 0 },
  ]);
  for (const way of ['out', 'in'] as const) {
    const records = read.records.filter((record) => record.way === way);
    const ticks = records.filter(({ bytes }) => bytes === 36_876);
    t.true(ticks.length > 8);
    t.true(ticks.every(({ frames }) => frames.at(-1) === 'pad'));
    t.true(ticks.some(({ frames }) => frames.includes('largeCell')));
    t.true(
      ticks.some(({ frames }) => frames.length === 1),
      'most have no cell at all',
    );
    t.false(
      records.some(({ bytes, frames }) => bytes !== 36_876 && frames.some((name) => name.endsWith('Cell'))),
      'no cell leaves outside of a tick',
    );
  }
  t.deepEqual(
    read.cells.filter(({ name }) => name === 'DESTROY').map(({ way }) => way),
    ['out'],
  );
  t.deepEqual(read.relayed.map(({ way, name }) => `${way} ${name}`).toSorted(), [
    'in DATA',
    'in EXTENDED',
    'in EXTENDED',
    'in INSERTED',
    'out EXTEND',
    'out EXTEND',
    'out FETCH',
    'out INSERT',
  ]);
});
