/**
 * Clock, randomness and log of the real machine.
 * @module
 */
import test from 'ava';
import { createLog } from '../../../daemon/io/log-sink.ts';
import { createSystemClock } from '../../../daemon/io/system-clock.ts';
import { createSystemRandom } from '../../../daemon/io/system-random.ts';

test('clock: time goes forward, timers fire in order, cancelled ones never', async (t) => {
  const clock = createSystemClock();
  const before = clock.nowMs();
  const fired: string[] = [];
  await new Promise<void>((resolve) => {
    clock.setTimer(0, () => fired.push('cancelled')).cancel();
    clock.setTimer(1, () => fired.push('cancelled')).cancel();
    clock.setTimer(8, () => {
      fired.push('later');
      resolve();
    });
    clock.setTimer(0, () => fired.push('now'));
  });
  t.deepEqual(fired, ['now', 'later']);
  t.true(clock.nowMs() - before >= 7);
  t.true(Math.abs(clock.wallMs() - Date.now()) < 1_000);
});

test('clock: a timer beyond 24.8 days does not fire at once', async (t) => {
  const clock = createSystemClock();
  let fired = 0;
  const timer = clock.setTimer(2 ** 31 + 5, () => fired++);
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  await new Promise<void>((resolve) => clock.setTimer(3, resolve));
  t.is(fired, 0);
  timer.cancel();
  timer.cancel();
});

test('random: lengths as asked, no two draws alike, callers own what they get', (t) => {
  const random = createSystemRandom();
  const seen = new Set<string>();
  for (let draw = 0; draw < 2_000; draw++) {
    const bytes = random.bytes(16);
    t.is(bytes.length, 16);
    t.is(bytes.buffer.byteLength, 16); // no view of the pool
    seen.add(Buffer.from(bytes).toString('hex'));
  }
  t.is(seen.size, 2_000);
  for (const length of [0, 1, 255, 256, 257, 4_096, 100_000]) t.is(random.bytes(length).length, length);
  t.notDeepEqual(random.bytes(100_000), random.bytes(100_000));
  t.notDeepEqual(random.fork('a').bytes(32), random.fork('a').bytes(32));
});

test('random: unit lies in [0, 1), its low bits are alive, its mean near a half', (t) => {
  const random = createSystemRandom();
  let sum = 0;
  const lowBits = new Set<number>();
  for (let draw = 0; draw < 4_000; draw++) {
    const value = random.unit();
    t.true(value >= 0 && value < 1);
    t.is(value * 2 ** 52, Math.floor(value * 2 ** 52));
    lowBits.add((value * 2 ** 52) % 16);
    sum += value;
  }
  t.is(lowBits.size, 16);
  t.true(Math.abs(sum / 4_000 - 0.5) < 0.03); // 6.5 standard deviations
});

function sink(format: 'text' | 'json', keep = 10) {
  const written: string[] = [];
  let nowMs = 1_800_000_000_000;
  const log = createLog({ level: 'info', write: (line) => written.push(line), format, keep, wallMs: () => nowMs++ });
  return { written, log };
}

test('log: text and JSON, and what is more talkative than the level is left out', (t) => {
  const text = sink('text');
  text.log.write('warn', 'link', 'a peer was silent');
  text.log.write('debug', 'link', 'not wanted');
  t.deepEqual(text.written, ['2027-01-15T08:00:00.000Z warn  link a peer was silent']);
  const json = sink('json');
  json.log.write('error', 'store', 'full');
  t.deepEqual(JSON.parse(json.written[0]!), {
    atMs: 1_800_000_000_000,
    level: 'error',
    subsystem: 'store',
    text: 'full',
    repeats: 1,
  });
});

test('log: another level holds from the next line on', (t) => {
  const { written, log } = sink('text');
  log.setLevel('debug');
  log.write('debug', 'link', 'wanted');
  log.setLevel('error');
  log.write('warn', 'link', 'not wanted');
  t.is(written.length, 1);
});

test('log: control characters, line breaks and marks of direction are taken out, long lines cut', (t) => {
  const { written, log } = sink('text');
  log.write('info', 'x', 'a\u001b[31mb\r\nc\u0000d\u007f\u009be\u202ef\u2066g\u2028h');
  t.true(written[0]!.endsWith(' x a[31mbcdefgh'));
  log.write('info', 'x', 'y '.repeat(2_500));
  t.true(written[1]!.length < 1_100 && written[1]!.length > 1_000);
});

test('log: repeats are counted, written at 10 and 100, and once more before another line', (t) => {
  const { written, log } = sink('text');
  for (let count = 0; count < 123; count++) log.write('warn', 'disk', 'full');
  log.write('info', 'disk', 'fine');
  t.deepEqual(
    written.map((line) => line.slice(25)),
    [
      'warn  disk full',
      'warn  disk full (10 times)',
      'warn  disk full (100 times)',
      'warn  disk full (123 times)',
      'info  disk fine',
    ],
  );
  t.deepEqual(
    log.lines().map(({ text, repeats }) => [text, repeats]),
    [
      ['full', 123],
      ['fine', 1],
    ],
  );
  log.write('info', 'disk', 'fine');
  log.flush();
  t.true(written.at(-1)!.endsWith('fine (2 times)'));
});

test('log: only the last lines are kept', (t) => {
  const { log } = sink('json', 3);
  for (let number = 0; number < 10; number++) log.write('info', 'x', `line ${number}`);
  t.deepEqual(
    log.lines().map(({ text }) => text),
    ['line 7', 'line 8', 'line 9'],
  );
});
