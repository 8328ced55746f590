import test from 'ava';
import { createCrypto } from '../../crypto/engine.ts';
import { createSeededRandom } from '../support/seeded-random.ts';
import { bothEngines, flip } from './vectors.ts';

test('createCrypto: names its engine', (t) => {
  t.deepEqual(
    bothEngines('names').map((crypto) => crypto.engine),
    ['auto', 'portable'],
  );
});

test('createCrypto: DH keys come from the random source, the same seed gives the same keys in both engines', (t) => {
  const [auto, portable] = bothEngines('keys');
  const pairs = [auto.dhKeyPair(), portable.dhKeyPair()];
  t.deepEqual(pairs[0], pairs[1]);
  t.deepEqual(pairs[0]!.privateKey, createSeededRandom('keys').bytes(32));
  t.deepEqual(auto.dhPublicKey(pairs[0]!.privateKey), pairs[0]!.publicKey);
  t.notDeepEqual(auto.dhKeyPair(), pairs[0]);
});

test('createCrypto: a key pair does not share memory with the random source', (t) => {
  const pool = new Uint8Array(64).fill(9);
  const crypto = createCrypto({ engine: 'auto', randomBytes: (length) => pool.subarray(0, length) });
  const pair = crypto.dhKeyPair();
  pair.privateKey.fill(0);
  t.deepEqual(pool, new Uint8Array(64).fill(9));
});

test('createCrypto: the engines agree on a secret and refuse the zero point', (t) => {
  const [auto, portable] = bothEngines('agree');
  const [a, b] = [auto.dhKeyPair(), auto.dhKeyPair()];
  const secret = auto.dh(a.privateKey, b.publicKey);
  t.deepEqual(portable.dh(b.privateKey, a.publicKey), secret);
  t.is(auto.dh(a.privateKey, new Uint8Array(32)), null);
  t.is(portable.dh(a.privateKey, new Uint8Array(32)), null);
});

for (const size of [0, 64, 767, 768, 2_024, 34_760]) {
  test(`createCrypto: what one engine seals the other opens, ${size} bytes`, (t) => {
    const [auto, portable] = bothEngines('cross');
    const key = auto.randomBytes(32);
    const [first, second] = [auto.aeadKey(key), portable.aeadKey(key)];
    const nonce = auto.randomBytes(12);
    const plaintext = auto.randomBytes(size);
    const ad = Uint8Array.of(1);
    const sealed = first.seal(nonce, plaintext, ad);
    t.deepEqual(second.seal(nonce, plaintext, ad), sealed);
    t.deepEqual(second.open(nonce, sealed, ad), plaintext);
    t.is(first.open(nonce, flip(sealed, size), ad), null);
    t.is(second.open(nonce, flip(sealed, size), ad), null);
  });
}

test('createCrypto: KEM, signatures and KDFs answer through both engines', (t) => {
  const [auto, portable] = bothEngines('rest');
  const pair = auto.kemKeyPair();
  const result = portable.kemEncapsulate(pair.encapsulationKey)!;
  t.deepEqual(auto.kemDecapsulate(pair.decapsulationKey, result.ciphertext), result.secret);
  const message = auto.randomBytes(10);
  const key = portable.signKey(auto.randomBytes(32));
  t.true(auto.verify(key.publicKey, message, key.sign(message)));
  t.deepEqual(auto.hkdf(message, 'a', 'b', 50), portable.hkdf(message, 'a', 'b', 50));
  t.deepEqual(auto.scrypt(message, message, 4, 1, 1, 20), portable.scrypt(message, message, 4, 1, 1, 20));
  t.deepEqual(auto.hmac(message, 'x'), portable.hmac(message, 'x'));
  t.true(auto.equal(auto.sha256('x', message), portable.sha256('x', message)));
});
