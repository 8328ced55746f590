import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { createLogFile } from '../../../daemon/io/log-file.ts';
import { createLog } from '../../../daemon/io/log-sink.ts';
import { redact } from '../../../daemon/io/redact.ts';
import { createSystemd, watchdogMs } from '../../../daemon/io/systemd.ts';

function logPath(t: ExecutionContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'hw-log-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  return join(dir, 'daemon.log');
}

test('redact: keys, addresses and paths go, times of day and counts stay', (t) => {
  const key = 'hp0wqysN5Lwti7Zh0PzdZyeIPFV24ZEbl9Emfylmaw';
  t.is(redact(`fetch of CHK@${key},z3,AA/x.html failed`), 'fetch of <key> failed');
  t.is(redact(`block ${'0f'.repeat(32)}`), 'block <key>');
  t.is(
    redact('dial 203.0.113.7:9480 and [2001:db8::1]:9480 and fe80::1'),
    'dial <address> and <address> and <address>',
  );
  t.is(redact('2001:db8:0:0:0:0:0:1 left'), '<address> left');
  t.is(redact("cannot open '/home/me/a b' or ~/x"), "cannot open '<path> b' or <path>");
  const harmless = 'at 14:02:10 12 peers, 3/4 blocks, version 0.1.0, found/failed 5:1';
  t.is(redact(harmless), harmless);
});

test('log: redacts for the file unless told not to, and for the dashboard always', (t) => {
  const written: string[] = [];
  const log = createLog({ level: 'info', write: (line) => written.push(line), format: 'text', keep: 10 });
  log.write('info', 'io', 'no connection to 203.0.113.7:9480');
  log.setRedact(false);
  log.write('info', 'io', 'no connection to 203.0.113.8:9480');
  t.regex(written[0]!, /no connection to <address>$/);
  t.regex(written[1]!, /203\.0\.113\.8/);
  t.true(log.lines().every(({ text }) => text.endsWith('<address>')));
});

test('log: a subsystem may be more or less talkative than the rest, and a listener hears what is written', (t) => {
  const written: string[] = [];
  const log = createLog({
    level: 'info',
    levels: { router: 'debug', link: 'error' },
    write: (line) => written.push(line),
    format: 'text',
    keep: 10,
  });
  const heard: string[] = [];
  const stop = log.listen(({ text }) => heard.push(text));
  log.write('debug', 'router', 'one');
  log.write('warn', 'link', 'not this');
  log.write('debug', 'store', 'nor this');
  log.setLevels({});
  log.write('debug', 'router', 'nor that');
  log.write('warn', 'link', 'two');
  stop();
  log.write('info', 'link', 'three');
  t.is(written.length, 3);
  t.deepEqual(heard, ['one', 'two']);
});

test('log file: put aside at its size, so many kept, no line split, nobody else can read', (t) => {
  const path = logPath(t);
  const file = createLogFile({ path, sizeMaxBytes: 100, files: 3 });
  for (let i = 0; i < 40; i++) file.write(`line ${i} ${'x'.repeat(20)}`);
  file.close();
  const names = readdirSync(join(path, '..')).sort();
  t.deepEqual(names, ['daemon.log', 'daemon.log.1', 'daemon.log.2']);
  const lines = names.reverse().flatMap((name) =>
    readFileSync(join(path, '..', name), 'utf8')
      .trimEnd()
      .split('\n'),
  );
  const last = lines.map((line) => Number(/^line (\d+) x{20}$/.exec(line)?.[1]));
  t.deepEqual(
    last,
    Array.from({ length: last.length }, (_, i) => 40 - last.length + i),
  );
  for (const name of names) t.true(statSync(join(path, '..', name)).size <= 100);
  t.is(statSync(path).mode & 0o777, 0o600);
});

test('log file: reopen follows a file that was moved away, and a disk that refuses costs the line only', (t) => {
  const path = logPath(t);
  const file = createLogFile({ path, sizeMaxBytes: 1_000, files: 2 });
  file.write('one');
  renameSync(path, `${path}.moved`);
  file.write('two');
  file.reopen();
  file.write('three');
  file.close();
  t.is(readFileSync(`${path}.moved`, 'utf8'), 'one\ntwo\n');
  t.is(readFileSync(path, 'utf8'), 'three\n');
  const nowhere = createLogFile({ path: '/nonexistent/x.log', sizeMaxBytes: 1_000, files: 1 });
  t.notThrows(() => nowhere.write('lost'));
  const single = createLogFile({ path, sizeMaxBytes: 8, files: 1 });
  single.write('1234567');
  single.write('again');
  single.close();
  t.is(readFileSync(path, 'utf8'), 'again\n');
  t.false(existsSync(`${path}.1`));
});

test('systemd: ready with its status, signs of life at half the interval of this process alone, nothing without a socket', (t) => {
  const runs: string[][] = [];
  const run = (args: readonly string[]): void => void runs.push([...args]);
  const systemd = createSystemd({ env: { NOTIFY_SOCKET: '/run/x' }, run });
  systemd.ready('network garden');
  systemd.stopping();
  t.deepEqual(runs, [['--ready', '--status=network garden'], ['STOPPING=1']]);
  createSystemd({ env: {}, run }).ready('x');
  t.is(runs.length, 2);
  t.is(watchdogMs({ WATCHDOG_USEC: '30000000' }), 30_000);
  t.is(watchdogMs({ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '1' }), undefined);
  t.is(watchdogMs({ WATCHDOG_USEC: 'soon' }), undefined);
});
