/**
 * GET /v1/log/events: the last lines of the log and every one after them.
 *
 * Shape   `line` events, each a LogLine; `past` once, after the lines there were; `missed` {lines} when some came too fast.
 * Unit    tail is lines, 0..1,000.
 * Why     a reader that is behind misses lines and is told how many, instead of making the daemon remember them for it.
 * @module
 */
import type { ServerResponse } from 'node:http';
import { LocalError } from '../errors.ts';
import { LOG_LINES_KEPT } from '../limits.ts';
import type { LogLevel } from '../ports.ts';
import { openEventStream } from './http.ts';
import type { LogLine } from './schema.ts';
import type { StatusSource } from './status.ts';

const LEVELS: readonly LogLevel[] = ['error', 'warn', 'info', 'debug', 'trace'];
const TAIL = 100;

export function streamLog(
  response: ServerResponse,
  source: Pick<StatusSource, 'logLines'>,
  listen: ((listener: (line: LogLine) => void) => () => void) | undefined,
  query: URLSearchParams,
): void {
  const tail = tailOf(query.get('tail'));
  const talkativeness = LEVELS.indexOf(levelOf(query.get('level')));
  const isWanted = (line: LogLine): boolean => LEVELS.indexOf(line.level) <= talkativeness;
  const stream = openEventStream(response);
  let missed = 0;

  const say = (line: LogLine): void => {
    if (!isWanted(line)) return;
    if (missed > 0 && stream.send('missed', JSON.stringify({ lines: missed }))) missed = 0;
    if (!stream.send('line', JSON.stringify(line))) missed++;
  };
  const past = source.logLines().filter(isWanted);
  for (const line of tail === 0 ? [] : past.slice(-tail)) say(line);
  stream.send('past', '{}');
  const stop = listen?.(say);
  response.on('close', () => stop?.());
}

function tailOf(text: string | null): number {
  const value = /^\d{1,4}$/.test(text ?? `${TAIL}`) ? Number(text ?? TAIL) : Number.NaN;
  if (!(value <= LOG_LINES_KEPT)) throw new LocalError('usage', `tail is 0..${LOG_LINES_KEPT}`);
  return value;
}

function levelOf(text: string | null): LogLevel {
  const found = LEVELS.find((level) => level === (text ?? 'trace'));
  if (found === undefined) throw new LocalError('usage', `level is one of ${LEVELS.join(', ')}`);
  return found;
}
