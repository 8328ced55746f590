import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import test from 'ava';
import { parse } from 'smol-toml';
import { loadConfig } from '../../../config/load.ts';
import { processStart } from '../../../config/lock.ts';
import { homeOf, nodeConfigText, purgeDevnet, readDevnet, writeDevnet } from '../../../daemon/devnet/layout.ts';
import { holderOf } from '../../../daemon/devnet/processes.ts';
import { makeSamples, pngOfARing } from '../../../daemon/devnet/samples.ts';
import { LocalError } from '../../../daemon/errors.ts';
import { cli, ENTRY } from '../../support/devnet.ts';

test('layout: a node is configured by a file that loads', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'hw-dn-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const listen = { host: '127.3.0.1', port: 0 };
  const text = nodeConfigText({
    i: 3,
    listen,
    seeds: ['AAAA'],
    settings: { 'debug.trace': 'true', 'store.size': '16MiB' },
  });
  t.truthy(parse(text));
  const file = join(dir, 'config.toml');
  writeFileSync(file, text);
  const { values } = loadConfig({ file });
  t.is(values.profile, 'devnet');
  t.deepEqual(values['network.listen'], listen);
  t.deepEqual(values['network.seeds'], ['AAAA']);
  t.true(values['debug.trace']);
  t.is(values['store.size'], 16 * 2 ** 20);
  const wrong = { i: 1, listen, seeds: [], settings: { 'store.siez': '1' } };
  t.throws(() => nodeConfigText(wrong), { instanceOf: LocalError, message: /did you mean store\.size/ });
});

test('layout: purge deletes the devnet and nothing beside it', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'hw-dn-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  t.throws(() => purgeDevnet(dir), { instanceOf: LocalError, code: 'no_file' });
  writeDevnet(dir, 2);
  t.is(readDevnet(dir), 2);
  writeFileSync(join(dir, 'mine'), 'x');
  purgeDevnet(dir);
  t.deepEqual(readdirSync(dir), ['mine']);
});

test('samples: the image is a PNG of the size it says, and three kinds differ', (t) => {
  const png = Buffer.from(pngOfARing(10));
  t.is(png.subarray(1, 4).toString(), 'PNG');
  t.is(png.readUInt32BE(16), 10);
  const length = png.readUInt32BE(33);
  t.is(png.subarray(37, 41).toString(), 'IDAT');
  t.is(inflateSync(png.subarray(41, 41 + length)).length, 10 * 11);
  t.is(new Set(makeSamples().map((sample) => sample.contentType)).size, 3);
});

test('devnet up, publish, fetch elsewhere, kill, down: real daemons, found again by their homes', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'hw-dn-'));
  t.teardown(async () => {
    await cli(['devnet', 'down', '--dir', dir]);
    rmSync(dir, { recursive: true, force: true });
  });
  const up = await cli(['devnet', 'up', '--nodes', '5', '--dir', dir]);
  t.is(up.code, 0, up.stderr);
  t.regex(up.stdout, /^devnet: 5 nodes ready in [\d.]+ s, ring complete; this machine only, no anonymity\n/);
  const listed = JSON.parse((await cli(['devnet', 'status', '--dir', dir, '--json'])).stdout) as {
    nodes: { i: number; pid: number; link: string; gateway: string; fcp: null }[];
  };
  t.deepEqual(
    listed.nodes.map((node) => node.i),
    [1, 2, 3, 4, 5],
  );
  t.is(new Set(listed.nodes.map((node) => node.gateway)).size, 5, 'every node has a gateway of its own');
  t.regex(listed.nodes[4]!.gateway, /^127\.0\.0\.1:\d+$/);
  if (process.platform === 'linux') t.regex(listed.nodes[2]!.link, /^127\.3\.0\.1:\d+$/);

  const document = randomBytes(40_000);
  const published = await cli(['publish', '-', '--home', homeOf(dir, 1), '--quiet'], { input: document });
  t.regex(published.stdout, /^CHK@[^\n]+\n$/, 'the key and a newline, nothing else');
  t.is(published.stderr, '');
  const file = join(dir, 'fetched');
  const uri = published.stdout.trim();
  const fetched = await cli(['fetch', '-', '-o', file, '--home', homeOf(dir, 4)], { input: Buffer.from(uri) });
  t.is(fetched.code, 0, fetched.stderr);
  t.is(fetched.stdout, `${file}\n`);
  t.is(
    createHash('sha256').update(readFileSync(file)).digest('hex'),
    createHash('sha256').update(document).digest('hex'),
  );
  t.false(existsSync(`${file}.part`));
  const again = await cli(['fetch', uri, '-o', file, '--home', homeOf(dir, 4), '--json']);
  t.is(again.code, 7);
  const cut = await cli(['fetch', `${uri.slice(0, 60)}`, '-o', `${file}2`, '--home', homeOf(dir, 4), '--json']);
  t.is(cut.code, 2);
  const small = await cli(['fetch', uri, '-o', `${file}2`, '--max-size', '1KiB', '--home', homeOf(dir, 4), '--json']);
  t.is(small.code, 7, small.stdout);
  t.false(existsSync(`${file}2`) || existsSync(`${file}2.part`));

  t.is((await cli(['devnet', 'up', '--nodes', '5', '--dir', dir, '--json'])).code, 8, 'it runs already');
  t.is((await cli(['devnet', 'kill', '2', '--dir', dir])).stdout, 'killed: 2\n');
  t.is((await cli(['devnet', 'down', '--purge', '--dir', dir])).code, 0);
  t.deepEqual(readdirSync(dir), ['fetched']);
  for (const node of listed.nodes) t.is(processStart(node.pid), undefined, `node ${node.i} has ended`);
});

test('a daemon with a lifeline ends when the other end of the pipe closes, and a stale lock does not stop the next', async (t) => {
  const home = mkdtempSync(join(tmpdir(), 'hw-life-'));
  t.teardown(() => rmSync(home, { recursive: true, force: true }));
  const start = async () => {
    const args = [ENTRY, 'daemon', '--home', home, '--set', 'profile=devnet', '--lifeline-fd', '3'];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe', 'pipe'] });
    const exit = new Promise<number | null>((resolve) => child.on('exit', resolve));
    let said = '';
    await new Promise<void>((resolve) => {
      child.stderr!.on('data', (part: Buffer) => {
        said += part.toString();
        if (/^ready network=devnet api=\S+ link=\S+ gateway=\S+/m.test(said)) resolve();
      });
      child.on('exit', () => resolve());
    });
    t.regex(said, /^ready /m);
    return { child, exit };
  };
  const first = await start();
  t.is(holderOf(home)?.pid, first.child.pid);
  first.child.kill('SIGKILL');
  await first.exit;
  t.is(holderOf(home), undefined);

  const second = await start();
  (second.child.stdio[3] as NodeJS.WritableStream & { destroy(): void }).destroy();
  t.is(await second.exit, 0);
  t.is(holderOf(home), undefined);
  t.false(existsSync(join(home, 'daemon.lock')));
});
