/**
 * One process of the bench `onion`: a relay, the client, or one end of a bare pipe; it does what its parent asks over IPC.
 * @module
 */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { KIND, routingKey } from '../../daemon/ids.ts';
import type { DocumentCircuits } from '../../daemon/onion/onion-types.ts';
import { startOnionNode } from '../support/onion-node.ts';

const HOST = '127.0.0.1';
const PIECE_BYTES = 64 * 1024;
const PSK = Buffer.alloc(32, 7);
const TLS = { ciphers: 'TLS_CHACHA20_POLY1305_SHA256', minVersion: 'TLSv1.3' } as const;
const OPTIONS = { trafficClass: 'fast', padding: false, blocks: 1 } as const;
const KEY = routingKey(new Uint8Array(32).fill(5));

/** What the parent asks; the answer of each is one message back. */
export type Order =
  | { readonly do: 'start' }
  | { readonly do: 'know'; readonly relays: readonly string[] }
  | { readonly do: 'blocks'; readonly count: number }
  | { readonly do: 'records'; readonly count: number }
  | { readonly do: 'buildOneByOne'; readonly count: number }
  | { readonly do: 'buildTogether'; readonly count: number }
  | { readonly do: 'serve'; readonly tls: boolean; readonly bytes: number }
  | { readonly do: 'drink'; readonly tls: boolean; readonly port: number; readonly bytes: number };

let node: Awaited<ReturnType<typeof startOnionNode>> | undefined;

async function obey(order: Order): Promise<unknown> {
  switch (order.do) {
    case 'start':
      node = await startOnionNode();
      return Buffer.from(node.descriptor.encoded).toString('hex');
    case 'know':
      node!.know(order.relays.map((hex) => new Uint8Array(Buffer.from(hex, 'hex'))));
      return true;
    case 'blocks':
      return withCircuit((circuit) => askAll(circuit, order.count));
    case 'records':
      return withCircuit((circuit) => askOneByOne(circuit, order.count));
    case 'buildOneByOne':
      return buildOneByOne(order.count);
    case 'buildTogether':
      return buildTogether(order.count);
    case 'serve':
      return serve(order.tls, order.bytes);
    case 'drink':
      return drink(order.tls, order.port, order.bytes);
  }
  order satisfies never;
}

async function withCircuit<T>(use: (circuit: DocumentCircuits) => Promise<T>): Promise<T> {
  const circuit = await node!.onion.open(OPTIONS);
  try {
    return await use(circuit);
  } finally {
    circuit.close();
  }
}

/** Milliseconds for `count` blocks, as many under way as the window lets. */
async function askAll(circuit: DocumentCircuits, count: number): Promise<number> {
  const startedMs = performance.now();
  let asked = 0;
  const worker = async (): Promise<void> => {
    while (asked < count) {
      asked++;
      const answer = await circuit.fetch({ kind: KIND.chk, key: KEY }, 0);
      if (answer.type !== 'data') throw new Error(`a block failed: ${answer.type}`);
    }
  };
  await Promise.all(Array.from({ length: 16 }, worker));
  return performance.now() - startedMs;
}

/** Milliseconds of each of `count` requests for a record of 1,186 bytes, one after another. */
async function askOneByOne(circuit: DocumentCircuits, count: number): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const startedMs = performance.now();
    const answer = await circuit.fetch({ kind: KIND.ssk, key: KEY }, 0);
    if (answer.type !== 'data') throw new Error(`a record failed: ${answer.type}`);
    times.push(performance.now() - startedMs);
  }
  return times;
}

async function buildOneByOne(count: number): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const startedMs = performance.now();
    const circuit = await node!.onion.open(OPTIONS);
    times.push(performance.now() - startedMs);
    circuit.close();
  }
  return times;
}

async function buildTogether(count: number): Promise<number> {
  const startedMs = performance.now();
  let begun = 0;
  const worker = async (): Promise<void> => {
    while (begun < count) {
      begun++;
      (await node!.onion.open(OPTIONS)).close();
    }
  };
  await Promise.all(Array.from({ length: 16 }, worker));
  return performance.now() - startedMs;
}

/** Port at which whoever connects gets `bytes` bytes. */
function serve(tls: boolean, bytes: number): Promise<number> {
  const pour = (socket: Socket): void => {
    const piece = Buffer.alloc(PIECE_BYTES, 1);
    let left = bytes;
    const more = (): void => {
      while (left > 0) {
        left -= piece.length;
        if (!socket.write(piece)) return void socket.once('drain', more);
      }
      socket.end();
    };
    socket.on('error', () => {});
    more();
  };
  const server = tls
    ? createTlsServer({ ...TLS, pskCallback: () => PSK }, pour)
    : createServer({ noDelay: true }, pour);
  return new Promise((resolve) => {
    server.listen(0, HOST, () => resolve((server.address() as AddressInfo).port));
  });
}

/** Milliseconds from the first byte to the last. */
function drink(tls: boolean, port: number, bytes: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const pskCallback = () => ({ psk: PSK, identity: 'bench' });
    const socket = tls
      ? connectTls({ ...TLS, host: HOST, port, pskCallback, checkServerIdentity: () => undefined })
      : connect({ host: HOST, port, noDelay: true });
    let startedMs = 0;
    let seen = 0;
    socket.on('data', (piece) => {
      startedMs ||= performance.now();
      seen += piece.length;
    });
    socket.once('error', reject);
    socket.once('close', () => (seen >= bytes ? resolve(performance.now() - startedMs) : reject(new Error('cut'))));
  });
}

process.on('message', (order: Order) => {
  obey(order).then(
    (answer) => process.send!({ answer }),
    (error: unknown) => process.send!({ error: String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
