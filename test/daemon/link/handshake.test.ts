import test from 'ava';
import { createInitiator, createResponder, type HandshakeStep } from '../../../daemon/link/handshake.ts';
import { createReplayGuard, type ReplayGuard } from '../../../daemon/link/replay.ts';
import { decodeDescriptor } from '../../../daemon/wire/descriptor.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';
import { testCrypto } from '../../support/test-crypto.ts';
import { makeIdentity, NOW_HOUR, silentLog } from './world.ts';

const crypto = testCrypto('handshake');
const random = createSeededRandom('handshake');
const alice = makeIdentity(1);
const bob = makeIdentity(2);
const PORTABLE = process.env.HOLLOWAY_CRYPTO === 'portable';

function initiator(shown: Uint8Array | undefined = alice.descriptor.encoded, to = bob.descriptor) {
  return createInitiator({ crypto, random, to, staticKey: alice.linkKey, ownDescriptor: shown });
}

function responder(replay: ReplayGuard = createReplayGuard(undefined, silentLog)) {
  return createResponder({
    crypto,
    random,
    ownNodeId: bob.descriptor.nodeId,
    linkKeys: [bob.linkKey],
    replay,
    decodeDescriptor: (bytes) => decodeDescriptor(crypto, bytes, { nowHour: NOW_HOUR, allowPrivateAddresses: true }),
  });
}

function sent(step: HandshakeStep): Uint8Array {
  if (step.type === 'send') return step.bytes;
  if (step.type === 'done' && step.bytes !== undefined) return step.bytes;
  throw new Error(`nothing was sent: ${step.type}`);
}

function flip(bytes: Uint8Array, at: number): Uint8Array {
  const changed = bytes.slice();
  changed[at]! ^= 1 << (at % 8);
  return changed;
}

test('handshake: three flights of the stated sizes give both ends the same keys', (t) => {
  const a = initiator();
  const b = responder();
  t.true(a.first.length >= 1_316 && a.first.length <= 1_316 + 1_024);
  t.false(b.proven);
  const second = sent(b.push(a.first));
  t.true(b.proven);
  t.true(second.length >= 1_188 && second.length <= 1_188 + 1_024);
  const done = a.push(second);
  const third = sent(done);
  t.is(third.length, 704);
  const end = b.push(third);
  if (done.type !== 'done' || end.type !== 'done') return t.fail('both ends are done');
  t.deepEqual(done.session.sendKey, end.session.receiveKey);
  t.deepEqual(done.session.receiveKey, end.session.sendKey);
  t.notDeepEqual(done.session.sendKey, done.session.receiveKey);
  t.deepEqual(done.session.exporterSecret, end.session.exporterSecret);
  t.is(end.session.version, 1);
  t.deepEqual(end.session.peer?.encoded, alice.descriptor.encoded);
  t.is(done.session.peer, bob.descriptor);
});

test('handshake: flights may come byte by byte, and records behind the last are handed on', (t) => {
  const a = initiator();
  const b = responder();
  let step: HandshakeStep = { type: 'wait' };
  for (const byte of a.first) {
    t.is(step.type, 'wait');
    step = b.push(Uint8Array.of(byte));
  }
  const second = sent(step);
  for (const byte of second) step = a.push(Uint8Array.of(byte));
  const third = sent(step);
  const end = b.push(Uint8Array.of(...third, 1, 2, 3));
  t.deepEqual(end.type === 'done' && end.session.rest, Uint8Array.of(1, 2, 3));
});

test('handshake: lengths of flights 1 and 2 vary, their pads cover 0..1,024', (t) => {
  const edges = (unit: number): number => {
    const fixed = { ...createSeededRandom('edges'), unit: () => unit };
    return createInitiator({
      crypto,
      random: fixed,
      to: bob.descriptor,
      staticKey: alice.linkKey,
      ownDescriptor: undefined,
    }).first.length;
  };
  t.is(edges(0), 1_316);
  t.is(edges(0.999_999), 1_316 + 1_024);
  t.true(new Set(Array.from({ length: 8 }, () => initiator().first.length)).size > 4);
});

test('flight 1: a changed byte in any region, and every cut, is never answered', (t) => {
  const first = initiator().first;
  // nonce, e, padLen, version, MAC, e1, its tag, payload, its tag, the first and last byte of the pad
  const regions = [
    0,
    15,
    16,
    47,
    48,
    49,
    50,
    51,
    52,
    67,
    68,
    1_000,
    1_251,
    1_252,
    1_268,
    1_284,
    1_315,
    1_316,
    first.length - 1,
  ];
  const step = PORTABLE ? 400 : 90;
  for (let at = 0; at < first.length; at += step) regions.push(at);
  for (const at of regions) {
    const result = responder().push(flip(first, at));
    t.true(result.type === 'failed' || result.type === 'wait', `byte ${at}`);
  }
  for (const length of [0, 1, 67, 68, 1_315, first.length - 1]) {
    const b = responder();
    t.is(b.push(first.subarray(0, length)).type, 'wait', `cut at ${length}`);
    t.is(b.proven, false);
  }
  t.is(responder().push(Uint8Array.of(...first, 0)).type, 'failed', 'a byte behind it');
  t.is(responder().push(first).type, 'send', 'unchanged it is answered');
});

