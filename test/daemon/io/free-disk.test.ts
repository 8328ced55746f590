import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { proposedStoreBytes, storeShareOf } from '../../../daemon/io/free-disk.ts';

const GIB = 2 ** 30;

test('storeShareOf: a tenth of what is free, 1 to 64 GiB', (t) => {
  t.is(storeShareOf(0), GIB);
  t.is(storeShareOf(10 * GIB), GIB);
  t.is(storeShareOf(50 * GIB), 5 * GIB);
  t.is(storeShareOf(5_000 * GIB), 64 * GIB);
});

test('proposedStoreBytes: of the nearest directory that is there', (t) => {
  const proposed = proposedStoreBytes(join(tmpdir(), 'not', 'there', 'yet'));
  t.true(proposed >= GIB && proposed <= 64 * GIB);
});
