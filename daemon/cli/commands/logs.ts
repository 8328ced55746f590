/**
 * `holloway logs`: the log of a running daemon, or the end of the file that one left.
 *
 * Shape   without --follow the lines there are; with it until interrupted, JSON lines with --json.
 *         --set changes what is logged while the daemon runs, through its setting log.levels.
 * @module
 */
import { readFileSync } from 'node:fs';
import type { ConfigDocument } from '../../../config/document.ts';
import { LOG_LEVELS, LOG_SUBSYSTEMS } from '../../../config/schema.ts';
import { nearest } from '../../../config/suggest.ts';
import type { LogLine } from '../../api/schema.ts';
import { LocalError } from '../../errors.ts';
import { type CommandRun, type Context, giveUpSignal } from '../context.ts';
import { printable } from '../output.ts';

const TAIL = 100;
const TAIL_MAX = 1_000;

export const logs: CommandRun = async (context) => {
  const { options, api, output } = context;
  const level = options.choice('level', LOG_LEVELS) ?? 'trace';
  const tail = options.count('tail', 0, TAIL_MAX) ?? TAIL;
  const assignments = options.list('set').map(parseAssignment);
  const signal = giveUpSignal(context);
  if (assignments.length > 0) {
    await setLevels(context, assignments, signal);
    if (!options.flag('follow')) return 0;
  }
  if (options.flag('follow')) {
    for await (const { event, data } of api.events(`/v1/log/events?level=${level}&tail=${tail}`, signal)) {
      if (event === 'missed') {
        output.note(`(${(JSON.parse(data) as { lines: number }).lines} lines came too fast and are missing)`);
      }
      if (event !== 'line') continue;
      if (output.json) process.stdout.write(`${data}\n`);
      else output.line(lineText(JSON.parse(data) as LogLine));
    }
    throw new LocalError('daemon_unreachable', 'it ended');
  }
  const lines = await pastLines(context, level, tail, signal);
  for (const line of lines) output.line(typeof line === 'string' ? printable(line) : lineText(line));
  output.document({ v: 1, lines: lines.map((line) => (typeof line === 'string' ? asLine(line) : line)) });
  return 0;
};

function lineText(line: LogLine): string {
  const times = line.repeats > 1 ? ` (${line.repeats} times)` : '';
  return printable(
    `${new Date(line.atMs).toISOString()} ${line.level.padEnd(5)} ${line.subsystem} ${line.text}${times}`,
  );
}

type Assignment = readonly [subsystem: string, level: string];

function parseAssignment(text: string): Assignment {
  const [subsystem = '', level = '', ...rest] = text.split('=');
  const subsystems = [...LOG_SUBSYSTEMS, 'all'];
  if (!subsystems.includes(subsystem)) {
    const near = nearest(subsystem, subsystems);
    const meant = near === undefined ? '' : `; did you mean ${near}?`;
    throw new LocalError(
      'usage',
      `--set ${text}: expected SUBSYSTEM=LEVEL with one of ${subsystems.join(' ')}${meant}`,
    );
  }
  const isLevel = level === 'default' || LOG_LEVELS.some((known) => known === level);
  if (!isLevel || rest.length > 0) {
    throw new LocalError('usage', `--set ${text}: expected a level, ${LOG_LEVELS.join(' | ')}, or default`);
  }
  return [subsystem, level];
}

async function setLevels(context: Context, given: readonly Assignment[], signal: AbortSignal): Promise<void> {
  const { api, output } = context;
  const { settings } = await api.get<ConfigDocument>('/v1/config', signal);
  const kept = settings.find(({ key }) => key === 'log.levels')?.value ?? '[]';
  const levels = new Map((JSON.parse(kept) as string[]).map((item) => item.split('=') as [string, string]));
  for (const [subsystem, level] of given) {
    for (const name of subsystem === 'all' ? LOG_SUBSYSTEMS : [subsystem]) {
      if (level === 'default') levels.delete(name);
      else levels.set(name, level);
    }
  }
  const value = [...levels].map(([subsystem, level]) => `${subsystem}=${level}`).join(',');
  await api.post('/v1/config/set', { key: 'log.levels', value }, signal);
  output.note(value === '' ? 'every subsystem is at log.level again' : `levels now: ${value}`);
  if (!context.options.flag('follow')) output.document({ v: 1, lines: [] });
}

/** From the daemon; without one, from its file, whose lines are text or JSON as log.format says. */
async function pastLines(
  context: Context,
  level: (typeof LOG_LEVELS)[number],
  tail: number,
  signal: AbortSignal,
): Promise<readonly (LogLine | string)[]> {
  try {
    const lines: LogLine[] = [];
    for await (const { event, data } of context.api.events(`/v1/log/events?level=${level}&tail=${tail}`, signal)) {
      if (event === 'past') break;
      if (event === 'line') lines.push(JSON.parse(data) as LogLine);
    }
    return lines;
  } catch (error) {
    if (!(error instanceof LocalError) || error.code !== 'daemon_unreachable') throw error;
    return fileLines(context, level, tail);
  }
}

function fileLines(context: Context, level: (typeof LOG_LEVELS)[number], tail: number): readonly string[] {
  const path = context.config().values['log.file'] || context.paths.logFile;
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    throw new LocalError('daemon_unreachable', `and there is no log file at ${path}`);
  }
  const lines = text.trimEnd().split('\n');
  const wanted = lines.filter((line) => LOG_LEVELS.indexOf(asLine(line).level) <= LOG_LEVELS.indexOf(level));
  context.output.note(`no daemon runs; the end of ${path}:`);
  return tail === 0 ? [] : wanted.slice(-tail);
}

function asLine(line: string): LogLine {
  if (line.startsWith('{')) {
    try {
      return JSON.parse(line) as LogLine;
    } catch {
      // Cut off by a full disk: shown as it is.
    }
  }
  const [, at, level, subsystem, text] = /^(\S+Z) (\w+) +(\S+) (.*)$/.exec(line) ?? [];
  const known = LOG_LEVELS.find((name) => name === level) ?? 'info';
  return {
    atMs: at === undefined ? 0 : Date.parse(at),
    level: known,
    subsystem: subsystem ?? 'daemon',
    text: text ?? line,
    repeats: 1,
  };
}
