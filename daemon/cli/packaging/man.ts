/**
 * Manual pages from the command table: one for `holloway`, one for each command, one for the configuration file.
 *
 * Shape   roff with the man macros; names holloway.1, holloway-COMMAND.1 (words joined by -), holloway.toml.5.
 * Errors  none.
 * Source  man-pages(7), groff_man(7).
 * @module
 */
import { environmentName, OPTION_KEYS, optionOf } from '../../../config/schema.ts';
import { USER_ERRORS } from '../../errors.ts';
import { COMMANDS, type CommandSpec, GROUPS } from '../commands/table.ts';
import { type Flag, flagsOf, globalFlags, usageOf } from './flags.ts';

export const EXIT_CODES: readonly (readonly [string, string])[] = [
  ['0', 'done'],
  ['1', 'a fault inside Holloway'],
  ['2', 'the command line or the configuration is not usable'],
  ['3', 'no daemon answers'],
  ['4', 'not found'],
  ['5', 'incomplete: worth running again, what arrived is kept'],
  ['6', 'the bytes did not match the key'],
  ['7', 'refused: it exists, is read-only, or goes against a limit'],
  ['8', 'trouble of this machine: disk, port, store, permissions'],
  ['9', 'no usable network yet'],
  ['129, 130, 143', 'ended by SIGHUP, SIGINT, SIGTERM'],
];

export interface ManPage {
  readonly fileName: string;
  readonly text: string;
}

export function manPages(version: string): readonly ManPage[] {
  return [
    { fileName: 'holloway.1', text: mainPage(version) },
    ...COMMANDS.map((spec) => ({ fileName: `${pageName(spec.name)}.1`, text: commandPage(spec, version) })),
    { fileName: 'holloway.toml.5', text: configPage(version) },
  ];
}

export function pageName(command: string): string {
  return `holloway-${command.replaceAll(' ', '-')}`;
}

function mainPage(version: string): string {
  const lines = [
    title('holloway', 1, version),
    '.SH NAME',
    escaped('holloway - an anonymous overlay: publish documents nobody can censor, fetch them by key'),
    '.SH SYNOPSIS',
    '.B holloway',
    escaped('[command] [flags]'),
    '.SH DESCRIPTION',
    escaped(
      'Without a command: the dashboard on a terminal, else status. Results go to stdout, everything else to stderr.',
    ),
    escaped('Every failure says what, why and what next, with a code in brackets that scripts can match.'),
    '.SH COMMANDS',
  ];
  for (const [group, sentence] of groupsInOrder()) {
    if (sentence !== '') lines.push('.SS', escaped(`${group}: ${sentence}`));
    for (const spec of COMMANDS.filter(({ name }) => name === group || name.startsWith(`${group} `))) {
      lines.push('.TP', `.B ${escaped(spec.name)}`, escaped(spec.sentence));
    }
  }
  lines.push('.SH FLAGS OF EVERY COMMAND', ...flagLines(globalFlags));
  lines.push('.SH EXIT CODES', ...termLines(EXIT_CODES));
  lines.push('.SH ERRORS', 'Codes, with their exit code:');
  lines.push(
    ...termLines(
      Object.entries(USER_ERRORS).map(([code, row]) => [`${code} (${row.exit})`, `${row.what}; ${row.next}`]),
    ),
  );
  lines.push(
    '.SH ENVIRONMENT',
    ...termLines([
      ['HOLLOWAY_HOME', 'everything of a node in one directory, as --home'],
      ['HOLLOWAY_TABLE_NAME', 'any setting, such as HOLLOWAY_LOG_LEVEL for log.level'],
      ['NO_COLOR, FORCE_COLOR', 'no colours, or colours, on the dashboard'],
    ]),
    '.SH FILES',
    ...termLines([
      ['~/.config/holloway/config.toml', 'settings, see holloway.toml(5)'],
      ['~/.local/share/holloway', 'keys and blocks; nobody else may look into it'],
      ['~/.local/state/holloway', 'log, lock, transfers'],
      ['$XDG_RUNTIME_DIR/holloway', 'control sockets: api.sock for everything, ro.sock for looking only'],
    ]),
    '.SH SIGNALS',
    ...termLines([
      ['TERM, INT', 'the daemon ends within ten seconds; a second one ends it at once'],
      ['HUP', 'it reads its configuration again and opens its log file anew'],
      ['USR2', 'it writes its status to the log'],
    ]),
    '.SH SEE ALSO',
    COMMANDS.map(({ name }) => `.BR ${pageName(name)} (1)`).join('\n'),
    '.BR holloway.toml (5)',
  );
  return `${lines.join('\n')}\n`;
}

