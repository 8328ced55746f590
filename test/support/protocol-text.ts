/**
 * The examples of PROTOCOL.md, as bytes.
 *
 * Shape   `blocks(kind)` are the texts between a line of three backticks with that word and the next one; hex may be broken by spaces and lines, and
 *         `a1*426` stands for 426 times a1.
 * @module
 */
import { readFileSync } from 'node:fs';

export const protocolText = readFileSync(new URL('../../daemon/wire/PROTOCOL.md', import.meta.url), 'utf8');

export function blocks(kind: string): string[] {
  return [...protocolText.matchAll(new RegExp(`\`\`\`${kind}\\n([\\s\\S]*?)\`\`\``, 'g'))].map((match) => match[1]!);
}

export function bytesOf(hex: string): Uint8Array {
  const parts = hex
    .trim()
    .split(/\s+/)
    .map((word) => {
      const run = /^([0-9a-f]{2})\*([0-9]+)$/.exec(word);
      return run === null ? word : run[1]!.repeat(Number(run[2]));
    });
  return Uint8Array.from(Buffer.from(parts.join(''), 'hex'));
}

/** "name value" lines. */
export function linesOf(block: string): [name: string, bytes: Uint8Array][] {
  return block
    .trim()
    .split('\n')
    .map((line) => {
      const [name, ...rest] = line.split(/\s+/);
      return [name!, bytesOf(rest.join(' '))];
    });
}

/** A name on a line of its own, then its bytes on the lines that follow. */
export function paragraphsOf(block: string): Record<string, Uint8Array> {
  const parts = block.trim().split(/^([a-z]+)$/m);
  const entries: [string, Uint8Array][] = [];
  for (let i = 1; i < parts.length; i += 2) entries.push([parts[i]!, bytesOf(parts[i + 1]!)]);
  return Object.fromEntries(entries);
}

export function ascending(length: number, start: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (start + i) & 0xff);
}
