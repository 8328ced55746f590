/**
 * Delays of class strong: order kept, exponential, bounded in memory, nothing left behind.
 * @module
 */
import test from 'ava';
import { DELAYED_BYTES_MAX } from '../../../daemon/limits.ts';
import { createDelayLines } from '../../../daemon/onion/delay-line.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';

test('delay line: what is pushed runs in order, each after a wait of its own', async (t) => {
  const clock = createManualClock();
  const lines = createDelayLines(clock, createSeededRandom(1));
  const line = lines.open(400, () => t.fail());
  const ran: number[] = [];
  for (let i = 0; i < 50; i++) {
    line.push(10, () => ran.push(i));
    await clock.advance(20);
  }
  t.is(ran.length + lines.waitingBytes / 10, 50);
  await clock.advance(30_000);
  t.deepEqual(ran, [...Array(50).keys()]);
  t.is(lines.waitingBytes, 0);
  t.is(clock.timersPending, 0);
});

test('delay line: alone, the waits are exponential with the mean asked for', async (t) => {
  const clock = createManualClock();
  const lines = createDelayLines(clock, createSeededRandom(2));
  const waits: number[] = [];
  for (let i = 0; i < 4_000; i++) {
    const pushedAtMs = clock.nowMs();
    lines.open(400, () => t.fail()).push(1, () => waits.push(clock.nowMs() - pushedAtMs));
  }
  await clock.advance(20_000);
  const mean = waits.reduce((sum, ms) => sum + ms, 0) / waits.length;
  t.true(Math.abs(mean - 400) < 25, `${mean}`);
  // Of an exponential, 1/e wait longer than the mean, and 1/e^2 longer than twice the mean.
  t.true(Math.abs(waits.filter((ms) => ms > 400).length / waits.length - 0.368) < 0.03);
  t.true(Math.abs(waits.filter((ms) => ms > 800).length / waits.length - 0.135) < 0.03);
});

test('delay line: past DELAYED_BYTES_MAX the line that waits longest is killed whole, no other loses a cell', async (t) => {
  const clock = createManualClock();
  const lines = createDelayLines(clock, createSeededRandom(3));
  const killed: string[] = [];
  const ran: string[] = [];
  const open = (name: string) => {
    const line = lines.open(5_000, () => {
      killed.push(name);
      line.close();
    });
    return line;
  };
  const oldest = open('oldest');
  const other = open('other');
  oldest.push(1_000, () => ran.push('oldest'));
  await clock.advance(1);
  other.push(DELAYED_BYTES_MAX - 1_000, () => ran.push('other'));
  t.deepEqual(killed, [], 'at the cap');
  other.push(1, () => ran.push('other'));
  t.deepEqual(killed, ['oldest']);
  await clock.advance(1_000_000);
  t.deepEqual(ran, ['other', 'other']);
  t.is(lines.waitingBytes, 0);
});

test('delay line: a closed one runs nothing any more', async (t) => {
  const clock = createManualClock();
  const lines = createDelayLines(clock, createSeededRandom(4));
  const line = lines.open(100, () => t.fail());
  line.push(5, () => t.fail());
  line.close();
  line.push(5, () => t.fail());
  t.is(lines.waitingBytes, 0);
  t.is(clock.timersPending, 0);
});
