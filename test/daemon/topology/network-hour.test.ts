import test from 'ava';
import fc from 'fast-check';
import { hoursAhead, medianOffsetHours, OBSERVERS_MIN, ownHour } from '../../../daemon/topology/network-hour.ts';

test('medianOffsetHours: silent under five observers', (t) => {
  t.is(medianOffsetHours(new Array(OBSERVERS_MIN - 1).fill(30)), undefined);
  t.is(medianOffsetHours(new Array(OBSERVERS_MIN).fill(30)), 30);
});

test('medianOffsetHours: one hour is the minute of the hour, not a difference', (t) => {
  t.is(medianOffsetHours([1, 1, 1, 1, 1]), 0);
  t.is(medianOffsetHours([-1, -1, -1, -1, -1]), 0);
});

test('medianOffsetHours: a minority of liars moves nothing', (t) => {
  fc.assert(
    fc.property(fc.array(fc.integer(), { maxLength: 4 }), fc.integer({ min: -50, max: 50 }), (lies, truth) => {
      const honest = new Array<number>(Math.max(OBSERVERS_MIN, lies.length + 1)).fill(truth);
      t.is(medianOffsetHours([...lies, ...honest]), Math.abs(truth) <= 1 ? 0 : truth);
    }),
  );
});

test('ownHour: hours since 1970', (t) => {
  t.is(ownHour(3_600_000 * 7 + 3_599_999), 7);
});

test('hoursAhead: nothing within one hour told by a clock in step, and the whole jump when ours jumps', (t) => {
  const hour = 500_000;
  for (let minute = 0; minute < 60; minute++) {
    const wallMs = hour * 3_600_000 + minute * 60_000;
    t.true(Math.abs(hoursAhead({ hour, atMs: 0 }, { nowMs: () => 0, wallMs: () => wallMs })) <= 1);
  }
  const later = { nowMs: () => 7_200_000, wallMs: () => (hour + 2 - 48) * 3_600_000 + 1_800_000 };
  t.is(hoursAhead({ hour, atMs: 0 }, later), 48);
});
