import test from 'ava';
import { signKey, verify } from '../../crypto/ed25519.ts';
import { flip, hex, readVectors, readWycheproof, unhex } from './vectors.ts';

interface Rfc {
  ed25519: { seed: string; publicKey: string; message: string; signature: string }[];
}
const rfc = readVectors<Rfc>('rfc.json');

test('signKey: RFC 8032 § 7.1', (t) => {
  for (const { seed, publicKey, message, signature } of rfc.ed25519) {
    const key = signKey(unhex(seed));
    t.is(hex(key.publicKey), publicKey);
    t.is(hex(key.sign(unhex(message))), signature);
    t.true(verify(unhex(publicKey), unhex(message), unhex(signature)));
  }
});

test('verify: one flipped bit in message, signature or key is false', (t) => {
  const key = signKey(new Uint8Array(32).fill(3));
  const message = new Uint8Array(40).fill(1);
  const signature = key.sign(message);
  for (let at = 0; at < 64; at += 7) {
    t.false(verify(key.publicKey, flip(message, at % 40), signature));
    t.false(verify(key.publicKey, message, flip(signature, at, at % 8)));
    t.false(verify(flip(key.publicKey, at % 32, at % 8), message, signature));
  }
  t.true(verify(key.publicKey, message, signature));
});

test('verify: wrong lengths are false, never an exception', (t) => {
  const key = signKey(new Uint8Array(32).fill(3));
  const signature = key.sign(new Uint8Array(0));
  t.false(verify(key.publicKey.subarray(1), new Uint8Array(0), signature));
  t.false(verify(new Uint8Array(33), new Uint8Array(0), signature));
  t.false(verify(key.publicKey, new Uint8Array(0), signature.subarray(1)));
  t.false(verify(new Uint8Array(32).fill(0xff), new Uint8Array(0), signature));
});

test('signKey: keeps its own seed; 31 bytes throw', (t) => {
  const seed = new Uint8Array(32).fill(5);
  const key = signKey(seed);
  seed.fill(0);
  t.deepEqual(key.seed, new Uint8Array(32).fill(5));
  t.throws(() => signKey(new Uint8Array(31)), { instanceOf: RangeError });
});

interface SignGroup {
  publicKey: { pk: string };
}
interface SignCase {
  tcId: number;
  msg: string;
  sig: string;
  result: string;
}
test('verify: Wycheproof ed25519', (t) => {
  for (const group of readWycheproof<SignGroup, SignCase>(t, 'ed25519_test.json')) {
    for (const { tcId, msg, sig, result } of group.tests) {
      t.is(verify(unhex(group.publicKey.pk), unhex(msg), unhex(sig)), result === 'valid', `case ${tcId}`);
    }
  }
});
