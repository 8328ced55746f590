import test from 'ava';
import fc from 'fast-check';
import {
  cellsOf,
  cleanText,
  formatAge,
  formatBytes,
  formatClock,
  formatCount,
  formatDistance,
  formatDuration,
  formatLocation,
  formatOffset,
  formatShare,
  padEnd,
  padStart,
  truncate,
  widthOf,
} from '../../tui/format.ts';
import { HOSTILE_TEXTS } from '../support/status-fixture.ts';

type Pairs = readonly (readonly [number, string])[];
const maps = test.macro<[(value: number) => string, Pairs]>((t, format, pairs) => {
  for (const [value, text] of pairs) t.is(format(value), text, String(value));
});

test('formatBytes: powers of 1024 in at most four cells', maps, formatBytes, [
  [0, '0'],
  [812, '812'],
  [999, '999'],
  [1_023, '1.0K'],
  [1_229, '1.2K'],
  [10_240, '10K'],
  [1_258_291, '1.2M'],
  [999.6 * 1024, '1.0M'],
  [6.1 * 1024 ** 3, '6.1G'],
  [3 * 1024 ** 4, '3.0T'],
  [-5, '0'],
  [Number.NaN, '—'],
  [Number.POSITIVE_INFINITY, '—'],
]);
test('formatDuration: two units at most', maps, formatDuration, [
  [0, '0ms'],
  [0.523, '0.52ms'],
  [4.26, '4.3ms'],
  [41, '41ms'],
  [999.4, '999ms'],
  [1_500, '1.5s'],
  [41_900, '41s'],
  [192_000, '3m12s'],
  [14_820_000, '4h07m'],
  [187_200_000, '2d04h'],
  [200 * 86_400_000, '200d'],
  [-3, '0ms'],
]);
test('formatCount: grouped, short from a million on', maps, formatCount, [
  [0, '0'],
  [999, '999'],
  [8_412, '8 412'],
  [124_901, '124 901'],
  [1_904_113, '1.9M'],
  [7_300_000_000, '7.3G'],
  [Number.NaN, '—'],
]);
test('formatLocation: two decimals, never rounded into another place', maps, formatLocation, [
  [0.4137, '0.41'],
  [0.9999, '0.99'],
  [0, '0.00'],
]);
test('formatDistance: two figures', maps, formatDistance, [
  [0.327, '.33'],
  [0.0107, '.011'],
  [0.0031, '.0031'],
  [0.00001, '<.0001'],
  [0.5, '.50'],
]);
test('formatAge: whole seconds, never nothing', maps, formatAge, [
  [0, '1s'],
  [3_700, '3s'],
  [61_500, '1m01s'],
]);
test('formatOffset: signed', maps, formatOffset, [
  [112, '+0.1 s'],
  [-3_200, '-3.2 s'],
  [7_200_000, '+2h00m'],
]);

test('formatShare: little is not none, nothing of nothing is unknown', (t) => {
  t.is(formatShare(6_903, 8_412), '82%');
  t.is(formatShare(132, 8_412), '1.6%');
  t.is(formatShare(0, 8_412), '0%');
  t.is(formatShare(0, 0), '—');
});

test('formatClock: of the given offset, also before 1970', (t) => {
  t.is(formatClock(1_804_169_005_000, 0), '14:03:25');
  t.is(formatClock(1_804_169_005_000, 600), '00:03:25');
  t.is(formatClock(-1_000, 0), '23:59:59');
  t.is(formatClock(Number.NaN, 0), '--:--:--');
});

test('cleanText and cellsOf: nothing that is not one safe cell survives, whatever comes in', (t) => {
  const unsafe = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;
  const check = (text: string): void => {
    t.false(unsafe.test(cleanText(text).replaceAll('\ufffd', '')));
    const wrong = cellsOf(text).filter(
      (cell) => [...cell].length !== 1 || widthOf(cell) !== 1 || unsafe.test(cell) || /\p{M}/u.test(cell),
    );
    t.deepEqual(wrong, []);
  };
  for (const text of HOSTILE_TEXTS) check(text);
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => check(text)));
});

test('cellsOf: what becomes of the usual suspects', (t) => {
  t.is(cellsOf('\x1b[2Jx\u0085').join(''), '\ufffd[2Jx\ufffd');
  t.is(cellsOf('漢字').join(''), '??');
  t.is(cellsOf('\u{1f600}!').join(''), '?!');
  t.is(cellsOf('e\u0301').join(''), 'é');
  t.is(cellsOf('Zürich · 12 ≤ 13').join(''), 'Zürich · 12 ≤ 13');
});

test('widthOf: wide counts two, marks none', (t) => {
  t.is(widthOf('漢字a'), 5);
  t.is(widthOf('x\u0323'), 1);
  t.is(widthOf(''), 0);
});

test('truncate and pad: never wider than asked', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 40 }), fc.integer({ min: 0, max: 30 }), (text, width) => {
      t.true(cellsOf(truncate(text, width)).length <= width);
      t.is(cellsOf(padEnd(text, width)).length, width);
      t.is(cellsOf(padStart(text, width)).length, width);
    }),
  );
  t.is(truncate('holloway', 5), 'holl…');
  t.is(truncate('holloway', 8), 'holloway');
});
