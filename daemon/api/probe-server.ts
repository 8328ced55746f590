/**
 * /metrics, /healthz and /readyz on a loopback port of their own, for monitoring that cannot read a Unix socket.
 *
 * Shape   GET and HEAD of these three paths, and nothing else.
 * Errors  LocalError port_in_use or listen_failed. Everything a caller may do wrong is answered in one line of text.
 * Why     loopback is open to every web page of a browser on this machine: a Host that is no loopback name is a rebound domain, and
 *         a browser says by Origin or Sec-Fetch-Site that a page of somebody else is asking. Both are refused before anything is read.
 * Source  ux §§ 3.1, 4.
 * @module
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { LocalError } from '../errors.ts';
import { API_CLIENTS_MAX } from '../limits.ts';
import type { NetAddress } from '../ports.ts';
import { sendHealth, sendMetrics, sendReadiness, sendText } from './metrics.ts';
import type { Status } from './schema.ts';

const TYPE = 'text/plain; charset=utf-8';
const HEADERS_TIMEOUT_MS = 5_000;

export interface ProbeServer {
  readonly port: number;
  close(): Promise<void>;
}

export async function startProbeServer(at: NetAddress, read: () => Status): Promise<ProbeServer> {
  const server = createServer({ headersTimeout: HEADERS_TIMEOUT_MS, maxHeaderSize: 4_096 }, (request, response) => {
    response.on('error', () => {});
    answer(request, response, read);
  });
  server.maxConnections = API_CLIENTS_MAX;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const code = error.code === 'EADDRINUSE' ? 'port_in_use' : 'listen_failed';
      reject(new LocalError(code, `metrics.listen (${error.code ?? 'unknown'})`, { cause: error }));
    });
    server.listen({ host: at.host, port: at.port, exclusive: true }, resolve);
  });
  server.on('error', () => {}); // of accept: the next connection is tried anew
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answer(request: IncomingMessage, response: ServerResponse, read: () => Status): void {
  request.resume();
  const refusal = refusalOf(request);
  if (refusal !== undefined) sendText(response, refusal[0], TYPE, `${refusal[1]}\n`);
  else if (request.url === '/healthz') sendHealth(response);
  else if (request.url === '/readyz') sendReadiness(response, read());
  else if (request.url === '/metrics') sendMetrics(response, read());
  else sendText(response, 404, TYPE, '/metrics, /healthz or /readyz\n');
}

function refusalOf({ headers, method }: IncomingMessage): readonly [number, string] | undefined {
  const site = headers['sec-fetch-site'];
  if (!isLoopbackHost(headers.host)) return [421, 'not a name of this machine'];
  if (headers.origin !== undefined || (site !== undefined && site !== 'none' && site !== 'same-origin')) {
    return [403, 'not for other sites'];
  }
  return method === 'GET' || method === 'HEAD' ? undefined : [405, 'GET only'];
}

function isLoopbackHost(host: string | undefined): boolean {
  return /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/.test(host ?? '');
}
