/**
 * An FCP server on a real socket over the real client and queue, with circuits that lead to a Map.
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConfigDocument } from '../../../../config/document.ts';
import { createKeyServices } from '../../../../daemon/api/fcp/keys.ts';
import { type FcpMessage, MessageReader } from '../../../../daemon/api/fcp/message.ts';
import { type FcpServer, startFcp } from '../../../../daemon/api/fcp/server.ts';
import { createQueue, type PersistentQueue } from '../../../../daemon/client/queue/queue.ts';
import type { ResumableClient } from '../../../../daemon/client/resume-types.ts';
import { LocalError } from '../../../../daemon/errors.ts';
import { createFiles } from '../../../../daemon/io/files.ts';
import type { Clock } from '../../../../daemon/ports.ts';
import { createMemoryDisk } from '../../../support/memory-disk.ts';
import { createSeededRandom } from '../../../support/seeded-random.ts';
import { testCrypto } from '../../../support/test-crypto.ts';
import { createFakeWorld, type FakeWorld } from '../../client/fake-circuits.ts';
import { createFakeNode } from '../fake-node.ts';

/** 2026-01-01, so that recorded times stay what they are. */
export const WALL_MS = 1_767_225_600_000;

export interface FcpWorld {
  readonly world: FakeWorld;
  readonly server: FcpServer;
  readonly queue: PersistentQueue;
  /** A directory of this test's own. */
  readonly dir: string;
  readonly port: number;
  readonly stopped: () => boolean;
  readonly addedPeers: string[];
  /** Ends the server and the queue, and begins both again on what they kept. */
  restart(): Promise<FcpWorld>;
  close(): Promise<void>;
}

const CONFIG: ConfigDocument = {
  v: 1,
  file: 'config.toml',
  settings: [
    {
      key: 'log.level',
      value: 'info',
      source: 'default',
      where: 'default',
      default: 'info',
      unit: null,
      range: 'error | warn | info',
      sentence: 'How much is logged.',
      live: true,
    },
  ],
};

export async function startFcpWorld(seed = 1): Promise<FcpWorld> {
  const world = createFakeWorld({ seed });
  const dir = mkdtempSync(join(tmpdir(), 'holloway-fcp-'));
  const disk = createMemoryDisk();
  return begin(world, dir, disk, seed);
}

async function begin(
  world: FakeWorld,
  dir: string,
  disk: ReturnType<typeof createMemoryDisk>,
  seed: number,
): Promise<FcpWorld> {
  const crypto = testCrypto(seed);
  const clock: Clock = { ...world.clock, wallMs: () => WALL_MS + world.clock.nowMs() };
  const log = { write() {} };
  const records = await disk.openRecords('queue');
  const client = world.client as ResumableClient;
  const queue = createQueue({
    clock,
    random: createSeededRandom(`queue ${seed}`),
    crypto,
    log,
    records,
    files: createFiles(dir),
    client,
    key: new Uint8Array(32).fill(seed),
  });
  await queue.start();
  const node = createFakeNode(() => clock.nowMs());
  const addedPeers: string[] = [];
  let hasStopped = false;
  const server = await startFcp(
    {
      node,
      queue,
      keys: createKeyServices(client, crypto, 'fast'),
      clock,
      random: createSeededRandom(`fcp ${seed}`),
      log,
      version: '0.1.0',
      config: () => CONFIG,
      async setConfig(key, value) {
        if (key !== 'log.level' || value === 'wrong') throw new LocalError('usage', `${key} is read at the start`);
      },
      async addPeer(text) {
        if (!text.startsWith('holloway-invite:')) throw new LocalError('usage', 'that is no invite');
        addedPeers.push(text);
      },
      async dropPeer() {},
      stop: () => {
        hasStopped = true;
      },
    },
    { listen: { host: '127.0.0.1', port: 0 }, allow: ['127.0.0.0/8'], anyPort: false },
  );
  const end = async (): Promise<void> => {
    await server.close();
    await queue.stop();
  };
  return {
    world,
    server,
    queue,
    dir,
    port: server.address.port,
    stopped: () => hasStopped,
    addedPeers,
    async restart() {
      await end();
      return begin(world, dir, disk, seed);
    },
    async close() {
      await end();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

export interface Received {
  readonly name: string;
  readonly fields: Readonly<Record<string, string>>;
  readonly data: Buffer | undefined;
}

/** A client that writes what it is told, byte for byte. */
export class RawClient {
  readonly socket: Socket;
  readonly #reader: MessageReader;
  readonly #clock: FakeWorld['clock'];

  constructor(of: FcpWorld) {
    this.socket = connect({ host: '127.0.0.1', port: of.port });
    this.socket.on('error', () => {});
    this.#clock = of.world.clock;
    this.#reader = new MessageReader(this.socket as AsyncIterable<Buffer>);
  }

  write(text: string | Uint8Array): void {
    this.socket.write(text);
  }

  /** The next message; virtual time runs while it is awaited. Undefined: the connection ended. */
  async next(): Promise<Received | undefined> {
    // Cut off by the other end, with or without our last words read: both are its end.
    const message = await this.#running(this.#reader.next().catch(() => undefined));
    if (message === undefined) return undefined;
    const data = message.dataLength === undefined ? undefined : await this.#running(this.#collect(message));
    return { name: message.name, fields: Object.fromEntries(message.fields), data };
  }

  /** Messages up to and with the first of that name. */
  async until(...names: string[]): Promise<Received[]> {
    const all: Received[] = [];
    for (;;) {
      const message = await this.next();
      if (message === undefined) throw new Error(`ended before ${names.join('/')}: ${all.map(({ name }) => name)}`);
      all.push(message);
      if (names.includes(message.name)) return all;
    }
  }

  async hello(name = 'tester'): Promise<Received> {
    this.write(`ClientHello\nName=${name}\nExpectedVersion=2.0\nEndMessage\n`);
    return (await this.until('NodeHello')).at(-1)!;
  }

  close(): void {
    this.socket.destroy();
  }

  async #collect({ dataLength }: FcpMessage): Promise<Buffer> {
    const parts: Uint8Array[] = [];
    for await (const bytes of this.#reader.data(dataLength!)) parts.push(bytes);
    return Buffer.concat(parts);
  }

  /** Sockets run by real time, the node by the clock of the test: both go on until there is an answer. */
  async #running<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const settled = promise.finally(() => {
      isSettled = true;
    });
    settled.catch(() => {});
    while (!isSettled) {
      await this.#clock.advance(20);
      await new Promise((resolve) => setImmediate(resolve));
    }
    return settled;
  }
}
