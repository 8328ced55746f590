import test from 'ava';
import fc from 'fast-check';
import { ProtocolError } from '../../../daemon/errors.ts';
import { ringLocation } from '../../../daemon/ids.ts';
import { CELL_SMALL_BYTES, RECORD_PLAINTEXT_MAX } from '../../../daemon/limits.ts';
import { FRAME, FRAME_BODY_MAX, readFrames, writeFrame } from '../../../daemon/wire/framing.ts';
import { locationFromBytes, locationToBytes } from '../../../daemon/wire/ring-bytes.ts';

function read(bytes: Uint8Array): [number, Uint8Array][] {
  const frames: [number, Uint8Array][] = [];
  readFrames(bytes, (type, body) => {
    frames.push([type, body.slice()]);
    return true;
  });
  return frames;
}

test('readFrames gives what writeFrame wrote, in order', (t) => {
  const bytes = new Uint8Array(3 + 5 + 3 + CELL_SMALL_BYTES + 3 + 4 + 3);
  const cell = new Uint8Array(CELL_SMALL_BYTES).fill(9);
  let at = writeFrame(bytes, 0, FRAME.message, Uint8Array.of(1, 2, 3, 4, 5));
  at = writeFrame(bytes, at, FRAME.smallCell, cell);
  at = writeFrame(bytes, at, FRAME.pad, 4);
  t.is(writeFrame(bytes, at, FRAME.rekey, 0), bytes.length);
  t.deepEqual(read(bytes), [
    [FRAME.message, Uint8Array.of(1, 2, 3, 4, 5)],
    [FRAME.smallCell, cell],
    [FRAME.pad, new Uint8Array(4)],
    [FRAME.rekey, new Uint8Array(0)],
  ]);
});

test('readFrames: one frame may fill a record, and visiting stops when asked', (t) => {
  const full = new Uint8Array(RECORD_PLAINTEXT_MAX);
  writeFrame(full, 0, FRAME.pad, FRAME_BODY_MAX);
  t.is(read(full)[0]![1].length, FRAME_BODY_MAX);
  let visits = 0;
  readFrames(new Uint8Array(9), () => {
    visits++;
    return false;
  });
  t.is(visits, 1);
});

const rejects = test.macro({
  exec(t, hex: string) {
    t.throws(() => read(Uint8Array.from(Buffer.from(hex, 'hex'))), {
      instanceOf: ProtocolError,
      code: 'ERR_MALFORMED',
    });
  },
  title: (given = '') => `readFrames rejects ${given}`,
});
test('half a header', rejects, '0000');
test('a frame longer than its record', rejects, '02000101020002aa');
test('an unknown type', rejects, '050000');
test('a small cell of another size', rejects, '030001aa');
test('a large cell of another size', rejects, '040001aa');
test('a rekey with a body', rejects, '010001aa');
test('a frame behind a rekey', rejects, '010000000000');

test('readFrames: any bytes give frames or a ProtocolError', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      try {
        const total = read(bytes).reduce((sum, [, body]) => sum + 3 + body.length, 0);
        t.is(total, bytes.length);
      } catch (error) {
        t.true(error instanceof ProtocolError);
      }
    }),
    { numRuns: 500 },
  );
});

test('a ring location and its eight bytes come back the same', (t) => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 52n - 1n }), (units) => {
      const location = ringLocation(Number(units) / 2 ** 52);
      const bytes = locationToBytes(location);
      t.is(new DataView(bytes.buffer).getBigUint64(0), units << 12n);
      t.is(locationFromBytes(bytes), location);
    }),
  );
  t.is(locationFromBytes(new Uint8Array(8).fill(0xff)), ringLocation((2 ** 52 - 1) / 2 ** 52));
});
