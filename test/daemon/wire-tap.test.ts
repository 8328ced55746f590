/**
 * What somebody on the line sees: real nodes on real sockets, one of them reached only through a forwarding proxy that records.
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { platform, tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { Node } from '../../daemon/node-types.ts';
import { eventually, startRealNode } from '../support/real-node.ts';

interface Proxy {
  readonly port: number;
  /** One entry a connection: what the dialler sent, and what it got. */
  readonly connections: { readonly toNode: Buffer[]; readonly fromNode: Buffer[] }[];
  target: number;
  close(): void;
}

async function startProxy(host: string): Promise<Proxy> {
  const connections: Proxy['connections'] = [];
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const record = { toNode: [] as Buffer[], fromNode: [] as Buffer[] };
    connections.push(record);
    const far = connect({ port: proxy.target, host, localAddress: near.remoteAddress! });
    for (const [from, to, kept] of [
      [near, far, record.toNode],
      [far, near, record.fromNode],
    ] as const) {
      sockets.add(from);
      from.on('data', (bytes: Buffer) => {
        kept.push(Buffer.from(bytes));
        if (!to.write(bytes)) from.pause();
      });
      to.on('drain', () => from.resume());
      from.on('close', () => to.destroy());
      from.on('error', () => to.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const proxy: Proxy = {
    port: (server.address() as AddressInfo).port,
    connections,
    target: 0,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
  return proxy;
}

/** Chi-square of the byte histogram, as a z-score: 255 degrees of freedom have mean 255 and variance 510. */
function uniformityZ(bytes: Buffer): number {
  const counts = new Uint32Array(256);
  for (const byte of bytes) counts[byte]!++;
  const expected = bytes.length / 256;
  let chiSquare = 0;
  for (const count of counts) chiSquare += (count - expected) ** 2 / expected;
  return (chiSquare - 255) / Math.sqrt(510);
}

test('between two nodes there is neither plaintext, nor keys, nor a recognisable byte', async (t) => {
  if (platform() !== 'linux') {
    t.log('notice: needs loopback addresses 127.I.0.1 (Linux); not run here');
    t.true(true);
    return;
  }
  const dir = mkdtempSync(join(tmpdir(), 'hw-tap-'));
  const logged: string[] = [];
  const nodes: Node[] = [];
  const proxy = await startProxy('127.1.0.1');
  try {
    const first = await startRealNode({
      host: '127.1.0.1',
      dir: join(dir, '1'),
      logged,
      settings: { advertise: { host: '127.1.0.1', port: proxy.port } },
    });
    nodes.push(first);
    proxy.target = first.boundAddress.port;
    for (let i = 2; i <= 6; i++)
      nodes.push(
        await startRealNode({
          host: `127.${i}.0.1`,
          dir: join(dir, `${i}`),
          logged,
          seeds: [first.descriptor.encoded],
        }),
      );
    t.true(
      await eventually(
        () => nodes.every((node) => node.snapshot().onion.usableRelays === 5 && node.snapshot().onion.ready > 0),
        20_000,
      ),
      logged.slice(-20).join('\n'),
    );

    const marker = 'a sentence that must not be seen on the wire; ';
    const document = Buffer.from(marker.repeat(20_000));
    async function* source(): AsyncIterable<Uint8Array> {
      yield document;
    }
    const uri = await nodes[1]!.client.publish(source(), {
      trafficClass: 'fast',
      convergent: false,
      name: 'secret-name.txt',
      contentType: 'text/x-secret',
    }).result;
    const parts: Uint8Array[] = [];
    for await (const part of nodes[4]!.client.fetch(uri, { trafficClass: 'fast' }).content) parts.push(part.slice());
    t.true(Buffer.concat(parts).equals(document));

    const whole = Buffer.concat(proxy.connections.flatMap(({ toNode, fromNode }) => [...toNode, ...fromNode]));
    t.true(whole.length > 500_000, `${whole.length} bytes went through the proxy`);
    const known: [string, Uint8Array][] = [
      ['plaintext', Buffer.from(marker)],
      ['name', Buffer.from('secret-name')],
      ['type', Buffer.from('x-secret')],
      ['the word holloway', Buffer.from('holloway')],
    ];
    for (const node of nodes) {
      const { nodeId, identityKey, linkKey, onionKey, encoded } = node.descriptor;
      known.push(
        ['node id', nodeId],
        ['identity key', identityKey],
        ['link key', linkKey],
        ['onion key', onionKey],
        ['descriptor', encoded.subarray(0, 24)],
      );
      for (const event of node.traceEvents()) known.push(['routing key', event.ref.key.subarray(0, 16)]);
    }
    for (const [what, bytes] of known) t.is(whole.indexOf(bytes), -1, what);
    t.true(uniformityZ(whole) < 6, `whole stream, z = ${uniformityZ(whole)}`);

    // First bytes: many dials to the recorded node, its own restarts included, cut at 64 bytes a direction.
    const dials = proxy.connections.filter(
      ({ toNode, fromNode }) => Buffer.concat(toNode).length >= 1_316 && Buffer.concat(fromNode).length >= 64,
    );
    t.true(dials.length >= 3);
    const firstFlights = Buffer.concat(dials.map(({ toNode }) => Buffer.concat(toNode).subarray(0, 1_316)));
    const firstAnswers = Buffer.concat(dials.map(({ fromNode }) => Buffer.concat(fromNode).subarray(0, 1_188)));
    t.true(uniformityZ(firstFlights) < 6, `first flights, z = ${uniformityZ(firstFlights)}`);
    t.true(uniformityZ(firstAnswers) < 6, `first answers, z = ${uniformityZ(firstAnswers)}`);
    t.is(
      new Set(dials.map(({ toNode }) => Buffer.concat(toNode).subarray(0, 8).toString('hex'))).size,
      dials.length,
      'no two begin alike',
    );
    t.false(
      logged.some((line) => line.includes('secret') || line.includes(uri.slice(4, 24))),
      'no name and no key in any log',
    );
  } finally {
    await Promise.all(nodes.map((node) => node.stop()));
    proxy.close();
    rmSync(dir, { recursive: true, force: true });
  }
});
