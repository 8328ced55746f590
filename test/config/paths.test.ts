import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { findSockets, PathError, prepareSockets, resolvePaths, SOCKET_PATH_BYTES_MAX } from '../../config/paths.ts';

function temporary(t: ExecutionContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'holloway-paths-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  return dir;
}

test('resolvePaths: one home holds everything, and --home wins over HOLLOWAY_HOME', (t) => {
  const paths = resolvePaths('/h/a', { HOLLOWAY_HOME: '/h/b' });
  t.is(paths.configFile, '/h/a/config.toml');
  t.is(paths.dataDir, '/h/a');
  t.is(paths.socketDir, '/h/a');
  t.is(resolvePaths(undefined, { HOLLOWAY_HOME: '/h/b' }).lockFile, '/h/b/daemon.lock');
});

test('resolvePaths: XDG directories, relative ones ignored, state when there is no runtime directory', (t) => {
  const paths = resolvePaths(undefined, { HOME: '/u', XDG_CONFIG_HOME: '/c', XDG_DATA_HOME: 'relative' });
  t.is(paths.configFile, '/c/holloway/config.toml');
  t.is(paths.dataDir, '/u/.local/share/holloway');
  t.is(paths.socketDir, '/u/.local/state/holloway');
  t.is(resolvePaths(undefined, { HOME: '/u', XDG_RUNTIME_DIR: '/run/1' }).socketDir, '/run/1/holloway');
});

test('prepareSockets makes the home 0700 and binds inside it', (t) => {
  const paths = resolvePaths(join(temporary(t), 'home'), {});
  const sockets = prepareSockets(paths);
  t.is(sockets.api, join(paths.socketDir, 'api.sock'));
  t.is(statSync(paths.dataDir).mode & 0o777, 0o700);
  t.deepEqual(findSockets(paths), sockets);
});

test('prepareSockets: a path over the limit moves to a private directory that clients find again', (t) => {
  const paths = resolvePaths(join(temporary(t), 'x'.repeat(SOCKET_PATH_BYTES_MAX)), {});
  const sockets = prepareSockets(paths);
  const dir = join(sockets.api, '..');
  t.teardown(() => rmSync(dir, { recursive: true }));
  t.true(Buffer.byteLength(sockets.api) <= SOCKET_PATH_BYTES_MAX);
  t.is(statSync(dir).mode & 0o777, 0o700);
  t.deepEqual(findSockets(paths), sockets);
  t.deepEqual(prepareSockets(paths), sockets, 'the same directory after a restart');
  chmodSync(dir, 0o755);
  t.notDeepEqual(findSockets(paths), sockets, 'a directory open to others is not trusted');
});

test('prepareSockets refuses a home that others can read, unless it is empty', (t) => {
  const home = join(temporary(t), 'home');
  mkdirSync(home, { mode: 0o755 });
  prepareSockets(resolvePaths(home, {}));
  t.is(statSync(home).mode & 0o777, 0o700);
  chmodSync(home, 0o755);
  writeFileSync(join(home, 'something'), '');
  t.throws(() => prepareSockets(resolvePaths(home, {})), { instanceOf: PathError, message: /chmod 700/ });
});

test('prepareSockets refuses a home that is a file', (t) => {
  const file = join(temporary(t), 'file');
  writeFileSync(file, '');
  t.throws(() => prepareSockets(resolvePaths(file, {})), { instanceOf: PathError });
});

test('prepareSockets: where nothing can be made, or nothing written, it says so and does not hang', (t) => {
  if (process.platform !== 'linux') return t.pass();
  t.throws(() => prepareSockets(resolvePaths('/proc/no/such/home', {})), {
    instanceOf: PathError,
    message: /cannot be made/,
  });
  if (process.getuid?.() === 0) return; // root may write anywhere
  const home = mkdtempSync(join(tmpdir(), 'hw-paths-'));
  writeFileSync(join(home, 'something'), '');
  chmodSync(home, 0o500);
  t.teardown(() => {
    chmodSync(home, 0o700);
    rmSync(home, { recursive: true, force: true });
  });
  t.throws(() => prepareSockets(resolvePaths(home, {})), { instanceOf: PathError, message: /cannot be written/ });
});
