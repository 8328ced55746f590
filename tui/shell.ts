/**
 * Commands of the command line, run beside the dashboard: what they print becomes lines to read.
 *
 * Unit    at most OUTPUT_BYTES_MAX are kept; after SHELL_MS it is ended.
 * Errors  none: how it ended is the last line.
 * Why     one command line and not two. Keys, addresses and paths in what it prints are hidden like everywhere else; nothing is read from the keyboard.
 * @module
 */
import { spawn } from 'node:child_process';
import { hiddenText } from './commands.ts';

const OUTPUT_BYTES_MAX = 256 * 1024;
const SHELL_MS = 120_000;

export function runShell(words: readonly string[], signal: AbortSignal): Promise<readonly string[]> {
  const [program = '', ...rest] = words;
  return new Promise((resolve) => {
    const child = spawn(program, rest, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1' },
      signal: AbortSignal.any([signal, AbortSignal.timeout(SHELL_MS)]), // its timer keeps nobody from leaving
    });
    const parts: Buffer[] = [];
    let kept = 0;
    const keep = (part: Buffer): void => {
      if (kept < OUTPUT_BYTES_MAX) parts.push(part);
      kept += part.length;
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', (error) =>
      resolve([`it could not be run: ${(error as NodeJS.ErrnoException).code ?? 'unknown'}`]),
    );
    child.on('close', (code) => {
      const text = Buffer.concat(parts).toString('utf8').trimEnd();
      const lines = text === '' ? [] : text.split('\n').map(hiddenText);
      resolve(
        code === 0 ? (lines.length === 0 ? ['done'] : lines) : [...lines, `(ended with code ${code ?? 'unknown'})`],
      );
    });
  });
}
