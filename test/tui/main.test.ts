import test from 'ava';
import { colorsOf, refusalOf, speaksUtf8, tabOf } from '../../tui/main.ts';

test('refusalOf: no terminal on both ends, or a dumb one, is refused with what to do instead', (t) => {
  t.is(refusalOf(true, { TERM: 'xterm' }), undefined);
  t.regex(refusalOf(false, { TERM: 'xterm' })!, /holloway status --watch/);
  t.regex(refusalOf(true, { TERM: 'dumb' })!, /holloway status --watch/);
});

test('colorsOf: the flag goes before NO_COLOR, NO_COLOR before FORCE_COLOR, then the terminal', (t) => {
  t.is(colorsOf('auto', { TERM: 'xterm-256color' }), 256);
  t.is(colorsOf('auto', { TERM: 'tmux-256color' }), 256);
  t.is(colorsOf('auto', { TERM: 'linux' }), 8);
  t.is(colorsOf('auto', { TERM: 'vt220' }), 0);
  t.is(colorsOf('auto', { NO_COLOR: '1', FORCE_COLOR: '3' }), 0);
  t.is(colorsOf('auto', { NO_COLOR: '', TERM: 'xterm' }), 256, 'an empty NO_COLOR says nothing');
  t.is(colorsOf('auto', { FORCE_COLOR: '1' }), 16);
  t.is(colorsOf('auto', { FORCE_COLOR: '0', TERM: 'xterm' }), 0);
  t.is(colorsOf('always', { NO_COLOR: '1', TERM: 'xterm' }), 256);
  t.is(colorsOf('never', { FORCE_COLOR: '3' }), 0);
  t.is(colorsOf('16', {}), 16);
  t.is(colorsOf('256', { NO_COLOR: '1' }), 256);
});

test('speaksUtf8: the first locale variable that is set decides', (t) => {
  t.true(speaksUtf8({ LANG: 'de_DE.UTF-8' }));
  t.true(speaksUtf8({ LC_ALL: 'C.utf8', LANG: 'C' }));
  t.false(speaksUtf8({ LC_ALL: 'C', LANG: 'de_DE.UTF-8' }));
  t.false(speaksUtf8({}));
});

test('tabOf: by name or number; what is not there opens the first', (t) => {
  t.is(tabOf('routing'), 'routing');
  t.is(tabOf('4'), 'routing');
  t.is(tabOf('ring'), 'ring');
  t.is(tabOf('nothing'), undefined);
  t.is(tabOf(undefined), undefined);
});
