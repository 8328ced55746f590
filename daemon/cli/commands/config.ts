/**
 * `holloway config list|get|path`: needs no daemon, and says what a daemon with this home would use.
 * @module
 */
import { configDocument } from '../../../config/document.ts';
import { findSockets } from '../../../config/paths.ts';
import type { CommandRun } from '../context.ts';
import { knownKey } from './config-edit.ts';

export const configList: CommandRun = async ({ config, options, output, paths }) => {
  const document = configDocument(config(), paths.configFile);
  output.table(
    document.settings.map((setting) => [
      setting.key,
      setting.value,
      ...(options.flag('origin') ? [setting.source, setting.where] : []),
    ]),
  );
  output.document(document);
  return 0;
};

export const configGet: CommandRun = async ({ config, output, paths }, [key = '']) => {
  knownKey(key);
  const setting = configDocument(config(), paths.configFile).settings.find((candidate) => candidate.key === key)!;
  output.line(setting.value.replace(/^"(.*)"$/, '$1'));
  output.document({ v: 1, ...setting });
  return 0;
};

export const configPath: CommandRun = async ({ output, paths }) => {
  const sockets = findSockets(paths);
  const found = {
    config: paths.configFile,
    data: paths.dataDir,
    state: paths.stateDir,
    log: paths.logFile,
    api: sockets.api,
    readOnly: sockets.readOnly,
  };
  output.table(Object.entries(found));
  output.document({ v: 1, ...found });
  return 0;
};
