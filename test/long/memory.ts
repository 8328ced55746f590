/**
 * Memory of publishing and fetching large documents: what the daemon holds above its idle self does not grow with the document.
 *
 * Shape   MEMORY_MIB (1,024) over a devnet of 10, publisher and fetcher measured; before it MEMORY_SIMULATED_GIB (10) through the client alone, against
 *         a store that keeps places instead of blocks and makes each block again when it is asked for.
 * Unit    peak resident bytes (VmHWM, set back before each transfer) above what the process had before. Linux.
 * Source  issue "Documents": 10 GiB with at most 256 MiB above the idle daemon.
 * @module
 */
import { createHash } from 'node:crypto';
import { closeSync, openSync, readFileSync, readSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { createCrypto } from '../../crypto/engine.ts';
import { loadErasure } from '../../crypto/erasure.ts';
import type { Crypto } from '../../crypto/provider.ts';
import { createClient } from '../../daemon/client/client.ts';
import { BLOCK_TYPE, sealBlock } from '../../daemon/client/client-chk.ts';
import { dataBlocksOf, segmentStart, shapeOf } from '../../daemon/client/document-shape.ts';
import { type ChkUri, parseUri } from '../../daemon/client/uri.ts';
import { createSystemClock } from '../../daemon/io/system-clock.ts';
import { createCompute } from '../../daemon/io/worker-compute.ts';
import { BLOCK_PAYLOAD_MAX } from '../../daemon/limits.ts';
import type { CircuitSource } from '../../daemon/onion/onion-types.ts';
import type { Random } from '../../daemon/ports.ts';
import { cli, startDevnet } from '../support/devnet.ts';
import { createMemoryDisk } from '../support/memory-disk.ts';
import { createSeededRandom } from '../support/seeded-random.ts';
import type { LongResult } from './run.ts';

const MIB = 1024 * 1024;
const NODES = 10;
const ABOVE_IDLE_MAX = 256 * MIB;
const DOCUMENT_MIB = Number(process.env.MEMORY_MIB ?? 1_024);
const SIMULATED_GIB = Number(process.env.MEMORY_SIMULATED_GIB ?? 10);
/** As a document's circuits in a good network. */
const WINDOW_BLOCKS = 64;

export async function run(seed: number): Promise<LongResult> {
  const lines: string[] = [];
  const random = createSeededRandom(seed);
  let held = true;
  const check = (what: string, aboveBytes: number, isSame: boolean): void => {
    const holds = isSame && aboveBytes <= ABOVE_IDLE_MAX;
    held &&= holds;
    lines.push(
      `${holds ? 'held  ' : 'MISSED'} ${what}: peak ${(aboveBytes / MIB).toFixed(0)} MiB above idle${isSame ? '' : ', failed'}`,
    );
  };
  if (SIMULATED_GIB > 0) await simulated(SIMULATED_GIB * 1024 * MIB, random, check);
  if (DOCUMENT_MIB > 0) await onDevnet(DOCUMENT_MIB * MIB, random, check);
  return { held, lines };
}

type Check = (what: string, aboveBytes: number, isSame: boolean) => void;

async function onDevnet(bytes: number, random: Random, check: Check): Promise<void> {
  const devnet = await startDevnet(NODES);
  try {
    const pidOf = (i: number): number => devnet.nodes.find((node) => node.i === i)!.pid;
    const [path, back] = [join(devnet.dir, 'large'), join(devnet.dir, 'back')];
    writeRandom(path, 8 * MIB, random);
    // The first document warms up what every later one finds warm.
    const warm = await cli(['publish', path, '--home', devnet.home(1), '--progress', 'none']);
    await cli(['fetch', warm.stdout.trim(), '-o', back, '--home', devnet.home(2), '--progress', 'none']);
    writeRandom(path, bytes, random);
    const publishing = peakOf(pidOf(1));
    const published = await cli(['publish', path, '--home', devnet.home(1), '--progress', 'none']);
    const seconds = (tookMs: number): string => `${(tookMs / 1_000).toFixed(0)} s`;
    check(
      `${bytes / MIB} MiB published on a devnet of ${NODES} in ${seconds(published.tookMs)}`,
      publishing(),
      published.code === 0,
    );
    const fetching = peakOf(pidOf(2));
    const uri = published.stdout.trim();
    const args = ['fetch', uri, '--force', '-o', back, '--home', devnet.home(2), '--progress', 'none'];
    const fetched = await cli(args);
    const isSame = fetched.code === 0 && digestOf(back) === digestOf(path);
    check(`${bytes / MIB} MiB fetched there in ${seconds(fetched.tookMs)}`, fetching(), isSame);
  } finally {
    await devnet.down();
  }
}

/** The client alone: circuits that lead to a store of places. */
async function simulated(sizeBytes: number, random: Random, check: Check): Promise<void> {
  await loadErasure();
  const compute = createCompute();
  try {
    const crypto = createCrypto({ engine: 'auto', randomBytes: (length) => random.bytes(length) });
    const store = createPlaceStore(crypto);
    const deps = {
      clock: createSystemClock(),
      random,
      crypto: store.watched,
      compute,
      log: { write() {} },
      circuits: store.circuits,
      records: await createMemoryDisk().openRecords('node'),
    };
    const client = createClient(deps, { owners: 3, ownersReplicated: 8 });
    const pass = async (bytes: number): Promise<[publishBytes: number, fetchBytes: number, isSame: boolean]> => {
      store.begin(bytes);
      const publishing = peakOf(process.pid);
      const uri = await client.publish(content(bytes), { trafficClass: 'fast', convergent: false }).result;
      const peak = publishing();
      store.secret = (parseUri(uri) as ChkUri).cryptoKey;
      const fetching = peakOf(process.pid);
      let back = 0; // the fetch ends with an error unless all of it has the hash that the publisher took
      for await (const part of client.fetch(uri, { trafficClass: 'fast' }).content) back += part.length;
      return [peak, fetching(), back === bytes];
    };
    await pass(64 * MIB); // warms up
    const startedMs = performance.now();
    const [published, fetched, isSame] = await pass(sizeBytes);
    const took = `both in ${((performance.now() - startedMs) / 1_000).toFixed(0)} s`;
    const size = `${(sizeBytes / MIB / 1024).toFixed(1)} GiB`;
    check(`${size} published against a simulated store`, published, true);
    check(`${size} fetched from it, ${took}`, fetched, isSame);
  } finally {
    await compute.close();
  }
}

interface PlaceStore {
  readonly circuits: CircuitSource;
  /** The client's cryptography: the place of a block is read off as its key is derived. */
  readonly watched: Crypto;
  secret: Uint8Array;
  begin(sizeBytes: number): void;
}

/** Keeps of a data block its number, of a check block nothing, of a manifest block its bytes. */
function createPlaceStore(crypto: Crypto): PlaceStore {
  let shape = shapeOf(0);
  let sealedLast: Uint8Array = new Uint8Array(0);
  const numbers = new Map<number, number>();
  const manifests = new Map<number, Uint8Array>();
  const nameOf = (key: Uint8Array): number => Buffer.from(key.buffer, key.byteOffset, 6).readUIntBE(0, 6);
  const PLACE_AT = 'holloway block'.length;
  const circuits: CircuitSource = {
    async open({ trafficClass }) {
      return {
        exits: 4,
        trafficClass,
        windowBlocks: WINDOW_BLOCKS,
        async fetch({ key }) {
          await laterTurn();
          const manifest = manifests.get(nameOf(key));
          if (manifest !== undefined) return { type: 'data', payload: manifest };
          const number = numbers.get(nameOf(key));
          if (number === undefined) return { type: 'dataNotFound' };
          let segment = Math.min(Math.floor(number / 128), shape.segments - 1);
          if (number * BLOCK_PAYLOAD_MAX < segmentStart(shape, segment)) segment--;
          else if (segment + 1 < shape.segments && number * BLOCK_PAYLOAD_MAX >= segmentStart(shape, segment + 1))
            segment++;
          const index = number - segmentStart(shape, segment) / BLOCK_PAYLOAD_MAX;
          const payloadBytes = Math.min(BLOCK_PAYLOAD_MAX, shape.sizeBytes - number * BLOCK_PAYLOAD_MAX);
          const payload = new Uint8Array(BLOCK_PAYLOAD_MAX);
          payload.set(blockContent(number).subarray(0, payloadBytes));
          const place = { type: BLOCK_TYPE.data, segment, index };
          return { type: 'data', payload: sealBlock(crypto, store.secret, place, payload, payloadBytes).bytes };
        },
        async insert({ key }, _replica, _owners, payload) {
          const view = new DataView(sealedLast.buffer, sealedLast.byteOffset + PLACE_AT);
          const [type, segment, index] = [view.getUint8(0), view.getUint32(1), view.getUint16(5)];
          const name = nameOf(key);
          if (type === BLOCK_TYPE.manifest) manifests.set(name, payload.slice());
          else if (type === BLOCK_TYPE.data && index < dataBlocksOf(shape, segment)) {
            numbers.set(name, segmentStart(shape, segment) / BLOCK_PAYLOAD_MAX + index);
          }
          await laterTurn();
          return { type: 'inserted', copies: 2 };
        },
        close() {},
      };
    },
  };
  const watched: Crypto = {
    ...crypto,
    hkdf(key, salt, info, length) {
      if (typeof info !== 'string' && info.length === PLACE_AT + 7) sealedLast = info;
      return crypto.hkdf(key, salt, info, length);
    },
  };
  const store: PlaceStore = {
    circuits,
    watched,
    secret: new Uint8Array(32),
    begin(sizeBytes) {
      shape = shapeOf(sizeBytes);
      numbers.clear();
      manifests.clear();
    },
  };
  return store;
}

/** As answers from a network come: never within the call. */
function laterTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Zeros, and the block's number. */
function blockContent(number: number): Uint8Array {
  const bytes = new Uint8Array(BLOCK_PAYLOAD_MAX);
  new DataView(bytes.buffer).setFloat64(0, number);
  return bytes;
}

async function* content(sizeBytes: number): AsyncGenerator<Uint8Array> {
  for (let number = 0; number * BLOCK_PAYLOAD_MAX < sizeBytes; number++) {
    yield blockContent(number).subarray(0, sizeBytes - number * BLOCK_PAYLOAD_MAX);
  }
}

/** Begins to watch a process; called, it gives the peak above what there was then. */
function peakOf(pid: number): () => number {
  const read = (name: string): number => {
    const found = new RegExp(`${name}:\\s+(\\d+) kB`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return Number(found?.[1] ?? 0) * 1024;
  };
  writeFileSync(`/proc/${pid}/clear_refs`, '5'); // sets VmHWM back to what is resident now
  const before = read('VmRSS');
  return () => read('VmHWM') - before;
}

function writeRandom(path: string, bytes: number, random: Random): void {
  const part = random.bytes(4 * MIB); // the daemon enciphers it: it need not differ
  const file = openSync(path, 'w');
  for (let at = 0; at < bytes; at += part.length) {
    new DataView(part.buffer, part.byteOffset).setFloat64(0, at);
    writeSync(file, part, 0, Math.min(part.length, bytes - at));
  }
  closeSync(file);
}

function digestOf(path: string): string {
  const hash = createHash('sha256');
  const part = new Uint8Array(4 * MIB);
  const file = openSync(path, 'r');
  for (let at = 0; at < statSync(path).size; ) {
    const bytes = readSync(file, part, 0, part.length, at);
    hash.update(part.subarray(0, bytes));
    at += bytes;
  }
  closeSync(file);
  return hash.digest('hex');
}
