/**
 * `holloway daemon`: the node in the foreground.
 * @module
 */
import { join } from 'node:path';
import { askPassphrase } from '../ask-passphrase.ts';
import type { CommandRun } from '../context.ts';
import { packageVersion } from '../version.ts';

export const daemon: CommandRun = async (context) => {
  const { options, output, paths, config, interrupted, keepThroughHangup } = context;
  const loaded = config();
  if (options.flag('check-config')) {
    output.line('configuration is usable');
    output.document({ v: 1, usable: true });
    return 0;
  }
  const lifelineFd = options.count('lifeline-fd', 0, 1_000);
  keepThroughHangup();
  const { runDaemon } = await import('../../main.ts');
  const passphrase = await askPassphrase(loaded.values['store.passphrase_file']);
  return runDaemon({
    config: loaded,
    readConfig: config,
    // What is tried on a devnet of one's own never lies among what a joined network keeps.
    paths: loaded.joined ? paths : { ...paths, dataDir: join(paths.dataDir, 'unjoined') },
    version: packageVersion(),
    interrupted,
    lifelineFd,
    readyFd: options.count('ready-fd', 0, 1_000),
    passphrase,
  });
};
