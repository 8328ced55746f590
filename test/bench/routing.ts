/**
 * What routing costs a node: decisions, messages through real links between two processes' worth of layers, memory of peers and of waiting requests.
 *
 * Shape   decisions: chooseNextHop over 64 peers with 64 claims each, with and without estimates. Messages: two link layers over real sockets on
 *         loopback in this process, Fetch one way and DataNotFound the other, so both ends' work is counted against one core. Memory: the
 *         heap after a collection, before and after (run with --expose-gc, which this bench sees to itself).
 * @module
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createCrypto } from '../../crypto/engine.ts';
import { type RingLocation, ringLocation } from '../../daemon/ids.ts';
import { createSystemClock } from '../../daemon/io/system-clock.ts';
import { createSystemRandom } from '../../daemon/io/system-random.ts';
import { createTcpTransport } from '../../daemon/io/tcp.ts';
import type { Link } from '../../daemon/link/link-types.ts';
import { createLinks } from '../../daemon/link/links.ts';
import type { NetAddress } from '../../daemon/ports.ts';
import { Estimates } from '../../daemon/router/estimates.ts';
import { chooseNextHop } from '../../daemon/router/next-hop.ts';
import { deriveLocation, nodeIdOf, signDescriptor } from '../../daemon/wire/descriptor.ts';
import { BINDING, type Descriptor, ROLE } from '../../daemon/wire/descriptor-types.ts';
import { RouterNet, refOf } from '../sim/routers/router-net.ts';
import { drawNodes } from '../sim/routing/node-set.ts';
import { createFastRandom } from '../sim/world/fast-random.ts';
import { createMemoryDisk } from '../support/memory-disk.ts';

const PEERS = 64;
const CLAIMS = 64;
const DECISIONS = 20_000;
const MESSAGES = 30_000;
const IN_FLIGHT = 64;
const WAITING = 200;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function heapBytes(): number {
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}

function decisionsPerSec(withEstimates: boolean): number {
  const random = createFastRandom('bench routing');
  const candidates = Array.from({ length: PEERS }, (_, i) => ({
    key: `peer ${i}`,
    location: ringLocation(random.unit()),
    claims: Array.from({ length: CLAIMS }, () => random.below(4_096)),
  }));
  const estimates = new Estimates(0);
  for (let i = 0; i < 10_000; i++) {
    const peer = candidates[random.below(PEERS)]!;
    estimates.note(peer.key, random.unit() / 2, random.chance(0.9) ? { tookMs: 100 } : 'failed', 0);
  }
  const question = {
    ownLocation: ringLocation(0.123),
    candidates,
    mustBeNearer: true,
    avoid: [],
    weightsOf: () => undefined,
    overShare: new Set<string>(),
    ...(withEstimates ? { factorOf: (key: string, away: number) => estimates.factorOf(key, away) } : {}),
  };
  const targets: RingLocation[] = Array.from({ length: 1_024 }, () => ringLocation(random.unit()));
  let chosen = 0;
  const run = (count: number): void => {
    for (let i = 0; i < count; i++) {
      if (chooseNextHop({ ...question, target: targets[i & 1_023]! }) !== undefined) chosen++;
    }
  };
  run(DECISIONS / 10);
  const cpu = process.cpuUsage();
  run(DECISIONS);
  if (chosen === 0) throw new Error('nothing was chosen');
  return (DECISIONS * 1_000_000) / process.cpuUsage(cpu).user;
}

async function messagesThroughLinks(): Promise<{ readonly perSec: number; readonly cpuUs: number }> {
  const clock = createSystemClock();
  const random = createSystemRandom();
  const crypto = createCrypto({ engine: 'auto', randomBytes: (length) => random.bytes(length) });
  const linkKey = crypto.dhKeyPair();
  const done = Promise.withResolvers<void>();
  let answered = 0;
  const make = async (isServer: boolean, own: () => Descriptor) =>
    createLinks(
      {
        clock,
        random,
        crypto,
        transport: createTcpTransport({ localAddress: '127.0.0.1' }),
        log: { write: () => {} },
        records: await createMemoryDisk().openRecords('bench'),
      },
      {
        ownDescriptor: own,
        linkKeys: () => [linkKey],
        nowHour: () => 500_000,
        allowPrivateAddresses: true,
        sendDescriptor: isServer,
        prefixRules: false,
        isLinkInUse: () => true,
      },
      {
        opened: () => {},
        message(link: Link, message) {
          if (message.type === 'Fetch') link.sendMessage({ type: 'DataNotFound', id: message.id });
          else if (++answered >= MESSAGES) done.resolve();
          else if (answered + IN_FLIGHT <= MESSAGES) ask(link);
        },
        cell: () => {},
        drained: () => {},
        closed: () => {},
      },
    );
  const key = refOf(1).key;
  const ask = (link: Link): void => {
    link.sendMessage({ type: 'Fetch', id: answered, kind: 1, key, replica: 0, htl: 18, deadlineMs: 10_000 });
  };
  const describe = (address: NetAddress): Descriptor => {
    const signKey = crypto.signKey(random.bytes(32));
    const id = nodeIdOf(crypto, signKey.publicKey);
    return signDescriptor(crypto, signKey, {
      sequence: 1,
      linkKey: linkKey.publicKey,
      onionKey: random.bytes(32),
      nextOnionKey: random.bytes(32),
      addresses: [address],
      role: ROLE.full,
      location: deriveLocation(crypto, id, BINDING.nodeId, address, 0),
      binding: BINDING.nodeId,
      bindingIndex: 0,
      stamp: new Uint8Array(8),
      version: 'bench',
      issuedHour: 500_000,
    });
  };
  let descriptor: Descriptor | undefined;
  const server = await make(true, () => descriptor!);
  const listener = await server.listen({ host: '127.0.0.1', port: 0 });
  descriptor = describe(listener.address);
  const dialling = describe({ host: '127.0.0.1', port: 1 });
  const client = await make(false, () => dialling);
  const link = await client.connect(descriptor);
  const cpu = process.cpuUsage();
  const startedMs = performance.now();
  for (let i = 0; i < IN_FLIGHT; i++) ask(link);
  await done.promise;
  const tookMs = performance.now() - startedMs;
  const { user, system } = process.cpuUsage(cpu);
  client.closeAll();
  server.closeAll();
  listener.close();
  return { perSec: (2 * MESSAGES * 1_000) / tookMs, cpuUs: (user + system) / (2 * MESSAGES) };
}

async function memory(): Promise<{ readonly peerBytes: number; readonly requestBytes: number }> {
  const nodes = 200;
  const sparse = new RouterNet({ seed: 'bench', nodes: drawNodes(nodes, createFastRandom('bench')), peers: 8 });
  const before = heapBytes();
  const dense = new RouterNet({ seed: 'bench', nodes: drawNodes(nodes, createFastRandom('bench')), peers: 48 });
  const relations = (net: RouterNet): number => net.nodes.reduce((sum, node) => sum + node.peers.length, 0);
  const peerBytes = (heapBytes() - before) / (relations(dense) - relations(sparse));
  for (const node of dense.nodes)
    node.conduct = (message, reply) => {
      if (message.type === 'Fetch') reply({ type: 'Accepted', id: message.id });
    };
  const [node] = dense.nodes;
  node!.conduct = undefined;
  const idle = heapBytes();
  for (let block = 0; block < WAITING; block++) void node!.router.fetch(refOf(block), 0, `origin ${block}`);
  await dense.clock.advance(300);
  const requestBytes = (heapBytes() - idle) / WAITING;
  if (node!.router.snapshot().pending !== WAITING) throw new Error('the requests are not waiting');
  for (const one of [...dense.nodes, ...sparse.nodes]) one.router.stop();
  return { peerBytes, requestBytes };
}

export async function run(): Promise<void> {
  const [plain, estimated] = [decisionsPerSec(false), decisionsPerSec(true)];
  console.log(
    `decisions a CPU second, ${PEERS} peers with ${CLAIMS} claims each: ${plain.toFixed(0)}; with estimates ${estimated.toFixed(0)}`,
  );
  const { perSec, cpuUs } = await messagesThroughLinks();
  console.log(
    `messages/s through a real link, both ends in one process: ${perSec.toFixed(0)} (${cpuUs.toFixed(1)} us CPU each, sending and receiving)`,
  );
  const { peerBytes, requestBytes } = await memory();
  console.log(
    `memory: ${peerBytes.toFixed(0)} bytes a peer, ${requestBytes.toFixed(0)} bytes a waiting request (router alone, links apart)`,
  );
}
