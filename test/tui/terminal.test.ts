import { PassThrough } from 'node:stream';
import test from 'ava';
import { draw } from '../../tui/draw.ts';
import { createTerminal, packAttributes, type Terminal, terminalName } from '../../tui/terminal.ts';
import { attributesOf, type ColorCount, ROLES } from '../../tui/theme.ts';
import { fixtureStatus, HOSTILE_TEXTS, hostileStatus } from '../support/status-fixture.ts';
import { modelOf } from './golden-cases.ts';

interface Rig {
  readonly terminal: Terminal;
  readonly keys: string[];
  readonly mouse: string[];
  /** What was written since the last call. */
  written(): string;
  type(text: string): void;
}

function rig(colors: ColorCount = 256, mouse = false): Rig {
  const input = new PassThrough();
  const output = Object.assign(new PassThrough(), { columns: 80, rows: 24, isTTY: true });
  const keys: string[] = [];
  const clicks: string[] = [];
  const terminal = createTerminal({
    input,
    output,
    term: 'xterm-256color',
    colors,
    mouse,
    onKey: (key) => keys.push(key),
    onMouse: (action, x, y) => clicks.push(`${action} ${x},${y}`),
    onResize: () => {},
  });
  return {
    terminal,
    keys,
    mouse: clicks,
    written: () => String(output.read() ?? ''),
    type: (text) => void input.emit('data', Buffer.from(text)),
  };
}

const rowsOf = (status = fixtureStatus()) => draw(modelOf(80, 24, { status }), 80, 24, { ascii: false });

test.serial('terminal: paints through blessed, box characters as they are, and only what changed', (t) => {
  const { terminal, written } = rig();
  t.is(`${terminal.width}x${terminal.height}`, '80x24');
  terminal.paint(rowsOf());
  const first = written();
  t.true(first.includes('\x1b[?1049h'), 'the alternate screen');
  t.true(first.includes('┌') && first.includes('HEALTHY') && first.includes('38;5;75'));
  t.false(/[\x0e\x0f]|\x1b\(0/.test(first), 'no alternate character set');
  terminal.paint(rowsOf());
  t.is(written(), '', 'the same picture costs nothing');
  terminal.paint(rowsOf(fixtureStatus({ network: 'gardex' })));
  const change = written();
  t.true(change.includes('x') && change.length < 120, `one cell changed: ${change.length} bytes`);
  terminal.forget();
  written();
  terminal.paint(rowsOf());
  t.true(written().includes('HEALTHY'), 'all of it after a redraw');
  terminal.restore();
  const last = written();
  t.true(last.includes('\x1b[?1049l') && last.includes('\x1b[?25h'), 'screen and cursor come back');
  terminal.restore();
  t.is(written(), '', 'twice does no harm');
});

test.serial('terminal: without colour no colour is sent, selection stays reverse', (t) => {
  const { terminal, written } = rig(0);
  terminal.paint(rowsOf());
  const text = written();
  t.false(/\x1b\[[\d;]*[349][0-8](;|m)/.test(text.replaceAll(/\x1b\[\d+;\d+[rH]/g, '')), 'no colour');
  t.true(/\x1b\[[\d;]*7m/.test(text), 'reverse');
  terminal.restore();
});

test.serial('terminal: what strangers send is not obeyed', (t) => {
  for (const hostile of HOSTILE_TEXTS) {
    const { terminal, written } = rig();
    written();
    terminal.paint(rowsOf(hostileStatus(hostile)));
    const text = written();
    t.false(
      /\x1b\]|\x1b\[2J|[\x00-\x06\x07\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f\u202e\u200b]/.test(text),
      JSON.stringify(hostile),
    );
    if (hostile.startsWith('{')) t.true(text.includes('{bold}'), 'tags are text');
    terminal.restore();
  }
});

test.serial('terminal: keys by their character or name, one Enter once', (t) => {
  const { terminal, keys, type } = rig();
  for (const text of [
    'q',
    'S',
    ' ',
    '?',
    '\r',
    '\x1b[A',
    '\x1b[5~',
    '\t',
    '\x1b[Z',
    '\x03',
    '\x0c',
    '\x1a',
    '\x7f',
    '\x1b',
  ])
    type(text);
  t.deepEqual(keys, [
    'q',
    'S',
    'space',
    '?',
    'enter',
    'up',
    'pageup',
    'tab',
    'S-tab',
    'C-c',
    'C-l',
    'C-z',
    'backspace',
    'escape',
  ]);
  terminal.restore();
});

test.serial('terminal: the mouse asks for clicks only, and reports them from 0', (t) => {
  const { terminal, mouse, type, written } = rig(256, true);
  const text = written();
  t.true(text.includes('\x1b[?1000h') && text.includes('\x1b[?1006h'));
  t.false(/\x1b\[\?(1003|1005|1002)h/.test(text), 'no motion, no odd coordinates');
  type('\x1b[<0;10;5M');
  type('\x1b[<64;10;5M');
  t.deepEqual(mouse, ['mousedown 9,4', 'wheelup 9,4']);
  terminal.restore();
  t.true(written().includes('\x1b[?1000l'), 'off again at the end');
});

test.serial('terminal: leave and enter give the terminal back and take it again', (t) => {
  const { terminal, written } = rig(256, true);
  written();
  terminal.leave();
  const left = written();
  t.true(left.includes('\x1b[?1049l') && left.includes('\x1b[?1000l'));
  terminal.paint(rowsOf());
  t.is(written(), '', 'nothing is painted while away');
  terminal.enter();
  terminal.paint(rowsOf());
  const back = written();
  t.true(back.includes('\x1b[?1049h') && back.includes('\x1b[?1000h') && back.includes('HEALTHY'));
  terminal.restore();
});

test.serial('terminal: blessed gets no say in signals and exceptions', (t) => {
  const events = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'uncaughtException'] as const;
  const count = (): number[] => events.map((event) => process.listenerCount(event));
  const before = count();
  const { terminal } = rig();
  t.deepEqual(count(), before);
  terminal.restore();
  t.deepEqual(count(), before);
});

test('terminalName: only the Linux console and real vt terminals are passed on', (t) => {
  for (const term of ['xterm-256color', 'tmux-256color', 'screen-256color', 'foot', 'xterm-kitty', ''])
    t.is(terminalName(term), 'xterm-256color');
  t.is(terminalName('linux'), 'linux');
  t.is(terminalName('vt100'), 'vt100');
});

test('packAttributes: every role differs from plain text by more than colour where it must', (t) => {
  for (const role of ROLES)
    for (const colors of [0, 8, 16, 256] as const) t.true(packAttributes(attributesOf(role, colors)) >= 0);
  for (const role of ['selected', 'tab', 'bad', 'warn', 'title'] as const) {
    t.not(packAttributes(attributesOf(role, 0)), packAttributes(attributesOf('plain', 0)), role);
  }
  t.true(attributesOf('selected', 0).reverse);
});
