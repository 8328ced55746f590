/**
 * The datastore beside a raw file that does the same verification, hash and flush, in turns within one run.
 *
 * Shape   get: ours reads, deciphers, verifies; raw is pread + SHA-256. put (owned, 64 at once, one flush for all): ours hashes, enciphers,
 *         writes block and entry; raw is SHA-256 + pwrite, fdatasync per 64. mixed: seven gets to three puts. evicting: cached blocks
 *         into a full store, nothing flushed. Bare pread and pwrite are printed beside, without a bound. "at best" is the same race run by
 *         the raw file with nothing but OpenSSL's ChaCha20 between file and hash: what any store with this cipher could reach here.
 * Unit    blocks of 32 KiB; microseconds; MiB/s; a ratio is the median over rounds of ours / raw in blocks per second, for each round
 *         runs both, one straight after the other. The CPU ratio compares processor time alone: other processes do not weigh on it.
 * Why     on a shared machine only what was measured at the same time can be compared. Everything is in the system's cache: what the
 *         store itself costs shows best there.
 * @module
 */
import { execFileSync } from 'node:child_process';
import { hash, randomBytes } from 'node:crypto';
import { closeSync, fdatasyncSync, mkdtempSync, openSync, readSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createCrypto } from '../../crypto/engine.ts';
import { type BlockRef, KIND, ringLocation } from '../../daemon/ids.ts';
import { createDisk } from '../../daemon/io/disk.ts';
import { createSystemClock } from '../../daemon/io/system-clock.ts';
import { createSystemRandom } from '../../daemon/io/system-random.ts';
import { chkRoutingKey } from '../../daemon/keys/node-chk.ts';
import { verifyBlock } from '../../daemon/keys/verify.ts';
import { BLOCK_BYTES } from '../../daemon/limits.ts';
import type { Disk } from '../../daemon/ports.ts';
import { openStore } from '../../daemon/store/block-store.ts';
import { SLOT_COST_BYTES } from '../../daemon/store/slot-file.ts';
import type { ManagedStore } from '../../daemon/store/store-types.ts';
import type { Startup } from './store-startup.ts';

const MIB = 2 ** 20;
const SLOTS = 14_336;
/** Of the store that is filled ten times over. */
const FILL_SLOTS = 4_096;
const ROUNDS = 9;
/** Blocks of one measurement: short enough that both sides of a round meet the same weather. */
const PER_ROUND = 512;
const AT_ONCE = 64;
const FILL_TIMES = 10;
const STARTUP_BLOCKS = 1_000_000;
const GET_RATIO = 0.7;
const PUT_RATIO = 0.5;

const random = createSystemRandom();
const crypto = createCrypto({ engine: 'auto', randomBytes: (length) => random.bytes(length) });

interface Timed {
  readonly tookMs: number;
  readonly cpuMs: number;
  readonly eachUs: readonly number[];
}

