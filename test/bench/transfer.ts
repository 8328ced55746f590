/**
 * Publish and fetch through a devnet of ten real daemons, beside what the same machine does at the same time with bare parts.
 *
 * Unit    MiB/s of document bytes; CPU seconds are summed over all daemons and divided by document GiB; memory is resident.
 * Why     absolute times on a shared machine say little: the last column is the ratio to one core doing only the AEAD and hash that
 *         one block needs on its way (the floor of a design like this), and to the same bytes through a bare TCP socket.
 * @module
 */
import { createHash, hash, randomBytes } from 'node:crypto';
import { connect, createServer } from 'node:net';
import { createCrypto } from '../../crypto/engine.ts';
import { fetchBytes, publishBytes } from '../support/api-client.ts';
import { type Devnet, processUse, startDevnet } from '../support/devnet.ts';

const NODES = 10;
const MIB = 1024 * 1024;
const SIZES: readonly [label: string, bytes: number, rounds: number][] = [
  ['32 KiB', 32 * 1024, 15],
  ['1 MiB', MIB, 5],
  ['20 MiB', 20 * MIB, 3],
];

export async function run(): Promise<void> {
  const devnet = await startDevnet(NODES);
  try {
    await measure(devnet);
  } finally {
    await devnet.down();
  }
}

async function measure(devnet: Devnet): Promise<void> {
  await pause(5_000); // circuits made ahead, first gossip over
  const idle = devnet.nodes.map((node) => processUse(node.pid));
  await pause(5_000);
  const idleCpu = sum(devnet.nodes.map((node, index) => processUse(node.pid).cpuS - idle[index]!.cpuS)) / 5 / NODES;
  console.log(
    `devnet of ${NODES}, class fast, ${new Date().toISOString().slice(0, 10)}, Node ${process.versions.node}`,
  );
  console.log(
    `idle daemon: ${mib(median(idle.map((use) => use.rssBytes)))} MiB median, ${mib(Math.max(...idle.map((use) => use.rssBytes)))} MiB largest, ${(idleCpu * 100).toFixed(2)} % of a core each`,
  );
  console.log(
    `bare parts:  TCP loopback ${(await tcpMibPerSec()).toFixed(0)} MiB/s; AEAD x10 + SHA-256 x4 of 32 KiB on one core ${floorMibPerSec().toFixed(0)} MiB/s`,
  );
  console.log('operation  size     median ms   best ms     MiB/s  CPU-s/GiB  largest RSS MiB');
  for (const [label, bytes, rounds] of SIZES) {
    const published: { uri: string; sum: string }[] = [];
    await timed(devnet, 'publish', label, bytes, rounds, async () => {
      const document = randomBytes(bytes);
      const startedMs = performance.now();
      const { uri } = await publishBytes(devnet.home(1), document);
      published.push({ uri, sum: hash('sha256', document) });
      return performance.now() - startedMs;
    });
    await timed(devnet, 'fetch', label, bytes, rounds, async (round) => {
      const { uri, sum: expected } = published[round]!;
      const startedMs = performance.now();
      const { content } = await fetchBytes(devnet.home(7), uri);
      const tookMs = performance.now() - startedMs;
      if (createHash('sha256').update(content).digest('hex') !== expected) throw new Error('the fetched bytes differ');
      return tookMs;
    });
  }
}

async function timed(
  devnet: Devnet,
  operation: string,
  label: string,
  bytes: number,
  rounds: number,
  once: (round: number) => Promise<number>,
): Promise<void> {
  const before = sum(devnet.nodes.map((node) => processUse(node.pid).cpuS));
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    times.push(await once(round));
    await pause(bytes < MIB ? 1_500 : 500); // the next document's circuits are made ahead meanwhile, as they would be for a person
  }
  const cpuS = sum(devnet.nodes.map((node) => processUse(node.pid).cpuS)) - before;
  const rss = Math.max(...devnet.nodes.map((node) => processUse(node.pid).rssBytes));
  const perGib = cpuS / ((bytes * rounds) / 1024 ** 3);
  console.log(
    `${operation.padEnd(10)} ${label.padEnd(7)} ${median(times).toFixed(0).padStart(10)} ${Math.min(...times)
      .toFixed(0)
      .padStart(
        9,
      )} ${(bytes / MIB / (median(times) / 1000)).toFixed(1).padStart(9)} ${perGib.toFixed(0).padStart(10)} ${mib(rss).padStart(16)}`,
  );
}

async function tcpMibPerSec(): Promise<number> {
  const total = 256 * MIB;
  const server = createServer((socket) => {
    const piece = Buffer.alloc(65_536);
    let left = total;
    const push = (): void => {
      while (left > 0) {
        left -= piece.length;
        if (!socket.write(piece)) return;
      }
      socket.end();
    };
    socket.on('drain', push);
    push();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const startedMs = performance.now();
  await new Promise<void>((resolve, reject) =>
    connect(port, '127.0.0.1')
      .on('data', () => {})
      .on('end', resolve)
      .on('error', reject),
  );
  server.close();
  return total / MIB / ((performance.now() - startedMs) / 1000);
}

/** Six onion operations and two record operations on each of two routed links, and a hash at each node that verifies. */
function floorMibPerSec(): number {
  const crypto = createCrypto({ engine: 'auto', randomBytes: (length) => randomBytes(length) });
  const key = crypto.aeadKey(randomBytes(32));
  const block = randomBytes(32_768);
  const nonce = new Uint8Array(12);
  const ad = new Uint8Array(2);
  const rounds = 300;
  const startedMs = performance.now();
  for (let i = 0; i < rounds; i++) {
    for (let j = 0; j < 10; j++) key.seal(nonce, block, ad);
    for (let j = 0; j < 4; j++) crypto.sha256(block);
  }
  return (rounds * block.length) / MIB / ((performance.now() - startedMs) / 1000);
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;
const mib = (bytes: number): string => (bytes / MIB).toFixed(0);
