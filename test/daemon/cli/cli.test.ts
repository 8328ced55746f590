import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { COMMANDS } from '../../../daemon/cli/commands/table.ts';
import { buildProgram } from '../../../daemon/cli/main.ts';
import { USER_ERRORS } from '../../../daemon/errors.ts';
import { cli } from '../../support/devnet.ts';

function emptyHome(t: ExecutionContext): Record<string, string> {
  const home = mkdtempSync(join(tmpdir(), 'hw-cli-'));
  t.teardown(() => rmSync(home, { recursive: true }));
  return { HOLLOWAY_HOME: home };
}

test('--help and --version go to stdout, with an example', async (t) => {
  const help = await cli(['--help'], { env: emptyHome(t) });
  t.is(help.code, 0);
  t.is(help.stderr, '');
  for (const { name } of COMMANDS) t.true(help.stdout.includes(`  ${name.split(' ')[0]!} `), name);
  t.regex((await cli(['--version'])).stdout, /^\d+\.\d+\.\d+\n$/);
});

test('a command line that is not understood: exit 2, three parts, nearest match, nothing on stdout', async (t) => {
  const { code, stdout, stderr } = await cli(['statsu'], { env: emptyHome(t) });
  t.is(code, 2);
  t.is(stdout, '');
  t.regex(stderr, /^holloway: .*Did you mean status\?.*\[usage\]\n {2}cause {2}.+\n {2}next {3}.+\n$/);
});

test('--json: one document on stdout also when the flags do not parse, and no stack', async (t) => {
  for (const args of [
    ['fetch', '--jsno', '--json'],
    ['--json', 'config', 'get', 'no.such'],
    ['publish', '--json'],
  ]) {
    const { code, stdout, stderr } = await cli(args, { env: emptyHome(t) });
    const document = JSON.parse(stdout) as { v: number; error: Record<string, unknown> };
    t.is(code, 2, args.join(' '));
    t.deepEqual(Object.keys(document), ['v', 'error']);
    t.is(document.error.code, 'usage');
    t.is(stderr, '');
  }
});

test('no daemon: exit 3 and how to start one, before and after the command', async (t) => {
  for (const args of [['status', '--json'], ['--json', 'peer', 'list'], ['--json'], ['stop', '--json']]) {
    const { code, stdout } = await cli(args, { env: emptyHome(t) });
    t.is(code, 3, args.join(' '));
    t.like((JSON.parse(stdout) as { error: object }).error, { code: 'daemon_unreachable', next: 'holloway start' });
  }
});

test('commands that need no daemon run without one', async (t) => {
  const env = emptyHome(t);
  const list = await cli(['config', 'list', '--origin'], { env: { ...env, HOLLOWAY_LOG_LEVEL: 'debug' } });
  t.is(list.code, 0);
  t.regex(list.stdout, /^log\.level\t"debug"\tenv\tHOLLOWAY_LOG_LEVEL$/m);
  t.is(
    (await cli(['config', 'get', 'store.size'], { env: { ...env, HOLLOWAY_PROFILE: 'standard' } })).stdout,
    'auto\n',
  );
  t.regex((await cli(['config', 'path'], { env })).stdout, /^api\t.*\/api\.sock$/m);
  t.is((await cli(['daemon', '--check-config'], { env })).code, 0);
});

test('a configuration mistake is named with file and line', async (t) => {
  const env = emptyHome(t);
  writeFileSync(join(env.HOLLOWAY_HOME!, 'config.toml'), '[store]\nsiez = "1GiB"\n');
  const { code, stderr } = await cli(['daemon', '--check-config'], { env });
  t.is(code, 2);
  t.regex(stderr, /config\.toml:2: unknown key store\.siez; did you mean store\.size\?.*\[bad_config\]/);
});

test('values of flags name the flag and what was expected', async (t) => {
  const env = emptyHome(t);
  const wrong: [string[], RegExp][] = [
    [['fetch', 'CHK@x', '--max-size', '2MB'], /--max-size 2MB: expected a size/],
    [['fetch', 'CHK@x', '--timeout', '30'], /--timeout 30: expected a duration/],
    [['fetch', 'CHK@x', '--class', 'faster'], /--class faster: expected fast \| strong/],
    [['devnet', 'up', '--nodes', '1'], /--nodes 1: expected a whole number 2\.\.254/],
    [['daemon', '--set', 'x'], /--set x: expected KEY=VALUE/],
    [['top'], /the dashboard needs a terminal/],
  ];
  for (const [args, pattern] of wrong) {
    const { code, stderr } = await cli(args, { env });
    t.is(code, 2, args.join(' '));
    t.regex(stderr, pattern);
  }
});

test('publish and fetch refuse what they cannot read or must not overwrite, before asking anybody', async (t) => {
  const env = emptyHome(t);
  const file = join(env.HOLLOWAY_HOME!, 'there');
  writeFileSync(file, 'x');
  const refused = async (...args: string[]) => {
    const { code, stdout } = await cli([...args, '--json'], { env });
    return [code, (JSON.parse(stdout) as { error: { code: string } }).error.code];
  };
  t.deepEqual(await refused('publish', '/nonexistent'), [8, 'no_file']);
  t.deepEqual(await refused('publish', tmpdir()), [8, 'no_file']);
  t.deepEqual(await refused('fetch', 'hello'), [2, 'bad_uri']);
  t.deepEqual(await refused('fetch', `CHK@${'A'.repeat(43)},${'A'.repeat(43)},SAEAAAE`, '-o', file), [7, 'exists']);
  t.deepEqual(await refused('devnet', 'status', '--dir', '/nonexistent'), [8, 'no_file']);
});

test('table: every command has a sentence, an example of itself, and code to run', async (t) => {
  for (const spec of COMMANDS) {
    t.regex(spec.sentence, /\.$/, spec.name);
    t.true(spec.example.includes(`holloway ${spec.name}`), spec.name);
    t.is(typeof (await spec.load()), 'function', spec.name);
  }
  const seen: string[] = [];
  const program = buildProgram(async (spec, args, values) => {
    seen.push(`${spec.name} ${args.join('+')} ${JSON.stringify(values)}`);
  });
  await program.parseAsync(['--home', 'H', 'fetch', 'URI', '-o', 'F', '--json'], { from: 'user' });
  await program.parseAsync(['devnet', 'kill', '--dir', 'D', '1', '2'], { from: 'user' });
  t.is(seen[0], 'fetch URI {"output":"F","home":"H","json":true}');
  t.regex(seen[1]!, /^devnet kill 1\+2 /);
});

test('USER_ERRORS: every exit code is one of the documented ones', (t) => {
  for (const [code, row] of Object.entries(USER_ERRORS)) t.true(row.exit >= 1 && row.exit <= 9, code);
});
