import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { writeCrash } from '../../../config/crash-marker.ts';
import { COMMANDS } from '../../../daemon/cli/commands/table.ts';
import { exitOf, fine, shellWord, trouble } from '../../../daemon/cli/doctor/finding.ts';
import { checkGateway } from '../../../daemon/cli/doctor/gateway.ts';
import { checkRuntime } from '../../../daemon/cli/doctor/home.ts';
import { checkStatus } from '../../../daemon/cli/doctor/live.ts';
import { reportText } from '../../../daemon/cli/doctor/report.ts';
import { misshapen } from '../../../daemon/cli/json-shape.ts';
import { runCommand } from '../../support/run-command.ts';
import { fixtureStatus } from '../../support/status-fixture.ts';

interface Found {
  readonly check: string;
  readonly level: string;
  readonly code: string | null;
  readonly run: string | null;
  readonly next: string | null;
}

interface Rig {
  readonly home: string;
  readonly env: Record<string, string | undefined>;
  look(): Promise<readonly Found[]>;
}

function rig(t: ExecutionContext): Rig {
  const home = mkdtempSync(join(tmpdir(), 'hw-doctor-'));
  t.teardown(() => rmSync(home, { recursive: true, force: true }));
  // A port of the system's choice, so that two test files cannot meet.
  writeFileSync(join(home, 'config.toml'), 'profile = "devnet"\n', { mode: 0o600 });
  const env = { HOLLOWAY_HOME: home, HOME: home };
  return {
    home,
    env,
    async look() {
      const { stdout } = await runCommand(['doctor', '--json'], env);
      const document = JSON.parse(stdout) as { findings: Found[] };
      t.is(misshapen(COMMANDS.find(({ name }) => name === 'doctor')!.json!, document), undefined);
      return document.findings.filter(({ level, code }) => level !== 'ok' && code !== 'daemon_unreachable');
    },
  };
}

/** Does what `run` says: a command of ours within this process, anything else in a shell. */
async function apply(t: ExecutionContext, { env }: Rig, run: string): Promise<void> {
  if (run.startsWith('unset ')) {
    delete env[run.slice('unset '.length)];
  } else if (run.startsWith('holloway ')) {
    const { code, stderr } = await runCommand(run.split(' ').slice(1), env);
    t.true([0, 8].includes(code), stderr);
  } else {
    execFileSync('sh', ['-c', run]);
  }
}

const append = (home: string, text: string): void => {
  const path = join(home, 'config.toml');
  writeFileSync(path, `${readFileSync(path, 'utf8')}${text}`);
};

let taken: Server | undefined;
test.after.always(() => taken?.close());

