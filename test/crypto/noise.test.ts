import test from 'ava';
import { kemKeyPairFromSeed } from '../../crypto/kem.ts';
import { createNoiseHandshake, type NoiseHandshake, type NoisePattern } from '../../crypto/noise.ts';
import type { Crypto, DhKeyPair } from '../../crypto/provider.ts';
import { createSeededCrypto } from '../../crypto/seeded.ts';
import { createSeededRandom } from '../support/seeded-random.ts';
import { testCrypto } from '../support/test-crypto.ts';
import { flip, hex, readVectors, unhex } from './vectors.ts';

const text = (value: string) => new Uint8Array(Buffer.from(value));
const PROLOGUE = text('prologue');

interface Sides {
  readonly initiator: NoiseHandshake;
  readonly responder: NoiseHandshake;
}

function sides(
  crypto: Crypto,
  pattern: NoisePattern,
  change: { prologue?: Uint8Array; remote?: Uint8Array } = {},
): Sides {
  const [initiatorKey, responderKey] = [crypto.dhKeyPair(), crypto.dhKeyPair()];
  const remoteStatic = change.remote ?? responderKey.publicKey;
  return {
    initiator: createNoiseHandshake({
      crypto,
      pattern,
      initiator: true,
      prologue: PROLOGUE,
      staticKey: initiatorKey,
      remoteStatic,
    }),
    responder: createNoiseHandshake({
      crypto,
      pattern,
      initiator: false,
      prologue: change.prologue ?? PROLOGUE,
      staticKey: responderKey,
    }),
  };
}

/** Who writes message `index`, and who reads it. */
function roles({ initiator, responder }: Sides, index: number): [writer: NoiseHandshake, reader: NoiseHandshake] {
  return index === 1 ? [responder, initiator] : [initiator, responder];
}

const PAYLOADS = [text('first'), new Uint8Array(32), text('a longer third payload')];

/** Plays messages 0 to `count` - 1 unchanged. */
function play(pair: Sides, count: number): Uint8Array[] {
  return PAYLOADS.slice(0, count).map((payload, index) => {
    const [writer, reader] = roles(pair, index);
    const message = writer.writeMessage(payload);
    reader.readMessage(message);
    return message;
  });
}

interface XkVector {
  init_prologue: string;
  init_static: string;
  init_ephemeral: string;
  init_remote_static: string;
  resp_static: string;
  resp_ephemeral: string;
  handshake_hash: string;
  messages: { payload: string; ciphertext: string }[];
}

test('XK: the public Noise_XK_25519_ChaChaPoly_SHA256 vectors, transport messages included', (t) => {
  const crypto = testCrypto();
  const pairOf = (privateKey: string): DhKeyPair => ({
    privateKey: unhex(privateKey),
    publicKey: crypto.dhPublicKey(unhex(privateKey)),
  });
  const { vectors } = readVectors<{ vectors: XkVector[] }>('noise-xk.json');
  t.true(vectors.length > 0);
  for (const vector of vectors) {
    const shared = { crypto, pattern: 'XK', prologue: unhex(vector.init_prologue) } as const;
    const pair = {
      initiator: createNoiseHandshake({
        ...shared,
        initiator: true,
        staticKey: pairOf(vector.init_static),
        remoteStatic: unhex(vector.init_remote_static),
        ephemeral: pairOf(vector.init_ephemeral),
      }),
      responder: createNoiseHandshake({
        ...shared,
        initiator: false,
        staticKey: pairOf(vector.resp_static),
        ephemeral: pairOf(vector.resp_ephemeral),
      }),
    };
    for (const [index, { payload, ciphertext }] of vector.messages.slice(0, 3).entries()) {
      const [writer, reader] = roles(pair, index);
      t.is(hex(writer.writeMessage(unhex(payload))), ciphertext);
      t.is(hex(reader.readMessage(unhex(ciphertext))), payload);
    }
    t.is(hex(pair.initiator.handshakeHash), vector.handshake_hash);
    t.is(hex(pair.responder.handshakeHash), vector.handshake_hash);

    // What follows in the vector are transport messages, by turns from the responder, the initiator, the responder.
    const [ours, theirs] = [pair.initiator.split(), pair.responder.split()];
    const nonces = [0, 0, 1];
    for (const [index, { payload, ciphertext }] of vector.messages.slice(3).entries()) {
      const key = index % 2 === 0 ? theirs.sendKey : ours.sendKey;
      const nonce = new Uint8Array(12);
      nonce[4] = nonces[index]!;
      t.is(hex(crypto.aeadKey(key).seal(nonce, unhex(payload), new Uint8Array(0))), ciphertext);
    }
  }
});

