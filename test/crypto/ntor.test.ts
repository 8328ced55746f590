import { createHmac, hkdfSync } from 'node:crypto';
import test from 'ava';
import { kemKeyPairFromSeed } from '../../crypto/kem.ts';
import {
  answerCircuitRequest,
  CIRCUIT_ANSWER_BYTES,
  CIRCUIT_REQUEST_BYTES,
  createCircuitRequest,
} from '../../crypto/ntor.ts';
import type { Crypto } from '../../crypto/provider.ts';
import { createSeededCrypto } from '../../crypto/seeded.ts';
import { createSeededRandom } from '../support/seeded-random.ts';
import { testCrypto } from '../support/test-crypto.ts';
import { flip, hex, readVectors, unhex } from './vectors.ts';

const EXTRA = { position: 2, delay: 513, flags: 7 };

function setUp(crypto: Crypto) {
  const onion = crypto.dhKeyPair();
  const nodeId = crypto.randomBytes(32);
  const request = createCircuitRequest(crypto, { nodeId, onionKey: onion.publicKey, ...EXTRA });
  return { crypto, onion, nodeId, request };
}

function seededSetUp() {
  const random = createSeededRandom('circuit');
  return setUp(createSeededCrypto({ randomBytes: (length) => random.bytes(length) }));
}

/** Builds a request whose sealed extra is whatever `extra` says, as only the holder of the ephemeral key can. */
function requestWithExtra(crypto: Crypto, nodeId: Uint8Array, onionKey: Uint8Array, extra: Uint8Array): Uint8Array {
  const x = crypto.dhKeyPair();
  const clear = new Uint8Array([...nodeId, ...onionKey, ...x.publicKey, ...crypto.kemKeyPair().encapsulationKey]);
  const xB = crypto.dh(x.privateKey, onionKey)!;
  const keys = crypto.hkdf(xB, 'holloway circuit extra 1', crypto.sha256(clear), 64);
  const sealed = crypto.chacha20Xor(keys.subarray(0, 32), new Uint8Array(12), extra);
  const maced = new Uint8Array([...clear, ...sealed]);
  return new Uint8Array([...maced, ...crypto.hmac(keys.subarray(32), maced)]);
}

test('circuit handshake: both ends get the same two keys, the relay the position, delay and flags', (t) => {
  const { crypto, onion, nodeId, request } = setUp(testCrypto());
  t.is(request.data.length, CIRCUIT_REQUEST_BYTES);
  const answer = answerCircuitRequest(crypto, { nodeId, onionKeys: [crypto.dhKeyPair(), onion], data: request.data })!;
  t.is(answer.created.length, CIRCUIT_ANSWER_BYTES);
  t.like(answer, EXTRA);
  const keys = request.finish(answer.created)!;
  t.deepEqual(keys, answer.keys);
  t.notDeepEqual(keys.forward, keys.backward);
  t.deepEqual([keys.forward.length, keys.backward.length], [32, 32]);
});

test('circuit handshake: two answers to one request share nothing', (t) => {
  const { crypto, onion, nodeId, request } = setUp(testCrypto());
  const [first, second] = [1, 2].map(() =>
    answerCircuitRequest(crypto, { nodeId, onionKeys: [onion], data: request.data }),
  );
  t.notDeepEqual(first!.keys.forward, second!.keys.forward);
  t.notDeepEqual(first!.created.subarray(0, 32), second!.created.subarray(0, 32));
});

test('answerCircuitRequest: any byte of the request changed is null', (t) => {
  const { crypto, onion, nodeId, request } = seededSetUp();
  const answer = (data: Uint8Array) => answerCircuitRequest(crypto, { nodeId, onionKeys: [onion], data });
  t.truthy(answer(request.data));
  for (let at = 0; at < CIRCUIT_REQUEST_BYTES; at += 1) {
    // The KEM key's 1,184 bytes are all under the MAC alike: every eleventh of them.
    if (at > 100 && at < 1_280 && at % 11 !== 0) continue;
    if (answer(flip(request.data, at, at % 8)) !== null) t.fail(`byte ${at}`);
  }
});

test('finish: any byte of the answer changed is null', (t) => {
  const first = seededSetUp();
  const { created } = answerCircuitRequest(first.crypto, {
    nodeId: first.nodeId,
    onionKeys: [first.onion],
    data: first.request.data,
  })!;
  t.truthy(first.request.finish(created));
  // finish works once, so each change meets a request of its own: the seed makes them all alike.
  for (let at = 0; at < CIRCUIT_ANSWER_BYTES; at += at < 40 || at > 1_110 ? 1 : 13) {
    if (seededSetUp().request.finish(flip(created, at, at % 8)) !== null) t.fail(`byte ${at}`);
  }
  t.deepEqual(seededSetUp().request.data, first.request.data);
});