/** Fault -> code that doctor gives it, and how it is planted. */
const FAULTS: readonly (readonly [string, string, (given: Rig) => void | Promise<void>])[] = [
  ['an unknown key in the file', 'bad_config', ({ home }) => append(home, '[store]\nsiez = "1GiB"\n')],
  ['a value out of range', 'bad_config', ({ home }) => append(home, '[peers]\nmax = 4000\n')],
  ['a variable nobody knows', 'bad_config', ({ env }) => Object.assign(env, { HOLLOWAY_STOER_SIZE: '1GiB' })],
  ['a home that others can look into', 'permissions', ({ home }) => chmodSync(home, 0o755)],
  [
    'keys that others can read',
    'permissions',
    ({ home }) => {
      mkdirSync(join(home, 'keys'), { mode: 0o700 });
      writeFileSync(join(home, 'keys', 'blog.key'), 'x');
      chmodSync(join(home, 'keys', 'blog.key'), 0o644);
    },
  ],
  [
    'a passphrase that others can read',
    'permissions',
    ({ home }) => {
      append(home, '[store]\npassphrase_file = "secret"\n');
      writeFileSync(join(home, 'secret'), 'x\n');
      chmodSync(join(home, 'secret'), 0o644);
    },
  ],
  [
    'the lock of a daemon that was killed',
    'old_lock',
    ({ home }) => writeFileSync(join(home, 'daemon.lock'), JSON.stringify({ pid: 1, started: 'never', since: 1 })),
  ],
  [
    'a crash',
    'crashed',
    ({ home }) => writeCrash(join(home, 'crash.json'), { atMs: 1, version: '0', code: 'Error', places: ['a.ts:1:1'] }),
  ],
  [
    'a store that is no database',
    'store_damaged',
    ({ home }) => writeFileSync(join(home, 'store.sqlite'), 'not SQLite', { mode: 0o600 }),
  ],
  [
    'an identity that is no database',
    'store_damaged',
    ({ home }) => writeFileSync(join(home, 'node.sqlite'), 'nor this', { mode: 0o600 }),
  ],
  [
    'data of another network',
    'other_network',
    ({ home }) =>
      writeFileSync(join(home, 'layout.json'), '{"layout":1,"version":"0","network":"garden"}', { mode: 0o600 }),
  ],
  ['a store larger than the disk', 'disk_low', ({ home }) => append(home, '[store]\nsize = "64TiB"\n')],
  ['a directory where the socket belongs', 'socket_taken', ({ home }) => mkdirSync(join(home, 'api.sock'))],
  [
    'a port that another program has',
    'port_in_use',
    async ({ home }) => {
      const server = createServer();
      taken = server;
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      append(home, `[network]\nlisten = "127.0.0.1:${(server.address() as { port: number }).port}"\n`);
    },
  ],
  [
    'an address this machine does not have',
    'listen_failed',
    ({ home }) => append(home, '[network]\nlisten = "192.0.2.1:9480"\n'),
  ],
  ['a log that names keys', 'logs_unredacted', ({ home }) => append(home, '[log]\nredact = false\n')],
];

test('doctor: a healthy home has nothing to say', async (t) => {
  const given = rig(t);
  t.deepEqual(await given.look(), []);
  const { code, stdout } = await runCommand(['doctor'], given.env);
  t.is(code, 0);
  t.regex(stdout, /^ok {4}runtime: node/);
});

for (const [fault, code, plant] of FAULTS) {
  test(`doctor finds ${fault}, and its advice cures it`, async (t) => {
    const given = rig(t);
    await plant(given);
    const found = (await given.look()).find((finding) => finding.code === code);
    t.truthy(found, `${code} is found`);
    t.truthy(found?.next);
    await apply(t, given, found!.run!);
    t.deepEqual(
      (await given.look()).filter((finding) => finding.code === code),
      [],
    );
  });
}

test('doctor: data of a newer version are refused with advice, exit 8', async (t) => {
  const given = rig(t);
  writeFileSync(join(given.home, 'layout.json'), '{"layout":99,"version":"9.0.0","network":"devnet"}', { mode: 0o600 });
  const [found] = await given.look();
  t.like(found, { code: 'store_format', level: 'fail' });
  t.regex(found!.next!, /upgrade/);
  t.is((await runCommand(['doctor'], given.env)).code, 8);
});

test('doctor --fix: modes, old lock and crash are gone, and it says so', async (t) => {
  const given = rig(t);
  writeFileSync(join(given.home, 'daemon.lock'), JSON.stringify({ pid: 1, started: 'never', since: 1 }));
  chmodSync(given.home, 0o755);
  const { stderr } = await runCommand(['doctor', '--fix'], given.env);
  t.regex(stderr, /fixed: others can look/);
  t.is(statSync(given.home).mode & 0o077, 0);
  t.false(existsSync(join(given.home, 'daemon.lock')));
});

