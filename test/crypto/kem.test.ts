import test from 'ava';
import {
  KEM_CIPHERTEXT_BYTES,
  KEM_ENCAPSULATION_KEY_BYTES,
  KEM_SECRET_BYTES,
  kemDecapsulate,
  kemEncapsulate,
  kemKeyPair,
  kemKeyPairFromSeed,
} from '../../crypto/kem.ts';
import { flip, hex, readWycheproof, unhex } from './vectors.ts';

test('kem: both ends get the same secret, of the sizes of ML-KEM-768', (t) => {
  const pair = kemKeyPair();
  const result = kemEncapsulate(pair.encapsulationKey)!;
  t.is(pair.encapsulationKey.length, KEM_ENCAPSULATION_KEY_BYTES);
  t.is(result.ciphertext.length, KEM_CIPHERTEXT_BYTES);
  t.is(result.secret.length, KEM_SECRET_BYTES);
  t.deepEqual(kemDecapsulate(pair.decapsulationKey, result.ciphertext), result.secret);
  t.is(result.secret.constructor, Uint8Array);
});

test('kem: a changed ciphertext gives another secret, the same each time', (t) => {
  const pair = kemKeyPair();
  const { ciphertext, secret } = kemEncapsulate(pair.encapsulationKey)!;
  const rejected = kemDecapsulate(pair.decapsulationKey, flip(ciphertext, 500));
  t.notDeepEqual(rejected, secret);
  t.deepEqual(kemDecapsulate(pair.decapsulationKey, flip(ciphertext, 500)), rejected);
});

test('kem: a key that fails the modulus check, and wrong lengths, are null', (t) => {
  const { encapsulationKey, decapsulationKey } = kemKeyPair();
  const overflowing = encapsulationKey.slice();
  overflowing.fill(0xff, 0, 3); // two coefficients of 4,095, above 3,328
  t.is(kemEncapsulate(overflowing), null);
  t.is(kemEncapsulate(encapsulationKey.subarray(1)), null);
  t.is(kemDecapsulate(decapsulationKey, new Uint8Array(KEM_CIPHERTEXT_BYTES - 1)), null);
});

test('kem: a decapsulation key from elsewhere is our own fault', (t) => {
  t.throws(() => kemDecapsulate(new Uint8Array(64), new Uint8Array(KEM_CIPHERTEXT_BYTES)), { instanceOf: RangeError });
  t.throws(() => kemKeyPairFromSeed(new Uint8Array(63)), { instanceOf: RangeError });
});

interface KeygenCase {
  tcId: number;
  seed: string;
  ek: string;
}
test('kemKeyPairFromSeed: Wycheproof mlkem_768_keygen_seed', (t) => {
  for (const group of readWycheproof<object, KeygenCase>(t, 'mlkem_768_keygen_seed_test.json')) {
    for (const { tcId, seed, ek } of group.tests) {
      t.is(hex(kemKeyPairFromSeed(unhex(seed)).encapsulationKey), ek, `case ${tcId}`);
    }
  }
});

interface DecapsulateCase {
  tcId: number;
  seed: string;
  ek: string;
  c: string;
  K: string;
  result: string;
}
test('kemDecapsulate: Wycheproof mlkem_768, implicit rejections among them', (t) => {
  for (const group of readWycheproof<object, DecapsulateCase>(t, 'mlkem_768_test.json')) {
    for (const { tcId, seed, ek, c, K, result } of group.tests) {
      const decapsulate = () => {
        const pair = kemKeyPairFromSeed(unhex(seed));
        if (result === 'valid') t.is(hex(pair.encapsulationKey), ek, `case ${tcId}`);
        return kemDecapsulate(pair.decapsulationKey, unhex(c));
      };
      if (result === 'valid') t.is(hex(decapsulate()), K, `case ${tcId}`);
      else if (seed.length !== 128) t.throws(decapsulate, { instanceOf: RangeError }, `case ${tcId}`);
      else t.is(decapsulate(), null, `case ${tcId}`);
    }
  }
});

interface EncapsulateCase {
  tcId: number;
  ek: string;
  result: string;
}
test('kemEncapsulate: Wycheproof mlkem_768_encaps, which keys are taken and which refused', (t) => {
  // Node draws m itself, so the ciphertexts of the valid cases cannot be repeated: the acceptance of their keys can.
  for (const group of readWycheproof<object, EncapsulateCase>(t, 'mlkem_768_encaps_test.json')) {
    for (const { tcId, ek, result } of group.tests) {
      t.is(kemEncapsulate(unhex(ek)) !== null, result === 'valid', `case ${tcId}`);
    }
  }
});
