/**
 * Following a site: its pointer is asked for again and again, over fresh circuits.
 *
 * Shape   an async iterable of editions, each higher than the one before (or forked where it was not); the first comes at once if there is one.
 * Unit    5 to 15 minutes between two questions, drawn anew each time.
 * Errors  what is not found or not reachable now is asked again later; LocalError bad_uri and the signal's reason end it.
 * Why     nobody can push to a reader without knowing where they are. The random wait keeps two watchers, or two sites of one watcher, from being
 *         told by their rhythm.
 * Source  design § 10.
 * @module
 */
import { LocalError } from '../errors.ts';
import type { TrafficClass } from '../ids.ts';
import type { Clock, Random } from '../ports.ts';
import type { Client, NewestEdition } from './client-types.ts';
import { sleep } from './record-insert.ts';

export const WATCH_MS_MIN = 5 * 60_000;
export const WATCH_MS_MAX = 15 * 60_000;

export async function* watchEditions(
  deps: { readonly client: Pick<Client, 'newestEdition'>; readonly clock: Clock; readonly random: Random },
  uri: string,
  options: { readonly trafficClass: TrafficClass },
  signal: AbortSignal,
): AsyncGenerator<NewestEdition> {
  let told: NewestEdition | undefined;
  for (;;) {
    try {
      const found = await deps.client.newestEdition(uri, options, signal);
      const isNews = told === undefined || found.edition > told.edition || (found.isForked && !told.isForked);
      if (isNews) {
        told = found;
        yield found;
      }
    } catch (error) {
      if (signal.aborted || !(error instanceof LocalError) || error.code === 'bad_uri') throw error;
    }
    await sleep(deps.clock, WATCH_MS_MIN + deps.random.unit() * (WATCH_MS_MAX - WATCH_MS_MIN), signal);
  }
}
