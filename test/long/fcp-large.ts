/**
 * 200 MiB through FCP, put and got directly and by disk, with the daemon killed in the middle of what persists.
 *
 * Shape   a devnet of 10; puts on node 1, gets on node 8, through the typed client. Persistent requests of node 1 are cut by kill -9 at a random
 *         point; after a restart the client comes back under its name, is told what it asked, and waits for the end.
 */
import { createHash } from 'node:crypto';
import { createReadStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { connectFcp, type FcpClient, type FcpReply } from '../../daemon/api/fcp/client/fcp-client.ts';
import { cli, startDevnet } from '../support/devnet.ts';
import { createSeededRandom } from '../support/seeded-random.ts';
import type { LongResult } from './run.ts';

const BYTES = Number(process.env.FCP_MIB ?? 200) * 1024 * 1024;

interface Endpoint {
  readonly host: string;
  readonly port: number;
}

export async function run(seed: number): Promise<LongResult> {
  const random = createSeededRandom(`fcp large ${seed}`);
  const dir = mkdtempSync(join(tmpdir(), 'hw-fcp-'));
  const devnet = await startDevnet(10);
  const lines: string[] = [];
  let held = true;
  const check = (holds: boolean, what: string): void => {
    lines.push(`${holds ? 'held  ' : 'MISSED'} ${what}`);
    held &&= holds;
  };
  const endpoint = async (i: number): Promise<Endpoint> => {
    const { node } = await devnet.status(i);
    const [host, port] = (node.fcp ?? '').split(':');
    return { host: host!, port: Number(port) };
  };
  try {
    const bytes = random.bytes(BYTES);
    const wanted = createHash('sha256').update(bytes).digest('hex');
    const file = join(dir, 'document.bin');
    writeFileSync(file, bytes);
    const near = await connectFcp({ ...(await endpoint(1)), name: 'large' });
    const far = await connectFcp({ ...(await endpoint(8)), name: 'large' });

    let startedMs = performance.now();
    const direct = await near.put('CHK@', bytes);
    lines.push(`${BYTES / 2 ** 20} MiB put direct: ${seconds(startedMs)} s`);
    startedMs = performance.now();
    const got = await far.get(direct, { maxBytes: BYTES });
    check(
      createHash('sha256').update(got.data).digest('hex') === wanted,
      `got direct on node 8: ${seconds(startedMs)} s`,
    );

    startedMs = performance.now();
    const second = Buffer.from(bytes);
    second[0] = second[0]! ^ 1;
    writeFileSync(file, second);
    const wantedSecond = createHash('sha256').update(second).digest('hex');
    // The put goes on over the kill of its daemon: told under the same name afterwards.
    const putting = near
      .putFile('CHK@', file, { identifier: 'big put', persistence: 'forever' })
      .catch(() => undefined);
    await pause(2_000 + random.unit() * 8_000);
    devnet.kill(1);
    await putting;
    await cli(['start', '--home', devnet.home(1)]);
    const back = await connectFcp({ ...(await endpoint(1)), name: 'large' });
    const put = await finished(back, 'big put', 'PutSuccessful', 'PutFailed');
    check(put.name === 'PutSuccessful', `put by disk, its daemon killed in the middle: ${seconds(startedMs)} s`);

    startedMs = performance.now();
    const out = join(dir, 'out.bin');
    const getting = far
      .getFile(put.fields.URI!, out, { identifier: 'big get', persistence: 'forever' })
      .catch(() => undefined);
    await pause(2_000 + random.unit() * 6_000);
    devnet.kill(8);
    await getting;
    await cli(['start', '--home', devnet.home(8)]);
    const again = await connectFcp({ ...(await endpoint(8)), name: 'large' });
    const found = await finished(again, 'big get', 'DataFound', 'GetFailed');
    check(
      found.name === 'DataFound' && (await hashOf(out)) === wantedSecond,
      `got by disk, its daemon killed in the middle: ${seconds(startedMs)} s`,
    );
    const listed = await again.listRequests();
    check(
      listed.some(({ name }) => name === 'PersistentGet') && listed.some(({ name }) => name === 'DataFound'),
      'the queue is replayed with its latest states',
    );
    for (const client of [back, again]) await client.close();
  } finally {
    await devnet.down();
    rmSync(dir, { recursive: true, force: true });
  }
  return { held, lines };
}

/** The state that ended a request, told now or already before. */
async function finished(client: FcpClient, identifier: string, ...ends: string[]): Promise<FcpReply> {
  const isEnd = ({ name, fields }: FcpReply): boolean => fields.Identifier === identifier && ends.includes(name);
  return new Promise((resolve, reject) => {
    const stop = client.onMessage((message) => {
      if (!isEnd(message)) return;
      stop();
      resolve(message);
    });
    client.listRequests().then((listed) => {
      const end = listed.find(isEnd);
      if (end === undefined) return;
      stop();
      resolve(end);
    }, reject);
  });
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const part of createReadStream(path)) hash.update(part as Buffer);
  return hash.digest('hex');
}

function seconds(startedMs: number): string {
  return ((performance.now() - startedMs) / 1_000).toFixed(0);
}
