import test from 'ava';
import { AEAD_TAG_BYTES, chacha20Xor, createAeadKey, OPENSSL_FROM_BYTES } from '../../crypto/aead.ts';
import { createSeededRandom } from '../support/seeded-random.ts';
import { flip, hex, readVectors, readWycheproof, unhex } from './vectors.ts';

interface Rfc {
  chacha20: { zeroKeystream: string; key: string; nonce: string; ciphertextFromBlock1: string };
  aead: { key: string; nonce: string; ad: string; sealed: string };
  sunscreen: string;
}
const rfc = readVectors<Rfc>('rfc.json');

/** Each name with the size from which OpenSSL works: always, never, as the product does. */
const ENGINES = [
  ['OpenSSL', 0],
  ['stablelib', Number.POSITIVE_INFINITY],
  ['by size', OPENSSL_FROM_BYTES],
] as const;

const NO_AD = new Uint8Array(0);
const nonce = Uint8Array.from({ length: 12 }, (_, index) => index);
const secret = new Uint8Array(32).fill(7);

for (const [name, opensslFrom] of ENGINES) {
  test(`aead ${name}: RFC 8439 § 2.8.2`, (t) => {
    const { aead } = rfc;
    const key = createAeadKey(unhex(aead.key), opensslFrom);
    t.is(hex(key.seal(unhex(aead.nonce), unhex(rfc.sunscreen), unhex(aead.ad))), aead.sealed);
    t.is(hex(key.open(unhex(aead.nonce), unhex(aead.sealed), unhex(aead.ad))), rfc.sunscreen);
  });

  for (const size of [0, 1, 767, 768, 2_008, 32_752]) {
    test(`aead ${name}: ${size} bytes open again, in place too`, (t) => {
      const key = createAeadKey(secret, opensslFrom);
      const plaintext = createSeededRandom(size).bytes(size);
      const sealed = key.seal(nonce, plaintext, NO_AD);
      t.is(sealed.length, size + AEAD_TAG_BYTES);
      t.deepEqual(key.open(nonce, sealed, NO_AD), plaintext);

      const memory = new Uint8Array(size + AEAD_TAG_BYTES);
      memory.set(plaintext);
      t.is(key.seal(nonce, memory.subarray(0, size), NO_AD, memory), memory);
      t.deepEqual(memory, sealed);
      t.deepEqual(key.open(nonce, memory, NO_AD, memory.subarray(0, size)), plaintext);
      t.deepEqual(memory.subarray(0, size), plaintext);
    });

    test(`aead ${name}: ${size} bytes with one bit flipped are refused and dst stays`, (t) => {
      const key = createAeadKey(secret, opensslFrom);
      const random = createSeededRandom(`flip ${size}`);
      const sealed = key.seal(nonce, random.bytes(size), Uint8Array.of(1, 2));
      const before = new Uint8Array(size).fill(0xee);
      for (let round = 0; round < 20; round += 1) {
        const dst = before.slice();
        const changed = flip(sealed, Math.floor(random.unit() * sealed.length), round % 8);
        t.is(key.open(nonce, changed, Uint8Array.of(1, 2), dst), null);
        t.deepEqual(dst, before);
      }
      t.is(key.open(nonce, sealed, Uint8Array.of(1, 3)), null);
      t.is(key.open(flip(nonce, 11), sealed, Uint8Array.of(1, 2)), null);
      t.is(key.open(nonce, sealed.subarray(1), Uint8Array.of(1, 2)), null);
    });
  }

  test(`aead ${name}: results are plain arrays, so slice copies`, (t) => {
    const key = createAeadKey(secret, opensslFrom);
    const sealed = key.seal(nonce, new Uint8Array(1_000), NO_AD);
    const opened = key.open(nonce, sealed, NO_AD);
    t.is(sealed.constructor, Uint8Array);
    t.is(opened?.constructor, Uint8Array);
  });

  test(`aead ${name}: fewer bytes than a tag are null, wrong lengths of our own throw`, (t) => {
    const key = createAeadKey(secret, opensslFrom);
    t.is(key.open(nonce, new Uint8Array(15), NO_AD), null);
    t.throws(() => key.seal(new Uint8Array(11), new Uint8Array(1), NO_AD), { instanceOf: RangeError });
    t.throws(() => key.open(new Uint8Array(16), new Uint8Array(20), NO_AD), { instanceOf: RangeError });
    t.throws(() => key.seal(nonce, new Uint8Array(4), NO_AD, new Uint8Array(19)), { instanceOf: RangeError });
    t.throws(() => key.open(nonce, new Uint8Array(20), NO_AD, new Uint8Array(5)), { instanceOf: RangeError });
    t.throws(() => createAeadKey(new Uint8Array(31), opensslFrom), { instanceOf: RangeError });
  });

  test(`aead ${name}: a wiped key is unusable, the caller's bytes are its own`, (t) => {
    const bytes = secret.slice();
    const key = createAeadKey(bytes, opensslFrom);
    const sealed = key.seal(nonce, new Uint8Array(900), NO_AD);
    bytes.fill(0);
    t.deepEqual(key.seal(nonce, new Uint8Array(900), NO_AD), sealed);
    key.wipe();
    t.throws(() => key.seal(nonce, new Uint8Array(900), NO_AD), { instanceOf: RangeError });
    t.throws(() => key.open(nonce, sealed, NO_AD), { instanceOf: RangeError });
  });
}

