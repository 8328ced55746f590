import test from 'ava';
import {
  chooseX25519,
  createNativeX25519,
  createPureX25519,
  passesSelfTest,
  type X25519,
} from '../../crypto/x25519.ts';
import { createSeededRandom } from '../support/seeded-random.ts';
import { hex, readVectors, readWycheproof, unhex } from './vectors.ts';

interface Rfc {
  x25519: { privateKey: string; publicKey: string; shared: string }[];
  x25519PublicKeys: { privateKey: string; publicKey: string }[];
  x25519Iterated: { once: string; thousand: string };
}
const rfc = readVectors<Rfc>('rfc.json');
const native = createNativeX25519();
const pure = createPureX25519();
const ENGINES = [
  ['OpenSSL', native],
  ['stablelib', pure],
] as const;

/** RFC 7748 § 5.2: k and u start as 9; each round k becomes X25519(k, u) and u the old k. */
function iterate(engine: X25519, rounds: number): string | null {
  let k: Uint8Array = new Uint8Array(32);
  k[0] = 9;
  let u = k;
  for (let round = 0; round < rounds; round += 1) {
    const next = engine.shared(k, u)!;
    u = k;
    k = next;
  }
  return hex(k);
}

interface DhCase {
  tcId: number;
  flags: string[];
  public: string;
  private: string;
  shared: string;
}

for (const [name, engine] of ENGINES) {
  test(`x25519 ${name}: RFC 7748 § 5.2 and § 6.1`, (t) => {
    for (const { privateKey, publicKey, shared } of rfc.x25519) {
      t.is(hex(engine.shared(unhex(privateKey), unhex(publicKey))), shared);
    }
    for (const { privateKey, publicKey } of rfc.x25519PublicKeys) {
      t.is(hex(engine.publicKey(unhex(privateKey))), publicKey);
    }
    t.is(iterate(engine, 1), rfc.x25519Iterated.once);
  });

  test(`x25519 ${name}: a point of small order gives null, not a secret of zeros`, (t) => {
    const privateKey = createSeededRandom(name).bytes(32);
    const one = new Uint8Array(32);
    one[0] = 1;
    t.is(engine.shared(privateKey, new Uint8Array(32)), null);
    t.is(engine.shared(privateKey, one), null);
    t.is(engine.shared(privateKey, unhex('e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800')), null);
  });

  test(`x25519 ${name}: wrong lengths throw`, (t) => {
    const key = new Uint8Array(32).fill(1);
    t.throws(() => engine.shared(key.subarray(1), key), { instanceOf: RangeError });
    t.throws(() => engine.shared(key, new Uint8Array(33)), { instanceOf: RangeError });
    t.throws(() => engine.publicKey(new Uint8Array(0)), { instanceOf: RangeError });
  });

  test(`x25519 ${name}: Wycheproof x25519`, (t) => {
    for (const group of readWycheproof<object, DhCase>(t, 'x25519_test.json')) {
      for (const { tcId, flags, public: publicKey, private: privateKey, shared } of group.tests) {
        const expected = flags.includes('ZeroSharedSecret') ? null : shared;
        t.is(hex(engine.shared(unhex(privateKey), unhex(publicKey))), expected, `case ${tcId}`);
      }
    }
  });

  test(`x25519 ${name}: a private key rewritten in place counts as the new key`, (t) => {
    const random = createSeededRandom(`rewritten ${name}`);
    const [first, second] = [random.bytes(32), random.bytes(32)];
    const memory = first.slice();
    t.deepEqual(engine.publicKey(memory), engine.publicKey(first));
    memory.set(second);
    t.deepEqual(engine.publicKey(memory), engine.publicKey(second));
    memory.fill(0);
    t.deepEqual(engine.publicKey(memory), engine.publicKey(new Uint8Array(32)));
  });
}

test('x25519: 1,000 iterations of RFC 7748 § 5.2', (t) => {
  t.is(iterate(native, 1_000), rfc.x25519Iterated.thousand);
});

test('x25519: both engines give the same bytes for 500 random cases', (t) => {
  const random = createSeededRandom('x25519');
  for (let round = 0; round < 500; round += 1) {
    // Any 32 bytes are a u-coordinate, on the curve or on its twist.
    const [privateKey, publicKey] = [random.bytes(32), random.bytes(32)];
    t.deepEqual(native.shared(privateKey, publicKey), pure.shared(privateKey, publicKey));
  }
  const privateKey = random.bytes(32);
  t.deepEqual(native.publicKey(privateKey), pure.publicKey(privateKey));
});

test('chooseX25519: OpenSSL when it passes', (t) => {
  t.true(passesSelfTest(native));
  t.true(passesSelfTest(pure));
  t.is(chooseX25519(native, pure), native);
});

const BROKEN: [string, Partial<X25519>][] = [
  [
    'throws',
    {
      shared: () => {
        throw new Error('not supported');
      },
    },
  ],
  ['answers wrongly', { shared: () => new Uint8Array(32).fill(1) }],
  ['refuses everything', { shared: () => null }],
  ['accepts the zero point', { shared: (k, u) => pure.shared(k, u) ?? new Uint8Array(32) }],
];
for (const [fault, broken] of BROKEN) {
  test(`chooseX25519: stablelib when OpenSSL ${fault}`, (t) => {
    t.is(chooseX25519({ ...native, ...broken }, pure), pure);
  });
}