for (const pattern of ['XK', 'XKhfs'] as const) {
  const overheads = pattern === 'XK' ? [48, 48, 64] : [1_248, 1_152, 64];

  test(`${pattern}: both ends finish with the same hash, keys crosswise and payloads intact`, (t) => {
    const crypto = testCrypto(pattern);
    const pair = sides(crypto, pattern);
    for (const [index, payload] of PAYLOADS.entries()) {
      const [writer, reader] = roles(pair, index);
      const message = writer.writeMessage(payload);
      t.is(message.length, payload.length + overheads[index]!);
      t.false(reader.finished);
      t.deepEqual(reader.readMessage(message), payload);
    }
    const { initiator, responder } = pair;
    t.true(initiator.finished && responder.finished);
    t.deepEqual(initiator.handshakeHash, responder.handshakeHash);
    const [ours, theirs] = [initiator.split(), responder.split()];
    t.deepEqual(ours.sendKey, theirs.receiveKey);
    t.deepEqual(ours.receiveKey, theirs.sendKey);
    t.deepEqual(ours.exporterSecret, theirs.exporterSecret);
    const all = [ours.sendKey, ours.receiveKey, ours.exporterSecret].map((key) => hex(key));
    t.is(new Set(all).size, 3);
    t.true(all.every((key) => key.length === 64));
  });

  test(`${pattern}: the responder names the initiator only after the third message`, (t) => {
    const crypto = testCrypto(pattern);
    const pair = sides(crypto, pattern);
    play(pair, 2);
    t.is(pair.responder.remoteStatic, undefined);
    const last = pair.initiator.writeMessage(new Uint8Array(0));
    pair.responder.readMessage(last);
    t.is(pair.responder.remoteStatic?.length, 32);
    t.is(pair.initiator.remoteStatic?.length, 32);
  });

  for (const index of [0, 1, 2]) {
    test(`${pattern}: any byte of message ${index} changed is null, and the state is dead`, (t) => {
      // The seeded provider keeps the many runs cheap and alike; the X25519 and AEAD under it are the real ones.
      const run = (at: number | 'none') => {
        const random = createSeededRandom('tamper');
        const pair = sides(createSeededCrypto({ randomBytes: (length) => random.bytes(length) }), pattern);
        play(pair, index);
        const [writer, reader] = roles(pair, index);
        const message = writer.writeMessage(PAYLOADS[index]!);
        const given = at === 'none' ? message : flip(message, at, at % 8);
        return { message, reader, payload: reader.readMessage(given) };
      };
      const { message, payload } = run('none');
      t.deepEqual(payload, PAYLOADS[index]);
      // Every byte of the keys and of the ends of each sealed part, every seventeenth of the long KEM fields between.
      for (let at = 0; at < message.length; at += at < 100 || at > message.length - 70 ? 1 : 17) {
        const { reader, payload: refused } = run(at);
        t.is(refused, null, `byte ${at}`);
        t.is(reader.readMessage(message), null, `dead after byte ${at}`);
      }
    });

    test(`${pattern}: message ${index} cut at any length, or longer, is null`, (t) => {
      const lengths = [0, 1, 31, 32, 47, overheads[index]! - 1, overheads[index]! + PAYLOADS[index]!.length - 1];
      for (const length of lengths) {
        const pair = sides(testCrypto(length), pattern);
        play(pair, index);
        const [writer, reader] = roles(pair, index);
        const message = writer.writeMessage(PAYLOADS[index]!);
        t.is(reader.readMessage(message.subarray(0, length)), null, `${length} bytes`);
      }
      const pair = sides(testCrypto(), pattern);
      play(pair, index);
      const [writer, reader] = roles(pair, index);
      t.is(reader.readMessage(new Uint8Array([...writer.writeMessage(PAYLOADS[index]!), 0])), null);
    });
  }

  test(`${pattern}: another prologue, another responder or an ephemeral key of small order is null`, (t) => {
    const crypto = testCrypto(pattern);
    const otherPrologue = sides(crypto, pattern, { prologue: text('other') });
    t.is(otherPrologue.responder.readMessage(otherPrologue.initiator.writeMessage(PROLOGUE)), null);

    const otherKey = sides(crypto, pattern, { remote: crypto.dhKeyPair().publicKey });
    t.is(otherKey.responder.readMessage(otherKey.initiator.writeMessage(PROLOGUE)), null);

    const { responder } = sides(crypto, pattern);
    t.is(responder.readMessage(new Uint8Array(1_300)), null);
  });

  test(`${pattern}: a remote static key of small order does not throw, and nobody can answer it`, (t) => {
    const crypto = testCrypto(pattern);
    const { initiator, responder } = sides(crypto, pattern, { remote: new Uint8Array(32) });
    const message = initiator.writeMessage(PROLOGUE);
    t.is(message.length, PROLOGUE.length + overheads[0]!);
    t.is(responder.readMessage(message), null);
    t.is(initiator.readMessage(new Uint8Array(overheads[1]! + 32)), null);
  });

  test(`${pattern}: out of turn, after failure and split at the wrong time are our own faults`, (t) => {
    const crypto = testCrypto(pattern);
    const pair = sides(crypto, pattern);
    const fault = { instanceOf: RangeError };
    t.throws(() => pair.responder.writeMessage(PROLOGUE), fault);
    t.throws(() => pair.initiator.readMessage(PROLOGUE), fault);
    t.throws(() => pair.initiator.split(), fault);
    play(pair, 3);
    t.throws(() => pair.initiator.writeMessage(PROLOGUE), fault);
    pair.initiator.split();
    t.throws(() => pair.initiator.split(), fault);

    const dead = sides(crypto, pattern);
    t.is(dead.responder.readMessage(new Uint8Array(5)), null);
    t.throws(() => dead.responder.writeMessage(PROLOGUE), fault);
    t.false(dead.responder.finished);
  });
}

