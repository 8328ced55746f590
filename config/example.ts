/**
 * example.toml, printed from the table: `node config/example.ts > config/example.toml`. A test fails when the kept copy is stale.
 * @module
 */
import { OPTION_KEYS, optionOf } from './schema.ts';

/** The whole example file: every setting with its sentence, unit and range, commented out at its default. */
export function printExample(): string {
  const lines = [
    '# Holloway: every setting at its default. Remove the # in front of what you change.',
    '# Order of precedence: flags, HOLLOWAY_* variables, this file, the profile, the default.',
  ];
  let table = '';
  for (const key of OPTION_KEYS) {
    const option = optionOf(key);
    const dot = key.indexOf('.');
    if (dot >= 0 && key.slice(0, dot) !== table) {
      table = key.slice(0, dot);
      lines.push('', `[${table}]`);
    } else {
      lines.push('');
    }
    lines.push(`# ${option.sentence}`);
    lines.push(`# ${option.unit === undefined ? '' : `Unit: ${option.unit}. `}Range: ${option.range}.`);
    lines.push(`# ${key.slice(dot + 1)} = ${option.print(option.default)}`);
  }
  return `${lines.join('\n')}\n`;
}

if (import.meta.main) process.stdout.write(printExample());
