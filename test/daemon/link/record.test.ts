import test from 'ava';
import fc from 'fast-check';
import { ProtocolError } from '../../../daemon/errors.ts';
import { RECORD_PLAINTEXT_MAX } from '../../../daemon/limits.ts';
import { RECORD_LENGTH_BYTES, RECORD_OVERHEAD_BYTES, RecordReader, RecordWriter } from '../../../daemon/link/record.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';
import { testCrypto } from '../../support/test-crypto.ts';

const crypto = testCrypto('record');
const KEY = new Uint8Array(32).fill(5);
const random = createSeededRandom('record');

function sealed(writer: RecordWriter, plaintext: Uint8Array, rekey = false): Uint8Array {
  const record = new Uint8Array(RECORD_OVERHEAD_BYTES + plaintext.length);
  record.set(plaintext, RECORD_LENGTH_BYTES);
  writer.seal(record, plaintext.length, rekey);
  return record;
}

function collect(reader: RecordReader, bytes: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = [];
  reader.push(bytes, (plaintext) => {
    found.push(plaintext);
    return true;
  });
  return found;
}

test('records come back whole, however the stream is cut', (t) => {
  const sizes = fc.array(fc.oneof(fc.integer({ min: 3, max: 300 }), fc.constant(RECORD_PLAINTEXT_MAX)), {
    minLength: 1,
    maxLength: 4,
  });
  const pieces = fc.array(fc.integer({ min: 1, max: 40_000 }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(sizes, pieces, (lengths, cuts) => {
      const writer = new RecordWriter(crypto, KEY);
      const plaintexts = lengths.map((length) => random.bytes(length));
      const stream = Buffer.concat(plaintexts.map((plaintext) => sealed(writer, plaintext)));
      const reader = new RecordReader(crypto, KEY);
      const found: Uint8Array[] = [];
      for (let at = 0, i = 0; at < stream.length; i++) {
        const end = at + cuts[i % cuts.length]!;
        found.push(...collect(reader, stream.subarray(at, end)));
        at = end;
      }
      t.is(found.length, plaintexts.length);
      for (const [i, plaintext] of found.entries()) t.is(Buffer.compare(plaintext, plaintexts[i]!), 0);
    }),
    { numRuns: 25 },
  );
});

test('a changed byte anywhere, a dropped, repeated or reordered record is ERR_RECORD, and the reader stays dead', (t) => {
  const writer = new RecordWriter(crypto, KEY);
  const [first, second] = [sealed(writer, random.bytes(60)), sealed(writer, random.bytes(60))];
  for (let at = 0; at < first.length; at++) {
    const changed = first.slice();
    changed[at]! ^= 0x80;
    const reader = new RecordReader(crypto, KEY);
    t.throws(() => collect(reader, changed), { instanceOf: ProtocolError, code: 'ERR_RECORD' });
    t.deepEqual(collect(reader, first), []);
  }
  t.throws(() => collect(new RecordReader(crypto, KEY), second), { code: 'ERR_RECORD' });
  const twice = new RecordReader(crypto, KEY);
  t.is(collect(twice, first).length, 1);
  t.throws(() => collect(twice, first), { code: 'ERR_RECORD' });
});

test('a flipped length is found before a byte of its record is awaited', (t) => {
  const record = sealed(new RecordWriter(crypto, KEY), random.bytes(1_000));
  record[0]! ^= 1;
  t.throws(() => collect(new RecordReader(crypto, KEY), record.subarray(0, RECORD_LENGTH_BYTES)), {
    code: 'ERR_RECORD',
  });
});

test('lengths at and past their bounds, although sealed with the right key', (t) => {
  const withLength = (claimed: number): Uint8Array => {
    const head = new Uint8Array(RECORD_LENGTH_BYTES);
    crypto.aeadKey(KEY).seal(new Uint8Array(12), Uint8Array.of(claimed >> 8, claimed & 255), new Uint8Array(0), head);
    return head;
  };
  for (const claimed of [3, RECORD_PLAINTEXT_MAX])
    t.deepEqual(collect(new RecordReader(crypto, KEY), withLength(claimed)), []);
  for (const claimed of [0, 2, RECORD_PLAINTEXT_MAX + 1, 65_535]) {
    t.throws(() => collect(new RecordReader(crypto, KEY), withLength(claimed)), { code: 'ERR_RECORD' });
  }
});

test('a key serves its number of records: the writer says when, the reader insists', (t) => {
  const writer = new RecordWriter(crypto, KEY, 3);
  const reader = new RecordReader(crypto, KEY, 3);
  for (let turn = 0; turn < 2; turn++) {
    for (const last of [false, false, true]) {
      t.is(writer.isLastOfKey, last);
      const plaintext = random.bytes(10);
      t.deepEqual(collect(reader, sealed(writer, plaintext, last)), [plaintext]);
      if (last) reader.rekey();
    }
  }
  const lazy = new RecordWriter(crypto, KEY);
  const strict = new RecordReader(crypto, KEY, 3);
  for (let i = 0; i < 3; i++) t.is(collect(strict, sealed(lazy, random.bytes(5))).length, 1);
  t.throws(() => collect(strict, sealed(lazy, random.bytes(5))), { code: 'ERR_RECORD' });
});

test('reading stops when the record handler says so', (t) => {
  const writer = new RecordWriter(crypto, KEY);
  const stream = Buffer.concat([sealed(writer, random.bytes(5)), sealed(writer, random.bytes(5))]);
  let records = 0;
  new RecordReader(crypto, KEY).push(stream, () => {
    records++;
    return false;
  });
  t.is(records, 1);
});
