import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { COMMANDS } from '../../../daemon/cli/commands/table.ts';
import { runCommand } from '../../support/run-command.ts';

const THREE_PARTS = /^holloway: .+ {2}\[[a-z_]+\]\n {2}cause {2}.+\n {2}next {3}.+\n$/;

function emptyHome(t: { teardown(fn: () => void): void }): string {
  const home = mkdtempSync(join(tmpdir(), 'hw-wrong-'));
  t.teardown(() => rmSync(home, { recursive: true }));
  return home;
}

test('every command, with a flag nobody knows: usage in three parts, and the help of that very command', async (t) => {
  for (const { name } of COMMANDS) {
    const { code, stdout, stderr } = await runCommand([...name.split(' '), '--nosuchflag'], {});
    t.is(code, 2, name);
    t.is(stdout, '', name);
    t.regex(stderr, THREE_PARTS, name);
    t.true(stderr.includes(`next   holloway ${name} --help\n`), name);
  }
});

test('mistakes of a first day: what, why and what next, the right exit code, and nothing left behind', async (t) => {
  const home = emptyHome(t);
  const wrong: readonly (readonly [string, number, RegExp])[] = [
    ['fetsh', 2, /Did you mean fetch\?/],
    ['devnet upp', 2, /Did you mean up\?/],
    ['fetch --outptu x', 2, /Did you mean --output\?/],
    ['peer', 2, /needs one more word/],
    ['start --timeout soon', 2, /--timeout soon: expected a duration/],
    ['daemon --set store.size=lots', 2, /store\.size = "lots": expected auto/],
    ['config set log.levle debug', 2, /did you mean log\.level\?/],
    ['config set log.level loud', 2, /expected error \| warn/],
    ['config get', 2, /missing required argument/],
    ['devnet up --latency 40', 2, /--latency 40: expected a duration/],
    ['devnet up --loss 1', 2, /--loss 1: expected a share/],
    ['logs --set routre=debug', 2, /did you mean router\?/],
    ['logs --set router=loud', 2, /expected a level/],
    ['logs', 3, /there is no log file/],
    ['wait --timeout 1ms', 5, /waiting for a daemon/],
    ['completion tcsh', 2, /expected bash \| zsh \| fish/],
    ['man fethc', 2, /did you mean fetch\?/],
    ['peer join hello', 2, /begins with holloway-invite:/],
    ['peer join holloway-invite:AQ', 2, /its end is missing/],
    ['open http://example.com', 2, /a key begins with/],
    ['stop', 3, /no daemon answers/],
  ];
  for (const [line, code, pattern] of wrong) {
    const result = await runCommand([...line.split(' '), '--quiet'], { HOLLOWAY_HOME: home });
    t.is(result.code, code, line);
    t.regex(result.stderr, pattern, line);
    t.regex(result.stderr, THREE_PARTS, line);
  }
  t.deepEqual(readdirSync(home), []);
});
