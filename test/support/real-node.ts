/**
 * Whole nodes in the test process on real sockets and real files: for tests that must see or damage what leaves a node.
 * @module
 */
import { mkdirSync } from 'node:fs';
import { createDisk } from '../../daemon/io/disk.ts';
import { createFiles } from '../../daemon/io/files.ts';
import { createSystemClock } from '../../daemon/io/system-clock.ts';
import { createSystemRandom } from '../../daemon/io/system-random.ts';
import { createTcpTransport } from '../../daemon/io/tcp.ts';
import { createInlineCompute } from '../../daemon/io/worker-compute.ts';
import { createNode } from '../../daemon/node.ts';
import type { Node } from '../../daemon/node-types.ts';
import type { NodeSettings } from '../../daemon/settings.ts';
import { DEVNET_SETTINGS } from './memory-world.ts';
import { testCrypto } from './test-crypto.ts';

export interface RealNodeOptions {
  readonly host: string;
  readonly dir: string;
  readonly logged: string[];
  readonly seeds?: readonly Uint8Array[];
  readonly settings?: Partial<NodeSettings>;
}

export async function startRealNode(options: RealNodeOptions): Promise<Node> {
  mkdirSync(options.dir, { recursive: true, mode: 0o700 });
  return createNode(
    {
      clock: createSystemClock(),
      random: createSystemRandom(),
      crypto: testCrypto(`${options.dir}${process.hrtime.bigint()}`),
      transport: createTcpTransport({ localAddress: options.host }),
      disk: createDisk(options.dir),
      files: createFiles(options.dir),
      compute: createInlineCompute(),
      log: { write: (level, subsystem, text) => options.logged.push(`${level} ${subsystem}: ${text}`) },
    },
    { ...DEVNET_SETTINGS, listen: { host: options.host, port: 0 }, seeds: options.seeds ?? [], ...options.settings },
    { version: 'test', trace: true },
  );
}

/** Polls a condition in real time; says whether it came true. */
export async function eventually(holds: () => boolean, limitMs: number): Promise<boolean> {
  const endMs = performance.now() + limitMs;
  while (!holds()) {
    if (performance.now() > endMs) return false;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return true;
}