test('flight 2: a changed byte in any region is never followed by flight 3', (t) => {
  const regions = [0, 31, 32, 33, 34, 35, 36, 700, 1_139, 1_140, 1_172, 1_187, 1_188, -1];
  for (const region of PORTABLE ? regions.slice(0, 8) : regions) {
    const a = initiator();
    const second = sent(responder().push(a.first));
    const at = region < 0 ? second.length - 1 : region;
    const result = a.push(flip(second, at));
    t.true(result.type === 'failed' || result.type === 'wait', `byte ${region}`);
    t.false(a.proven);
  }
});

test('flight 3: a changed byte in any region opens no link', (t) => {
  for (const at of [0, 31, 32, 47, 48, 50, 400, 687, 688, 703]) {
    const a = initiator();
    const b = responder();
    const third = sent(a.push(sent(b.push(a.first))));
    t.is(b.push(flip(third, at)).type, 'failed', `byte ${at}`);
    t.is(b.push(third).type, 'failed', 'and the machine stays dead');
  }
});

test('flight 3: a descriptor of somebody else, of ourselves, or damaged, opens no link', (t) => {
  const mallory = makeIdentity(3);
  const damaged = flip(alice.descriptor.encoded, 100);
  for (const shown of [mallory.descriptor.encoded, bob.descriptor.encoded, damaged, Uint8Array.of(1)]) {
    const a = initiator(shown);
    const b = responder();
    t.is(b.push(sent(a.push(sent(b.push(a.first))))).type, 'failed');
  }
  const light = initiator(undefined);
  t.is(light.push(new Uint8Array(0)).type, 'wait');
});

test('a first flight for another node, or for a forgotten link key, is not answered', (t) => {
  const carol = makeIdentity(3);
  t.is(responder().push(initiator(undefined, carol.descriptor).first).type, 'failed');
  const turned = { ...bob.descriptor, linkKey: carol.descriptor.linkKey };
  const b = responder();
  t.not(b.push(initiator(undefined, turned).first).type, 'send', 'right node id, other key');
  t.false(b.proven);
});

test('replay: the same first flight is answered once, and refused before any public-key work', (t) => {
  const replay = createReplayGuard(undefined, silentLog);
  const { first } = initiator();
  t.is(responder(replay).push(first).type, 'send');
  t.is(responder(replay).push(first.subarray(0, 68)).type, 'failed', 'its head is enough');
  t.is(responder(replay).push(initiator().first).type, 'send');
});

test('garbage, a reflected flight and a low-order point are met with silence', (t) => {
  const garbage = createSeededRandom('garbage');
  for (let i = 0; i < 200; i++) t.is(responder().push(garbage.bytes(68)).type, 'failed');
  const a = initiator();
  const result = a.push(a.first);
  t.true(result.type === 'failed' || result.type === 'wait');
  const lowOrder = initiator(undefined, { ...bob.descriptor, linkKey: new Uint8Array(32) });
  t.is(responder().push(lowOrder.first).type, 'failed');
});

test('first and second flights look uniform: every byte position together, and each of the first 68', (t) => {
  const count = PORTABLE ? 60 : 300;
  const totals = new Float64Array(256);
  const bits = Array.from({ length: 68 * 8 }, () => 0);
  let bytes = 0;
  for (let i = 0; i < count; i++) {
    const { first } = initiator();
    const all = i % 10 === 0 ? Uint8Array.of(...first, ...sent(responder().push(first))) : first;
    for (const byte of all) totals[byte]!++;
    bytes += all.length;
    for (let bit = 0; bit < bits.length; bit++) bits[bit]! += (first[bit >> 3]! >> (bit & 7)) & 1;
  }
  const expected = bytes / 256;
  const chiSquare = totals.reduce((sum, seen) => sum + (seen - expected) ** 2 / expected, 0);
  t.true(chiSquare < 350, `chi-square ${chiSquare} with 255 degrees of freedom`); // p about 1e-4
  // A bare X25519 point would show its clear top bit: bit 7 of byte 47 would never be set. 5 sigma over 544 bits.
  const limit = (5 * Math.sqrt(count)) / 2;
  for (const [bit, ones] of bits.entries())
    t.true(Math.abs(ones - count / 2) < limit, `bit ${bit}: ${ones} of ${count}`);
});

test('handshake: nodes of networks of different names never link, and the default name stands in no flight', (t) => {
  const replay = (): ReplayGuard => createReplayGuard(undefined, silentLog);
  const answers = (dialled: string | undefined, answering: string | undefined): string => {
    const { first } = createInitiator({
      crypto,
      random,
      to: bob.descriptor,
      staticKey: alice.linkKey,
      ownDescriptor: alice.descriptor.encoded,
      network: dialled,
    });
    const machine = createResponder({
      crypto,
      random,
      ownNodeId: bob.descriptor.nodeId,
      linkKeys: [bob.linkKey],
      replay: replay(),
      decodeDescriptor: (bytes) => decodeDescriptor(crypto, bytes, { nowHour: NOW_HOUR, allowPrivateAddresses: true }),
      network: answering,
    });
    return machine.push(first).type;
  };
  t.is(answers('garden', 'garden'), 'send');
  t.is(answers('holloway', undefined), 'send');
  t.is(answers('garden', 'gardens'), 'failed');
  t.is(answers(undefined, 'garden'), 'failed');
  t.is(answers('garden', undefined), 'failed');
});
