/**
 * The edge to the real terminal: blessed paints cells and reads keys, and nothing else of it is used.
 *
 * Shape   createTerminal(options) -> paint(rows), key, mouse and resize callbacks, leave/enter around a suspend, restore for good.
 * Unit    cells.
 * Errors  none of its own; the caller restores before it reports anything.
 * Why     each line of the set-up answers a fault of blessed 0.1.81: its reading of terminfo, its alternate character set, its mouse
 *         modes, its signal handlers. Cells are written into the screen's own grid: no content passes a parser, so nothing in it is obeyed.
 * Source  ux § 1.5; libraries § 10.
 * @module
 */
import createProgram, { type BlessedKey, type BlessedMouse } from 'blessed/lib/program.js';
import createScreen from 'blessed/lib/widgets/screen.js';
import type { Row } from './cells.ts';
import { type Attributes, attributesOf, type ColorCount, ROLES, type Role } from './theme.ts';

export interface TerminalOptions {
  readonly input: NodeJS.ReadableStream & { setRawMode?(raw: boolean): unknown };
  readonly output: NodeJS.WritableStream;
  /** What TERM says. */
  readonly term: string;
  readonly colors: ColorCount;
  readonly mouse: boolean;
  readonly onKey: (key: string, text: string | undefined) => void;
  readonly onMouse: (action: string, x: number, y: number) => void;
  readonly onResize: () => void;
}

export interface Terminal {
  readonly width: number;
  readonly height: number;
  paint(rows: readonly Row[]): void;
  /** Forgets what the terminal is believed to show; the next paint sends everything. */
  forget(): void;
  setMouse(on: boolean): void;
  /** Asks the terminal to put text on its clipboard (OSC 52), which shows it nowhere; false where that is not understood. */
  copy(text: string): boolean;
  /** Gives the terminal back for a while. */
  leave(): void;
  enter(): void;
  /** Gives it back for good. Twice does no harm. */
  restore(): void;
}

/** What a key may add to a search; blessed also hands over DEL and C0 as characters. */
const PRINTABLE = /^[ -~\u00a0-\ud7ff\ue000-\uffff]$/;

/** Only these are passed on to blessed: it misreads the descriptions of most others. */
export function terminalName(term: string): string {
  return term === 'linux' || term.startsWith('vt') ? term : 'xterm-256color';
}

/** blessed packs flags, foreground and background into one number; 0x1ff is the terminal's own colour. */
export function packAttributes({ fg, bold, underline, reverse }: Attributes): number {
  const flags = (bold ? 1 : 0) | (underline ? 2 : 0) | (reverse ? 8 : 0);
  return (flags << 18) | ((fg < 0 ? 0x1ff : fg) << 9) | 0x1ff;
}

export function createTerminal(options: TerminalOptions): Terminal {
  const { input, output } = options;
  const program = createProgram({
    input,
    output,
    terminal: terminalName(options.term),
    tput: true,
    buffer: true,
    zero: true,
  });
  // Decided by us from the environment and the flags, not by blessed from terminfo.
  program.tput.colors = options.colors === 0 ? 8 : options.colors;
  program.tput.brokenACS = true;
  program.tput.unicode = true;
  const ownSignals = blockSignalHandlers();
  const screen = createScreen({ program, tags: false });
  ownSignals();
  const attributes = new Map<Role, number>(
    ROLES.map((role) => [role, packAttributes(attributesOf(role, options.colors))]),
  );
  let mouse = false;
  let restored = false;
  let away = false;

  program.on('keypress', (character: string | undefined, key: BlessedKey) => {
    const text = character !== undefined && PRINTABLE.test(character) && key.meta !== true ? character : undefined;
    const name = keyName(key, text);
    if (name !== undefined) options.onKey(name, text);
  });
  program.on('mouse', (event: BlessedMouse) => options.onMouse(event.action, event.x, event.y));
  program.on('resize', () => options.onResize());

  function setMouse(on: boolean): void {
    if (on === mouse) return;
    mouse = on;
    program.setMouse({ vt200Mouse: on, sgrMouse: on }, on);
    program.flush();
  }
  setMouse(options.mouse);
  program.flush();

  return {
    get width() {
      return Math.max(1, screen.cols || 1);
    },
    get height() {
      return Math.max(1, screen.rows || 1);
    },
    paint(rows) {
      if (away || restored) return;
      for (const [y, row] of rows.entries()) {
        const line = screen.lines[y];
        if (line === undefined) break;
        for (const [x, character] of row.characters.entries()) {
          const cell = line[x];
          if (cell === undefined) break;
          const packed = attributes.get(row.roles[x]!)!;
          if (cell[0] === packed && cell[1] === character) continue;
          cell[0] = packed;
          cell[1] = character;
          line.dirty = true;
        }
      }
      screen.draw(0, screen.lines.length - 1);
      program.flush();
    },
    forget() {
      screen.alloc();
      program.flush();
    },
    setMouse,
    copy(text) {
      if (terminalName(options.term) !== 'xterm-256color' || away || restored) return false;
      output.write(`\x1b]52;c;${Buffer.from(text).toString('base64')}\x07`);
      return true;
    },
    leave() {
      if (away || restored) return;
      away = true;
      const wanted = mouse;
      setMouse(false);
      mouse = wanted;
      screen.leave();
      input.setRawMode?.(false);
      input.pause();
    },
    enter() {
      if (!away || restored) return;
      away = false;
      input.setRawMode?.(true);
      input.resume();
      screen.enter();
      const wanted = mouse;
      mouse = false;
      setMouse(wanted);
    },
    restore() {
      if (restored) return;
      restored = true;
      if (!away) setMouse(false);
      screen.destroy();
    },
  };
}

/** blessed would end the process with 0 on SIGTERM and print on an exception: it must not get to listen for either. */
function blockSignalHandlers(): () => void {
  const events = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'uncaughtException'];
  const before = new Map(events.map((event) => [event, new Set(process.listeners(event as 'SIGTERM'))]));
  return () => {
    for (const event of events) {
      for (const listener of process.listeners(event as 'SIGTERM')) {
        if (before.get(event)?.has(listener) === false) process.removeListener(event, listener);
      }
    }
  };
}

/** Printable keys by their character, others by blessed's name; undefined for the second report of one Enter. */
function keyName(key: BlessedKey, text: string | undefined): string | undefined {
  if (key.full === 'return') return undefined;
  if (key.full === 'linefeed') return 'enter';
  if (text === ' ') return 'space';
  return text ?? key.full;
}
