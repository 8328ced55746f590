/**
 * Cells and relay messages as formats.md has them.
 * @module
 */
import test from 'ava';
import fc from 'fast-check';
import { type BlockRef, KIND, routingKey } from '../../../daemon/ids.ts';
import { bodyOf, COMMAND, controlCell, newCell, readCell } from '../../../daemon/onion/cell.ts';
import {
  cellSizeFor,
  decodeExtend,
  decodeFailure,
  decodeFetch,
  decodeFetchAnswer,
  decodeInsert,
  decodeInsertAnswer,
  decodeInserted,
  encodeExtend,
  encodeFailure,
  encodeFetch,
  encodeInserted,
  encodeInsertHead,
  type Failure,
  RELAY,
  readRelayMessage,
  writeRelayMessage,
} from '../../../daemon/onion/relay-message.ts';
import { testCrypto } from '../../support/test-crypto.ts';

const anyRef = fc.record({
  kind: fc.constantFrom(KIND.chk, KIND.ssk, KIND.pointer, KIND.keyword),
  key: fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => routingKey(new Uint8Array(bytes))),
});
const anyBytes = fc.uint8Array({ maxLength: 2_100 });

test('readCell: what newCell wrote, for every id, command and size', (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), fc.constantFrom(1, 2, 3, 4), (circuitId, command) => {
      const bytes = newCell('small', circuitId, command as 1);
      t.like(readCell(bytes), { circuitId, command, size: 'small' });
    }),
  );
  t.like(readCell(newCell('large', 0xffff_ffff, COMMAND.relay)), { circuitId: 0xffff_ffff, size: 'large' });
  t.is(newCell('small', 1, 1).length, 2_048);
  t.is(newCell('large', 1, 3).length, 34_816);
});

test('readCell refuses other lengths, commands, reserved bytes, and large cells that are not relay cells', (t) => {
  for (const length of [0, 7, 8, 2_047, 2_049, 34_815, 34_817])
    t.is(readCell(new Uint8Array(length).fill(1)), undefined);
  for (const command of [0, 5, 255]) t.is(readCell(newCell('small', 1, command as 1)), undefined);
  for (const command of [1, 2, 4]) t.is(readCell(newCell('large', 1, command as 1)), undefined);
  for (const at of [5, 6, 7]) {
    const cell = newCell('small', 1, COMMAND.relay);
    cell[at] = 1;
    t.is(readCell(cell), undefined);
  }
});

test('controlCell: data, then random to the end; a DESTROY says nothing twice', (t) => {
  const crypto = testCrypto();
  const cell = controlCell(crypto, 7, COMMAND.created, new Uint8Array(1_152).fill(9));
  t.true(cell.subarray(8, 1_160).every((byte) => byte === 9));
  t.true(new Set(cell.subarray(1_160)).size > 100);
  t.notDeepEqual(bodyOf(controlCell(crypto, 7, COMMAND.destroy)), bodyOf(controlCell(crypto, 7, COMMAND.destroy)));
});

test('cellSizeFor: data up to 2,016 / 2,000 / 1,984 in small cells, 34,752 in large ones of the exit', (t) => {
  [2_016, 2_000, 1_984].forEach((bytes, index) => {
    t.is(cellSizeFor(bytes, index + 1), 'small');
    t.is(cellSizeFor(bytes + 1, index + 1), 'large');
  });
  t.is(cellSizeFor(34_752, 3), 'large');
  t.is(cellSizeFor(34_753, 3), undefined);
  t.is(cellSizeFor(44 + 32_768, 3), 'large', 'INSERT of a block');
  t.is(cellSizeFor(44 + 1_186, 3), 'small', 'INSERT of a record');
  t.is(cellSizeFor(2 + 512 + 1_328, 2), 'small', 'the longest EXTEND, to hop 3');
});

test('relay messages: read is what was written', (t) => {
  fc.assert(
    fc.property(
      fc.nat(255),
      fc.integer({ min: 0, max: 0xffff_ffff }),
      fc.uint8Array({ maxLength: 1_984 }),
      (type, requestId, data) => {
        const cell = newCell('small', 1, COMMAND.relay);
        writeRelayMessage(cell, type, requestId, [data.subarray(0, 5), data.subarray(5)]);
        const read = readRelayMessage(bodyOf(cell).subarray(0, 1_992))!;
        t.is(read.type, type);
        t.is(read.requestId, requestId);
        t.deepEqual(Buffer.from(read.data), Buffer.from(data));
      },
    ),
  );
});

