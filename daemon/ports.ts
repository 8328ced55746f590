/**
 * Ports: everything the core is handed from outside. Interfaces only.
 *
 * Why     the same `node.ts` runs on TCP and a disk (`daemon/io`) and in virtual time (`test/sim`); nothing below `io` may reach
 *         for a clock, a random number, a socket or a file by itself.
 * Unit    times are milliseconds; `nowMs` is monotonic and starts anywhere, `wallMs` is the host's idea of Unix time.
 * Source  design § 3, style § 2.
 * @module
 */
import type { Crypto } from '../crypto/provider.ts';
import type { BlockRef, CopyReason } from './ids.ts';

export type { Crypto } from '../crypto/provider.ts';

/** A pending timer; cancelling twice, or after it fired, does nothing. */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Monotonic milliseconds; the only time that steers protocol decisions. */
  nowMs(): number;
  /** Milliseconds since 1970 by the host's own clock; only the network hour (descriptor issue times) may use it. */
  wallMs(): number;
  setTimer(delayMs: number, fire: () => void): Timer;
}

export interface Random {
  bytes(length: number): Uint8Array;
  /** Uniform in [0, 1). */
  unit(): number;
  /** An independent stream for one purpose, so that a new draw in one place shifts no other. */
  fork(purpose: string): Random;
}

/** A dialled or bound TCP address. `host` is a literal IPv4 or IPv6 address, never a name. */
export interface NetAddress {
  readonly host: string;
  readonly port: number;
}

/** What the owner of a stream is told. `close` comes exactly once, and nothing comes after it. */
export interface StreamHandlers {
  /** The dialled connection stands (never called for accepted streams, which are open when handed over). */
  open?(): void;
  /** Bytes in order. The array is only valid during the call: copy what is kept. */
  data(bytes: Uint8Array): void;
  /** `write` may go on after it returned false. */
  drain(): void;
  close(): void;
}

/** An ordered byte stream. Faults below end in a cut, never in lost or changed bytes in the middle. */
export interface ByteStream {
  /** The other end as this end sees it. */
  readonly remote: NetAddress;
  /** Attach before returning to the event loop, else the first bytes are lost. */
  attach(handlers: StreamHandlers): void;
  /** Queues a copy-free reference: the caller must not change `bytes` afterwards. False: stop until `drain`. */
  write(bytes: Uint8Array): boolean;
  /** Stop and resume reading: this is the only brake on a fast sender. */
  pause(): void;
  resume(): void;
  /** Ends the stream at once; `close` is still delivered. */
  close(): void;
}

export interface Listener {
  /** The address actually bound (port 0 resolved). */
  readonly address: NetAddress;
  close(): void;
}

export interface Transport {
  dial(to: NetAddress): ByteStream;
  /** Rejects with a LocalError `port_in_use` or `listen_failed`. */
  listen(at: NetAddress, accept: (stream: ByteStream) => void): Promise<Listener>;
}

/**
 * A flat, preallocated file. Write and flush are apart, because only what was flushed survives a crash.
 * Every method rejects with a LocalError: `disk_full`, `disk_read_only`, `disk_failed`.
 */
