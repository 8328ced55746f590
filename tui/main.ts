/**
 * The dashboard: ties the line to the daemon, the model, the drawing and the terminal together.
 *
 * Shape   runDashboard(options) -> exit code: 0, or 128 + signal. It resolves once the terminal is as it was before.
 * Unit    refreshMs 200..10,000.
 * Errors  rejects with whatever escaped, after the terminal was restored.
 * Why     the terminal is restored before anything else happens, whichever way it ends; quitting never stops the daemon.
 * Source  ux §§ 1.1, 1.5 items 6 and 7.
 * @module
 */
import { constants } from 'node:os';
import { type Actions, createActions } from './actions.ts';
import { createControlClient } from './control-client.ts';
import { draw, drawFrame } from './draw.ts';
import { type KeyRow, TABS, type TabId } from './keymap.ts';
import { createModel, looksOf, type Model, type ModelEvent, step } from './model.ts';
import { createTerminal, type Terminal } from './terminal.ts';
import type { ColorCount } from './theme.ts';

export type ColorChoice = 'auto' | 'always' | 'never' | '16' | '256';

export interface DashboardOptions {
  readonly socketPath: string;
  readonly readOnly: boolean;
  readonly ascii: boolean;
  readonly color: ColorChoice;
  readonly refreshMs: number;
  /** Name or number of the tab to open first. */
  readonly tab?: string | undefined;
  readonly mouse?: boolean | undefined;
  /** A line of the caller's above every tab, such as the demo's. */
  readonly strip?: (() => string) | undefined;
  readonly keymap?: readonly KeyRow[] | undefined;
  /** The program and first words that run the command line again, for `:` commands that are its own. */
  readonly shell?: readonly string[] | undefined;
}

const FATAL_SIGNALS = ['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGQUIT'] as const;
const DOUBLE_CLICK_MS = 400;
/** A stop that the shell does not take (no job control) is over after this long. */
const STOP_IGNORED_MS = 200;

