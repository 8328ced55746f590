import test from 'ava';
import fc from 'fast-check';
import { FcpError } from '../../../../daemon/api/fcp/fcp-error.ts';
import { encodeMessage, type FcpMessage, MessageReader } from '../../../../daemon/api/fcp/message.ts';
import { FCP_LINE_BYTES_MAX, FCP_MESSAGE_BYTES_MAX } from '../../../../daemon/limits.ts';

async function* pieces(bytes: Uint8Array, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (const cut of cuts) {
    const end = Math.min(bytes.length, at + cut);
    if (end > at) yield bytes.subarray(at, end);
    at = end;
  }
  if (at < bytes.length) yield bytes.subarray(at);
}

const reader = (text: string | Uint8Array, cuts: readonly number[] = []) =>
  new MessageReader(pieces(typeof text === 'string' ? Buffer.from(text) : text, cuts));

async function readAll(from: MessageReader): Promise<{ message: FcpMessage; data: string }[]> {
  const all = [];
  for (let message = await from.next(); message !== undefined; message = await from.next()) {
    const parts: Uint8Array[] = [];
    if (message.dataLength !== undefined) for await (const bytes of from.data(message.dataLength)) parts.push(bytes);
    all.push({ message, data: Buffer.concat(parts).toString() });
  }
  return all;
}

test('a message with fields, CRLF, blank lines before it and a stray EndMessage after data', async (t) => {
  const text =
    '\r\n\nClientPut\r\nIdentifier=a=b\r\nURI=CHK@\r\nDataLength=5\r\nData\r\nhelloEndMessage\nVoid\nEndMessage\n';
  const [put, end] = await readAll(reader(text));
  t.is(put!.message.name, 'ClientPut');
  t.is(put!.message.fields.get('Identifier'), 'a=b');
  t.is(put!.data, 'hello');
  t.is(end!.message.name, 'Void');
});

test('cut anywhere, the same messages come out', async (t) => {
  const text = 'A\nx=1\ny==aMOp\nEndMessage\nB\nDataLength=4\nData\n\n\nzzC\nEndMessage\n';
  const whole = await readAll(reader(text));
  t.is(whole[0]!.message.fields.get('y'), 'hé');
  t.is(whole[1]!.data, '\n\nzz');
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 60 }), async (cuts) => {
      t.deepEqual(await readAll(reader(text, cuts)), whole);
    }),
    { numRuns: 60 },
  );
});

test('data that nobody reads is skipped', async (t) => {
  const from = reader('A\nDataLength=6\nData\nEndMesB\nEndMessage\n');
  t.is((await from.next())?.name, 'A');
  t.is((await from.next())?.name, 'B');
  t.is(await from.next(), undefined);
});

test('the data of a directory is as long as its files together', async (t) => {
  const from = reader('ClientPutComplexDir\nFiles.0.DataLength=2\nFiles.1.DataLength=3\nData\nabcdeVoid\nEndMessage\n');
  const message = await from.next();
  t.is(message?.dataLength, 5);
  t.is((await from.next())?.name, 'Void');
});

test('a bad terminator is told and the next message is read', async (t) => {
  const from = reader('ClientGet\nIdentifier=i\nURI\nVoid\nEndMessage\n');
  const error = await t.throwsAsync(from.next(), { instanceOf: FcpError });
  t.like((error as FcpError).fields(), { Code: 3, Fatal: false, Identifier: 'i' });
  t.is((await from.next())?.name, 'Void');
});

for (const [what, text] of [
  ['a line over its limit', `A\nk=${'x'.repeat(FCP_LINE_BYTES_MAX)}\nEndMessage\n`],
  ['a line that never ends', 'x'.repeat(FCP_LINE_BYTES_MAX + 1)],
  ['a message over its limit', `A\n${`k${'='.padEnd(4_000, 'v')}\n`.repeat(FCP_MESSAGE_BYTES_MAX / 4_000 + 1)}`],
  ['data without a length', 'A\nData\nxyz'],
  ['data of a negative length', 'A\nDataLength=-1\nData\nxyz'],
] as const) {
  test(`${what} ends the connection`, async (t) => {
    const error = await t.throwsAsync(reader(text).next(), { instanceOf: FcpError });
    t.like((error as FcpError).fields(), { Code: 3, Fatal: true });
  });
}

test('a stream that ends within a message gives no message', async (t) => {
  for (const text of ['A', 'A\nx=1', 'A\nx=1\nEndMes']) t.is(await reader(text).next(), undefined);
  const from = reader('A\nDataLength=9\nData\nabc');
  await from.next();
  await t.throwsAsync(async () => {
    for await (const _ of from.data(9));
  });
});

test('whatever bytes come, reading ends with messages, an FcpError or the end', async (t) => {
  const byte = fc.oneof(fc.constantFrom(0x0a, 0x0d, 0x3d, 0x41, 0x00, 0xff), fc.integer({ min: 0, max: 255 }));
  await fc.assert(
    fc.asyncProperty(fc.array(byte, { maxLength: 300 }), async (bytes) => {
      const from = reader(Uint8Array.from(bytes));
      for (let i = 0; i < 400; i++) {
        try {
          if ((await from.next()) === undefined) return;
        } catch (error) {
          t.true(error instanceof FcpError);
          if ((error as FcpError).fatal) return;
        }
      }
      t.fail('it never ended');
    }),
    { numRuns: 300 },
  );
});

test('a written message reads back, and a line end in a value cannot make a field', async (t) => {
  const bytes = encodeMessage('X', { a: 1, b: true, c: 'one\nEndMessage\nd=2', e: undefined }, 3);
  const [one] = await readAll(reader(Buffer.concat([bytes, Buffer.from('abc')])));
  t.deepEqual(
    [...one!.message.fields],
    [
      ['a', '1'],
      ['b', 'true'],
      ['c', 'one EndMessage d=2'],
      ['DataLength', '3'],
    ],
  );
  t.is(one!.data, 'abc');
});