export interface BlockStorage {
  sizeBytes(): number;
  /** Grows or shrinks; new bytes read as zero. */
  resize(sizeBytes: number): Promise<void>;
  /** Exactly `length` bytes: in `into`, which has as many and is then what comes back, or fresh. An implementation may ignore `into`. */
  read(offset: number, length: number, into?: Uint8Array): Promise<Uint8Array>;
  write(offset: number, bytes: Uint8Array): Promise<void>;
  /** Everything written before the call survives power loss once this resolves (as far as fsync promises). */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** One named table of small values under transactions (SQLite outside, journalled memory in the simulator). */
export interface Records {
  get(table: string, key: string): Uint8Array | undefined;
  /** Durable when it returns. */
  put(table: string, key: string, value: Uint8Array): void;
  delete(table: string, key: string): void;
  /** In key order. */
  entries(table: string): [key: string, value: Uint8Array][];
  /** All or nothing. */
  transaction(work: () => void): void;
  close(): void;
}

/** Opens what a node keeps. Names are fixed by the code ("store-data", "store-meta"), never by outsiders. */
export interface Disk {
  openBlocks(name: string): Promise<BlockStorage>;
  openRecords(name: string): Promise<Records>;
}

export interface FileFacts {
  readonly kind: 'file' | 'folder' | 'other';
  readonly sizeBytes: number;
  readonly modifiedMs: number; // Unix time
}

/** One file under a name of the user's choice, or in the spool. Rejects with LocalErrors, as BlockStorage does. */
export interface OpenFile {
  sizeBytes(): number;
  /** Fewer than `length` bytes only at the end of the file. */
  read(offset: number, length: number): Promise<Uint8Array>;
  /** Grows the file where needed. */
  write(offset: number, bytes: Uint8Array): Promise<void>;
  truncate(sizeBytes: number): Promise<void>;
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** Files by path: what is published, what is fetched, and the spool. Only the persistent queue has this port. */
export interface Files {
  /** A folder of this node's own, where what is not finished waits. */
  readonly spool: string;
  facts(path: string): Promise<FileFacts | undefined>;
  /**
   * `write` makes the file if it is not there; `private` too, and only for our own user.
   * Rejects with `no_file` (read) or `no_write`.
   */
  open(path: string, access: 'read' | 'write' | 'private'): Promise<OpenFile>;
  /** Durable when it resolves. Rejects with `exists` when the name is taken, unless `replace`. */
  rename(from: string, to: string, replace: boolean): Promise<void>;
  /** Nothing there is no error. Files only. */
  remove(path: string): Promise<void>;
  /** Plain files below a folder by path with slashes, in byte order of the paths. */
  list(folder: string): Promise<{ readonly path: string; readonly sizeBytes: number }[]>;
  /** The path of `name` inside `folder`. */
  join(folder: string, name: string): string;
}

/** Heavy pure work, off the main thread outside, inline in the simulator. */
export interface Compute {
  /** Check blocks for `data` (equal sizes): `checkCount` new arrays. crypto/erasure.ts says how. */
  erasureEncode(data: readonly Uint8Array[], checkCount: number): Promise<Uint8Array[]>;
  /** The data blocks, from any `dataCount` of the data-then-check `shards` (undefined = lost). */
  erasureReconstruct(shards: readonly (Uint8Array | undefined)[], dataCount: number): Promise<Uint8Array[]>;
  /** One zstd frame of level 3. */
  compress(bytes: Uint8Array): Promise<Uint8Array>;
  /** What the frame holds, if that is exactly `sizeBytes` (at least 1); else undefined, at no more cost than that size. */
  decompress(frame: Uint8Array, sizeBytes: number): Promise<Uint8Array | undefined>;
}

export type LogLevel = 'error' | 'warn' | 'info' | 'debug' | 'trace';

/** Text must hold no URI, key in use, file name, or address together with a key: the sink cannot know. */
export interface Log {
  write(level: LogLevel, subsystem: string, text: string): void;
}

export interface Ports {
  readonly clock: Clock;
  readonly random: Random;
  readonly crypto: Crypto;
  readonly transport: Transport;
  readonly disk: Disk;
  readonly files: Files;
  readonly compute: Compute;
  readonly log: Log;
}

/** Devnet only, off by default: lets a test see which relays carried a block, and why a copy was kept. */
export type TraceEvent =
  | {
      readonly type: 'circuitRequest';
      readonly operation: 'fetch' | 'insert';
      readonly ref: BlockRef;
      readonly relays: readonly string[];
    }
  | {
      readonly type: 'copyKept';
      readonly ref: BlockRef;
      readonly reason: CopyReason;
      readonly by: 'insert' | 'storeCopy' | 'dataReturned';
    };

export interface Trace {
  record(event: TraceEvent): void;
}
