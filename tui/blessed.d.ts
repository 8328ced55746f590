/**
 * The parts of blessed 0.1.81 that the terminal uses, by the paths it imports them by (the package's own types cover only its index).
 * @module
 */
declare module 'blessed/lib/program.js' {
  import type { EventEmitter } from 'node:events';

  export interface BlessedKey {
    readonly full: string;
    readonly name?: string;
    readonly ctrl?: boolean;
    readonly meta?: boolean;
  }
  export interface BlessedMouse {
    readonly action: string;
    readonly x: number;
    readonly y: number;
  }
  export interface Tput {
    colors: number;
    brokenACS: boolean;
    unicode: boolean;
  }
  export interface Program extends EventEmitter {
    readonly tput: Tput;
    readonly cols: number;
    readonly rows: number;
    setMouse(modes: { vt200Mouse: boolean; sgrMouse: boolean }, enable: boolean): void;
    flush(): void;
    destroy(): void;
    setupTput(): void;
  }
  export default function createProgram(options: {
    readonly input: NodeJS.ReadableStream;
    readonly output: NodeJS.WritableStream;
    readonly terminal: string;
    readonly tput: boolean;
    readonly buffer: boolean;
    readonly zero: boolean;
  }): Program;
}

declare module 'blessed/lib/widgets/screen.js' {
  import type { EventEmitter } from 'node:events';
  import type { Program } from 'blessed/lib/program.js';

  /** One cell: packed attributes, character. */
  export type BlessedCell = [number, string];
  export interface Screen extends EventEmitter {
    readonly lines: (BlessedCell[] & { dirty: boolean })[];
    readonly cols: number;
    readonly rows: number;
    draw(first: number, last: number): void;
    alloc(): void;
    enter(): void;
    leave(): void;
    destroy(): void;
  }
  export default function createScreen(options: { readonly program: Program; readonly tags: false }): Screen;
}
