/**
 * `holloway peer invite` and `peer join`.
 *
 * Errors  bad_invite and invite_expired before anything is touched; other_network when the data here belong to another network already.
 * Why     what joins is the configuration: the next start takes it as any other. A daemon that runs is stopped and started, because a node
 *         changes its network only with everything it holds.
 * Source  ux §§ 2.3, 5.
 * @module
 */
import { randomBytes } from 'node:crypto';
import { text as readStream } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { readStamp } from '../../../config/data-version.ts';
import { setInToml, unsetInToml } from '../../../config/edit.ts';
import { lockHolder } from '../../../config/lock.ts';
import { optionOf } from '../../../config/schema.ts';
import { createCrypto } from '../../../crypto/engine.ts';
import type { Status } from '../../api/schema.ts';
import { LocalError } from '../../errors.ts';
import { type CommandRun, type Context, giveUpSignal } from '../context.ts';
import { durationText, printable } from '../output.ts';
import { readText, writeChecked } from './config-edit.ts';
import { startDaemon, stopDaemon } from './start.ts';

const DAY_MS = 86_400_000;
const LINE_CHARACTERS_MAX = 16_384;
/** After that the verdict says what is in the way. */
const PATIENCE_MS = 30_000;
const POLL_MS = 200;
/** The network of devnets: its nodes are all on this machine, and need other defaults. */
const DEVNET = 'devnet';

interface InviteDocument {
  readonly invite: string;
  readonly network: string;
  readonly expiresAtMs: number;
}

export const peerInvite: CommandRun = async (context) => {
  const { api, options, output } = context;
  const lifeMs = options.durationMs('expires') ?? DAY_MS;
  const document = await api.post<InviteDocument>('/v1/invite', { lifeMs }, giveUpSignal(context));
  output.note(
    `invite to ${document.network}, good until ${new Date(document.expiresAtMs).toISOString()}; it tells this node's address`,
  );
  output.line(document.invite);
  output.document(document);
  return 0;
};

export const peerJoin: CommandRun = async (context, [given = '']) => {
  const { output, paths, options } = context;
  const line = given === '-' ? await readStream(process.stdin) : given;
  const [{ readInvite }, crypto] = [
    await import('../../main.ts'),
    createCrypto({ engine: 'portable', randomBytes: (length) => new Uint8Array(randomBytes(length)) }),
  ];
  const { network, seeds } = readInvite(crypto, line.slice(0, LINE_CHARACTERS_MAX), Date.now());
  const stamp = readStamp(paths.dataDir);
  if (stamp !== undefined && stamp.network !== network) {
    throw new LocalError(
      'other_network',
      `${stamp.network}; to be in ${network} too, give that a home of its own: --home DIR`,
    );
  }

  let toml = readText(paths.configFile);
  toml = setInToml(toml, 'network.name', optionOf('network.name').print(network));
  toml = setInToml(toml, 'network.seeds', optionOf('network.seeds').print(seeds));
  if (network === DEVNET) toml = setInToml(toml, 'profile', optionOf('profile').print(DEVNET));
  else toml = unsetInToml(toml, 'profile') ?? toml;
  writeChecked(context, toml, (error) => {
    throw error;
  });
  const head = `joined "${network}": ${seeds.length} ${seeds.length === 1 ? 'seed' : 'seeds'}`;
  if (lockHolder(paths.lockFile) === undefined || options.denied('restart')) {
    output.line(head);
    output.note('start with: holloway start');
    output.document({ v: 1, network, seeds: seeds.length });
    return 0;
  }
  await stopDaemon(context);
  await startDaemon(context);
  return followJoin(context, network, seeds.length, head);
};

/** Tells each stage until there is a peer and a circuit can be built; then, or when it takes too long, the verdict. */
async function followJoin(context: Context, network: string, seeds: number, head: string): Promise<number> {
  const { api, output } = context;
  const signal = giveUpSignal(context);
  const startedMs = performance.now();
  let told = '';
  for (;;) {
    const { verdict, peers, node } = await api.get<Status>('/v1/status', signal);
    const tookMs = performance.now() - startedMs;
    const isIn = verdict.word === 'HEALTHY' || verdict.word === 'DEGRADED';
    if (isIn) {
      const where = `own location ${node.location.toFixed(2)}; ${peers.up} peers after ${durationText(tookMs)}`;
      output.line(`${head}; ${where}`);
      output.document({ v: 1, network, seeds, peers: peers.up, verdict: verdict.word });
      return 0;
    }
    if (tookMs > PATIENCE_MS) {
      output.line(printable(`${head}; ${verdict.word} ${verdict.reason}`));
      throw new LocalError('connecting', printable(verdict.next || verdict.reason));
    }
    if (verdict.reason !== told) output.note(printable(`${verdict.word} ${verdict.reason}`));
    told = verdict.reason;
    await pause(POLL_MS, undefined, { signal }).catch(() => {
      throw signal.reason;
    });
  }
}