test('doctor --report: shown first, never over a file, and without names, keys and addresses', async (t) => {
  const given = rig(t);
  append(given.home, '[network]\nlisten = "127.9.8.7:9480"\nseeds = ["c2VlZA"]\n');
  const path = join(given.home, 'report.txt');
  const { stderr } = await runCommand(['doctor', '--report', path], given.env);
  const text = readFileSync(path, 'utf8');
  t.true(stderr.includes(text.slice(0, 200)));
  t.is(statSync(path).mode & 0o777, 0o600);
  t.notRegex(text, /127\.9|c2VlZA|hw-doctor/);
  t.is((await runCommand(['doctor', '--report', path], given.env)).code, 7);
  const secret = 'CHK@hp0wqysN5Lwti7Zh0PzdZyeIPFV24ZEbl9Emfylmaw,z3,AA';
  const log = [
    { atMs: 1, level: 'info', subsystem: 'x', text: `${secret} from [2001:db8::1]:9480`, repeats: 1 } as const,
  ];
  const report = reportText({ version: '0', findings: [], config: undefined, status: undefined, metrics: '', log });
  t.notRegex(report, /hp0wq|2001/);
});

test('doctor: what a daemon tells about itself becomes findings', (t) => {
  const codes = (changes: Parameters<typeof fixtureStatus>[0]): (string | null)[] =>
    checkStatus(fixtureStatus(changes)).map(({ code }) => code);
  const fixture = fixtureStatus();
  t.true(codes({ verdict: { word: 'OFFLINE', reason: 'r', next: 'n' } }).includes('offline'));
  t.true(codes({ node: { ...fixture.node, clockOffsetMs: 7 * 3_600_000 } }).includes('clock_off'));
  t.true(codes({ peers: { ...fixture.peers, up: 1 } }).includes('peers_few'));
  t.true(codes({ peers: { ...fixture.peers, in: 0 }, network: 'garden', uptimeMs: 10 ** 7 }).includes('unreachable'));
  t.true(codes({ circuits: { ...fixture.circuits, ready: 0 } }).includes('circuits_failing'));
  t.true(codes({ store: { ...fixture.store, damaged: 1 } }).includes('store_damaged'));
  const newer = fixture.peers.list.map((peer) => ({ ...peer, version: '99.0.0' }));
  t.true(codes({ peers: { ...fixture.peers, list: newer } }).includes('versions_apart'));
});

test('doctor: a gateway must answer, with its headers, and only to its own name', async (t) => {
  let headers: Record<string, string> = {
    'content-security-policy': "default-src 'none'",
    'cross-origin-resource-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
  };
  let guards = true;
  const server = createHttpServer((request, response) => {
    response.writeHead(guards && request.headers.host === 'other.example' ? 421 : 200, headers).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const address = `127.0.0.1:${(server.address() as { port: number }).port}`;
  t.is((await checkGateway(address)).level, 'ok');
  guards = false;
  t.regex((await checkGateway(address)).text, /foreign name \(200\)/);
  guards = true;
  headers = { ...headers, 'access-control-allow-origin': '*' };
  t.regex((await checkGateway(address)).text, /other web sites/);
  headers = {};
  t.regex((await checkGateway(address)).text, /lacks content-security-policy, /);
  t.like(await checkGateway('127.0.0.1:1'), { level: 'fail', code: 'gateway_wrong' });
});

test('doctor: exit codes, old runtimes, and words for a shell', (t) => {
  t.is(exitOf([fine('a', 'b')]), 0);
  const local = trouble('fail', 'a', { code: 'port_in_use', text: '', next: '' });
  const network = trouble('fail', 'a', { code: 'offline', text: '', next: '' });
  t.is(exitOf([network]), 9);
  t.is(exitOf([network, local]), 8);
  t.is(exitOf([trouble('warn', 'a', { code: 'old_lock', text: '', next: '' })]), 0);
  t.is(checkRuntime('22.1.0').code, 'runtime_old');
  t.is(execFileSync('sh', ['-c', `printf %s ${shellWord(`a b'c"$(d)`)}`], { encoding: 'utf8' }), `a b'c"$(d)`);
});
