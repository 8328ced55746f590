/**
 * A million generated messages against the FCP port: no crash, no hang, and memory that stops growing.
 *
 * Shape   a server on a real socket over the real client and queue (circuits lead to a Map that knows nothing). Clients write messages
 *         put together from the names, fields and values that clients use, and from bytes that nobody would; each connection ends
 *         abruptly or politely. Between rounds a well-behaved client must be answered.
 * Unit    live memory (heap and buffers), MiB, after forced collections; growth is counted from a tenth of the run on.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { RawClient, startFcpWorld } from '../daemon/api/fcp/fcp-world.ts';
import { createSeededRandom } from '../support/seeded-random.ts';
import type { LongResult } from './run.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const MESSAGES = Number(process.env.FUZZ_MESSAGES ?? 1_000_000);
const PER_CONNECTION = 500;
const AT_ONCE = 8;
const ANSWER_MS = 20_000;
const GROWTH_MIB_MAX = 16;

const NAMES = [
  'ClientHello',
  'ClientGet',
  'ClientPut',
  'ClientPutComplexDir',
  'ClientPutDiskDir',
  'TestDDARequest',
  'TestDDAResponse',
  'GenerateSSK',
  'SubscribeUSK',
  'UnsubscribeUSK',
  'GetNode',
  'GetConfig',
  'ModifyConfig',
  'ListPeers',
  'ListPeer',
  'AddPeer',
  'RemovePeer',
  'WatchGlobal',
  'ListPersistentRequests',
  'GetRequestStatus',
  'RemoveRequest',
  'ModifyPersistentRequest',
  'FCPPluginMessage',
  'Void',
  'Unknown',
  'é\u0000',
  '',
];
const KEYS = [
  'Identifier',
  'URI',
  'Global',
  'Persistence',
  'Verbosity',
  'MaxRetries',
  'PriorityClass',
  'UploadFrom',
  'Filename',
  'TargetURI',
  'ReturnType',
  'MaxSize',
  'DataLength',
  'Files.0.Name',
  'Files.0.UploadFrom',
  'Files.0.DataLength',
  'Files.999999999999.Name',
  'Directory',
  'WantReadDirectory',
  'ReadContent',
  'NodeIdentifier',
  'AllowedMIMETypes',
  'Metadata.ContentType',
  'GetCHKOnly',
  'WithVolatile',
  'VerbosityMask',
  '__proto__',
  '=',
];
const VALUES = [
  'true',
  'False',
  '-1',
  '0',
  '1e9',
  '99999999999999999999',
  'NaN',
  'CHK@',
  'CHK@/a/b/../c',
  'KSK@x',
  'KSK@',
  'USK@a,b,c/site/-1/',
  'SSK@',
  'freenet:freenet:KSK@y',
  'direct',
  'disk',
  'redirect',
  'none',
  'forever',
  'reboot',
  'connection',
  '/tmp',
  '/nonexistent',
  '../../etc/passwd',
  'text/plain',
  '=QUJD',
  '%00%ff%zz',
  '\u202eabc',
  '',
];

export async function run(seed: number): Promise<LongResult> {
  const random = createSeededRandom(`fcp fuzz ${seed}`);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random.unit() * items.length)]!;
  const fcp = await startFcpWorld(seed);
  // Nothing is ever found or stored: what is asked for ends at once, and nothing is kept by the test itself.
  fcp.world.onFetch = () => ({ type: 'dataNotFound' });
  fcp.world.onInsert = () => ({ type: 'inserted', copies: 1 });
  const ticking = setInterval(() => void fcp.world.clock.advance(5_000), 5);
  let written = 0;
  let connections = 0;
  let hung = 0;
  let largestMib = 0;
  let earlyMib = 0;
  const startedMs = performance.now();

  function message(): Buffer {
    const lines = [pick(NAMES)];
    const fields = Math.floor(random.unit() * 8);
    for (let i = 0; i < fields; i++)
      lines.push(`${pick(KEYS)}=${i === 0 ? Math.floor(random.unit() * 40) : pick(VALUES)}`);
    const kind = random.unit();
    if (kind < 0.88) return Buffer.from([...lines, 'EndMessage', ''].join(random.unit() < 0.1 ? '\r\n' : '\n'));
    if (kind < 0.97) {
      const data = random.bytes(Math.floor(random.unit() * 200));
      return Buffer.concat([Buffer.from([...lines, `DataLength=${data.length}`, 'Data', ''].join('\n')), data]);
    }
    if (kind < 0.994) return Buffer.from([...lines, 'NoTerminator', ''].join('\n'));
    return Buffer.from(random.bytes(Math.floor(random.unit() * 300)));
  }

  async function connection(): Promise<void> {
    const socket = connect({ host: '127.0.0.1', port: fcp.port });
    socket.on('error', () => {});
    const reads = random.unit() < 0.8;
    if (reads) socket.resume();
    const closed = once(socket, 'close').catch(() => {});
    if (random.unit() < 0.95)
      socket.write(`ClientHello\nName=f${Math.floor(random.unit() * 50)}\nExpectedVersion=2.0\nEndMessage\n`);
    for (let i = 0; i < PER_CONNECTION; i++) {
      if (socket.destroyed || !socket.writable || socket.readableEnded) break; // what came before was fatal
      written++;
      const isTaken = socket.write(message());
      // Every few messages the server has its turn, so that it can end what deserves it.
      if (i % 4 === 3) await new Promise((resolve) => setImmediate(resolve));
      if (!isTaken && reads) await Promise.race([once(socket, 'drain').catch(() => {}), closed, pause(1_000)]);
    }
    await pause(5);
    connections++;
    if (random.unit() < 0.5) socket.destroy();
    else {
      socket.resume();
      socket.end();
      await Promise.race([closed, pause(2_000)]);
      socket.destroy();
    }
  }

  try {
    while (written < MESSAGES) {
      await Promise.all(Array.from({ length: AT_ONCE }, connection));
      const polite = new RawClient(fcp);
      const answered = await Promise.race([
        polite.hello('polite').then(() => true),
        pause(ANSWER_MS).then(() => false),
      ]);
      polite.close();
      if (!answered) hung++;
      for (const entry of fcp.queue.entries()) await fcp.queue.remove(entry.id).catch(() => {});
      fcp.world.fetches.length = 0;
      fcp.world.inserts.length = 0;
      fcp.world.opened.length = 0;
      fcp.world.logged.length = 0;
      fcp.world.blocks.clear();
      collect();
      const { heapUsed, external } = process.memoryUsage();
      const mib = (heapUsed + external) / 2 ** 20;
      largestMib = Math.max(largestMib, mib);
      if (written >= MESSAGES / 10 && earlyMib === 0) earlyMib = mib;
    }
  } finally {
    clearInterval(ticking);
    await fcp.close();
  }
  const growth = largestMib - earlyMib;
  const lines = [
    `${written} messages over ${connections} connections in ${((performance.now() - startedMs) / 1000).toFixed(0)} s; no exception left the server`,
    `a well-behaved client unanswered for ${ANSWER_MS / 1000} s: ${hung} times (0 wanted)`,
    `live memory after collection: ${earlyMib.toFixed(0)} MiB at a tenth, at most ${largestMib.toFixed(0)} MiB (at most ${GROWTH_MIB_MAX} more wanted)`,
  ];
  return { held: hung === 0 && growth <= GROWTH_MIB_MAX, lines };
}
