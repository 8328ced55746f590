/**
 * The clumsy user and the attacker, against real daemons over real sockets: every mistake gets its typed error, every broken
 * peer is shed, and the daemons go on.
 * @module
 */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readFileSync, readSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import anyTest, { type TestFn } from 'ava';
import { type DescriptorDocument, ENDPOINTS, type Status } from '../../daemon/api/schema.ts';
import { USER_ERRORS, type UserErrorCode } from '../../daemon/errors.ts';
import { CELL_LARGE_BYTES, CELL_SMALL_BYTES } from '../../daemon/limits.ts';
import { encodeMessage } from '../../daemon/wire/codec.ts';
import { decodeDescriptor } from '../../daemon/wire/descriptor.ts';
import type { Descriptor } from '../../daemon/wire/descriptor-types.ts';
import { FRAME } from '../../daemon/wire/framing.ts';
import { MESSAGES, type Message } from '../../daemon/wire/messages.ts';
import type { Field } from '../../daemon/wire/schema.ts';
import { fetchBytes, publishBytes } from '../support/api-client.ts';
import { firstFlight, handshake, makeAttacker, probe, type RawProbe, startLiar } from '../support/attacker.ts';
import { apiJson, cli, type Devnet, ENTRY, socketOf, startDevnet } from '../support/devnet.ts';
import { createSeededRandom } from '../support/seeded-random.ts';
import { testCrypto } from '../support/test-crypto.ts';

const NODES = 6;
const test = anyTest.serial as TestFn;
const random = createSeededRandom('bad input');
const crypto = testCrypto('bad input');
const document = random.bytes(700_000);
let devnet: Devnet;
let uri = '';
let probes: { readonly what: string; readonly made: RawProbe }[] = [];

const quiet = ['--progress', 'none'];
const addressOf = (i: number): { host: string; port: number } => {
  const [host, port] = devnet.nodes[i - 1]!.link.split(':') as [string, string];
  return { host, port: Number(port) };
};
const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

async function descriptorOf(i: number): Promise<Descriptor> {
  const { descriptor } = await apiJson<DescriptorDocument>(devnet.home(i), '/v1/descriptor');
  const encoded = new Uint8Array(Buffer.from(descriptor, 'base64url'));
  return decodeDescriptor(crypto, encoded, {
    nowHour: Math.floor(Date.now() / 3_600_000),
    allowPrivateAddresses: true,
  });
}

async function eventually(holds: () => boolean | Promise<boolean>, limitMs: number): Promise<boolean> {
  for (const endMs = performance.now() + limitMs; performance.now() < endMs; await pause(50)) {
    if (await holds()) return true;
  }
  return false;
}

/** bash, for what only a shell sets up: descriptors, pipes. */
function shell(script: string): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile('bash', ['-c', script], { timeout: 15_000, maxBuffer: 1 << 24 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : 128, stdout, stderr });
    });
  });
}

