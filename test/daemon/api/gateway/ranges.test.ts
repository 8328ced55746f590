import test from 'ava';
import { answerFor } from '../../../../daemon/api/gateway/ranges.ts';

const TAG = '"abc"';

const answers = test.macro({
  exec(t, headers: Record<string, string>, expected: object) {
    t.deepEqual({ ...answerFor(headers, 1_000, TAG) }, expected as never);
  },
  title: (given = '') => `answerFor: ${given}`,
});
const part = (from: number, to: number): object => ({ status: 206, from, to });
const whole = { status: 200, from: 0, to: 1_000 };

test('no range', answers, {}, whole);
test('a first and a last byte', answers, { range: 'bytes=0-0' }, part(0, 1));
test('to the end', answers, { range: 'bytes=999-' }, part(999, 1_000));
test('past the end', answers, { range: 'bytes=10-5000' }, part(10, 1_000));
test('the last bytes', answers, { range: 'bytes=-5' }, part(995, 1_000));
test('more last bytes than there are', answers, { range: 'bytes=-5000' }, part(0, 1_000));
test('outside', answers, { range: 'bytes=1000-' }, { status: 416 });
test('no last byte at all', answers, { range: 'bytes=-0' }, { status: 416 });
test('a list is answered whole', answers, { range: 'bytes=0-1,5-6' }, whole);
test('another unit', answers, { range: 'lines=0-1' }, whole);
test('backwards', answers, { range: 'bytes=9-3' }, whole);
test('nonsense', answers, { range: 'bytes=a-b' }, whole);
test('If-Range with the tag', answers, { range: 'bytes=0-0', 'if-range': TAG }, part(0, 1));
test('If-Range with another', answers, { range: 'bytes=0-0', 'if-range': '"x"' }, whole);
test('If-Range with a weak one', answers, { range: 'bytes=0-0', 'if-range': `W/${TAG}` }, whole);
test('If-Range with a date', answers, { range: 'bytes=0-0', 'if-range': 'Sun, 06 Nov 1994 08:49:37 GMT' }, whole);
test('If-None-Match', answers, { 'if-none-match': `"x", W/${TAG}` }, { status: 304 });
test('If-None-Match before Range', answers, { 'if-none-match': '*', range: 'bytes=0-0' }, { status: 304 });