test('finish: the answer to another request, a wrong length and a second call are null', (t) => {
  const { crypto, onion, nodeId, request } = setUp(testCrypto());
  const answer = () => answerCircuitRequest(crypto, { nodeId, onionKeys: [onion], data: request.data })!.created;
  const others = [1, 2, 3].map(() => createCircuitRequest(crypto, { nodeId, onionKey: onion.publicKey, ...EXTRA }));
  t.is(others[0]!.finish(answer()), null);
  t.is(others[1]!.finish(answer().subarray(1)), null);
  t.is(others[2]!.finish(new Uint8Array(CIRCUIT_ANSWER_BYTES)), null);
  const created = answer();
  t.truthy(request.finish(created));
  t.is(request.finish(created), null);
});

test('finish: a relay without the onion key cannot answer, even knowing its public half', (t) => {
  const { crypto, onion, nodeId, request } = setUp(testCrypto());
  const impostor = { publicKey: onion.publicKey, privateKey: crypto.dhKeyPair().privateKey };
  t.is(answerCircuitRequest(crypto, { nodeId, onionKeys: [impostor], data: request.data }), null);
});

test('answerCircuitRequest: another node id, an unknown onion key, no key and wrong lengths are null', (t) => {
  const { crypto, onion, nodeId, request } = setUp(testCrypto());
  const { data } = request;
  const other = crypto.dhKeyPair();
  t.is(answerCircuitRequest(crypto, { nodeId: crypto.randomBytes(32), onionKeys: [onion], data }), null);
  t.is(answerCircuitRequest(crypto, { nodeId, onionKeys: [other], data }), null);
  t.is(answerCircuitRequest(crypto, { nodeId, onionKeys: [], data }), null);
  t.is(answerCircuitRequest(crypto, { nodeId, onionKeys: [onion], data: data.subarray(1) }), null);
  t.is(answerCircuitRequest(crypto, { nodeId, onionKeys: [onion], data: new Uint8Array([...data, 0]) }), null);
});

const extraOf = (...bytes: number[]) => new Uint8Array([...bytes, ...new Uint8Array(16 - bytes.length)]);
const lastByteSet = extraOf(1, 1);
lastByteSet[15] = 1;
const REFUSED_EXTRAS: [string, Uint8Array][] = [
  ['version 0', extraOf(0, 1)],
  ['version 2', extraOf(2, 1)],
  ['position 0', extraOf(1, 0)],
  ['position 4', extraOf(1, 4)],
  ['a byte set in the reserved part', lastByteSet],
];
for (const [what, extra] of REFUSED_EXTRAS) {
  test(`answerCircuitRequest: a well-sealed extra with ${what} is null`, (t) => {
    const { crypto, onion, nodeId } = setUp(testCrypto());
    const answer = (bytes: Uint8Array) =>
      answerCircuitRequest(crypto, {
        nodeId,
        onionKeys: [onion],
        data: requestWithExtra(crypto, nodeId, onion.publicKey, bytes),
      });
    t.like(answer(extraOf(1, 3, 0xff, 0xfe, 9)), { position: 3, delay: 0xfffe, flags: 9 });
    t.is(answer(extra), null);
  });
}

test('answerCircuitRequest: an ephemeral key of small order and a refused KEM key are null', (t) => {
  const { crypto, onion, nodeId, request } = setUp(testCrypto());
  const zeroPoint = request.data.slice();
  zeroPoint.fill(0, 64, 96);
  t.is(answerCircuitRequest(crypto, { nodeId, onionKeys: [onion], data: zeroPoint }), null);

  const encapsulationKey = new Uint8Array(1_184).fill(0xff);
  const careless: Crypto = { ...crypto, kemKeyPair: () => ({ ...crypto.kemKeyPair(), encapsulationKey }) };
  const bad = createCircuitRequest(careless, { nodeId, onionKey: onion.publicKey, ...EXTRA });
  t.is(answerCircuitRequest(crypto, { nodeId, onionKeys: [onion], data: bad.data }), null);
});

test('createCircuitRequest: an onion key of small order gives a request that nobody can answer', (t) => {
  const crypto = testCrypto();
  const nodeId = crypto.randomBytes(32);
  const zero = { publicKey: new Uint8Array(32), privateKey: crypto.dhKeyPair().privateKey };
  const request = createCircuitRequest(crypto, { nodeId, onionKey: zero.publicKey, ...EXTRA });
  t.is(request.data.length, CIRCUIT_REQUEST_BYTES);
  t.is(answerCircuitRequest(crypto, { nodeId, onionKeys: [zero], data: request.data }), null);
  t.is(request.finish(new Uint8Array(CIRCUIT_ANSWER_BYTES)), null);
});