test('createNoiseHandshake: the initiator, and only it, names the remote static key', (t) => {
  const crypto = testCrypto();
  const options = { crypto, pattern: 'XK', prologue: PROLOGUE, staticKey: crypto.dhKeyPair() } as const;
  const fault = { instanceOf: RangeError };
  t.throws(() => createNoiseHandshake({ ...options, initiator: true }), fault);
  t.throws(() => createNoiseHandshake({ ...options, initiator: false, remoteStatic: new Uint8Array(32) }), fault);
  t.throws(() => createNoiseHandshake({ ...options, initiator: true, remoteStatic: new Uint8Array(31) }), fault);
});

test('XKhfs: a key the KEM refuses fails the read of the message it came in', (t) => {
  const crypto = testCrypto();
  const bad = new Uint8Array(1_184).fill(0xff);
  const refusing: Crypto = { ...crypto, kemKeyPair: () => ({ ...crypto.kemKeyPair(), encapsulationKey: bad }) };
  const { initiator, responder } = sides(refusing, 'XKhfs');
  t.is(responder.readMessage(initiator.writeMessage(PROLOGUE)), null);
});

test('XKhfs: the keys hang on the KEM secret, not on X25519 alone', (t) => {
  const run = (secret: Uint8Array) => {
    const crypto = testCrypto('same');
    const fixed: Crypto = {
      ...crypto,
      kemKeyPair: () => kemKeyPairFromSeed(new Uint8Array(64)),
      kemEncapsulate: () => ({ ciphertext: new Uint8Array(1_088), secret: secret.slice() }),
      kemDecapsulate: () => secret.slice(),
    };
    const pair = sides(fixed, 'XKhfs');
    play(pair, 3);
    return pair.initiator.split();
  };
  t.deepEqual(run(new Uint8Array(32).fill(1)), run(new Uint8Array(32).fill(1)));
  t.notDeepEqual(run(new Uint8Array(32).fill(1)).sendKey, run(new Uint8Array(32).fill(2)).sendKey);
});

interface XkhfsVector {
  prologue: string;
  initiatorStatic: string;
  initiatorEphemeral: string;
  responderStatic: string;
  responderEphemeral: string;
  kemSeed: string;
  kemCiphertext: string;
  kemSecret: string;
  payloads: string[];
  messages: string[];
  handshakeHash: string;
  initiatorSendKey: string;
  responderSendKey: string;
  exporterSecret: string;
}

test('XKhfs: the frozen transcript with a stored ML-KEM key', (t) => {
  const vector = readVectors<XkhfsVector>('noise-xkhfs.json');
  const crypto = testCrypto();
  const pairOf = (privateKey: string): DhKeyPair => ({
    privateKey: unhex(privateKey),
    publicKey: crypto.dhPublicKey(unhex(privateKey)),
  });
  // Only what Node cannot repeat is stored: the encapsulation. Its secret is recovered by the real decapsulation.
  const fixed: Crypto = {
    ...crypto,
    kemKeyPair: () => kemKeyPairFromSeed(unhex(vector.kemSeed)),
    kemEncapsulate: () => ({ ciphertext: unhex(vector.kemCiphertext), secret: unhex(vector.kemSecret) }),
  };
  const shared = { crypto: fixed, pattern: 'XKhfs', prologue: unhex(vector.prologue) } as const;
  const pair = {
    initiator: createNoiseHandshake({
      ...shared,
      initiator: true,
      staticKey: pairOf(vector.initiatorStatic),
      remoteStatic: pairOf(vector.responderStatic).publicKey,
      ephemeral: pairOf(vector.initiatorEphemeral),
    }),
    responder: createNoiseHandshake({
      ...shared,
      initiator: false,
      staticKey: pairOf(vector.responderStatic),
      ephemeral: pairOf(vector.responderEphemeral),
    }),
  };
  for (const [index, payload] of vector.payloads.entries()) {
    const [writer, reader] = roles(pair, index);
    t.is(hex(writer.writeMessage(unhex(payload))), vector.messages[index]!);
    t.is(hex(reader.readMessage(unhex(vector.messages[index]!))), payload);
  }
  t.is(hex(pair.responder.handshakeHash), vector.handshakeHash);
  const [ours, theirs] = [pair.initiator.split(), pair.responder.split()];
  t.is(hex(ours.sendKey), vector.initiatorSendKey);
  t.is(hex(theirs.sendKey), vector.responderSendKey);
  t.is(hex(theirs.exporterSecret), vector.exporterSecret);
});