test.before(async () => {
  devnet = await startDevnet(NODES, { env: { HOLLOWAY_DEBUG_TRACE: 'true' } });
  ({ uri } = await publishBytes(devnet.home(1), document));
  // Opened now, looked at while the other tests run: closing takes up to 30 s.
  const target = addressOf(2);
  const flight = firstFlight(await descriptorOf(2), makeAttacker(crypto, '127.66.0.1', 1));
  probes = [
    { what: 'nothing', say: new Uint8Array(0) },
    { what: 'one byte', say: random.bytes(1) },
    { what: 'garbage', say: random.bytes(2_000) },
    { what: 'a lot of garbage', say: random.bytes(500_000) },
    { what: 'HTTP', say: Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n') },
    { what: 'half a head', say: flight.subarray(0, 30) },
    { what: 'half a first flight', say: flight.subarray(0, 700) },
    { what: 'a first flight with one bit changed', say: flight.map((byte, i) => (i === 900 ? byte ^ 1 : byte)) },
    { what: 'a first flight with garbage behind it', say: Buffer.concat([flight, random.bytes(50)]) },
  ].map(({ what, say }) => ({ what, made: probe(target, say) }));
});

test.after.always(async () => {
  for (const { made } of probes) made.socket.destroy();
  await devnet?.down();
});

// --- keys ---

test('mistyped keys: typed error, exit code, what is wrong and what to do', async (t) => {
  const wrong: readonly [what: string, given: string][] = [
    ['nothing', ''],
    ['only the letters', 'CHK@'],
    ['cut off', uri.slice(0, 70)],
    ['another kind', uri.replace('CHK@', 'SSK@')],
    ['a fourth part', `${uri},abc`],
    ['a letter of another alphabet', uri.replace(/.(?=.{20}$)/, 'é')],
    ['a name that is missing', 'KSK@'],
    ['an extra that says another thing', uri.replace(/.{4}$/, 'zzzz')],
  ];
  const runs = wrong.map(([, given]) => cli(['fetch', '--home', devnet.home(3), ...quiet, '--', given]));
  for (const [index, { code, stdout, stderr }] of (await Promise.all(runs)).entries()) {
    const what = wrong[index]![0];
    t.is(code, 2, `${what}: ${stderr}`);
    t.is(stdout, '', what);
    t.regex(
      stderr,
      /^holloway: that is not a usable key: .+ {2}\[bad_uri\]\n {2}cause {2}.+\n {2}next {3}.+\n$/s,
      what,
    );
  }
  const asJson = await cli(['fetch', 'CHK@abc', '--json', '--home', devnet.home(3)]);
  t.is(asJson.code, 2);
  t.like(JSON.parse(asJson.stdout), { error: { code: 'bad_uri' } });
});

test('one changed character: not found, or refused, never other bytes', async (t) => {
  const changed = (at: number): string => uri.slice(0, at) + (uri[at] === 'A' ? 'B' : 'A') + uri.slice(at + 1);
  const cases: readonly [part: string, given: string, codes: readonly UserErrorCode[]][] = [
    ['routing key', changed(12), ['not_found']],
    ['crypto key', changed(60), ['verify_failed']],
    ['extra', changed(94), ['bad_uri', 'verify_failed', 'bad_manifest']],
  ];
  for (const [part, given, codes] of cases) {
    const { code, stderr, tookMs } = await cli(['fetch', given, '-o', '-', '--home', devnet.home(3), ...quiet]);
    const said = /\[([a-z_]+)\]/.exec(stderr)?.[1] as UserErrorCode;
    t.true(codes.includes(said), `${part}: ${stderr}`);
    t.is(code, USER_ERRORS[said].exit, part);
    t.true(tookMs < 15_000, `${part}: ${Math.round(tookMs)} ms`);
  }
});

test('an unknown key: not found, exit 4, within seconds', async (t) => {
  const unknown = `CHK@${Buffer.from(random.bytes(32)).toString('base64url').replaceAll('_', '~')}${uri.slice(47)}`;
  const { code, stderr, tookMs } = await cli(['fetch', unknown, '-o', '-', '--home', devnet.home(4), ...quiet]);
  t.is(code, 4, stderr);
  t.regex(stderr, /\[not_found\]|\[recently_failed\]/);
  t.true(tookMs < 15_000, `${Math.round(tookMs)} ms`);
  t.log(`unknown key: ${Math.round(tookMs)} ms`);
});

// --- files and pipes ---

test('fetch: a full or broken stdout, and names that are no files', async (t) => {
  const fetch = `"${process.execPath}" "${ENTRY}" fetch "${uri}" --home "${devnet.home(3)}" --progress none`;
  const pipe = await shell(`${fetch} -o - | head -c 10 | wc -c; exit \${PIPESTATUS[0]}`);
  t.like(pipe, { code: 0 }, pipe.stderr);
  t.is(pipe.stdout.trim(), '10');
  t.notRegex(pipe.stderr, /at .*:\d+:\d+|EPIPE/);
  const slow = await shell(`${fetch} -o - | (sleep 1.5; cat) | wc -c; exit \${PIPESTATUS[0]}`);
  t.like(slow, { code: 0 }, slow.stderr);
  t.is(slow.stdout.trim(), `${document.length}`, 'a reader that is slow gets all of it');
  const fifo = join(devnet.dir, 'taken');
  execFileSync('mkfifo', [fifo]);
  const onto = await shell(`${fetch} -o "${fifo}" --force`);
  t.is(onto.code, 8, onto.stderr);
  t.true(statSync(fifo).isFIFO(), 'a pipe is not replaced by a file');
  const nowhere = await shell(`${fetch} -o "${join(devnet.dir, 'no', 'such', 'place')}"`);
  t.is(nowhere.code, 8, nowhere.stderr);
  t.regex(nowhere.stderr, /the output cannot be written there.*\[no_write\]/s);
  if (process.platform !== 'linux') return;
  const full = await shell(`${fetch} -o - > /dev/full`);
  t.is(full.code, 8, full.stderr);
  t.regex(full.stderr, /\[disk_full\]/);
  t.notRegex(full.stderr, /at .*:\d+:\d+/);
});

test('publish: nothing there, a pipe without a writer, an empty file', async (t) => {
  const at = ['--home', devnet.home(1), ...quiet];
  const fifo = join(devnet.dir, 'pipe');
  execFileSync('mkfifo', [fifo]);
  t.is((await cli(['publish', join(devnet.dir, 'nothing'), ...at])).code, 8);
  const waited = await cli(['publish', fifo, '--timeout', '300ms', ...at]);
  t.is(waited.code, 5, waited.stderr);
  t.regex(waited.stderr, /\[timeout\]/);
  const empty = join(devnet.dir, 'empty');
  writeFileSync(empty, '');
  const published = await cli(['publish', empty, ...at]);
  t.is(published.code, 0, published.stderr);
  const back = await cli(['fetch', published.stdout.trim(), '-o', '-', '--home', devnet.home(5), ...quiet]);
  t.like(back, { code: 0, stdout: '' }, back.stderr);
});

test('a daemon whose log nobody can take goes on', async (t) => {
  if (process.platform !== 'linux') return t.pass();
  const home = join(devnet.dir, 'mute');
  mkdirSync(home, { mode: 0o700 });
  const child = spawn(
    'bash',
    ['-c', 'exec "$0" "$1" daemon --home "$2" --set log.level=debug 2>/dev/full', process.execPath, ENTRY, home],
    { stdio: 'ignore', env: { ...process.env, HOLLOWAY_PROFILE: 'devnet' } },
  );
  const exited = new Promise<number | null>((resolve) => child.on('exit', resolve));
  const answers = (): Promise<boolean> =>
    apiJson<Status>(home, '/v1/status').then(
      () => true,
      () => false,
    );
  t.true(await eventually(answers, 8_000));
  t.is((await cli(['stop', '--home', home])).code, 0);
  t.is(await exited, 0);
});

// --- the disk ---

test('a full disk: reads go on, writes are refused with their code, and come back without a restart', async (t) => {
  try {
    execFileSync('prlimit', ['--version']);
  } catch {
    t.log('skipped: prlimit (util-linux) is not installed');
    return t.pass();
  }
  const node = devnet.nodes[3]!;
  const limit = (bytes: string): void => {
    execFileSync('prlimit', ['--pid', `${node.pid}`, `--fsize=${bytes}:`]);
  };
  const before = await devnet.status(4);
  limit('4096');
  const other = random.bytes(700_000);
  const published = await publishBytes(devnet.home(1), other); // the others take it
  const isTold = async (): Promise<boolean> => (await devnet.status(4)).verdict.word === 'TROUBLE';
  t.true(await eventually(isTold, 3_000), 'the verdict says so');
  const full = await devnet.status(4);
  t.true(full.store.writeFailures > before.store.writeFailures);
  t.is(full.pid, node.pid);
  t.is(hashOf((await fetchBytes(devnet.home(4), uri)).content), hashOf(document), 'its own user can still fetch');
  t.is(hashOf((await fetchBytes(devnet.home(5), published.uri)).content), hashOf(other), 'and so can others');
  limit('unlimited');
  const kept = full.store.copies.owner + full.store.copies.path;
  const takesAgain = async (): Promise<boolean> => {
    await publishBytes(devnet.home(2), random.bytes(200_000));
    const { copies } = (await devnet.status(4)).store;
    return copies.owner + copies.path > kept;
  };
  t.true(await eventually(takesAgain, 8_000), 'writes come back by themselves');
});

test('flipped bytes in a store file: counted, never served, and the document is still there', async (t) => {
  const at = join(devnet.home(5), 'store-data.blocks');
  const held = (await devnet.status(5)).store;
  t.true(held.store.blocks + held.cache.blocks > 0, 'it holds something to be damaged');
  flipEveryBlock(at);
  for (const node of [3, 6]) {
    t.is(hashOf((await fetchBytes(devnet.home(node), uri)).content), hashOf(document));
  }
  const damaged = (await devnet.status(5)).store.damaged;
  t.true(damaged > 0, 'a running daemon counts what it reads damaged');
  devnet.kill(5);
  await pause(100);
  const restarted = await cli(['start', '--home', devnet.home(5)]);
  t.is(restarted.code, 0, restarted.stderr);
  try {
    const isBack = async (): Promise<boolean> => (await devnet.status(5)).verdict.word === 'HEALTHY';
    t.true(await eventually(isBack, 8_000));
    t.is(hashOf((await fetchBytes(devnet.home(6), uri)).content), hashOf(document));
    t.is(hashOf((await fetchBytes(devnet.home(5), uri)).content), hashOf(document));
  } finally {
    await cli(['stop', '--home', devnet.home(5)]);
  }
});

/** One bit of each slot that was ever written. */
function flipEveryBlock(path: string): void {
  const fd = openSync(path, 'r+');
  const slot = Buffer.alloc(32_768);
  const size = statSync(path).size;
  for (let offset = 0, empty = 0; offset < size && empty < 512; offset += slot.length) {
    readSync(fd, slot, 0, slot.length, offset);
    empty = slot.every((byte) => byte === 0) ? empty + 1 : 0;
    if (empty > 0) continue;
    slot[1_000] = slot[1_000]! ^ 0x10;
    writeSync(fd, slot, 1_000, 1, offset + 1_000);
  }
  closeSync(fd);
}

// --- peers ---

test('a peer that answers with blocks that do not match their keys: counted, cut off, and the fetch succeeds', async (t) => {
  const published = await Promise.all(
    Array.from({ length: 10 }, async () => {
      const content = random.bytes(300_000);
      return { uri: (await publishBytes(devnet.home(1), content)).uri, hash: hashOf(content) };
    }),
  );
  const seeds = await Promise.all([1, 2, 3, 4, 6].map(descriptorOf));
  const counted = async (): Promise<number> =>
    (await devnet.allStatus()).reduce((sum, status) => sum + status.requests.badBlocks, 0);
  const before = await counted();
  const liars = await Promise.all([80, 81, 82, 83, 84, 85].map((net) => startLiar(`127.${net}.0.1`, seeds)));
  try {
    const arePeers = async (): Promise<boolean> =>
      (await devnet.allStatus()).filter(({ peers }) => peers.list.some(({ version }) => version === 'bad')).length >= 4;
    t.true(await eventually(arePeers, 8_000), 'they become peers');
    for (const { uri: wanted, hash } of published) {
      for (const node of [3, 6, 2, 4]) t.is(hashOf((await fetchBytes(devnet.home(node), wanted)).content), hash);
      if ((await counted()) > before) break;
    }
    const lies = liars.reduce((sum, liar) => sum + liar.lies, 0);
    const closed = liars.reduce((sum, liar) => sum + liar.closed, 0);
    const bad = (await counted()) - before;
    t.log(`${lies} lies, ${bad} counted, ${closed} links closed`);
    t.true(lies > 0, 'the liars were asked');
    t.true(bad > 0 && bad <= lies);
    t.true(closed > 0);
  } finally {
    for (const liar of liars) liar.stop();
  }
});

test('peers that break the rules after the handshake: their link ends, the node stays well', async (t) => {
  const target = await descriptorOf(2);
  const before = await devnet.status(2);
  const attacks: readonly [
    what: string,
    closes: boolean,
    attack: (peer: Awaited<ReturnType<typeof handshake>>) => void,
  ][] = [
    ['garbage for records', false, (peer) => peer.writeRaw(random.bytes(5_000))],
    ['a record that is no frames', true, (peer) => peer.writePlaintext(Uint8Array.of(9, 0, 1, 0))],
    ['a frame longer than its record', true, (peer) => peer.writePlaintext(Uint8Array.of(2, 255, 255, 0))],
    ['msgpack that is none', true, (peer) => peer.writeFrame(FRAME.message, Uint8Array.of(0xc1))],
    ['10,000 nested arrays', true, (peer) => peer.writeFrame(FRAME.message, new Uint8Array(10_000).fill(0x91))],
    [
      'an array that claims 2^32 elements',
      true,
      (peer) => peer.writeFrame(FRAME.message, Uint8Array.of(0xdd, 255, 255, 255, 255)),
    ],
    ['an unknown message', true, (peer) => peer.writeFrame(FRAME.message, Uint8Array.of(0x91, 0x7f))],
    ['a cell of another size', true, (peer) => peer.writeFrame(FRAME.smallCell, new Uint8Array(100))],
    ['a cell with an unknown command', true, (peer) => peer.writeFrame(FRAME.smallCell, cellOf(1, 9))],
    [
      'cells of circuits that do not exist',
      false,
      (peer) => {
        for (let i = 0; i < 2_000; i++) {
          peer.writeFrame(FRAME.smallCell, cellOf(i * 7_919, 2 + (i % 3)));
          if (i % 50 === 0) peer.writeFrame(FRAME.largeCell, cellOf(i, 3, CELL_LARGE_BYTES));
        }
      },
    ],
    [
      'circuits that ask for nothing real',
      false,
      (peer) => {
        for (let i = 0; i < 100; i++) peer.writeFrame(FRAME.smallCell, cellOf(0x8000_0000 + i, 1));
      },
    ],
    ['a rekey in the middle', true, (peer) => peer.writePlaintext(Uint8Array.of(1, 0, 0, 0, 0, 0))],
  ];
  for (const [index, [what, closes, attack]] of attacks.entries()) {
    const peer = await handshake(target, makeAttacker(crypto, `127.70.${index}.1`, 9_480));
    attack(peer);
    if (closes) t.true(await eventually(() => peer.isClosed, 2_000), what);
    peer.end();
  }
  const after = await devnet.status(2);
  t.is(after.pid, before.pid);
  t.is(after.verdict.word, 'HEALTHY', after.verdict.reason);
  // It may still have been learning of its devnet; what earlier tests told it of strangers is in the count before.
  const known = Math.max(before.circuits.usableRelays, NODES - 1);
  t.true(after.circuits.usableRelays <= known, 'none of them became a relay');
  t.true(after.node.memoryBytes - before.node.memoryBytes < 150 * 1024 * 1024);
});

function cellOf(circuitId: number, command: number, bytes = CELL_SMALL_BYTES): Uint8Array {
  const cell = random.bytes(bytes);
  new DataView(cell.buffer, cell.byteOffset).setUint32(0, circuitId);
  cell[4] = command;
  cell.fill(0, 5, 8);
  return cell;
}

test('any well-formed message at any time: the node stays well', async (t) => {
  const target = await descriptorOf(2);
  const names = Object.keys(MESSAGES) as (keyof typeof MESSAGES)[];
  for (let round = 0; round < 4; round++) {
    const peer = await handshake(target, makeAttacker(crypto, `127.71.${round}.1`, 9_480));
    for (let i = 0; i < 150; i++) {
      const name = names[Math.floor(random.unit() * names.length)]!;
      const fields = Object.entries(MESSAGES[name].fields as Record<string, Field>);
      const body = Object.fromEntries(fields.map(([field, type]) => [field, anyOf(type)]));
      peer.writeFrame(FRAME.message, encodeMessage({ type: name, ...body } as unknown as Message));
    }
    await eventually(() => peer.isClosed, 200);
    peer.end();
  }
  const { pid, verdict } = await devnet.status(2);
  t.is(pid, devnet.nodes[1]!.pid);
  t.is(verdict.word, 'HEALTHY', verdict.reason);
});

/** A value within the bounds, the bounds themselves more often than not. */
function anyOf(field: Field): unknown {
  const pick = random.unit();
  if (field.type === 'list') return Array.from({ length: pick < 0.5 ? field.countMax : 0 }, () => anyOf(field.item));
  const value =
    pick < 0.4 ? field.min : pick < 0.8 ? field.max : field.min + Math.floor((field.max - field.min) * pick);
  return field.type === 'uint' ? value : random.bytes(value);
}

// --- the control API ---

/** Writes these bytes to a socket of node 3 and gives what came back until it ended, or until `waitMs`. */
function rawApi(path: string, bytes: string | Uint8Array, waitMs = 1_000): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect({ path });
    const timer = setTimeout(() => socket.destroy(), waitMs);
    socket.on('error', () => {});
    socket.on('data', (part) => {
      text += part.toString('latin1');
    });
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(text);
    });
    socket.write(bytes);
  });
}

