/**
 * Handshakes under attack, in a small dose (npm run long -- handshakes takes a million): nothing is accepted, nothing answered. What goes over
 * the wire looks random to whoever lacks the descriptor, and without either half of the hybrid there is no session.
 * @module
 */
import test from 'ava';
import { answerCircuitRequest, createCircuitRequest } from '../../../crypto/ntor.ts';
import type { Crypto } from '../../../crypto/provider.ts';
import { createInitiator, createResponder } from '../../../daemon/link/handshake.ts';
import { createReplayGuard } from '../../../daemon/link/replay.ts';
import { decodeDescriptor } from '../../../daemon/wire/descriptor.ts';
import { HandshakeAttacks, type Outcome, sayAndListen, type Victim } from '../../support/handshake-attacks.ts';
import { startOnionNode } from '../../support/onion-node.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';
import { testCrypto } from '../../support/test-crypto.ts';
import { bitByPlace, coefficients, deviations } from '../../support/uniformity.ts';
import { createWorld, makeIdentity, NOW_HOUR, silentLog } from './world.ts';

const PORTABLE = process.env.HOLLOWAY_CRYPTO === 'portable';
const crypto = testCrypto('attacks');
const random = createSeededRandom('attacks');
const alice = makeIdentity(1);
const bob = makeIdentity(2);
const decode = (bytes: Uint8Array) =>
  decodeDescriptor(crypto, bytes, { nowHour: NOW_HOUR, allowPrivateAddresses: true });

function attacksOn(victim: Pick<Victim, 'descriptor' | 'linkKeys' | 'onionKey'>, recorded: number): HandshakeAttacks {
  const replay = createReplayGuard(undefined, silentLog);
  return new HandshakeAttacks(crypto, random, { ...victim, replay, decodeDescriptor: decode }, alice, recorded);
}

test('handshake messages replayed, spliced, cut, reflected, changed, forged: none accepted, none answered', (t) => {
  const victim = { descriptor: bob.descriptor, linkKeys: [bob.linkKey], onionKey: crypto.dhKeyPair() };
  const attacks = attacksOn(victim, PORTABLE ? 3 : 8);
  const outcomes: Outcome[] = [];
  for (let round = 0; round < (PORTABLE ? 2 : 40); round++) {
    for (const kind of attacks.firstKinds) outcomes.push(attacks.tryFirst(attacks.first(kind)));
    outcomes.push(attacks.trySecond(), attacks.tryThird(), attacks.tryCreate(), attacks.tryCreated());
  }
  t.deepEqual(
    outcomes.filter(({ isAccepted, isAnswered }) => isAccepted || isAnswered),
    [],
  );
  t.true(new Set(outcomes.map(({ kind }) => kind)).size >= 25);
  // The same machinery is no blind one: an honest handshake of it went through, and a flight never sent is answered.
  t.is(attacks.recorded.length, PORTABLE ? 3 : 8);
});

test('the same over real sockets: not a byte comes back', async (t) => {
  const node = await startOnionNode();
  const [at] = node.descriptor.addresses;
  const attacks = attacksOn({ ...node, linkKeys: [node.linkKey] }, 3);
  // Once each is an honest flight; from then on it is a replay.
  for (const { first } of attacks.recorded) t.true((await sayAndListen(at!, first, 150)) > 1_000, 'answered once');
  const answeredBytes = node.links.bytesOut;
  const heard = await Promise.all(attacks.firstKinds.map((kind) => sayAndListen(at!, attacks.first(kind).bytes, 150)));
  t.deepEqual(
    heard,
    heard.map(() => 0),
  );
  t.is(node.links.bytesOut, answeredBytes);
  t.is(node.links.all().length, 0);
  t.true(node.links.bytesIn > heard.length * 500, 'they were read');
  node.stop();
});

/** Worst of a battery against 5 sigma. */
function assertUniform(
  t: { true(holds: boolean, why: string): void },
  what: string,
  samples: readonly Uint8Array[],
): void {
  for (const { test: name, sigmas } of [...deviations(samples), coefficients(samples)]) {
    t.true(Math.abs(sigmas) < 5, `${what}, ${name}: ${sigmas.toFixed(2)} sigma`);
  }
}