/** @param where a directory on the disk to be measured; by default the system's temporary one */
export async function run(where = tmpdir()): Promise<void> {
  const dir = mkdtempSync(join(where, 'holloway-bench-store-'));
  try {
    console.log(`${new Date().toISOString().slice(0, 10)}, Node ${process.versions.node}; ${SLOTS} slots of 32 KiB`);
    await compare(dir);
    await fillTenTimes(join(dir, 'fill'));
    measureStartup(join(dir, 'startup'));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

// --- side by side ---

async function compare(dir: string): Promise<void> {
  const written = { bytes: 0 };
  const store = await open(join(dir, 'ours'), SLOTS, written);
  const raw = openRaw(join(dir, 'raw'));
  // Full from the start, as a store is for most of its life: what is put then takes the place of something cached.
  const cached: BlockRef[] = [];
  for (let i = 0; i < SLOTS; i += AT_ONCE) cached.push(...(await putMany(store, AT_ONCE, 'path')));
  for (let i = 0; i < SLOTS; i++) raw.put(i, freshBlock().bytes);
  raw.flush();
  const kept = cached.filter((ref) => store.has(ref));

  console.log(
    'load        ours blocks/s  MiB/s   p50 us   p99 us  CPU us   raw blocks/s  CPU us   ratio  CPU ratio  wanted',
  );
  await race('get', GET_RATIO, {
    ours: () => timeEach(PER_ROUND, () => store.get(kept[Math.floor(Math.random() * kept.length)]!)),
    raw: () => timeEach(PER_ROUND, () => raw.get(Math.floor(Math.random() * SLOTS))),
  });
  await race('get at best', GET_RATIO, {
    ours: () => timeEach(PER_ROUND, () => raw.getEnciphered(Math.floor(Math.random() * SLOTS))),
    raw: () => timeEach(PER_ROUND, () => raw.get(Math.floor(Math.random() * SLOTS))),
  });
  const before = written.bytes;
  const owned: BlockRef[] = [];
  await race('put', PUT_RATIO, {
    ours: () => timeBatches(async () => owned.push(...(await putMany(store, AT_ONCE, 'owner')))),
    raw: () =>
      timeBatches(() => {
        for (let i = 0; i < AT_ONCE; i++) raw.put(Math.floor(Math.random() * SLOTS), freshBlock().bytes);
        raw.flush();
      }),
  });
  await race('put at best', PUT_RATIO, {
    ours: () =>
      timeBatches(() => {
        for (let i = 0; i < AT_ONCE; i++) raw.putEnciphered(Math.floor(Math.random() * SLOTS), freshBlock().bytes);
        raw.flush();
      }),
    raw: () =>
      timeBatches(() => {
        for (let i = 0; i < AT_ONCE; i++) raw.put(Math.floor(Math.random() * SLOTS), freshBlock().bytes);
        raw.flush();
      }),
  });
  const { owner: stored } = store.stats().copies;
  const amplification = (written.bytes - before) / (stored * BLOCK_BYTES);
  await race('mixed', undefined, {
    ours: () =>
      timeBatches(async () => {
        const puts = putMany(store, Math.round(AT_ONCE * 0.3), 'owner');
        for (let i = 0; i < AT_ONCE * 0.7; i++) await store.get(owned[Math.floor(Math.random() * owned.length)]!);
        await puts;
      }),
    raw: () =>
      timeBatches(() => {
        for (let i = 0; i < AT_ONCE * 0.3; i++) raw.put(Math.floor(Math.random() * SLOTS), freshBlock().bytes);
        raw.flush();
        for (let i = 0; i < AT_ONCE * 0.7; i++) raw.get(Math.floor(Math.random() * SLOTS));
      }),
  });
  await race('evicting', undefined, {
    ours: () => timeBatches(() => putMany(store, AT_ONCE, 'path')),
    raw: () =>
      timeBatches(() => {
        for (let i = 0; i < AT_ONCE; i++) raw.put(Math.floor(Math.random() * SLOTS), freshBlock().bytes);
      }),
  });
  const scratch = new Uint8Array(BLOCK_BYTES);
  const bareRead = await timeEach(PER_ROUND * 4, () => raw.read(Math.floor(Math.random() * SLOTS), scratch));
  const bareWrite = await timeEach(PER_ROUND * 4, () => raw.write(Math.floor(Math.random() * SLOTS), scratch));
  console.log(`bare pread ${perSec(bareRead).toFixed(0)}/s, bare pwrite ${perSec(bareWrite).toFixed(0)}/s (no bound)`);
  console.log(
    `bytes written per byte put as owner: ${amplification.toFixed(3)} (${stored} of ${owned.length} were taken)`,
  );
  console.log(`resident after all this: ${(process.memoryUsage.rss() / MIB).toFixed(0)} MiB`);
  await store.close();
  raw.close();
}

async function race(
  name: string,
  wanted: number | undefined,
  sides: { ours: () => Promise<Timed>; raw: () => Promise<Timed> },
): Promise<void> {
  const ours: Timed[] = [];
  const raws: Timed[] = [];
  await sides.ours(); // both warm
  await sides.raw();
  for (let round = 0; round < ROUNDS; round++) {
    const order = round % 2 === 0 ? (['ours', 'raw'] as const) : (['raw', 'ours'] as const);
    for (const side of order) (side === 'ours' ? ours : raws).push(await sides[side]());
  }
  const ratio = median(ours.map((timed, round) => perSec(timed) / perSec(raws[round]!)));
  const speed = median(ours.map(perSec));
  const each = ours.flatMap(({ eachUs }) => eachUs).sort((a, b) => a - b);
  const columns = [
    name.padEnd(11),
    speed.toFixed(0).padStart(13),
    ((speed * BLOCK_BYTES) / MIB).toFixed(0).padStart(6),
    each[Math.floor(each.length * 0.5)]!.toFixed(0).padStart(8),
    each[Math.floor(each.length * 0.99)]!.toFixed(0).padStart(8),
    median(ours.map(cpuUs)).toFixed(0).padStart(7),
    median(raws.map(perSec)).toFixed(0).padStart(14),
    median(raws.map(cpuUs)).toFixed(0).padStart(7),
    ratio.toFixed(2).padStart(7),
    (median(raws.map(cpuUs)) / median(ours.map(cpuUs))).toFixed(2).padStart(10),
    wanted === undefined ? '' : ` >= ${wanted}: ${ratio >= wanted ? 'reached' : 'MISSED'}`,
  ];
  console.log(columns.join(' '));
}

async function timeEach(count: number, once: () => unknown): Promise<Timed> {
  const eachUs: number[] = [];
  const cpu = process.cpuUsage();
  const startedMs = performance.now();
  for (let i = 0; i < count; i++) {
    const atMs = performance.now();
    await once();
    eachUs.push((performance.now() - atMs) * 1_000);
  }
  return { tookMs: performance.now() - startedMs, cpuMs: cpuMsSince(cpu), eachUs };
}

/** AT_ONCE blocks at a time; what is told of each is its batch's time: they wait for one flush. */
async function timeBatches(once: () => unknown): Promise<Timed> {
  const eachUs: number[] = [];
  const cpu = process.cpuUsage();
  const startedMs = performance.now();
  for (let i = 0; i < PER_ROUND; i += AT_ONCE) {
    const atMs = performance.now();
    await once();
    for (let j = 0; j < AT_ONCE; j++) eachUs.push((performance.now() - atMs) * 1_000);
  }
  return { tookMs: performance.now() - startedMs, cpuMs: cpuMsSince(cpu), eachUs };
}

function cpuMsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

const cpuUs = ({ cpuMs, eachUs }: Timed): number => (cpuMs * 1_000) / eachUs.length;
const perSec = ({ tookMs, eachUs }: Timed): number => (eachUs.length * 1_000) / tookMs;

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

// --- ours ---

function open(dir: string, slots: number, written = { bytes: 0 }): Promise<ManagedStore> {
  const disk = createDisk(dir);
  const counting: Disk = {
    openRecords: (name) => disk.openRecords(name),
    async openBlocks(name) {
      const storage = await disk.openBlocks(name);
      const write = (offset: number, bytes: Uint8Array): Promise<void> => {
        written.bytes += bytes.length;
        return storage.write(offset, bytes);
      };
      return { ...storage, write };
    },
  };
  return openStore(
    { disk: counting, crypto, random, clock: createSystemClock(), log: { write: () => {} } },
    {
      sizeBytes: Math.ceil((slots * SLOT_COST_BYTES * 32) / 31) + SLOT_COST_BYTES,
      ownLocation: () => ringLocation(0.25),
      verify: (ref, bytes) => verifyBlock(crypto, ref, bytes),
    },
  );
}

const pool = Array.from({ length: 64 }, () => new Uint8Array(randomBytes(BLOCK_BYTES)));
let serial = 0;

/** Bytes that were never put before; the hash that names them is the verification which every put is preceded by. */
function freshBlock(): { readonly ref: BlockRef; readonly bytes: Uint8Array } {
  const bytes = pool[serial % pool.length]!;
  new DataView(bytes.buffer).setBigUint64(0, BigInt(serial++));
  return { ref: { kind: KIND.chk, key: chkRoutingKey(crypto, bytes)! }, bytes };
}

async function putMany(store: ManagedStore, count: number, reason: 'owner' | 'path'): Promise<BlockRef[]> {
  const refs: BlockRef[] = [];
  const puts = [];
  for (let i = 0; i < count; i++) {
    const { ref, bytes } = freshBlock();
    refs.push(ref);
    puts.push(store.put(ref, 0, bytes, reason));
  }
  await Promise.all(puts);
  return refs;
}

// --- the raw file ---

function openRaw(path: string) {
  const fd = openSync(path, 'w+');
  const read = (slot: number, into: Uint8Array): number => readSync(fd, into, 0, BLOCK_BYTES, slot * BLOCK_BYTES);
  const write = (slot: number, bytes: Uint8Array): number => writeSync(fd, bytes, 0, BLOCK_BYTES, slot * BLOCK_BYTES);
  const key = new Uint8Array(randomBytes(32));
  const nonce = new Uint8Array(12);
  const scratch = new Uint8Array(BLOCK_BYTES);
  return {
    read,
    write,
    getEnciphered(slot: number): Uint8Array {
      read(slot, scratch);
      const bytes = crypto.chacha20Xor(key, nonce, scratch);
      hash('sha256', bytes, 'buffer');
      return bytes;
    },
    putEnciphered: (slot: number, bytes: Uint8Array) => write(slot, crypto.chacha20Xor(key, nonce, bytes)),
    get(slot: number): Uint8Array {
      const bytes = new Uint8Array(BLOCK_BYTES); // fresh, because whoever asked keeps it
      read(slot, bytes);
      hash('sha256', bytes, 'buffer');
      return bytes;
    },
    put: (slot: number, bytes: Uint8Array) => write(slot, bytes), // freshBlock has hashed it
    flush: () => fdatasyncSync(fd),
    close: () => closeSync(fd),
  };
}

// --- a store in the long run ---

async function fillTenTimes(dir: string): Promise<void> {
  const store = await open(dir, FILL_SLOTS);
  const boundBytes = (FILL_SLOTS + 2) * SLOT_COST_BYTES;
  const speeds: number[] = [];
  let largest = 0;
  for (let time = 0; time < FILL_TIMES + 1; time++) {
    const startedMs = performance.now();
    for (let i = 0; i < FILL_SLOTS; i += AT_ONCE)
      await putMany(store, AT_ONCE, i % (2 * AT_ONCE) === 0 ? 'owner' : 'path');
    speeds.push((FILL_SLOTS * 1_000) / (performance.now() - startedMs));
    const files = ['store-data.blocks', 'store-meta.blocks'].map((name) => statSync(join(dir, name)).size);
    largest = Math.max(largest, files[0]! + files[1]!);
  }
  await store.close();
  console.log(`filling ${FILL_TIMES} times over, blocks/s: ${speeds.map((speed) => speed.toFixed(0)).join(' ')}`);
  const [first, ...later] = speeds;
  const slowest = median(later) / first!;
  console.log(
    `median of the later ones / the first: ${slowest.toFixed(2)} (wanted >= 0.8: ${slowest >= 0.8 ? 'reached' : 'MISSED'}); largest files ${(largest / MIB).toFixed(1)} of ${(boundBytes / MIB).toFixed(1)} MiB (${largest <= boundBytes ? 'within' : 'PAST'} the bound)`,
  );
}

function measureStartup(dir: string): void {
  const script = fileURLToPath(new URL('./store-startup.ts', import.meta.url));
  const start = (job: string): string =>
    execFileSync(process.execPath, [script, job, dir, `${STARTUP_BLOCKS}`], { encoding: 'utf8' });
  start('fill');
  const opened = Array.from({ length: 3 }, () => JSON.parse(start('open')) as Startup);
  const openMs = median(opened.map((one) => one.openMs));
  const rssMib = median(opened.map((one) => one.rssMib));
  const perBlock = (median(opened.map((one) => one.rssMib - one.rssBeforeMib)) * MIB) / STARTUP_BLOCKS;
  console.log(
    `opening ${STARTUP_BLOCKS} blocks: ${openMs.toFixed(0)} ms (wanted < 2000: ${openMs < 2_000 ? 'reached' : 'MISSED'}), ${rssMib.toFixed(0)} MiB resident (wanted < 200: ${rssMib < 200 ? 'reached' : 'MISSED'}), ${perBlock.toFixed(0)} bytes a block`,
  );
}
