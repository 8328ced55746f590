import test from 'ava';
import type { NewestEdition } from '../../../daemon/client/client-types.ts';
import { WATCH_MS_MAX, WATCH_MS_MIN, watchEditions } from '../../../daemon/client/watch.ts';
import { LocalError } from '../../../daemon/errors.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';

const edition = (number: number, isForked = false): NewestEdition => ({
  edition: number,
  uri: `USK@key/site/${number}`,
  documentUri: 'CHK@document',
  isForked,
});

test('watch: each higher edition once, at random 5 to 15 minutes; failures are waited out, a fork is told', async (t) => {
  const clock = createManualClock();
  const answers: (NewestEdition | LocalError)[] = [
    edition(1),
    edition(1),
    new LocalError('not_found'),
    edition(3),
    edition(2),
    edition(3, true),
    edition(3, true),
    new LocalError('offline'),
    edition(4),
  ];
  const askedAtMs: number[] = [];
  const client = {
    async newestEdition(): Promise<NewestEdition> {
      askedAtMs.push(clock.nowMs());
      const answer = answers[askedAtMs.length - 1] ?? edition(4);
      if (answer instanceof LocalError) throw answer;
      return answer;
    },
  };
  const stop = new AbortController();
  const told: string[] = [];
  const watching = (async () => {
    const deps = { client, clock, random: createSeededRandom('watch') };
    for await (const found of watchEditions(deps, 'USK@x', { trafficClass: 'fast' }, stop.signal)) {
      told.push(`${found.edition}${found.isForked ? ' forked' : ''}`);
    }
  })();
  watching.catch(() => {});
  await clock.runUntil(() => askedAtMs.length >= 40, 40 * WATCH_MS_MAX);
  stop.abort(new LocalError('cancelled'));
  await t.throwsAsync(watching, { instanceOf: LocalError });
  t.deepEqual(told, ['1', '3', '3 forked', '4']);
  const waits = askedAtMs.slice(1).map((atMs, i) => atMs - askedAtMs[i]!);
  t.true(waits.every((ms) => ms >= WATCH_MS_MIN && ms <= WATCH_MS_MAX));
  t.true(Math.max(...waits) - Math.min(...waits) > 5 * 60_000, 'they are spread over the whole span');
});

test('watch: what is no USK ends it', async (t) => {
  const client = {
    async newestEdition(): Promise<NewestEdition> {
      throw new LocalError('bad_uri');
    },
  };
  const deps = { client, clock: createManualClock(), random: createSeededRandom('watch') };
  const editions = watchEditions(deps, 'CHK@x', { trafficClass: 'fast' }, new AbortController().signal);
  await t.throwsAsync(editions.next(), { instanceOf: LocalError });
});
