/**
 * `holloway top`: the dashboard. Its code is only read when it is opened.
 * @module
 */
import { setFlagsFromString } from 'node:v8';
import { findSockets } from '../../../config/paths.ts';
import { LocalError } from '../../errors.ts';
import type { CommandRun, Context } from '../context.ts';

export const top: CommandRun = async (context) => {
  const { options, paths, api } = context;
  if (options.flag('keys')) {
    const { keyLines, remapped } = await import('../../../tui/keymap.ts');
    const rows = remapped(context.config().values['tui.keys']);
    if (typeof rows === 'string') throw new LocalError('bad_config', rows);
    for (const line of keyLines(rows)) context.output.line(line);
    return 0;
  }
  const readOnly = options.flag('read-only');
  const socketPath = options.text('socket') ?? (readOnly ? findSockets(paths).readOnly : api.socketPath);
  return openDashboard(context, socketPath, readOnly);
};

/** @param strip an extra line over the screen, asked for at each frame, such as how far the demo is */
export async function openDashboard(
  context: Context,
  socketPath: string,
  readOnly: boolean,
  strip?: () => string,
): Promise<number> {
  const { options, output } = context;
  if (output.json || !process.stdout.isTTY || !process.stdin.isTTY) {
    throw new LocalError('usage', 'the dashboard needs a terminal; without one: holloway status --watch');
  }
  const refreshMs = options.durationMs('refresh') ?? 1_000;
  if (refreshMs < 200 || refreshMs > 10_000) throw new LocalError('usage', '--refresh: expected 200ms..10s');
  // Its garbage is small and dies young, yet V8 would grow the nursery for it: 13 MB less resident, before the code is read.
  setFlagsFromString('--semi-space-growth-factor=1');
  const { runDashboard, tabOf } = await import('../../../tui/main.ts');
  const tab = options.text('tab');
  if (tab !== undefined && tabOf(tab) === undefined) {
    throw new LocalError(
      'usage',
      `--tab: no tab "${tab}"; overview, peers, ring, routing, store, circuits, transfers, log or config`,
    );
  }
  const { remapped } = await import('../../../tui/keymap.ts');
  const keymap = remapped(context.config().values['tui.keys']);
  if (typeof keymap === 'string') throw new LocalError('bad_config', keymap);
  const atHome = context.paths.home === undefined ? [] : ['--home', context.paths.home];
  return runDashboard({
    keymap,
    shell: [process.execPath, ...process.execArgv, context.entry, '--socket', socketPath, ...atHome],
    socketPath,
    readOnly,
    ascii: options.flag('ascii'),
    color: options.choice('color', ['auto', 'always', 'never', '16', '256']) ?? 'auto',
    refreshMs,
    tab,
    mouse: !options.denied('mouse'),
    ...(strip === undefined ? {} : { strip }),
  });
}
