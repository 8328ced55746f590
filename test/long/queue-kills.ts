/**
 * A hundred kills at random points of fetches and publishes of 200 MiB: of the command, of its daemon, with and without warning.
 *
 * Shape   kills are in turn: the command (kill -9), the daemon (kill -9), the daemon (asked to end). After each the same command is given
 *         again. Whatever ends well in between is compared, and the next transfer begins.
 * Unit    again: blocks that came in, or were acknowledged, over all lives, beyond those of the document; what was in flight at a kill is lost in
 *         any case. Read from the progress just before each kill.
 * Source  issue "Documents", Done 3: at most 2 % again.
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { QueueStatus } from '../../daemon/api/schema.ts';
import { apiOf, killNode, spawnNode, stopNode } from '../../daemon/devnet/processes.ts';
import { cli, type Devnet, ENTRY, startDevnet } from '../support/devnet.ts';
import { createSeededRandom } from '../support/seeded-random.ts';
import type { LongResult } from './run.ts';

const NODES = 10;
const BYTES = Number(process.env.LONG_BYTES ?? 200 * 1024 * 1024);
const KILLS = Number(process.env.LONG_KILLS ?? 100);
const AGAIN_MAX = 0.02;
const POLL_MS = 40;
/** Time with blocks on the move before a kill. */
const LIFE_MS = { min: 200, max: 2_500 };
const READY_MS = 60_000;

type Kind = 'fetch' | 'publish';

interface Tally {
  kills: number;
  finished: number;
  wrong: number;
  /** Blocks of the transfer, and those of them that came in or were inserted more than once. */
  readonly shares: { needed: number; again: number; kills: number }[];
}

export async function run(seed: number): Promise<LongResult> {
  const devnet = await startDevnet(NODES);
  try {
    const random = createSeededRandom(seed);
    const user = new User(devnet, random.fork('kills'));
    const file = join(devnet.dir, 'document');
    writeRandom(file, random);
    const wanted = await hashOf(file);

    const publishes = await user.killThrough('publish', Math.floor(KILLS / 2), async () => {
      // The same bytes under a new secret each time, so that nothing is there already.
      const uri = await user.untilDone(['publish', file], 'publish');
      return { uri, holds: true };
    });
    const uri = publishes.last ?? (await user.untilDone(['publish', file], 'publish'));
    const out = join(devnet.dir, 'out');
    const fetches = await user.killThrough('fetch', KILLS - publishes.tally.kills, async () => {
      rmSync(out, { force: true });
      await user.untilDone(['fetch', uri, '-o', out], 'fetch');
      return { uri, holds: (await hashOf(out)) === wanted && !existsSync(`${out}.part`) };
    });
    rmSync(out, { force: true });
    const whole = await cli(['fetch', uri, '-o', out, '--home', user.home, '--progress', 'none']);
    const published = whole.code === 0 && (await hashOf(out)) === wanted;

    const lines: string[] = [];
    let held = published;
    for (const [kind, { tally }] of [
      ['publish', publishes],
      ['fetch', fetches],
    ] as const) {
      const worst = Math.max(0, ...tally.shares.map(({ again, needed }) => again / needed));
      const all = tally.shares.reduce((sum, { again }) => sum + again, 0);
      const needed = tally.shares.reduce((sum, { needed: blocks }) => sum + blocks, 0);
      lines.push(
        `${kind}: ${tally.kills} kills in ${tally.finished} transfers of ${BYTES} bytes, ${tally.wrong} wrong; ` +
          `${all} of ${needed} blocks again (${((all / Math.max(1, needed)) * 100).toFixed(2)} %), worst transfer ${(worst * 100).toFixed(2)} %`,
      );
      held &&= tally.wrong === 0 && tally.finished > 0 && worst <= AGAIN_MAX;
    }
    lines.push(`what was published under kills is fetched whole: ${published}`);
    return { held, lines };
  } finally {
    await devnet.down();
  }
}

class User {
  readonly home: string;
  readonly #random: ReturnType<typeof createSeededRandom>;
  #tally: Tally | undefined;
  #killsLeft = 0;

  constructor(devnet: Devnet, random: ReturnType<typeof createSeededRandom>) {
    this.home = devnet.home(1);
    this.#random = random;
  }

  /** Transfers until so many kills have hit them. */
  async killThrough(
    kind: Kind,
    kills: number,
    transfer: () => Promise<{ readonly uri: string; readonly holds: boolean }>,
  ): Promise<{ tally: Tally; last: string | undefined }> {
    const tally: Tally = { kills: 0, finished: 0, wrong: 0, shares: [] };
    this.#tally = tally;
    this.#killsLeft = kills;
    let last: string | undefined;
    while (this.#killsLeft > 0 || tally.finished === 0) {
      const { uri, holds } = await transfer();
      last = uri;
      tally.finished++;
      if (!holds) tally.wrong++;
      console.error(
        `${kind}: ${tally.kills} kills, ${tally.finished} finished, ${JSON.stringify(tally.shares.at(-1))}`,
      );
    }
    this.#tally = undefined;
    return { tally, last };
  }

