import { PassThrough } from 'node:stream';
import test from 'ava';
import fc from 'fast-check';
import { parseDuration } from '../../../config/schema.ts';
import type { TransferStatus } from '../../../daemon/api/schema.ts';
import { safeFileName } from '../../../daemon/cli/commands/fetch.ts';
import { createOptions } from '../../../daemon/cli/options.ts';
import { createOutput, durationText, Interrupted, printable, sizeText } from '../../../daemon/cli/output.ts';
import { barLine, createProgress } from '../../../daemon/cli/progress.ts';
import { LocalError } from '../../../daemon/errors.ts';

function stream(isTTY: boolean): NodeJS.WriteStream & { text(): string } {
  const through = new PassThrough();
  return Object.assign(through, { isTTY, columns: 60, text: () => String(through.read() ?? '') }) as never;
}

const transfer: TransferStatus = {
  alias: 'file-1',
  id: '0123456789abcdef',
  kind: 'fetch',
  stage: 'fetching',
  trafficClass: 'fast',
  blocksHave: 38,
  blocksNeeded: 64,
  blocksInFlight: 2,
  blocksMissed: 0,
  bytes: 590,
  totalBytes: 1_000,
  bytesPerSec: 1_153_434,
  etaS: 41,
  exits: 5,
  ageMs: 1_000,
  copiesMin: null,
  error: null,
};

test('failure: exit code of the table, three parts, the stack only with --debug', (t) => {
  const [out, err] = [stream(false), stream(false)];
  const code = createOutput({ json: false, quiet: true, debug: false }, out, err).failure(new LocalError('not_found'));
  t.is(code, 4);
  const said = err.text();
  t.regex(said, /^holloway: not found.*\[not_found\]\n {2}cause .*\n {2}next .*\n$/);
  createOutput({ json: false, quiet: false, debug: true }, out, err).failure(new LocalError('not_found'));
  t.regex(err.text(), /output\.test/);
  t.is(out.text(), '');
});

test('failure: what nobody expected is internal and keeps its message to itself', (t) => {
  const [out, err] = [stream(false), stream(false)];
  const output = createOutput({ json: true, quiet: false, debug: false }, out, err);
  t.is(output.failure(new Error('CHK@secret')), 1);
  t.is(output.failure(Object.assign(new Error('x'), { code: 'ENOSPC' })), 8);
  const text = out.text();
  t.false(text.includes('secret'));
  t.regex(text, /"code":"internal".*\n.*"code":"disk_full"/);
});

test('failure: a signal has no explanation, only its exit code', (t) => {
  const [out, err] = [stream(false), stream(false)];
  const output = createOutput({ json: false, quiet: false, debug: false }, out, err);
  t.deepEqual([output.failure(new Interrupted('SIGINT')), output.failure(new Interrupted('SIGTERM'))], [130, 143]);
  t.is(err.text() + out.text(), '');
});

test('table: tabs for programs, columns for people', (t) => {
  const [pipe, terminal, err] = [stream(false), stream(true), stream(false)];
  const rows = [
    ['a', 'long'],
    ['bcd', 'x'],
  ];
  createOutput({ json: false, quiet: false, debug: false }, pipe, err).table(rows);
  createOutput({ json: false, quiet: false, debug: false }, terminal, err).table(rows);
  t.is(pipe.text(), 'a\tlong\nbcd\tx\n');
  t.is(terminal.text(), 'a    long\nbcd  x\n');
});

test('printable: no control, format or separator character of any text reaches a terminal', (t) => {
  t.is(printable('a\u001B]0;x\u0007\u202Eb\u200B\u0085'), 'a\uFFFD]0;x\uFFFD\uFFFDb\uFFFD\uFFFD');
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => t.notRegex(printable(text), /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)),
  );
});

test('safeFileName: any name becomes one plain file name', (t) => {
  t.is(safeFileName('photo.jpg', null), 'photo.jpg');
  t.is(safeFileName('../../etc/passwd', null), 'passwd');
  t.is(safeFileName('..\\..\\x.exe', null), 'x.exe');
  t.is(safeFileName('.bashrc', null), 'bashrc');
  t.is(safeFileName('-rf', null), 'rf');
  t.is(safeFileName(null, 'image/png'), 'document.png');
  t.is(safeFileName('../..', 'text/plain; charset=utf-8'), 'document.txt');
  t.is(safeFileName('a\u202Egpj.exe', null), 'a_gpj.exe');
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (name) => {
      const safe = safeFileName(name, null);
      t.notRegex(safe, /^[.\-~]|[/\\\p{Cc}\p{Cf}]/u);
      t.true(safe.length > 0 && Buffer.byteLength(safe) <= 200);
    }),
  );
});

test('progress plain: one line per stage and tenth', (t) => {
  const err = stream(false);
  const progress = createProgress('auto', err, () => 0);
  progress.show({ ...transfer, stage: 'connecting', totalBytes: null, blocksNeeded: null });
  for (const bytes of [0, 50, 99, 100, 101, 590]) progress.show({ ...transfer, bytes });
  progress.end();
  t.is(
    err.text(),
    'fetch file-1  connecting\n' +
      'fetch file-1  fetching  0%  38/64 blocks\n' +
      'fetch file-1  fetching  10%  38/64 blocks\n' +
      'fetch file-1  fetching  59%  38/64 blocks\n',
  );
});

test('progress bar: at most ten frames a second, inside the terminal, erased at the end', (t) => {
  t.is(barLine(transfer), 'fetch file-1  █████████░░░░░░░  59%  38/64 blocks  1.1 MiB/s  0:41');
  const err = stream(true);
  let now = 0;
  const progress = createProgress('auto', err, () => now);
  for (; now < 1_000; now += 10) progress.show(transfer);
  progress.end();
  const frames = err.text().split('\r').slice(1);
  t.is(frames.length, 11);
  t.is(frames.at(-1), '\u001B[K');
  for (const frame of frames) t.true(frame.replace('\u001B[K', '').length < 60);
});

test('progress json: one object a line; none: nothing', (t) => {
  const err = stream(true);
  createProgress('json', err, () => 7).show(transfer);
  t.like(JSON.parse(err.text()), { t: 7, id: 'file-1', stage: 'fetching', blocks_have: 38, eta_s: 41 });
  createProgress('none', err).show(transfer);
  t.is(err.text(), '');
});

test('sizes and durations read well', (t) => {
  t.deepEqual([0, 999, 1_000, 1_153_434, 317_440, 2 ** 40].map(sizeText), [
    '0 B',
    '999 B',
    '1.0 KiB',
    '1.1 MiB',
    '310 KiB',
    '1.0 TiB',
  ]);
  t.deepEqual([5, 1_500, 90_000, 7_200_000].map(durationText), ['5 ms', '1.5 s', '1 min', '2 h']);
  t.deepEqual(['90s', '2m', '500ms', '1.5h', '30', 's', '1w'].map(parseDuration), [
    90_000,
    120_000,
    500,
    5_400_000,
    undefined,
    undefined,
    undefined,
  ]);
  t.throws(() => createOptions({ nodes: '300' }).count('nodes', 2, 254), { code: 'usage' });
});

test('barLine: a publish has done what was acknowledged, not what was read', (t) => {
  const publish = {
    ...transfer,
    kind: 'publish' as const,
    bytes: 100,
    totalBytes: 100,
    blocksHave: 1,
    blocksNeeded: 4,
  };
  t.regex(barLine(publish), / 25% /);
  t.regex(barLine({ ...publish, kind: 'fetch', bytes: 50 }), / 50% /);
});
