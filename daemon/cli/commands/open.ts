/**
 * `holloway open`: a document, or the gateway's home page, in a browser window that keeps no history.
 *
 * Shape   the first browser found that has a private mode is started on the gateway's address; with --print, or when there is none, the address
 *         is printed instead.
 * Errors  daemon_unreachable; usage when the gateway is off; bad_uri for what is no key.
 * Why     a browser's history is the one record of what was read that no daemon can avoid. A profile of its own, thrown away with the window, also
 *         keeps extensions and cookies of the ordinary web out.
 * Source  ux §§ 2.2, 3.5.
 * @module
 */
import { spawn } from 'node:child_process';
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Status } from '../../api/schema.ts';
import { LocalError } from '../../errors.ts';
import { type CommandRun, giveUpSignal } from '../context.ts';

/** Name -> arguments that make it private, with a profile in `dir`. */
const BROWSERS: readonly (readonly [string, (dir: string) => readonly string[]])[] = [
  ['firefox', (dir) => ['--no-remote', '--profile', dir, '--private-window']],
  ['librewolf', (dir) => ['--no-remote', '--profile', dir, '--private-window']],
  ['chromium', (dir) => [`--user-data-dir=${dir}`, '--no-first-run', '--incognito']],
  ['chromium-browser', (dir) => [`--user-data-dir=${dir}`, '--no-first-run', '--incognito']],
  ['google-chrome', (dir) => [`--user-data-dir=${dir}`, '--no-first-run', '--incognito']],
];
const KEY = /^(?:CHK|SSK|USK|KSK)@[^\s]+$/;

export const open: CommandRun = async (context, [given = '']) => {
  const { api, output, options } = context;
  const uri = given.replace(/^holloway:/, '');
  if (uri !== '' && !KEY.test(uri)) throw new LocalError('bad_uri', 'a key begins with CHK@, SSK@, USK@ or KSK@');
  const { node } = await api.get<Status>('/v1/status', giveUpSignal(context));
  if (node.gateway === null) {
    throw new LocalError(
      'usage',
      'the gateway is off: holloway config set gateway.listen 127.0.0.1:8888, then stop and start',
    );
  }
  const address = `http://${node.gateway}/${uri.replaceAll('#', '%23').replaceAll('?', '%3F')}`;
  const browser = options.flag('print') ? undefined : BROWSERS.find(([name]) => isInstalled(name));
  output.document({ v: 1, address, browser: browser?.[0] ?? null });
  if (browser === undefined) {
    output.line(address);
    if (!options.flag('print')) output.note('no browser with a private mode was found; open it in a private window');
    return 0;
  }
  const [name, argumentsOf] = browser;
  const dir = mkdtempSync(join(tmpdir(), 'holloway-browser-'));
  const child = spawn(name, [...argumentsOf(dir), address], { stdio: 'ignore' });
  output.note(`${name}, private, with a profile that goes when its window is closed`);
  try {
    await new Promise<void>((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', () => resolve());
      context.interrupted.addEventListener('abort', () => child.kill('SIGTERM'));
    });
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
  context.interrupted.throwIfAborted();
  return 0;
};

function isInstalled(name: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((dir) => {
    try {
      accessSync(join(dir, name), constants.X_OK);
      return dir !== '';
    } catch {
      return false;
    }
  });
}
