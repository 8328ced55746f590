import test from 'ava';
import { hkdf, scrypt } from '../../crypto/kdf.ts';
import { hex, readVectors, readWycheproof, unhex } from './vectors.ts';

interface Rfc {
  hkdf: { ikm: string; salt: string; info: string; okm: string }[];
  scrypt: { password: string; salt: string; logN: number; r: number; p: number; key: string }[];
}
const rfc = readVectors<Rfc>('rfc.json');

test('hkdf: the SHA-256 vectors of RFC 5869', (t) => {
  for (const { ikm, salt, info, okm } of rfc.hkdf) {
    t.is(hex(hkdf(unhex(ikm), unhex(salt), unhex(info), okm.length / 2)), okm);
  }
});

test('scrypt: vectors of RFC 7914', (t) => {
  for (const { password, salt, logN, r, p, key } of rfc.scrypt) {
    t.is(hex(scrypt(unhex(password), unhex(salt), logN, r, p, 64)), key);
  }
});

test('hkdf: labels are the bytes of their ASCII', (t) => {
  const ikm = new Uint8Array(32).fill(1);
  t.deepEqual(hkdf(ikm, 'salt', 'info', 40), hkdf(ikm, Buffer.from('salt'), Buffer.from('info'), 40));
  t.notDeepEqual(hkdf(ikm, 'salt', 'info', 40), hkdf(ikm, 'salt', 'inf0', 40));
});

for (const length of [0, -1, 1.5, 255 * 32 + 1]) {
  test(`hkdf: ${length} bytes are a RangeError`, (t) => {
    t.throws(() => hkdf(new Uint8Array(32), '', '', length), { instanceOf: RangeError });
  });
}

interface HkdfCase {
  tcId: number;
  ikm: string;
  salt: string;
  info: string;
  size: number;
  okm: string;
  result: string;
}

test('hkdf: Wycheproof hkdf_sha256', (t) => {
  for (const group of readWycheproof<object, HkdfCase>(t, 'hkdf_sha256_test.json')) {
    for (const { tcId, ikm, salt, info, size, okm, result } of group.tests) {
      const derive = () => hkdf(unhex(ikm), unhex(salt), unhex(info), size);
      if (result === 'valid') t.is(hex(derive()), okm, `case ${tcId}`);
      else t.throws(derive, { instanceOf: RangeError }, `case ${tcId}`);
    }
  }
});
