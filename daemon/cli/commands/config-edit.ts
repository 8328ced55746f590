/**
 * `holloway config set|unset`: changes the file, after looking whether the result is usable.
 *
 * Errors  usage or bad_config before anything is written; the old file stays whole until the new one is.
 * @module
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { isReloadedKey } from '../../../config/document.ts';
import { setInToml, unsetInToml } from '../../../config/edit.ts';
import { loadConfig } from '../../../config/load.ts';
import { lockHolder } from '../../../config/lock.ts';
import { makePrivateDirectory } from '../../../config/paths.ts';
import { ConfigError, isOptionKey, OPTION_KEYS, type OptionKey, optionOf } from '../../../config/schema.ts';
import { nearest } from '../../../config/suggest.ts';
import { LocalError } from '../../errors.ts';
import type { CommandRun, Context } from '../context.ts';

export const configSet: CommandRun = async (context, [key = '', ...words]) => {
  const given = words.join(' ');
  const value = parsed(knownKey(key), given);
  const printed = optionOf(knownKey(key)).print(value);
  const { output, paths } = context;
  const text = setInToml(readText(paths.configFile), key, printed);
  writeChecked(context, text, (error) => {
    throw error;
  });
  output.line(`${key} = ${printed}`);
  output.note(await effectOf(context, knownKey(key), given));
  output.document({ v: 1, key, value: printed, file: paths.configFile });
  return 0;
};

export const configUnset: CommandRun = async (context, [key = '']) => {
  const { output, paths } = context;
  const text = unsetInToml(readText(paths.configFile), key);
  if (text === undefined) {
    if (!isOptionKey(key)) knownKey(key);
    output.note(`${key} is not in ${paths.configFile}; nothing to do`);
  } else {
    // One mistake less is worth having, even when others are left.
    writeChecked(context, text, (error) => output.note(`there is more to correct: ${error.message}`));
    output.line(`${key} is taken out of ${paths.configFile}`);
    if (isOptionKey(key)) output.note(await effectOf(context, key, optionOf(key).print(optionOf(key).default)));
  }
  output.document({ v: 1, key, changed: text !== undefined, file: paths.configFile });
  return 0;
};

export function knownKey(key: string): OptionKey {
  if (isOptionKey(key)) return key;
  const near = nearest(key, OPTION_KEYS);
  const meant = near === undefined ? '; holloway config list shows all' : `; did you mean ${near}?`;
  throw new LocalError('usage', `no setting is called ${key}${meant}`);
}

function parsed(key: OptionKey, text: string): unknown {
  try {
    return optionOf(key).parse(text);
  } catch (error) {
    throw new LocalError('usage', `${key} ${text}: ${(error as Error).message}`);
  }
}

export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') return '';
    throw new LocalError('no_file', `${path} (${code})`);
  }
}

/** Beside the file first: what lies at its place is always whole. */
export function writeChecked(context: Context, text: string, onMistake: (error: ConfigError) => void): void {
  const path = context.paths.configFile;
  const draft = `${path}.new`;
  try {
    if (context.paths.home === undefined) mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    else makePrivateDirectory(dirname(path));
    writeFileSync(draft, text, { mode: 0o600, flush: true });
    try {
      loadConfig({ file: draft, devnetUntilJoined: true });
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      onMistake(
        new ConfigError(error.where.replace(draft, path), error.message.replace(`${error.where}: `, ''), error.key),
      );
    }
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    const code = (error as NodeJS.ErrnoException).code;
    if (error instanceof Error && code !== undefined && error.name === 'Error') {
      throw new LocalError('no_write', `${path} (${code})`, { cause: error });
    }
    throw error;
  }
}

/** Where it applies from, and at once when a running daemon can take it. */
async function effectOf(context: Context, key: OptionKey, text: string): Promise<string> {
  if (lockHolder(context.paths.lockFile) === undefined) return 'it holds from the next start';
  if (isReloadedKey(key)) {
    await context.api.post('/v1/config/set', { key, value: text.replace(/^"(.*)"$/, '$1').replace(/^\[\]$/, '') });
    return 'the running daemon took it';
  }
  if (key === 'store.size') return 'a running daemon keeps its size: holloway store resize SIZE';
  return 'it holds from the next start: holloway stop && holloway start';
}
