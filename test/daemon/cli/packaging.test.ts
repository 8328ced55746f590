import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import test from 'ava';
import { OPTION_KEYS } from '../../../config/schema.ts';
import { COMMANDS } from '../../../daemon/cli/commands/table.ts';
import { jsonSchemaOf, misshapen } from '../../../daemon/cli/json-shape.ts';
import { buildProgram } from '../../../daemon/cli/main.ts';
import { completionFor } from '../../../daemon/cli/packaging/completion.ts';
import { flagsOf, globalFlags } from '../../../daemon/cli/packaging/flags.ts';
import { manPages, pageName } from '../../../daemon/cli/packaging/man.ts';
import { runCommand } from '../../support/run-command.ts';

const pages = new Map(manPages('1.2.3').map(({ fileName, text }) => [fileName, text.replaceAll('\\-', '-')]));

function helpOf(name: string): string {
  let command = buildProgram(async () => {});
  for (const word of name.split(' ')) command = command.commands.find((candidate) => candidate.name() === word)!;
  const parts: string[] = [];
  command.configureOutput({ writeOut: (part) => parts.push(part) });
  command.outputHelp();
  return parts.join('');
}

test('every flag of every command is in its help, its manual page and all completions', (t) => {
  const [bash, zsh, fish] = [completionFor('bash'), completionFor('zsh'), completionFor('fish')];
  for (const spec of COMMANDS) {
    const help = helpOf(spec.name);
    const page = pages.get(`${pageName(spec.name)}.1`)!;
    t.true(help.includes(`Example: ${spec.example}`), spec.name);
    t.true(page.includes('.SH EXAMPLE'), spec.name);
    t.true(pages.get('holloway.1')!.includes(`.B ${spec.name}\n`), spec.name);
    for (const { long } of [...flagsOf(spec), ...globalFlags.filter((flag) => flag.long !== '--version')]) {
      t.true(help.includes(long), `${spec.name} ${long} in help`);
      t.true(page.includes(long), `${spec.name} ${long} in man`);
      t.true(bash.includes(long), `${spec.name} ${long} in bash`);
      t.true(zsh.includes(`'${long}[`), `${spec.name} ${long} in zsh`);
      t.true(fish.includes(`-l ${long.slice(2)} `), `${spec.name} ${long} in fish`);
    }
  }
});

test('manual: every setting is in the page of the file, and no line is mistaken for a request', (t) => {
  const text = pages.get('holloway.toml.5')!;
  for (const key of OPTION_KEYS) t.true(text.includes(`.B ${key}\n`), key);
  const requests = new Set(['.TH', '.SH', '.SS', '.TP', '.B', '.BR', '.br', '.nf', '.fi']);
  for (const [name, page] of pages) {
    for (const line of page.split('\n')) {
      if (/^[.']/.test(line)) t.true(requests.has(line.split(' ')[0]!), `${name}: ${line}`);
    }
  }
});

test('completion bash: what the shell makes of it', (t) => {
  const ask = (...words: string[]): string[] => {
    const script = `${completionFor('bash')}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _holloway; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return execFileSync('bash', ['-c', script], { encoding: 'utf8' }).trim().split('\n');
  };
  t.deepEqual(ask('holloway', 'devn'), ['devnet']);
  t.true(ask('holloway', 'devnet', '').includes('up'));
  t.deepEqual(ask('holloway', 'devnet', 'up', '--lat'), ['--latency']);
  t.deepEqual(ask('holloway', '--home', '/x', 'fetch', '--class', 's'), ['strong']);
  t.deepEqual(ask('holloway', 'config', 'get', 'log.red'), ['log.redact']);
});

test('json shapes: as JSON Schema, and what does not fit is named', (t) => {
  const shape = { v: 'integer', names: ['text'], 'size?': 'integer|null' } as const;
  t.deepEqual(jsonSchemaOf(shape), {
    type: 'object',
    required: ['v', 'names'],
    properties: {
      v: { const: 1 },
      names: { type: 'array', items: { type: 'string' } },
      size: { type: ['integer', 'null'] },
    },
  });
  t.is(misshapen(shape, { v: 1, names: ['a'], more: true }), undefined);
  t.is(misshapen(shape, { v: 1, names: [1] }), '$.names[0]: expected text');
  t.is(misshapen(shape, { v: 1, names: [], size: 'x' }), '$.size: expected integer|null');
  t.is(misshapen(shape, { names: [] }), '$.v: expected integer');
});

test('--json: what commands without a daemon print is of the shape their entry says', async (t) => {
  const env = { HOLLOWAY_HOME: '/nonexistent/home' };
  for (const line of [
    'config list',
    'config path',
    'config get log.level',
    'man',
    'completion fish',
    'daemon --check-config',
  ]) {
    const { code, stdout } = await runCommand([...line.split(' '), '--json'], env);
    t.is(code, 0, line);
    const spec = COMMANDS.filter(({ name }) => line.startsWith(name)).sort((a, b) => b.name.length - a.name.length)[0]!;
    t.is(misshapen(spec.json!, JSON.parse(stdout)), undefined, line);
  }
});

test('units and container file: run the daemon as the specification says', (t) => {
  const read = (name: string): string =>
    readFileSync(new URL(`../../../config/packaging/${name}`, import.meta.url), 'utf8');
  for (const unit of ['holloway.service', 'holloway-user.service'].map(read)) {
    t.regex(unit, /^Type=notify$/m);
    t.regex(unit, /^NotifyAccess=all$/m);
    t.regex(unit, /^NoNewPrivileges=yes$/m);
    t.regex(unit, /--disable-sigusr1/);
    t.notRegex(unit, /^MemoryDenyWriteExecute/m);
  }
  const container = read('Containerfile');
  t.regex(container, /^USER \d+/m);
  t.regex(container, /^HEALTHCHECK .*"status", "--check"/m);
});
