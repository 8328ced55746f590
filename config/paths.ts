/**
 * Where everything is: XDG directories, or all in one directory with `--home` / HOLLOWAY_HOME.
 *
 * Shape   resolvePaths only computes; prepareSockets (daemon) makes directories; findSocket (clients) looks.
 * Unit    socket paths are measured in bytes: at most SOCKET_PATH_BYTES_MAX.
 * Errors  PathError when a directory cannot be made, or is not ours alone.
 * Why     the kernel cuts off long Unix socket paths (108 bytes on Linux, fewer elsewhere), and test homes are often deep. Then the
 *         sockets move to a fresh directory under the system's temporary one. Its name is random and stands in `api.path`
 *         inside the home (as the path of api.sock), so that nobody can take the name before us; mode and owner are checked at both ends.
 * Source  ux § 4 "Files", design § 11.
 * @module
 */
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

export const SOCKET_PATH_BYTES_MAX = 100;

/** A directory that cannot be used; `message` names it and says why. */
export class PathError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'PathError';
  }
}

export interface Paths {
  /** Undefined with XDG directories. */
  readonly home: string | undefined;
  readonly configFile: string;
  /** Keys and blocks. */
  readonly dataDir: string;
  readonly stateDir: string;
  readonly lockFile: string;
  readonly logFile: string;
  /** What a daemon that did not end by itself left behind. */
  readonly crashFile: string;
  readonly devnetDir: string;
  /** Wanted directory of api.sock and ro.sock. */
  readonly socketDir: string;
  /** Holds the path of api.sock when the wanted one is too long. */
  readonly socketDirFile: string;
}

export interface Sockets {
  readonly api: string;
  readonly readOnly: string;
}

export function resolvePaths(home: string | undefined, env: Readonly<Record<string, string | undefined>>): Paths {
  const chosen = home ?? (env.HOLLOWAY_HOME || undefined);
  if (chosen !== undefined) {
    const dir = resolve(chosen);
    return {
      home: dir,
      configFile: join(dir, 'config.toml'),
      dataDir: dir,
      stateDir: dir,
      lockFile: join(dir, 'daemon.lock'),
      logFile: join(dir, 'daemon.log'),
      crashFile: join(dir, 'crash.json'),
      devnetDir: join(dir, 'devnet'),
      socketDir: dir,
      socketDirFile: join(dir, 'api.path'),
    };
  }
  const user = env.HOME || homedir();
  const xdg = (name: string, fallback: string): string => {
    const value = env[name];
    // The specification says: a relative path here is to be ignored.
    return join(value?.startsWith('/') ? value : join(user, fallback), 'holloway');
  };
  const stateDir = xdg('XDG_STATE_HOME', '.local/state');
  const runtime = env.XDG_RUNTIME_DIR;
  return {
    home: undefined,
    configFile: join(xdg('XDG_CONFIG_HOME', '.config'), 'config.toml'),
    dataDir: xdg('XDG_DATA_HOME', '.local/share'),
    stateDir,
    lockFile: join(stateDir, 'daemon.lock'),
    logFile: join(stateDir, 'daemon.log'),
    crashFile: join(stateDir, 'crash.json'),
    devnetDir: join(stateDir, 'devnet'),
    socketDir: runtime?.startsWith('/') ? join(runtime, 'holloway') : stateDir,
    socketDirFile: join(stateDir, 'api.path'),
  };
}

/** Daemon side: makes the directories (0700) and says where to bind. */
export function prepareSockets(paths: Paths): Sockets {
  for (const dir of [paths.dataDir, paths.stateDir, paths.socketDir]) makePrivateDirectory(dir);
  const wanted = socketsIn(paths.socketDir);
  if (fits(wanted)) {
    rmSync(paths.socketDirFile, { force: true });
    return wanted;
  }
  const kept = readSocketDir(paths);
  if (kept !== undefined) return socketsIn(kept);
  const dir = mkdtempSync(join(tmpdir(), 'holloway-')); // mode 0700 by definition
  const sockets = socketsIn(dir);
  if (!fits(sockets)) throw new PathError(`the temporary directory has too long a path for a socket: ${dir}`);
  writeFileSync(`${paths.socketDirFile}.new`, `${sockets.api}\n`, { mode: 0o600 });
  renameSync(`${paths.socketDirFile}.new`, paths.socketDirFile);
  return sockets;
}

/** Client side: where a daemon with these paths listens, if it runs. */
export function findSockets(paths: Paths): Sockets {
  const wanted = socketsIn(paths.socketDir);
  if (fits(wanted)) return wanted;
  const dir = readSocketDir(paths);
  return dir === undefined ? wanted : socketsIn(dir);
}

/** Makes it 0700, or checks that nobody else can look into what is there: keys lie in it. */
export function makePrivateDirectory(dir: string): void {
  try {
    makeDirectories(dir);
  } catch (error) {
    throw new PathError(`${dir} cannot be made (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`, {
      cause: error,
    });
  }
  if (isEmptyAndOurs(dir)) chmodSync(dir, 0o700);
  if (!isPrivateDirectory(dir)) throw new PathError(`${dir} is not a directory of yours alone: chmod 700 it`);
  try {
    accessSync(dir, constants.W_OK | constants.X_OK);
  } catch (error) {
    // A disk that is read-only for everybody is not the directory's fault, and has its own error.
    if ((error as NodeJS.ErrnoException).code === 'EACCES')
      throw new PathError(`${dir} cannot be written: chmod 700 it`);
  }
}

/** One at a time: mkdir's own `recursive` never returns where even root may make nothing, as under /proc. */
function makeDirectories(dir: string): void {
  const missing: string[] = [];
  for (let at = dir; !existsSync(at) && dirname(at) !== at; at = dirname(at)) missing.unshift(at);
  for (const path of missing) {
    try {
      mkdirSync(path, { mode: 0o700 });
    } catch (error) {
      // Somebody else made it a moment ago.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

/** A directory somebody made for us with plain mkdir: nothing in it yet, so closing it harms nobody. */
function isEmptyAndOurs(dir: string): boolean {
  const stat = lstatSync(dir, { throwIfNoEntry: false });
  const ours = stat?.isDirectory() === true && (process.getuid === undefined || stat.uid === process.getuid());
  return ours && readdirSync(dir).length === 0;
}

function isPrivateDirectory(dir: string): boolean {
  const stat = lstatSync(dir, { throwIfNoEntry: false });
  if (stat === undefined || !stat.isDirectory()) return false;
  const ours = process.getuid === undefined || stat.uid === process.getuid();
  return ours && (process.platform === 'win32' || (stat.mode & 0o077) === 0);
}

function readSocketDir(paths: Paths): string | undefined {
  let dir: string;
  try {
    dir = dirname(readFileSync(paths.socketDirFile, 'utf8').trim());
  } catch {
    return undefined;
  }
  return dir.startsWith('/') && isPrivateDirectory(dir) ? dir : undefined;
}

function socketsIn(dir: string): Sockets {
  return { api: join(dir, 'api.sock'), readOnly: join(dir, 'ro.sock') };
}

function fits(sockets: Sockets): boolean {
  return Buffer.byteLength(sockets.api) <= SOCKET_PATH_BYTES_MAX;
}
