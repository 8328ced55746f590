import test from 'ava';
import { createSeededCrypto } from '../../crypto/seeded.ts';
import { createSeededRandom } from '../support/seeded-random.ts';
import { bothEngines, flip } from './vectors.ts';

function seeded(seed: string) {
  const random = createSeededRandom(seed);
  return createSeededCrypto({ randomBytes: (length) => random.bytes(length) });
}

test('createSeededCrypto: the same seed repeats every key, ciphertext and secret; another seed does not', (t) => {
  const run = (seed: string) => {
    const crypto = seeded(seed);
    const pair = crypto.kemKeyPair();
    return [crypto.engine, pair.encapsulationKey, crypto.kemEncapsulate(pair.encapsulationKey), crypto.dhKeyPair()];
  };
  t.deepEqual(run('a'), run('a'));
  t.notDeepEqual(run('a'), run('b'));
  t.is(run('a')[0], 'seeded');
});

test('createSeededCrypto: the simulated KEM has the sizes and the agreement of ML-KEM-768', (t) => {
  const crypto = seeded('sizes');
  const pair = crypto.kemKeyPair();
  const result = crypto.kemEncapsulate(pair.encapsulationKey)!;
  t.deepEqual([pair.encapsulationKey.length, result.ciphertext.length, result.secret.length], [1_184, 1_088, 32]);
  t.deepEqual(crypto.kemDecapsulate(pair.decapsulationKey, result.ciphertext), result.secret);
  t.notDeepEqual(crypto.kemEncapsulate(pair.encapsulationKey)!.secret, result.secret);
});

test('createSeededCrypto: any changed byte of the ciphertext gives another secret, any of the key is refused', (t) => {
  const crypto = seeded('changed');
  const pair = crypto.kemKeyPair();
  const { ciphertext, secret } = crypto.kemEncapsulate(pair.encapsulationKey)!;
  for (let at = 0; at < ciphertext.length; at += 31) {
    t.notDeepEqual(crypto.kemDecapsulate(pair.decapsulationKey, flip(ciphertext, at)), secret);
    t.is(crypto.kemEncapsulate(flip(pair.encapsulationKey, at)), null);
  }
  t.is(crypto.kemDecapsulate(pair.decapsulationKey, ciphertext.subarray(1)), null);
  t.is(crypto.kemEncapsulate(pair.encapsulationKey.subarray(1)), null);
});

test('createSeededCrypto: a real decapsulation key is not taken for a simulated one, nor the reverse', (t) => {
  const simulated = seeded('mixed');
  const [real] = bothEngines('mixed');
  const ciphertext = new Uint8Array(1_088);
  t.throws(() => simulated.kemDecapsulate(real.kemKeyPair().decapsulationKey, ciphertext), { instanceOf: RangeError });
  t.throws(() => real.kemDecapsulate(simulated.kemKeyPair().decapsulationKey, ciphertext), { instanceOf: RangeError });
});

test('createSeededCrypto: X25519, AEAD and signatures are the real ones', (t) => {
  const crypto = seeded('real');
  const [real] = bothEngines('real');
  const pair = crypto.dhKeyPair();
  t.deepEqual(pair, real.dhKeyPair());
  t.is(crypto.dh(pair.privateKey, new Uint8Array(32)), null);
  const nonce = new Uint8Array(12);
  const sealed = crypto.aeadKey(pair.privateKey).seal(nonce, nonce, nonce);
  t.deepEqual(real.aeadKey(pair.privateKey).open(nonce, sealed, nonce), nonce);
});
