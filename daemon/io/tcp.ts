/**
 * TCP as the Transport port: ordered byte streams between literal addresses.
 *
 * Shape   one socket per stream, no Nagle delay, no half-open streams. `write` says false once 256 KiB wait, as in the tests'
 *         network, and drain follows.
 * Unit    bytes; times in milliseconds.
 * Errors  a dial that fails, for whatever reason, is a stream that closes. listen rejects with LocalError `port_in_use` or
 *         `listen_failed`. Nothing else leaves this file.
 * Why     names are never resolved: a look-up would tell the resolver whom we talk to. A node bound to one address dials from it,
 *         or its prefix check fails at the other end.
 * Source  design §§ 7, 12.
 * @module
 */
import { createServer, isIP, type NetConnectOpts, Socket } from 'node:net';
import { LocalError } from '../errors.ts';
import { ACCEPTED_SOCKETS_MAX, DIAL_TIMEOUT_MS } from '../limits.ts';
import type { ByteStream, Listener, NetAddress, StreamHandlers, Transport } from '../ports.ts';

/** A link record has up to 64 KiB: with Node's own mark every single one would wait for a drain. */
const HIGH_WATER_BYTES = 256 * 1024;
const WILDCARDS: readonly string[] = ['0.0.0.0', '::'];
const MAPPED_IPV4 = '::ffff:';

export interface TcpOptions {
  /** Address to dial from; a wildcard or an address of the other family leaves the choice to the system. */
  readonly localAddress?: string;
  readonly acceptedMax?: number;
  readonly dialTimeoutMs?: number;
}

export function createTcpTransport(options: TcpOptions = {}): Transport {
  const dialTimeoutMs = options.dialTimeoutMs ?? DIAL_TIMEOUT_MS;
  return {
    dial(to) {
      const isUsable = isIP(to.host) !== 0 && Number.isInteger(to.port) && to.port > 0 && to.port <= 65_535;
      if (!isUsable) return streamNowhere(to);
      const socket = openSocket();
      const timer = setTimeout(() => socket.destroy(), dialTimeoutMs);
      socket.once('connect', () => clearTimeout(timer));
      socket.once('close', () => clearTimeout(timer));
      const stream = streamOver(socket, to);
      socket.connect(connectOptions(to, options.localAddress));
      return stream;
    },

    listen(at, accept) {
      return new Promise<Listener>((resolve, reject) => {
        const server = createServer({ noDelay: true, allowHalfOpen: false, highWaterMark: HIGH_WATER_BYTES });
        server.maxConnections = options.acceptedMax ?? ACCEPTED_SOCKETS_MAX;
        server.on('connection', (socket) => accept(streamOver(socket, remoteOf(socket))));
        server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(at, error)));
        server.listen({ host: at.host, port: at.port, exclusive: true }, () => {
          // Later errors are of accept (no descriptors left): the next connection is tried anew.
          server.on('error', () => {});
          resolve({
            address: { host: at.host, port: boundPort(server.address()) },
            close: () => {
              server.close();
            },
          });
        });
      });
    },
  };
}

function openSocket(): Socket {
  // The stream's own option, which @types/node leaves out for sockets.
  const options = {
    allowHalfOpen: false,
    // Here and not in the call of connect(), which ignores it: two small records in a row would then cost a delayed ACK of 40 ms.
    noDelay: true,
    readableHighWaterMark: HIGH_WATER_BYTES,
    writableHighWaterMark: HIGH_WATER_BYTES,
  };
  return new Socket(options);
}

function connectOptions(to: NetAddress, localAddress: string | undefined): NetConnectOpts {
  const base = { host: to.host, port: to.port };
  const isUsable =
    localAddress !== undefined && !WILDCARDS.includes(localAddress) && isIP(localAddress) === isIP(to.host);
  return isUsable ? { ...base, localAddress } : base;
}

function streamOver(socket: Socket, remote: NetAddress): ByteStream {
  let isClosing = false;
  socket.on('error', () => {}); // 'close' follows
  return {
    remote,
    attach(handlers) {
      if (handlers.open !== undefined) socket.once('connect', () => !isClosing && handlers.open?.());
      socket.on('data', (bytes) => {
        if (!isClosing) handlers.data(bytes as Uint8Array);
      });
      socket.on('drain', () => {
        if (!isClosing) handlers.drain();
      });
      socket.once('close', () => {
        isClosing = true;
        handlers.close();
      });
    },
    write: (bytes) => !isClosing && socket.writable && socket.write(bytes),
    pause: () => {
      socket.pause();
    },
    resume: () => {
      socket.resume();
    },
    close() {
      isClosing = true;
      socket.destroy();
    },
  };
}

/** What dialling no address at all gives: a stream that closes as soon as its owner has attached and returned. */
function streamNowhere(remote: NetAddress): ByteStream {
  return {
    remote,
    attach: (handlers: StreamHandlers) => {
      setImmediate(() => handlers.close());
    },
    write: () => false,
    pause: () => {},
    resume: () => {},
    close: () => {},
  };
}

function remoteOf(socket: Socket): NetAddress {
  const host = socket.remoteAddress ?? '';
  return { host: host.startsWith(MAPPED_IPV4) ? host.slice(MAPPED_IPV4.length) : host, port: socket.remotePort ?? 0 };
}

function boundPort(address: ReturnType<Socket['address']> | string | null): number {
  return typeof address === 'object' && address !== null && 'port' in address ? address.port : 0;
}

function listenError(at: NetAddress, error: NodeJS.ErrnoException): LocalError {
  const where = `${at.host}:${at.port}`;
  if (error.code === 'EADDRINUSE') return new LocalError('port_in_use', where, { cause: error });
  return new LocalError('listen_failed', `${where} (${error.code ?? 'unknown reason'})`, { cause: error });
}
