/**
 * `holloway daemon`: the node in the foreground.
 * @module
 */
import { join } from 'node:path';
import type { Config } from '../../../config/load.ts';
import type { DescriptorDocument } from '../../api/schema.ts';
import { homeOf, readDevnet } from '../../devnet/layout.ts';
import { apiOf } from '../../devnet/processes.ts';
import { askPassphrase } from '../ask-passphrase.ts';
import type { CommandRun, Context } from '../context.ts';
import { packageVersion } from '../version.ts';

const SEEDS = 2;
const ANSWER_MS = 1_000;

export const daemon: CommandRun = async (context) => {
  const { options, output, paths, config, interrupted, keepThroughHangup } = context;
  const loaded = config();
  if (options.flag('check-config')) {
    output.line('configuration is usable');
    output.document({ v: 1, usable: true });
    return 0;
  }
  const daemonConfig = loaded.joined ? loaded : await onOwnDevnet(context, loaded);
  const lifelineFd = options.count('lifeline-fd', 0, 1_000);
  keepThroughHangup();
  const { runDaemon } = await import('../../main.ts');
  const passphrase = await askPassphrase(loaded.values['store.passphrase_file']);
  return runDaemon({
    config: daemonConfig,
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

/** A devnet that runs in its usual place is the network of a node that has joined none. */
async function onOwnDevnet(context: Context, loaded: Config): Promise<Config> {
  const { devnetDir } = context.paths;
  const nodes = Math.min(SEEDS, readDevnet(devnetDir) ?? 0);
  const asked = Array.from({ length: nodes }, (_, index) =>
    apiOf(homeOf(devnetDir, index + 1))
      .get<DescriptorDocument>('/v1/descriptor', AbortSignal.timeout(ANSWER_MS))
      .then(
        ({ descriptor }) => descriptor,
        () => undefined,
      ),
  );
  const seeds = (await Promise.all(asked)).filter((seed) => seed !== undefined);
  if (seeds.length === 0) return loaded;
  return { ...loaded, values: { ...loaded.values, 'network.seeds': seeds } };
}
