/**
 * The passphrase of the store as the configuration says: from its file, from a pipe, or typed by a person who does not see it.
 *
 * Errors  ConfigError as in config/passphrase.ts; Interrupted when Ctrl-C is typed instead.
 * @module
 */
import { readPassphrase } from '../../config/passphrase.ts';
import { LocalError } from '../errors.ts';
import { Interrupted } from './output.ts';

const CTRL_C = 3;
const CTRL_D = 4;
const BACKSPACE: readonly number[] = [8, 127];
const END_OF_LINE: readonly number[] = [10, 13];

/** @param path as in store.passphrase_file: empty for none, - for stdin */
export async function askPassphrase(path: string): Promise<Uint8Array | undefined> {
  if (path !== '-' || !process.stdin.isTTY) return readPassphrase(path);
  return new TextEncoder().encode((await promptUnseen('passphrase of the store: ')).normalize('NFC'));
}

/** What a person types on the terminal without seeing it. */
export async function promptUnseen(question: string): Promise<string> {
  process.stderr.write(question);
  const typed = await typedUnseen(process.stdin);
  process.stderr.write('\n');
  return typed;
}

/** The first line of a file that only its owner can read, or of stdin (-). */
export function readPassphraseFile(path: string): Uint8Array {
  const bytes = path === '' ? undefined : readPassphrase(path);
  if (bytes === undefined) throw new LocalError('usage', 'the name of the file is empty');
  return bytes;
}

function typedUnseen(terminal: NodeJS.ReadStream): Promise<string> {
  const bytes: number[] = [];
  return new Promise((resolve, reject) => {
    const finish = (): void => {
      terminal.setRawMode(false);
      terminal.pause();
      terminal.off('data', take);
    };
    const take = (chunk: Buffer): void => {
      for (const byte of chunk) {
        if (byte === CTRL_C) {
          finish();
          reject(new Interrupted('SIGINT'));
          return;
        }
        if (byte === CTRL_D || END_OF_LINE.includes(byte)) {
          finish();
          resolve(Buffer.from(bytes).toString('utf8'));
          return;
        }
        if (BACKSPACE.includes(byte)) bytes.pop();
        else bytes.push(byte);
      }
    };
    terminal.setRawMode(true);
    terminal.on('data', take);
    terminal.resume();
  });
}
