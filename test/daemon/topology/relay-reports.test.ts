import test from 'ava';
import { RELAY_VIEW_MAX } from '../../../daemon/limits.ts';
import { createRelayReports, REPORT_MS } from '../../../daemon/topology/relay-reports.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';

test('relay reports: applied together on a clock that does not follow them, each once, RELAY_VIEW_MAX at most', async (t) => {
  const clock = createManualClock();
  const applied: { key: string; atMs: number }[] = [];
  const known = { failed: (key: string, atMs: number) => void applied.push({ key, atMs }) };
  const reports = createRelayReports({ clock, random: createSeededRandom(1), known });
  reports.start();
  await clock.advance(REPORT_MS - 1);
  for (const key of ['a', 'b', 'a']) reports.add(key);
  await clock.advance(REPORT_MS / 2 + 1);
  t.deepEqual(
    applied.map(({ key }) => key),
    ['a', 'b'],
  );
  t.is(applied[0]!.atMs, applied[1]!.atMs);
  applied.length = 0;
  for (let i = 0; i < RELAY_VIEW_MAX + 5; i++) reports.add(`${i}`);
  await clock.advance(2 * REPORT_MS);
  t.is(applied.length, RELAY_VIEW_MAX);
  reports.add('late');
  reports.stop();
  await clock.advance(3 * REPORT_MS);
  t.is(applied.length, RELAY_VIEW_MAX);
  t.is(clock.timersPending, 0);
});
