/**
 * The configuration as a document: what `config list --json` prints and GET /v1/config answers.
 * @module
 */
import type { Config } from './load.ts';
import { isOptionKey, OPTION_KEYS, type OptionKey, optionOf } from './schema.ts';

export interface SettingDocument {
  readonly key: string;
  /** As written in the file. */
  readonly value: string;
  /** `running`: changed while the daemon runs, until it stops. */
  readonly source: 'flag' | 'env' | 'file' | 'profile' | 'default' | 'running';
  readonly where: string;
  readonly default: string;
  readonly unit: string | null;
  readonly range: string;
  readonly sentence: string;
  /** Whether a running daemon takes a new value. */
  readonly live: boolean;
}

/** What the control API's config/set and a reload (SIGHUP) take while running. */
export const RELOADED_KEYS = ['log.level', 'log.levels', 'log.redact'] as const satisfies readonly OptionKey[];
export type ReloadedKey = (typeof RELOADED_KEYS)[number];
/** store.size goes through store/resize. All others are read once, at the start. */
const LIVE_KEYS: readonly OptionKey[] = [...RELOADED_KEYS, 'store.size'];

export function isReloadedKey(key: string): key is ReloadedKey {
  return RELOADED_KEYS.some((known) => known === key);
}

export interface ConfigDocument {
  readonly v: 1;
  /** The file looked for, whether or not it exists. */
  readonly file: string;
  readonly settings: readonly SettingDocument[];
}

export function configDocument(config: Config, file: string): ConfigDocument {
  const settings = OPTION_KEYS.map((key) => {
    const option = optionOf(key);
    return {
      key,
      value: option.print(config.values[key]),
      ...config.origins[key],
      default: option.print(option.default),
      unit: option.unit ?? null,
      range: option.range,
      sentence: option.sentence,
      live: LIVE_KEYS.includes(key),
    };
  });
  return { v: 1, file, settings };
}

/**
 * The document after a setting was changed while running.
 * @throws a plain Error that says what was expected
 */
export function withSetting(document: ConfigDocument, key: string, text: string): ConfigDocument {
  if (!isOptionKey(key)) throw new Error(`no setting is called ${key}`);
  const option = optionOf(key);
  const value = option.print(option.parse(text));
  const settings = document.settings.map((setting) =>
    setting.key === key ? { ...setting, value, source: 'running' as const, where: 'set while running' } : setting,
  );
  return { ...document, settings };
}
