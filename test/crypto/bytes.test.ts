import test from 'ava';
import { concatBytes, equalBytes, plainView, requireLength, wipeBytes } from '../../crypto/bytes.ts';

test('concatBytes: joins in order into fresh memory', (t) => {
  const first = Uint8Array.of(1, 2);
  const joined = concatBytes(first, new Uint8Array(0), Uint8Array.of(3));
  first[0] = 9;
  t.deepEqual(joined, Uint8Array.of(1, 2, 3));
  t.deepEqual(concatBytes(), new Uint8Array(0));
});

test('equalBytes: equal bytes, and nothing else', (t) => {
  t.true(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2)));
  t.false(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3)));
  t.false(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2, 0)));
  t.true(equalBytes(new Uint8Array(0), new Uint8Array(0)));
});

test('wipeBytes: every array is zero afterwards', (t) => {
  const a = Uint8Array.of(1, 2);
  const b = Uint8Array.of(3);
  wipeBytes(a, b);
  t.deepEqual([a, b], [new Uint8Array(2), new Uint8Array(1)]);
});

test('requireLength: a wrong length is a RangeError that names the thing', (t) => {
  t.notThrows(() => requireLength(new Uint8Array(3), 3, 'nonce'));
  t.throws(() => requireLength(new Uint8Array(2), 3, 'nonce'), { instanceOf: RangeError, message: /nonce/ });
});

test('plainView: the same memory, but slice copies', (t) => {
  const buffer = Buffer.from([1, 2, 3]);
  const view = plainView(buffer);
  const copy = view.slice();
  buffer[0] = 7;
  t.is(view[0], 7);
  t.is(copy[0], 1);
});
