import test from 'ava';
import fc from 'fast-check';
import { ProtocolError } from '../../../daemon/errors.ts';
import { PEER_CLAIMS_MAX, POINTER_RECORD_BYTES } from '../../../daemon/limits.ts';
import { decodeMessage, encodeMessage } from '../../../daemon/wire/codec.ts';
import { MESSAGES, type Message, type MessageName } from '../../../daemon/wire/messages.ts';
import type { Field } from '../../../daemon/wire/schema.ts';

function arbitraryOf(field: Field): fc.Arbitrary<unknown> {
  switch (field.type) {
    case 'uint':
      return fc.oneof(fc.constantFrom(field.min, field.max), fc.integer({ min: field.min, max: field.max }));
    case 'bytes': {
      // A block's size now and then; else short ones, to be quick.
      const short = fc.uint8Array({ minLength: field.min, maxLength: Math.min(field.max, field.min + 40) });
      return fc.oneof({ weight: 9, arbitrary: short }, fc.constant(new Uint8Array(field.max).fill(0xab)));
    }
    case 'list':
      return fc.array(arbitraryOf(field.item), { maxLength: field.countMax });
  }
}

const anyMessage: fc.Arbitrary<Message> = fc.constantFrom(...(Object.keys(MESSAGES) as MessageName[])).chain((name) => {
  const fields: [string, Field][] = Object.entries(MESSAGES[name].fields);
  const body = Object.fromEntries(fields.map(([field, rule]) => [field, arbitraryOf(rule)]));
  return fc.record({ type: fc.constant(name), ...body }) as unknown as fc.Arbitrary<Message>;
});

test('decodeMessage(encodeMessage(m)) is m, for every message of the table', (t) => {
  fc.assert(
    fc.property(anyMessage, (message) => {
      t.deepEqual(decodeMessage(encodeMessage(message)), message);
    }),
    { numRuns: 300 },
  );
});

test('decodeMessage: any bytes give a message or a ProtocolError, nothing else', (t) => {
  const outcome = (bytes: Uint8Array): void => {
    try {
      t.true(decodeMessage(bytes).type in MESSAGES);
    } catch (error) {
      if (!(error instanceof ProtocolError)) t.fail(`${error} for ${Buffer.from(bytes).toString('hex')}`);
    }
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), outcome), { numRuns: 2_000 });
  const mutated = fc.tuple(anyMessage, fc.nat(), fc.nat(255)).map(([message, at, byte]) => {
    const bytes = encodeMessage(message);
    bytes[at % Math.min(bytes.length, 60)] = byte;
    return bytes;
  });
  fc.assert(fc.property(mutated, outcome), { numRuns: 1_000 });
  t.pass();
});

test('decodeMessage: every truncation is ERR_MALFORMED', (t) => {
  const bytes = encodeMessage({
    type: 'Insert',
    id: 70_000,
    kind: 2,
    key: new Uint8Array(32).fill(1),
    replica: 3,
    htl: 18,
    deadlineMs: 9_000,
    owners: 8,
    work: new Uint8Array(8),
    payload: new Uint8Array(POINTER_RECORD_BYTES),
  });
  for (let length = 0; length < bytes.length; length++) {
    t.throws(() => decodeMessage(bytes.subarray(0, length)), { instanceOf: ProtocolError, code: 'ERR_MALFORMED' });
  }
});

