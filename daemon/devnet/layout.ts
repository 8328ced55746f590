/**
 * A devnet on disk: one directory, one home per node, one file that says which nodes there are.
 *
 * Shape   DIR/devnet.json {v, nodes}; DIR/node-I/ is the home of node I, with its config.toml. I counts from 1 to NODES_MAX.
 * Why     on Linux node I has the address 127.I.0.1, so that prefix rules meet real, distinct prefixes; elsewhere only 127.0.0.1 exists
 *         without set-up, and the rules are switched off, visibly. The port is 0 at first and kept afterwards, so that a node that
 *         is started again is found where its descriptor says.
 * Source  design § 12.
 * @module
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makePrivateDirectory } from '../../config/paths.ts';
import { type Address, isOptionKey, OPTION_KEYS, type OptionKey, optionOf, parseAddress } from '../../config/schema.ts';
import { nearest } from '../../config/suggest.ts';
import { LocalError } from '../errors.ts';

export const NODES_MAX = 254;
const FILE = 'devnet.json';

/** Of node 1, if they are free; the ports that Freenet's users know. */
const FIRST_GATEWAY: Address = { host: '127.0.0.1', port: 8888 };
const FIRST_FCP: Address = { host: '127.0.0.1', port: 9481 };

export const hasOwnAddresses = process.platform === 'linux';

export function hostOf(i: number): string {
  return hasOwnAddresses ? `127.${i}.0.1` : '127.0.0.1';
}

export function homeOf(dir: string, i: number): string {
  return join(dir, `node-${i}`);
}

/** How many nodes the devnet in `dir` has; undefined when there is none. */
export function readDevnet(dir: string): number | undefined {
  try {
    const found = JSON.parse(readFileSync(join(dir, FILE), 'utf8')) as { nodes?: unknown };
    const { nodes } = found;
    return typeof nodes === 'number' && Number.isInteger(nodes) && nodes >= 1 && nodes <= NODES_MAX ? nodes : undefined;
  } catch {
    return undefined;
  }
}

export function requireDevnet(dir: string): number {
  const nodes = readDevnet(dir);
  if (nodes === undefined)
    throw new LocalError('no_file', `${dir} holds no devnet; start one: holloway devnet up --dir DIR`);
  return nodes;
}

export function writeDevnet(dir: string, nodes: number): void {
  makePrivateDirectory(dir);
  writeFileSync(join(dir, FILE), `${JSON.stringify({ v: 1, nodes })}\n`, { mode: 0o600 });
}

/** Deletes what a devnet made, and nothing that lies beside it. */
export function purgeDevnet(dir: string): void {
  const nodes = requireDevnet(dir);
  for (let i = 1; i <= nodes; i++) rmSync(homeOf(dir, i), { recursive: true, force: true });
  rmSync(join(dir, FILE), { force: true });
}

export interface NodeConfig {
  readonly i: number;
  readonly listen: Address;
  readonly seeds: readonly string[];
  /** Settings for all nodes, as given on the command line. */
  readonly settings: Readonly<Record<string, string>>;
}

export function writeNodeConfig(dir: string, config: NodeConfig): void {
  const home = homeOf(dir, config.i);
  makePrivateDirectory(home);
  writeFileSync(join(home, 'config.toml'), nodeConfigText(config), { mode: 0o600 });
}

export function nodeConfigText(config: NodeConfig): string {
  const lines = new Map<OptionKey, string>();
  const set = (key: OptionKey, value: unknown): void => {
    lines.set(key, optionOf(key).print(value));
  };
  set('profile', 'devnet');
  set('network.listen', config.listen);
  if (!hasOwnAddresses) set('network.prefix_rules', false);
  if (config.i === 1) {
    set('gateway.listen', FIRST_GATEWAY);
    set('fcp.listen', FIRST_FCP);
  }
  if (config.seeds.length > 0) set('network.seeds', config.seeds);
  for (const [key, text] of Object.entries(config.settings)) {
    if (!isOptionKey(key)) {
      const near = nearest(key, OPTION_KEYS);
      throw new LocalError(
        'usage',
        `--set ${key}: no such setting${near === undefined ? '' : `; did you mean ${near}?`}`,
      );
    }
    set(key, parseSetting(key, text));
  }
  // One seed for all would cut all of them off at the same moment.
  const seed = config.settings['debug.seed'];
  if (seed !== undefined && seed !== '0') set('debug.seed', (Number(seed) + config.i * 7_919) % 2 ** 32);
  return `${[...lines].map(([key, text]) => `${key} = ${text}`).join('\n')}\n`;
}

function parseSetting(key: OptionKey, text: string): unknown {
  try {
    return optionOf(key).parse(text);
  } catch (error) {
    throw new LocalError('usage', `--set ${key}=${text}: ${(error as Error).message}`, { cause: error });
  }
}

/** Where node I listened last time, so that its old descriptor stays true; port 0 the first time. */
export function listenAddressOf(dir: string, i: number): Address {
  const path = join(homeOf(dir, i), 'link.addr');
  if (existsSync(path)) {
    const kept = parseAddress(readFileSync(path, 'utf8'));
    if (kept !== undefined) return kept;
  }
  return { host: hostOf(i), port: 0 };
}

export function keepListenAddress(dir: string, i: number, address: string): void {
  writeFileSync(join(homeOf(dir, i), 'link.addr'), `${address}\n`, { mode: 0o600 });
}
