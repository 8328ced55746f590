/**
 * GET /v1/events: one snapshot, then what changed, at the reader's rate.
 *
 * Unit    refreshMs 200..10,000, default 1,000.
 * Why     a slow reader misses deltas and never gets a queue of them: the next one is made against what was last sent to it, so it is
 *         right again with one event. Members are compared as JSON text: what a reader has is exactly what was sent.
 * Source  ux § 1.4.
 * @module
 */
import type { ServerResponse } from 'node:http';
import { LocalError } from '../errors.ts';
import type { Clock, Timer } from '../ports.ts';
import { openEventStream } from './http.ts';
import { WINDOWS, type WindowName } from './schema.ts';
import type { Access, StatusSource } from './status.ts';

export const REFRESH_MS_MIN = 200;
export const REFRESH_MS_MAX = 10_000;
const REFRESH_MS = 1_000;
/** Readers that tick within this time of each other share one reading of the node. */
const SHARED_MS = 100;

export function parseRefreshMs(text: string | null): number {
  if (text === null) return REFRESH_MS;
  const value = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= REFRESH_MS_MIN && value <= REFRESH_MS_MAX)) {
    throw new LocalError('usage', `refreshMs is ${REFRESH_MS_MIN}..${REFRESH_MS_MAX}`);
  }
  return value;
}

export function parseWindow(text: string | null): WindowName {
  const found = WINDOWS.find((name) => name === (text ?? '1m'));
  if (found === undefined) throw new LocalError('usage', `window is one of ${WINDOWS.join(', ')}`);
  return found;
}

export function streamEvents(
  response: ServerResponse,
  source: StatusSource,
  access: Access,
  clock: Clock,
  refreshMs: number,
  window: WindowName = '1m',
): void {
  const stream = openEventStream(response);
  let sent: Map<string, string>;
  let timer: Timer;

  const read = (): Map<string, string> => {
    const members = Object.entries(source.read(access, SHARED_MS, window));
    return new Map(members.map(([name, value]) => [name, JSON.stringify(value)]));
  };
  const write = (members: ReadonlyMap<string, string>): string =>
    `{${[...members].map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`;

  const tick = (): void => {
    timer = clock.setTimer(refreshMs, tick);
    if (response.writableNeedDrain) return; // still behind: no work for a reader that does not read
    const current = read();
    const changed = new Map([...current].filter(([name, value]) => sent.get(name) !== value));
    if (stream.send('delta', write(changed))) sent = current;
  };

  sent = read();
  stream.send('snapshot', write(sent));
  timer = clock.setTimer(refreshMs, tick);
  response.on('close', () => timer.cancel());
}