function groupsInOrder(): readonly (readonly [string, string])[] {
  const first = [...new Set(COMMANDS.map(({ name }) => name.split(' ')[0]!))];
  return first.map((word) => [word, GROUPS[word] ?? '']);
}

function commandPage(spec: CommandSpec, version: string): string {
  const lines = [
    title(pageName(spec.name), 1, version),
    '.SH NAME',
    escaped(`${pageName(spec.name)} - ${spec.sentence.replace(/\.$/, '')}`),
    '.SH SYNOPSIS',
    escaped(usageOf(spec)),
    '.SH DESCRIPTION',
    escaped(spec.sentence),
  ];
  if (spec.args.length > 0)
    lines.push('.SH ARGUMENTS', ...termLines(spec.args.map(({ name, sentence }) => [name, sentence])));
  if (spec.flags.length > 0) lines.push('.SH FLAGS', ...flagLines(flagsOf(spec)));
  lines.push('.SH FLAGS OF EVERY COMMAND', ...flagLines(globalFlags));
  lines.push('.SH EXAMPLE', '.nf', escaped(spec.example), '.fi', '.SH SEE ALSO', '.BR holloway (1)');
  return `${lines.join('\n')}\n`;
}

function configPage(version: string): string {
  const lines = [
    title('holloway.toml', 5, version),
    '.SH NAME',
    'holloway.toml \\- settings of a Holloway node',
    '.SH DESCRIPTION',
    escaped(
      'A TOML file, by default ~/.config/holloway/config.toml. Flags (--set KEY=VALUE) come before the environment, that before the file, that before the profile and the default. Unknown keys are errors.',
    ),
    '.SH SETTINGS',
  ];
  for (const key of OPTION_KEYS) {
    const { sentence, range, unit, print, default: fallback } = optionOf(key);
    const facts = `Range: ${range}. Default: ${print(fallback)}.${unit === undefined || unit === '' ? '' : ` Unit: ${unit}.`} Variable: ${environmentName(key)}.`;
    lines.push('.TP', `.B ${escaped(key)}`, escaped(sentence), '.br', escaped(facts));
  }
  lines.push('.SH SEE ALSO', '.BR holloway-config-set (1)');
  return `${lines.join('\n')}\n`;
}

function title(name: string, section: number, version: string): string {
  return `.TH ${escaped(name.toUpperCase())} ${section} "" "Holloway ${version}" "Holloway manual"`;
}

function flagLines(flags: readonly Flag[]): readonly string[] {
  return flags.flatMap(({ long, short, value, sentence }) => {
    const names = [short, long].filter((name) => name !== undefined).map(escaped);
    const given = value === undefined ? '' : ` ${escaped(value)}`;
    return ['.TP', `.B ${names.join(', ')}${given}`, escaped(sentence)];
  });
}

function termLines(rows: readonly (readonly [string, string])[]): readonly string[] {
  return rows.flatMap(([term, sentence]) => ['.TP', `.B ${escaped(term)}`, escaped(sentence)]);
}

/** A minus is not a hyphen, and a line that begins with a dot or a quote is no request. */
function escaped(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^([.'])/, '\\&$1');
}
