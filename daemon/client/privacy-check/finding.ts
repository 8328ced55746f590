/**
 * What a file says about its author besides its content.
 * @module
 */

export interface Finding {
  readonly kind: 'position' | 'device' | 'author' | 'time' | 'software' | 'comment' | 'path' | 'leftover' | 'metadata';
  /** Completes "the file carries ...". Never holds the value itself: it may end up in a log or on somebody's screen. */
  readonly what: string;
}

/** The same kind and words are said once. */
export class Findings {
  readonly #found = new Map<string, Finding>();

  add(kind: Finding['kind'], what: string): void {
    this.#found.set(`${kind} ${what}`, { kind, what });
  }

  get list(): readonly Finding[] {
    return [...this.#found.values()];
  }
}

export function ascii(bytes: Uint8Array, from: number, to: number): string {
  return String.fromCharCode(...bytes.subarray(from, Math.min(to, bytes.length)));
}

export function startsWith(bytes: Uint8Array, text: string, at = 0): boolean {
  return ascii(bytes, at, at + text.length) === text;
}
