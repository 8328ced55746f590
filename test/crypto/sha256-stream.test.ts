import test from 'ava';
import fc from 'fast-check';
import { sha256 } from '../../crypto/hash.ts';
import { createSha256Stream } from '../../crypto/sha256-stream.ts';

test('createSha256Stream: pieces of any size give the hash of the whole', (t) => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 8 }), (pieces) => {
      const stream = createSha256Stream();
      for (const piece of pieces) stream.update(piece);
      t.deepEqual(stream.digest(), sha256(Uint8Array.from(pieces.flatMap((piece) => [...piece]))));
    }),
  );
});

test('createSha256Stream: the example of FIPS 180-4 for "abc"', (t) => {
  const stream = createSha256Stream();
  stream.update(new TextEncoder().encode('a'));
  stream.update(new TextEncoder().encode('bc'));
  t.is(
    Buffer.from(stream.digest()).toString('hex'),
    'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  );
});
