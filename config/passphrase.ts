/**
 * A passphrase from where the owner keeps it: a file only he can read, or stdin.
 *
 * Shape   the first line, without its end, in NFC as UTF-8.
 * Errors  ConfigError: the file cannot be read, others can read it, or the line is empty. The text of a passphrase is in
 *         no message.
 * Why     never in the configuration itself, which is printed, and never in an argument or the environment, which `ps` shows.
 * @module
 */
import { closeSync, constants, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { ConfigError } from './schema.ts';

const LINE_BYTES_MAX = 4_096;
const READABLE_BY_OTHERS = 0o077;

/** @param path as in store.passphrase_file; empty: none */
export function readPassphrase(path: string): Uint8Array | undefined {
  if (path === '') return undefined;
  return usable(path === '-' ? firstLine(0) : readPrivateFile(path, 'store.passphrase_file'), 'store.passphrase_file');
}

/** @param path as in gateway.token_file; empty: none */
export function readAccessToken(path: string): string | undefined {
  if (path === '') return undefined;
  return new TextDecoder().decode(usable(readPrivateFile(path, 'gateway.token_file'), 'gateway.token_file'));
}

function readPrivateFile(path: string, key: FileKey): string {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY);
  } catch (error) {
    throw mistake(key, `${path} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  try {
    if (process.platform !== 'win32' && (fstatSync(fd).mode & READABLE_BY_OTHERS) !== 0) {
      throw mistake(key, `others can read ${path}: chmod 600 it`);
    }
    return readFileSync(fd, 'utf8').split('\n')[0]!;
  } finally {
    closeSync(fd);
  }
}

/** A line and no byte more: what follows it is not ours. */
function firstLine(fd: number): string {
  const bytes: number[] = [];
  const one = new Uint8Array(1);
  while (bytes.length < LINE_BYTES_MAX) {
    let count = 0;
    try {
      count = readSync(fd, one);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') continue;
      throw mistake('store.passphrase_file', `stdin cannot be read (${(error as NodeJS.ErrnoException).code})`);
    }
    if (count === 0 || one[0] === 0x0a) break;
    bytes.push(one[0]!);
  }
  return Buffer.from(bytes).toString('utf8');
}

function usable(line: string, key: FileKey): Uint8Array {
  const text = line.replace(/\r$/, '').normalize('NFC');
  if (text === '') throw mistake(key, 'it is empty');
  return new TextEncoder().encode(text);
}

type FileKey = 'store.passphrase_file' | 'gateway.token_file';

function mistake(key: FileKey, message: string): ConfigError {
  return new ConfigError(key, message, key);
}
