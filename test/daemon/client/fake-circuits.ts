/**
 * A network of one Map for tests of the client: blocks by key and replica, with answers, delays and lies put in by the test.
 * @module
 */
import { loadErasure } from '../../../crypto/erasure.ts';
import { createClient } from '../../../daemon/client/client.ts';
import type { FetchTransfer, PublishOptions } from '../../../daemon/client/client-types.ts';
import type { ResumableClient } from '../../../daemon/client/resume-types.ts';
import { type BlockRef, hexKey, KIND, type TrafficClass } from '../../../daemon/ids.ts';
import { createInlineCompute } from '../../../daemon/io/worker-compute.ts';
import { pointerVersion } from '../../../daemon/keys/node-ssk.ts';
import type {
  CircuitOptions,
  CircuitSource,
  DocumentCircuits,
  RemoteFetch,
  RemoteInsert,
} from '../../../daemon/onion/onion-types.ts';
import type { Records } from '../../../daemon/ports.ts';
import { createManualClock, type ManualClock } from '../../support/manual-clock.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';
import { testCrypto } from '../../support/test-crypto.ts';

await loadErasure();

export interface Asked {
  readonly key: string;
  readonly replica: number;
  /** 1 for the first request with this key and replica. */
  readonly turn: number;
}

export interface FakeWorld {
  readonly client: ResumableClient;
  readonly clock: ManualClock;
  /** `KEYHEX/REPLICA` -> bytes, as inserted. */
  readonly blocks: Map<string, Uint8Array>;
  readonly fetches: Asked[];
  readonly inserts: (Asked & { readonly owners: number })[];
  readonly opened: CircuitOptions[];
  readonly logged: string[];
  closed: number;
  /** Circuits of this class whatever was asked for. */
  classGiven: TrafficClass | undefined;
  inFlight: number;
  inFlightMax: number;
  /** Undefined: answer from the Map. */
  onFetch: (asked: Asked) => RemoteFetch | Promise<RemoteFetch> | undefined;
  /** Undefined: keep it, with two copies. */
  onInsert: (asked: Asked) => RemoteInsert | Promise<RemoteInsert> | undefined;
  onOpen: () => void;
  /** Another client in the same network; what the one before asks from now on is never answered, nor counted. */
  nextLife(): ResumableClient;
  /** Lets time run until the promise settles; fails when it does not within `limitMs`. */
  settled<T>(promise: Promise<T>, limitMs?: number): Promise<PromiseSettledResult<T>>;
}

