#!/usr/bin/env node
/**
 * The command. Plain JavaScript, because an old Node must be able to read it far enough to say what is wrong.
 *
 * Shape   on a new enough Node: the built files if there are any, else the sources. On an older one: the Node of this checkout
 *         (development dependency `node`), else one clear sentence and exit code 1.
 */
import { spawn } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NEEDED = [24, 12];

function newEnough(version) {
  const [major, minor] = version.split('.').map(Number);
  return major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1]);
}

function pathOf(relative) {
  return fileURLToPath(new URL(relative, import.meta.url));
}

/**
 * Keeps compiled code between starts: halves the time to start a daemon (measured: 610 ms to 280 ms).
 * Only in a directory of ours alone: what lies in a shared one, such as the temporary directory, somebody else could have put there.
 */
function keepCompiledCode() {
  const base = process.env.XDG_CACHE_HOME?.startsWith('/') ? process.env.XDG_CACHE_HOME : join(homedir(), '.cache');
  const directory = join(base, 'holloway', 'code');
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const { uid, mode } = lstatSync(directory);
    const isOurs = process.getuid === undefined || uid === process.getuid();
    if (isOurs && (mode & 0o022) === 0) nodeModule.enableCompileCache(directory);
  } catch {
    // No home, or a full or read-only disk: it starts all the same, a little later.
  }
}

/** Runs this file again under another Node, and is as transparent as a process can be. */
function runUnder(node) {
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', () => {
    console.error(tooOld());
    process.exit(1);
  });
  child.on('exit', (code, signal) => {
    process.exit(code ?? (signal === 'SIGINT' ? 130 : signal === 'SIGTERM' ? 143 : 1));
  });
}

function tooOld() {
  return `holloway: needs Node ${NEEDED.join('.')} or newer and this is ${process.versions.node}: install it from https://nodejs.org (or with nvm install 24), or run npm ci in a checkout, which brings its own.`;
}

if (newEnough(process.versions.node)) {
  keepCompiledCode();
  const built = pathOf('../../dist/daemon/cli/main.js');
  const source = pathOf('./main.ts');
  const { runAsCommand } = await import(existsSync(built) ? built : source);
  await runAsCommand();
} else {
  const own = pathOf('../../node_modules/.bin/node');
  if (existsSync(own) && !process.env.HOLLOWAY_REEXEC) {
    process.env.HOLLOWAY_REEXEC = '1'; // once: a wrong binary there must not call itself for ever
    runUnder(own);
  } else {
    console.error(tooOld());
    process.exitCode = 1;
  }
}
