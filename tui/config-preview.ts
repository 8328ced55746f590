/**
 * What a change of a setting would do, said while it is being typed, and why it cannot be made.
 * @module
 */
import { type ConfigDocument, withSetting } from '../config/document.ts';

export type SettingCheck =
  | { readonly type: 'fault'; readonly text: string }
  | { readonly type: 'fine'; readonly text: string; readonly value: string };

export function checkSetting(config: ConfigDocument | undefined, key: string, text: string): SettingCheck {
  const setting = config?.settings.find((one) => one.key === key);
  if (config === undefined || setting === undefined)
    return { type: 'fault', text: `no setting is called ${key}; Tab lists them` };
  if (!setting.live)
    return { type: 'fault', text: `${key} is read at the start: holloway config set in a shell, then stop and start` };
  try {
    const { value } = withSetting(config, key, text).settings.find((one) => one.key === key)!;
    const effect = key === 'store.size' ? 'you are told first what that gives up' : 'at once, until the daemon stops';
    return { type: 'fine', text: `${key}: ${setting.value} becomes ${value}; ${effect}`, value };
  } catch (error) {
    return { type: 'fault', text: `${key}: ${(error as Error).message}` };
  }
}

/** For the line above a command that is being typed; undefined when it sets nothing yet. */
export function previewOf(config: ConfigDocument | undefined, text: string): string | undefined {
  const [, key, value] = /^config set (\S+) (\S.*)$/.exec(text.trimEnd()) ?? [];
  return key === undefined || value === undefined ? undefined : checkSetting(config, key, value).text;
}
