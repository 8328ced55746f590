/**
 * The FCP port: accepts clients from the addresses that may connect, and keeps their requests in one place.
 *
 * Shape   startFcp resolves when it listens; `address` is where (port 0 resolved).
 * Unit    FCP_CONNECTIONS_MAX connections; more are closed unread.
 * Errors  LocalError port_in_use, listen_failed.
 * Why     FCP has no authentication: who may connect may publish, fetch and stop the node. So it listens on the loopback address, and an address
 *         beyond that has to be allowed by name in the configuration.
 * Source  FCPv2; fcp.bind_to, fcp.allow of the configuration.
 * @module
 */
import { BlockList, createServer, isIP, type Server, type Socket } from 'node:net';
import { LocalError } from '../../errors.ts';
import { FCP_CONNECTIONS_MAX } from '../../limits.ts';
import type { NetAddress } from '../../ports.ts';
import { FcpConnection, type FcpDeps } from './connection.ts';
import { FcpRequests } from './requests.ts';

export interface FcpServer {
  readonly address: NetAddress;
  close(): Promise<void>;
}

export interface FcpOptions {
  readonly listen: NetAddress;
  /** Addresses and networks that may connect, as `127.0.0.1` or `192.168.1.0/24`. */
  readonly allow: readonly string[];
  /** When the port is taken, listen on a free one. */
  readonly anyPort: boolean;
}

export async function startFcp(deps: FcpDeps, options: FcpOptions): Promise<FcpServer> {
  const allowed = blockList(options.allow);
  const requests = new FcpRequests(deps.queue, deps.clock);
  const connections = new Map<FcpConnection, string>();
  const named = (connection: FcpConnection, name: string): void => {
    for (const [other, known] of connections) if (other !== connection && known === name) other.supersede();
    connections.set(connection, name);
  };
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    socket.on('error', () => {}); // 'close' follows
    if (!isAllowed(allowed, socket) || connections.size >= FCP_CONNECTIONS_MAX) {
      socket.destroy();
      return;
    }
    const connection = new FcpConnection({ ...deps, requests, named }, socket);
    connections.set(connection, '');
    void connection.run().finally(() => connections.delete(connection));
  });
  const address = await bind(server, options);
  return {
    address,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const connection of connections.keys()) connection.close();
      await closed;
      requests.close();
    },
  };
}

function blockList(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (isIP(address) === 0) throw new LocalError('bad_config', `fcp.allow: ${network.slice(0, 60)} is no address`);
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}

function isAllowed(allowed: BlockList, socket: Socket): boolean {
  const remote = socket.remoteAddress ?? '';
  const address = remote.startsWith('::ffff:') ? remote.slice(7) : remote;
  const family = isIP(address);
  return family !== 0 && allowed.check(address, family === 6 ? 'ipv6' : 'ipv4');
}

async function bind(server: Server, { listen: wanted, anyPort }: FcpOptions): Promise<NetAddress> {
  try {
    return await listen(server, wanted);
  } catch (error) {
    if (!anyPort || !(error instanceof LocalError) || error.code !== 'port_in_use') throw error;
    return listen(server, { ...wanted, port: 0 });
  }
}

function listen(server: Server, at: NetAddress): Promise<NetAddress> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const code = error.code === 'EADDRINUSE' ? 'port_in_use' : 'listen_failed';
      reject(new LocalError(code, `the FCP port (${error.code ?? 'unknown'})`, { cause: error }));
    });
    server.listen(at.port, at.host, () => {
      const bound = server.address();
      resolve(bound !== null && typeof bound === 'object' ? { host: bound.address, port: bound.port } : at);
    });
  });
}