export async function runDashboard(options: DashboardOptions): Promise<number> {
  const { stdin, stdout, env } = process;
  const refusal = refusalOf(stdin.isTTY && stdout.isTTY, env);
  if (refusal !== undefined) {
    process.stderr.write(`${refusal}\n`);
    return 0;
  }
  return new Promise<number>((resolve, reject) => {
    const ascii = options.ascii || !speaksUtf8(env);
    const drawing = { ascii };
    let model: Model = createModel({
      readOnly: options.readOnly,
      strip: options.strip?.(),
      tab: tabOf(options.tab),
      refreshMs: options.refreshMs,
      mouse: options.mouse ?? true,
      ...(options.keymap === undefined ? {} : { keymap: options.keymap }),
      nowMs: Date.now(),
      offsetMinutes: -new Date().getTimezoneOffset(),
      width: stdout.columns,
      height: stdout.rows,
    });
    let lastClick = { x: -1, y: -1, atMs: 0 };
    let ended = false;
    const off: (() => void)[] = [];

    const terminal: Terminal = createTerminal({
      input: stdin,
      output: stdout,
      term: env.TERM ?? '',
      colors: colorsOf(options.color, env),
      mouse: model.mouse,
      onKey: (key, text) => handle({ type: 'key', key, nowMs: Date.now(), ...(text === undefined ? {} : { text }) }),
      onMouse,
      onResize: () => handle({ type: 'resize', width: terminal.width, height: terminal.height, nowMs: Date.now() }),
    });

    function end(outcome: { readonly code: number } | { readonly error: unknown }): void {
      if (ended) return;
      ended = true;
      terminal.restore();
      client.close();
      actions.close();
      clearInterval(ticking);
      for (const undo of off) undo();
      if ('code' in outcome) resolve(outcome.code);
      else reject(outcome.error);
    }

    function listen(event: string, handler: (value: unknown) => void): void {
      process.on(event, handler);
      off.push(() => process.off(event, handler));
    }

    function paint(): void {
      const { width, height } = terminal;
      if (options.strip !== undefined) model = { ...model, strip: options.strip() };
      terminal.paint(draw(model, width, height, drawing));
    }

    function handle(event: ModelEvent): void {
      if (ended) return;
      const [next, wanted] = step(model, event);
      model = next;
      for (const effect of wanted) {
        if (typeof effect === 'string') effects[effect]();
        else actions.run(effect);
      }
      if (!ended) paint();
      if (!ended && event.type === 'feed') actions.look(looksOf(model));
    }

    const effects = {
      quit: () => end({ code: 0 }),
      redraw: () => terminal.forget(),
      suspend,
      reconnect: () => client.retry(),
      refresh: () => client.setRefresh(model.refreshMs, model.window),
      mouse: () => terminal.setMouse(model.mouse),
    };

    function onMouse(action: string, x: number, y: number): void {
      const nowMs = Date.now();
      if (action === 'wheelup' || action === 'wheeldown') {
        handle({ type: 'key', key: action === 'wheelup' ? 'up' : 'down', nowMs });
        return;
      }
      if (action !== 'mousedown') return;
      const { hits } = drawFrame(model, terminal.width, terminal.height, drawing);
      const hit = hits.findLast((one) => x >= one.x && x < one.x + one.width && y >= one.y && y < one.y + one.height);
      const twice = lastClick.x === x && lastClick.y === y && nowMs - lastClick.atMs < DOUBLE_CLICK_MS;
      lastClick = { x, y, atMs: nowMs };
      if (hit !== undefined) handle({ type: 'click', target: hit.action, twice, nowMs });
    }

    /** As the shell expects it: the whole job stops by the default action, and comes back through SIGCONT. */
    function suspend(): void {
      terminal.leave();
      process.off('SIGTSTP', suspend);
      process.kill(0, 'SIGTSTP');
      setTimeout(resume, STOP_IGNORED_MS);
    }

    function resume(): void {
      if (ended) return;
      if (!process.listeners('SIGTSTP').includes(suspend)) process.on('SIGTSTP', suspend);
      terminal.enter();
      paint();
    }

    const client = createControlClient({
      socketPath: options.socketPath,
      refreshMs: options.refreshMs,
      onEvent: (event) => handle({ type: 'feed', event, nowMs: Date.now() }),
    });
    const actions: Actions = createActions({
      socketPath: options.socketPath,
      tell: handle,
      toClipboard: (text) => terminal.copy(text),
      nowMs: Date.now,
      ...(options.shell === undefined ? {} : { shell: options.shell }),
    });
    if (model.tab === 'config' && !model.readOnly) actions.run({ type: 'config' });
    for (const signal of FATAL_SIGNALS) listen(signal, () => end({ code: 128 + constants.signals[signal] }));
    listen('SIGTSTP', suspend);
    listen('SIGCONT', resume);
    listen('uncaughtException', (error) => end({ error }));
    off.push(() => process.off('SIGTSTP', suspend));
    // The daemon's events move the picture; this moves what it cannot: count-downs, and notices that grow old.
    const ticking = setInterval(() => {
      if (model.connection.type !== 'live' || model.notice !== undefined || model.revealed !== undefined)
        handle({ type: 'tick', nowMs: Date.now() });
    }, 1_000);
    paint();
  });
}

/** Why there can be no dashboard here, in one sentence; undefined when there can. */
export function refusalOf(isTerminal: boolean, env: NodeJS.ProcessEnv): string | undefined {
  if (!isTerminal) return 'The dashboard needs a terminal on both ends. Without one: holloway status --watch';
  if (env.TERM === 'dumb') return 'This terminal (TERM=dumb) cannot place text. Instead: holloway status --watch';
  return undefined;
}

/** How many colours to ask for. NO_COLOR goes before FORCE_COLOR, the flag before both. */
export function colorsOf(choice: ColorChoice, env: NodeJS.ProcessEnv): ColorCount {
  const term = env.TERM ?? '';
  const capable: ColorCount =
    term === 'linux' || term.startsWith('vt') ? 8 : /16color|^xterm-color$/.test(term) ? 16 : 256;
  if (choice === 'never') return 0;
  if (choice === '16') return 16;
  if (choice === '256') return 256;
  if (choice === 'always') return capable;
  if ((env.NO_COLOR ?? '') !== '') return 0;
  const forced = env.FORCE_COLOR;
  if (forced === '0' || forced === 'false') return 0;
  if (forced === '1') return 16;
  if (forced === '2' || forced === '3') return 256;
  return term.startsWith('vt') ? 0 : capable;
}

/** The locale decides, as it does for every other program: LC_ALL before LC_CTYPE before LANG. */
export function speaksUtf8(env: NodeJS.ProcessEnv): boolean {
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG || '';
  return /utf-?8/i.test(locale);
}

export function tabOf(text: string | undefined): TabId | undefined {
  return TABS.find(({ id, key }) => text === id || text === key)?.id;
}