test('uniformity: first flights, second flights and the records of a link pass as random bytes', async (t) => {
  const world = createWorld({ record: true });
  const firsts: Uint8Array[] = [];
  const seconds: Uint8Array[] = [];
  const replay = createReplayGuard(undefined, silentLog);
  for (let i = 0; i < (PORTABLE ? 40 : 200); i++) {
    const { first } = createInitiator({
      crypto,
      random,
      to: bob.descriptor,
      staticKey: alice.linkKey,
      ownDescriptor: undefined,
    });
    firsts.push(first);
    const step = createResponder({
      crypto,
      random,
      ownNodeId: bob.descriptor.nodeId,
      linkKeys: [bob.linkKey],
      replay,
      decodeDescriptor: decode,
    }).push(first);
    if (step.type === 'send') seconds.push(step.bytes);
  }
  t.is(seconds.length, firsts.length);
  assertUniform(t, 'first flights', firsts);
  assertUniform(t, 'second flights', seconds);
  // Where the point, the length and the sealed ML-KEM key lie, each by itself.
  assertUniform(
    t,
    'heads',
    firsts.map((flight) => flight.subarray(0, 68)),
  );
  assertUniform(
    t,
    'sealed ML-KEM keys',
    firsts.map((flight) => flight.subarray(68, 68 + 1_152)),
  );
  const places = bitByPlace(firsts, 1_316);
  t.true(places.sigmas < 6.5, `${places.test}: ${places.sigmas.toFixed(2)} sigma`); // 10,528 places: the largest is about 4
  t.true(new Set(firsts.map(({ length }) => length)).size > firsts.length / 2, 'lengths vary');
  t.true(new Set(seconds.map(({ length }) => length)).size > seconds.length / 2, 'lengths vary');

  const [a, b] = [await world.node(1), await world.node(2)];
  const { near, far } = await world.connect(a, b);
  for (let i = 0; i < 300; i++) {
    near.sendMessage({ type: 'Ping', nonce: i });
    far.sendCell(new Uint8Array(2_048));
    await world.clock.settle();
  }
  const streams = [...world.network.recorded.values()].map((pieces) => new Uint8Array(Buffer.concat(pieces)));
  t.true(streams.every(({ length }) => length > 5_000));
  assertUniform(t, 'streams', streams);
});

test('uniformity: the battery knows bare points, bare ML-KEM keys, text and repeats from random bytes', (t) => {
  const worst = (samples: readonly Uint8Array[]): number =>
    Math.max(...deviations(samples).map(({ sigmas }) => Math.abs(sigmas)));
  const count = PORTABLE ? 60 : 200;
  const points = Array.from({ length: count }, () => crypto.dhKeyPair().publicKey);
  t.true(bitByPlace(points, 32).sigmas > 7);
  const keys = Array.from({ length: 50 }, () => crypto.kemKeyPair().encapsulationKey.subarray(0, 1_152));
  t.true(Math.abs(coefficients(keys).sigmas) > 50);
  t.true(worst([new TextEncoder().encode('what is not noise, but a sentence '.repeat(200))]) > 50);
  const block = createSeededRandom('repeated').bytes(64);
  t.true(worst(Array.from({ length: 50 }, () => block)) > 50);
  const noise = Array.from({ length: 300 }, (_, index) => createSeededRandom(`noise ${index}`).bytes(2_000));
  t.true(worst(noise) < 5);
  t.true(Math.abs(coefficients(noise).sigmas) < 5);
});

/** The engine with one half of the hybrid taken out, as a broken or bribed build would have it. */
function without(half: 'x25519' | 'kem'): Crypto {
  if (half === 'x25519') return { ...crypto, dh: () => new Uint8Array(32) };
  return {
    ...crypto,
    kemEncapsulate: (key) => blank(crypto.kemEncapsulate(key)),
    kemDecapsulate: () => new Uint8Array(32),
  };
}

function blank(result: ReturnType<Crypto['kemEncapsulate']>): ReturnType<Crypto['kemEncapsulate']> {
  return result === null ? null : { ...result, secret: new Uint8Array(32) };
}

for (const half of ['x25519', 'kem'] as const) {
  test(`hybrid: an end that leaves ${half} out gets no link and no circuit, on either side`, (t) => {
    for (const [ours, theirs] of [
      [without(half), crypto],
      [crypto, without(half)],
    ] as const) {
      const initiator = createInitiator({
        crypto: ours,
        random,
        to: bob.descriptor,
        staticKey: alice.linkKey,
        ownDescriptor: alice.descriptor.encoded,
      });
      const responder = createResponder({
        crypto: theirs,
        random,
        ownNodeId: bob.descriptor.nodeId,
        linkKeys: [bob.linkKey],
        replay: createReplayGuard(undefined, silentLog),
        decodeDescriptor: decode,
      });
      const second = responder.push(initiator.first);
      const third = second.type === 'send' ? initiator.push(second.bytes) : second;
      t.not(third.type, 'done', 'the initiator makes no session');
      if (third.type === 'send') t.not(responder.push(third.bytes).type, 'done');

      const onionKey = crypto.dhKeyPair();
      const nodeId = bob.descriptor.nodeId;
      const request = createCircuitRequest(ours, {
        nodeId,
        onionKey: onionKey.publicKey,
        position: 1,
        delay: 0,
        flags: 0,
      });
      const answer = answerCircuitRequest(theirs, { nodeId, onionKeys: [onionKey], data: request.data });
      t.is(answer === null ? null : request.finish(answer.created), null, 'the client gets no keys');
    }
  });
}

test('hybrid: an onion key that the relay has forgotten is not answered', (t) => {
  const [old, current, next] = [crypto.dhKeyPair(), crypto.dhKeyPair(), crypto.dhKeyPair()];
  const nodeId = bob.descriptor.nodeId;
  const { data } = createCircuitRequest(crypto, { nodeId, onionKey: old.publicKey, position: 1, delay: 0, flags: 0 });
  t.not(answerCircuitRequest(crypto, { nodeId, onionKeys: [current, old], data }), null, 'during its last day');
  t.is(answerCircuitRequest(crypto, { nodeId, onionKeys: [current, next], data }), null, 'after it');
});
