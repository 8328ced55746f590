/**
 * `holloway man` and `holloway completion`: what a package installs beside the program, from the command table.
 *
 * Shape   man prints the page of one command as roff (on a terminal, through man(1) when there is one), with --dir it writes all pages.
 *         With --json it is the table itself: commands, flags, and the JSON Schema of every --json document.
 * @module
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nearest } from '../../../config/suggest.ts';
import { LocalError, USER_ERRORS } from '../../errors.ts';
import type { CommandRun } from '../context.ts';
import { jsonSchemaOf } from '../json-shape.ts';
import { completionFor, SHELLS } from '../packaging/completion.ts';
import { EXIT_CODES, manPages, pageName } from '../packaging/man.ts';
import { packageVersion } from '../version.ts';
import { COMMANDS, GLOBAL_FLAGS } from './table.ts';

export const man: CommandRun = async ({ options, output }, words) => {
  const version = packageVersion();
  const pages = manPages(version);
  const dir = options.text('dir');
  if (dir !== undefined) {
    try {
      mkdirSync(dir, { recursive: true });
      for (const { fileName, text } of pages) writeFileSync(join(dir, fileName), text);
    } catch (error) {
      throw new LocalError('no_write', `${dir} (${(error as NodeJS.ErrnoException).code})`, { cause: error });
    }
    output.note(`${pages.length} pages written to ${dir}`);
  }
  output.document(tableDocument(version));
  if (dir !== undefined || output.json) return 0;
  const wanted =
    words.length === 0 ? 'holloway.1' : words[0] === 'toml' ? 'holloway.toml.5' : `${pageName(words.join(' '))}.1`;
  const page = pages.find(({ fileName }) => fileName === wanted);
  if (page === undefined) {
    const near = nearest(words.join(' '), [...COMMANDS.map(({ name }) => name), 'toml']);
    throw new LocalError(
      'usage',
      `no command is called ${words.join(' ')}${near === undefined ? '' : `; did you mean ${near}?`}`,
    );
  }
  if (process.stdout.isTTY) {
    const shown = spawnSync('man', ['-l', '-'], { input: page.text, stdio: ['pipe', 'inherit', 'ignore'] });
    if (shown.status === 0) return 0;
  }
  output.line(page.text.trimEnd());
  return 0;
};

function tableDocument(version: string): object {
  return {
    v: 1,
    version,
    globalFlags: GLOBAL_FLAGS,
    exitCodes: EXIT_CODES.map(([exit, meaning]) => ({ exit, meaning })),
    errors: Object.entries(USER_ERRORS).map(([code, { exit, what, cause, next }]) => ({
      code,
      exit,
      what,
      cause,
      next,
    })),
    commands: COMMANDS.map(({ name, args, flags, sentence, example, json }) => ({
      name,
      sentence,
      example,
      args,
      flags,
      output: json === undefined ? null : jsonSchemaOf(json),
    })),
  };
}

export const completion: CommandRun = async ({ output }, [given = '']) => {
  const shell = SHELLS.find((known) => known === given);
  if (shell === undefined) {
    const near = nearest(given, SHELLS);
    throw new LocalError(
      'usage',
      `${given}: expected ${SHELLS.join(' | ')}${near === undefined ? '' : `; did you mean ${near}?`}`,
    );
  }
  const script = completionFor(shell);
  output.line(script.trimEnd());
  output.document({ v: 1, shell, script });
  return 0;
};