  /** The same command again and again, killed now and then; what it says on stdout at last. */
  async untilDone(args: readonly string[], kind: Kind): Promise<string> {
    const share = { needed: 0, again: 0, kills: 0 };
    let moved = 0;
    let key: string | undefined;
    for (let life = 0; ; life++) {
      const command = new Command([...args, '--home', this.home, '--progress', 'none']);
      const lifeMs = LIFE_MS.min + this.#random.unit() * (LIFE_MS.max - LIFE_MS.min);
      const seen = await this.#watch(command, kind, this.#killsLeft > 0 ? lifeMs : Number.POSITIVE_INFINITY);
      if (seen.uri !== undefined) {
        if (key !== undefined && key !== seen.uri) throw new Error('the key changed between two lives');
        key = seen.uri;
      }
      share.needed = Math.max(share.needed, seen.needed);
      if (command.exitCode !== undefined && !seen.killed) {
        if (command.exitCode !== 0 && life > KILLS * 2)
          throw new Error(`${args[0]} ended with ${command.exitCode}: ${command.stderr}`);
        if (command.exitCode === 0) {
          share.again = Math.max(0, moved + seen.moved - share.needed);
          this.#tally?.shares.push(share);
          return command.stdout.trim();
        }
        await pause(500); // the daemon has no circuits yet: the same command again
        continue;
      }
      share.kills++;
      const how = this.#tally === undefined ? 0 : this.#tally.kills % 3;
      if (how !== 0) moved += seen.moved; // without its command the daemon's run goes on, and so does its count
      await this.#kill(command, how);
    }
  }

  /** Until the command ends, or has lived for `lifeMs` with blocks on the move. */
  async #watch(command: Command, kind: Kind, lifeMs: number) {
    const seen = { moved: 0, needed: 0, uri: undefined as string | undefined, killed: false };
    let movingSinceMs: number | undefined;
    while (command.exitCode === undefined) {
      await pause(POLL_MS);
      const entry = await this.#entry(kind);
      if (entry === undefined) continue;
      const { transfer } = entry;
      const lost = kind === 'fetch' ? transfer.blocksInFlight + transfer.blocksMissed : 0;
      seen.moved = Math.max(seen.moved, (transfer.blocksAsked ?? 0) - lost);
      seen.needed = Math.max(seen.needed, transfer.blocksNeeded ?? 0);
      if (kind === 'publish' && entry.uri !== null) seen.uri = entry.uri;
      if (transfer.blocksInFlight > 0) movingSinceMs ??= performance.now();
      if (movingSinceMs !== undefined && performance.now() - movingSinceMs > lifeMs) {
        seen.killed = true;
        return seen;
      }
    }
    return seen;
  }

  async #entry(kind: Kind): Promise<QueueStatus | undefined> {
    try {
      const { entries } = await apiOf(this.home).get<{ entries: readonly QueueStatus[] }>('/v1/queue');
      return entries.find(({ transfer }) => transfer.kind === kind);
    } catch {
      return undefined;
    }
  }

  async #kill(command: Command, how: number): Promise<void> {
    if (this.#tally !== undefined) this.#tally.kills++;
    this.#killsLeft--;
    if (how === 1) killNode(this.home);
    else if (how === 2) await stopNode(this.home);
    command.kill();
    if (how === 0) return;
    const endMs = performance.now() + READY_MS;
    let node = spawnNode({ entry: ENTRY, home: this.home, lifeline: false });
    while (performance.now() < endMs) {
      if (node.exitCode !== undefined) node = spawnNode({ entry: ENTRY, home: this.home, lifeline: false }); // the lock of the dead one
      const ready = await apiOf(this.home)
        .get<{ circuits: { ready: number } }>('/v1/status')
        .then(({ circuits }) => circuits.ready > 0)
        .catch(() => false);
      if (ready) return;
      await pause(100);
    }
    throw new Error(`the daemon did not come back: ${readFileSync(join(this.home, 'log'), 'utf8').slice(-500)}`);
  }
}

class Command {
  exitCode: number | undefined;
  stdout = '';
  stderr = '';
  readonly #child: ChildProcess;

  constructor(args: readonly string[]) {
    this.#child = spawn(process.execPath, [ENTRY, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child.stdout?.on('data', (part: Buffer) => {
      this.stdout += part.toString();
    });
    this.#child.stderr?.on('data', (part: Buffer) => {
      this.stderr += part.toString();
    });
    this.#child.on('close', (code) => {
      this.exitCode = code ?? 137;
    });
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

function writeRandom(path: string, random: ReturnType<typeof createSeededRandom>): void {
  const piece = 4 * 1024 * 1024;
  writeFileSync(path, '');
  for (let at = 0; at < BYTES; at += piece) {
    writeFileSync(path, random.bytes(Math.min(piece, BYTES - at)), { flag: 'a' });
  }
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const part of createReadStream(path)) hash.update(part as Buffer);
  return hash.digest('hex');
}