const rejects = test.macro({
  exec(t, hex: string, code: string) {
    t.throws(() => decodeMessage(Uint8Array.from(Buffer.from(hex, 'hex'))), { instanceOf: ProtocolError, code });
  },
  title: (given = '') => `decodeMessage rejects ${given}`,
});
test('nothing at all', rejects, '', 'ERR_MALFORMED');
test('a bare integer', rejects, '01', 'ERR_MALFORMED');
test('an empty array', rejects, '90', 'ERR_FIELD');
test('an unknown number', rejects, '917f', 'ERR_FIELD');
test('a number that is a byte string', rejects, '91c40101', 'ERR_FIELD');
test('a missing field', rejects, '9101', 'ERR_FIELD');
test('bytes where an integer belongs', rejects, '9201c40101', 'ERR_FIELD');
test('an integer over its bound', rejects, '920303', 'ERR_FIELD');
test('an integer under its bound', rejects, '9730010001c42000', 'ERR_MALFORMED');
test('a list item over its bound', rejects, '921491cd1000', 'ERR_FIELD');
test('a list where an integer belongs', rejects, '920190', 'ERR_FIELD');
test('a byte too many', rejects, '920105ff', 'ERR_MALFORMED');
test('a second value behind', rejects, '92010501', 'ERR_MALFORMED');
test('a map', rejects, '8101c0', 'ERR_MALFORMED');
test('a map inside', rejects, '920180', 'ERR_MALFORMED');
test('nil', rejects, '9201c0', 'ERR_MALFORMED');
test('a boolean', rejects, '9201c3', 'ERR_MALFORMED');
test('a float', rejects, '9201cb3ff0000000000000', 'ERR_MALFORMED');
test('a negative integer', rejects, '9201ff', 'ERR_MALFORMED');
test('a 64-bit integer', rejects, '9201cf0000000000000001', 'ERR_MALFORMED');
test('text', rejects, '9201a161', 'ERR_MALFORMED');
test('an extension (record definition)', rejects, '9201d47200', 'ERR_MALFORMED');
test('an extension (RegExp)', rejects, '9201c70378916161', 'ERR_MALFORMED');
test('a 32-bit array length', rejects, 'dd00000001', 'ERR_MALFORMED');
test('a 32-bit byte length', rejects, '9201c600000001aa', 'ERR_MALFORMED');
test('three levels', rejects, '92149191', 'ERR_MALFORMED');
test('10 000 nested arrays', rejects, '91'.repeat(10_000), 'ERR_MALFORMED');
test('an array that claims 65 535 elements', rejects, 'dcffff01', 'ERR_MALFORMED');
test('more elements than any message has', rejects, `dc0200${'01'.repeat(512)}`, 'ERR_MALFORMED');

test('decodeMessage: lists at their cap are read, one more is ERR_FIELD', (t) => {
  const list = (count: number): Uint8Array =>
    Uint8Array.from(Buffer.from(`9214dc00${count.toString(16)}${'05'.repeat(count)}`, 'hex'));
  t.deepEqual(decodeMessage(list(PEER_CLAIMS_MAX)), {
    type: 'PeerLocations',
    locations: new Array<number>(PEER_CLAIMS_MAX).fill(5),
  });
  t.throws(() => decodeMessage(list(PEER_CLAIMS_MAX + 1)), { instanceOf: ProtocolError, code: 'ERR_FIELD' });
});

test('decodeMessage: fields appended by a later version are ignored', (t) => {
  t.deepEqual(decodeMessage(Uint8Array.from(Buffer.from('95010507c402aabb9101', 'hex'))), { type: 'Ping', nonce: 5 });
});

test('decodeMessage: nothing aliases the receive buffer', (t) => {
  const bytes = encodeMessage({ type: 'ViewSample', id: 1, descriptors: [Uint8Array.of(1, 2, 3)] });
  const pooled = Buffer.concat([bytes, Buffer.alloc(100)]).subarray(0, bytes.length);
  const message = decodeMessage(pooled);
  pooled.fill(0);
  t.deepEqual(message, { type: 'ViewSample', id: 1, descriptors: [Uint8Array.of(1, 2, 3)] });
  const [descriptor] = message.type === 'ViewSample' ? message.descriptors : [];
  t.is(descriptor!.constructor, Uint8Array);
  t.is(descriptor!.buffer.byteLength, 3);
});

test('encodeMessage: our own bounds are checked, and each result has its own memory', (t) => {
  t.throws(() => encodeMessage({ type: 'Ping', nonce: -1 }), { instanceOf: RangeError });
  t.throws(() => encodeMessage({ type: 'Ping', nonce: 2 ** 32 }), { instanceOf: RangeError });
  t.throws(() => encodeMessage({ type: 'Ping', nonce: 1.5 }), { instanceOf: RangeError });
  t.throws(() => encodeMessage({ type: 'Data', id: 1, payload: new Uint8Array(32_769) }), { instanceOf: RangeError });
  t.throws(() => encodeMessage({ type: 'Other' } as unknown as Message), { instanceOf: RangeError });
  const first = encodeMessage({ type: 'Ping', nonce: 1 });
  encodeMessage({ type: 'Ping', nonce: 2 });
  t.deepEqual(first, Uint8Array.of(0x92, 1, 1));
  t.is(first.buffer.byteLength, 3);
});