test('createCircuitRequest: values out of range are our own faults', (t) => {
  const { crypto, onion, nodeId } = setUp(testCrypto());
  const good = { nodeId, onionKey: onion.publicKey, ...EXTRA };
  const wrong = [
    { position: 0 },
    { position: 4 },
    { position: 1.5 },
    { delay: -1 },
    { delay: 65_536 },
    { flags: 256 },
    { nodeId: nodeId.subarray(1) },
    { onionKey: new Uint8Array(33) },
  ];
  for (const change of wrong) {
    t.throws(() => createCircuitRequest(crypto, { ...good, ...change }), { instanceOf: RangeError });
  }
});

test('createCircuitRequest: position, delay and flags do not show in the bytes', (t) => {
  const { request } = seededSetUp();
  const random = createSeededRandom('circuit');
  const crypto = createSeededCrypto({ randomBytes: (length) => random.bytes(length) });
  const onion = crypto.dhKeyPair();
  const other = createCircuitRequest(crypto, {
    nodeId: crypto.randomBytes(32),
    onionKey: onion.publicKey,
    position: 1,
    delay: 0,
    flags: 0,
  });
  t.deepEqual(other.data.subarray(0, 1_280), request.data.subarray(0, 1_280));
  t.notDeepEqual(other.data.subarray(1_280, 1_296), request.data.subarray(1_280, 1_296));
});

interface CircuitVector {
  nodeId: string;
  onionPrivate: string;
  clientEphemeral: string;
  relayEphemeral: string;
  kemSeed: string;
  kemCiphertext: string;
  kemSecret: string;
  position: number;
  delay: number;
  flags: number;
  data: string;
  created: string;
  forward: string;
  backward: string;
}

test('circuit handshake: the frozen request, answer and keys with a stored ML-KEM key', (t) => {
  const vector = readVectors<CircuitVector>('circuit.json');
  const crypto = testCrypto();
  const pairOf = (privateKey: string) => ({
    privateKey: unhex(privateKey),
    publicKey: crypto.dhPublicKey(unhex(privateKey)),
  });
  const fixed: Crypto = {
    ...crypto,
    kemKeyPair: () => kemKeyPairFromSeed(unhex(vector.kemSeed)),
    kemEncapsulate: () => ({ ciphertext: unhex(vector.kemCiphertext), secret: unhex(vector.kemSecret) }),
  };
  const client: Crypto = { ...fixed, dhKeyPair: () => pairOf(vector.clientEphemeral) };
  const relay: Crypto = { ...fixed, dhKeyPair: () => pairOf(vector.relayEphemeral) };
  const onion = pairOf(vector.onionPrivate);
  const { position, delay, flags } = vector;
  const nodeId = unhex(vector.nodeId);

  const request = createCircuitRequest(client, { nodeId, onionKey: onion.publicKey, position, delay, flags });
  t.is(hex(request.data), vector.data);
  const answer = answerCircuitRequest(relay, { nodeId, onionKeys: [onion], data: unhex(vector.data) })!;
  t.is(hex(answer.created), vector.created);
  t.like(answer, { position, delay, flags });
  const keys = request.finish(unhex(vector.created))!;
  t.is(hex(keys.forward), vector.forward);
  t.is(hex(keys.backward), vector.backward);
});

test('circuit handshake: the frozen keys follow from formats.md, computed apart from ntor.ts', (t) => {
  const vector = readVectors<CircuitVector>('circuit.json');
  const crypto = testCrypto();
  const x = unhex(vector.clientEphemeral);
  const created = unhex(vector.created);
  const xY = crypto.dh(x, created.subarray(0, 32))!;
  const xB = crypto.dh(x, crypto.dhPublicKey(unhex(vector.onionPrivate)))!;
  const ikm = Buffer.concat([xY, xB, unhex(vector.kemSecret)]);
  const info = crypto.sha256(unhex(vector.data), created.subarray(0, 1_120), unhex(vector.nodeId));
  const keys = Buffer.from(hkdfSync('sha256', ikm, 'holloway circuit 1', info, 96));
  t.is(keys.toString('hex'), vector.forward + vector.backward + hex(created.subarray(1_120)));

  const data = unhex(vector.data);
  const clearHash = crypto.sha256(data.subarray(0, 1_280));
  const extraKeys = Buffer.from(hkdfSync('sha256', xB, 'holloway circuit extra 1', clearHash, 64));
  const mac = createHmac('sha256', extraKeys.subarray(32)).update(data.subarray(0, 1_296)).digest('hex');
  t.is(mac, hex(data.subarray(1_296)));
});
