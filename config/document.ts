/**
 * The configuration as a document: what `config list --json` prints and GET /v1/config answers.
 * @module
 */
import type { Config } from './load.ts';
import { OPTION_KEYS, optionOf } from './schema.ts';

export interface SettingDocument {
  readonly key: string;
  /** As written in the file. */
  readonly value: string;
  readonly source: 'flag' | 'env' | 'file' | 'profile' | 'default';
  readonly where: string;
  readonly default: string;
  readonly unit: string | null;
  readonly range: string;
  readonly sentence: string;
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
    };
  });
  return { v: 1, file, settings };
}