const SIZE_CLASSES = [
  ['below the threshold', 0, 768],
  ['above the threshold', 768, 4_096],
] as const;
for (const [name, from, to] of SIZE_CLASSES) {
  test(`aead: both engines give the same bytes for 500 random cases ${name}`, (t) => {
    const random = createSeededRandom(`aead ${name}`);
    for (let round = 0; round < 500; round += 1) {
      const key = random.bytes(32);
      const iv = random.bytes(12);
      const ad = random.bytes(Math.floor(random.unit() * 40));
      const plaintext = random.bytes(from + Math.floor(random.unit() * (to - from)));
      const [openssl, stablelib] = [createAeadKey(key, 0), createAeadKey(key, Number.POSITIVE_INFINITY)];
      const sealed = openssl.seal(iv, plaintext, ad);
      if (Buffer.compare(sealed, stablelib.seal(iv, plaintext, ad)) !== 0) t.fail(`round ${round}`);
      const opened = stablelib.open(iv, sealed, ad);
      if (opened === null || Buffer.compare(opened, plaintext) !== 0) t.fail(`round ${round}`);
      const changed = flip(sealed, Math.floor(random.unit() * sealed.length));
      if (openssl.open(iv, changed, ad) !== null || stablelib.open(iv, changed, ad) !== null) t.fail(`round ${round}`);
    }
    t.pass();
  });
}

interface AeadGroup {
  ivSize: number;
}
interface AeadCase {
  tcId: number;
  key: string;
  iv: string;
  aad: string;
  msg: string;
  ct: string;
  tag: string;
  result: string;
}

for (const [name, opensslFrom] of ENGINES) {
  test(`aead ${name}: Wycheproof chacha20_poly1305`, (t) => {
    for (const group of readWycheproof<AeadGroup, AeadCase>(t, 'chacha20_poly1305_test.json')) {
      for (const { tcId, key, iv, aad, msg, ct, tag, result } of group.tests) {
        const aead = createAeadKey(unhex(key), opensslFrom);
        const open = () => aead.open(unhex(iv), unhex(ct + tag), unhex(aad));
        if (group.ivSize !== 96) t.throws(open, { instanceOf: RangeError }, `case ${tcId}`);
        else if (result === 'valid') {
          t.is(hex(open()), msg, `case ${tcId}`);
          t.is(hex(aead.seal(unhex(iv), unhex(msg), unhex(aad))), ct + tag, `case ${tcId}`);
        } else t.is(open(), null, `case ${tcId}`);
      }
    }
  });
}

test('chacha20Xor: RFC 8439 appendix A.1, key stream from block 0', (t) => {
  t.is(hex(chacha20Xor(new Uint8Array(32), new Uint8Array(12), new Uint8Array(64))), rfc.chacha20.zeroKeystream);
});

test('chacha20Xor: RFC 8439 § 2.4.2, one block in', (t) => {
  const text = new Uint8Array([...new Uint8Array(64), ...unhex(rfc.sunscreen)]);
  const out = chacha20Xor(unhex(rfc.chacha20.key), unhex(rfc.chacha20.nonce), text);
  t.is(hex(out.subarray(64)), rfc.chacha20.ciphertextFromBlock1);
});

test('chacha20Xor: twice is the identity, the input is not changed, lengths are checked', (t) => {
  const text = createSeededRandom(1).bytes(1_000);
  const once = chacha20Xor(secret, nonce, text);
  t.notDeepEqual(once, text);
  t.deepEqual(chacha20Xor(secret, nonce, once), text);
  t.deepEqual(text, createSeededRandom(1).bytes(1_000));
  t.throws(() => chacha20Xor(secret.subarray(1), nonce, text), { instanceOf: RangeError });
  t.throws(() => chacha20Xor(secret, new Uint8Array(16), text), { instanceOf: RangeError });
});
