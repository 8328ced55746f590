/**
 * Values of flags as commands read them: durations, sizes, counts and choices with one kind of message.
 *
 * Errors  LocalError usage that names the flag, the value and what was expected.
 * @module
 */
import { parseDuration, parseSize } from '../../config/schema.ts';
import { LocalError } from '../errors.ts';

export interface Options {
  flag(name: string): boolean;
  /** Whether --no-NAME was given. */
  denied(name: string): boolean;
  text(name: string): string | undefined;
  list(name: string): readonly string[];
  choice<const C extends string>(name: string, choices: readonly C[]): C | undefined;
  count(name: string, min: number, max: number): number | undefined;
  durationMs(name: string): number | undefined;
  sizeBytes(name: string): number | undefined;
}

/** @param values as commander collects them: camelCase names */
export function createOptions(values: Readonly<Record<string, unknown>>): Options {
  const raw = (name: string): unknown => values[name.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())];
  const text = (name: string): string | undefined => {
    const value = raw(name);
    return typeof value === 'string' ? value : undefined;
  };
  const read = <T>(name: string, range: string, parse: (value: string) => T | undefined): T | undefined => {
    const value = text(name);
    if (value === undefined) return undefined;
    const parsed = parse(value);
    if (parsed === undefined) throw new LocalError('usage', `--${name} ${value}: expected ${range}`);
    return parsed;
  };
  return {
    flag: (name) => raw(name) === true,
    denied: (name) => raw(name) === false,
    text,
    list(name) {
      const value = raw(name);
      return Array.isArray(value) ? value.map(String) : [];
    },
    choice: (name, choices) => read(name, choices.join(' | '), (value) => choices.find((known) => known === value)),
    count: (name, min, max) =>
      read(name, `a whole number ${min}..${max}`, (value) => {
        const parsed = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
        return parsed >= min && parsed <= max ? parsed : undefined;
      }),
    durationMs: (name) => read(name, 'a duration such as 500ms, 30s, 5m or 1h', parseDuration),
    sizeBytes: (name) => read(name, 'a size such as 64KiB or 2MiB', parseSize),
  };
}
