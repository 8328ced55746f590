/**
 * Whole nodes in one process: the product's own createNode over memory streams, memory disks and one hand-moved clock.
 * @module
 */
import { createInlineCompute } from '../../daemon/io/worker-compute.ts';
import { createNode } from '../../daemon/node.ts';
import type { Node } from '../../daemon/node-types.ts';
import type { NodeSettings } from '../../daemon/settings.ts';
import { ROLE } from '../../daemon/wire/descriptor-types.ts';
import { createManualClock, type ManualClock } from './manual-clock.ts';
import { createMemoryDisk, type MemoryDisk } from './memory-disk.ts';
import { createMemoryFiles } from './memory-files.ts';
import { createMemoryNetwork, type MemoryNetwork } from './memory-transport.ts';
import { createSeededRandom } from './seeded-random.ts';
import { testCrypto } from './test-crypto.ts';

export interface MemoryWorld {
  readonly clock: ManualClock;
  readonly network: MemoryNetwork;
  readonly nodes: Node[];
  readonly disks: MemoryDisk[];
  readonly logged: string[];
  /** Adds one node and lets it join; the first one is the seed of all others. */
  add(settings?: Partial<NodeSettings>): Promise<Node>;
  stop(): Promise<void>;
}

export interface MemoryWorldOptions {
  readonly seed: number;
  readonly latencyMs?: number;
  readonly record?: boolean;
}

/** The devnet profile of design § 7. */
export const DEVNET_SETTINGS: Omit<NodeSettings, 'listen' | 'seeds'> = {
  networkName: 'test',
  role: ROLE.full,
  advertise: undefined,
  allowPrivateAddresses: true,
  prefixRules: true,
  ringNeighboursEachSide: 1,
  longLinks: 2,
  peersMax: 16,
  owners: 2,
  ownersReplicated: 2,
  storeBytes: 32 * 1024 * 1024,
  publishClass: 'fast',
  fetchClass: 'fast',
  circuitsReady: 2,
};

export function createMemoryWorld(options: MemoryWorldOptions): MemoryWorld {
  const clock = createManualClock();
  const network = createMemoryNetwork(clock, { latencyMs: options.latencyMs ?? 5, record: options.record ?? false });
  const nodes: Node[] = [];
  const disks: MemoryDisk[] = [];
  const logged: string[] = [];
  return {
    clock,
    network,
    nodes,
    disks,
    logged,
    async add(settings = {}) {
      const index = nodes.length + 1;
      const host = `10.${index}.0.1`;
      const disk = createMemoryDisk();
      const node = await createNode(
        {
          clock,
          random: createSeededRandom(`${options.seed}/node-${index}`),
          crypto: testCrypto(`${options.seed}/node-${index}`),
          transport: network.transport(host),
          disk,
          files: createMemoryFiles(),
          compute: createInlineCompute(),
          log: { write: (level, subsystem, text) => logged.push(`${index} ${level} ${subsystem}: ${text}`) },
        },
        {
          ...DEVNET_SETTINGS,
          listen: { host, port: 9_480 },
          seeds: nodes[0] === undefined ? [] : [nodes[0].descriptor.encoded],
          ...settings,
        },
        { version: 'test', trace: true },
      );
      nodes.push(node);
      disks.push(disk);
      return node;
    },
    async stop() {
      const stopping = Promise.all(nodes.map((node) => node.stop()));
      await clock.advance(1_000);
      await stopping;
    },
  };
}