const http = (head: string, body = ''): string =>
  `${head} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

test('control API: whatever is sent, a typed answer, and the daemon lives', async (t) => {
  const api = socketOf(devnet.home(3));
  const cases: readonly [bytes: string, status: number, code: UserErrorCode][] = [
    [http('GET /'), 404, 'usage'],
    [http('GET /v1/nothing'), 404, 'usage'],
    [http('GET /v1/../v1/status/'), 404, 'usage'],
    [http('DELETE /v1/status'), 405, 'usage'],
    [http('GET /v1/publish'), 405, 'usage'],
    [http('POST /v1/fetch', '{'), 400, 'usage'],
    [http('POST /v1/fetch', '[]'), 400, 'usage'],
    [http('POST /v1/fetch', '{"uri":7}'), 400, 'bad_uri'],
    [http('POST /v1/fetch', '{"uri":"CHK@x","maxBytes":-1}'), 400, 'usage'],
    [http('POST /v1/fetch', '{"uri":"CHK@x","class":"weak"}'), 400, 'usage'],
    [http('POST /v1/fetch', '{"__proto__":{"uri":"x"}}'), 400, 'usage'],
    [http('POST /v1/fetch', `{"uri":"${'x'.repeat(70_000)}"}`), 413, 'too_large'],
    [http('POST /v1/publish?type=nonsense'), 400, 'usage'],
    [http('POST /v1/publish?name=../x'), 400, 'usage'],
    [http('GET /v1/events?refreshMs=1'), 400, 'usage'],
    [http('GET /v1/trace?holds=x'), 400, 'usage'],
    [http(`GET /v1/transfers/${'0'.repeat(16)}/events`), 400, 'usage'],
    [http(`GET /v1/transfers/${'0'.repeat(16)}/content`), 400, 'usage'],
    [http(`POST /v1/transfers/${'0'.repeat(16)}/cancel`), 400, 'usage'],
  ];
  for (const [bytes, status, code] of cases) {
    const answer = await rawApi(api, bytes);
    const what = bytes.slice(0, 60);
    t.regex(answer, new RegExp(`^HTTP/1.1 ${status} `), what);
    const body = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4)) as { error: { code: string; next: string } };
    t.is(body.error.code, code, what);
    t.truthy(body.error.next);
  }
  const odd = ['\0\0\0\0', 'GET', 'GET /v1/status HTTP/9.9\r\n\r\n', `GET /${'a'.repeat(100_000)} HTTP/1.1\r\n\r\n`];
  await Promise.all(odd.map((bytes) => rawApi(api, bytes, 300)));
  t.is((await devnet.status(3)).pid, devnet.nodes[2]!.pid);
});

test('control API: aborted uploads and downloads leave nothing behind', async (t) => {
  const api = socketOf(devnet.home(3));
  const started = await Promise.all(
    Array.from({ length: 4 }, () =>
      rawApi(api, `POST /v1/publish HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n${'x'.repeat(200_000)}`, 150),
    ),
  );
  t.true(started.every((answer) => answer.startsWith('HTTP/1.1 202 ')));
  const { id } = JSON.parse((await rawApi(api, http('POST /v1/fetch', JSON.stringify({ uri })))).split('\r\n\r\n')[1]!);
  await new Promise<void>((resolve) => {
    const socket = connect({ path: api });
    socket.on('error', () => {});
    socket.once('data', () => socket.destroy());
    socket.on('close', () => resolve());
    socket.write(http(`GET /v1/transfers/${id}/content`));
  });
  const isOver = async (): Promise<boolean> => {
    const { transfers, circuits } = await devnet.status(3);
    const isActive = transfers.some(({ stage }) => !['done', 'failed', 'cancelled'].includes(stage));
    return !isActive && circuits.list.every(({ use }) => use !== 'document');
  };
  t.true(await eventually(isOver, 3_000), JSON.stringify((await devnet.status(3)).transfers.map(({ stage }) => stage)));
});

test('control API: 200 connections, and then it answers again', async (t) => {
  const api = socketOf(devnet.home(3));
  const crowd = Array.from({ length: 200 }, () => connect({ path: api }));
  for (const socket of crowd) {
    socket.on('error', () => {});
    socket.write('GET /v1/status HTTP/1.1\r\n'); // and never the rest
  }
  await pause(200);
  for (const socket of crowd) socket.destroy();
  t.true(
    await eventually(
      () =>
        devnet.status(3).then(
          ({ verdict }) => verdict.word === 'HEALTHY',
          () => false,
        ),
      3_000,
    ),
  );
});

test('the read-only socket refuses every endpoint that may change or tell', async (t) => {
  const path = socketOf(devnet.home(3)).replace(/api\.sock$/, 'ro.sock');
  for (const [name, { method, path: endpoint, readOnly }] of Object.entries(ENDPOINTS)) {
    if (name === 'events') continue;
    const answer = await rawApi(path, http(`${method} ${endpoint.replace(':id', '0'.repeat(16))}`));
    t.regex(answer, readOnly ? /^HTTP\/1.1 200 / : /^HTTP\/1.1 403 /, name);
    if (!readOnly) t.regex(answer, /"code":"read_only"/, name);
    else t.notRegex(answer, /127\.\d+\.\d+\.\d+|CHK@/, name);
  }
});

// --- what the strangers of the beginning saw ---

test('strangers: no byte of answer, no close before a second, and the node is well', async (t) => {
  for (const { what, made } of probes) {
    t.is(made.heardBytes, 0, what);
    if (made.closedAfterMs !== undefined) t.true(made.closedAfterMs >= 900 && made.closedAfterMs < 31_000, what);
  }
  const { pid, verdict } = await devnet.status(2);
  t.is(pid, devnet.nodes[1]!.pid);
  t.is(verdict.word, 'HEALTHY', verdict.reason);
  const keys = new Set([...uri.matchAll(/[A-Za-z0-9~-]{43}/g)].map(([key]) => key));
  for (const { home, i } of devnet.nodes) {
    const log = readFileSync(join(home, 'daemon.log'), 'utf8').replaceAll(/^ready .*$/gm, '');
    for (const key of keys) t.false(log.includes(key), `node ${i} logs a key`);
    t.notRegex(log, /127\.\d+\.\d+\.\d+/, `node ${i} logs an address`);
    t.notRegex(log, /\b[0-9a-f]{32,}\b/, `node ${i} logs an id`);
  }
});