test('relay messages: frozen bytes', (t) => {
  const ref: BlockRef = { kind: KIND.ssk, key: routingKey(new Uint8Array(32).fill(0xab)) };
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  t.is(hex(encodeFetch(ref, 5)), `02050000${'ab'.repeat(32)}`);
  t.is(hex(encodeInsertHead(ref, 1, 3, new Uint8Array(8).fill(1))), `02010300${'ab'.repeat(32)}${'01'.repeat(8)}`);
  t.is(hex(encodeInserted(2)), '02000000');
  t.is(hex(encodeFailure({ type: 'rejectedOverload', retryMs: 1_000, workBits: 4 })), '04040000000003e8');
  t.is(hex(encodeFailure({ type: 'dataNotFound' })), '0100000000000000');
  t.is(hex(encodeExtend(Uint8Array.of(7, 8), new Uint8Array(1_328))).slice(0, 8), '00020708');
  const cell = newCell('small', 1, COMMAND.relay);
  writeRelayMessage(cell, RELAY.data, 0x01020304, [Uint8Array.of(9)]);
  t.is(hex(bodyOf(cell).subarray(0, 10)), '05000001010203040900');
});

test('FETCH and INSERT: decode(encode(x)) is x', (t) => {
  fc.assert(
    fc.property(
      anyRef,
      fc.nat(7),
      fc.integer({ min: 1, max: 8 }),
      fc.uint8Array({ minLength: 426, maxLength: 500 }),
      (ref, replica, owners, payload) => {
        t.deepEqual(decodeFetch(encodeFetch(ref, replica)), { ref, replica });
        const head = encodeInsertHead(ref, replica, owners, new Uint8Array(8).fill(3));
        const decoded = decodeInsert(new Uint8Array([...head, ...payload]))!;
        t.deepEqual(decoded.ref, ref);
        t.is(decoded.owners, owners);
        t.deepEqual([...decoded.work], Array(8).fill(3));
        t.deepEqual(Buffer.from(decoded.payload), Buffer.from(payload));
      },
    ),
    { numRuns: 30 },
  );
});

test('failures: decode(encode(x)) is x, and each is an answer to what it may answer', (t) => {
  const failures: Failure[] = [
    { type: 'dataNotFound' },
    { type: 'routeNotFound' },
    { type: 'rejectedLoop' },
    { type: 'rejectedOverload', retryMs: 60_000, workBits: 16 },
    { type: 'recentlyFailed', retryMs: 180_000 },
    { type: 'badBlock' },
    { type: 'timeout' },
  ];
  for (const failure of failures) {
    const data = encodeFailure(failure);
    t.deepEqual(decodeFailure(data), failure);
    const message = { type: RELAY.failed, requestId: 1, data };
    t.deepEqual(decodeFetchAnswer(message), failure.type === 'badBlock' ? undefined : failure);
    const notForInsert = failure.type === 'dataNotFound' || failure.type === 'recentlyFailed';
    t.deepEqual(decodeInsertAnswer(message), notForInsert ? undefined : failure);
  }
});

test('decoders refuse bounds: kind, replica, owners, copies, retry, work, payload size', (t) => {
  const ref: BlockRef = { kind: KIND.chk, key: routingKey(new Uint8Array(32)) };
  const fetchWith = (at: number, value: number): Uint8Array => {
    const data = encodeFetch(ref, 0);
    data[at] = value;
    return data;
  };
  for (const [at, value] of [
    [0, 0],
    [0, 5],
    [1, 8],
    [2, 1],
    [3, 1],
  ] as const)
    t.is(decodeFetch(fetchWith(at, value)), undefined);
  const insert = (owners: number, bytes: number): Uint8Array =>
    new Uint8Array([...encodeInsertHead(ref, 0, owners, new Uint8Array(8)), ...new Uint8Array(bytes)]);
  t.truthy(decodeInsert(insert(8, 32_768)));
  for (const data of [insert(0, 426), insert(9, 426), insert(1, 425), insert(1, 32_769)])
    t.is(decodeInsert(data), undefined);
  t.is(decodeInserted(Uint8Array.of(9, 0, 0, 0)), undefined);
  t.is(decodeFailure(Uint8Array.of(4, 17, 0, 0, 0, 0, 0, 0)), undefined);
  t.is(decodeFailure(Uint8Array.of(5, 0, 0, 0, 255, 0, 0, 0)), undefined);
  t.is(decodeFailure(Uint8Array.of(8, 0, 0, 0, 0, 0, 0, 0)), undefined);
  t.is(decodeExtend(new Uint8Array(2 + 513 + 1_328).fill(2)), undefined);
});

test('decoders: any bytes give a message or undefined', (t) => {
  fc.assert(
    fc.property(anyBytes, fc.nat(9), (bytes, type) => {
      const message = readRelayMessage(bytes);
      t.true(message === undefined || message.data.length <= bytes.length - 8);
      for (const decode of [decodeFetch, decodeInsert, decodeExtend, decodeFailure, decodeInserted]) decode(bytes);
      decodeFetchAnswer({ type, requestId: 1, data: bytes });
      decodeInsertAnswer({ type, requestId: 1, data: bytes });
    }),
  );
});
