/**
 * A daemon's event stream without a daemon: serves a fixture Status on a Unix socket, one delta a second with moving numbers.
 *
 * Shape   POST /v1/queue/ID/pause and resume change the state that it serves; everything else but the events is 404.
 *         `node test/support/status-server.ts SOCKET [NETWORK]`; the network `hostile` has hostile texts everywhere. Prints `ready` once it listens. For terminal tests and for looking at the dashboard.
 * @module
 */
import { rmSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import { fixtureStatus, HOSTILE_TEXTS, hostileStatus } from './status-fixture.ts';

const [socketPath, network] = process.argv.slice(2);
if (socketPath === undefined) throw new Error('usage: status-server.ts SOCKET [NETWORK]');
rmSync(socketPath, { force: true });

const startedAtMs = Date.now();
function current() {
  const seconds = Math.floor((Date.now() - startedAtMs) / 1_000);
  const base = network === 'hostile' ? hostileStatus(HOSTILE_TEXTS.join(' ')) : fixtureStatus();
  const turned = (values: readonly number[]): number[] => values.map((_, i) => values[(i + seconds) % values.length]!);
  const inHistory = turned(base.traffic.inHistory);
  const outHistory = turned(base.traffic.outHistory);
  return {
    ...base,
    network: network === undefined || network === 'hostile' ? base.network : network,
    pid: process.pid,
    uptimeMs: base.uptimeMs + seconds * 1_000,
    nowMs: base.nowMs + seconds * 1_000,
    transfers: base.transfers.map((one) => ({ ...one, ...(states.has(one.id) ? { state: states.get(one.id)! } : {}) })),
    traffic: {
      ...base.traffic,
      inHistory,
      outHistory,
      inBytesPerSec: inHistory.at(-1)!,
      outBytesPerSec: outHistory.at(-1)!,
    },
    requests: {
      ...base.requests,
      served: base.requests.served + seconds * 14,
      found: base.requests.found + seconds * 14,
    },
  };
}

/** Of transfers that were paused or resumed. */
const states = new Map<string, string>();
const streams = new Set<ServerResponse>();
const server = createServer((request, response) => {
  const { method, url = '' } = request;
  const changed = /^\/v1\/queue\/(\w+)\/(pause|resume)$/.exec(url);
  if (method === 'POST' && changed !== null) states.set(changed[1]!, changed[2] === 'pause' ? 'paused' : 'running');
  if (!url.startsWith('/v1/events')) {
    const isKnown = changed !== null && states.has(changed[1]!);
    const error = { code: 'usage', what: '', cause: '', next: '', detail: null };
    response.writeHead(isKnown ? 200 : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify(isKnown ? { v: 1 } : { error }));
    return;
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(`event: snapshot\ndata: ${JSON.stringify(current())}\n\n`);
  streams.add(response);
  response.on('close', () => streams.delete(response));
});
setInterval(() => {
  const { uptimeMs, nowMs, traffic, requests, transfers } = current();
  for (const stream of streams)
    stream.write(`event: delta\ndata: ${JSON.stringify({ uptimeMs, nowMs, traffic, requests, transfers })}\n\n`);
}, 1_000);
server.listen(socketPath, () => process.stdout.write('ready\n'));
