import { createHash } from 'node:crypto';
import test from 'ava';
import fc from 'fast-check';
import { concatBytes } from '../../crypto/bytes.ts';
import { hmac, sha256 } from '../../crypto/hash.ts';
import { createSha256Stream } from '../../crypto/sha256-stream.ts';
import { hex, readVectors, unhex } from './vectors.ts';

interface Rfc {
  sha256: { data: string; digest: string }[];
  hmac: { key: string; data: string; mac: string }[];
}
const rfc = readVectors<Rfc>('rfc.json');

test('sha256: the examples of FIPS 180-4', (t) => {
  for (const { data, digest } of rfc.sha256) t.is(hex(sha256(unhex(data))), digest);
});

test('hmac: the vectors of RFC 4231', (t) => {
  for (const { key, data, mac } of rfc.hmac) t.is(hex(hmac(unhex(key), unhex(data))), mac);
});

test('sha256 and hmac: parts count as if joined, short or long, text as ASCII', (t) => {
  const parts = fc.array(fc.oneof(fc.uint8Array({ maxLength: 3_000 }), fc.constantFrom('holloway', '')), {
    maxLength: 5,
  });
  fc.assert(
    fc.property(parts, (given) => {
      const joined = concatBytes(...given.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));
      const expected = new Uint8Array(createHash('sha256').update(joined).digest());
      t.deepEqual(sha256(...given), expected);
      t.deepEqual(hmac(joined.subarray(0, 32), ...given), hmac(joined.subarray(0, 32), joined));
    }),
    { numRuns: 60 },
  );
});

test('sha256: the result is a plain Uint8Array with memory of its own', (t) => {
  const digest = sha256('a');
  t.is(digest.constructor, Uint8Array);
  t.is(digest.buffer.byteLength, 32);
});

test('createSha256Stream: any cut of the bytes gives the same digest', (t) => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 6 }), (pieces) => {
      const stream = createSha256Stream();
      for (const piece of pieces) stream.update(piece);
      t.deepEqual(stream.digest(), sha256(concatBytes(...pieces)));
    }),
  );
});
