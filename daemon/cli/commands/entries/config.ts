/**
 * Settings: what they are and where they come from.
 * @module
 */
import { type CommandSpec, SET } from '../spec.ts';

const SETTING = {
  key: 'text',
  value: 'text',
  source: 'text',
  where: 'text',
  default: 'text',
  unit: 'text|null',
  range: 'text',
  sentence: 'text',
  live: 'boolean',
} as const;

export const CONFIG_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'config list',
    args: [],
    flags: [{ flags: '--origin', sentence: 'show where each value comes from' }, SET],
    sentence: 'List every setting with its value.',
    example: 'holloway config list --origin',
    json: { v: 'integer', file: 'text', settings: [SETTING] },
    load: async () => (await import('../config.ts')).configList,
  },
  {
    name: 'config get',
    args: [{ name: '<key>', sentence: 'such as store.size' }],
    flags: [SET],
    sentence: 'Print one setting.',
    example: 'holloway config get store.size',
    json: { v: 'integer', ...SETTING },
    load: async () => (await import('../config.ts')).configGet,
  },
  {
    name: 'config set',
    args: [
      { name: '<key>', sentence: 'such as store.size' },
      { name: '<value>', sentence: 'as config list shows it; lists separated by commas' },
    ],
    flags: [],
    sentence:
      'Change a setting in the configuration file, if the result is usable; a running daemon takes it if it can.',
    example: 'holloway config set log.level debug',
    json: { v: 'integer', key: 'text', value: 'text', file: 'text' },
    load: async () => (await import('../config-edit.ts')).configSet,
  },
  {
    name: 'config unset',
    args: [{ name: '<key>', sentence: 'such as store.size; also one that is not known' }],
    flags: [],
    sentence: 'Take a setting out of the configuration file, so that its default holds again.',
    example: 'holloway config unset log.level',
    json: { v: 'integer', key: 'text', changed: 'boolean', file: 'text' },
    load: async () => (await import('../config-edit.ts')).configUnset,
  },
  {
    name: 'config path',
    args: [],
    flags: [],
    sentence: 'Print where configuration, data, log and sockets are.',
    example: 'holloway config path',
    json: { v: 'integer', config: 'text', data: 'text', state: 'text', log: 'text', api: 'text', readOnly: 'text' },
    load: async () => (await import('../config.ts')).configPath,
  },
];