export function createFakeWorld(options: { seed?: number; windowBlocks?: number; latencyMs?: number } = {}): FakeWorld {
  const { seed = 1, windowBlocks = 32, latencyMs = 0 } = options;
  const clock = createManualClock();
  const turns = new Map<string, number>();
  let lives = 0;

  const wait = (signal: AbortSignal | undefined): Promise<void> =>
    new Promise((resolve, reject) => {
      const timer = clock.setTimer(latencyMs, resolve);
      signal?.addEventListener(
        'abort',
        () => {
          timer.cancel();
          reject(signal.reason);
        },
        { once: true },
      );
    });

  const ask = (operation: string, ref: BlockRef, replica: number): Asked => {
    const key = hexKey(ref.key);
    const name = `${operation} ${key}/${replica}`;
    const turn = (turns.get(name) ?? 0) + 1;
    turns.set(name, turn);
    return { key, replica, turn };
  };

  const carry = async <T>(signal: AbortSignal | undefined, answer: () => T | Promise<T>): Promise<T> => {
    signal?.throwIfAborted();
    world.inFlight++;
    world.inFlightMax = Math.max(world.inFlightMax, world.inFlight);
    try {
      if (latencyMs > 0) await wait(signal);
      const given = answer();
      if (!(given instanceof Promise)) return given;
      return await new Promise<T>((resolve, reject) => {
        given.then(resolve, reject);
        signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
      });
    } finally {
      world.inFlight--;
    }
  };

  const circuits: CircuitSource = {
    async open(wishes) {
      const life = lives;
      world.opened.push(wishes);
      world.onOpen();
      const document: DocumentCircuits = {
        exits: 4,
        trafficClass: world.classGiven ?? wishes.trafficClass,
        windowBlocks,
        fetch(ref, replica, signal) {
          if (life !== lives) return new Promise(() => {});
          const asked = ask('fetch', ref, replica);
          world.fetches.push(asked);
          return carry(signal, () => {
            const payload = world.blocks.get(`${asked.key}/${replica}`);
            return (
              world.onFetch(asked) ?? (payload === undefined ? { type: 'dataNotFound' } : { type: 'data', payload })
            );
          });
        },
        insert(ref, replica, owners, payload, signal) {
          if (life !== lives) return new Promise(() => {});
          const asked = ask('insert', ref, replica);
          world.inserts.push({ ...asked, owners });
          return carry(signal, () => {
            const refused = world.onInsert(asked);
            if (refused !== undefined) return refused;
            const name = `${asked.key}/${replica}`;
            const existing = world.blocks.get(name);
            if (existing !== undefined && !supersedes(ref, existing, payload))
              return { type: 'collision', payload: existing };
            world.blocks.set(name, payload.slice());
            return { type: 'inserted', copies: 2 };
          });
        },
        close() {
          world.closed++;
        },
      };
      return document;
    },
  };

  const makeClient = (): ResumableClient =>
    createClient(
      {
        clock,
        random: createSeededRandom(lives === 0 ? seed : `${seed}/${lives}`),
        crypto: testCrypto(lives === 0 ? seed : `${seed}/${lives}`),
        compute: createInlineCompute(),
        log: { write: (level, subsystem, text) => world.logged.push(`${level} ${subsystem}: ${text}`) },
        circuits,
        records: memoryRecords(),
      },
      { owners: 3, ownersReplicated: 8 },
    );

  const world: FakeWorld = {
    clock,
    blocks: new Map(),
    fetches: [],
    inserts: [],
    opened: [],
    logged: [],
    closed: 0,
    classGiven: undefined,
    inFlight: 0,
    inFlightMax: 0,
    onFetch: () => undefined,
    onInsert: () => undefined,
    onOpen: () => {},
    client: makeClient(),
    nextLife() {
      lives++;
      return makeClient();
    },
    async settled<T>(promise: Promise<T>, limitMs = 600_000): Promise<PromiseSettledResult<T>> {
      let result: PromiseSettledResult<T> | undefined;
      void Promise.allSettled([promise]).then(([first]) => {
        result = first;
      });
      if (!(await clock.runUntil(() => result !== undefined, limitMs))) throw new Error('the promise did not settle');
      return result!;
    },
  };
  return world;
}

function memoryRecords(): Records {
  const rows = new Map<string, Uint8Array>();
  const nameOf = (table: string, key: string): string => `${table} ${key}`;
  return {
    get: (table, key) => rows.get(nameOf(table, key)),
    put: (table, key, value) => void rows.set(nameOf(table, key), value.slice()),
    delete: (table, key) => void rows.delete(nameOf(table, key)),
    entries: (table) =>
      [...rows].flatMap(([name, value]) =>
        name.startsWith(`${table} `) ? [[name.slice(table.length + 1), value]] : [],
      ),
    transaction: (work) => work(),
    close() {},
  };
}

/** As the store has it: the first SSK record stands, of pointers the higher version does. */
function supersedes(ref: BlockRef, existing: Uint8Array, candidate: Uint8Array): boolean {
  if (Buffer.compare(existing, candidate) === 0) return true;
  if (ref.kind === KIND.pointer) return (pointerVersion(candidate) ?? -1) > (pointerVersion(existing) ?? -1);
  return ref.kind !== KIND.ssk;
}

export async function* chunked(bytes: Uint8Array, chunkBytes = 65_536): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
}

/** Cheap bytes that differ from block to block. */
export function documentBytes(length: number, seed = 7): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[i] = state >>> 16;
  }
  return bytes;
}

export const PUBLISH: PublishOptions = { trafficClass: 'fast', convergent: false };

export async function publishBytes(
  world: FakeWorld,
  bytes: Uint8Array,
  options: Partial<PublishOptions> = {},
): Promise<string> {
  const { result } = world.client.publish(chunked(bytes), { ...PUBLISH, ...options });
  const outcome = await world.settled(result);
  if (outcome.status === 'rejected') throw outcome.reason;
  return outcome.value;
}

/** What `deepEqual` says of byte arrays, 500 times as fast. */
export function isSame(a: Uint8Array, b: Uint8Array | undefined): boolean {
  return b !== undefined && Buffer.compare(a, b) === 0;
}

export async function readAll(content: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(chunk);
  return new Uint8Array(Buffer.concat(chunks));
}

/** Reads a fetch to its end, letting time run; throws what the content throws. */
export async function fetchBytes(world: FakeWorld, transfer: FetchTransfer): Promise<Uint8Array> {
  const outcome = await world.settled(readAll(transfer.content));
  if (outcome.status === 'rejected') throw outcome.reason;
  return outcome.value;
}
