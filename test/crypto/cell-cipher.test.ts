import { createCipheriv, hkdfSync } from 'node:crypto';
import test from 'ava';
import fc from 'fast-check';
import { type CellSize, createCellCipher, RATCHET_CELLS } from '../../crypto/cell-cipher.ts';
import { testCrypto } from '../support/test-crypto.ts';
import { bothEngines, flip } from './vectors.ts';

const BYTES = { small: 2_024, large: 34_760 } as const;
const KEY = new Uint8Array(32).fill(0x42);

function ends(direction: 'forward' | 'backward' = 'forward') {
  const crypto = testCrypto();
  return {
    sealer: createCellCipher(crypto, KEY, direction),
    opener: createCellCipher(crypto, KEY, direction),
  };
}

function cell(size: CellSize, fill: number): Uint8Array {
  return new Uint8Array(BYTES[size]).fill(fill);
}

test('cell cipher: cells of both sizes in any mixture open again, across ratchets', (t) => {
  const { sealer, opener } = ends();
  for (let index = 0; index < 3 * RATCHET_CELLS; index += 1) {
    const size = index % 40 === 0 ? 'large' : 'small';
    const sealed = sealer.seal(cell(size, index % 256), size);
    if (sealed.length !== BYTES[size] + 16) t.fail(`cell ${index}`);
    const opened = opener.open(sealed, size);
    if (opened === null || Buffer.compare(opened, cell(size, index % 256)) !== 0) t.fail(`cell ${index}`);
  }
  t.pass();
});

test('cell cipher: the bytes follow from formats.md, computed apart, before and after a ratchet', (t) => {
  const { sealer } = ends('backward');
  const next = new Uint8Array(hkdfSync('sha256', KEY, '', 'ratchet', 32));
  const after = new Uint8Array(hkdfSync('sha256', next, '', 'ratchet', 32));
  const keys = [KEY, next, after];
  for (let index = 0; index <= 2 * RATCHET_CELLS; index += 1) {
    const nonce = Buffer.alloc(12);
    nonce.writeUInt32BE(index, 8);
    const key = keys[Math.floor(index / RATCHET_CELLS)]!;
    const cipher = createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: 16 });
    cipher.setAAD(Uint8Array.of(index % 2, 1), { plaintextLength: 100 }); // size, then direction: backward
    const expected = Buffer.concat([cipher.update(new Uint8Array(100)), cipher.final(), cipher.getAuthTag()]);
    const sealed = sealer.seal(new Uint8Array(100), index % 2 === 0 ? 'small' : 'large');
    if (Buffer.compare(sealed, expected) !== 0) t.fail(`cell ${index}`);
  }
  t.pass();
});

test('cell cipher: both engines seal the same bytes', (t) => {
  const [auto, portable] = bothEngines('cells').map((crypto) => createCellCipher(crypto, KEY, 'forward'));
  for (let index = 0; index < 70; index += 1) {
    t.deepEqual(auto!.seal(cell('small', index), 'small'), portable!.seal(cell('small', index), 'small'));
  }
});

test('cell cipher: works in place', (t) => {
  const { sealer, opener } = ends();
  const memory = new Uint8Array(BYTES.small + 16).fill(1);
  const body = memory.subarray(0, BYTES.small);
  t.is(sealer.seal(body, 'small', memory), memory);
  t.notDeepEqual(body, cell('small', 1));
  t.is(opener.open(memory, 'small', body), body);
  t.deepEqual(body, cell('small', 1));
});

const FAULTS: [string, (cells: Uint8Array[]) => [Uint8Array, CellSize][]][] = [
  ['changed', ([first]) => [[flip(first!, 1_000), 'small']]],
  ['dropped', ([, second]) => [[second!, 'small']]],
  ['taken for the other size', ([first]) => [[first!, 'large']]],
  ['cut', ([first]) => [[first!.subarray(1), 'small']]],
  ['shorter than a tag', ([first]) => [[first!.subarray(0, 15), 'small']]],
];
for (const [fault, deliver] of FAULTS) {
  test(`cell cipher: a cell ${fault} is null, and every cell after it, right ones too`, (t) => {
    const { sealer, opener } = ends();
    const cells = [1, 2, 3].map((fill) => sealer.seal(cell('small', fill), 'small'));
    for (const [bytes, size] of deliver(cells)) t.is(opener.open(bytes, size), null);
    t.is(opener.open(cells[0]!, 'small'), null);
  });
}

test('cell cipher: a replayed or reordered cell is null', (t) => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 8 }), (order) => {
      const { sealer, opener } = ends();
      const cells = [0, 1, 2, 3, 4, 5].map((fill) => sealer.seal(cell('small', fill), 'small'));
      let intact = true;
      for (const [turn, index] of order.entries()) {
        intact &&= index === turn;
        const opened = opener.open(cells[index]!, 'small');
        t.is(opened !== null, intact);
      }
    }),
    { numRuns: 60 },
  );
});

test('cell cipher: a failed open leaves dst as it was', (t) => {
  const { sealer, opener } = ends();
  const sealed = flip(sealer.seal(cell('large', 9), 'large'), 34_000);
  const dst = cell('large', 0xee);
  t.is(opener.open(sealed, 'large', dst), null);
  t.deepEqual(dst, cell('large', 0xee));
});

test('cell cipher: the directions do not open each other, even under one key', (t) => {
  const { sealer } = ends('forward');
  const { opener } = ends('backward');
  t.is(opener.open(sealer.seal(cell('small', 1), 'small'), 'small'), null);
});

test('cell cipher: keeps a key of its own; wiped, it opens nothing and refuses to seal', (t) => {
  const crypto = testCrypto();
  const key = KEY.slice();
  const sealer = createCellCipher(crypto, key, 'forward');
  const opener = createCellCipher(crypto, key, 'forward');
  key.fill(0);
  const sealed = sealer.seal(cell('small', 1), 'small');
  t.deepEqual(sealed, ends().sealer.seal(cell('small', 1), 'small'));
  opener.wipe();
  t.is(opener.open(sealed, 'small'), null);
  sealer.wipe();
  t.throws(() => sealer.seal(cell('small', 1), 'small'), { instanceOf: RangeError });
  t.throws(() => createCellCipher(crypto, new Uint8Array(16), 'forward'), { instanceOf: RangeError });
});
