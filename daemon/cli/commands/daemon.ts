/**
 * `holloway daemon`: the node in the foreground.
 * @module
 */
import { askPassphrase } from '../ask-passphrase.ts';
import type { CommandRun } from '../context.ts';
import { packageVersion } from '../version.ts';

export const daemon: CommandRun = async ({ options, output, paths, config, interrupted }) => {
  const loaded = config();
  if (options.flag('check-config')) {
    output.line('configuration is usable');
    output.document({ v: 1, usable: true });
    return 0;
  }
  const lifelineFd = options.count('lifeline-fd', 0, 1_000);
  const { runDaemon } = await import('../../main.ts');
  const passphrase = await askPassphrase(loaded.values['store.passphrase_file']);
  return runDaemon({ config: loaded, paths, version: packageVersion(), interrupted, lifelineFd, passphrase });
};
